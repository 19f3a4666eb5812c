"""The ring of API keys: each once, each somebody's, none of them ever shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebay import contract
from xds.translate.keys import KeyRefused, KeyRing

PROBE = "fbp-0123456789abcdef"
ONE, TWO = "key-one-0123456789", "key-two-0123456789"


def test_every_key_knows_its_client_and_the_probe_comes_first() -> None:
    """A client is the tenant and eight hex digits."""
    ring = KeyRing.of({"beta": [TWO], "acme": [ONE]}, PROBE, b"salt")
    assert [key.value for key in ring.keys] == [PROBE, ONE, TWO]
    assert [key.client.partition("/")[0] for key in ring.keys] == [contract.PROBE_TENANT, "acme", "beta"]
    assert all(len(key.client.partition("/")[2]) == 8 for key in ring.keys)


def test_a_fingerprint_depends_on_the_salt() -> None:
    """So that it says nothing about a key outside of this gateway."""
    first, second = (KeyRing.of({"acme": [ONE]}, PROBE, salt) for salt in (b"a", b"b"))
    assert first.keys[1].client != second.keys[1].client


def test_a_key_that_a_tenant_lists_twice_is_kept_once() -> None:
    """Envoy would refuse the list, and print the key."""
    assert len(KeyRing.of({"acme": [ONE, ONE]}, PROBE, b"salt").keys) == 2


REFUSED = {
    "of two tenants": ({"acme": [ONE], "beta": [ONE]}, "tenants acme and beta"),
    "too short": ({"acme": ["k" * 15]}, "key 1 of tenant acme"),
    "with a space": ({"acme": [TWO, "key with a space 01"]}, "key 2 of tenant acme"),
    "with an umlaut": ({"acme": ["schlüssel-0123456789"]}, "key 1 of tenant acme"),
    "with a line end": ({"acme": [ONE + "\n"]}, "key 1 of tenant acme"),
    "like a JWT": ({"acme": ["eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl"]}, "key 1 of tenant acme"),
    "like the probe's": ({"acme": ["fbp-somebody-elses"]}, "key 1 of tenant acme"),
    "the probe's own": ({"acme": [PROBE]}, "key 1 of tenant acme"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_key_that_cannot_work_is_refused_without_being_shown(case: str) -> None:
    """The text names whose and which, never the key."""
    keys, named = REFUSED[case]
    with pytest.raises(KeyRefused) as refused:
        KeyRing.of(keys, PROBE, b"salt")
    assert named in str(refused.value)
    assert not [key for listed in keys.values() for key in listed if key.strip() in str(refused.value)]


def test_a_ring_shows_no_key() -> None:
    """Neither its own repr nor a key's."""
    ring = KeyRing.of({"acme": [ONE]}, PROBE, b"salt")
    assert ONE not in repr(ring) + repr(ring.keys) + str(ring.keys[1])


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), st.lists(st.text(max_size=24), max_size=4)))
def test_whatever_is_in_the_files_the_ring_is_unambiguous_or_refused(keys: dict[str, list[str]]) -> None:
    """No key twice, and no text of a key in a refusal."""
    try:
        ring = KeyRing.of(keys, PROBE, b"salt")
    except KeyRefused as refused:
        assert not [key for listed in keys.values() for key in listed if len(key) > 6 and key in str(refused)]
    else:
        values = [key.value for key in ring.keys]
        assert len(values) == len(set(values))
