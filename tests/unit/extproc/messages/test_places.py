"""Code points to bytes."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.messages.places import byte_places, codepoint_places, utf8_places

TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('\n"\\😀é/'), max_size=30)


@given(TEXT, st.booleans())
def test_each_code_point_begins_where_its_escape_or_bytes_begin(text: str, ascii_only: bool) -> None:
    """Cutting the JSON string at the places gives the code points one by one."""
    content = json.dumps(text, ensure_ascii=ascii_only).encode()[1:-1]
    places = byte_places(content, range(len(text) + 1))
    cuts = [content[start:end] for start, end in itertools.pairwise(places)]
    assert [json.loads(b'"' + cut + b'"') for cut in cuts] == list(text)
    assert places[-1] == len(content)


@given(TEXT)
def test_utf8_places_and_code_points_are_inverse(text: str) -> None:
    """From code points to bytes and back."""
    wanted = range(len(text) + 1)
    assert codepoint_places(text.encode(), utf8_places(text.encode(), wanted)) == list(wanted)


def test_a_place_beyond_the_text_is_an_error() -> None:
    """A detector that reports one is broken."""
    with pytest.raises(ValueError, match="beyond"):
        byte_places(b"abc", [4])
