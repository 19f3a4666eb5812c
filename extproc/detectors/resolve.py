"""Overlapping spans -> the ones that count."""

from collections.abc import Iterable
from dataclasses import dataclass

from extproc.findings import Kind


@dataclass(frozen=True, slots=True)
class Candidate:
    """A span that may stand, in code points of the original; `rank` decides between kinds and types that overlap."""

    start: int
    end: int
    type: str
    kind: Kind
    rank: int
    score: int


def resolve(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """The candidates that stand, in order and disjoint: higher rank first, then the longer, then the earlier.

    What loses against a higher rank but reaches out of it keeps the parts nothing else covers, so that nothing found
    stays readable.
    """
    taken: list[Candidate] = []
    ordered = sorted(set(candidates), key=lambda one: (one.start, -one.rank, -(one.end - one.start), one.type))
    for candidate in ordered:
        current = candidate
        while taken and current.start < taken[-1].end:
            previous = taken[-1]
            if _beats(current, previous):
                taken.pop()
                current = _widened(current, previous)
            else:
                taken.pop()
                current = _widened(previous, current)
        taken.append(current)
    return tuple(taken)


def _beats(one: Candidate, other: Candidate) -> bool:
    return (one.rank, one.end - one.start, -one.start) > (other.rank, other.end - other.start, -other.start)


def _widened(winner: Candidate, loser: Candidate) -> Candidate:
    """The winner; over both stretches when they only partly overlap, since half a value is still a value."""
    start, end = min(winner.start, loser.start), max(winner.end, loser.end)
    if (start, end) == (winner.start, winner.end) or (loser.start <= winner.start and winner.end <= loser.end):
        return winner
    return Candidate(start, end, winner.type, winner.kind, winner.rank, winner.score)
