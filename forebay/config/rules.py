"""What no single field can tell: references between sections, addresses without auth, weights, cycles.

Each rule yields findings about a model whose faulty entries were taken out; a rule that would mistake such a gap for a
fault names the sections it needs whole.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from forebay import contract
from forebay.config import policy_files
from forebay.config.defaults import GUARDS
from forebay.config.errors import Location
from forebay.config.explain import closest
from forebay.config.fields import names_at
from forebay.config.model import Config
from forebay.config.patterns import find, pattern
from forebay.config.resolve import api, auth, listen, shares, upstream
from forebay.config.resolved import Address
from forebay.config.scalars import MODEL_PATTERN, NAME_PATTERN, backend, path

_MOST_LISTED: Final = 8  # names, in a message
_PRIVATE: Final = (".localhost", ".local", ".internal", ".lan", ".home.arpa", ".svc")


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken rule and where."""

    location: Location
    message: str
    suggestion: str | None = None


Rule = Callable[[Config, Path], Iterator[Finding]]


def names(data: object) -> Iterator[Finding]:
    """Names of providers, models and guards that stand nowhere. Reads plain data, so that nothing hides them.

    Of a section with a problem of its own nothing is missed: mending it may be all that is to be done.
    """
    for section, (what, pattern_of_names, places) in _REFERENCES.items():
        if _doubtful(data, section):
            continue
        known = [each for each in _keys(data, section) if re.fullmatch(pattern_of_names, each)]
        known += [GUARDS.name] if section == "guards" and GUARDS.name not in known else []
        for place in places:
            for location, value in find(data, pattern(place)):
                yield from _unknown(location, value, section, what, known)


def policies(data: object, base: Path) -> Iterator[Finding]:
    """Policy patterns that match nothing usable. Reads plain data too."""
    for location, value in find(data, pattern("policies.files[]")):
        try:
            policy_files.expand(path(value), base)
        except ValueError as error:
            yield Finding(location, str(error))


# Section -> what an entry is called, how its name is spelled, and where it is referred to.
_REFERENCES: Final[dict[str, tuple[str, str, tuple[str, ...]]]] = {
    "providers": ("provider", NAME_PATTERN, ("models.*", "models.*.backends[].use", "models.*.fallback[]")),
    "models": ("model", MODEL_PATTERN, ("tenants.*.models[]",)),
    "guards": ("entry of guards", NAME_PATTERN, ("tenants.*.guards", "guards.*.extends")),
}
_REQUIRED: Final = ("providers", "models")


def _unknown(location: Location, value: object, section: str, what: str, known: list[str]) -> Iterator[Finding]:
    name, rest = value, ""
    if section == "providers":
        try:
            used = backend(value)
        except ValueError:
            return  # the model says so
        name, rest = used.provider, f"/{used.model}"
    if not isinstance(name, str) or name in known:
        return
    near = closest(name, known)
    listed = f" (known: {', '.join(known)})" if near is None and 0 < len(known) <= _MOST_LISTED else ""
    yield Finding(location, f"there is no {what} of this name{listed}", near and near + rest)


def _doubtful(data: object, section: str) -> bool:
    """Whether `section` is missing or spoilt as a whole, and has a problem that says so."""
    sections = data if isinstance(data, dict) else {}
    if section in sections:
        return not isinstance(sections[section], dict) or (section in _REQUIRED and not sections[section])
    return section in _REQUIRED or section in _meant(sections)


def _meant(written: Iterable[str]) -> set[str]:
    """The sections whose names are misspelt among `written`."""
    right = names_at(())
    return {near for each in written if each not in right and (near := closest(each, right))}


def _keys(data: object, section: str) -> list[str]:
    return [str(location[-1]) for location, _ in find(data, (section, "*"))]


def check(config: Config, base: Path, broken: Iterable[Location]) -> Iterator[Finding]:
    """All rules over `config`; `broken` names what was taken out of it."""
    gaps = {str(location[0]) for location in broken if location}
    gaps |= _meant(gaps)
    for rule, needed in _RULES:
        if not gaps & needed:
            yield from rule(config, base)


def _https(config: Config, _: Path) -> Iterator[Finding]:
    https = config.listen.https if config.listen else None
    if https and (https.port is None) == (https.address is None):
        yield Finding(("listen", "https"), "needs one of port and address")


def _listeners(config: Config, base: Path) -> Iterator[tuple[Location, Address]]:
    ours = listen(config, base)
    if ours.http:
        yield ("listen", "http"), ours.http
    if ours.https:
        yield ("listen", "https"), ours.https.address


def _ports(config: Config, base: Path) -> Iterator[Finding]:
    places = list(_listeners(config, base))
    if config.telemetry and config.telemetry.prometheus:
        places.append((("telemetry", "prometheus"), config.telemetry.prometheus))
    taken: set[int] = set()
    for location, address in places:
        if address.port in taken:
            yield Finding(location, f"port {address.port} is taken by another listener of this file")
        taken.add(address.port)


def _exposure(config: Config, base: Path) -> Iterator[Finding]:
    if not auth(config, base).generated:
        return
    for location, address in _listeners(config, base):
        if not ipaddress.ip_address(address.host).is_loopback:
            yield Finding(
                location, "open to other machines without auth; add tenants with keys or auth.jwt, or write auth: none"
            )


