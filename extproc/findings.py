"""What the guard says about one body: the nouns that detectors, risk, policy and the record share."""

from dataclasses import field
from typing import Literal, NamedTuple

from forebay.frozen import frozen

Channel = Literal["system", "user", "assistant", "tool", "document"]
Kind = Literal["injection", "pii", "secret"]
AnswerKind = Literal["pii", "secret", "leakage", "exfiltration", "held"]
Form = Literal["string", "key", "number"]


@frozen
class Text:
    """One text a model will read: where it stands in the body and who speaks.

    `start`/`end` are byte offsets of the JSON string in the body, quotes included. `value` is the decoded text.
    `nested` counts how many times the text is itself JSON inside a JSON string (tool-call arguments: 1). `form` says
    what stands there: a string value, an object's key, or a number (its digits; no quotes then).
    """

    path: str  # "messages[2].content[0].text"
    channel: Channel
    value: str = field(repr=False)
    start: int
    end: int
    nested: int = 0
    form: Form = "string"


@frozen
class Span:
    """A stretch of a text, in code points, and what it is."""

    start: int
    end: int
    type: str  # as Presidio names it: EMAIL_ADDRESS, ...; for secrets the rule's id


@frozen
class Finding:
    """One thing found: content-free, so it may be recorded and shown to policies."""

    kind: Kind
    type: str  # pii: EMAIL_ADDRESS...; secret: rule id; injection: rule id of the strongest evidence
    channel: Channel
    count: int
    score: int  # 0-100 confidence


class Stretch(NamedTuple):
    """Something found in an answer, in code points of its text."""

    start: int
    end: int
    kind: AnswerKind
    type: str  # as `Finding` has it; leakage: system-prompt; exfiltration: image, link
    score: int


@frozen
class AnswerFinding:
    """One thing found in an answer: content-free."""

    kind: AnswerKind
    type: str
    count: int
    score: int  # 0-100 confidence


@frozen
class Addend:
    """One summand of a risk score."""

    id: str  # "injection", "pii.US_SSN", "secret.aws-access-key"
    points: int


@frozen
class Risk:
    """0-100, with the addends it is made of (their sum may be more; the score is capped)."""

    score: int
    addends: tuple[Addend, ...]
