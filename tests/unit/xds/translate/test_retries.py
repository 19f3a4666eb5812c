"""The config's words for retries and timeouts, in Envoy's."""

from typing import get_args

import pytest

from forebay.config.resolved import Retries, RetryOn, Timeout
from xds.translate.retries import POLICIES, retry_policy, timeouts

TIMEOUT = Timeout(first_token=10, idle=30, total=300)


def test_every_word_of_the_config_is_known() -> None:
    """A new one may not silently mean nothing."""
    assert set(POLICIES) == set(get_args(RetryOn))


@pytest.mark.parametrize(
    ("words", "policy"),
    [
        (("connect",), "connect-failure,refused-stream"),
        (("reset", "timeout"), "reset"),
        (("5xx", "429"), "5xx,retriable-status-codes"),
    ],
)
def test_words_become_envoys(words: tuple[RetryOn, ...], policy: str) -> None:
    """Each once, in the order of the config."""
    made = retry_policy(Retries(words, 0), TIMEOUT, attempts=2)
    assert made["retry_on"] == policy
    assert made.get("retriable_status_codes") == ([429] if "429" in words else None)


def test_there_are_as_many_attempts_as_sub_clusters() -> None:
    """One more would be answered `no healthy upstream` and hide the last provider's answer."""
    assert retry_policy(Retries(("5xx",), 0), TIMEOUT, attempts=3)["num_retries"] == 2


def test_without_a_cause_nothing_is_retried() -> None:
    """An empty list is a decision."""
    assert "retry_on" not in retry_policy(Retries((), 0), TIMEOUT, attempts=2)


def test_idle_is_never_shorter_than_all_attempts_together() -> None:
    """Nothing moves towards the caller while they are made."""
    assert timeouts(TIMEOUT, 1)["idle_timeout"] == "30s"
    assert timeouts(TIMEOUT, 4)["idle_timeout"] == "45s"
    assert timeouts(TIMEOUT, 1)["timeout"] == "300s"


def test_total_is_the_routes_timeout_and_nothing_beside_it() -> None:
    """A `max_stream_duration` in the route would switch `timeout` off."""
    assert set(timeouts(TIMEOUT, 1)) == {"timeout", "idle_timeout"}
