"""The name of a conversation."""

from extproc.messages.call import conversation_hash


def test_the_parts_of_an_opening_cannot_be_shifted_into_each_other() -> None:
    """Lengths are hashed too."""
    assert conversation_hash(b"ab", b"c") != conversation_hash(b"a", b"bc")
    assert conversation_hash(b"", b"x") != conversation_hash(b"x", b"")


def test_no_opening_has_no_name() -> None:
    """Routing falls back to the identity then."""
    assert conversation_hash(b"", b"") == b""
