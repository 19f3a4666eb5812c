"""Model -> Resolved: defaults applied, short forms gone, paths absolute, the digest computed.

Expects a model that `rules` found nothing wrong with. Reads policy files; otherwise pure.
"""

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, TypeVar

from forebay import contract
from forebay.config import defaults, model, policy_files
from forebay.config import resolved as r
from forebay.config.scalars import Url, url
from forebay.config.secrets import SecretReference
from forebay.contract import Api

D = TypeVar("D")
_URLS: Final = {"openai": defaults.OPENAI_URL, "anthropic": defaults.ANTHROPIC_URL}


def resolve(config: model.Config, source: Path) -> r.Resolved:
    """Everything both planes need to know; relative paths are relative to `source`.

    Raises ValueError when a policy file cannot be read any more.
    """
    absolute = Path(os.path.abspath(source))  # noqa: PTH100 - Path.resolve follows links, which mounted configs are
    base = absolute.parent
    result = r.Resolved(
        digest="",
        source=absolute,
        listen=listen(config, base),
        providers={name: _provider(name, each, base) for name, each in config.providers.items()},
        models={name: _model(name, each, config.providers) for name, each in config.models.items()},
        tenants=_tenants(config, base),
        auth=auth(config, base),
        policies=_policies(config.policies, base),
        caps=_over(defaults.CAPS, config.caps),
        telemetry=_over(defaults.TELEMETRY, config.telemetry),
    )
    return dataclasses.replace(result, digest=digest(result))


