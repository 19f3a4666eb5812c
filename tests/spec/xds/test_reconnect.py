"""An Envoy that comes back says what it holds."""


def test_nothing_is_sent_when_everything_is_held(play):
    """Not a byte for 2,000 clusters."""
    stream = play(CDS={"x": "1"}, SDS={"a": "1"})
    assert stream.ask("CDS", "*", initial_versions={"x": "1"}) == []
    assert stream.ask("SDS", "a", initial_versions={"a": "1"}) == []


def test_only_the_differences_are_sent(play):
    """The changed and the new."""
    stream = play(CDS={"x": "2", "y": "1", "z": "1"})
    assert stream.ask("CDS", initial_versions={"x": "1", "y": "1"}) == ["CDS +x@2 +z@1"]


def test_what_is_gone_is_removed_after_the_routes_are_acknowledged(play):
    """The held routes may still name it."""
    stream = play(CDS={"new": "1"}, LDS={"l": "1"}, RDS={"r": "2"})
    assert stream.ask("CDS", initial_versions={"old": "1"}) == ["CDS +new@1"]
    assert stream.ask("LDS", initial_versions={"l": "1"}) == []
    assert stream.ask("RDS", "r", initial_versions={"r": "1"}) == []
    assert stream.ack("CDS") == ["RDS +r@2"]
    assert stream.ack("RDS") == ["CDS -old"]


def test_what_is_gone_is_removed_after_a_while_when_nobody_asks_for_routes(play):
    """An Envoy without listeners is not left with it for ever."""
    stream = play(CDS={"new": "1"})
    stream.ask("CDS", initial_versions={"old": "1"})
    assert stream.ack("CDS") == []
    assert stream.time_out() == ["CDS -old"]
