"""Trailers and refusals as bytes."""

from urllib.parse import unquote_to_bytes

from hypothesis import given
from hypothesis import strategies as st

from extproc.wire.errors import Status
from extproc.wire.responses import TRAILERS_OK, percent_encoded, trailers


@given(st.text(max_size=200))
def test_any_text_survives_as_grpc_message(text):
    """Percent-encoded UTF-8 in printable ASCII; what no UTF-8 can say becomes a question mark."""
    sent = percent_encoded(text)
    assert all(0x20 <= each < 0x7F for each in sent)
    assert unquote_to_bytes(sent) == text.encode("utf-8", "replace")


def test_a_long_text_is_cut_off():
    """A header block stays in one frame."""
    assert len(trailers(Status.INTERNAL, "é" * 100_000)) < 16_384


def test_the_trailers_of_ok_are_always_the_same():
    """They are made once."""
    assert trailers(Status.OK, "") is TRAILERS_OK
