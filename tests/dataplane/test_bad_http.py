"""Requests whose head or framing is wrong: the right 4xx, one line in the record, nothing upstream.

What can be told from bytes alone is refused by Envoy's codec before it has a request: those answers and lines have no
request id, and the connection ends with them.
"""

import gzip
from collections import Counter
from http.client import RemoteDisconnected
from typing import Any, NamedTuple

import pytest
from gateways import Gateway, Starter
from wire import CHAT, Answer, Pairs, chat, chunks, connect, read, request, send, send_h2

CONFIG = "providers: {m: {type: mock}}\nmodels: {chat: m/gpt-4o-mini}\n"
BODY = chat()
CHUNKED = ("transfer-encoding", "chunked")


class Bad(NamedTuple):
    """How a good chat call is spoiled, and what must come of it."""

    status: int
    reason: str
    path: str = CHAT
    method: str = "POST"
    headers: Pairs = ()
    body: bytes = BODY
    both: bool = True  # over HTTP/2 as well


# with a request id: these were requests
REFUSED: dict[str, Bad] = {
    "two slashes": Bad(404, "unknown_path", "//v1/chat/completions"),
    "two slashes inside": Bad(404, "unknown_path", "/v1//chat/completions"),
    "a trailing slash": Bad(404, "unknown_path", "/v1/chat/completions/"),
    "dots": Bad(404, "unknown_path", "/v1/x/../chat/completions"),
    "escaped dots": Bad(404, "unknown_path", "/v1/%2e%2e/v1/chat/completions"),
    "an escaped letter": Bad(404, "unknown_path", "/v1/ch%61t/completions"),
    "another case": Bad(404, "unknown_path", "/V1/Chat/Completions"),
    "a path parameter": Bad(404, "unknown_path", "/v1/chat/completions;x=1"),
    "a path of another service": Bad(404, "unknown_path", "/v1/images/generations"),
    "a longer path": Bad(404, "unknown_path", "/v1/chat/completions/x"),
    "the root": Bad(404, "unknown_path", "/"),
    "the probe's path": Bad(404, "unknown_path", "/v1/forebay/probe", "GET", body=b""),
    "a model's path": Bad(404, "unknown_path", "/v1/models/chat", "GET", body=b""),
    "a query": Bad(400, "query_not_accepted", CHAT + "?api_key=sk-123"),
    "an empty query": Bad(400, "query_not_accepted", CHAT + "?"),
    "a query for the models": Bad(400, "query_not_accepted", "/v1/models?api_key=sk-123", "GET", body=b""),
    "GET": Bad(405, "method_not_allowed", method="GET", body=b""),
    "PUT": Bad(405, "method_not_allowed", method="PUT"),
    "DELETE": Bad(405, "method_not_allowed", method="DELETE", body=b""),
    "OPTIONS": Bad(405, "method_not_allowed", method="OPTIONS", body=b""),
    "PATCH": Bad(405, "method_not_allowed", method="PATCH"),
    "POST for the models": Bad(405, "method_not_allowed", "/v1/models"),
    "gzip": Bad(415, "content_encoding", headers=(("content-encoding", "gzip"),), body=gzip.compress(BODY)),
    "gzip in name only": Bad(415, "content_encoding", headers=(("content-encoding", "GZIP"),)),
    "identity, gzip": Bad(415, "content_encoding", headers=(("content-encoding", "identity, gzip"),)),
    "zstd in a header of its own": Bad(
        415, "content_encoding", headers=(("content-encoding", "identity"), ("content-encoding", "zstd"))
    ),
    "text": Bad(415, "content_type", headers=(("content-type", "text/plain"),)),
    "a form": Bad(415, "content_type", headers=(("content-type", "application/x-www-form-urlencoded"),)),
    "almost JSON": Bad(415, "content_type", headers=(("content-type", "application/jsonp"),)),
    "no content type": Bad(415, "content_type", headers=(("content-type", ""),)),
    "two content types": Bad(415, "content_type", headers=(("content-type", "application/json"),) * 2),
    "no body": Bad(400, "empty_body", body=b""),
    "an empty chunked body": Bad(400, "empty_body", headers=(CHUNKED,), body=chunks(), both=False),
    "a length over the limit": Bad(413, "body_too_large", headers=(("content-length", "60000000"),), both=False),
    "a length too short": Bad(
        400, "malformed_json", headers=(("content-length", str(len(BODY) - 1)),), both=False
    ),  # what is left of it begins no request
    "an upgrade to WebSocket": Bad(
        400, "upgrade_refused", headers=(("upgrade", "websocket"), ("connection", "upgrade")), both=False
    ),
    "an upgrade to anything": Bad(
        400, "upgrade_refused", headers=(("upgrade", "tls/1.0"), ("connection", "Upgrade")), both=False
    ),
}
# without: these never were
UNREADABLE: dict[str, Bad] = {
    "an escaped slash": Bad(400, "bad_request", "/v1%2fchat/completions"),
    "an escaped slash, upper case": Bad(400, "bad_request", "/v1%2Fchat%2Fcompletions"),
    "an escaped backslash": Bad(400, "bad_request", "/v1%5cchat/completions"),
    "a fragment": Bad(400, "bad_request", CHAT + "#x"),
    "CONNECT": Bad(400, "bad_request", method="CONNECT", body=b"", both=False),
    "a method of somebody's own": Bad(400, "bad_request", method="FOO", both=False),
    "chunks and a length": Bad(
        400, "bad_request", headers=(CHUNKED, ("content-length", "5")), body=chunks(BODY), both=False
    ),
    "two lengths": Bad(
        400, "bad_request", headers=(("content-length", "5"), ("content-length", str(len(BODY)))), both=False
    ),
    "a negative length": Bad(400, "bad_request", headers=(("content-length", "-5"),), both=False),
    "a length that is a word": Bad(400, "bad_request", headers=(("content-length", "5x"),), both=False),
    "an underscore in a name": Bad(400, "bad_request", headers=(("x_forebay_tenant", "acme"),), both=False),
    "a NUL in a value": Bad(400, "bad_request", headers=(("x-a", "a\0b"),), both=False),
    "a space behind a name": Bad(400, "bad_request", headers=(("x-forebay-tenant ", "acme"),), both=False),
    "a head of 70 KB": Bad(431, "bad_request", headers=(("x-a", "a" * 70_000),), both=False),
    "120 headers": Bad(431, "bad_request", headers=tuple((f"x-{i}", "a") for i in range(120)), both=False),
}
# a stream's end is all the error that HTTP/2 has for these
RESET_H2: dict[str, Pairs] = {
    "an upgrade": (("upgrade", "websocket"), ("connection", "upgrade")),
    "transfer-encoding": (("transfer-encoding", "chunked"),),
    "a length that lies": (("content-length", "5"),),
    "an upper-case name": (("X-Forebay-Tenant", "acme"),),
    "a line break in a value": (("x-a", "a\r\nx-forebay-tenant: acme"),),
    "extended CONNECT": ((":method", "CONNECT"), (":protocol", "websocket")),
    "an empty path": ((":path", ""),),
}


