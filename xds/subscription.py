"""What one Envoy wants of one resource type, and what it is known to have.

Known is what it acknowledged, never what was sent: after a NACK all resources of the refused message count as unknown,
because Envoy may have applied some of them, all or none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from xds.snapshot import CDS, ECDS, LDS, SDS, Resource

SPLIT: Final = 1 << 20  # bytes of resources in one response; the rest follows its ACK
_WILDCARD = "*"
_WILDCARD_TYPES = frozenset({CDS, LDS})  # of all others, asking for no name is asking for nothing
_UNKNOWN = ""  # a version no resource has: Envoy may hold some version of it
# Envoy refuses a response that takes a secret away, and fails requests when a filter's config goes; both leave
# together with whatever refers to them
_NEVER_REMOVED = frozenset({SDS, ECDS})
_ONE_BY_ONE = frozenset({SDS})  # a provider's key that Envoy cannot read must not cost the other providers theirs


@dataclass(frozen=True, slots=True)
class View:
    """The resources of one type that a stream may show now, and whether it may already take others away."""

    resources: Mapping[str, Resource]
    version: str  # of the whole snapshot: what Envoy refused may be good beside another resource
    removing: bool


@dataclass(frozen=True, slots=True)
class Due:
    """What the next response holds."""

    resources: tuple[Resource, ...]
    removed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Sent:
    nonce: str
    due: Due
    version: str  # of the view it was taken from


@dataclass(frozen=True, slots=True)
class Refused:
    """A NACK: what Envoy said (it may quote keys: redact before showing it) about which view."""

    text: str = field(repr=False)
    version: str


class Subscription:
    """The delta subscription of one type on one stream."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.requested = False  # nothing is pushed before
        self.refused: Refused | None = None
        self._wildcard = False
        self._names: set[str] = set()
        self._known: dict[str, str] = {}  # name -> acknowledged version
        self._told_absent: set[str] = set()
        self._again: set[str] = set()  # to be sent whatever is known: Envoy asked once more
        self._greeted = False  # the first wildcard is answered even when there is nothing
        self._rejected: dict[str, str] = {}  # of types sent one by one: name -> the view it was refused in
        self._waiting: _Sent | None = None  # the one response without an answer

    # --- what Envoy said ------------------------------------------------------------------------------------------

    def answered(self, nonce: str, error: str | None) -> None:
        """Takes an ACK or a NACK. A nonce that is not the last response's is from long ago: no answer at all."""
        if self._waiting is None or nonce != self._waiting.nonce:
            return
        due, version = self._waiting.due, self._waiting.version
        self._waiting = None
        if error is not None:
            self.refused = Refused(error, version)
            for name in (*(resource.name for resource in due.resources), *due.removed):
                self._known[name] = _UNKNOWN
                self._rejected[name] = version
            return
        for resource in due.resources:
            self._rejected.pop(resource.name, None)
        if self.kind not in _ONE_BY_ONE or not self._rejected:
            self.refused = None
        self._known.update((each.name, each.version) for each in due.resources if self._wants(each.name))
        for name in due.removed:
            self._known.pop(name, None)
        self._told_absent.update(name for name in due.removed if name in self._names)

    def begin(self, subscribe: Iterable[str], unsubscribe: Iterable[str], held: Mapping[str, str]) -> None:
        """The type's first request. What `held` names has survived from an earlier connection."""
        names = set(subscribe)
        self.requested = True
        self._wildcard = self.kind in _WILDCARD_TYPES and (not names or _WILDCARD in names)
        self._names = names - {_WILDCARD} - set(unsubscribe)
        self._known = {name: version for name, version in held.items() if self._wants(name)}
        self._greeted = bool(self._known)  # it had its first answer on the earlier connection

    def change(self, subscribe: Iterable[str], unsubscribe: Iterable[str]) -> None:
        """A later request: names come and go. Naming one again asks for it again: Envoy may have forgotten it."""
        for name in subscribe:
            if name == _WILDCARD:
                self._wildcard = self.kind in _WILDCARD_TYPES
                self._greeted = False
                continue
            self._names.add(name)
            self._again.add(name)
            self._told_absent.discard(name)
        for name in unsubscribe:
            self._drop(name)

    def _drop(self, name: str) -> None:
        if name == _WILDCARD:
            self._wildcard = False
            self._known = {held: version for held, version in self._known.items() if held in self._names}
            return
        if name not in self._names:
            return  # never subscribed: nothing to take back
        self._names.discard(name)
        self._told_absent.discard(name)
        self._again.discard(name)
        if self._wildcard:
            self._again.add(name)  # Envoy dropped it, yet the wildcard still wants it: it must hear what is true
        else:
            self._known.pop(name, None)

    # --- what is to be sent ---------------------------------------------------------------------------------------

    def due(self, view: View) -> Due | None:
        """The next response, or None: nothing to say, an answer is outstanding, or this was refused before."""
        if not self.requested or self._waiting is not None:
            return None
        parked = self.refused is not None and self.refused.version == view.version
        if self.kind in _ONE_BY_ONE:
            parked = False
            candidates = self._wanted(view) - self._refused_in(view) | self._again
        else:
            candidates = self._again if parked else self._wanted(view)
        most = 1 if self.kind in _ONE_BY_ONE else None
        changed = _first((view.resources[name] for name in sorted(candidates) if self._stale(name, view)), most)
        removed = () if parked else tuple(sorted(self._gone(view) | self._absent(view)))
        if changed or removed or (self._wildcard and not self._greeted and not parked):
            return Due(changed, removed)
        return None

    def sent(self, nonce: str, due: Due, view: View) -> None:
        """`due` of `view` is on its way as the response `nonce`."""
        self._waiting = _Sent(nonce, due, view.version)
        self._again.difference_update(resource.name for resource in due.resources)
        self._again.difference_update(due.removed)
        self._greeted = self._greeted or self._wildcard

    # --- where it stands ------------------------------------------------------------------------------------------

    def holds(self, view: View) -> bool:
        """Envoy acknowledged everything of the view that it wants."""
        wanted = self._wanted(view)
        return all(self._known.get(name) == view.resources[name].version for name in wanted)

    def unsettled(self, view: View | None) -> bool:
        """Something is still to be sent, or to be answered."""
        if not self.requested:
            return False
        return view is None or self._waiting is not None or not self.holds(view) or bool(self._gone(view))

    def holds_more_than(self, resources: Mapping[str, Resource]) -> bool:
        """Envoy has something that is in none of `resources`."""
        return any(name not in resources for name in self._known)

    @property
    def waiting(self) -> bool:
        """A response is without its answer."""
        return self._waiting is not None

    def _refused_in(self, view: View) -> set[str]:
        return {name for name, version in self._rejected.items() if version == view.version}

    def _wants(self, name: str) -> bool:
        return self._wildcard or name in self._names

    def _wanted(self, view: View) -> set[str]:
        return set(view.resources) if self._wildcard else self._names & view.resources.keys()

    def _stale(self, name: str, view: View) -> bool:
        found = view.resources.get(name)
        return found is not None and (name in self._again or self._known.get(name) != found.version)

    def _gone(self, view: View) -> set[str]:
        """Held, no longer there, and may go now."""
        if not view.removing:
            return set()
        gone = self._known.keys() - view.resources.keys()
        return gone - self._names if self.kind in _NEVER_REMOVED else gone

    def _absent(self, view: View) -> set[str]:
        """Asked for, never there: Envoy would wait for it. The subscription stays."""
        if self.kind in _NEVER_REMOVED:
            return set()
        asked = (self._names - self._told_absent - self._known.keys()) | self._again
        return asked - view.resources.keys()


def _first(resources: Iterable[Resource], most: int | None) -> tuple[Resource, ...]:
    """As many as fit into one response, `most` at the most; at least one, if there is one."""
    taken: list[Resource] = []
    size = 0
    for resource in islice(resources, most):
        size += len(resource.body)
        if taken and size > SPLIT:
            break
        taken.append(resource)
    return tuple(taken)
