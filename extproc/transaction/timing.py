"""Where a call's time went until it was decided on: what callers are told in Server-Timing.

    auth     from Envoy's first sight of the request to its head here: authentication, limits, and the way
    guard    from the body's arrival to its inspection: read, scanned, counted, and the wait for a turn at it
    policy   the policy's answer

The provider's share, `upstream`, is Envoy's to tell. Tenths of a millisecond: enough to see where the time goes, and
so few values that most calls share their text with an earlier one.
"""

from functools import lru_cache
from typing import Final

from extproc.transaction.context import Context
from extproc.transaction.exchange import Exchange
from forebay import contract

_UNKNOWN: Final = -1
_TENTH: Final = 100  # microseconds
_MOST: Final = 3_600_000_000  # microseconds; what took an hour was a clock that was set


def server_timing(exchange: Exchange, context: Context) -> str:
    """As much as is known; empty where nothing is, or nothing is told."""
    if not context.server_timing:
        return ""
    policy = exchange.stages.get("policy", _UNKNOWN)
    return _text(_auth(exchange) // _TENTH, exchange.guard_took // _TENTH, policy // _TENTH)


def _auth(exchange: Exchange) -> int:
    """Microseconds by the clock of the day, which Envoy and we share."""
    head = exchange.head
    began = head.headers.get(contract.BEGAN) if head else None
    if head is None or began is None or not began.isdecimal():
        return _UNKNOWN
    took = head.wall_ns // 1000 - int(began)
    return took if 0 <= took < _MOST else _UNKNOWN


@lru_cache(4096)
def _text(auth: int, guard: int, policy: int) -> str:
    known = {"auth": auth, "guard": guard, "policy": policy}
    return ", ".join([f"{name};dur={tenths / 10:g}" for name, tenths in known.items() if tenths >= 0])
