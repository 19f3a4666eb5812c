"""Nouns that the type checker keeps from being changed."""

import pickle
from dataclasses import field, replace

import pytest

from forebay.frozen import frozen


@frozen
class Noun:
    """A noun with a field that is not shown."""

    name: str
    secret: str = field(default="x", repr=False)


def test_it_is_a_dataclass_with_slots() -> None:
    """Compared and hashed by its fields, shown without what is not to be shown, and able to travel."""
    one = Noun("a")
    assert (one, hash(one)) == (Noun("a"), hash(Noun("a")))
    assert one != Noun("b")
    assert repr(one) == "Noun(name='a')"
    assert replace(one, name="b") == Noun("b")
    assert pickle.loads(pickle.dumps(one)) == one  # noqa: S301
    with pytest.raises(AttributeError):
        one.other = 1  # type: ignore[attr-defined]
