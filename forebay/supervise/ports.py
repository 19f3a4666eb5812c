"""Whether somebody else already listens where we shall."""

import contextlib
import errno
import random
import socket
from itertools import count, islice
from typing import Final

from forebay.config.resolved import Address, Resolved
from forebay.supervise.part import CannotServe

_ADVICE = {
    errno.EADDRINUSE: "another process listens there: stop it, or choose another port",
    errno.EACCES: "this user may not listen there: choose a port from 1024 on",
    errno.EADDRNOTAVAIL: "this machine has no such address: choose one it has, or 0.0.0.0",
}

# Below those that systems give to outgoing connections, which might get it before it is listened on; from any place on,
# so that two processes hardly ever choose the same.
_FIRST: Final = 20_000
_COUNT: Final = 12_000
_TURNS: Final = count(random.randrange(_COUNT))  # noqa: S311  # no secret


def check_ports(resolved: Resolved) -> None:
    """Raises CannotServe, naming every address of the config that cannot be listened on and what to do."""
    addresses = {
        "listen.http": resolved.listen.http,
        "listen.https": resolved.listen.https.address if resolved.listen.https else None,
        "telemetry.prometheus": resolved.telemetry.prometheus,
    }
    problems = [
        f"{key} {address.host}:{address.port}: {problem}"
        for key, address in addresses.items()
        if address is not None and (problem := _problem(address))
    ]
    if problems:
        raise CannotServe("\n".join(problems))


def _problem(address: Address) -> str | None:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
            probe.listen(1)
        except OSError as error:
            return _ADVICE.get(error.errno or 0, error.strerror or "cannot be listened on")
    return None


def free_port() -> int:
    """A loopback port nobody listens on at the moment of asking, and another one each time until all have had a turn.

    Raises CannotServe when every one of them is taken, OSError when this process may open no more files.
    """
    for turn in islice(_TURNS, _COUNT):
        port = _FIRST + turn % _COUNT
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise CannotServe(f"no port of 127.0.0.1 from {_FIRST} to {_FIRST + _COUNT - 1} is free: stop what has them")
