"""One body in, everything the guard knows about it out. Pure; may run in another process for large bodies.

`inspect` parses and scans and prepares the edits that would redact what was found, but applies none: the policy may
still ask for more. `rewrite` applies those that the decision calls for.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field, replace
from functools import lru_cache

from extproc.detectors.leakage import NOTHING, Prints, prints
from extproc.detectors.pii_numbers import PII_TYPES
from extproc.detectors.placeholders import Replacement, plan
from extproc.detectors.scan import NOTABLE, Detections, Detectors
from extproc.findings import Channel, Finding, Kind, Span, Text
from extproc.messages.call import Call
from extproc.messages.chat import parse_chat
from extproc.messages.edit import (
    Edit,
    apply,
    ask_for_usage,
    cap_max_tokens,
    covers,
    drop_tools,
    edit_document,
    edits_for,
    impose,
    shift,
)
from extproc.messages.embeddings import parse_embeddings
from extproc.messages.hints import Document, Hints
from extproc.messages.messages import parse_messages
from extproc.messages.overlaps import Value, merged, news
from extproc.messages.readings import Readings, meetings
from extproc.messages.refusal import Refused
from extproc.messages.responses import parse_responses
from extproc.usage.tokens import count_call
from forebay.config.resolved import Caps, Guards
from forebay.frozen import frozen
from forebay.outcomes import Reason

MOST_SPANS = 5_000  # stretches to redact in one body; each costs time on the way out and back

PARSERS: dict[str, Callable[[bytes, Caps], Call]] = {
    "chat": parse_chat,
    "embeddings": parse_embeddings,
    "messages": parse_messages,
    "responses": parse_responses,
}


@frozen
class Redactable:
    """One value that can be replaced by a placeholder.

    `edits` do it: the first puts the placeholder there, others remove what of the value stands in other texts. In an
    encoded text there are none: `passage` says which of the `documents`, from where and to where.
    """

    kind: Kind
    type: str
    placeholder: str
    original: str = field(repr=False)
    edits: tuple[Edit, ...] = field(repr=False)
    passage: tuple[int, int, int] | None = None
    fixed: bool = False  # in a number that no provider takes as anything else: better refused than redacted
    signed: bool = False  # in a text of which no byte may change


@frozen
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
    documents: Mapping[int, Document] = field(default_factory=dict, repr=False)
    prints: Prints = NOTHING  # of the system and developer messages, where answers are compared with them


@frozen
class Rewritten:
    """The body as it goes upstream. `body` None = unchanged; `model_span` is the model's JSON string in it."""

    body: bytes | None = field(repr=False)
    model_span: tuple[int, int]  # byte offset, length
    values: Mapping[str, str] = field(repr=False)  # placeholder -> what it stands for
    counts: Mapping[str, int]  # type -> how many stretches were replaced
    unredactable: tuple[str, ...] = ()  # types of what should be replaced and cannot be: do not send the body
    usage_asked: bool = False  # by the gateway, not by the caller: hide the event that brings nothing else


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
    detections, values = _read_otherwise(call, detections, detectors, guards)
    if sum(map(len, detections.spans)) + len(values) > MOST_SPANS:
        too_many = Refused(Reason.CAP_EXCEEDED, {"path": "redactions", "limit": MOST_SPANS})
        return Inspection(too_many, None, 0, (), (), 0, {"parse": (parsed - started) // 1000})
    redactables: tuple[Redactable, ...] = ()
    if values or any(detections.spans):
        redactables = _redactables(call, body, merged(detections.spans, values), state_key, tenant)
    scanned = clock()
    tokens = count_call([text.value for text in call.texts], call.model)
    counted = clock()
    stages = {
        "parse": (parsed - started) // 1000,
        "guard": (scanned - parsed) // 1000,
        "tokens": (counted - scanned) // 1000,
    }
    documents = call.hints.documents
    known = NOTHING
    if guards.output.system_prompt != "off":
        known = prints(text.value for text in call.texts if text.channel == "system")
    _forget_texts(call)
    return Inspection(
        None, call, detections.injection, detections.findings, redactables, tokens, stages, documents, known
    )


def rewrite(
    body: bytes,
    inspection: Inspection,
    redact_kinds: Collection[str],
    redact_types: Collection[str],
    drop: Collection[str],
    max_tokens: int | None,
    guarded: bool = False,
) -> Rewritten:
    """Apply to `body` what was decided: redact these kinds and types, drop these tools, cap the answer's length.

    A stream that is guarded or that values must be restored in is asked for its usage. Bytes outside the changed
    stretches stay.
    """
    call = inspection.call
    if call is None:
        raise ValueError("a refused body cannot be rewritten")
    chosen = [item for item in inspection.redactables if item.kind in redact_kinds or item.type in redact_types]
    signed = tuple(sorted({item.type for item in chosen if item.signed}))
    edits = [edit for item in chosen for edit in item.edits] + _document_edits(chosen, inspection.documents)
    if drop:
        dropped = drop_tools(call, drop)
        edits = [edit for edit in edits if not any(covers(outer, edit) for outer in dropped)] + dropped
    if max_tokens is not None:
        edits += cap_max_tokens(call, max_tokens)
    usage = ask_for_usage(call) if chosen or guarded else []
    edits += usage + impose(call)
    offset, length = call.model_span
    if not edits:
        return Rewritten(None, (offset, length), {}, {}, signed)
    counts: dict[str, int] = {}
    for item in chosen:
        counts[item.type] = counts.get(item.type, 0) + 1
    values = {item.placeholder: item.original for item in chosen}
    return Rewritten(apply(body, edits), (shift(offset, edits), length), values, counts, signed, bool(usage))


def switched_off(guards: Guards) -> Guards:
    """The same guards with every detector off: what is left when they failed and the config lets that pass."""
    return replace(guards, injection=replace(guards.injection, action="off"), pii="off", secrets="off")


def block_reason(inspection: Inspection, guards: Guards) -> tuple[Reason, str] | None:
    """Why the tenant's guards block this body, with the types that did it, or None.

    Secrets before personal data before injections: the more certain finding names the reason. What is to be redacted
    but stands where only a number may stand blocks too: no placeholder fits there.
    """
    fixed = {(item.kind, item.type) for item in inspection.redactables if item.fixed}
    for kind, action, reason in (
        ("secret", guards.secrets, Reason.SECRET),
        ("pii", guards.pii, Reason.PERSONAL_DATA),
    ):
        types = sorted({finding.type for finding in inspection.findings if finding.kind == kind})
        if action == "redact":
            types = sorted(type_ for of_kind, type_ in fixed if of_kind == kind)
        if action in {"block", "redact"} and types:
            return reason, ", ".join(types)
    if guards.injection.action == "block" and inspection.injection >= guards.injection.threshold:
        return Reason.PROMPT_INJECTION, ""
    return None


_NO_HINTS = Hints()


def _forget_texts(call: Call) -> None:
    """An open exchange must not hold its prompt. Nobody else has seen this call yet; a copy costs forty times it."""
    object.__setattr__(call, "texts", ())
    object.__setattr__(call, "hints", _NO_HINTS)


def _document_edits(chosen: Sequence[Redactable], documents: Mapping[int, Document]) -> list[Edit]:
    passages: dict[int, list[tuple[int, int, str]]] = {}
    for item in chosen:
        if item.passage is not None:
            index, start, end = item.passage
            passages.setdefault(index, []).append((start, end, item.placeholder))
    return [edit_document(documents[index], sorted(found)) for index, found in passages.items()]


def _read_otherwise(
    call: Call, detections: Detections, detectors: Detectors, guards: Guards
) -> tuple[Detections, list[Value]]:
    """The detections with what is found only when the texts are read in other ways, and those values."""
    spans = _whole_numbers(call, detections.spans) if any(detections.spans) else detections.spans
    runs = call.hints.runs if guards.injection.action != "off" else ()
    readings = Readings(call) if guards.pii != "off" or guards.secrets != "off" else None
    if not runs and (readings is None or not readings.value):
        return Detections(detections.injection, detections.findings, spans), []
    findings = {(one.kind, one.type, one.channel): one for one in detections.findings}
    injection = detections.injection
    for run in runs:
        met = meetings([call.texts[index].value for index in run])
        first = call.texts[run[0]]
        seen = detectors.scan([replace(first, value=met)], _injection_alone(guards))
        if seen.injection > max(injection, NOTABLE - 1):
            injection = seen.injection
            findings |= {(one.kind, one.type, one.channel): one for one in seen.findings}
    values: list[Value] = []
    if readings is not None and readings.value:
        seen = detectors.scan([Text("", "user", readings.value, 0, 0)], _values_alone(guards))
        values = news(spans, readings.stretches(seen.spans[0]))
        _count(call, values, {one.type: one.score for one in seen.findings}, findings)
    ordered = tuple(findings[key] for key in sorted(findings))
    return Detections(injection, ordered, spans), values


def _count(
    call: Call,
    values: Sequence[Value],
    scores: Mapping[str, int],
    findings: dict[tuple[Kind, str, Channel], Finding],
) -> None:
    """Count the values among the findings of the channel that each begins in."""
    for value in values:
        channel = call.texts[value.stretches[0][0]].channel
        kind: Kind = "pii" if value.type in PII_TYPES else "secret"
        known = findings.get((kind, value.type, channel), Finding(kind, value.type, channel, 0, 0))
        score = max(known.score, scores[value.type])
        findings[kind, value.type, channel] = replace(known, count=known.count + 1, score=score)


@lru_cache(maxsize=64)
def _injection_alone(guards: Guards) -> Guards:
    return replace(guards, pii="off", secrets="off")


@lru_cache(maxsize=64)
def _values_alone(guards: Guards) -> Guards:
    return replace(guards, injection=replace(guards.injection, action="off"))


def _redactables(
    call: Call, body: bytes, values: Sequence[Value], state_key: bytes, tenant: str
) -> tuple[Redactable, ...]:
    fixed = frozenset(call.hints.fixed)
    originals = ["".join(call.texts[text].value[start:end] for text, start, end in one.stretches) for one in values]
    signed = frozenset(call.hints.signed)
    # Of the texts only for what stands there already; of the values for their placeholders. Signed texts quote the
    # placeholders of earlier turns: the same values keep them.
    present = [text for index, text in enumerate(call.texts) if index not in signed]
    texts = [*present, *[Text("", "user", original, 0, 0) for original in originals]]
    spans = [()] * len(present) + [(Span(0, len(said), one.type),) for one, said in zip(values, originals, strict=True)]
    items = [found[0] for found in plan(texts, spans, state_key, tenant).per_text[len(present) :]]
    edits = _edits(call, body, values, items)
    redactables = []
    for value, item, made in zip(values, items, edits, strict=True):
        text, start, end = value.stretches[0]
        passage = (text, start, end) if text in call.hints.documents else None
        redactables.append(
            Redactable(
                item.kind, item.type, item.placeholder, item.original, made, passage, text in fixed, text in signed
            )
        )
    return tuple(redactables)


def _edits(call: Call, body: bytes, values: Sequence[Value], items: Sequence[Replacement]) -> list[tuple[Edit, ...]]:
    """Per value: the placeholder at its first stretch, nothing at the others."""
    wanted: dict[int, list[tuple[int, int, str, int]]] = {}
    for number, (value, item) in enumerate(zip(values, items, strict=True)):
        for text, start, end in value.stretches:
            new = item.placeholder if (text, start, end) == value.stretches[0] else ""
            if text not in call.hints.documents:
                wanted.setdefault(text, []).append((start, end, new, number))
    edits: list[list[Edit]] = [[] for _ in values]
    for text, replacements in wanted.items():
        replacements.sort()
        made = edits_for(call.texts[text], body, [one[:3] for one in replacements])
        for (*_, number), edit in zip(replacements, made, strict=True):
            edits[number].append(edit)
    return [tuple(of_value) for of_value in edits]


def _whole_numbers(call: Call, spans: Sequence[Sequence[Span]]) -> tuple[tuple[Span, ...], ...]:
    """A number is replaced as a whole or not at all: half of it is no number."""
    return tuple(
        (Span(0, len(text.value), found[0].type),) if text.form == "number" and found else tuple(found)
        for text, found in zip(call.texts, spans, strict=True)
    )
