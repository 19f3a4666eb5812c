"""How providers of each API are spoken to: what the egress gate must know of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from forebay import contract
from forebay.config.resolved import Provider
from forebay.contract import Api


@dataclass(frozen=True, slots=True)
class Manner:
    """`operations` are what stands behind a provider's base path.

    `headers` of the caller's pass to these providers alone; the processor has looked at their values. `defaults` are
    added where the caller sent none.
    """

    operations: tuple[str, ...]
    credential: str
    scheme: str  # before the key in that header
    headers: tuple[str, ...] = ()
    defaults: tuple[tuple[str, str], ...] = ()


MANNERS: Final[dict[Api, Manner]] = {
    "openai": Manner(
        operations=tuple(path.removeprefix("/v1") for path in contract.ENDPOINTS["openai"]),
        credential="authorization",
        scheme="Bearer ",
    ),
    "anthropic": Manner(
        operations=contract.ENDPOINTS["anthropic"],
        credential="x-api-key",
        scheme="",
        headers=(contract.ANTHROPIC_VERSION, contract.ANTHROPIC_BETA),
        defaults=((contract.ANTHROPIC_VERSION, "2023-06-01"),),
    ),
}


def manner_of(providers: Iterable[Provider]) -> Manner:
    """That of all these providers. Raises ValueError when they have not one and the same: no model mixes them."""
    (api,) = {provider.api for provider in providers}
    return MANNERS[api]
