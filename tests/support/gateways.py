"""Real gateways and in-process providers for tests, on one event loop in a thread of its own.

Tests stay synchronous: `Loop.run` waits for a coroutine, `Loop.enter` for an async context manager, and everything
entered is left again at the end of the test, in the opposite order.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import json
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import openai
from bare_http import Handler, Provider

from forebay.cli.running import Running, Wish, gateway
from forebay.mock.server import MockProvider
from forebay.places import Places
from forebay.supervise.local_http import ask
from forebay.supervise.ports import free_port

T = TypeVar("T")
PORT = "@port@"
FOLDER = "@folder@"


class Loop:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], timeout: float = 60) -> T:
        """Wait for a coroutine and return its result."""
        return self.begin(work).result(timeout)

    def begin(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Start a coroutine; its result is waited for elsewhere."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def enter(self, manager: contextlib.AbstractAsyncContextManager[T], stack: contextlib.ExitStack) -> T:
        """Enter an async context manager and leave it with `stack`, in one task as asyncio wants it."""
        entered: asyncio.Future[T] = asyncio.Future(loop=self._loop)
        leaving = asyncio.Event()

        async def hold() -> None:
            try:
                async with manager as value:
                    entered.set_result(value)
                    await leaving.wait()
            except BaseException as error:
                if entered.done():
                    raise
                entered.set_exception(error)

        async def wait() -> T:
            return await entered

        holding = asyncio.run_coroutine_threadsafe(hold(), self._loop)

        def leave() -> None:
            self._loop.call_soon_threadsafe(leaving.set)
            holding.result(60)

        value = self.run(wait())
        stack.callback(leave)
        return value

    def close(self) -> None:
        """End the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@dataclass
class BuiltIn:
    """A built-in mock provider of a running gateway, over its socket."""

    loop: Loop
    socket: Path

    def script(self, *rules: dict[str, object]) -> None:
        """Replace its script; without rules, everything is as usual again."""
        status, content = self.loop.run(ask(self.socket, "POST", "/__script", json.dumps({"rules": rules}).encode()))
        assert status == 200, content

    def received(self) -> list[dict[str, Any]]:
        """What it was sent: method, path, headers (pairs), body (text), status."""
        items: list[dict[str, Any]] = json.loads(self.loop.run(ask(self.socket, "GET", "/__received"))[1])["received"]
        return items

    def forget(self) -> None:
        """Empty what it was sent."""
        self.loop.run(ask(self.socket, "DELETE", "/__received"))


@dataclass
class Gateway:
    """A gateway that answers, and the questions tests have about it."""

    loop: Loop
    running: Running
    config: Path
    log: list[tuple[str, str]] = field(default_factory=list)

    @property
    def base_url(self) -> str:
        """Such as http://127.0.0.1:40123/v1."""
        return self.running.base_url

    @property
    def origin(self) -> str:
        """The base URL without its path."""
        return self.base_url.removesuffix("/v1")

    @property
    def key(self) -> str:
        """The generated key; empty when the config has keys or none are asked for."""
        return self.running.generated_key or ""

    @property
    def places(self) -> Places:
        """Its files and sockets."""
        return self.running.places

    def client(self, key: str | None = None, **options: Any) -> openai.OpenAI:
        """The official SDK, without retries of its own. Close it, or use it in a `with`."""
        options = {"max_retries": 0, "timeout": 30, **options}
        return openai.OpenAI(base_url=self.base_url, api_key=key or self.key or "none", **options)

    def mock(self, name: str) -> BuiltIn:
        """A provider of `type: mock` without url."""
        return BuiltIn(self.loop, self.places.mock_socket(name))

    def records(self, kind: str = "request") -> list[dict[str, Any]]:
        """The published records of a kind, those of the readiness probe left out."""
        if not self.places.records.exists():
            return []
        lines = self.places.records.read_bytes().split(b"\n")[:-1]
        found = [record for record in map(json.loads, lines) if record["kind"] == kind]
        return [record for record in found if record.get("operation") != "probe"]

    def wait_for(self, question: Callable[[], T], timeout: float = 15) -> T:
        """Ask until the answer is true, and return it. Fails the test when it does not become so."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if answer := question():
                return answer
            time.sleep(0.05)
        log = "\n".join(f"{name} | {line}" for name, line in self.log[-40:])
        raise AssertionError(f"it did not happen within {timeout} s; the last lines:\n{log}")

    def record(self, identity: str) -> dict[str, Any]:
        """The request record with this x-request-id; waits until it is published."""
        return self.wait_for(lambda: [each for each in self.records() if each["id"] == identity])[0]

    def admin(self, path: str) -> str:
        """What Envoy's admin interface says."""
        return self.loop.run(ask(self.places.admin_socket, "GET", path))[1].decode()


