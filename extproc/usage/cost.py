"""What an answer cost: the list price of the model, from data that ships with `genai-prices`. Never the network.

A model that nobody lists is *unpriced*, which is not the same as free.
"""

from decimal import Decimal
from functools import lru_cache
from typing import Final, Literal, Protocol

import genai_prices
from genai_prices.types import ModelPrice

from forebay.frozen import frozen

PRICED: Final = "genai-prices"
UNPRICED: Final = "unpriced"

# Providers whose own models are sold under the same names and prices elsewhere. A provider that the config calls
# `primary` is priced by these; an open model's price depends on who serves it, so its provider must be known.
MAKERS: Final = frozenset({"openai", "anthropic", "google", "x-ai", "cohere"})

REMEMBERED: Final = 1_024  # prices by (provider, model)
REMEMBERED_COSTS: Final = 4_096  # by backend and token counts


class Usage(Protocol):
    """Tokens: those read from or written to a cache are part of the input, reasoning ones of the output."""

    @property
    def input_tokens(self) -> int: ...
    @property
    def output_tokens(self) -> int: ...
    @property
    def cached_tokens(self) -> int: ...
    @property
    def reasoning_tokens(self) -> int: ...
    @property
    def cache_write_tokens(self) -> int: ...


@frozen
class Cost:
    """`usd` None = unpriced."""

    usd: Decimal | None
    source: Literal["genai-prices", "unpriced"]


NO_PRICE: Final = Cost(None, UNPRICED)


def price(backend: str, usage: Usage) -> Cost:
    """The cost of `usage` at `backend` (`provider/model`), or unpriced. Never raises for what a provider can send.

    Cached input is priced once, at its own rate, and so is input written to a cache; reasoning is output and priced as
    such. The provider may be named as genai-prices does (`openai`, `azure`, `groq`, ...); for any other name the price
    of a known maker's model counts.
    """
    return _cost(backend, usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.cache_write_tokens)


@frozen
class _Linear:
    """US dollars per token, for prices without tiers: `fixed` is what a call costs that has no tokens."""

    fixed: Decimal
    read: Decimal
    cached: Decimal
    stored: Decimal
    written: Decimal


@lru_cache(maxsize=REMEMBERED_COSTS)
def _cost(backend: str, read: int, written: int, cached: int, stored: int) -> Cost:
    provider, _, model = backend.partition("/")
    rates = _rates(provider, model)
    if rates is None or min(read, written, cached, stored) < 0:
        return NO_PRICE
    cached = min(cached, read)
    stored = min(stored, read - cached)
    linear = _linear(provider, model)
    if linear is None:
        return Cost(_by_library(rates, read, written, cached, stored), PRICED)
    usd = linear.fixed + linear.read * (read - cached - stored) + linear.cached * cached + linear.stored * stored
    return Cost(usd + linear.written * written, PRICED)


def _by_library(rates: ModelPrice, read: int, written: int, cached: int, stored: int) -> Decimal:
    counted = genai_prices.Usage(
        input_tokens=read, output_tokens=written, cache_read_tokens=cached, cache_write_tokens=stored
    )
    return rates.calc_price(counted)["total_price"]


@lru_cache(maxsize=REMEMBERED)
def _linear(provider: str, model: str) -> _Linear | None:
    """What the library charges for one token of each kind; None where a price depends on how many there are."""
    rates = _rates(provider, model)
    if rates is None or not all(value is None or isinstance(value, Decimal) for value in vars(rates).values()):
        return None
    fixed = _by_library(rates, 0, 0, 0, 0)
    ones = ((1, 0, 0, 0), (1, 0, 1, 0), (1, 0, 0, 1), (0, 1, 0, 0))
    read, cached, stored, written = (_by_library(rates, *one) - fixed for one in ones)
    return _Linear(fixed, read, cached, stored, written)


@lru_cache(maxsize=REMEMBERED)
def _rates(provider: str, model: str) -> ModelPrice | None:
    """The prices per token that hold now; looked up once per process, which is when the data changes too."""
    nothing = genai_prices.Usage(input_tokens=0, output_tokens=0)
    try:
        return genai_prices.calc_price(nothing, model, provider_id=provider).model_price
    except LookupError:
        pass  # not a provider's usual name, or not a model of it: ask by the model alone
    try:
        found = genai_prices.calc_price(nothing, model)
    except LookupError:
        return None
    return found.model_price if found.provider.id in MAKERS else None
