"""Which canary arm a call belongs to: a salted hash, the same for the same conversation or user."""

from functools import lru_cache
from hashlib import blake2b

from extproc.transaction.exchange import Exchange
from forebay import contract


def bucket(exchange: Exchange) -> int:
    """A number in [0, contract.BUCKETS) by the model's `sticky` key.

    Salted with the model and its arms, so that not the same tenth of users is the canary of every rollout; a change of
    weights alone keeps the salt, and with it everybody's place. Without a sticky key each request has its own place,
    by its request id.
    """
    model = exchange.model
    if model is None:
        raise ValueError("no model chosen")
    digest = _salted(model.name, tuple([arm.backend.name for arm in model.arms])).copy()
    for part in (exchange.tenant_name, *_key(exchange)):
        digest.update(_delimited(part))
    return int.from_bytes(digest.digest(), "big") % contract.BUCKETS


@lru_cache(256)
def _salted(model: str, arms: tuple[str, ...]) -> blake2b:
    """The same for every call of a model; to be copied."""
    digest = blake2b(digest_size=8, person=b"forebay-bucket")
    for part in (model, *sorted(arms)):
        digest.update(_delimited(part))
    return digest


def _delimited(part: str | bytes) -> bytes:
    data = part if isinstance(part, bytes) else part.encode()
    return len(data).to_bytes(4, "big") + data


def _key(exchange: Exchange) -> tuple[str | bytes, ...]:
    call = exchange.inspection.call if exchange.inspection else None
    sticky = exchange.model.sticky if exchange.model else "none"
    if sticky == "user":
        return ("user", (call.user if call else None) or exchange.user or exchange.client)
    if sticky == "conversation" and call is not None:
        return ("conversation", call.conversation)
    return ("request", exchange.request_id)
