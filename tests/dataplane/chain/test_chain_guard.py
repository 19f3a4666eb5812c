"""Guarding cannot be skipped, and whatever Envoy refuses by itself is said in OpenAI's words."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from forebay import contract

pytestmark = pytest.mark.dataplane

AUTH = {"authorization": "Bearer key-of-acme-0123456789"}
CONFIG = """
listen: {http: PORT}
providers: {one: {type: openai, url: "http://127.0.0.1:ONE/v1"}}
models: {chat: one/gpt-a}
tenants: {acme: {keys: ["${file:HERE/acme}"]}}
"""
CHAT = contract.model_route("chat")


@pytest.fixture(scope="module")
def provider(providers: Callable[..., Any]) -> Any:
    return providers()


@pytest.fixture(scope="module")
def gateway(gateways: Callable[..., Any], provider: Any) -> Any:
    keys = {"acme": [AUTH["authorization"].removeprefix("Bearer ")]}
    return gateways(CONFIG.replace("ONE", str(provider.port)), keys)


@pytest.fixture
def plan(gateway: Any, provider: Any, plan_type: Any, answer_type: Any) -> Callable[..., None]:
    """Sets what the processor does from now on."""
    provider.got.clear()
    provider.answer = answer_type()
    gateway.processor.seen.clear()

    def planned(**fields: Any) -> None:
        gateway.processor.plan = lambda seen: plan_type(**fields)

    planned(route=CHAT)
    return planned


FAULTS: dict[str, tuple[dict[str, Any], int, str]] = {
    "no verdict": ({"route": CHAT, "verdict": None}, 403, "unguarded"),
    "another verdict": ({"route": CHAT, "verdict": "refuse"}, 403, "unguarded"),
    "an early end with OK": ({"end": "ok"}, 403, "unguarded"),
    "an end with an error": ({"end": "error"}, 503, "processor_unavailable"),
    "no route": ({}, 404, "unknown_path"),
    "an unknown route": ({"route": "m:unknown"}, 503, "route_unknown"),
    "a cluster's name for a route": ({"route": contract.backend_cluster("one/gpt-a")}, 503, "route_unknown"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_processor_that_fails_lets_nothing_pass(gateway: Any, provider: Any, plan: Any, case: str) -> None:
    """Whatever it does short of a verdict and a route, the provider gets nothing."""
    fields, status, code = FAULTS[case]
    plan(**fields)
    reply = gateway.call(headers=AUTH)
    assert (reply.status, reply.code) == (status, code)
    assert provider.got == []


@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS"])
def test_a_request_without_body_is_guarded_like_any_other(gateway: Any, provider: Any, plan: Any, method: str) -> None:
    """An early end at the headers is no way through either."""
    plan(end="ok")
    reply = gateway.call(None, AUTH, path=contract.MODELS, method=method)
    assert (reply.status, reply.code) == (403, "unguarded")
    assert provider.got == []


def test_a_processor_that_hangs_is_a_504(gateway: Any, provider: Any, plan: Any) -> None:
    """After the message timeout of ten seconds."""
    plan(route=CHAT, hang=11)
    reply = gateway.call(headers=AUTH)
    assert (reply.status, reply.code) == (504, "processor_timeout")
    assert provider.got == []


def test_a_processor_that_is_gone_is_a_503_until_it_is_back(gateway: Any, provider: Any, plan: Any) -> None:
    """Killed and started again on the same socket."""
    gateway.processor.stop()
    reply = gateway.call(headers=AUTH)
    assert (reply.status, reply.code) == (503, "processor_unavailable")
    assert provider.got == []
    gateway.processor.start()
    assert gateway.call(headers=AUTH).status == 200


def test_the_processors_own_refusal_is_left_as_it_is(gateway: Any, provider: Any, plan: Any) -> None:
    """Its details begin with our name; the body is already in the right shape."""
    body = json.dumps({"error": {"code": "mine", "message": "100 %"}})
    plan(verdict="refuse", immediate={"status": 429, "body": body, "details": "forebay.mine"})
    reply = gateway.call(headers=AUTH)
    assert (reply.status, reply.body) == (429, body.encode())
    assert reply.headers[contract.RESPONSE_VERDICT] == "refuse"
    assert provider.got == []


def test_a_guarded_body_is_what_the_provider_gets(gateway: Any, provider: Any, plan: Any) -> None:
    """Longer than it came, with its own span."""
    body = b'{"messages":["<EMAIL_1>"],"model":"chat"}'
    plan(route=CHAT, body=body)
    assert gateway.call(b'{"model":"chat"}', AUTH).status == 200
    assert provider.got[0].body == body.replace(b'"chat"', b'"gpt-a"')


def test_a_released_call_is_not_asked_about_again(gateway: Any, plan: Any) -> None:
    """Two messages in all."""
    assert gateway.call(headers=AUTH).status == 200
    assert gateway.processor.seen[0].messages == ["request_headers", "request_body"]


def test_an_answer_can_be_read_whole_and_replaced(gateway: Any, provider: Any, plan: Any, answer_type: Any) -> None:
    """mode_override in the answer to the response headers; 6 MB come back out of 3."""
    provider.answer = answer_type(body=b"x" * 3_000_000)
    plan(route=CHAT, release=False, buffer_answer=lambda body: body.replace(b"x", b"yy"))
    reply = gateway.call(headers=AUTH)
    assert (reply.status, len(reply.body), reply.headers["content-length"]) == (200, 6_000_000, "6000000")
    seen = gateway.processor.seen[0]
    assert seen.messages == ["request_headers", "request_body", "response_headers", "response_body"]
    assert seen.response[contract.FROM_PROVIDER] == "openai"
    assert contract.FROM_PROVIDER not in reply.headers


def test_a_hidden_provider_error_ends_the_exchange_without_another_message(
    gateway: Any, provider: Any, plan: Any, answer_type: Any
) -> None:
    """The processor that watches the answer sees the stream end, not the provider's 401."""
    provider.answer = answer_type(401, b"sk-secret")
    plan(route=CHAT, release=False)
    assert gateway.call(headers=AUTH).code == "provider_credentials"
    assert gateway.processor.seen[0].messages == ["request_headers", "request_body"]


