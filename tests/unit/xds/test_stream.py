"""A model of Envoy against the stream: whatever it answers, and whenever, no route is left without its cluster."""

from hypothesis import given
from hypothesis import strategies as st

from xds.snapshot import CDS, LDS, RDS, TYPES, Resource, Snapshot
from xds.stream import AdsStream, DiscoveryRequested, Phase, Respond, SnapshotPublished, TimedOut, Wake

CLUSTERS = st.sampled_from("abcd")


def snapshot(target: str, others: frozenset[str], version: int) -> Snapshot:
    """A route to `target`, and clusters besides."""
    names = {
        CDS: {name: f"{name}{version}" for name in {target, *others}},
        LDS: {"in": "1"},
        RDS: {"ingress": f"{target}{version}"},  # the version says where the route leads
    }
    found = {
        kind: {name: Resource(kind, name, made, b"") for name, made in sorted(names.get(kind, {}).items())}
        for kind in TYPES
    }
    return Snapshot(found, f"{target}{sorted(others)}{version}")


class Envoy:
    """Holds what it is sent; answers when it is told to."""

    def __init__(self, first: Snapshot) -> None:
        self.stream = AdsStream(first)
        self.held: dict[str, dict[str, str]] = {kind: {} for kind in TYPES}
        self.open: dict[str, Respond] = {}
        self.wake = 0
        for kind, names in ((CDS, ()), (LDS, ()), (RDS, ("ingress",))):
            self.take(self.stream.handle(DiscoveryRequested(kind, node_id="n", subscribe=names)))

    def take(self, effects: list) -> None:
        for effect in effects:
            if isinstance(effect, Wake):
                self.wake = effect.number
                continue
            assert effect.type_url not in self.open, "a second response before the answer to the first"
            self.open[effect.type_url] = effect

    def answer(self, kind: str, applied: bool) -> None:
        response = self.open.pop(kind, None)
        if response is None:
            return
        if applied:
            self.held[kind].update({each.name: each.version for each in response.resources})
            for name in response.removed:
                self.held[kind].pop(name, None)
        self.check()
        error = None if applied else "no"
        self.take(self.stream.handle(DiscoveryRequested(kind, nonce=response.nonce, error=error)))

    def check(self) -> None:
        for target in self.held[RDS].values():
            assert target[0] in self.held[CDS], "a route leads to a cluster that is not there"

    def settle(self) -> None:
        for _ in range(50):
            for kind in TYPES:
                self.answer(kind, True)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), CLUSTERS, st.frozensets(CLUSTERS)),
        st.tuples(st.just("answer"), st.sampled_from([CDS, LDS, RDS]), st.booleans()),
        st.tuples(st.just("wait"), st.none(), st.none()),
    ),
    max_size=40,
)


@given(STEPS)
def test_no_route_ever_leads_to_a_cluster_that_is_not_there_and_all_is_well_in_the_end(steps):
    """Changes, acceptances, refusals and time in any order; then a good change and an Envoy that accepts it."""
    envoy = Envoy(snapshot("a", frozenset(), 0))
    for number, (what, one, other) in enumerate(steps, 1):
        if what == "publish":
            envoy.take(envoy.stream.handle(SnapshotPublished(snapshot(one, other, number))))
        elif what == "answer":
            envoy.answer(one, other)
        else:
            envoy.take(envoy.stream.handle(TimedOut(envoy.wake)))
    last = snapshot("d", frozenset("a"), len(steps) + 1)
    envoy.take(envoy.stream.handle(SnapshotPublished(last)))
    envoy.settle()
    assert envoy.stream.phase is Phase.SETTLED
    assert envoy.open == {}
    for kind in (CDS, LDS, RDS):
        assert envoy.held[kind] == {name: each.version for name, each in last.resources[kind].items()}