def digest(result: r.Resolved) -> str:
    """16 hex digits that name the configuration: its meaning and the content of its policies, not where it lies."""
    base = result.source.parent
    plain = _canonical(dataclasses.replace(result, digest="", source=Path("/")), base)
    contents = [hashlib.sha256(policy_files.read(file)).hexdigest() for file in result.policies.files]
    text = json.dumps([plain, contents], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def shares(weights: Iterable[float]) -> tuple[int, ...]:
    """`weights` as parts of contract.BUCKETS by largest remainder; ties go to the first.

    Raises ValueError when the sum is not positive.
    """
    exact = [Fraction(each) for each in weights]
    total = sum(exact)
    if total <= 0:
        raise ValueError("the weights must sum to more than 0")
    ideal = [each * contract.BUCKETS / total for each in exact]
    floors = [int(each) for each in ideal]
    by_remainder = sorted(range(len(ideal)), key=lambda index: (floors[index] - ideal[index], index))
    for index in by_remainder[: contract.BUCKETS - sum(floors)]:
        floors[index] += 1
    return tuple(floors)


def listen(config: model.Config, base: Path) -> r.Listen:
    """The listeners. Without `http` and `https`: http on loopback."""
    written = config.listen or model.Listen()
    https = written.https
    address = https and (https.address or (https.port and dataclasses.replace(defaults.LISTEN, port=https.port)))
    return r.Listen(
        http=written.http or (None if https else defaults.LISTEN),
        https=r.Https(address, _absolute(https.cert, base), _absolute(https.key, base)) if https and address else None,
        trusted_hops=_or(written.trusted_hops, defaults.TRUSTED_HOPS),
        client_limit=_or(written.client_limit, defaults.CLIENT_LIMIT),
        body_limit=_or(written.body_limit, defaults.BODY_LIMIT),
    )


def auth(config: model.Config, base: Path) -> r.Auth:
    """Who is asked for what. Nothing configured at all means a generated key."""
    if config.auth is not None and config.auth.jwt is None:
        return r.Auth(jwt=None, none=True, generated=False)
    if config.auth is None or config.auth.jwt is None:
        keyed = any(tenant.keys for tenant in (config.tenants or {}).values())
        return r.Auth(jwt=None, none=False, generated=not keyed)
    jwt = config.auth.jwt
    found = r.Jwt(
        issuer=jwt.issuer,
        audiences=tuple(jwt.audiences),
        jwks=_absolute(jwt.jwks, base),
        tenant_claim=jwt.tenant_claim,
        roles_claim=jwt.roles_claim,
        user_claim=_or(jwt.user_claim, defaults.USER_CLAIM),
    )
    return r.Auth(jwt=found, none=False, generated=False)


def upstream(provider: model.Provider) -> Url | None:
    """Where a provider answers; None = the built-in one."""
    if provider.url is not None or provider.type == "mock":
        return provider.url
    return url(_URLS[provider.type])


def api(provider: model.Provider) -> Api:
    """What a provider speaks."""
    return (provider.api or defaults.MOCK_API) if provider.type == "mock" else provider.type


def _provider(name: str, written: model.Provider, base: Path) -> r.Provider:
    place = upstream(written)
    return r.Provider(
        name=name,
        type=written.type,
        api=api(written),
        scheme=place.scheme if place else None,
        host=place.host if place else None,
        port=place.port if place else None,
        base_path=place.base_path if place else defaults.MOCK_BASE_PATHS[api(written)],
        key=_absolute(written.key, base) if written.key else None,
        ca=base / written.ca if written.ca else None,
        outlier=_over(defaults.OUTLIER, written.outlier),
        max_requests=_or(written.limits.requests if written.limits else None, defaults.MAX_REQUESTS),
    )


def _model(name: str, written: model.Model, providers: Mapping[str, model.Provider]) -> r.Model:
    weights = shares(each.weight for each in written.backends)
    retries = written.retries or model.Retries()
    return r.Model(
        name=name,
        arms=tuple(r.Arm(each.use, weight) for each, weight in zip(written.backends, weights, strict=True)),
        fallback=tuple(written.fallback or ()),
        timeout=_over(defaults.TIMEOUT, written.timeout),
        retries=r.Retries(
            on=tuple(dict.fromkeys(retries.on)) if retries.on else defaults.RETRIES.on,
            max=_or(retries.max, defaults.RETRIES.max),
        ),
        sticky=_or(written.sticky, defaults.STICKY),
        api=api(providers[written.backends[0].use.provider]),
    )


def _tenants(config: model.Config, base: Path) -> dict[str, r.Tenant]:
    written = config.tenants or {contract.LOCAL_TENANT: model.Tenant()}
    return {name: _tenant(name, each, config.guards or {}, base) for name, each in written.items()}


def _tenant(name: str, written: model.Tenant, guards: Mapping[str, model.Guards], base: Path) -> r.Tenant:
    return r.Tenant(
        name=name,
        keys=tuple(_absolute(each, base) for each in written.keys or ()),
        models=tuple(dict.fromkeys(written.models)) if written.models is not None else None,
        limit=written.limits.requests if written.limits else None,
        guards=_guards(written.guards or defaults.GUARDS.name, guards),
    )


def _guards(name: str, written: Mapping[str, model.Guards]) -> r.Guards:
    """`name` with what it extends beneath it and the defaults at the bottom."""
    own = written.get(name)
    if own is None:
        return defaults.GUARDS
    below = _guards(own.extends, written) if own.extends else defaults.GUARDS
    pii = own.pii or model.PiiGuard()
    return r.Guards(
        name=name,
        injection=_over(below.injection, own.injection),
        pii=_or(pii.in_, below.pii),
        pii_types=tuple(sorted(set(pii.types))) if pii.types else below.pii_types,
        secrets=_or(own.secrets.in_ if own.secrets else None, below.secrets),
        deadline=_or(own.deadline, below.deadline),
        failure_mode=_or(own.failure_mode, below.failure_mode),
        output=_output_guards(own, below.output),
    )


def _output_guards(own: model.Guards, below: r.OutputGuards) -> r.OutputGuards:
    allow = own.links.allow if own.links else None
    return r.OutputGuards(
        pii=_or(own.pii.out if own.pii else None, below.pii),
        secrets=_or(own.secrets.out if own.secrets else None, below.secrets),
        system_prompt=_or(own.system_prompt.out if own.system_prompt else None, below.system_prompt),
        links=_or(own.links.out if own.links else None, below.links),
        pause=_or(own.pause, below.pause),
        hosts=below.hosts if allow is None else tuple(sorted(set(allow))),
    )


def _policies(written: model.Policies | None, base: Path) -> r.Policies:
    if written is None:
        return defaults.POLICIES
    files = {file for each in written.files for file in policy_files.expand(each, base)}
    return r.Policies(
        files=tuple(sorted(files)),
        on_error=_or(written.on_error, defaults.POLICIES.on_error),
        mode=_or(written.mode, defaults.POLICIES.mode),
        deadline=_or(written.deadline, defaults.POLICIES.deadline),
    )


def _or(written: D | None, default: D) -> D:
    return default if written is None else written


def _over(default: D, written: model.Written | None) -> D:
    """`default` with the fields that are written; both name them alike."""
    changes = {name: value for name, value in dict(written or ()).items() if value is not None}
    return dataclasses.replace(default, **changes)  # type: ignore[type-var]


def _absolute(reference: SecretReference, base: Path) -> SecretReference:
    if reference.kind == "env":
        return reference
    return SecretReference("file", os.path.normpath(base / reference.name))


def _canonical(value: Any, base: Path) -> Any:
    if isinstance(value, SecretReference):
        return [value.kind, _relative(value.name, base) if value.kind == "file" else value.name]
    if isinstance(value, Path):
        return _relative(str(value), base)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: _canonical(getattr(value, each.name), base) for each in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: _canonical(each, base) for key, each in value.items()}
    if isinstance(value, tuple):
        return [_canonical(each, base) for each in value]
    return value


def _relative(path: str, base: Path) -> str:
    return str(Path(path).relative_to(base)) if Path(path).is_relative_to(base) else path
