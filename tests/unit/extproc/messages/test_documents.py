"""Encoded texts: read, and written back with what was replaced."""

import json
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.messages.documents import PEEK, SHORT, read_encoded
from extproc.messages.edit import apply, edit_document
from extproc.messages.hints import Document

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('\n"\\😀é/'), min_size=1, max_size=40)


@given(TEXT, st.sampled_from([b64encode, urlsafe_b64encode]), st.booleans(), st.integers(1, PEEK // 2))
def test_a_text_is_read_back_however_it_is_encoded(text: str, encode: object, padded: bool, times: int) -> None:
    """Both alphabets, with and without padding, long and short, cut anywhere when only its beginning is looked at."""
    text *= times
    payload = encode(text.encode()).decode()  # type: ignore[operator]
    payload = payload if padded else payload.rstrip("=")
    for value in ("data:image/png;base64," + payload, payload, "data:text/plain," + quote(text)):
        encoded = read_encoded(value, bare=True)
        assert encoded is not None
        assert encoded.text() == text


@given(TEXT, TEXT, TEXT, st.booleans())
def test_a_replacement_is_encoded_as_its_text_was(before: str, value: str, after: str, base64: bool) -> None:
    """The string stays one of the same kind, and JSON."""
    text = before + value + after
    head = "data:text/plain;base64," if base64 else "data:text/plain,"
    url = head + (b64encode(text.encode()).decode() if base64 else quote(text))
    body = json.dumps({"k": url}).encode()
    document = Document(6, len(body) - 1, head, base64, text)
    edited = apply(body, [edit_document(document, [(len(before), len(before) + len(value), "[X_aaaaaa]")])])
    encoded = read_encoded(json.loads(edited)["k"], bare=False)
    assert encoded is not None
    assert (encoded.head, encoded.text()) == (head, before + "[X_aaaaaa]" + after)


@pytest.mark.parametrize(
    ("value", "media"),
    [
        ("data:image/png;base64,iVBORw0KGgo=", True),
        ("data:video/mp4;base64,AAAAIGZ0eXBpc29t", True),
        ("data:image/png;base64," + "A" * (SHORT + 1), True),
        ("data:image/png;base64," + "A" * SHORT, False),
        ("data:image/png;base64,AKIAIOSFODNN7EXAMPLE", False),
        ("data:image/png,AAAA", False),
        ("data:image/png;base64,iVBORw0KGgo= 4111", False),
        ("data:image/png;x=4111111111111111;base64,iVBORw0KGgo=", False),
    ],
)
def test_media_is_nothing_but_base64_of_something_else(value: str, media: bool) -> None:
    """Short content of an unknown format could be a key or a number as it stands."""
    encoded = read_encoded(value, bare=False)
    assert encoded is not None
    assert encoded.is_media() is media
