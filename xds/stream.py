"""One delta ADS stream as a state machine: events in, effects out; no socket, clock or protobuf.

A change travels in three phases, so that no route ever names a cluster that is not there:

    add       clusters that are new or changed; nothing is taken away
    switch    listeners and routes, once this Envoy has acknowledged every cluster
    remove    clusters that are no longer wanted, once it has acknowledged listeners and routes

Secrets and extension configs travel at once: what waits for them is warming. The rules of each type's subscription
are in `subscription`.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from xds.snapshot import CDS, LDS, RDS, TYPES, Resource, Snapshot
from xds.subscription import Subscription, View

PATIENCE: Final = 15.0  # seconds a phase may take before it is reported as stuck


class Phase(StrEnum):
    """How far this Envoy is with the newest snapshot."""

    ADD = "add"
    SWITCH = "switch"
    REMOVE = "remove"
    SETTLED = "settled"


# --- events -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DiscoveryRequested:
    """A DeltaDiscoveryRequest came. `error` is its error_detail's message: a NACK when it is not None."""

    type_url: str
    nonce: str = ""
    node_id: str = ""
    subscribe: tuple[str, ...] = ()
    unsubscribe: tuple[str, ...] = ()
    initial_versions: Mapping[str, str] = field(default_factory=dict)
    error: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SnapshotPublished:
    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The time of the Wake with this number is over."""

    number: int


Event = DiscoveryRequested | SnapshotPublished | TimedOut

# --- effects ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Respond:
    """Send a DeltaDiscoveryResponse."""

    type_url: str
    nonce: str
    version: str
    resources: tuple[Resource, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refuse:
    """End the stream with INVALID_ARGUMENT and this message."""

    message: str


@dataclass(frozen=True, slots=True)
class Wake:
    """Answer with TimedOut(number) after so many seconds; an earlier Wake is void."""

    number: int
    seconds: float


Effect = Respond | Refuse | Wake


class AdsStream:
    """One Envoy on one connection."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.node_id = ""
        self.unknown_types: Counter[str] = Counter()
        self.phase = Phase.ADD
        self.stuck = False  # the phase took longer than PATIENCE
        self.subscriptions: dict[str, Subscription] = {kind: Subscription(kind) for kind in TYPES}
        self.target = snapshot
        self._switched: Snapshot | None = None  # what listeners and routes are answered from
        self._nonces = 0
        self._wakes = 0

    def handle(self, event: Event) -> list[Effect]:
        """What is to be done, in this order. Nothing may follow a Refuse."""
        before = self.phase
        if isinstance(event, DiscoveryRequested):
            refusal = self._requested(event)
            if refusal:
                return [refusal]
        elif isinstance(event, SnapshotPublished):
            self._published(event.snapshot)
        elif event.number == self._wakes and self.phase is not Phase.SETTLED:
            self.stuck = True
        effects: list[Effect] = [*self._responses()]
        if self.phase is not before or isinstance(event, SnapshotPublished) or self._wakes == 0:
            self.stuck = False
            self._wakes += 1
            if self.phase is not Phase.SETTLED:
                effects.append(Wake(self._wakes, PATIENCE))
        return effects

    # --- events ---------------------------------------------------------------------------------------------------

    def _requested(self, event: DiscoveryRequested) -> Refuse | None:
        if not self.node_id:
            if not event.node_id:
                return Refuse("the first request names no node.id")
            self.node_id = event.node_id
        if not event.type_url:
            return Refuse("an aggregated stream needs a type_url in every request")
        subscription = self.subscriptions.get(event.type_url)
        if subscription is None:
            # a newer Envoy may know more types than we do; it is not to lose its stream for asking
            self.unknown_types[event.type_url] += 1
            return None
        if subscription.requested:
            subscription.answered(event.nonce, event.error)
            subscription.change(event.subscribe, event.unsubscribe)
            return None
        subscription.begin(event.subscribe, event.unsubscribe, event.initial_versions)
        if subscription.kind == CDS:
            self.phase = Phase.ADD  # whatever came before: what it holds from an earlier connection is known only now
        return None

    def _published(self, snapshot: Snapshot) -> None:
        if snapshot.version != self.target.version:
            self.phase = Phase.ADD
        self.target = snapshot

    # --- phases ---------------------------------------------------------------------------------------------------

    def _responses(self) -> list[Respond]:
        # each acknowledged step may open the next one, so phases go on until one has to wait
        self._advance()
        return [response for kind in TYPES if (response := self._response(kind))]

    def _advance(self) -> None:
        if self.phase is Phase.ADD and self._has_all(CDS):
            self.phase = Phase.SWITCH
            self._switched = self.target
        if self.phase is Phase.SWITCH and self._switched_over():
            self.phase = Phase.REMOVE
        if self.phase is Phase.REMOVE and not self.subscriptions[CDS].unsettled(self._view(CDS)):
            self.phase = Phase.SETTLED

    def _has_all(self, kind: str) -> bool:
        subscription = self.subscriptions[kind]
        return not subscription.requested or subscription.holds(_view_of(self.target, kind, removing=False))

    def _switched_over(self) -> bool:
        """Listeners and routes are acknowledged. An Envoy that has not asked for them yet may still be about to: on a
        new connection it holds what it got on the old one, so only patience tells that it does not want them."""
        for kind in (LDS, RDS):
            subscription = self.subscriptions[kind]
            if not subscription.requested and self.subscriptions[CDS].holds_more_than(self.target.resources[CDS]):
                if not self.stuck:
                    return False
            elif subscription.requested and subscription.unsettled(self._view(kind)):
                return False
        return True

    def settled(self, kind: str) -> bool:
        """This Envoy has acknowledged everything it wants of a type in the newest snapshot."""
        behind = kind in (LDS, RDS) and self._switched is not self.target
        return not behind and not self.subscriptions[kind].unsettled(self._view(kind))

    def _view(self, kind: str) -> View | None:
        if kind in (LDS, RDS):
            return _view_of(self._switched, kind, removing=True) if self._switched else None
        return _view_of(self.target, kind, removing=kind != CDS or self.phase in (Phase.REMOVE, Phase.SETTLED))

    def _response(self, kind: str) -> Respond | None:
        view = self._view(kind)
        due = self.subscriptions[kind].due(view) if view else None
        if view is None or due is None:
            return None
        self._nonces += 1
        nonce = str(self._nonces)
        self.subscriptions[kind].sent(nonce, due, view)
        return Respond(kind, nonce, self.version(kind), due.resources, due.removed)

    def version(self, kind: str) -> str:
        """The version of what this Envoy is shown of a type, "" before anything is shown."""
        shown = self._switched if kind in (LDS, RDS) else self.target
        return shown.type_version(kind) if shown else ""


def _view_of(snapshot: Snapshot, kind: str, *, removing: bool) -> View:
    return View(snapshot.resources[kind], snapshot.version, removing)
