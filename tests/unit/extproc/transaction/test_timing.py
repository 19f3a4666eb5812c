"""What a call says of its times: as much as is known, and no more than the config allows."""

import pytest
from playbook import body, context, head, inspected

from extproc.transaction import effects as fx
from extproc.transaction import events as e
from extproc.transaction.machine import Transaction
from forebay import contract

WALL = 1_700_000_000_000_000  # microseconds; the playbook's heads come at this time
HELLO = b'{"model":"chat","messages":[{"role":"user","content":"hello"}]}'
UNREADABLE = b'{"model":"chat","messages":7}'


def began(ago: int) -> dict[str, str]:
    """Envoy saw the request so many microseconds before its head came here."""
    return {contract.BEGAN: str(WALL - ago)}


def timing(*events: e.Event, on: bool = True) -> str:
    """Of the one answer to Envoy that says anything of it."""
    transaction = Transaction(context(server_timing=on))
    effects = [effect for event in events for effect in transaction.handle(event)]
    (said,) = [effect.timing for effect in effects if isinstance(effect, fx.ForwardRequest | fx.RespondLocally)]
    return said


def test_a_request_let_through_says_what_it_took() -> None:
    """In milliseconds, to the tenth; the guard from the body's arrival on."""
    late = e.BodyInspected(inspected(HELLO).inspection, 2_000 + 1_540_000)
    assert timing(head(**began(230)), body(), late) == "auth;dur=0.2, guard;dur=1.5"


def test_a_refusal_says_what_it_knows() -> None:
    """By the head alone: nothing of a guard."""
    assert timing(head(path="/v1/other", **began(70))) == "auth;dur=0"
    assert timing(head(**began(0)), body(UNREADABLE), inspected(UNREADABLE)) == "auth;dur=0, guard;dur=0"
    failed = e.InspectionFailed(2_000 + 5_000_000_000)
    assert timing(head(**began(0)), body(), failed) == "auth;dur=0, guard;dur=5000"


@pytest.mark.parametrize("ago", [-1_000_000, 7_200_000_000])
def test_a_clock_that_was_set_tells_nothing(ago: int) -> None:
    """Neither before it began nor hours later: what is left is what the other clock says."""
    assert timing(head(**began(ago)), body(), inspected(HELLO)) == "guard;dur=0"


@pytest.mark.parametrize("value", ["", "yesterday", "1.5", "-3", "١٢"])
def test_a_beginning_that_is_no_number_tells_nothing(value: str) -> None:
    """It is Envoy's to write; nothing breaks without it."""
    assert timing(head(**{contract.BEGAN: value}), body(), inspected(HELLO)) == "guard;dur=0"


def test_nothing_is_told_where_the_config_says_so() -> None:
    """On neither way out."""
    assert timing(head(**began(70)), body(), inspected(HELLO), on=False) == ""
    assert timing(head(path="/v1/other", **began(70)), on=False) == ""
