"""What a user may write. One class per mapping; unknown keys are refused; nothing here has a default.

A field that may be left out is `None` then, and `resolve` says what that means (`defaults` holds the values). An
explicit null never gets here: the reader refuses empty values. Short forms are expanded before validation, so that
there are no unions and every error has one place and one reason.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidatorFunctionWrapHandler, WrapValidator

from forebay.config.pii_types import PiiType
from forebay.config.resolved import FailureMode, GuardAction, Pause, RedactAction, RetryOn, Sticky
from forebay.config.scalars import (
    BACKEND_PATTERN,
    BackendName,
    Claim,
    Duration,
    FilePath,
    FilePattern,
    FileReference,
    Host,
    Kind,
    Listener,
    ModelName,
    Name,
    Port,
    ProviderUrl,
    RateText,
    Reference,
    Size,
    Text,
    Version,
)
from forebay.contract import Api

Count = Annotated[int, Field(ge=1, le=1_000_000), Kind("number, 1 or more")]
Score = Annotated[int, Field(ge=0, le=100), Kind("number, 0-100")]


class Written(BaseModel):
    """A mapping of the file."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


class Https(Written):
    """A TLS listener: a port (on loopback) or an address, and its certificate."""

    port: Port | None = Field(default=None, description="Port on loopback. Give this or `address`.")
    address: Listener | None = Field(default=None, description='IP address and port, such as "0.0.0.0:8443".')
    cert: Reference = Field(description="Certificate chain, PEM.")
    key: Reference = Field(description="Private key, PEM.")


class Listen(Written):
    """Where callers connect."""

    http: Listener | None = Field(
        default=None,
        description='Plain HTTP. A port binds loopback; `"0.0.0.0:8080"` binds what it says and then needs `auth` or '
        "keys. Left out beside `https`, there is no plain listener.",
    )
    https: Https | None = Field(default=None, description="HTTPS, beside or instead of `http`.")
    trusted_hops: Annotated[int, Field(ge=0, le=16), Kind("number, 0-16")] | None = Field(
        default=None,
        description="How many proxies in front are believed when they append to X-Forwarded-For; 0 = none, the peer's "
        "address counts.",
    )
    client_limit: RateText | None = Field(
        default=None, description="Requests per client address, counted before any credential is looked at."
    )
    body_limit: Size | None = Field(default=None, description="Largest request body, 1KiB to 64MiB.")


class Outlier(Written):
    """When a backend is taken out of rotation."""

    consecutive_5xx: Count | None = Field(default=None, description="Failures in a row after which it is ejected.")
    eject: Duration | None = Field(default=None, description="For how long, the first time.")
    interval: Duration | None = Field(default=None, description="How often ejections are reconsidered.")


class ProviderLimits(Written):
    """What one provider is asked for at most."""

    requests: Count | None = Field(default=None, description="Concurrent requests; more are answered 503 at once.")


class Provider(Written):
    """An upstream that answers model calls."""

    type: Literal["openai", "anthropic", "mock"] = Field(
        description="`openai`: anything that speaks OpenAI's API. `anthropic`: anything that speaks Anthropic's "
        "Messages. `mock`: canned answers; without `url` it runs inside, and `forebay up` prints how to script it."
    )
    api: Api | None = Field(
        default=None,
        description="Which of the two a `mock` speaks; left out = openai. The backends of a model all speak the same, "
        "and callers must speak it too: openai on `/v1/chat/completions`, `/v1/responses` and `/v1/embeddings`, "
        "anthropic on `/v1/messages`.",
    )
    url: ProviderUrl | None = Field(
        default=None,
        description="What stands before `/chat/completions`, and for anthropic before `/v1/messages`. Default for "
        "openai: https://api.openai.com/v1, for anthropic: https://api.anthropic.com.",
    )
    key: Reference | None = Field(
        default=None,
        description="The provider's API key, sent as `Authorization: Bearer`, to anthropic as `x-api-key`. Local "
        "servers often need none.",
    )
    ca: FilePath | None = Field(
        default=None, description="CA bundle (PEM) that its certificate is verified against; left out = the system's."
    )
    plaintext: bool | None = Field(
        default=None, description="`true` permits sending `key` over http:// to a host that is not private."
    )
    outlier: Outlier | None = Field(default=None, description="When it is taken out of rotation.")
    limits: ProviderLimits | None = Field(default=None, description="What it is asked for at most.")


class WeightedBackend(Written):
    """One arm of a model: a backend and its share."""

    use: BackendName = Field(description="Provider and the model's name there.")
    weight: Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False), Kind("number, 0 or more")] = Field(
        description="Share of the traffic, relative to the other arms."
    )


class Timeout(Written):
    """How long an answer may take."""

    first_token: Duration | None = Field(default=None, description="To the response headers, per attempt.")
    idle: Duration | None = Field(
        default=None,
        description="Between two pieces of an answer. Never less than 5s + `first_token` times the attempts that there "
        "may be, because it runs during these as well.",
    )
    total: Duration | None = Field(
        default=None, description="From the end of the request to the end of the answer, attempts included."
    )