@dataclass
class Starter:
    """Starts gateways and providers, and clears them away at the end of the test."""

    loop: Loop
    folder: Path
    stack: contextlib.ExitStack

    def gateway(self, config: str, **wish: Any) -> Gateway:
        """Write `config` to a file and run its gateway. In the text, @port@ is a free port and @folder@ a folder for
        files it refers to; without a `listen` of its own it listens on a free loopback port.
        """
        path = self.folder / f"gateway-{len(list(self.folder.glob('*.yaml')))}.yaml"
        text = config if "listen:" in config else f'listen: {{http: "127.0.0.1:{PORT}"}}\n{config}'
        path.write_text(text.replace(PORT, str(free_port())).replace(FOLDER, str(self.folder)))
        log: list[tuple[str, str]] = []
        wishes = Wish(**{"drain": 2.0, "concurrency": 2, "state_dir": path.with_suffix(".state"), **wish})
        entered = gateway(path, lambda name, line: log.append((name, line)), wishes)
        try:
            running = self.loop.enter(entered, self.stack)
        except Exception as error:
            error.add_note("\n".join(f"{name} | {line}" for name, line in log[-60:]))
            raise
        self.stack.callback(check_gone, running)
        return Gateway(self.loop, running, path, log)

    def provider(self, *models: str, **options: Any) -> MockProvider:
        """A mock provider of the test's own process; `provider.url` goes into a config."""
        return self.loop.enter(MockProvider(models or ("gpt-4o-mini",), **options), self.stack)

    def bare_provider(self, handler: Handler) -> Provider:
        """A provider of the test's own process that lets `handler` write every byte of its answers."""
        provider = Provider(handler)
        self.loop.run(provider.start())
        self.stack.callback(lambda: self.loop.run(provider.stop()))
        return provider

    def file(self, name: str, content: str) -> Path:
        """Write a file into the folder that @folder@ stands for."""
        path = self.folder / name
        path.write_text(content)
        path.chmod(0o600)
        return path


def check_gone(running: Running) -> None:
    """Called before the gateway is drained: remembers its processes. They must be gone afterwards; see `leftovers`."""
    _PIDS.update({pid: name for name, pid in running.supervisor.pids().items()})
    _FOLDERS.add(running.places.run)


_PIDS: dict[int, str] = {}
_FOLDERS: set[Path] = set()


def leftovers() -> list[str]:
    """What the gateways of a test left behind: names of processes and run folders. Forgets them."""
    deadline = time.monotonic() + 5
    while (found := _found()) and time.monotonic() < deadline:
        time.sleep(0.05)
    _PIDS.clear()
    _FOLDERS.clear()
    return found


def _found() -> list[str]:
    groups = _living_groups()
    return [name for pid, name in _PIDS.items() if pid in groups] + [str(each) for each in _FOLDERS if each.exists()]


def _living_groups() -> set[int]:
    """The process groups with a living member; one that only waits to be counted by its parent does not live."""
    groups = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            state, _parent, group, *_rest = stat.read_text().rpartition(")")[2].split()
            if state != "Z":
                groups.add(int(group))
    return groups
