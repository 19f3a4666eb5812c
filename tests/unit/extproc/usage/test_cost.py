"""Money is a Decimal from list prices, or explicitly unknown."""

from dataclasses import dataclass
from decimal import Decimal

import genai_prices
import pytest
from genai_prices.data import providers
from hypothesis import given
from hypothesis import strategies as st

from extproc.usage.cost import NO_PRICE, Cost, price

MODELS = [
    (one.id, model.id) for one in providers if one.id in ("openai", "anthropic", "google") for model in one.models
]
COUNTS = st.integers(0, 3_000_000)


@dataclass(frozen=True, slots=True)
class Tokens:
    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_tokens: int = 0


def test_input_and_output_have_their_own_prices() -> None:
    """2.50 and 10 dollars per million."""
    assert price("openai/gpt-4o", Tokens(1_000, 100)) == Cost(Decimal("0.0035"), "genai-prices")


def test_cached_input_is_priced_once() -> None:
    """At its own rate, 1.25, and not at the rate of input too."""
    assert price("openai/gpt-4o", Tokens(1_000, 0, 400)).usd == Decimal("0.002")
    assert price("openai/gpt-4o", Tokens(1_000, 0, 1_000)).usd == Decimal("0.00125")


def test_reasoning_is_output_already() -> None:
    """Providers count it in the output, so it must not be added."""
    with_reasoning, without = (price("openai/o3", Tokens(10, 100, 0, reasoning)) for reasoning in (80, 0))
    assert with_reasoning == without
    assert with_reasoning.usd is not None


def test_no_tokens_cost_nothing() -> None:
    """Known to be nothing, unlike unknown."""
    assert price("openai/gpt-4o", Tokens(0, 0)).usd == 0


@pytest.mark.parametrize("backend", ["mock/parrot", "local/llama-3.3-70b", "openai/gpt", "openai/", "/", "", "gpt-4o"])
def test_an_unknown_model_is_unpriced(backend: str) -> None:
    """Never 0: nobody would notice that it is missing. Open models cost what their server asks."""
    assert price(backend, Tokens(1_000, 100)) == NO_PRICE
    assert NO_PRICE.usd is None
    assert NO_PRICE.source == "unpriced"


@pytest.mark.parametrize("backend", ["primary/gpt-4o", "mock/gpt-4o"])
def test_a_makers_model_has_its_list_price_under_any_provider(backend: str) -> None:
    """Providers of a config are called what their operator likes."""
    assert price(backend, Tokens(1_000, 100)) == price("openai/gpt-4o", Tokens(1_000, 100))


def test_a_known_host_of_open_models_has_its_own_price() -> None:
    """Where the provider is named as the price data names it."""
    assert price("groq/llama-3.3-70b-versatile", Tokens(1_000, 100)).source == "genai-prices"


@pytest.mark.parametrize(
    "tokens", [Tokens(5, 5, 10), Tokens(-1, 5), Tokens(5, -1), Tokens(5, 5, -1), Tokens(5, 5, 0, 0, 9)]
)
def test_numbers_that_make_no_sense_do_not_raise(tokens: Tokens) -> None:
    """They come from a provider."""
    assert price("openai/gpt-4o", tokens).source in ("genai-prices", "unpriced")


def test_what_is_stored_in_a_cache_costs_more_than_input() -> None:
    """3 dollars per million read, 3.75 stored, 0.30 read from the cache."""
    assert price("anthropic/claude-sonnet-4-5", Tokens(1_000, 0, 400, 0, 400)).usd == Decimal("0.00222")
    assert price("openai/gpt-4o", Tokens(1_000, 0, 0, 0, 400)) == price("openai/gpt-4o", Tokens(1_000, 0))


@given(st.sampled_from(MODELS), COUNTS, COUNTS, COUNTS, COUNTS)
def test_a_model_costs_what_the_price_data_says(
    model: tuple[str, str], read: int, written: int, cached: int, stored: int
) -> None:
    """To the last digit, with tiers and without: whatever is computed in advance is not noticed."""
    cached = min(cached, read)
    stored = min(stored, read - cached)
    tokens = genai_prices.Usage(
        input_tokens=read, output_tokens=written, cache_read_tokens=cached, cache_write_tokens=stored
    )
    try:
        listed = genai_prices.calc_price(tokens, model[1], provider_id=model[0])
    except LookupError:  # ids that the data itself looks up under another provider
        return
    ours = price(f"{model[0]}/{model[1]}", Tokens(read, written, cached, 0, stored))
    assert ours.usd == listed.total_price