def _providers(config: Config, base: Path) -> Iterator[Finding]:
    for name, provider in config.providers.items():
        place = ("providers", name)
        url = upstream(provider)
        if provider.api and provider.type != "mock":
            yield Finding((*place, "api"), "means nothing but for type: mock; the others speak what they are called")
        if url and provider.url and api(provider) == "anthropic" and url.base_path.endswith("/v1"):
            yield Finding((*place, "url"), "what stands before /v1/messages: leave its /v1 out")
        if url is None or url.scheme == "http":
            if provider.ca:
                yield Finding((*place, "ca"), "means nothing without an https:// url")
        elif provider.plaintext:
            yield Finding((*place, "plaintext"), "means nothing with an https:// url")
        if url and url.scheme == "http" and provider.key and not provider.plaintext and not _private(url.host):
            yield Finding(
                (*place, "url"), "would send the key unencrypted over a public network; use https:// or plaintext: true"
            )


def _private(host: str) -> bool:
    """Whether `host` is on this machine or a private network, as far as its name or address tells."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(_PRIVATE) or ".svc." in host
    return address.is_loopback or address.is_private or address.is_link_local


def _arms(config: Config, _: Path) -> Iterator[Finding]:
    for name, model in config.models.items():
        place = ("models", name)
        arms = [each.use for each in model.backends]
        yield from _twice([(*place, "backends", index, "use") for index in range(len(arms))], arms)
        fallback = model.fallback or []
        yield from _twice([(*place, "fallback", index) for index in range(len(fallback))], fallback)
        weights = [each.weight for each in model.backends]
        if sum(weights) <= 0:
            yield Finding((*place, "backends"), "the weights must sum to more than 0")
            continue
        for index, (weight, share) in enumerate(zip(weights, shares(weights), strict=True)):
            if weight > 0 and share == 0:
                yield Finding((*place, "backends", index, "weight"), "a share under 0.01 %; write 0 or more of it")


def _apis(config: Config, _: Path) -> Iterator[Finding]:
    """The body and the answer of a call are in one API: there is no translation."""
    for name, model in config.models.items():
        places: list[tuple[Location, str]] = [
            (("models", name, "backends", index, "use"), each.use.provider) for index, each in enumerate(model.backends)
        ]
        places += [
            (("models", name, "fallback", index), each.provider) for index, each in enumerate(model.fallback or [])
        ]
        spoken = [
            (place, api(config.providers[provider])) for place, provider in places if provider in config.providers
        ]
        for place, other in spoken[1:]:
            if other != spoken[0][1]:
                yield Finding(place, f"speaks {other}'s API, the first backend {spoken[0][1]}'s; one model, one API")


def _twice(locations: list[Location], values: Iterable[object]) -> Iterator[Finding]:
    seen: set[object] = set()
    for location, value in zip(locations, values, strict=True):
        if value in seen:
            yield Finding(location, "is listed twice")
        seen.add(value)


def _tenants(config: Config, _: Path) -> Iterator[Finding]:
    tenants = config.tenants or {}
    if contract.PROBE_TENANT in tenants:
        yield Finding(("tenants", contract.PROBE_TENANT), "this name is reserved for the readiness probe")
    keys = [
        (("tenants", name, "keys", index), key)
        for name, tenant in tenants.items()
        for index, key in enumerate(tenant.keys or ())
    ]
    yield from _twice([location for location, _ in keys], [key for _, key in keys])


def _identities(config: Config, _: Path) -> Iterator[Finding]:
    """Every tenant can be reached by somebody, and everybody who is let in can be a tenant."""
    tenants = config.tenants or {}
    if config.auth is not None and config.auth.jwt is not None:
        if not tenants:
            yield Finding(("auth", "jwt"), "nobody could call: tokens name a tenant, and there are no tenants")
        return
    open_to_all = config.auth is not None
    for name, tenant in tenants.items():
        if open_to_all and tenant.keys:
            yield Finding(("tenants", name, "keys"), "auth: none asks nobody for a key; remove one of the two")
        elif open_to_all and name != contract.LOCAL_TENANT:
            yield Finding(("tenants", name), f"with auth: none every caller is the tenant {contract.LOCAL_TENANT}")
        elif not open_to_all and not tenant.keys and list(tenants) != [contract.LOCAL_TENANT]:
            yield Finding(("tenants", name), "nobody can call as this tenant: it has no keys and there is no auth.jwt")


def _guards(config: Config, _: Path) -> Iterator[Finding]:
    guards = config.guards or {}
    for name in guards:
        seen = [name]
        while (entry := guards.get(seen[-1])) and entry.extends and entry.extends not in seen:
            seen.append(entry.extends)
        if entry and entry.extends == name:
            yield Finding(("guards", name, "extends"), f"extends itself: {' -> '.join([*seen, name])}")


def _unused_guards(config: Config, _: Path) -> Iterator[Finding]:
    guards = config.guards or {}
    if guards and config.tenants is None and GUARDS.name not in guards:
        first = next(iter(guards))
        yield Finding(("guards", first), f"no tenant uses it; name it {GUARDS.name} to apply it to every call")


# Rules with the sections they need whole. Entries that were taken out of providers and models hide nothing from the
# others.
_RULES: Final[tuple[tuple[Rule, frozenset[str]], ...]] = (
    (_https, frozenset()),
    (_ports, frozenset({"listen", "telemetry"})),
    (_exposure, frozenset({"listen", "auth", "tenants"})),
    (_providers, frozenset()),
    (_arms, frozenset()),
    (_apis, frozenset()),
    (_tenants, frozenset()),
    (_identities, frozenset({"auth", "tenants"})),
    (_guards, frozenset({"guards"})),
    (_unused_guards, frozenset({"guards", "tenants"})),
)
