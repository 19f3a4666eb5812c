"""Buckets: the same for the same conversation, different for the next rollout, spread evenly."""

import json
from collections import Counter

from playbook import context, head, inspection, model

from extproc.transaction.exchange import Exchange
from extproc.transaction.routing import bucket
from forebay import contract


def exchange(sticky: str = "user", *, user: str | None = None, turns: int = 1, **changes: str) -> Exchange:
    """An exchange about to be routed."""
    messages = [{"role": "user", "content": f"turn {turn}"} for turn in range(turns)]
    body = json.dumps({"model": "half", "messages": messages, **({"user": user} if user else {})}).encode()
    given = Exchange(head=head(**changes), tenant=context().tenants["acme"], client="acme/k1")
    given.inspection = inspection(body)
    given.model = model("half", "one/gpt-4o", "two/gpt-4o", sticky=sticky)
    return given


def test_a_users_bucket_stays_and_other_users_have_others() -> None:
    """A thousand users fill the range about evenly."""
    assert bucket(exchange(user="u1")) == bucket(exchange(user="u1", turns=3))
    halves = Counter(bucket(exchange(user=f"u{n}")) < contract.BUCKETS // 2 for n in range(400))
    assert min(halves.values()) > 150


def test_without_a_user_the_credential_decides() -> None:
    """All calls of one key then stay together."""
    assert bucket(exchange()) == bucket(exchange(turns=2))


def test_a_conversation_keeps_its_bucket_as_it_grows() -> None:
    """Its first system and user message name it."""
    assert bucket(exchange("conversation")) == bucket(exchange("conversation", turns=9))


def test_without_a_sticky_key_the_request_decides() -> None:
    """Two requests of one user are two draws."""
    drawn = {bucket(exchange("none", user="u1", x_request_id=f"r{n}")) for n in range(50)}
    assert len(drawn) > 40


def test_a_rollout_with_another_arm_draws_anew() -> None:
    """Not the same tenth of users is the guinea pig every time."""
    first, second = exchange(user="u1"), exchange(user="u1")
    second.model = model("half", "one/gpt-4o", "three/gpt-4o")
    moved = [bucket(_as(first, f"u{n}")) != bucket(_as(second, f"u{n}")) for n in range(5)]
    assert any(moved)


def _as(given: Exchange, user: str) -> Exchange:
    changed = exchange(user=user)
    changed.model = given.model
    return changed
