"""Buckets and when to come back."""

import pytest

from forebay.config.resolved import Rate
from xds.translate.client_limit import client_limit, retry_after, token_bucket


@pytest.mark.parametrize(
    ("rate", "expected"),
    [(Rate(3, 60), "20"), (Rate(600, 60), "1"), (Rate(7, 60), "9"), (Rate(1, 86400), "86400"), (Rate(10, 1), "1")],
)
def test_retry_after_is_the_time_of_one_token_rounded_up(rate: Rate, expected: str) -> None:
    """Then an empty bucket surely holds one."""
    assert retry_after(rate) == expected


def test_a_bucket_holds_the_rate() -> None:
    """Envoy refills it evenly."""
    assert token_bucket(Rate(600, 60)) == {"max_tokens": 600, "tokens_per_fill": 600, "fill_interval": "60s"}


def test_an_address_cannot_throw_anothers_bucket_away() -> None:
    """Envoy's default of twenty buckets would."""
    config = client_limit(Rate(5, 60))["typed_config"]
    assert config["max_dynamic_descriptors"] == 100_000
    assert config["always_consume_default_token_bucket"] is False
