"""One inspector as a process: config in, sockets open, exchanges served, drained at the end."""

import asyncio
import gc
import logging
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from extproc.compiled import is_compiled
from extproc.grpcio_transport import GrpcioTransport
from extproc.health import Health
from extproc.loader import Loader
from extproc.wire_transport import WireTransport
from forebay.config.errors import ConfigErrors
from forebay.places import Places

log = logging.getLogger(__name__)

DRAIN_SECONDS: Final = 10.0


class Transport(Protocol):
    """Carries exchanges between Envoy and drivers."""

    async def start(self, socket: Path) -> None:
        """Listen on a Unix socket; the file is made."""

    async def drain(self, grace: float) -> None:
        """Take no more exchanges; return when the open ones have ended, at the latest after `grace` seconds."""


TRANSPORTS: Final[dict[str, Callable[[Loader], Transport]]] = {
    "wire": WireTransport,
    "grpcio": GrpcioTransport,
}


async def serve(source: Path, places: Places, *, number: int = 0, transport: str = "wire") -> int:
    """Serve inspector `number` on its sockets until SIGTERM or SIGINT; then finish what is open.

    Returns 0 after a clean end, 1 when the first config cannot be used (the log says why).
    """
    loader = Loader(source, places)
    try:
        await loader.start()
    except ConfigErrors as errors:
        log.error("cannot serve, the config is not usable:\n%s", errors)
        return 1
    sockets = (places.inspector_socket(number), places.health_socket(number))
    exchanges, health = TRANSPORTS[transport](loader), Health()
    for socket, start in zip(sockets, (exchanges.start, health.start), strict=True):
        socket.unlink(missing_ok=True)
        await start(socket)
        socket.chmod(0o600)
    gc.collect()
    gc.freeze()  # a collection among millions of objects that stay would stop every caller for tens of milliseconds
    where = (sockets[0].name, transport, loader.current.resolved.digest, "yes" if is_compiled() else "no")
    log.info("serving socket=%s transport=%s config=%s compiled=%s", *where)
    watching = asyncio.ensure_future(loader.watch())
    await _told_to_stop()
    await health.leaving()
    await exchanges.drain(DRAIN_SECONDS)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    await loader.close()
    await health.stop()
    for socket in sockets:
        socket.unlink(missing_ok=True)
    log.info("stopped")
    return 0


async def _told_to_stop() -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()
