"""The mock provider: one asyncio server, in process or for ever."""

import asyncio
import contextlib
import re
import ssl
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import orjson

from forebay.mock import answers, messages, responses
from forebay.mock.http1 import HEAD_LIMIT, Answer, BadRequest, Request, read_request
from forebay.mock.received import Inbox, Received
from forebay.mock.script import BadScript, Rule, Script, read_script

_JSON = "application/json"
_SSE = "text/event-stream"
_MESSAGES = "messages"
_EVENT = re.compile(rb"(?s).+?(?:\r?\n\r?\n|\Z)")  # with the blank line that ends it, if one does
_FEW = 64  # bytes
_ENDPOINTS = {
    ("POST", "chat/completions"): "chat/completions",
    ("POST", "responses"): "responses",
    ("POST", "messages"): _MESSAGES,
    ("POST", "embeddings"): "embeddings",
    ("GET", "models"): "models",
}


@dataclass(frozen=True, slots=True)
class Listening:
    """Where a mock provider listens: a Unix socket, or host and port (0 = any free one), with TLS or without."""

    socket: Path | None = None
    host: str = "127.0.0.1"
    port: int = 0
    certificate: Path | None = None
    key: Path | None = None


class MockProvider:
    """A provider that speaks as OpenAI and Anthropic do. `async with MockProvider(models=[...]) as provider: ...url`.

    `script` may be replaced at any time; `received` holds what came in. Over HTTP the same is done by
    `POST /__script`, `GET /__received` and `DELETE /__received`, which need no key.
    """

    def __init__(
        self,
        models: Sequence[str],
        *,
        keys: Sequence[str] = (),
        base: str = "/v1",
        listening: Listening | None = None,
        script: Script | None = None,
    ) -> None:
        self.models: tuple[str, ...] = ()
        self.script = script or Script()
        self.received = Inbox()
        self._keys: frozenset[str] = frozenset()
        self._base = ""
        self.offer(models, keys=keys, base=base)
        self._listening = listening or Listening()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    def offer(self, models: Sequence[str], *, keys: Iterable[str] = (), base: str = "/v1") -> bool:
        """From the next request on have these models, keys and base path. Returns whether that changes anything."""
        before = (self.models, self._keys, self._base)
        self.models, self._keys, self._base = tuple(models), frozenset(keys), base.rstrip("/") + "/"
        return before != (self.models, self._keys, self._base)

    @property
    def url(self) -> str:
        """The base URL for a client or for `providers.<name>.url`. Only for a provider on a port that is running."""
        if self._server is None or self._listening.socket is not None:
            raise RuntimeError("this provider has no URL: it is not running, or listens on a Unix socket")
        scheme = "https" if self._listening.certificate else "http"
        return f"{scheme}://{self._listening.host}:{self.port}{self._base.rstrip('/')}"

    @property
    def port(self) -> int:
        """The port listened on. Only for a running provider on a port."""
        if self._server is None:
            raise RuntimeError("this provider is not running")
        return int(self._server.sockets[0].getsockname()[1])

    async def __aenter__(self) -> Self:
        where = self._listening
        if where.socket is not None:
            where.socket.unlink(missing_ok=True)
            self._server = await asyncio.start_unix_server(self._accept, where.socket, limit=HEAD_LIMIT, backlog=2048)
            where.socket.chmod(0o600)
        else:
            self._server = await asyncio.start_server(
                self._accept, where.host, where.port, limit=HEAD_LIMIT, backlog=2048, ssl=_tls(where)
            )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is None:
            return
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None
        if self._listening.socket is not None:
            self._listening.socket.unlink(missing_ok=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._open.add(task)
            task.add_done_callback(self._open.discard)
        # The peer may go away at any moment, and so may we: neither is worth a line in the log.
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self._converse(reader, Answer(writer))
        writer.close()

    async def _converse(self, reader: asyncio.StreamReader, answer: Answer) -> None:
        while True:
            try:
                request = await read_request(reader)
            except BadRequest as error:
                await _send(answer, 400, answers.error(str(error), "invalid_request_error", None))
                return
            if request is None or not await self._answer(request, answer):
                return
            if request.header("connection") == "close":
                return

    async def _answer(self, request: Request, answer: Answer) -> bool:
        """Answer one request. Returns whether the connection can be used again."""
        path = request.path.partition("?")[0]
        if path.startswith("/__"):
            await self._control(request, path, answer)
            return True
        endpoint = _ENDPOINTS.get((request.method, path.removeprefix(self._base)))
        asked = answers.read(request.body or b"{}")
        refusal = self._refusal(request, endpoint if path.startswith(self._base) else None, asked)
        if refusal is not None or asked is None or endpoint is None:
            status, document = refusal or (400, answers.error("no JSON object", "invalid_request_error", None))
            self.received.add(Received(request, status))
            await _send(answer, status, document)
            return True
        rule = self.script.choose(endpoint, asked.model, asked.last_user)
        self.received.add(Received(request, rule.status))
        return await self._play(rule, endpoint, asked, answer)

    def _refusal(
        self, request: Request, endpoint: str | None, asked: answers.Asked | None
    ) -> tuple[int, dict[str, object]] | None:
        """What every real provider refuses, whatever the script says: a wrong key, path, body or model."""
        if self._keys and _key(request, endpoint) not in self._keys:
            return _error(endpoint, 401, "Incorrect API key provided.", "invalid_api_key")
        if endpoint is None:
            return _error(endpoint, 404, f"Unknown request URL: {request.method} {request.path}.", "unknown_url")
        if asked is None:
            return _error(endpoint, 400, "We could not parse the JSON body of your request.", None)
        if endpoint != "models" and asked.model not in self.models:
            return _error(endpoint, 404, f"The model `{asked.model}` does not exist.", "model_not_found")
        return None

    async def _control(self, request: Request, path: str, answer: Answer) -> None:
        match request.method, path:
            case "POST", "/__script":
                try:
                    self.script = read_script(orjson.loads(request.body))
                except (BadScript, orjson.JSONDecodeError) as error:
                    await _send(answer, 400, answers.error(str(error), "invalid_script", None))
                    return
                await _send(answer, 200, {"ok": True})
            case "GET", "/__received":
                await _send(answer, 200, {"received": [item.to_json() for item in self.received]})
            case "DELETE", "/__received":
                self.received.clear()
                await _send(answer, 200, {"ok": True})
            case _:
                await _send(answer, 404, answers.error("no such control", "invalid_script", None))

    async def _play(self, rule: Rule, endpoint: str, asked: answers.Asked, answer: Answer) -> bool:
        await asyncio.sleep(rule.delay)
        if rule.reset == "before":
            answer.reset()
            return False
        streamed = asked.stream and endpoint in _SPOKEN and rule.body is None and rule.status < 400
        headers = [("content-type", rule.content_type or (_SSE if streamed else _JSON)), *rule.headers.items()]
        parts = self._parts(rule, endpoint, asked, streamed=streamed)
        if rule.chunk_delay and not streamed and rule.size is None:
            parts = _pieces(b"".join(parts), headers[0][1])
        slow = rule.pause or rule.chunk_delay
        if not streamed and rule.size is None and rule.reset is None and not slow:
            await answer.whole(rule.status, b"".join(parts), headers)
            return True
        await answer.begin(rule.status, headers)
        await asyncio.sleep(rule.pause)
        if rule.reset is not None:
            if rule.reset == "midway":
                first, _ = answers.halves(parts)
                half = first if streamed or rule.chunk_delay else [first[0][: len(first[0]) // 2]]
                await _pour(answer, iter(half), rule.chunk_delay)
                await asyncio.sleep(0.05)  # let what was sent leave, or the reset overtakes it
            answer.reset()
            return False
        await _pour(answer, parts, rule.chunk_delay)
        await answer.end()
        return True

    def _parts(self, rule: Rule, endpoint: str, asked: answers.Asked, *, streamed: bool) -> Iterator[bytes]:
        """The answer's bytes, made while they are sent."""
        if rule.body is not None:
            return iter([rule.body.encode()])
        if rule.status >= 400:
            return iter([orjson.dumps(_error(endpoint, rule.status, rule.message, "scripted", "scripted_error")[1])])
        if endpoint == "models":
            return iter([orjson.dumps(answers.models(self.models))])
        if endpoint == "embeddings":
            return iter([orjson.dumps(answers.embeddings(asked))])
        spoken = _SPOKEN[endpoint]
        text = asked.last_user if rule.say is None else rule.say
        if not streamed:
            if rule.size is not None:
                return spoken.sized(asked, rule.size, with_usage=rule.usage)
            return iter([orjson.dumps(spoken.whole(asked, text, with_usage=rule.usage))])
        if rule.size is not None:
            said = answers.filler(rule.size)
        else:
            said = answers.pieces(text) if asked.tool is None else answers.tool_parts(text)
        return spoken.stream(asked, said, with_usage=rule.usage)


class Spoken(Protocol):
    """What answers of one API look like."""

    def whole(self, asked: answers.Asked, text: str, *, with_usage: bool) -> dict[str, object]: ...

    def sized(self, asked: answers.Asked, size: int, *, with_usage: bool) -> Iterator[bytes]: ...

    def stream(self, asked: answers.Asked, parts: Iterator[str], *, with_usage: bool) -> Iterator[bytes]: ...


_SPOKEN: dict[str, Spoken] = {"chat/completions": answers, "responses": responses, _MESSAGES: messages}


def _key(request: Request, endpoint: str | None) -> str:
    """The key a caller sends; Messages takes it in either header."""
    own = request.header("x-api-key") if endpoint == _MESSAGES else None
    return own or (request.header("authorization") or "").removeprefix("Bearer ")


def _error(
    endpoint: str | None, status: int, message: str, code: str | None, kind: str = "invalid_request_error"
) -> tuple[int, dict[str, object]]:
    """An error in the shape of the API that was called."""
    if endpoint == _MESSAGES:
        return status, messages.error(message, status)
    return status, answers.error(message, kind, code)


def _pieces(body: bytes, content_type: str) -> Iterator[bytes]:
    """An answer that is sent slowly: a stream event by event, anything else a few bytes at a time."""
    if content_type.startswith(_SSE):
        return iter(_EVENT.findall(body))
    return (body[at : at + _FEW] for at in range(0, len(body), _FEW))


async def _pour(answer: Answer, parts: Iterator[bytes], chunk_delay: float) -> None:
    for index, part in enumerate(parts):
        if index and chunk_delay:
            await asyncio.sleep(chunk_delay)
        await answer.piece(part)


async def _send(answer: Answer, status: int, document: dict[str, object]) -> None:
    await answer.whole(status, orjson.dumps(document), [("content-type", _JSON)])


def _tls(where: Listening) -> ssl.SSLContext | None:
    if where.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(where.certificate, where.key)
    return context
