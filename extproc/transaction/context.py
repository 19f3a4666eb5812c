"""What a transaction may know of the configuration it began with, and the pure services it may call."""

from collections.abc import Callable
from dataclasses import field
from typing import Protocol

from extproc.messages.answer import Usage
from extproc.transaction.holdings import Holdings
from forebay.config.resolved import Caps, Jwt, Model, Policies, Tenant
from forebay.frozen import frozen


class Price(Protocol):
    """What an answer cost. `usd` None = nobody knows this model's price."""

    @property
    def usd(self) -> object: ...

    @property
    def source(self) -> str: ...


@frozen
class Context:
    """The configuration's part that decides about calls. Frozen: a transaction ends on what it began with."""

    digest: str
    tenants: dict[str, Tenant]
    models: dict[str, Model]
    caps: Caps
    body_limit: int  # bytes; Envoy's own limit is a little higher, because bodies may grow here
    policies: Policies
    policy_revision: str
    jwt: Jwt | None
    anonymous: bool  # nobody is asked for a credential
    probe_answer: Callable[[str], bytes]  # nonce -> body that only this gateway can give
    price: Callable[[str, Usage], Price]  # backend's model name, usage
    count_tokens: Callable[[str, str], int]  # text, model
    server_timing: bool = True  # callers are told where the time went
    holdings: Holdings = field(default_factory=Holdings)
