"""What is asked for is answered; what is not asked for is not sent."""


def test_an_empty_first_request_means_everything(play):
    """The legacy wildcard of clusters and listeners."""
    assert play(CDS={"x": "1", "y": "1"}).ask("CDS") == ["CDS +x@1 +y@1"]


def test_a_star_means_everything(play):
    """The explicit wildcard."""
    assert play(CDS={"x": "1"}).ask("CDS", "*") == ["CDS +x@1"]


def test_an_empty_first_request_for_secrets_means_nothing(play):
    """Only clusters and listeners have a wildcard."""
    assert play(SDS={"key": "1"}).ask("SDS") == []


def test_the_first_wildcard_is_answered_even_when_there_is_nothing(play):
    """Envoy would wait for it at start."""
    stream = play()
    assert stream.ask("CDS") == ["CDS"]
    assert stream.ack("CDS") == []


def test_the_legacy_wildcard_stays_until_the_star_is_taken_back(play):
    """The protocol's four-step example for incremental streams."""
    stream = play(CDS={"a": "1", "b": "1"})
    assert stream.ask("CDS") == ["CDS +a@1 +b@1"]
    assert stream.ack("CDS", subscribe=("a",)) == ["CDS +a@1"]
    assert stream.ack("CDS", unsubscribe=("*",)) == []
    assert stream.publish(CDS={"a": "2", "b": "2"}) == ["CDS +a@2"]
    assert stream.ack("CDS", unsubscribe=("a",)) == []
    assert stream.publish(CDS={"a": "3", "b": "3"}) == []


def test_types_without_a_subscription_are_never_pushed(play):
    """Envoy drops such a response without any answer."""
    stream = play(CDS={"x": "1"}, SDS={"key": "1"})
    stream.ask("CDS")
    stream.ack("CDS")
    assert stream.publish(CDS={"x": "1"}, SDS={"key": "2"}) == []


def test_names_are_subscribed_one_by_one(play):
    """A later name adds to the earlier ones."""
    stream = play(SDS={"a": "1", "b": "1"})
    assert stream.ask("SDS", "a") == ["SDS +a@1"]
    assert stream.ack("SDS", subscribe=("b",)) == ["SDS +b@1"]


def test_a_name_asked_for_again_is_sent_again(play):
    """Envoy may have forgotten it."""
    stream = play(SDS={"a": "1"})
    stream.ask("SDS", "a")
    stream.ack("SDS")
    assert stream.ask("SDS", "a") == ["SDS +a@1"]


def test_an_unknown_name_is_said_to_be_absent_and_sent_when_it_appears(play):
    """The subscription stays."""
    stream = play(CDS={"x": "1"})
    assert stream.ask("CDS", "later") == ["CDS -later"]
    assert stream.ack("CDS") == []
    assert stream.publish(CDS={"later": "1"}) == ["CDS +later@1"]


def test_an_unknown_secret_is_not_said_to_be_absent(play):
    """Envoy refuses a response that only removes secrets; it gets the secret when there is one."""
    stream = play()
    assert stream.ask("SDS", "later") == []
    assert stream.publish(SDS={"later": "1"}) == ["SDS +later@1"]


def test_unsubscribing_a_name_under_a_wildcard_is_answered(play):
    """Envoy has dropped it, the wildcard still wants it."""
    stream = play(CDS={"x": "1"})
    stream.ask("CDS", "*", "x", "gone")
    assert stream.ack("CDS", unsubscribe=("x",)) == ["CDS +x@1"]
    assert stream.ack("CDS", unsubscribe=("gone",)) == ["CDS -gone"]


def test_unsubscribing_what_was_never_subscribed_is_ignored(play):
    """No answer, no harm."""
    stream = play(SDS={"a": "1"})
    stream.ask("SDS", "a")
    assert stream.ack("SDS", unsubscribe=("b",)) == []


def test_unsubscribing_ends_the_pushes(play):
    """The rest goes on."""
    stream = play(SDS={"a": "1", "b": "1"})
    stream.ask("SDS", "a", "b")
    stream.ack("SDS")
    stream.ack("SDS", unsubscribe=("a",))
    assert stream.publish(SDS={"a": "2", "b": "2"}) == ["SDS +b@2"]


def test_a_secret_that_is_gone_is_never_taken_away(live):
    """Whatever refers to it goes first; Envoy refuses otherwise."""
    stream = live(CDS={"x": "1"}, LDS={"l": "1"}, SDS={"key": "1"}, ECDS={"keys": "1"})
    assert stream.publish(CDS={"x": "1"}, LDS={"l": "1"}) == []
