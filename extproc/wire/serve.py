"""Listens: a Unix socket, or TCP with TLS, one Link per connection; drains and stops.

Whoever may connect may have every prompt inspected and learn what was found, so the socket is for this user alone and
plain TCP does not leave the machine.
"""

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from extproc.wire.exchanges import Open
from extproc.wire.limits import Limits
from extproc.wire.link import Link, Links

_SECOND: Final = 1.0
_BACKLOG: Final = 1024


class PlaintextRefused(ValueError):
    """An address that others can reach, and no TLS. The text is for the operator."""


class Wire:
    """The listeners of one process, for calls of `methods` (path -> what makes a call's handler)."""

    def __init__(self, methods: Mapping[str, Open], limits: Limits | None = None) -> None:
        self._methods = dict(methods)
        self._limits = limits or Limits()
        self._links = Links()
        self._servers: list[asyncio.Server] = []
        self._timer: asyncio.TimerHandle | None = None

    async def listen_unix(self, path: Path) -> None:
        """Listen on a Unix socket that only this user may open. What is left there of an earlier process is removed.

        Raises OSError when the path cannot be used.
        """
        loop = asyncio.get_running_loop()
        server = await loop.create_unix_server(self._link, sock=_bound(path), backlog=_BACKLOG, start_serving=False)
        await self._started(server)

    async def listen_tcp(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Listen on an address; returns its port. Peers must agree on HTTP/2 by ALPN where there is TLS.

        Raises PlaintextRefused for an address off loopback without TLS, and OSError when it cannot be used.
        """
        if tls is None and not _is_loopback(host):
            raise PlaintextRefused(f"{host}:{port} is open to other machines: give it TLS, or listen on 127.0.0.1")
        if tls is not None:
            tls.set_alpn_protocols(["h2"])
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            self._link, host, port, ssl=tls, backlog=_BACKLOG, reuse_port=False, start_serving=False
        )
        await self._started(server)
        return int(server.sockets[0].getsockname()[1])

    async def stop(self, seconds: float) -> None:
        """Take no new calls, let open ones end for at most `seconds`, then cut them off. Handlers have closed after."""
        for server in self._servers:
            server.close()
        links = list(self._links)
        for link in links:
            link.drain()
        await self._emptied(seconds / 2)
        for link in self._links:  # of peers that did not answer the first
            link.drain()
        await self._emptied(seconds / 2)
        for link in self._links:
            link.abort()
        await self._emptied(_SECOND)
        if self._timer is not None:
            self._timer.cancel()
        ending = [task for link in links for task in link.unfinished]
        if ending:
            await asyncio.wait(ending, timeout=_SECOND)

    def _link(self) -> Link:
        return Link(self._methods, self._limits, self._links)

    async def _started(self, server: asyncio.Server) -> None:
        self._servers.append(server)
        await server.start_serving()
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_SECOND, self._tick)

    def _tick(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(_SECOND, self._tick)
        for link in self._links:
            link.each_second()

    async def _emptied(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._links.empty.wait(), seconds)


def _bound(path: Path) -> socket.socket:
    """A Unix socket that is this user's before anybody can connect."""
    path.unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.bind(str(path))
        path.chmod(0o600)
    except OSError:
        made.close()
        raise
    return made


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
