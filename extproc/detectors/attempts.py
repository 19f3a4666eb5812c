"""Which matches of a pattern are the value looked for: a decoy in front of the value does not use it up.

`finditer` goes on behind a match, so a refused match would take with it whatever begins inside it. Here the search goes
on one character after its beginning: every place of the text is tried once at the most, and a pattern is bounded, so
the time stays linear.
"""

import re
from collections.abc import Callable, Iterator
from typing import TypeVar

Found = TypeVar("Found")


def accepted(
    pattern: re.Pattern[str],
    text: str,
    low: int,
    high: int,
    accept: Callable[[re.Match[str]], tuple[int, Found] | None],
) -> Iterator[Found]:
    """What `accept` makes of the matches in `text[low:high]`, in order.

    `accept` gives where the value it took ends, and the value; or None to refuse a match. The search goes on where an
    accepted value ends, and one character after the beginning of a refused match. `accept` is called no more often than
    the stretch has characters.
    """
    match = pattern.search(text, low, high)
    while match is not None:
        taken = accept(match)
        position = match.start() + 1
        if taken is not None:
            end, found = taken
            position = max(position, end)
            yield found
        match = pattern.search(text, position, high)


class Verdicts:
    """A check's answers by the text they were given for: the same value a thousand times over is checked once."""

    __slots__ = ("_answers", "_check")

    def __init__(self, check: Callable[[str], bool]) -> None:
        self._check = check
        self._answers: dict[str, bool] = {}

    def __call__(self, value: str) -> bool:
        """What the check says of `value`."""
        answer = self._answers.get(value)
        if answer is None:
            answer = self._answers[value] = self._check(value)
        return answer
