"""Strings found and exchanged in JSON."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.messages.refusal import Refused
from extproc.streams.changes import LARGE, MOST_VALUES, Body


def test_every_string_is_found_with_its_place() -> None:
    """Keys and empty ones are none."""
    assert sorted(Body(b'{"a":"x","b":[1,{"c":"y"},""],"d":null}').strings()) == [(("a",), "x"), (("b", 1, "c"), "y")]


def test_bytes_outside_the_change_stay() -> None:
    """Their spelling included."""
    data = rb'{ "a" : "caf\u00e9 [X] \/", "b":[ 1.0, "y"]}'
    assert (
        Body(data).changed([(("a",), "café [X] /", "café Z\n /")]) == rb'{ "a" : "caf\u00e9 Z\n \/", "b":[ 1.0, "y"]}'
    )


TEXTS = st.text(max_size=12)


@given(TEXTS, TEXTS, TEXTS, TEXTS, st.booleans())
def test_the_new_text_is_what_stands_there(first: str, second: str, new: str, other: str, ascii_only: bool) -> None:
    """Whatever both have in common."""
    value: dict[str, Any] = {"a": first + second, "b": [other]}
    data = json.dumps(value, ensure_ascii=ascii_only).encode()
    changes = [(("a",), first + second, first + new), (("b", 0), other, other + new)]
    assert json.loads(Body(data).changed(changes)) == {"a": first + new, "b": [other + new]}


def test_json_that_could_be_read_twice_is_refused() -> None:
    """Which of the two would the change be in?"""
    with pytest.raises(Refused):
        Body(b'{"a":"x","a":"x"}')
    with pytest.raises(ValueError, match="object"):
        Body(b"[1]")


def test_a_large_string_with_unusual_escapes_is_written_anew() -> None:
    """What is found in it cannot be placed in no time; the bytes around it stay."""
    old = "\n" * LARGE
    new = old[:-1] + "!"
    data = b'{"a": "' + b"\\u000a" * LARGE + b'", "b": 1}'
    assert Body(data).value["a"] == old
    assert Body(data).changed([(("a",), old, new)]) == b'{"a": ' + json.dumps(new).encode() + b', "b": 1}'


def test_a_large_event_of_many_values_is_refused() -> None:
    """It says nothing, and each costs time."""
    for blank in (b"", b" "):
        numbers = b",".join([blank + b"10000"] * MOST_VALUES)
        with pytest.raises(Refused):
            Body(b'{"a":[' + numbers + b"]}")
