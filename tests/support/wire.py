"""Requests as bytes: what no HTTP library would send, over a socket of one's own."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import h2.config
import h2.connection
import h2.events

CHAT = "/v1/chat/completions"
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Answer:
    """What came back. Header names are lower case."""

    status: int
    headers: Pairs
    body: bytes

    def header(self, name: str) -> str | None:
        """The first value of a header, or None."""
        return next((value for key, value in self.headers if key == name), None)

    @property
    def id(self) -> str:
        """The request id, by which the record is found."""
        return self.header("x-request-id") or ""

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """OpenAI's error object; fails for a body of any other shape."""
        document = self.json
        assert list(document) == ["error"], document
        assert set(document["error"]) == {"message", "type", "param", "code"}, document
        assert self.header("content-type") == "application/json"
        return dict(document["error"])


def chat(text: str = "hello", **more: Any) -> bytes:
    """The body of a chat call."""
    return json.dumps({"model": "chat", "messages": [{"role": "user", "content": text}], **more}).encode()


def request(body: bytes = b"", *, path: str = CHAT, method: str = "POST", headers: Pairs = (), key: str = "") -> bytes:
    """An HTTP/1.1 request as it stands on the wire: with its length and as JSON, unless `headers` say otherwise."""
    given = {name.lower() for name, _ in headers}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    usual = {"host": "gateway.test", "content-type": "application/json"}
    if body or method == "POST":
        usual["content-length"] = str(len(body))
    if key:
        usual["authorization"] = f"Bearer {key}"
    chunked = "transfer-encoding" in given
    lines += [
        f"{name}: {value}"
        for name, value in usual.items()
        if name not in given and not (chunked and name == "content-length")
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def chunks(*pieces: bytes) -> bytes:
    """A chunked body, its end included."""
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def connect(origin: str, timeout: float = 20) -> socket.socket:
    """A connection to http://host:port."""
    parts = urlsplit(origin)
    return socket.create_connection((parts.hostname, parts.port), timeout)


def send(origin: str, raw: bytes, *, then_close: bool = False) -> Answer:
    """Send these bytes on a connection of their own and read one answer, also where it comes before the end of them.

    With `then_close` our side ends after the bytes.
    """
    with connect(origin) as connection:
        # the answer may be there, and the connection closed, before everything was taken
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(raw)
            if then_close:
                connection.shutdown(socket.SHUT_WR)
        return read(connection, raw[:5].decode("latin-1").strip())


def read(connection: socket.socket, method: str = "POST") -> Answer:
    """One answer to a request by `method`; a 100 before it is skipped."""
    response = http.client.HTTPResponse(connection, method=method)
    response.begin()
    headers = tuple((name.lower(), value) for name, value in response.getheaders())
    return Answer(response.status, headers, response.read())


def send_h2(origin: str, body: bytes, *, path: str = CHAT, method: str = "POST", headers: Pairs = ()) -> Answer:
    """The same over HTTP/2 with prior knowledge."""
    config = h2.config.H2Configuration(
        validate_outbound_headers=False, normalize_outbound_headers=False, header_encoding="latin-1"
    )
    link = h2.connection.H2Connection(config)
    link.initiate_connection()
    given = {name for name, _ in headers}
    usual = {":method": method, ":scheme": "http", ":authority": "gateway.test", ":path": path}
    if body or method == "POST":
        usual["content-type"] = "application/json"
    head = [*((name, value) for name, value in usual.items() if name not in given), *headers]
    with connect(origin) as connection:
        link.send_headers(1, sorted(head, key=lambda pair: not pair[0].startswith(":")), end_stream=not body)
        return _converse_h2(link, connection, body)


def _converse_h2(link: h2.connection.H2Connection, connection: socket.socket, body: bytes) -> Answer:
    """Send the body as fast as the windows allow, until an answer is whole. Status 0: the stream or link was reset."""
    got: list[tuple[str, str]] = []
    content = b""
    sent = 0
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        while sent < len(body) and (room := min(link.local_flow_control_window(1), link.max_outbound_frame_size)):
            piece = body[sent : sent + room]
            sent += len(piece)
            link.send_data(1, piece, end_stream=sent == len(body))
        connection.sendall(link.data_to_send())
        data = connection.recv(65536)
        if not data:
            break
        for event in link.receive_data(data):
            if isinstance(event, h2.events.ResponseReceived):
                got = list(event.headers)
            elif isinstance(event, h2.events.DataReceived):
                content += event.data
                link.acknowledge_received_data(event.flow_controlled_length, 1)
            elif isinstance(event, h2.events.StreamEnded):
                return Answer(int(dict(got)[":status"]), tuple(got), content)
            elif isinstance(event, h2.events.StreamReset | h2.events.ConnectionTerminated):
                return Answer(0, tuple(got), content)
    return Answer(0, tuple(got), content)