@pytest.fixture(scope="module")
def gateway(start_once: Starter) -> Gateway:
    return start_once.gateway(CONFIG)


@pytest.fixture(scope="module")
def answers(gateway: Gateway) -> dict[str, Answer]:
    """What came of every refused request, over either protocol."""
    bearer = (("authorization", f"Bearer {gateway.key}"),)
    found = {}
    for name, bad in (REFUSED | UNREADABLE).items():
        raw = request(bad.body, path=bad.path, method=bad.method, headers=bad.headers, key=gateway.key)
        found[name] = send(gateway.origin, raw)
        if bad.both:
            headers = (*bearer, *bad.headers)
            found[f"{name}, h2"] = send_h2(gateway.origin, bad.body, path=bad.path, method=bad.method, headers=headers)
    return found


@pytest.mark.parametrize("name", [*REFUSED, *(f"{name}, h2" for name in REFUSED if REFUSED[name].both)])
def test_a_bad_request_gets_a_clear_error_and_a_line_in_the_record(
    gateway: Gateway, answers: dict[str, Answer], name: str
) -> None:
    """The answer's code is the record's reason."""
    bad, answer = REFUSED[name.removesuffix(", h2")], answers[name]
    assert (answer.status, answer.error["code"]) == (bad.status, bad.reason)
    assert answer.error["type"] == "invalid_request_error"
    record = gateway.record(answer.id)
    assert (record["outcome"], record["reason"], record["status"]) == ("refused", bad.reason, bad.status)
    assert (record["attempts"], record["recognised"]) == (0, True)


