"""What may be shown of a refusal."""

import pytest
from small_snapshots import cluster, routes

from xds.snapshot import CDS, RDS, Snapshot
from xds.status import Sync, redact, statuses
from xds.stream import AdsStream, DiscoveryRequested, SnapshotPublished, TimedOut

SNAPSHOT = Snapshot.of([cluster("b:one/gpt-4o"), cluster("one"), routes("one")])


@pytest.mark.parametrize(
    "text",
    [
        "Duplicated credential key: 'sk-very-secret-key-1234'",
        'goo.gle/debugonly  credentials { key: "sk-very-secret-key-1234" client: "acme/1" }',
        "Proto constraint validation failed: value sk-very-secret-key-1234 is too short",
    ],
)
def test_a_quoted_key_never_comes_through(text):
    """Neither in clear nor in part."""
    assert "secret" not in redact(text, SNAPSHOT)


def test_names_of_our_resources_and_the_kind_of_fault_come_through():
    """That is what an operator needs."""
    shown = redact("Error adding/updating cluster(s) b:one/gpt-4o: unable to read file: /run/x", SNAPSHOT)
    assert shown.startswith("a file cannot be read; a resource could not be added (b:one/gpt-4o) [")


def test_a_name_inside_another_word_is_no_name():
    """`one` is not in `none`."""
    assert "(one)" not in redact("there is none", SNAPSHOT)


def test_two_refusals_can_be_told_apart():
    """By a hash of what was said."""
    assert redact("a", SNAPSHOT) != redact("b", SNAPSHOT)
    assert redact("a", SNAPSHOT) == redact("a", SNAPSHOT)


def ask(stream, kind, **rest):
    return stream.handle(DiscoveryRequested(kind, node_id="n", **rest))


def test_a_type_goes_from_stale_to_synced():
    """Sent is not acknowledged."""
    stream = AdsStream(SNAPSHOT)
    sent = ask(stream, CDS)
    assert [each.sync for each in statuses(stream)] == [Sync.STALE]
    ask(stream, CDS, nonce=sent[0].nonce)
    assert [(each.node, each.type, each.sync) for each in statuses(stream)] == [("n", "CDS", Sync.SYNCED)]


def test_a_refused_type_is_nacked_with_its_redacted_reason():
    """The rest waits for it."""
    stream = AdsStream(SNAPSHOT)
    sent = ask(stream, CDS)
    ask(stream, RDS, subscribe=("ingress",))
    ask(stream, CDS, nonce=sent[0].nonce, error="Duplicate cluster one: sk-secret")
    found = {each.type: each for each in statuses(stream)}
    assert found["CDS"].sync is Sync.NACKED
    assert found["CDS"].reason.startswith("something is listed twice (one)")
    assert found["RDS"].sync is Sync.STALE


def test_a_step_that_takes_too_long_is_said():
    """Which one, and for which type."""
    stream = AdsStream(SNAPSHOT)
    sent = ask(stream, CDS)
    ask(stream, CDS, nonce=sent[0].nonce)
    changed = Snapshot.of([cluster("one", 9), routes("one")])
    wake = stream.handle(SnapshotPublished(changed))[-1]
    stream.handle(TimedOut(wake.number))
    assert [each.reason for each in statuses(stream)] == ["phase add takes longer than expected"]