LINES = {
    "an upgrade": (b"POST /v1/chat/completions HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n", 400),
    "an escaped slash": (b"POST /v1%2fchat/completions HTTP/1.1\r\n", 400),
    "an escaped backslash": (b"POST /v1%5cchat/completions HTTP/1.1\r\n", 400),
    "a fragment": (b"POST /v1/chat/completions#x HTTP/1.1\r\n", 400),
    "an underscore": (b"POST /v1/chat/completions HTTP/1.1\r\nx_forebay: 1\r\n", 400),
    "two lengths": (b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 3\r\n", 400),
    "a length and chunks": (b"POST /v1/chat/completions HTTP/1.1\r\ntransfer-encoding: chunked\r\n", 400),
    "large headers": (b"POST /v1/chat/completions HTTP/1.1\r\nx-a: " + b"y" * 70_000 + b"\r\n", 431),
    "HTTP/1.0": (b"POST /v1/chat/completions HTTP/1.0\r\n", 426),
    "no HTTP": (b"RUBBISH\r\n", 400),
}


@pytest.mark.parametrize("case", LINES)
def test_a_request_that_is_malformed_gets_an_error_object(gateway: Any, provider: Any, plan: Any, case: str) -> None:
    """Refused by Envoy, unseen by the processor, worded by us."""
    line, status = LINES[case]
    head = line + b"host: x\r\nauthorization: Bearer key-of-acme-0123456789\r\n"
    out = gateway.raw(head + b'content-type: application/json\r\ncontent-length: 16\r\n\r\n{"model":"chat"}', 0.5)
    assert int(out.split()[1]) == status
    error = json.loads(out.partition(b"\r\n\r\n")[2])["error"]
    assert error["code"] == ("upgrade_refused" if case == "an upgrade" else "bad_request")
    assert provider.got == [] == gateway.processor.seen


@pytest.mark.parametrize("path", ["//v1/chat/completions", "/x/../v1/chat/completions", "/v1/chat/completions/"])
def test_a_path_reaches_the_processor_as_it_was_sent(gateway: Any, plan: Any, path: str) -> None:
    """Nothing is normalised into a path that is served; the processor compares exactly."""
    gateway.call(headers=AUTH, path=path)
    assert gateway.processor.seen[0].headers[":path"] == path


def test_two_hundred_calls_at_once_meet_no_limit_of_envoys(gateway: Any, plan: Any, plan_type: Any) -> None:
    """No breaker overflows, neither the inspector cluster's nor a provider's."""
    plan(route=CHAT, hang=0.2)
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda: statuses.append(gateway.call(headers=AUTH).status)) for _ in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 200
    overflows = [line for line in gateway.admin("/stats?filter=overflow").splitlines() if not line.endswith(": 0")]
    assert overflows == []