@pytest.mark.parametrize("name", [*UNREADABLE, *(f"{name}, h2" for name in UNREADABLE if UNREADABLE[name].both)])
def test_what_is_no_request_gets_a_clear_error(answers: dict[str, Answer], name: str) -> None:
    """In the same shape as every other."""
    bad, answer = UNREADABLE[name.removesuffix(", h2")], answers[name]
    assert (answer.status, answer.error["code"]) == (bad.status, bad.reason)


def test_what_is_no_request_has_its_line_in_the_record(gateway: Gateway, answers: dict[str, Answer]) -> None:
    """As many as there were, each with its status; there is no id to tell them by."""
    wanted = Counter(answer.status for answer in answers.values() if not answer.id)
    assert wanted.total() == len(UNREADABLE) + sum(bad.both for bad in UNREADABLE.values())

    def published() -> list[dict[str, Any]] | None:
        lines = [record for record in gateway.records() if record["id"] is None and record["status"]]
        return lines if len(lines) >= wanted.total() else None

    lines = gateway.wait_for(published) or []
    assert Counter(record["status"] for record in lines) == wanted
    assert {(record["outcome"], record["reason"]) for record in lines} == {("refused", "bad_request")}


@pytest.mark.parametrize("name", RESET_H2)
def test_what_http2_forbids_ends_the_stream(gateway: Gateway, name: str) -> None:
    """Before anybody reads it; the line says that a malformed request was there."""
    before = len(gateway.records())
    headers = (("authorization", f"Bearer {gateway.key}"), *RESET_H2[name])
    answer = send_h2(gateway.origin, BODY, headers=headers)
    assert answer.status == 0
    record = gateway.wait_for(lambda: gateway.records()[before:])[-1]
    assert (record["status"], record["attempts"], record["provider"]) == (0, 0, None)
    assert record["reason"] in {"bad_request", "client_gone"}


@pytest.mark.parametrize("raw", [b"GET /v1/models\r\n\r\n", request(BODY).replace(b"HTTP/1.1", b"HTTP/1.0")])
def test_older_http_is_told_to_upgrade(gateway: Gateway, raw: bytes) -> None:
    """426: HTTP/1.0 has no chunks and may have no host."""
    answer = send(gateway.origin, raw)
    assert (answer.status, answer.error["code"]) == (426, "bad_request")


@pytest.mark.parametrize(
    "raw", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 400, b"\0" * 64 + b"\r\n\r\n"]
)
def test_bytes_that_are_no_http_get_a_400(gateway: Gateway, raw: bytes) -> None:
    """TLS on the plain port, or nothing at all."""
    answer = send(gateway.origin, raw)
    assert (answer.status, answer.error["code"]) == (400, "bad_request")


def test_a_request_without_host_gets_a_400(gateway: Gateway) -> None:
    """HTTP/1.1 demands one."""
    answer = send(gateway.origin, request(BODY, key=gateway.key).replace(b"host: gateway.test\r\n", b""))
    assert (answer.status, answer.error["code"]) == (400, "bad_request")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (request(b"zz\r\nhello\r\n0\r\n\r\n", headers=(CHUNKED,)), "bad_request"),
        (request(BODY[:-1], headers=(("content-length", str(len(BODY))),)), "client_gone"),
    ],
)
def test_a_body_that_breaks_off_or_breaks_its_framing_ends_the_connection(
    gateway: Gateway, raw: bytes, reason: str
) -> None:
    """Nobody could tell where an answer to it would belong."""
    before = len(gateway.records())
    bearer = f"authorization: Bearer {gateway.key}\r\n\r\n".encode()
    with pytest.raises(RemoteDisconnected):
        send(gateway.origin, raw.replace(b"\r\n\r\n", b"\r\n" + bearer, 1), then_close=True)
    record = gateway.wait_for(lambda: gateway.records()[before:])[-1]
    assert (record["reason"], record["attempts"], record["provider"]) == (reason, 0, None)


