"""What Envoy or pending work told us. The counterpart to events are effects.

All are frozen, in the past tense, and carry the time they happened at (`at`, nanoseconds of a monotonic clock), so
that nothing in this package needs a clock. No repr shows a body or a header's value.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import field

from extproc.findings import AnswerFinding
from extproc.inspection import Inspection
from extproc.policy.verdict import PolicyVerdict
from forebay.frozen import frozen
from forebay.outcomes import Reason


@frozen
class Headers:
    """Header fields in the order they came, names in lower case; a name may come more than once."""

    pairs: tuple[tuple[str, str], ...] = field(repr=False)
    _first: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_first", dict(self.pairs[::-1]))

    def get(self, name: str) -> str | None:
        """The first value of `name`, or None."""
        return self._first.get(name)

    def all(self, name: str) -> Sequence[str]:
        """Every value of `name`, in order."""
        return [value for key, value in self.pairs if key == name]

    def names(self) -> Set[str]:
        """The names present."""
        return self._first.keys()


@frozen
class RequestHeadersReceived:
    """The request's head. `claims` are the verified JWT's, empty for API keys. `wall_ns` is the time of day."""

    headers: Headers
    claims: Mapping[str, object] = field(repr=False)
    end_of_stream: bool
    at: int
    wall_ns: int


@frozen
class RequestBodyReceived:
    """The whole request body: Envoy buffers it."""

    body: bytes = field(repr=False)
    at: int


@frozen
class RequestTrailersReceived:
    """Trailers after the request's body; never asked for."""

    at: int


@frozen
class BodyInspected:
    """The inspection asked for by `InspectBody` is done."""

    inspection: Inspection
    at: int


@frozen
class InspectionFailed:
    """A detector failed or missed its deadline."""

    at: int


@frozen
class PolicyDecided:
    """The policy's answer to `DecidePolicy`."""

    verdict: PolicyVerdict
    at: int


@frozen
class PolicyFailed:
    """The policy gave no usable answer in time. `kind` is one of a closed list, free of content."""

    kind: str
    at: int


@frozen
class ResponseHeadersReceived:
    """The answer's head, a provider's or a local reply of a filter behind us."""

    headers: Headers
    end_of_stream: bool
    at: int


@frozen
class ResponseBodyReceived:
    """A piece of the answer, or the whole of it where the whole was asked for."""

    body: bytes = field(repr=False)
    end_of_stream: bool
    at: int


@frozen
class ResponseTrailersReceived:
    """Trailers: the answer's body is complete."""

    at: int


@frozen
class AnswerRestored:
    """What `RestoreAnswer` asked for is done: `count` values are back in `body`.

    `blocked`: `body` is what the caller gets in place of an answer that a guard refused.
    """

    body: bytes = field(repr=False)
    count: int
    at: int
    findings: tuple[AnswerFinding, ...] = ()
    blocked: bool = False


@frozen
class RestorationFailed:
    """The answer could not be read, so nothing could be restored."""

    reason: Reason
    at: int


@frozen
class WayGiven:
    """Others had their turn, as `GiveWay` asked for."""

    at: int


@frozen
class HoldExpired:
    """Text of a rewritten answer has been held for as long as it may be."""

    at: int


@frozen
class StreamClosed:
    """Envoy ended the exchange, for whatever reason: answered, client gone, provider reset."""

    at: int


Event = (
    RequestHeadersReceived
    | RequestBodyReceived
    | RequestTrailersReceived
    | BodyInspected
    | InspectionFailed
    | PolicyDecided
    | PolicyFailed
    | ResponseHeadersReceived
    | ResponseBodyReceived
    | ResponseTrailersReceived
    | AnswerRestored
    | RestorationFailed
    | WayGiven
    | HoldExpired
    | StreamClosed
)
