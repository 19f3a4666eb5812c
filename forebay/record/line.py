"""One line of Envoy's file, read closed: what it is, and the parts that say how the request ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import orjson

from forebay import contract
from forebay.record import scalars
from forebay.record.processor import calls_of_the_processor

LONGEST: Final = 1 << 20  # bytes; Envoy's lines are a few KB
KINDS: Final = {"DownstreamEnd": "request", "UpstreamEnd": "attempt"}
_MOST_SUFFIXES: Final = 64
_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})


@dataclass(slots=True)
class Line:
    """A JSON object of a known kind, its values unchecked, and what the texts among them say.

    `call` is what the processor knows of the call, `processor` Envoy's own numbers about asking it; both are empty for
    an attempt, and where the processor was not asked.
    """

    kind: str  # "request" or "attempt"
    values: Mapping[str, object]
    call: Mapping[str, object] = field(default_factory=dict)
    processor: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Torn:
    """Bytes that are no line, up to `length`, and the line found behind them if there is one.

    Envoy killed in the middle of a write leaves the beginning of a line, and appends whole ones to it when it is
    started again.
    """

    length: int
    rest: Line | None


def read(raw: bytes) -> Line | Torn:
    """The line in `raw` (without its line feed), or how much of it is none. Never raises."""
    line = _whole(raw)
    if line is not None:
        return line
    at = raw.find(b"{", 1)
    for _ in range(_MOST_SUFFIXES):
        if at < 0:
            break
        rest = _whole(raw[at:])
        if rest is not None:
            return Torn(at, rest)
        at = raw.find(b"{", at + 1)
    return Torn(len(raw), None)


def _whole(raw: bytes) -> Line | None:
    if len(raw) > LONGEST:
        return None
    try:
        values = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None  # the caller publishes it as unreadable
    kind = values.get("kind") if isinstance(values, dict) else None
    known = KINDS.get(kind) if isinstance(kind, str) else None
    if known is None:
        return None
    forwarded = _instalment(values.get(contract.CALL_FORWARDED))
    answered = _instalment(values.get(contract.CALL_ANSWERED))
    if forwarded is None or answered is None:
        return None
    call = {**forwarded, **answered} if answered else forwarded  # a later one over an earlier
    return Line(known, values, call, calls_of_the_processor(values.get("processor")))


def _instalment(text: object) -> Mapping[str, object] | None:
    """What the processor said in JSON; nothing where it said nothing, None where that is no object."""
    if not isinstance(text, str) or text in scalars.ABSENT:
        return _NOTHING
    try:
        said = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None  # the caller publishes the line as unreadable
    return said if isinstance(said, dict) else None
