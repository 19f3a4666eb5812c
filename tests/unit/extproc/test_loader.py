"""The processor serves what was published, and nothing else."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from extproc.loader import POLL_SECONDS, Loader
from forebay.config.errors import ConfigErrors
from forebay.config.load import load
from forebay.config.published import publish
from forebay.places import Places, prepare

CONFIG = "providers: {m: {type: mock}}\nmodels: {MODEL: m/a}\npolicies: {files: [r.rego]}\n"
RULES = "package forebay.rules.r\n\ncap contains LIMIT\n"
LOOKS = 2.5 * POLL_SECONDS


class Scene:
    """A config, a policy, and the folder in which things are published."""

    def __init__(self, base: Path) -> None:
        self.places = Places(base / "r", base / "s")
        prepare(self.places)
        self.config = base / "f.yaml"
        self.rules = base / "r.rego"
        self.write("one", "5")

    def write(self, model: str, limit: str) -> None:
        """Edit the config and its policy."""
        self.config.write_text(CONFIG.replace("MODEL", model))
        self.rules.write_text(RULES.replace("LIMIT", limit))

    def publish(self) -> str:
        """What the control plane does with files it accepts; the digest."""
        digest = load(self.config).digest
        publish(self.places, self.config.read_text(), digest)
        return digest

    def run(self, story: Callable[[Loader], Awaitable[None]]) -> None:
        """Start a loader, let it watch while `story` happens, close it."""

        async def whole() -> None:
            loader = Loader(self.config, self.places)
            await loader.start()
            watching = asyncio.ensure_future(loader.watch())
            try:
                await story(loader)
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
                await loader.close()

        asyncio.run(whole())


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A fresh one, nothing published."""
    return Scene(tmp_path)


def models(loader: Loader) -> set[str]:
    """What is in service."""
    return set(loader.current.resolved.models)


async def until(question: Callable[[], bool]) -> None:
    """Wait for it."""
    async with asyncio.timeout(10):
        while not question():
            await asyncio.sleep(0.05)


def test_an_edit_changes_nothing_until_it_is_published(scene: Scene) -> None:
    """Config and policy alike."""

    async def story(loader: Loader) -> None:
        before = loader.current
        scene.write("two", "6")
        await asyncio.sleep(LOOKS)
        assert loader.current is before
        digest = scene.publish()
        await until(lambda: loader.current.resolved.digest == digest)
        assert models(loader) == {"two"}

    scene.run(story)


def test_files_that_are_not_what_was_published_are_waited_for(scene: Scene) -> None:
    """A policy that was edited after its publication belongs to the next one."""

    async def story(loader: Loader) -> None:
        before = loader.current
        scene.write("two", "6")
        scene.publish()
        scene.rules.write_text(RULES.replace("LIMIT", "{"))
        await asyncio.sleep(LOOKS)
        assert loader.current is before
        scene.write("two", "7")
        digest = scene.publish()
        await until(lambda: loader.current.resolved.digest == digest)

    scene.run(story)


def test_a_restart_serves_what_is_published_rather_than_the_file(scene: Scene) -> None:
    """The file may hold what the control plane has refused."""
    scene.publish()
    scene.config.write_text(CONFIG.replace("MODEL", "refused"))

    async def story(loader: Loader) -> None:
        assert models(loader) == {"one"}

    scene.run(story)


def test_a_bad_file_at_the_start_means_the_last_good_one(scene: Scene) -> None:
    """Without any, there is nothing to serve."""
    text = scene.config.read_text()
    scene.config.write_text("nonsense: 1\n")
    with pytest.raises(ConfigErrors, match="nonsense"):
        asyncio.run(Loader(scene.config, scene.places).start())
    scene.places.last_good.write_text(text)

    async def story(loader: Loader) -> None:
        assert models(loader) == {"one"}

    scene.run(story)
