"""Facts are coroutines: each gets a `lab`, runs on one event loop, and leaves nothing behind."""

import asyncio
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
from bare_envoy import Lab

_SECONDS = 20
"""No fact takes more than a few; a hanging one must not hang the suite."""

_RUNNER = pytest.StashKey[asyncio.Runner]()


@pytest.fixture(scope="session")
def runner() -> Iterator[asyncio.Runner]:
    """One loop for all facts: grpc.aio binds itself to the first it sees."""
    with asyncio.Runner() as made:
        yield made


@pytest.fixture
def lab(request: pytest.FixtureRequest, runner: asyncio.Runner, tmp_path: Path) -> Iterator[Lab]:
    """Starts Envoy, providers and processors; stops them afterwards."""
    request.node.stash[_RUNNER] = runner
    made = Lab(tmp_path)
    yield made
    runner.run(made.close())


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Runs a test that is a coroutine on the loop of its lab."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    pyfuncitem.stash[_RUNNER].run(_limited(pyfuncitem.obj(**arguments)))
    return True


async def _limited(test: object) -> None:
    assert inspect.isawaitable(test)
    async with asyncio.timeout(_SECONDS):
        await test
