"""Fixtures of all tests that need the real Envoy: `start` for gateways and providers, `gateway` for the first alone."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gateways import Gateway, Loop, Starter, leftovers


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything below this folder needs Envoy."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.dataplane)


@pytest.fixture(scope="session")
def loop() -> Iterator[Loop]:
    """The event loop on which gateways are supervised."""
    made = Loop()
    yield made
    made.close()


@pytest.fixture
def start(loop: Loop, tmp_path: Path) -> Iterator[Starter]:
    """Starts gateways and providers; afterwards nothing of them may be left."""
    with contextlib.ExitStack() as stack:
        yield Starter(loop, tmp_path, stack)
    assert leftovers() == []


@pytest.fixture(scope="module")
def start_once(loop: Loop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starter]:
    """The same for a gateway that all tests of a module share."""
    with contextlib.ExitStack() as stack:
        yield Starter(loop, tmp_path_factory.mktemp("gateway"), stack)
    assert leftovers() == []


@pytest.fixture
def gateway(start: Starter) -> Callable[[str], Gateway]:
    """Config text in, running gateway out."""
    return start.gateway
