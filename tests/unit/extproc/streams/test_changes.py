"""Strings found and exchanged in JSON."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.messages.refusal import Refused
from extproc.streams.changes import changed, strings


def test_every_string_is_found_with_its_place() -> None:
    """Keys and empty ones are none."""
    assert sorted(strings({"a": "x", "b": [1, {"c": "y"}, ""], "d": None})) == [(("a",), "x"), (("b", 1, "c"), "y")]


def test_bytes_outside_the_change_stay() -> None:
    """Their spelling included."""
    data = rb'{ "a" : "caf\u00e9 [X] \/", "b":[ 1.0, "y"]}'
    assert changed(data, [(("a",), "café [X] /", "café Z\n /")]) == rb'{ "a" : "caf\u00e9 Z\n \/", "b":[ 1.0, "y"]}'


TEXTS = st.text(max_size=12)


@given(TEXTS, TEXTS, TEXTS, TEXTS, st.booleans())
def test_the_new_text_is_what_stands_there(first: str, second: str, new: str, other: str, ascii_only: bool) -> None:
    """Whatever both have in common."""
    value: dict[str, Any] = {"a": first + second, "b": [other]}
    data = json.dumps(value, ensure_ascii=ascii_only).encode()
    changes = [(("a",), first + second, first + new), (("b", 0), other, other + new)]
    assert json.loads(changed(data, changes)) == {"a": first + new, "b": [other + new]}


def test_json_that_could_be_read_twice_is_refused() -> None:
    """Which of the two would the change be in?"""
    with pytest.raises(Refused):
        changed(b'{"a":"x","a":"x"}', [(("a",), "x", "y")])
