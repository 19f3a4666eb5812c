"""Strings that no model writes."""

import pytest

from extproc.streams.identifiers import harmless, is_identifier


@pytest.mark.parametrize("text", ["chatcmpl-4111111111111111", "call_AbC", "fp_44709d6fcb", "one/gpt-4o:free"])
def test_ids_and_names_are_no_texts(text: str) -> None:
    """A number in one is nobody's card."""
    assert is_identifier(("choices", 0, "delta", "tool_calls", 0, "id"), text)
    assert is_identifier(("item", "call_id"), text)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("arguments", "id"), "4111111111111111"),
        (("id",), "eve@example.org"),
        (("id",), "two words"),
        (("id",), "x" * 129),
        (("name",), "lookup"),
        ((0,), "id"),
    ],
)
def test_anything_else_is_one(path: tuple[str | int, ...], text: str) -> None:
    """Whatever could be a text, and every other field."""
    assert not is_identifier(path, text)


@pytest.mark.parametrize("text", ["assistant", "web_search_20250305", "response.output_text.delta", "STOP"])
def test_words_of_an_api_are_no_texts(text: str) -> None:
    """What has another form is read, and mostly passes all the same."""
    assert is_identifier(("type",), text) == (text != "STOP")


@pytest.mark.parametrize(
    "text",
    ["ghp_16C7e42F292c6912E7710c838347Ae178B4a", "4111111111111111", "x" * 60, "type_20250305_1"],
)
def test_what_else_stands_where_they_do_is_one(text: str) -> None:
    """A token fits the alphabet of ids, not that of words."""
    assert not is_identifier(("choices", 0, "delta", "role"), text)


def test_padding_is_short_and_random() -> None:
    """Longer than any provider makes it, it could be a token."""
    assert is_identifier(("obfuscation",), "8uPrYfmNfdZ")
    assert not is_identifier(("obfuscation",), "x" * 33)
    assert not is_identifier(("obfuscation",), "two words")


def test_what_is_left_of_a_head_could_be_no_text() -> None:
    """Names and counts."""
    head = {"id": "x-1", "model": "a b", "usage": {"n": 12, "eve@example.org": 1, "x": ["eve", 4111111111111111, None]}}
    assert harmless(head, ()) == {"id": "x-1", "model": "", "usage": {"n": 12, "x": ["", 0, None]}}