def _fault(value: object) -> object:
    return "429" if value == 429 else value  # the one status among the words: YAML reads it as a number


Fault = Annotated[RetryOn, BeforeValidator(_fault, json_schema_input_type=RetryOn | Literal[429])]


class Retries(Written):
    """When another attempt is made."""

    on: Annotated[list[Fault], Field(min_length=1)] | None = Field(
        default=None, description="Faults after which the next attempt (a retry or a fallback) is made."
    )
    max: Annotated[int, Field(ge=0, le=5), Kind("number, 0-5")] | None = Field(
        default=None, description="Further tries on the same backend before the next one."
    )


class Model(Written):
    """A name that callers use, and who serves it."""

    backends: Annotated[list[WeightedBackend], Field(min_length=1, max_length=100)] = Field(
        description="Who serves it, by weight. The short form `name: provider/model` is one backend."
    )
    fallback: Annotated[list[BackendName], Field(max_length=15)] | None = Field(
        default=None, description="Tried in this order when the chosen backend fails."
    )
    timeout: Timeout | None = Field(default=None, description="How long an answer may take.")
    retries: Retries | None = Field(default=None, description="When another attempt is made.")
    sticky: Sticky | None = Field(
        default=None,
        description="What keeps a call on its arm: the `user` field (else the credential), the conversation's first "
        "system and user message, or nothing.",
    )


def _model(value: object) -> object:
    if isinstance(value, str):
        return {"backends": [{"use": value, "weight": 1}]}
    if not isinstance(value, dict):
        raise ValueError("must be provider/model or a mapping with backends")
    return value


ShortBackend = Annotated[str, Field(pattern=f"^(?:{BACKEND_PATTERN})$")]
ModelEntry = Annotated[
    Model, BeforeValidator(_model, json_schema_input_type=ShortBackend | Model), Kind("provider/model, or a mapping")
]


class TenantLimits(Written):
    """What one tenant may use."""

    requests: RateText | None = Field(
        default=None, description="Requests, all its credentials together; left out = no limit."
    )


class Tenant(Written):
    """Who calls: a team, a product, a customer."""

    keys: Annotated[list[Reference], Field(min_length=1)] | None = Field(
        default=None,
        description="References to its API keys, one key per line (blank lines and # comments are skipped).",
    )
    models: Annotated[list[ModelName], Field(min_length=1)] | None = Field(
        default=None, description="The models it may use; left out = all."
    )
    limits: TenantLimits | None = Field(default=None, description="What it may use.")
    guards: Name | None = Field(default=None, description="Which entry of `guards` applies; left out = `default`.")


class Jwt(Written):
    """Bearer tokens of an identity provider."""

    issuer: Text = Field(description="The `iss` that tokens must carry; they must carry `exp`, too.")
    audiences: Annotated[list[Text], Field(min_length=1)] = Field(description="One of these must be in `aud`.")
    jwks: FileReference = Field(description="The issuer's key set (JWKS), a local file.")
    tenant_claim: Claim = Field(
        description="Top-level claim, a text, that names the tenant; a token without it is refused."
    )
    roles_claim: Claim | None = Field(
        default=None, description="Top-level claim that lists roles, for policies; left out = no roles."
    )
    user_claim: Claim | None = Field(default=None, description="Top-level claim that names the caller.")


class Auth(Written):
    """How JWTs are checked. Written as `none`, nobody is asked for a credential (and `jwt` is None here)."""

    jwt: Jwt | None = Field(description="Accept JWTs, beside the tenants' keys.")


NO_AUTH: Final = Auth(jwt=None)


def _auth(value: Any, read: ValidatorFunctionWrapHandler) -> Auth:
    if value == "none":
        return NO_AUTH
    if not isinstance(value, dict):
        raise ValueError("must be none or a mapping with jwt")
    auth: Auth = read(value)
    return auth


AuthEntry = Annotated[
    Auth, WrapValidator(_auth, json_schema_input_type=Literal["none"] | Auth), Kind("`none`, or a mapping")
]


class InjectionGuard(Written):
    """Prompt injection and jailbreaks."""

    action: GuardAction | None = Field(default=None, description="What happens at the threshold.")
    threshold: Score | None = Field(default=None, description="Score from which the action is taken.")


class PiiGuard(Written):
    """Personal data."""

    in_: RedactAction | None = Field(
        default=None, alias="in", description="In prompts. `redact` restores values in answers."
    )
    out: RedactAction | None = Field(
        default=None, description="In answers: what the model says and the caller did not send. `redact` masks it."
    )
    types: Annotated[list[Annotated[PiiType, Kind("kind of personal data")]], Field(min_length=1)] | None = Field(
        default=None, description="Which kinds (see below) are looked for; left out = all."
    )


