"""Who may say what when: the states of a transaction and the events legal in each.

Theory of operation. Envoy speaks first and waits for our answer to each message before it sends the next; work we
asked for answers in its own time; and Envoy may end the exchange at any moment. So in every state there is at most
one thing outstanding, ours or Envoy's, and any other event is a violation of the protocol: it ends the exchange
closed (`Abort`), never open.

`RELEASED` is the one end in which Envoy goes on without us. It is entered from `FORWARDED` alone, that is after the
request was let through with its verdict; no error leads to it.

`STREAMING` is the exception to Envoy's waiting: pieces of the answer come and go independently of each other, and time
has a say as well (`HoldExpired`). A piece that is much work is read in slices (`SLICING`), and nothing else is legal
until it is done: the transport keeps what comes. `CUT` follows it, where the rest of an answer may not pass.

An answer's head while the request's body is still awaited can only be Envoy's own (a body over its limit, broken
framing, a caller who is too slow): it passes, and the stream stays open.
"""

from enum import Enum, auto

from extproc.transaction import events as e


class State(Enum):
    """Where a transaction stands."""

    __hash__ = object.__hash__  # Enum's own hashes the name, in Python, at every look-up

    STARTED = auto()  # nothing came yet
    ADMITTED = auto()  # head seen, body awaited
    INSPECTING = auto()  # work outstanding: parse and scan
    DECIDING = auto()  # work outstanding: policy
    FORWARDED = auto()  # let through; the answer's head is awaited
    WATCHING = auto()  # the answer passes in pieces
    AWAITING_ANSWER = auto()  # the answer is held back by Envoy, its whole body awaited
    HOLDING = auto()  # the answer is held back by Envoy, as much of its body awaited as it can hold
    STREAMING = auto()  # the answer is rewritten while it passes
    SLICING = auto()  # work outstanding: the rest of a piece of such an answer
    RESTORING = auto()  # work outstanding: the whole answer guarded and restored
    TRAILING = auto()  # the answer's body is done, its trailers are awaited
    # ends
    ANSWERED = auto()  # we answered the caller ourselves
    COMPLETED = auto()  # the answer was read to its end
    CUT = auto()  # we ended an answer that was being rewritten before the provider did
    RELEASED = auto()  # the answer passes unread
    OVERTAKEN = auto()  # Envoy answered by itself before the request's body was whole
    ABORTED = auto()  # ended closed: a violation
    CLOSED = auto()  # Envoy ended it before we were done


ENDS = frozenset(
    {State.ANSWERED, State.COMPLETED, State.CUT, State.RELEASED, State.OVERTAKEN, State.ABORTED, State.CLOSED}
)

LEGAL: dict[State, frozenset[type[e.Event]]] = {
    State.STARTED: frozenset({e.RequestHeadersReceived}),
    State.ADMITTED: frozenset({e.RequestBodyReceived, e.ResponseHeadersReceived}),
    State.INSPECTING: frozenset({e.BodyInspected, e.InspectionFailed}),
    State.DECIDING: frozenset({e.PolicyDecided, e.PolicyFailed}),
    State.FORWARDED: frozenset({e.ResponseHeadersReceived}),
    State.WATCHING: frozenset({e.ResponseBodyReceived, e.ResponseTrailersReceived}),
    State.AWAITING_ANSWER: frozenset({e.ResponseBodyReceived}),
    State.HOLDING: frozenset({e.ResponseBodyReceived}),
    State.STREAMING: frozenset({e.ResponseBodyReceived, e.ResponseTrailersReceived, e.HoldExpired}),
    State.SLICING: frozenset({e.WayGiven}),
    State.RESTORING: frozenset({e.AnswerRestored, e.RestorationFailed}),
    State.TRAILING: frozenset({e.ResponseTrailersReceived}),
}

# In an end nothing is legal but silence: answers to work that was outstanding are dropped, and so is Envoy's own end.
IGNORED_AT_END: frozenset[type[e.Event]] = frozenset(
    {
        e.BodyInspected,
        e.InspectionFailed,
        e.PolicyDecided,
        e.PolicyFailed,
        e.AnswerRestored,
        e.RestorationFailed,
        e.WayGiven,
        e.HoldExpired,
        e.StreamClosed,
    }
)
# What the provider says on until Envoy has cut it off.
IGNORED_WHEN_CUT: frozenset[type[e.Event]] = IGNORED_AT_END | {e.ResponseBodyReceived, e.ResponseTrailersReceived}
