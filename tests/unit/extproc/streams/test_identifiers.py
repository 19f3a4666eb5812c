"""Strings that no model writes."""

import pytest

from extproc.streams.identifiers import is_identifier


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
