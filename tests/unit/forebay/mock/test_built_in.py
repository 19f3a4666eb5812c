"""One process that serves every built-in mock provider of a config, and follows the file."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from forebay.config.load import load_text
from forebay.config.published import publish
from forebay.mock.built_in import BuiltIn, built_in, models_of
from forebay.places import Places, prepare
from forebay.supervise.local_http import NoAnswer, ask

ONE = "providers: {m: {type: mock}}\nmodels: {chat: m/a}\n"
TWO = "providers: {m: {type: mock}, n: {type: mock}}\nmodels: {chat: m/a, more: m/b, other: n/c}\n"


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """A gateway's files."""
    made = Places(tmp_path / "run", tmp_path / "state")
    prepare(made)
    return made


def play(places: Places, text: str, story: Callable[[BuiltIn, Path], Awaitable[None]]) -> None:
    """Run a story with the mocks of a config."""

    async def told() -> None:
        source = places.run.parent / "f.yaml"
        source.write_text(text)
        mocks = BuiltIn(source, places)
        following = asyncio.ensure_future(mocks.follow())
        while not places.mocks_socket.exists():
            await asyncio.sleep(0.01)
        try:
            await story(mocks, source)
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    asyncio.run(told())
    assert list(places.run.glob("*.sock")) == []


async def status(socket: Path, model: str) -> int:
    """How a provider answers a call for a model; 0 when nobody listens."""
    body = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
    try:
        return (await ask(socket, "POST", "/v1/chat/completions", json.dumps(body).encode()))[0]
    except NoAnswer:
        return 0


def test_a_provider_has_exactly_the_models_the_config_expects() -> None:
    """A model it does not have is a 404, as with a real provider; one with a url is served elsewhere."""
    text = """
providers: {one: {type: mock}, far: {type: mock, url: "http://127.0.0.1:9/v1"}}
models: {chat: {backends: [{use: one/a, weight: 1}, {use: one/b, weight: 1}], fallback: [far/c]}}
"""
    resolved = load_text(text, Path("f.yaml"))
    assert models_of("one", resolved) == ["a", "b"]
    assert [provider.name for provider in built_in(resolved)] == ["one"]


def test_providers_and_models_come_with_the_file(places: Places) -> None:
    """Both are there without a restart; scripts of a provider that stays are kept."""

    async def story(mocks: BuiltIn, source: Path) -> None:
        assert [await status(places.mock_socket("m"), model) for model in "ab"] == [200, 404]
        await ask(places.mock_socket("m"), "POST", "/__script", b'{"rules": [{"status": 418}]}')
        source.write_text(TWO)
        await mocks.refresh()
        assert [await status(places.mock_socket("m"), model) for model in "ab"] == [418, 418]
        assert await status(places.mock_socket("n"), "c") == 200

    play(places, ONE, story)


def test_an_open_connection_outlives_a_change_of_models(places: Places) -> None:
    """It answers for the new models on the same connection."""

    async def story(mocks: BuiltIn, source: Path) -> None:
        reader, writer = await asyncio.open_unix_connection(places.mock_socket("m"))
        for text, expected in ((ONE, b"404"), (TWO, b"200")):
            source.write_text(text)
            await mocks.refresh()
            body = b'{"model": "b", "messages": [{"role": "user", "content": "hi"}]}'
            head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: m\r\ncontent-length: %d\r\n\r\n" % len(body)
            writer.write(head + body)
            fields = await reader.readuntil(b"\r\n\r\n")
            assert fields.split(b" ")[1] == expected
            length = next(line for line in fields.split(b"\r\n") if line.lower().startswith(b"content-length"))
            await reader.readexactly(int(length.partition(b":")[2]))
        writer.close()

    play(places, ONE, story)


def test_a_removed_provider_loses_its_socket_once_it_is_out_of_force(places: Places) -> None:
    """While the control plane still serves the old config, calls may still come; a broken file changes nothing."""

    async def story(mocks: BuiltIn, source: Path) -> None:
        publish(places, TWO, "a")
        for text in (ONE, "providers: ["):
            source.write_text(text)
            await mocks.refresh()
            assert await status(places.mock_socket("n"), "c") == 200
        source.write_text(ONE)
        publish(places, ONE, "b")
        await mocks.refresh()
        assert not places.mock_socket("n").exists()
        assert await status(places.mock_socket("m"), "a") == 200

    play(places, TWO, story)


def test_a_key_that_cannot_be_read_is_said_once(places: Places, caplog: pytest.LogCaptureFixture) -> None:
    """The provider is not served until it can be; without its key it would answer everybody."""
    key = places.run.parent / "key"

    async def story(mocks: BuiltIn, _: Path) -> None:
        await mocks.refresh()
        assert await status(places.mock_socket("m"), "a") == 0
        key.write_text("provider-key\n")
        await mocks.refresh()
        assert await status(places.mock_socket("m"), "a") == 401

    play(places, ONE.replace("mock}", f'mock, key: "${{file:{key}}}"}}'), story)
    assert len([each for each in caplog.records if "cannot serve m" in each.getMessage()]) == 1


def test_a_built_in_provider_speaks_the_api_that_the_config_says(places: Places) -> None:
    """Under the path that the egress gate asks for."""

    async def story(mocks: BuiltIn, source: Path) -> None:
        body = {"model": "s", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]}
        status, content = await ask(places.mock_socket("c"), "POST", "/v1/messages", json.dumps(body).encode())
        assert (status, json.loads(content)["content"][0]["text"]) == (200, "hello")

    play(places, "providers: {c: {type: mock, api: anthropic}}\nmodels: {chat: c/s}\n", story)
