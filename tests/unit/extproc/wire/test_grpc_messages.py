"""Messages out of any cut of the bytes."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.wire.errors import CallRefused, Status
from extproc.wire.grpc_messages import PREFIX, Assembler


@given(st.lists(st.binary(max_size=40)), st.lists(st.integers(0, 200)))
def test_messages_do_not_depend_on_where_they_are_cut(messages, cuts):
    """What goes in comes out, in order, and nothing is left."""
    data = b"".join(PREFIX.pack(0, len(each)) + each for each in messages)
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    assembler = Assembler(40)
    pieces = [data[begin:end] for begin, end in pairwise(places)]
    assert [message for piece in pieces for message in assembler.feed(piece)] == messages
    assert assembler.held == 0


@pytest.mark.parametrize(
    ("prefix", "status"),
    [
        (b"\x01\x00\x00\x00\x00", Status.UNIMPLEMENTED),
        (b"\x07\x00\x00\x00\x00", Status.INTERNAL),
        (b"\x00\x00\x00\x00\x0b", Status.RESOURCE_EXHAUSTED),
    ],
)
def test_a_bad_prefix_is_refused_at_once(prefix, status):
    """Before a byte of the message has come; what went before it has been given out."""
    messages = Assembler(10).feed(b"\x00\x00\x00\x00\x01a" + prefix)
    assert next(messages) == b"a"
    with pytest.raises(CallRefused) as refused:
        next(messages)
    assert refused.value.status == status


def test_what_is_held_is_counted_while_a_message_is_short():
    """The prefix, then the message; nothing once it is whole."""
    assembler = Assembler(10)
    held = []
    for byte in b"\x00\x00\x00\x00\x02ab":
        list(assembler.feed(bytes((byte,))))
        held.append(assembler.held)
    assert held == [1, 2, 3, 4, 1, 2, 0]