def test_nothing_bad_reaches_the_provider(gateway: Gateway, answers: dict[str, Answer]) -> None:
    """Whatever any test of this file before this one has sent."""
    assert answers
    assert gateway.mock("m").received() == []
    assert gateway.records("attempt") == []


FINE: dict[str, bytes] = {
    "chunks without a length": request(chunks(BODY[:9], BODY[9:]), headers=(CHUNKED,)),
    "an upgrade to HTTP/2": request(
        BODY, headers=(("upgrade", "h2c"), ("connection", "Upgrade, HTTP2-Settings"), ("http2-settings", "AAMAAABk"))
    ),
    "content-encoding: identity": request(BODY, headers=(("content-encoding", "identity"),)),
    "a content type with charset": request(BODY, headers=(("content-type", "Application/JSON; charset=utf-8"),)),
    "trailers": request(chunks(BODY)[:-2] + b"x-forebay-tenant: acme\r\n\r\n", headers=(CHUNKED,)),
    "the whole URL": request(BODY, path="http://other.test/v1/chat/completions"),
}


@pytest.mark.parametrize("name", FINE)
def test_what_http_allows_is_served_and_goes_no_further(gateway: Gateway, name: str) -> None:
    """The provider sees the same plain request each time."""
    mock = gateway.mock("m")
    mock.forget()
    bearer = f"authorization: Bearer {gateway.key}\r\n\r\n".encode()
    answer = send(gateway.origin, FINE[name].replace(b"\r\n\r\n", b"\r\n" + bearer, 1))
    assert answer.status == 200
    (received,) = mock.received()
    assert (received["method"], received["path"]) == ("POST", CHAT)
    assert received["body"] == BODY.decode().replace('"chat"', '"gpt-4o-mini"')
    names = {key for key, _ in received["headers"]}
    own = {"accept", "user-agent", "x-request-id"}
    assert names <= {"host", "content-type", "content-length", "transfer-encoding", *own}
    assert ["host", "other.test"] not in received["headers"]


def test_expect_100_continue_is_answered_before_the_body(gateway: Gateway) -> None:
    """A caller that waits for the word to go on gets it, and then its answer."""
    raw = request(BODY, headers=(("expect", "100-continue"),), key=gateway.key)
    head, _, body = raw.partition(b"\r\n\r\n")
    with connect(gateway.origin) as connection:
        connection.sendall(head + b"\r\n\r\n")
        assert connection.recv(1024) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert read(connection).status == 200


def test_a_request_behind_another_is_a_request_of_its_own(gateway: Gateway) -> None:
    """Two on one connection, the second without a credential: it does not inherit the first one's."""
    with connect(gateway.origin) as connection:
        last = request(BODY, headers=(("connection", "close"),))
        connection.sendall(request(BODY, key=gateway.key) + last)
        with connection.makefile("rb") as stream:
            whole = stream.read()
    first, second = whole.split(b"HTTP/1.1 ")[1:]
    assert first.startswith(b"200 ")
    assert second.startswith(b"401 ")


def test_the_generated_key_is_the_only_one(gateway: Gateway) -> None:
    """A config that says nothing of callers asks for a key all the same."""
    answer = send(gateway.origin, request(BODY, key=gateway.key))
    assert answer.status == 200
    assert gateway.record(answer.id)["tenant"] == "local"
    for key in ("", gateway.key[:-1], "local", "Bearer"):
        assert send(gateway.origin, request(BODY, key=key)).status == 401
