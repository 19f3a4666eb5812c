"""What one stream remembers of what it has read, counted: the provider decides how much of that there is."""

from hashlib import blake2b
from typing import Final

MOST: Final = 2 << 20  # characters, entries included: 4 bytes each at the most
ENTRY: Final = 128  # characters that an entry counts for, whatever it holds: some 500 bytes of Python's objects
MOST_GROUPS: Final = 1024  # choices, blocks, texts that end together: as many as a stream may have channels
_LONGEST_NAME: Final = 128


class CrowdedError(Exception):
    """More choices, blocks, calls or texts than one stream may have."""


class Memory:
    """Room for characters and entries. One for all that is remembered of one stream."""

    __slots__ = ("_left",)

    def __init__(self, most: int = MOST) -> None:
        """`most` characters, of which each entry takes `ENTRY`."""
        self._left = most

    def take(self, characters: int, entries: int = 1) -> bool:
        """Whether there was room for so much more, which is taken; False leaves all as it was."""
        cost = characters + entries * ENTRY
        if cost > self._left:
            return False
        self._left -= cost
        return True

    def give(self, characters: int, entries: int = 1) -> None:
        """So much is forgotten."""
        self._left += characters + entries * ENTRY


def shortened(name: str) -> str:
    """The name of a place, or of a long one a digest: keys may be as long as an event."""
    if len(name) <= _LONGEST_NAME:
        return name
    return blake2b(name.encode(), digest_size=16).hexdigest()
