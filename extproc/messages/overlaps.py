"""Spans of single texts and stretches over several of them -> values that do not overlap."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from extproc.findings import Span
from extproc.messages.readings import Stretch
from forebay.frozen import frozen


@frozen
class Value:
    """One value to redact: its type and where it stands, in one text or as pieces of several; in order."""

    type: str
    stretches: tuple[Stretch, ...]


def news(spans: Sequence[Sequence[Span]], read: Iterable[tuple[str, list[Stretch]]]) -> list[Value]:
    """Of what was found in other readings, the values that are not covered by `spans`, each once.

    `spans` has the disjoint spans of every text, in order.
    """
    starts: dict[int, list[int]] = {}

    def covered(stretch: Stretch) -> bool:
        text, start, end = stretch
        if text not in starts:
            starts[text] = [span.start for span in spans[text]]
        at = bisect_right(starts[text], start) - 1
        return at >= 0 and end <= spans[text][at].end

    values = (Value(type_, tuple(sorted(found))) for type_, found in read if not all(map(covered, found)))
    return list(dict.fromkeys(values))


def merged(spans: Sequence[Sequence[Span]], found: Sequence[Value]) -> list[Value]:
    """The spans as values, and `found`; those that overlap become one, of the longest one's type, over all of them."""
    values = [
        Value(span.type, ((text, span.start, span.end),)) for text, of_text in enumerate(spans) for span in of_text
    ]
    values += found
    leader = list(range(len(values)))

    def lead(index: int) -> int:
        while leader[index] != index:
            leader[index] = leader[leader[index]]
            index = leader[index]
        return index

    last_text, last_end, last = -1, 0, 0
    places = [(*stretch, number) for number, value in enumerate(values) for stretch in value.stretches]
    for text, start, end, index in sorted(places):
        if text == last_text and start < last_end:
            leader[lead(index)] = lead(last)
            last_end = max(last_end, end)
        else:
            last_text, last_end, last = text, end, index
    groups: dict[int, list[Value]] = {}
    for index, value in enumerate(values):
        groups.setdefault(lead(index), []).append(value)
    joined = [_joined(group) for group in groups.values()]
    return sorted(joined, key=lambda value: value.stretches)


def _joined(group: Sequence[Value]) -> Value:
    if len(group) == 1 and len(group[0].stretches) == 1:
        return group[0]
    longest = max(group, key=lambda value: sum(end - start for _, start, end in value.stretches))
    stretches: list[Stretch] = []
    for text, start, end in sorted(stretch for value in group for stretch in value.stretches):
        if stretches and stretches[-1][0] == text and start <= stretches[-1][2]:
            stretches[-1] = (text, stretches[-1][1], max(stretches[-1][2], end))
        else:
            stretches.append((text, start, end))
    return Value(longest.type, tuple(stretches))