class SecretsGuard(Written):
    """API keys, tokens, private keys."""

    in_: RedactAction | None = Field(
        default=None, alias="in", description="In prompts. `redact` restores values in answers."
    )
    out: RedactAction | None = Field(
        default=None, description="In answers: what the model says and the caller did not send. `redact` masks it."
    )


class SystemPromptGuard(Written):
    """The system prompt, said back."""

    out: RedactAction | None = Field(
        default=None,
        description="In answers that repeat a long stretch of the call's system or developer message. Of a stream the "
        "first words of it are out before it shows.",
    )


class LinksGuard(Written):
    """Links and images that carry data away."""

    out: RedactAction | None = Field(
        default=None, description="In answers with a link or an image whose address carries data to another host."
    )
    allow: Annotated[list[Host], Field(min_length=1, max_length=1000)] | None = Field(
        default=None, description="Hosts that addresses may carry data to; what is below a host counts as the host."
    )


class Guards(Written):
    """What is looked for in prompts and answers. What is left out comes from `extends`, else from the defaults."""

    extends: Name | None = Field(default=None, description="Another entry of `guards` that this one changes.")
    injection: InjectionGuard | None = Field(default=None, description="Prompt injection and jailbreaks.")
    pii: PiiGuard | None = Field(default=None, description="Personal data.")
    secrets: SecretsGuard | None = Field(default=None, description="API keys, tokens, private keys.")
    system_prompt: SystemPromptGuard | None = Field(default=None, description="The system prompt, said back.")
    links: LinksGuard | None = Field(default=None, description="Links and images that carry data away.")
    pause: Pause | None = Field(
        default=None,
        description="When a stream has stood still for 2 s behind what may be the beginning of something that `out` "
        "masks or blocks: `hold` that text until the model goes on, `release` what is clean of it, `block` the answer.",
    )
    deadline: Duration | None = Field(
        default=None, description="For all detectors over one request, or one whole answer."
    )
    failure_mode: FailureMode | None = Field(
        default=None, description="`closed`: a call is refused when a detector fails. `open`: it goes on."
    )


class Policies(Written):
    """Rego rules that decide on every call."""

    files: Annotated[list[FilePattern], Field(min_length=1)] = Field(
        description="Patterns of .rego files (rules) and .json files (objects whose keys appear under `data`), "
        "relative to this file; each must match something, and nothing else. `**` crosses folders. A pattern leaves "
        "out tests: files called `*_test.rego` of a package that is none of `forebay.rules.<name>`."
    )
    on_error: Literal["deny", "allow"] | None = Field(default=None, description="What a failed evaluation means.")
    mode: Literal["enforce", "shadow", "off"] | None = Field(
        default=None, description="`shadow` decides and records only."
    )
    deadline: Duration | None = Field(default=None, description="For one decision.")


class Caps(Written):
    """What one request may ask for, at most."""

    messages: Count | None = Field(default=None, description="Messages; items of a Responses call.")
    tools: Count | None = Field(default=None, description="Tools.")
    n: Count | None = Field(default=None, description="Choices (`n`).")
    max_tokens: Annotated[int, Field(ge=1, le=100_000_000), Kind("number, 1 or more")] | None = Field(
        default=None, description="`max_tokens`, `max_completion_tokens`."
    )
    inputs: Count | None = Field(default=None, description="Texts in one embeddings call.")
    depth: Annotated[int, Field(ge=4, le=512), Kind("number, 4-512")] | None = Field(
        default=None, description="Nesting of the JSON body."
    )


class Telemetry(Written):
    """Where numbers can be read."""

    prometheus: Listener | None = Field(default=None, description="Serve /metrics here, on loopback for a port alone.")
    server_timing: bool | None = Field(
        default=None,
        description="Tell callers in `server-timing` where the time went: `auth`, `guard`, `policy`, `upstream`.",
    )


class Config(Written):
    """A Forebay config file. Only `providers` and `models` are required."""

    version: Version | None = Field(default=None, description="Version of this format.")
    listen: Listen | None = Field(default=None, description="Where callers connect.")
    providers: Annotated[dict[Name, Provider], Field(min_length=1)] = Field(
        description="The upstreams, by a name of yours."
    )
    models: Annotated[dict[ModelName, ModelEntry], Field(min_length=1)] = Field(
        description="The model names that callers use."
    )
    tenants: Annotated[dict[Name, Tenant], Field(min_length=1)] | None = Field(
        default=None, description="Who calls. Left out, every caller is the tenant `local`."
    )
    auth: AuthEntry | None = Field(
        default=None,
        description="How callers prove who they are, beside `tenants.*.keys`. Left out without any keys, a key is "
        "generated and printed at start, on loopback only.",
    )
    guards: Annotated[dict[Name, Guards], Field(min_length=1)] | None = Field(
        default=None, description="Sets of guards, by name; `default` applies where a tenant names none."
    )
    policies: Policies | None = Field(default=None, description="Rego rules; left out = none.")
    caps: Caps | None = Field(default=None, description="What one request may ask for, at most.")
    telemetry: Telemetry | None = Field(default=None, description="Where numbers can be read.")
