"""Nonces, ACK and NACK."""

from xds.snapshot import SDS
from xds.subscription import SPLIT


def test_every_response_has_a_fresh_nonce(play):
    """Never empty, never twice."""
    stream = play(CDS={"x": "1"}, SDS={"a": "1"})
    stream.ask("CDS")
    stream.ask("SDS", "a")
    stream.ack("CDS")
    stream.publish(CDS={"x": "2"}, SDS={"a": "1"})
    nonces = [response.nonce for response in stream.responses]
    assert len(nonces) == len(set(nonces)) == 3
    assert all(nonces)


def test_unchanged_resources_are_not_sent_again(play):
    """Only what differs travels."""
    stream = play(CDS={"x": "1", "y": "1"})
    stream.ask("CDS")
    stream.ack("CDS")
    assert stream.publish(CDS={"x": "1", "y": "2"}) == ["CDS +y@2"]


def test_one_response_per_type_is_under_way_at_a_time(play):
    """What changes meanwhile is sent in its newest state after the ACK."""
    stream = play(CDS={"x": "1"})
    stream.ask("CDS")
    assert stream.publish(CDS={"x": "2"}) == []
    assert stream.publish(CDS={"x": "3"}) == []
    assert stream.ack("CDS") == ["CDS +x@3"]


def test_a_refused_response_is_not_repeated(play):
    """The same bytes would be refused again, for ever."""
    stream = play(CDS={"x": "1"})
    stream.ask("CDS")
    assert stream.nack("CDS") == []
    assert stream.publish(CDS={"x": "1"}) == []


def test_after_a_refusal_everything_of_the_message_is_sent_with_the_next_change(play):
    """Envoy may have applied all, some or none of it."""
    stream = play(CDS={"good": "1", "bad": "1"})
    stream.ask("CDS")
    stream.nack("CDS")
    assert stream.publish(CDS={"good": "1", "bad": "2"}) == ["CDS +bad@2 +good@1"]


def test_a_change_published_before_the_refusal_arrives_is_sent_at_once(play):
    """What was refused is the older one."""
    stream = play(CDS={"x": "1"})
    stream.ask("CDS")
    stream.publish(CDS={"x": "2"})
    assert stream.nack("CDS") == ["CDS +x@2"]


def test_a_refused_resource_that_disappears_is_removed(live):
    """It may have been applied after all."""
    stream = live(CDS={"x": "1"}, LDS={"l": "1"}, RDS={"r": "1"})
    stream.publish(CDS={"x": "1", "bad": "1"}, LDS={"l": "1"}, RDS={"r": "1"})
    stream.nack("CDS")
    assert stream.publish(CDS={"x": "1"}, LDS={"l": "1"}, RDS={"r": "1"}) == ["CDS -bad"]


def test_a_stale_nonce_is_no_answer_but_its_subscriptions_count(play):
    """It crossed a response on the way."""
    stream = play(SDS={"a": "1", "b": "1"})
    stream.ask("SDS", "a")
    assert stream.ask("SDS", "b", nonce="from long ago") == []
    assert stream.ack("SDS") == ["SDS +b@1"]


def test_a_nonce_of_an_earlier_connection_is_ignored(play):
    """Nonces do not survive the stream."""
    assert play(CDS={"x": "1"}).ask("CDS", nonce="7", error="no") == ["CDS +x@1"]


def test_a_refusal_of_one_type_does_not_hold_up_another(live):
    """Secrets rotate while routes are refused."""
    stream = live(CDS={"x": "1"}, LDS={"l": "1"}, RDS={"r": "1"}, SDS={"key": "1"})
    stream.publish(CDS={"x": "1"}, LDS={"l": "1"}, RDS={"r": "2"}, SDS={"key": "1"})
    stream.nack("RDS")
    good = {"CDS": {"x": "1"}, "LDS": {"l": "1"}, "RDS": {"r": "1"}, "SDS": {"key": "2"}}
    assert "SDS +key@2" in stream.publish(**good)


def test_what_was_refused_is_tried_once_more_beside_another_change(live):
    """The fault may have been elsewhere; once for each snapshot, so there is no loop."""
    stream = live(CDS={"x": "1"}, LDS={"l": "1"}, RDS={"r": "1"}, SDS={"key": "1"})
    stream.publish(CDS={"x": "1"}, LDS={"l": "1"}, RDS={"r": "2"}, SDS={"key": "1"})
    stream.nack("RDS")
    changed = {"CDS": {"x": "1"}, "LDS": {"l": "1"}, "RDS": {"r": "2"}, "SDS": {"key": "2"}}
    assert stream.publish(**changed) == ["RDS +r@2", "SDS +key@2"]
    assert stream.nack("RDS") == []
    assert stream.publish(**changed) == []


def test_a_large_answer_comes_in_pieces(play):
    """Each piece waits for the ACK of the one before."""
    big = "v" * (SPLIT // 2 + 1)
    stream = play(CDS={"a": big, "b": big, "c": "1"})
    stream.ask("CDS")
    stream.ack("CDS")
    assert stream.ack("CDS") == []
    assert [len(response.resources) for response in stream.responses] == [1, 2]


def test_the_text_of_a_refusal_is_in_no_repr(play):
    """It may quote a key."""
    stream = play(SDS={"a": "1"})
    stream.ask("SDS", "a")
    stream.nack("SDS", "Duplicated credential key: 'sk-very-secret'")
    assert "sk-very" not in repr(stream.stream.subscriptions[SDS].refused)


def test_a_secret_that_is_refused_costs_the_others_nothing(play):
    """One provider's key that Envoy cannot read must not keep the other providers from theirs."""
    stream = play(SDS={"a": "1", "bad": "1", "c": "1"})
    assert stream.ask("SDS", "a", "bad", "c") == ["SDS +a@1"]
    assert stream.ack("SDS") == ["SDS +bad@1"]
    assert stream.nack("SDS") == ["SDS +c@1"]
    assert stream.ack("SDS") == []
    assert stream.publish(SDS={"a": "1", "bad": "2", "c": "1"}) == ["SDS +bad@2"]
