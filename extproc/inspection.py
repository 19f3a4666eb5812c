"""One body in, everything the guard knows about it out. Pure; may run in another process for large bodies.

`inspect` parses and scans and prepares the edits that would redact what was found, but applies none: the policy may
still ask for more. `rewrite` applies those that the decision calls for.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from extproc.detectors.placeholders import plan
from extproc.detectors.scan import Detectors
from extproc.findings import Finding, Span
from extproc.messages.call import Call
from extproc.messages.chat import parse_chat
from extproc.messages.edit import Edit, apply, cap_max_tokens, drop_tools, edits_for, shift
from extproc.messages.embeddings import parse_embeddings
from extproc.messages.refusal import Refused
from extproc.usage.tokens import count_call
from forebay.config.resolved import Caps, Guards
from forebay.outcomes import Reason

MOST_SPANS = 5_000  # stretches to redact in one body; each costs time on the way out and back

PARSERS: dict[str, Callable[[bytes, Caps], Call]] = {"chat": parse_chat, "embeddings": parse_embeddings}


@dataclass(frozen=True, slots=True)
class Redactable:
    """One stretch of the body that can be replaced by a placeholder."""

    kind: str  # "pii" or "secret"
    type: str
    placeholder: str
    original: str = field(repr=False)
    edit: Edit = field(repr=False)


@dataclass(frozen=True, slots=True)
class Inspection:
    """What is known about one body. `refused` is set when the body may not be sent on whatever policies say.

    `call` carries no texts. `stages` are microseconds by name.
    """

    refused: Refused | None
    call: Call | None
    injection: int
    findings: tuple[Finding, ...]
    redactables: tuple[Redactable, ...] = field(repr=False)
    input_tokens: int
    stages: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The body as it goes upstream. `body` None = unchanged; `model_span` is the model's JSON string in it."""

    body: bytes | None = field(repr=False)
    model_span: tuple[int, int]  # byte offset, length
    values: Mapping[str, str] = field(repr=False)  # placeholder -> what it stands for
    counts: Mapping[str, int]  # type -> how many stretches were replaced


def inspect(
    operation: str,
    body: bytes,
    tenant: str,
    guards: Guards,
    caps: Caps,
    detectors: Detectors,
    state_key: bytes,
    clock: Callable[[], int],
) -> Inspection:
    """Parse `body` as a request of `operation`, scan every text in it, count its tokens.

    `clock` gives nanoseconds. Never raises for anything a caller can send: a body that cannot be parsed comes back as
    `refused`. Any exception out of here is a defect of a detector, and the caller must treat it as one (closed).
    """
    started = clock()
    try:
        call = PARSERS[operation](body, caps)
    except Refused as refused:
        return Inspection(refused, None, 0, (), (), 0, {"parse": (clock() - started) // 1000})
    parsed = clock()
    detections = detectors.scan(call.texts, guards)
    if sum(map(len, detections.spans)) > MOST_SPANS:
        too_many = Refused(Reason.CAP_EXCEEDED, {"path": "redactions", "limit": MOST_SPANS})
        return Inspection(too_many, None, 0, (), (), 0, {"parse": (parsed - started) // 1000})
    redactables = _redactables(call, body, detections.spans, state_key, tenant)
    scanned = clock()
    tokens = count_call([text.value for text in call.texts], call.model)
    counted = clock()
    stages = {
        "parse": (parsed - started) // 1000,
        "guard": (scanned - parsed) // 1000,
        "tokens": (counted - scanned) // 1000,
    }
    return Inspection(
        None, replace(call, texts=()), detections.injection, detections.findings, redactables, tokens, stages
    )


def rewrite(
    body: bytes,
    inspection: Inspection,
    redact_kinds: Collection[str],
    redact_types: Collection[str],
    drop: Collection[str],
    max_tokens: int | None,
) -> Rewritten:
    """Apply to `body` what was decided: redact these kinds and types, drop these tools, cap the answer's length.

    Bytes outside the changed stretches stay as they are.
    """
    call = inspection.call
    if call is None:
        raise ValueError("a refused body cannot be rewritten")
    chosen = [item for item in inspection.redactables if item.kind in redact_kinds or item.type in redact_types]
    edits = [item.edit for item in chosen]
    if drop:
        dropped = drop_tools(call, drop)
        edits = [edit for edit in edits if not any(_covers(outer, edit) for outer in dropped)] + dropped
    if max_tokens is not None:
        edits += cap_max_tokens(call, max_tokens)
    offset, length = call.model_span
    if not edits:
        return Rewritten(None, (offset, length), {}, {})
    counts: dict[str, int] = {}
    for item in chosen:
        counts[item.type] = counts.get(item.type, 0) + 1
    values = {item.placeholder: item.original for item in chosen}
    return Rewritten(apply(body, edits), (shift(offset, edits), length), values, counts)


def switched_off(guards: Guards) -> Guards:
    """The same guards with every detector off: what is left when they failed and the config lets that pass."""
    return replace(guards, injection=replace(guards.injection, action="off"), pii="off", secrets="off")


def block_reason(inspection: Inspection, guards: Guards) -> tuple[Reason, str] | None:
    """Why the tenant's guards block this body, with the types that did it, or None.

    Secrets before personal data before injections: the more certain finding names the reason.
    """
    for kind, action, reason in (
        ("secret", guards.secrets, Reason.SECRET),
        ("pii", guards.pii, Reason.PERSONAL_DATA),
    ):
        types = sorted({finding.type for finding in inspection.findings if finding.kind == kind})
        if action == "block" and types:
            return reason, ", ".join(types)
    if guards.injection.action == "block" and inspection.injection >= guards.injection.threshold:
        return Reason.PROMPT_INJECTION, ""
    return None


def _covers(outer: Edit, inner: Edit) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


def _redactables(
    call: Call, body: bytes, spans: Sequence[Sequence[Span]], state_key: bytes, tenant: str
) -> tuple[Redactable, ...]:
    redactables: list[Redactable] = []
    redaction = plan(call.texts, spans, state_key, tenant)
    for text, items in zip(call.texts, redaction.per_text, strict=True):
        if not items:
            continue
        if text.form == "number" and len(items) > 1:  # a number is replaced as a whole or not at all
            items = (replace(items[0], start=0, end=len(text.value), original=text.value),)
        edits = edits_for(text, body, [(item.start, item.end, item.placeholder) for item in items])
        redactables += [
            Redactable(item.kind, item.type, item.placeholder, item.original, edit)
            for item, edit in zip(items, edits, strict=True)
        ]
    return tuple(redactables)
