"""What one stream may cost, and why no more of one may pass."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from extproc.streams.memory import CrowdedError
from extproc.streams.rewriting import BlockedError, ExhaustedError
from extproc.streams.sse import MAX_EVENT, EventTooLargeError
from forebay.frozen import frozen


class Stop(StrEnum):
    """Why no more of a stream may pass. `BLOCKED` is a guard's word; all others are the provider's fault."""

    BLOCKED = "blocked"
    UNREADABLE = "unreadable"  # an event that is no JSON object, or what two clients could read differently
    LOGPROBS = "logprobs"  # text that may change said again, token by token
    EVENT_TOO_LARGE = "event_too_large"
    HELD_TOO_MUCH = "held_too_much"
    STREAM_TOO_LONG = "stream_too_long"
    TOO_MANY_CHANNELS = "too_many_channels"
    RESTORED_TOO_MUCH = "restored_too_much"


@frozen
class Bounds:
    """What one stream may cost: bytes of an event and of the stream, characters held, channels there are."""

    event: int = MAX_EVENT
    stream: int = 64 << 20
    held: int = 64 << 10
    channels: int = 1024


WHY: Final[Mapping[type[Exception], Stop]] = {
    EventTooLargeError: Stop.EVENT_TOO_LARGE,
    BlockedError: Stop.BLOCKED,
    ExhaustedError: Stop.RESTORED_TOO_MUCH,
    CrowdedError: Stop.TOO_MANY_CHANNELS,
}


class StoppedError(Exception):
    """No more of the stream may pass."""

    def __init__(self, why: Stop) -> None:
        self.why = why
        super().__init__(why)
