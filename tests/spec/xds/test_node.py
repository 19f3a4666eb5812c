"""The node and the type of a request."""

from xds.snapshot import CDS
from xds.stream import DiscoveryRequested, Refuse


def test_the_first_request_without_a_node_id_is_refused(play):
    """Nobody is served without a name."""
    nameless = play(CDS={"x": "1"}).stream
    assert nameless.handle(DiscoveryRequested(CDS)) == [Refuse("the first request names no node.id")]


def test_later_requests_inherit_the_node(play):
    """Envoy names itself once (`set_node_on_first_message_only`)."""
    stream = play(CDS={"x": "1"})
    stream.ask("CDS")
    stream.ack("CDS")
    assert stream.stream.node_id == "envoy-1"


def test_a_request_without_a_type_is_refused(play):
    """An aggregated stream cannot guess it."""
    assert play().ask("") == ["refused: an aggregated stream needs a type_url in every request"]


def test_an_unknown_type_is_ignored_and_counted(play):
    """A newer Envoy keeps its stream."""
    stream = play(CDS={"x": "1"})
    assert stream.ask("type.googleapis.com/envoy.service.runtime.v3.Runtime") == []
    assert stream.stream.unknown_types.total() == 1
    assert stream.ask("CDS") == ["CDS +x@1"]
