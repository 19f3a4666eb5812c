"""An output guard over text that grows."""

import itertools
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.detectors.scan import Detectors
from extproc.findings import Span
from extproc.streams.guarding import Guarding, detector_scan
from extproc.streams.rewriting import BlockedError
from forebay.config.resolved import Guards, InjectionGuard

REACH = 8
_CODE = re.compile(r"(?<![A-Z0-9-])[A-Z]{2}-?[0-9]{4}(?![A-Z0-9-])")


def scan(text: str) -> list[Span]:
    """Codes like AB-1234 that stand alone: seven characters and one beside them."""
    return [Span(found.start(), found.end(), "CODE") for found in _CODE.finditer(text)]


def fed(guarding: Guarding, text: str, cuts: list[int] | range) -> str:
    """What comes out in all."""
    guard, out = guarding.channel(), ""
    for start, end in itertools.pairwise([0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]):
        out += guard.feed(text[start:end])
        assert guard.held < 3 * REACH + guarding.stride + (end - start) + 12
    out += guard.feed("", True)
    assert guard.held == 0
    return out


PIECES = st.sampled_from(
    ["AB-1234", "XY0000", "AB", "-", "12", "34", " ", "x", "é", "😀", "A long word or two", "[", "{", '"']
)
CUTS = st.lists(st.integers(0, 200), max_size=8)


@given(st.lists(PIECES, max_size=25).map("".join), CUTS, st.sampled_from([1, 16]))
def test_the_verdict_is_that_over_the_whole_text(text: str, cuts: list[int], stride: int) -> None:
    """Found as often, masked in the same places, however it is cut."""
    text = "." + text  # no JSON
    spans = scan(text)
    masked = text
    for span in reversed(spans):
        masked = masked[: span.start] + "[CODE]" + masked[span.end :]
    for chosen in ([], cuts, range(len(text))):
        guarding = Guarding(scan, REACH, mask=True, stride=stride)
        assert fed(guarding, text, chosen) == masked
        assert guarding.found == ({"CODE": len(spans)} if spans else {})


@given(st.lists(PIECES, max_size=12).map("".join), CUTS, st.booleans())
def test_strings_of_json_are_texts_of_their_own(text: str, cuts: list[int], ascii_only: bool) -> None:
    """Their escapes undone for the scan; what is left of them keeps its spelling."""
    arguments = json.dumps({"k": ["a", text], "b\n": "AB-1234"}, ensure_ascii=ascii_only)
    out = fed(Guarding(scan, REACH, mask=True, stride=1), arguments, cuts)
    assert json.loads(out) == {"k": ["a", _CODE.sub("[CODE]", text)], "b\n": "[CODE]"}
    assert fed(Guarding(scan, REACH, mask=False, stride=1), arguments, cuts) == arguments


def test_an_escaped_spelling_hides_nothing() -> None:
    """Neither does a key, or a number."""
    guarding = Guarding(
        lambda text: [Span(m.start(), m.end(), "N") for m in re.finditer("77|é😀", text)], 4, mask=True, stride=1
    )
    text = '{"\\u00377": 1, "n": -1770.5, "s": "\\u00e9\\ud83d\\ude00\\n"}'
    for cuts in ([], range(len(text))):
        assert fed(guarding, text, cuts) == '{"[N]": 1, "n": "[N]", "s": "[N]\\n"}'
    assert guarding.found == {"N": 6}


def test_a_type_that_blocks_ends_the_text() -> None:
    """What is out is out; the finding is not."""
    guard = Guarding(scan, REACH, mask=False, block=["CODE"], stride=1).channel()
    out = guard.feed("Nothing to be seen in here at all, ")
    with pytest.raises(BlockedError):
        guard.feed("AB-1234.", True)
    assert out
    with pytest.raises(BlockedError):
        Guarding(scan, REACH, mask=False, block=["CODE"]).whole("AB-1234")


def test_a_scan_out_of_reach_never_cuts_a_finding() -> None:
    """A scan that breaks its word costs time, not text."""
    guarding = Guarding(lambda text: [Span(0, len(text), "ALL")] if len(text) > 20 else [], 4, mask=True, stride=1)
    guard = guarding.channel()
    assert guard.feed("x" * 30) == ""
    assert guard.feed("", True) == "[ALL]"


def test_the_detectors_of_requests_scan_answers_too() -> None:
    """The same rules, asked through the same door."""
    guards = Guards("g", InjectionGuard("off", 100), "redact", (), "redact", 1.0, "closed")
    text = "Write to eve.adams@example.org or to nobody. " * 6
    for cuts in ([], range(0, len(text), 3)):
        guarding = Guarding(detector_scan(Detectors(), guards), 64, mask=True, stride=16)
        guard, out = guarding.channel(), ""
        for start, end in itertools.pairwise([0, *cuts, len(text)]):
            out += guard.feed(text[start:end])
        out += guard.feed("", True)
        assert out == text.replace("eve.adams@example.org", "[EMAIL_ADDRESS]")
        assert guarding.found == {"EMAIL_ADDRESS": 6}
