"""The playbook of a delta ADS stream: what Envoy says, what we answer, line by line."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from xds.snapshot import CDS, ECDS, LDS, RDS, SDS, Resource, Snapshot
from xds.stream import AdsStream, DiscoveryRequested, Effect, Refuse, Respond, SnapshotPublished, TimedOut, Wake

KINDS = {"CDS": CDS, "LDS": LDS, "RDS": RDS, "SDS": SDS, "ECDS": ECDS}
SHORT = {url: short for short, url in KINDS.items()}


def snapshot(**resources: dict[str, str]) -> Snapshot:
    """`snapshot(CDS={"x": "1"})`: bodies are versions; nothing here looks into them."""
    by_type = {
        url: {
            name: Resource(url, name, version, version.encode())
            for name, version in sorted(resources.get(short, {}).items())
        }
        for short, url in KINDS.items()
    }
    return Snapshot(by_type, repr(sorted((short, sorted(found.items())) for short, found in resources.items())))


def said(effects: Iterable[Effect]) -> list[str]:
    """Effects as lines: `CDS +x@1 -y`; wake-ups are left out."""
    lines = []
    for effect in effects:
        if isinstance(effect, Refuse):
            lines.append(f"refused: {effect.message}")
        elif isinstance(effect, Respond):
            changed = [f"+{each.name}@{each.version}" for each in effect.resources]
            lines.append(" ".join([SHORT[effect.type_url], *changed, *(f"-{name}" for name in effect.removed)]))
    return lines


@dataclass
class Play:
    """One Envoy talking to one stream. Every method returns the answers as lines."""

    stream: AdsStream
    nonces: dict[str, str] = field(default_factory=dict)
    wake: int = 0
    responses: list[Respond] = field(default_factory=list)

    def ask(self, kind: str, *names: str, **rest: Any) -> list[str]:
        """A request without an answer to anything."""
        url = KINDS.get(kind, kind)
        return self._give(DiscoveryRequested(url, node_id="envoy-1", subscribe=names, **rest))

    def ack(self, kind: str, **rest: Any) -> list[str]:
        return self._give(DiscoveryRequested(KINDS[kind], nonce=self.nonces[kind], **rest))

    def nack(self, kind: str, text: str = "no", **rest: Any) -> list[str]:
        return self._give(DiscoveryRequested(KINDS[kind], nonce=self.nonces[kind], error=text, **rest))

    def publish(self, **resources: dict[str, str]) -> list[str]:
        return self._give(SnapshotPublished(snapshot(**resources)))

    def time_out(self) -> list[str]:
        return self._give(TimedOut(self.wake))

    def _give(self, event: Any) -> list[str]:
        effects = self.stream.handle(event)
        for effect in effects:
            if isinstance(effect, Respond):
                self.nonces[SHORT[effect.type_url]] = effect.nonce
                self.responses.append(effect)
            elif isinstance(effect, Wake):
                self.wake = effect.number
        return said(effects)


@pytest.fixture
def play() -> Any:
    """`play(CDS={...})`: a fresh stream with that snapshot."""
    return lambda **resources: Play(AdsStream(snapshot(**resources)))


@pytest.fixture
def live() -> Any:
    """`live(CDS=..., LDS=..., RDS=...)`: an Envoy that has acknowledged all of it, as one does at start."""

    def start(**resources: dict[str, str]) -> Play:
        started = Play(AdsStream(snapshot(**resources)))
        for kind in ("CDS", "LDS"):
            started.ask(kind)
            started.ack(kind)
        for kind in ("RDS", "SDS", "ECDS"):
            if resources.get(kind):
                started.ask(kind, *resources[kind])
                started.ack(kind)
        return started

    return start
