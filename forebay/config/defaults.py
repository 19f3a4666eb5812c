"""What a key means that is not written. The only place in the project where a configured value has a default."""

from dataclasses import asdict, is_dataclass
from typing import Any, Final

from forebay.config import resolved
from forebay.contract import Api

LISTEN: Final = resolved.Address("127.0.0.1", 8080)
TRUSTED_HOPS: Final = 0
CLIENT_LIMIT: Final = resolved.Rate(60_000, 60.0)
BODY_LIMIT: Final = 20 * 1024**2
OPENAI_URL: Final = "https://api.openai.com/v1"
ANTHROPIC_URL: Final = "https://api.anthropic.com"
MOCK_API: Final[Api] = "openai"
MOCK_BASE_PATHS: Final[dict[Api, str]] = {"openai": "/v1", "anthropic": ""}
OUTLIER: Final = resolved.Outlier(consecutive_5xx=5, eject=30.0, interval=10.0)
MAX_REQUESTS: Final = 10_000  # above what one gateway carries: without `limits` the breaker is stated but never felt
TIMEOUT: Final = resolved.Timeout(first_token=60.0, idle=120.0, total=600.0)
RETRIES: Final = resolved.Retries(on=("connect", "reset", "5xx", "429", "timeout"), max=0)
STICKY: Final[resolved.Sticky] = "user"
USER_CLAIM: Final = "sub"
GUARDS: Final = resolved.Guards(
    name="default",
    injection=resolved.InjectionGuard(action="block", threshold=70),
    pii="redact",
    pii_types=(),
    secrets="redact",
    deadline=5.0,
    failure_mode="closed",
)
POLICIES: Final = resolved.Policies(files=(), on_error="deny", mode="enforce", deadline=1.0)
CAPS: Final = resolved.Caps(messages=2048, tools=256, n=16, max_tokens=200_000, inputs=2048, depth=64)
TELEMETRY: Final = resolved.Telemetry(prometheus=None, server_timing=True)


def written() -> dict[tuple[str, ...], object]:
    """The defaults as they would be written, by path (`*` for a name): for the documentation and the JSON Schema."""
    scalars: dict[tuple[str, ...], object] = {
        ("listen", "http"): LISTEN.port,
        ("listen", "trusted_hops"): TRUSTED_HOPS,
        ("listen", "client_limit"): f"{CLIENT_LIMIT.requests}/m",
        ("listen", "body_limit"): f"{BODY_LIMIT // 1024**2}MiB",
        ("providers", "*", "plaintext"): False,
        ("providers", "*", "limits", "requests"): MAX_REQUESTS,
        ("models", "*", "sticky"): STICKY,
        ("auth", "jwt", "user_claim"): USER_CLAIM,
        ("guards", "*", "pii", "in"): GUARDS.pii,
        ("guards", "*", "pii", "out"): GUARDS.output.pii,
        ("guards", "*", "secrets", "in"): GUARDS.secrets,
        ("guards", "*", "secrets", "out"): GUARDS.output.secrets,
        ("guards", "*", "system_prompt", "out"): GUARDS.output.system_prompt,
        ("guards", "*", "links", "out"): GUARDS.output.links,
        ("guards", "*", "pause"): GUARDS.output.pause,
        ("guards", "*", "deadline"): _seconds(GUARDS.deadline),
        ("guards", "*", "failure_mode"): GUARDS.failure_mode,
        ("policies", "on_error"): POLICIES.on_error,
        ("policies", "mode"): POLICIES.mode,
        ("policies", "deadline"): _seconds(POLICIES.deadline),
        ("telemetry", "server_timing"): TELEMETRY.server_timing,
    }
    groups: dict[tuple[str, ...], object] = {
        ("providers", "*", "outlier"): OUTLIER,
        ("models", "*", "timeout"): TIMEOUT,
        ("models", "*", "retries"): RETRIES,
        ("guards", "*", "injection"): GUARDS.injection,
        ("caps",): CAPS,
    }
    return scalars | {path: value for place, group in groups.items() for path, value in _flat(place, group).items()}


def _flat(place: tuple[str, ...], group: Any) -> dict[tuple[str, ...], object]:
    if not is_dataclass(group) or isinstance(group, type):
        raise TypeError("a group of defaults is a dataclass instance")
    return {(*place, name): _plain(value) for name, value in asdict(group).items()}


def _plain(value: object) -> object:
    if isinstance(value, float):
        return _seconds(value)
    return list(value) if isinstance(value, tuple) else value


def _seconds(value: float) -> str:
    return f"{value:g}s"
