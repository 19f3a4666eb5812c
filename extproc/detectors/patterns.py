"""Many patterns, one pass: Hyperscan databases and what their byte offsets mean in code points.

A pattern here is a *trigger*: cheap, bounded, and allowed to be a little too wide. What it finds is confirmed by an
exact `re` pattern that runs only around the trigger, so the time is linear in the text whatever the text is.
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from typing import Any, Protocol

import hyperscan


@dataclass(frozen=True, slots=True)
class Trigger:
    """One Hyperscan pattern of a rule. `start` asks for the match's start too, which large patterns cannot give."""

    rule: int
    pattern: bytes
    caseless: bool = True
    start: bool = False
    once: bool = False  # report the first match only


# A trigger that fired: rule, byte offset of its start (0 when it did not ask for one) and of its end.
Hit = tuple[int, int, int]


class Patterns:
    """A database, compiled at its first scan. Safe in any number of threads: each has a scratch space of its own.

    A match callback that fails makes `scan` raise what it raised; nothing is skipped silently.
    """

    __slots__ = ("_compiling", "_database", "_local", "_scratch", "_triggers")

    def __init__(self, triggers: Sequence[Trigger]) -> None:
        self._triggers = tuple(triggers)
        self._compiling = threading.Lock()
        self._database: Any = None
        self._local = threading.local()

    def scan(self, data: bytes) -> list[Hit]:
        """Every hit in `data`, in order of where it ends.

        Raises `hyperscan.error` for a pattern Hyperscan cannot take (a fault of ours).
        """
        if not data or not self._triggers:
            return []
        scratch = getattr(self._local, "scratch", None)
        if scratch is None:
            scratch = self._local.scratch = self._prepared().clone()
        hits: list[Hit] = []
        self._database.scan(data, match_event_handler=_collect, context=hits, scratch=scratch)
        return hits

    def prepare(self) -> None:
        """Compile now, which takes up to seconds, rather than at the first scan; or load, where a store has it."""
        if self._triggers:
            self._prepared()

    def _prepared(self) -> Any:
        """A scratch space to clone."""
        with self._compiling:
            if self._database is None:
                database = _stored(self._triggers) or _compiled(self._triggers)
                self._scratch = hyperscan.Scratch(database)
                self._database = database
        return self._scratch


class Store(Protocol):
    """Where compiled databases are kept from one process to the next."""

    def load(self, name: str) -> bytes | None:
        """What was saved under this name by somebody who may be trusted; None if there is nothing."""

    def save(self, name: str, data: bytes) -> None:
        """Keep it, if that is possible."""


def keep_in(store: Store) -> None:
    """From now on databases are taken from this store rather than compiled, and put there."""
    global _store
    _store = store


_store: Store | None = None


def _stored(triggers: Sequence[Trigger]) -> Any:
    data = _store.load(_name(triggers)) if _store is not None else None
    if data is None:
        return None
    try:
        return hyperscan.loadb(data, mode=hyperscan.HS_MODE_BLOCK)
    except hyperscan.error:  # of another machine or version: compile
        return None


def _compiled(triggers: Sequence[Trigger]) -> Any:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[trigger.pattern for trigger in triggers],
        ids=[trigger.rule for trigger in triggers],
        flags=[_flags(trigger) for trigger in triggers],
    )
    if _store is not None:
        _store.save(_name(triggers), hyperscan.dumpb(database))
    return database


def _name(triggers: Sequence[Trigger]) -> str:
    """The same for the same patterns under the same library only."""
    return sha256(repr((version("hyperscan"), triggers)).encode()).hexdigest()


def _collect(rule: int, start: int, end: int, _flags: int, context: object) -> None:
    context.append((rule, start, end))  # type: ignore[attr-defined]  # ours: the list `scan` passes


def _flags(trigger: Trigger) -> int:
    flags = 0
    if trigger.caseless:
        flags |= hyperscan.HS_FLAG_CASELESS
    if trigger.start:
        flags |= hyperscan.HS_FLAG_SOM_LEFTMOST
    if trigger.once:
        flags |= hyperscan.HS_FLAG_SINGLEMATCH
    return flags


def encode(text: str) -> bytes:
    """UTF-8, with a `?` for a lone surrogate, so that code points and characters still correspond one to one."""
    return text.encode("utf-8", "replace")


def code_points(data: bytes, offsets: Iterable[int], *, ascii_only: bool) -> dict[int, int]:
    """Byte offset -> code-point offset for the given offsets into UTF-8 `data`, in one pass.

    An offset inside a character counts as the character's end.
    """
    if ascii_only:
        return {offset: offset for offset in offsets}
    table: dict[int, int] = {}
    position = points = 0
    for offset in sorted(set(offsets)):
        piece = data[position:offset]
        # Every byte that is not a continuation byte (10xxxxxx) starts a character.
        points += len(piece.translate(None, _CONTINUATION))
        position = offset
        table[offset] = points
    return table


_CONTINUATION = bytes(range(0x80, 0xC0))


def windows(ends: Iterable[int], before: int, after: int, limit: int) -> list[tuple[int, int]]:
    """Disjoint stretches `[end - before, end + after)` around trigger ends, within `limit`; overlapping ones joined."""
    joined: list[tuple[int, int]] = []
    for end in sorted(set(ends)):
        low, high = max(0, end - before), min(limit, end + after)
        if joined and low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return joined
