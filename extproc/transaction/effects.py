"""What must be done now. The counterpart to effects are events.

Effects are of three sorts: answers to Envoy's message (exactly one per message, none for `StreamClosed`; any number of
`SendPiece` once there was a `RewriteAnswer`), work to be done whose result comes back as an event, and `Conclude`,
which every transaction yields exactly once.
"""

from collections.abc import Mapping
from dataclasses import field

from extproc.detectors.leakage import NOTHING, Prints
from extproc.policy.document import PolicyFacts
from forebay.config.resolved import Caps, Guards
from forebay.frozen import frozen
from forebay.outcomes import Outcome, Reason

Metadata = Mapping[str, object]  # an instalment of the dynamic metadata `forebay.call`

# --- answers to Envoy -----------------------------------------------------------------------------------------------


@frozen
class ContinueRequestHeaders:
    """Nothing to say about the request's head yet; send the body."""


@frozen
class ForwardRequest:
    """Let the request through with these changes; pick its route anew. `body` None = as it came."""

    set_headers: tuple[tuple[str, str], ...] = field(repr=False)
    remove_headers: tuple[str, ...]
    body: bytes | None = field(repr=False)
    metadata: Metadata
    timing: str = ""  # what the answer will say in Server-Timing


@frozen
class RespondLocally:
    """Answer the caller ourselves; nothing goes upstream."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)
    details: str
    metadata: Metadata
    timing: str = ""


@frozen
class WatchAnswer:
    """Send the answer's body in pieces as they come; they will be passed on unchanged."""


@frozen
class AwaitAnswer:
    """Hold the answer back and send its body as a whole."""


@frozen
class HoldAnswer:
    """Hold the answer back and send its body: all of it, or as much as Envoy can hold."""


@frozen
class RewriteAnswer:
    """Send the answer's head on without its length, and its body in pieces; what the caller gets is what we send."""


@frozen
class SendPiece:
    """Send this to the caller. None, one or several for a piece of the provider's; also between two of them.

    With `end_of_stream` the caller's answer is complete, whatever the provider still has to say.
    """

    body: bytes = field(repr=False)
    end_of_stream: bool
    metadata: Metadata | None


@frozen
class PassChunk:
    """Pass this piece of the answer on as it is. `metadata` None = nothing new."""

    metadata: Metadata | None


@frozen
class ReplaceAnswer:
    """Send this body instead of the provider's."""

    body: bytes = field(repr=False)
    metadata: Metadata


@frozen
class PassTrailers:
    """Pass the answer's trailers on. `metadata` None = nothing new."""

    metadata: Metadata | None


@frozen
class Release:
    """Let the answer pass unread and end the exchange with OK: Envoy goes on without us.

    Only `response_path` yields it, and only once the request has been let through.
    """


@frozen
class LeaveAnswer:
    """Let an answer of Envoy's own pass. The stream stays open: nothing was let through, so nothing is released."""


@frozen
class Abort:
    """End the exchange with an error: Envoy answers 503, or resets what has begun."""

    reason: Reason


# --- work, answered by an event -----------------------------------------------------------------------------------


@frozen
class InspectBody:
    """Parse and scan; answered by BodyInspected or InspectionFailed."""

    operation: str
    body: bytes = field(repr=False)
    tenant: str
    guards: Guards
    caps: Caps


@frozen
class DecidePolicy:
    """Ask the policy; answered by PolicyDecided or PolicyFailed."""

    facts: PolicyFacts


@frozen
class GiveWay:
    """Let other exchanges have a turn before the rest of a piece is read; answered by WayGiven."""


@frozen
class RestoreAnswer:
    """Guard the answer (`guards` None: do not), then put the redacted values back.

    Answered by AnswerRestored or RestorationFailed. `prints` are those of the call's system prompt.
    """

    body: bytes = field(repr=False)
    values: Mapping[str, str] = field(repr=False)
    guards: Guards | None = None
    prints: Prints = NOTHING
    operation: str = "chat"
    tenant: str = ""


# --- the end ---------------------------------------------------------------------------------------------------------


@frozen
class Conclude:
    """The transaction is over, as far as the processor is concerned."""

    outcome: Outcome
    reason: Reason


Effect = (
    ContinueRequestHeaders
    | ForwardRequest
    | RespondLocally
    | WatchAnswer
    | AwaitAnswer
    | HoldAnswer
    | RewriteAnswer
    | SendPiece
    | PassChunk
    | ReplaceAnswer
    | PassTrailers
    | Release
    | LeaveAnswer
    | Abort
    | InspectBody
    | DecidePolicy
    | GiveWay
    | RestoreAnswer
    | Conclude
)
