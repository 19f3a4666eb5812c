"""The detectors one at a time, as evaluation asks: plain arguments, plain results."""

from extproc.detectors import injection, pii, secrets
from extproc.detectors.folding import readings
from extproc.detectors.patterns import encode
from extproc.detectors.resolve import resolve
from extproc.findings import Channel

THRESHOLD = 70  # the default of `guards.injection.threshold`, at 0.5 here


def injection_score(text: str, channel: Channel) -> float:
    """The injection score in [0, 1]; block at 0.5, which is the default threshold of 70 in 100."""
    score = injection.detect(text, channel).score
    if score < THRESHOLD:
        return score / (2 * THRESHOLD)
    return 0.5 + (score - THRESHOLD) / (2 * (100 - THRESHOLD))


def personal_data(text: str) -> list[tuple[int, int, str]]:
    """Personal data as (start, end, type) in code points, disjoint and in order; types named as Presidio names them."""
    found = [one for folded in readings(text) for one in pii.find(folded, encode(folded.text), ())]
    return [(one.start, one.end, one.type) for one in resolve(found)]


def secret_spans(text: str) -> list[tuple[int, int, str]]:
    """Secrets as (start, end, rule id) in code points, disjoint and in order."""
    found = [one for folded in readings(text) for one in secrets.find(folded, encode(folded.text))]
    return [(one.start, one.end, one.type) for one in resolve(found)]
