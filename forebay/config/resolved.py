"""The configuration as both planes read it: complete, frozen, without secret values.

Durations are seconds, sizes are bytes, scores and thresholds integers 0-100.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from forebay.config.secrets import SecretReference
from forebay.contract import Api

GuardAction = Literal["block", "log", "off"]
RedactAction = Literal["redact", "block", "log", "off"]
FailureMode = Literal["closed", "open"]
Pause = Literal["hold", "release", "block"]
Sticky = Literal["user", "conversation", "none"]
RetryOn = Literal["connect", "reset", "429", "5xx", "timeout"]


@dataclass(frozen=True, slots=True)
class Rate:
    """`requests` per `seconds`, as a token bucket of that size."""

    requests: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Https:
    address: Address
    certificate: SecretReference
    key: SecretReference


@dataclass(frozen=True, slots=True)
class Listen:
    http: Address | None
    https: Https | None
    trusted_hops: int  # how many X-Forwarded-For entries, from the right, are believed; 0 = none
    client_limit: Rate  # per client address, before any credential is looked at
    body_limit: int  # request body


@dataclass(frozen=True, slots=True)
class Outlier:
    consecutive_5xx: int
    eject: float
    interval: float


@dataclass(frozen=True, slots=True)
class Provider:
    """One upstream. `url` is None only for `type: mock` without a url: the built-in provider in the run directory."""

    name: str
    type: Literal["openai", "anthropic", "mock"]
    api: Api  # what it speaks
    scheme: Literal["http", "https"] | None
    host: str | None
    port: int | None
    base_path: str  # what stands before "/chat/completions" ("/v1"), or "/v1/messages" (""); no trailing slash
    key: SecretReference | None
    ca: Path | None  # PEM bundle; None = the system's
    outlier: Outlier
    max_requests: int  # circuit breaker: concurrent requests


@dataclass(frozen=True, slots=True)
class Backend:
    """A provider and the model's name there."""

    provider: str
    model: str

    @property
    def name(self) -> str:
        return f"{self.provider}/{self.model}"


@dataclass(frozen=True, slots=True)
class Arm:
    backend: Backend
    weight: int  # of contract.BUCKETS; the arms of a model sum to it


@dataclass(frozen=True, slots=True)
class Retries:
    on: tuple[RetryOn, ...]
    max: int  # tries again on the same backend before the next one


@dataclass(frozen=True, slots=True)
class Timeout:
    first_token: float  # to response headers, per attempt
    idle: float  # between two pieces of an answer
    total: float


@dataclass(frozen=True, slots=True)
class Model:
    """A name that callers use."""

    name: str
    arms: tuple[Arm, ...]
    fallback: tuple[Backend, ...]
    timeout: Timeout
    retries: Retries
    sticky: Sticky
    api: Api  # of all its backends, and of its callers


@dataclass(frozen=True, slots=True)
class InjectionGuard:
    action: GuardAction
    threshold: int


_NOTHING_READ: Final = ("off", "off", "off", "off")


@dataclass(frozen=True, slots=True)
class OutputGuards:
    """What is looked for in the answers to a tenant, and what happens when it is found."""

    pii: RedactAction = "off"
    secrets: RedactAction = "off"
    system_prompt: RedactAction = "off"
    links: RedactAction = "off"
    hosts: tuple[str, ...] = ()  # lower case; links to these and what is below them may carry data
    pause: Pause = "hold"  # of what may be the beginning of a value, when a stream has paused behind it

    @property
    def actions(self) -> tuple[RedactAction, ...]:
        """What happens to each kind of finding."""
        return (self.pii, self.secrets, self.system_prompt, self.links)

    @property
    def on(self) -> bool:
        """Whether answers are read at all."""
        return self.actions != _NOTHING_READ

    @property
    def changes(self) -> bool:
        """Whether an answer's text may become another."""
        return "redact" in self.actions or "block" in self.actions


@dataclass(frozen=True, slots=True)
class Guards:
    """What is looked for in a tenant's prompts and answers, and what happens when it is found."""

    name: str
    injection: InjectionGuard
    pii: RedactAction
    pii_types: tuple[str, ...]  # names as detectors give them; empty = all
    secrets: RedactAction
    deadline: float  # for all detectors over one body
    failure_mode: FailureMode  # closed = the call is refused when a detector fails
    output: OutputGuards = OutputGuards()


@dataclass(frozen=True, slots=True)
class Tenant:
    name: str
    keys: tuple[SecretReference, ...]  # each reference holds one key per line
    models: tuple[str, ...] | None  # None = all
    limit: Rate | None
    guards: Guards


@dataclass(frozen=True, slots=True)
class Jwt:
    issuer: str
    audiences: tuple[str, ...]
    jwks: SecretReference  # a local file; not secret, but read at the same place
    tenant_claim: str
    roles_claim: str | None
    user_claim: str


@dataclass(frozen=True, slots=True)
class Auth:
    """`none` = nobody is asked; `generated` = a key for LOCAL_TENANT is made at start and printed."""

    jwt: Jwt | None
    none: bool
    generated: bool


@dataclass(frozen=True, slots=True)
class Policies:
    files: tuple[Path, ...]
    on_error: Literal["deny", "allow"]
    mode: Literal["enforce", "shadow", "off"]
    deadline: float


@dataclass(frozen=True, slots=True)
class Caps:
    """What one request may ask for, at most."""

    messages: int
    tools: int
    n: int
    max_tokens: int
    inputs: int  # texts in one embeddings call
    depth: int  # nesting of the JSON body


@dataclass(frozen=True, slots=True)
class Telemetry:
    prometheus: Address | None
    server_timing: bool  # callers are told where the time went


@dataclass(frozen=True, slots=True)
class Resolved:
    """The whole configuration. `digest` names it: 16 hex digits over everything above, secret values excluded."""

    digest: str
    source: Path
    listen: Listen
    providers: Mapping[str, Provider]
    models: Mapping[str, Model]
    tenants: Mapping[str, Tenant]
    auth: Auth
    policies: Policies
    caps: Caps
    telemetry: Telemetry
