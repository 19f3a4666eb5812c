"""Attempts are remembered for their request."""

from forebay.record import attempts as module
from forebay.record.attempts import Attempts
from forebay.record.model import AttemptRecord


def attempt(request_id: str | None, status: int = 200) -> AttemptRecord:
    return AttemptRecord(1, "attempt", request_id, None, "p", "m", status, (), 1, 1, 1)


def test_the_attempts_of_a_request_come_back_once_in_order() -> None:
    """The request's line ends them."""
    attempts = Attempts()
    for status in (500, 429, 200):
        attempts.remember(attempt("r", status))
    assert [item.status for item in attempts.recall("r")] == [500, 429, 200]
    assert attempts.recall("r") == ()


def test_an_attempt_without_an_id_belongs_to_nobody() -> None:
    """It must not be given to the next request without one."""
    attempts = Attempts()
    attempts.remember(attempt(None))
    assert attempts.recall(None) == ()


def test_the_oldest_are_forgotten_first() -> None:
    """Memory is bounded, whatever the ids are."""
    attempts = Attempts()
    for number in range(module.MOST_REQUESTS + 1):
        attempts.remember(attempt(f"r{number}"))
    assert attempts.recall("r0") == ()
    assert attempts.recall("r1")


def test_one_request_keeps_a_bounded_number() -> None:
    """A request that is tried for ever fills no memory."""
    attempts = Attempts()
    for _ in range(100):
        attempts.remember(attempt("r"))
    assert len(attempts.recall("r")) == module.MOST_ATTEMPTS
