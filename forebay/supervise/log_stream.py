"""The lines of all parts as one readable stream: who said it, then what."""

import sys
from typing import TextIO

_NAME_WIDTH = 11
_COLOURS = {"envoy": "35", "xds": "34", "recorder": "36", "gateway": "32"}
_OTHER = "33"


class LogStream:
    """Writes `name | line`, with the name coloured on a terminal. Callable, as the supervisor wants its log."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._coloured = self._stream.isatty()

    def __call__(self, name: str, line: str) -> None:
        """Write one line of a part. Lines with line breaks stay together under the one name."""
        label = f"{name:<{_NAME_WIDTH}}"
        if self._coloured:
            label = f"\x1b[{_COLOURS.get(name, _OTHER)}m{label}\x1b[0m"
        self._stream.write("".join(f"{label} | {each}\n" for each in line.splitlines()))
        self._stream.flush()


def silent(name: str, line: str) -> None:
    """A log for those who show the lines only when something fails: `Child.last_lines` has them."""
