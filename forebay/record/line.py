"""One line of Envoy's file, read closed: what it is, and the parts that say how the request ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from forebay import contract
from forebay.record import scalars
from forebay.record.processor import calls_of_the_processor

LONGEST: Final = 1 << 20  # bytes; Envoy's lines are a few KB
KINDS: Final = {"DownstreamEnd": "request", "UpstreamEnd": "attempt"}
_MOST_SUFFIXES: Final = 64
_INSTALMENTS: Final = (contract.CALL_FORWARDED, contract.CALL_ANSWERED)


@dataclass(frozen=True, slots=True)
class Line:
    """A JSON object of a known kind, values unchecked."""

    kind: str  # "request" or "attempt"
    values: Mapping[str, object]

    def part(self, key: str) -> Mapping[str, object]:
        """The object under `key`; empty where there is none."""
        return scalars.mapping(self.values.get(key))


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
    if known is None or not _unfold(values):
        return None
    return Line(known, values)


def _unfold(values: dict[str, object]) -> bool:
    """Make `call`, `identity` and `extproc` of the texts that Envoy writes. Returns whether they could be read.

    A file that an earlier version wrote has the three as they are.
    """
    call: dict[str, object] = {}
    for key in _INSTALMENTS:  # a later one over an earlier
        text = values.pop(key, None)
        if not isinstance(text, str) or text in scalars.ABSENT:
            continue
        try:
            instalment = orjson.loads(text)
        except orjson.JSONDecodeError:
            return False
        if not isinstance(instalment, dict):
            return False
        call |= instalment
    if call:
        values["call"] = call
    if "tenant" in values:
        values["identity"] = {"tenant": values.pop("tenant"), "client": values.pop("caller", None)}
    processor = values.pop("processor", None)
    if isinstance(processor, str):
        values["extproc"] = calls_of_the_processor(processor)
    return True
