"""What both operations share."""

import pytest

from extproc.messages.draft import Draft, booleans, integers, numbers, read_user
from extproc.messages.refusal import Refused
from forebay.config.resolved import Caps
from forebay.outcomes import Reason

CAPS = Caps(messages=9, tools=9, n=3, max_tokens=1000, inputs=3, depth=4)


def test_members_go_to_their_handlers_and_the_rest_is_scanned() -> None:
    """Nothing is left out, and the places of all members are kept in order."""
    draft = Draft(b'{"user":"u","unknown":"x","k":1}', CAPS)
    draft.read({"user": read_user}, (), "document")
    assert [(text.value, text.path) for text in draft.texts.found] == [("u", "user"), ("unknown", "*"), ("x", "*")]
    call = draft.call("embeddings")
    assert [draft.body[member.start : member.end] for member in call.members] == [
        b'"user":"u"',
        b'"unknown":"x"',
        b'"k":1',
    ]


@pytest.mark.parametrize("body", [b'{"i":true}', b'{"f":"x"}', b'{"b":0}'])
def test_handlers_from_tables_check_types(body: bytes) -> None:
    """The tables name the fields."""
    handlers = {**integers({"i": (0, 9)}), **numbers({"f": (0, 1)}), **booleans("b")}
    with pytest.raises(Refused) as caught:
        Draft(body, CAPS).read(handlers, (), "user")
    assert caught.value.reason is Reason.INVALID_TYPE


def test_the_depth_cap_is_the_configured_one() -> None:
    """Five levels are one too many here."""
    with pytest.raises(Refused) as caught:
        Draft(b'{"a":[[[[1]]]]}', CAPS)
    assert caught.value.fields == {"limit": 4}
