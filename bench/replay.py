"""A processor that repeats what the real one said: what is left of a call when Python costs next to nothing.

    python bench/replay.py CONFIG RUN STATE

Serves the inspector's socket of the folder RUN. Exchanges go to the real processor until each of Envoy's messages has
been answered once; from then on each is answered with the same bytes, unread.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any, Final

import uvloop

from extproc.driver import Driver
from extproc.loader import Loader
from extproc.wire.exchanges import Answer
from extproc.wire.processing import PATH, Processing, processing
from extproc.wire.serve import Wire
from forebay.places import Places

MESSAGES: Final = 4  # of a call that is not streamed: its head, its body, and the same of the answer


class Replayed:
    """One exchange, answered from memory."""

    def __init__(self, said: dict[int, Answer]) -> None:
        self._said = said

    def receive(self, message: bytes) -> Answer:
        """What was said to a message of this kind: its first byte is the tag of the kind."""
        return self._said[message[0]]

    def closed(self) -> None:
        """Nothing is held."""


class Remembered:
    """One exchange of the real processor, whose answers are kept."""

    def __init__(self, real: Any, said: dict[int, Answer]) -> None:
        self._real, self._said = real, said

    async def receive(self, message: bytes) -> Answer:
        """The real answer."""
        given = self._real.receive(message)
        answer = given if isinstance(given, Answer) else await given
        self._said[message[0]] = answer
        return answer

    def closed(self) -> None:
        """The stream is over."""
        self._real.closed()


async def serve(config: Path, places: Places) -> None:
    """Until it is killed."""
    loader = Loader(config, places)
    await loader.start()
    begin = processing(lambda send: Driver(loader.current, send))
    said: dict[int, Answer] = {}

    def handler(request: Any, send: Any) -> Replayed | Remembered:
        if len(said) == MESSAGES:
            return Replayed(said)
        real = begin(request, send)
        assert isinstance(real, Processing)
        return Remembered(real, said)

    await Wire({PATH: handler}).listen_unix(places.inspector_socket())
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1]), Places(Path(sys.argv[2]), Path(sys.argv[3]))))
