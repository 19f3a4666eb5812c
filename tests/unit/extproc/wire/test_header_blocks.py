"""Header blocks: remembered only where they mean the same every time, and encoded so that anybody can read them."""

import pytest
from hpack import Decoder, Encoder
from hypothesis import given
from hypothesis import strategies as st

from extproc.wire.errors import ConnectionFault
from extproc.wire.header_blocks import HeaderBlocks, encoded

HEADERS = ((b"x-a", b"1"), (b"x-b", b"2"))


def counting(table_size):
    """Header blocks, and the list of all that were decoded."""
    seen = []

    def read(headers):
        seen.append(headers)
        return headers

    return HeaderBlocks(read, 65_536, table_size), seen


def test_a_block_is_not_remembered_before_the_acknowledgement():
    """Until then the peer's table may change what the same bytes mean."""
    blocks, seen = counting(0)
    encoder = Encoder()
    first, second = encoder.encode(HEADERS, huffman=False), encoder.encode(HEADERS, huffman=False)
    other = encoder.encode([(b"x-c", b"3"), (b"x-d", b"4")], huffman=False)
    assert [blocks.request(block) for block in (first, second)] == [HEADERS, HEADERS]
    blocks.request(other)
    assert blocks.request(second) == ((b"x-c", b"3"), (b"x-d", b"4")) != HEADERS
    assert len(seen) == 4


def test_a_block_is_remembered_once_there_is_no_table():
    """The same bytes are decoded once."""
    blocks, seen = counting(0)
    blocks.settings_acknowledged()
    blocks.request(b"\x20")
    block = encoded(HEADERS)
    assert [blocks.request(block) for _ in range(3)] == [HEADERS] * 3
    assert seen == [(), HEADERS]


def test_with_a_table_nothing_is_remembered():
    """Memory is for blocks that stand for themselves."""
    blocks, seen = counting(4096)
    blocks.settings_acknowledged()
    for _ in range(2):
        blocks.request(encoded(HEADERS))
    assert len(seen) == 2


def test_memory_for_blocks_is_bounded():
    """By their number and by their size."""
    blocks, seen = counting(0)
    blocks.settings_acknowledged()
    blocks.request(b"\x20")
    large = encoded([(b"x", b"y" * 2_000)])
    for _ in range(2):
        blocks.request(large)
    assert len(seen) == 3
    first = encoded(HEADERS)
    for block in (first, *(encoded([(b"x", b"%d" % number)]) for number in range(200)), first):
        blocks.request(block)
    assert len(seen) == 3 + 202


def test_insertions_into_no_table_leave_nothing():
    """Envoy may go on to send fields `with incremental indexing`: they mean themselves."""
    blocks, _ = counting(0)
    blocks.settings_acknowledged()
    block = b"\x20\x40\x01a\x01b"
    assert blocks.request(block) == blocks.request(block) == ((b"a", b"b"),)
    with pytest.raises(ConnectionFault):
        blocks.request(b"\xbe")


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=300), st.binary(max_size=300))))
def test_what_we_encode_is_read_by_others(headers):
    """By the library's decoder, with no table at all."""
    decoder = Decoder(max_header_list_size=10**7)
    decoder.max_allowed_table_size = decoder.header_table_size = 0
    assert [tuple(each) for each in decoder.decode(encoded(headers), raw=True)] == headers


@given(st.binary())
def test_any_block_is_decoded_or_refused(block):
    """Nothing else is raised."""
    blocks, _ = counting(0)
    try:
        assert isinstance(blocks.decode(block), tuple)
    except ConnectionFault as fault:
        assert fault.code.name in {"COMPRESSION_ERROR", "ENHANCE_YOUR_CALM"}
