"""The numbers of events."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.streams.numbers import renumbered


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"type":"x","sequence_number":4,"delta":"y"}', b'{"type":"x","sequence_number":17,"delta":"y"}'),
        (b'{"sequence_number" :\n 4 }', b'{"sequence_number" :\n 17 }'),
        (b'{"sequence\\u005fnumber":4,"a":1}', b'{"sequence\\u005fnumber":17,"a":1}'),
        (b'{"a":{"sequence_number":1},"sequence_number":4}', b'{"a":{"sequence_number":1},"sequence_number":17}'),
        (
            b'{"sequence\\u005fnumber":4,"a":{"sequence_number":1}}',
            b'{"sequence\\u005fnumber":17,"a":{"sequence_number":1}}',
        ),
        (b'{"sequence_number":-4}', b'{"sequence_number":17}'),
    ],
)
def test_a_number_is_exchanged_however_it_is_spelled(data: bytes, expected: bytes) -> None:
    """And nothing else: one inside is another's."""
    assert renumbered(data, 17) == expected


@given(st.text(), st.integers(0, 2**40), st.integers(0, 2**40))
def test_what_a_text_says_is_no_number(text: str, before: int, after: int) -> None:
    """Its quotes are escaped."""
    said = {"a": text + '"sequence_number":3', "sequence_number": before, "b": text}
    assert orjson.loads(renumbered(orjson.dumps(said), after)) == {**said, "sequence_number": after}
