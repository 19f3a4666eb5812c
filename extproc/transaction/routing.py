"""Which canary arm a call belongs to: a salted hash, the same for the same conversation or user."""

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
    digest = blake2b(digest_size=8, person=b"forebay-bucket")
    for part in (model.name, *sorted(arm.backend.name for arm in model.arms), exchange.tenant_name, *_key(exchange)):
        data = part if isinstance(part, bytes) else part.encode()
        digest.update(len(data).to_bytes(4, "big") + data)
    return int.from_bytes(digest.digest(), "big") % contract.BUCKETS


def _key(exchange: Exchange) -> tuple[str | bytes, ...]:
    call = exchange.inspection.call if exchange.inspection else None
    sticky = exchange.model.sticky if exchange.model else "none"
    if sticky == "user":
        return ("user", (call.user if call else None) or exchange.user or exchange.client)
    if sticky == "conversation" and call is not None:
        return ("conversation", call.conversation)
    return ("request", exchange.request_id)
