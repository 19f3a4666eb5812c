"""The config's words for retries and timeouts -> Envoy's.

    connect   connect-failure, refused-stream
    reset     reset
    429       retriable-status-codes with 429
    5xx       5xx
    timeout   reset: Envoy sees an attempt that gave no headers in time as one that it reset itself

So `reset` and `timeout` mean the same to Envoy, and its `5xx` covers both.
"""

from typing import Final

from forebay.config.resolved import Retries, RetryOn, Timeout
from xds.translate.shapes import Json, seconds

POLICIES: Final[dict[RetryOn, tuple[str, ...]]] = {
    "connect": ("connect-failure", "refused-stream"),
    "reset": ("reset",),
    "429": ("retriable-status-codes",),
    "5xx": ("5xx",),
    "timeout": ("reset",),
}
_SLACK: Final = 5.0
_BACK_OFF: Final = {"base_interval": "0.025s", "max_interval": "0.250s"}


def retry_policy(retries: Retries, timeout: Timeout, attempts: int) -> Json:
    """One attempt per entry of the composite cluster, never more: one more would end in `no healthy upstream` and hide
    the last provider's own answer."""
    policy: Json = {
        "num_retries": attempts - 1,
        "per_try_timeout": seconds(timeout.first_token),
        "retry_back_off": _BACK_OFF,
        "host_selection_retry_max_attempts": 1,
    }
    names = dict.fromkeys(name for cause in retries.on for name in POLICIES[cause])
    if names:
        policy["retry_on"] = ",".join(names)
    if "429" in retries.on:
        policy["retriable_status_codes"] = [429]
    return policy


def timeouts(timeout: Timeout, attempts: int) -> Json:
    """The route's timeouts. `total` counts from the end of the request; the listener limits how long that may take.

    A route with a `max_stream_duration` of its own has no `timeout` any more: Envoy forgets it without a word.

    The pause between two pieces of an answer is limited by the stream's `idle_timeout`, which also runs while attempts
    are made and nothing moves towards the caller: so it is never shorter than all of them together. (The attempt's own
    `per_try_idle_timeout` is no way out: Envoy forgets it once `per_try_timeout` has passed.)
    """
    return {
        "timeout": seconds(timeout.total),
        "idle_timeout": seconds(max(timeout.idle, attempts * timeout.first_token + _SLACK)),
    }
