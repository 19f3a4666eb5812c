"""All detectors over the texts of one body, as a tenant's guards ask."""

from collections.abc import Collection, Sequence
from dataclasses import field

from extproc.detectors import injection, normalise, pii, secrets
from extproc.detectors.folding import readings
from extproc.detectors.patterns import encode
from extproc.detectors.resolve import Candidate, resolve
from extproc.findings import Channel, Finding, Kind, Span, Text
from forebay.config.resolved import Guards
from forebay.frozen import frozen

# Below this a text is ordinary, and its evidence not worth a line in the record.
NOTABLE = 30

_ALL_PATTERNS = (normalise.PATTERNS, injection.PATTERNS, pii.PATTERNS, pii.NUMBER_PATTERNS, secrets.PATTERNS)


@frozen
class Detections:
    """What was found in one body. `spans` has one tuple per text, disjoint and in order; its repr is left out.

    `injection` is the highest score of any text. `findings` are content-free and sorted.
    """

    injection: int
    findings: tuple[Finding, ...]
    spans: tuple[tuple[Span, ...], ...] = field(repr=False)


class Detectors:
    """The detectors, compiled once per process. Holds no state: safe to share between threads."""

    __slots__ = ()

    def prepare(self) -> None:
        """Compile all patterns now: no text shall wait for it."""
        for patterns in _ALL_PATTERNS:
            patterns.prepare()

    def scan(self, texts: Sequence[Text], guards: Guards) -> Detections:
        """Scan every text for what `guards` do not turn off; a detector that is off costs nothing.

        Pure and linear in the texts. Any exception out of here is a defect, which the caller must take as "not
        inspected" (closed).
        """
        counts: dict[tuple[Kind, str, Channel], tuple[int, int]] = {}
        highest = 0
        spans: list[tuple[Span, ...]] = []
        for text in texts:
            if guards.injection.action != "off":
                evidence = injection.detect(text.value, text.channel)
                highest = max(highest, evidence.score)
                if evidence.score >= NOTABLE:
                    _count(counts, "injection", evidence.strongest, text.channel, evidence.score)
            found = values(text.value, guards.pii != "off", guards.pii_types, guards.secrets != "off")
            for one in found:
                _count(counts, one.kind, one.type, text.channel, one.score)
            spans.append(tuple(Span(one.start, one.end, one.type) for one in found))
        findings = tuple(
            Finding(kind, type_, channel, count, score)
            for (kind, type_, channel), (count, score) in sorted(counts.items())
        )
        return Detections(highest, findings, tuple(spans))


def _count(
    counts: dict[tuple[Kind, str, Channel], tuple[int, int]], kind: Kind, type_: str, channel: Channel, score: int
) -> None:
    count, best = counts.get((kind, type_, channel), (0, 0))
    counts[kind, type_, channel] = (count + 1, max(best, score))


def values(text: str, want_pii: bool, types: Collection[str], want_secrets: bool) -> tuple[Candidate, ...]:
    """Personal data (of these types; none = all) and secrets in one text, resolved across kinds."""
    if not text or not (want_pii or want_secrets):
        return ()
    candidates: list[Candidate] = []
    for folded in readings(text):
        data = encode(folded.text)
        if want_secrets:
            candidates += secrets.find(folded, data)
        if want_pii:
            candidates += pii.find(folded, data, types)
    return resolve(candidates)
