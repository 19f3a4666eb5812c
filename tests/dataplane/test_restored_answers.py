"""Answers held back until redacted values are back in them: of known and unknown length, too large, broken."""

import json
from collections.abc import Callable

import httpx2
import pytest
from bare_http import Call, Provider
from gateways import Gateway, Starter

MAIL = "maria.rossi@example.com"


class Answering:
    """A provider that repeats the last message, in whatever shape the test wants its answer."""

    def __init__(self) -> None:
        self.pieces: Callable[[str], list[bytes]] = whole
        self.stated = True  # content-length, or chunks

    async def __call__(self, call: Call) -> None:
        pieces = self.pieces(json.loads(call.body)["messages"][-1]["content"])
        if self.stated:
            await call.answer(body=b"".join(pieces))
            return
        await call.begin()
        for piece in pieces:
            await call.chunk(piece)
        await call.end()


def answer_of(text: str) -> bytes:
    """A chat completion that says `text`."""
    message = {"role": "assistant", "content": text}
    return json.dumps({"object": "chat.completion", "choices": [{"index": 0, "message": message}]}).encode()


def whole(text: str) -> list[bytes]:
    """In one piece."""
    return [answer_of(text)]


def cut(text: str) -> list[bytes]:
    """In pieces of seven bytes, so that every placeholder is cut."""
    raw = answer_of(text)
    return [raw[at : at + 7] for at in range(0, len(raw), 7)]


def large(text: str) -> list[bytes]:
    """More than is ever held."""
    return [answer_of(text + "x" * (12 << 20))]


def broken(text: str) -> list[bytes]:
    """No JSON, with the placeholder in it."""
    return [b'{"choices": [', text.encode()]


def doubled(text: str) -> list[bytes]:
    """JSON that could be read in two ways."""
    return [b'{"id": "a", "id": "b",', b'"choices": []}']


def deep(text: str) -> list[bytes]:
    """JSON that no parser should be asked to read."""
    return [b'{"choices":' + b"[" * 201 + b"]" * 201 + b"}"]


def trailing(text: str) -> list[bytes]:
    """A whole answer, and what is too much for anybody to hold behind it."""
    return [answer_of("fine"), b" " * (12 << 20), answer_of(text)]


@pytest.fixture(scope="module")
def provider(start_once: Starter) -> tuple[Answering, Provider]:
    answering = Answering()
    return answering, start_once.bare_provider(answering)


@pytest.fixture(scope="module")
def gateway(start_once: Starter, provider: tuple[Answering, Provider]) -> Gateway:
    url = f"http://127.0.0.1:{provider[1].port}/v1"
    return start_once.gateway(f'providers: {{p: {{type: openai, url: "{url}"}}}}\nmodels: {{chat: p/m}}\n')


def ask(gateway: Gateway) -> httpx2.Response:
    """One call with an address in it."""
    return httpx2.post(
        gateway.base_url + "/chat/completions",
        json={"model": "chat", "messages": [{"role": "user", "content": f"Write to {MAIL}."}]},
        headers={"authorization": f"Bearer {gateway.key}"},
        timeout=20,
    )


@pytest.mark.parametrize("stated", [True, False], ids=["stated length", "chunks"])
@pytest.mark.parametrize("pieces", [whole, cut])
def test_values_come_back_however_the_answer_travels(
    gateway: Gateway, provider: tuple[Answering, Provider], pieces: Callable[[str], list[bytes]], stated: bool
) -> None:
    """Providers that state no length are the usual case."""
    provider[0].pieces, provider[0].stated = pieces, stated
    answer = ask(gateway)
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"] == f"Write to {MAIL}."
    record = gateway.record(answer.headers["x-request-id"])
    assert (record["outcome"], record["restored"]) == ("completed", 1)
    assert MAIL not in json.dumps(provider[1].calls[-1].body.decode())


@pytest.mark.parametrize("stated", [True, False], ids=["stated length", "chunks"])
@pytest.mark.parametrize("pieces", [large, broken, doubled, deep, trailing])
def test_an_answer_that_cannot_be_restored_is_a_clear_error(
    gateway: Gateway, provider: tuple[Answering, Provider], pieces: Callable[[str], list[bytes]], stated: bool
) -> None:
    """Never a placeholder, a call that hangs, or advice to try again: the same each time, in answer and record."""
    provider[0].pieces, provider[0].stated = pieces, stated
    for _ in range(4 if pieces is large else 25):
        answer = ask(gateway)
        assert answer.status_code == 502
        assert answer.json()["error"]["code"] == "answer_unreadable"
        record = gateway.record(answer.headers["x-request-id"])
        assert (record["outcome"], record["reason"]) == ("failed", "answer_unreadable")
