"""Time is linear in the text, whatever the text is."""

import time

import pytest

from extproc.detectors.scan import Detectors
from extproc.findings import Text
from forebay.config.resolved import Guards, InjectionGuard

GUARDS = Guards("test", InjectionGuard("block", 70), "redact", (), "redact", 1.0, "closed")
SIZE = 200_000


@pytest.mark.parametrize(
    "unit",
    ["a", " ", "1", "1.", "a@", "::", "key=", "ignore all ", "-----BEGIN PRIVATE KEY-----", "http://a:", "\\n", "&#65;",
     "QUJD", "+1 ", "('", "a\u200b", "１", "é", "忽略", "eyJ.", "curl -u ", "a b ", "token: "],
)  # fmt: skip
def test_a_repeated_unit_takes_no_more_than_its_length(unit: str) -> None:
    """200,000 characters of anything are done in a fraction of what a quadratic pattern would need."""
    started = time.perf_counter()
    Detectors().scan([Text("t", "user", unit * (SIZE // len(unit)), 0, 0)], GUARDS)
    assert time.perf_counter() - started < 2.0
