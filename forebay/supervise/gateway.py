"""The parts of one gateway, in the order in which they start: mocks, recorder, inspectors, xds, Envoy."""

import asyncio
import re
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from forebay.config.resolved import Resolved
from forebay.observability import health
from forebay.places import Places
from forebay.supervise import environment
from forebay.supervise.folders import check_sockets
from forebay.supervise.local_http import NoAnswer, ask, is_ok
from forebay.supervise.part import Part

_DRAIN_PYTHON = 5.0
_DRAIN_INSPECTOR = 12.0  # a little more than it gives its exchanges
_DRAIN_POLL = 0.1
_AFTER_DRAIN = 3.0  # what Envoy keeps of its time for the end itself: flushing the record
_ENVOY_ENDS = re.compile(r"caught ENVOY_SIGTERM|config stream to \S+ closed")

# `-P`: the folder a gateway is started in is no place to import from
_FOREBAY = (sys.executable, "-P", "-m", "forebay.cli.main")


@dataclass(frozen=True, slots=True)
class Options:
    """What an operator may choose beside the config, and how the control plane wants Envoy started."""

    envoy: tuple[str, ...]  # the whole command
    inspectors: int = 1
    transport: str = "wire"
    drain: float = 30.0  # how long calls may run on after the gateway was told to stop


def parts(resolved: Resolved, source: Path, places: Places, options: Options) -> list[Part]:
    """Every process of the gateway of `resolved`; Envoy's bootstrap must already stand at `places.bootstrap`.

    Raises CannotServe when a socket's path would be too long.
    """
    check_sockets([places.admin_socket])
    mock = mocks(resolved, source, places)
    return [
        *([mock] if mock else []),
        _own(
            "recorder", "record", source, places, environment.plain(), partial(is_ok, places.recorder_socket, "/livez")
        ),
        *(_inspector(number, source, places, options.transport) for number in range(options.inspectors)),
        _xds(resolved, source, places, options),
        _envoy(resolved, places, options),
    ]


def _own(
    name: str,
    verb: str,
    source: Path,
    places: Places,
    env: Mapping[str, str],
    ready: Callable[[], Awaitable[bool]],
    *more: str,
) -> Part:
    where = ("--config", str(source), "--run-dir", str(places.run), "--state-dir", str(places.state))
    return Part(name, (*_FOREBAY, verb, *where, *more), env, ready, _DRAIN_PYTHON)


def _inspector(number: int, source: Path, places: Places, transport: str) -> Part:
    socket = places.health_socket(number)
    ready = partial(health.check, socket, "")
    more = ("--number", str(number), "--transport", transport)
    part = _own(f"extproc-{number}", "extproc", source, places, environment.plain(), ready, *more)
    return replace(part, drain=_DRAIN_INSPECTOR, alive=partial(health.answers, socket))


def _xds(resolved: Resolved, source: Path, places: Places, options: Options) -> Part:
    ready = partial(health.check, places.xds_socket, "")
    return _own("xds", "xds", source, places, environment.xds(resolved), ready, "--workers", str(options.inspectors))


def mocks(resolved: Resolved, source: Path, places: Places) -> Part | None:
    """The part that serves every provider of `type: mock` without a url; None while the config has no such provider."""
    built_in = [each for each in resolved.providers.values() if each.type == "mock" and each.host is None]
    if not built_in:
        return None
    check_sockets([places.mock_socket(provider.name) for provider in built_in])
    env = environment.mock(provider.key for provider in built_in)
    return _own("mock", "mock", source, places, env, partial(is_ok, places.mocks_socket, "/__received"))


def _envoy(resolved: Resolved, places: Places, options: Options) -> Part:
    # The probe of /readyz goes through the listener: only our own filter can answer it.
    return Part(
        "envoy",
        options.envoy,
        environment.envoy(resolved),
        partial(is_ok, places.recorder_socket, "/readyz"),
        options.drain + _AFTER_DRAIN,
        before_stop=partial(_drain, places.admin_socket, options.drain),
        said_at_end=_ENVOY_ENDS,
        death_signal=signal.SIGTERM,  # so that it writes the record's last lines
    )


async def _drain(admin: Path, limit: float) -> None:
    """Refuse new connections, then wait until no call is open or `limit` is over."""
    deadline = asyncio.get_running_loop().time() + limit
    try:
        await ask(admin, "POST", "/healthcheck/fail")
        await ask(admin, "POST", "/drain_listeners?graceful")
        # Envoy tells only who asks
        while asyncio.get_running_loop().time() < deadline and await _open_calls(admin):  # noqa: ASYNC110
            await asyncio.sleep(_DRAIN_POLL)
    except NoAnswer:
        return  # it is gone already, or hangs: the signals that follow settle both


async def _open_calls(admin: Path) -> int:
    _, text = await ask(admin, "GET", "/stats?filter=^http\\.ingress.*downstream_rq_active$")
    return sum(int(line.rpartition(b":")[2]) for line in text.splitlines() if b":" in line)
