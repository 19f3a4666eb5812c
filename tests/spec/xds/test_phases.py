"""Add, switch, remove: no route names a cluster that is not there."""

from xds.stream import Phase


def test_a_switch_between_clusters_takes_three_steps(live):
    """Each waits for the acknowledgement of the one before."""
    stream = live(CDS={"x": "1"}, LDS={"l": "1"}, RDS={"r": "1"})
    assert stream.publish(CDS={"y": "1"}, LDS={"l": "1"}, RDS={"r": "2"}) == ["CDS +y@1"]
    assert stream.ack("CDS") == ["RDS +r@2"]
    assert stream.ack("RDS") == ["CDS -x"]
    assert stream.ack("CDS") == []
    assert stream.stream.phase is Phase.SETTLED


def test_routes_stay_as_they_are_while_clusters_are_refused(live):
    """The new routes may name what was refused."""
    stream = live(CDS={"x": "1"}, LDS={"l": "1"}, RDS={"r": "1"})
    stream.publish(CDS={"y": "1"}, LDS={"l": "1"}, RDS={"r": "2"})
    assert stream.nack("CDS") == []
    assert stream.ask("RDS", "r") == ["RDS +r@1"]
    assert stream.stream.phase is Phase.ADD


def test_clusters_stay_while_routes_are_refused(live):
    """The old routes still name them."""
    stream = live(CDS={"x": "1"}, LDS={"l": "1"}, RDS={"r": "1"})
    stream.publish(CDS={"y": "1"}, LDS={"l": "1"}, RDS={"r": "2"})
    stream.ack("CDS")
    assert stream.nack("RDS") == []
    assert stream.time_out() == []
    assert stream.stream.phase is Phase.SWITCH
    assert stream.stream.stuck


def test_a_change_of_routes_alone_travels_at_once(live):
    """A canary weight is one message."""
    stream = live(CDS={"x": "1"}, LDS={"l": "1"}, RDS={"r": "1"})
    assert stream.publish(CDS={"x": "1"}, LDS={"l": "1"}, RDS={"r": "2"}) == ["RDS +r@2"]


def test_listeners_are_sent_before_routes_and_those_before_secrets(live):
    """The order within one step."""
    stream = live(CDS={"x": "1"}, LDS={"l": "1"}, RDS={"r": "1"}, SDS={"s": "1"}, ECDS={"e": "1"})
    changed = {"LDS": {"l": "2"}, "RDS": {"r": "2"}, "SDS": {"s": "2"}, "ECDS": {"e": "2"}}
    assert stream.publish(CDS={"x": "1"}, **changed) == ["LDS +l@2", "RDS +r@2", "SDS +s@2", "ECDS +e@2"]


def test_a_secret_is_answered_while_its_cluster_is_warming(live):
    """The cluster waits for it, the routes for the cluster."""
    stream = live(CDS={"x": "1"}, LDS={"l": "1"}, RDS={"r": "1"})
    new = {"CDS": {"y": "1"}, "LDS": {"l": "1"}, "RDS": {"r": "2"}, "SDS": {"key": "1"}}
    assert stream.publish(**new) == ["CDS +y@1"]
    assert stream.ask("SDS", "key") == ["SDS +key@1"]


def test_a_newer_snapshot_in_mid_change_starts_over_and_forgets_nothing(live):
    """What was added for the overtaken one is removed in the end."""
    stream = live(CDS={"x": "1"}, LDS={"l": "1"}, RDS={"r": "1"})
    stream.publish(CDS={"y": "1"}, LDS={"l": "1"}, RDS={"r": "2"})
    assert stream.publish(CDS={"z": "1"}, LDS={"l": "1"}, RDS={"r": "3"}) == []
    assert stream.ack("CDS") == ["CDS +z@1"]
    assert stream.ack("CDS") == ["RDS +r@3"]
    assert stream.ack("RDS") == ["CDS -x -y"]


def test_a_cluster_that_comes_back_in_time_is_not_removed(live):
    """The newest snapshot decides."""
    stream = live(CDS={"x": "1"}, LDS={"l": "1"}, RDS={"r": "1"})
    stream.publish(CDS={"y": "1"}, LDS={"l": "1"}, RDS={"r": "2"})
    stream.ack("CDS")
    assert stream.publish(CDS={"x": "1", "y": "1"}, LDS={"l": "1"}, RDS={"r": "3"}) == []
    assert stream.ack("RDS") == ["RDS +r@3"]
    assert stream.ack("RDS") == []


def test_listeners_wait_for_the_clusters_at_start(play):
    """An Envoy that asks for both at once gets clusters first."""
    stream = play(CDS={"x": "1"}, LDS={"l": "1"})
    assert stream.ask("CDS") == ["CDS +x@1"]
    assert stream.ask("LDS") == []
    assert stream.ack("CDS") == ["LDS +l@1"]


def test_a_step_that_takes_too_long_is_reported(live):
    """And goes on as soon as the answer comes."""
    stream = live(CDS={"x": "1"}, LDS={"l": "1"}, RDS={"r": "1"})
    stream.publish(CDS={"y": "1"}, LDS={"l": "1"}, RDS={"r": "2"})
    assert stream.time_out() == []
    assert stream.stream.stuck
    assert stream.ack("CDS") == ["RDS +r@2"]
    assert not stream.stream.stuck
