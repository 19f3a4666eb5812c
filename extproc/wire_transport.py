"""ext_proc over a wire of our own: what one exchange costs is a tenth of what it costs over grpcio."""

from pathlib import Path

from extproc.driver import Driver
from extproc.loader import Loader
from extproc.wire.processing import PATH, processing
from extproc.wire.serve import Wire


class WireTransport:
    """Serves exchanges on a Unix socket: `start` once, `drain` once."""

    def __init__(self, loader: Loader) -> None:
        self._wire = Wire({PATH: processing(lambda send: Driver(loader.current, send))})

    async def start(self, socket: Path) -> None:
        """Listen. Raises OSError when that is impossible."""
        await self._wire.listen_unix(socket)

    async def drain(self, grace: float) -> None:
        """Take no more exchanges; the open ones have `grace` seconds to end, and are then cut, which Envoy refuses."""
        await self._wire.stop(grace)
