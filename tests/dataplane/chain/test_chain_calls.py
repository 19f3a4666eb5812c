"""Calls that reach a provider: routes, arms, attempts, the egress gate, what comes back."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import IncompleteRead
from typing import Any

import pytest

from forebay import contract
from forebay.record.processor import calls_of_the_processor

pytestmark = pytest.mark.dataplane

AUTH = {"authorization": "Bearer key-of-acme-0123456789"}
SECRET_ONE, SECRET_TWO = "secret-of-one-0123456789", "secret-of-two-0123456789"
CONFIG = """
listen: {http: PORT, body_limit: 20MiB}
providers:
  one: {type: openai, url: "http://127.0.0.1:ONE/v1", key: "${file:HERE/one}", outlier: {consecutive_5xx: 100000}}
  two: {type: openai, url: "http://127.0.0.1:TWO/openai/v1", key: "${env:TWO_KEY}", outlier: {consecutive_5xx: 100000}}
  bare: {type: openai, url: "http://127.0.0.1:ONE/bare"}
  frail: {type: openai, url: "http://127.0.0.1:ONE/frail", outlier: {consecutive_5xx: 3, eject: 30s, interval: 1s}}
  gone: {type: openai, url: "http://127.0.0.1:1/v1"}
  lost: {type: openai, url: "https://lost.invalid/v1"}
  unset: {type: openai, url: "http://127.0.0.1:ONE/v1", key: "${env:NOT_SET_AT_ALL}"}
models:
  chat: one/gpt-a
  safe:
    backends: [{use: one/gpt-a, weight: 100}]
    fallback: [two/gpt-b]
    timeout: {first_token: 1s, idle: 2s, total: 20s}
  again:
    backends: [{use: one/gpt-a, weight: 100}]
    fallback: [two/gpt-b]
    retries: {on: [5xx], max: 1}
  hasty:
    backends: [{use: one/gpt-a, weight: 100}]
    fallback: [two/gpt-b]
    timeout: {first_token: 1s, idle: 2s, total: 20s}
    retries: {on: [timeout], max: 0}
  patient: {backends: [{use: one/gpt-a, weight: 100}], timeout: {first_token: 30s, total: 2s}}
  brief: {backends: [{use: one/gpt-a, weight: 100}], timeout: {first_token: 1s, total: 2s}}
  half: {backends: [{use: one/gpt-a, weight: 90}, {use: two/gpt-b, weight: 10}]}
  keyless: {backends: [{use: one/gpt-a, weight: 100}], fallback: [bare/gpt-c]}
  down: gone/gpt-a
  fragile: {backends: [{use: frail/gpt-a, weight: 100}], fallback: [two/gpt-b]}
  sick: frail/gpt-d
  nowhere: lost/gpt-a
  keyed: unset/gpt-a
tenants:
  acme: {keys: ["${file:HERE/acme}"]}
"""


@pytest.fixture(scope="module")
def trio(gateways: Callable[..., Any], providers: Callable[..., Any]) -> tuple[Any, Any, Any]:
    """A gateway and its two providers."""
    one, two = providers(), providers()
    config = CONFIG.replace(":ONE/", f":{one.port}/").replace(":TWO/", f":{two.port}/")
    keys = {"acme": [AUTH["authorization"].removeprefix("Bearer ")]}
    return gateways(config, keys, {"TWO_KEY": SECRET_TWO}), one, two


@pytest.fixture
def calls(trio: tuple[Any, Any, Any], plan_type: Any, answer_type: Any) -> Iterator["Calls"]:
    """The same, fresh for each test."""
    yield Calls(*trio, plan_type, answer_type)


class Calls:
    """One gateway, two providers, and short words for what tests do with them."""

    def __init__(self, gateway: Any, one: Any, two: Any, plan: Any, answer: Any) -> None:
        self.gateway, self.one, self.two, self.plan, self.answer = gateway, one, two, plan, answer
        for provider in (one, two):
            provider.answer = answer()
            provider.got.clear()
        gateway.processor.seen.clear()

    def model(self, name: str, body: bytes | None = None, headers: dict[str, str] | None = None, **plan: Any) -> Any:
        """A call that the processor sends along the route of a model, or along `route`."""
        chosen = {"route": contract.model_route(name), **plan}
        self.gateway.processor.plan = lambda seen: self.plan(**chosen)
        sent = json.dumps({"model": name, "messages": []}).encode() if body is None else body
        return self.gateway.call(sent, AUTH | (headers or {}))


def test_a_call_reaches_its_provider_with_that_providers_key_model_and_path(calls: Calls) -> None:
    """Everything of the caller's and of ours stays behind: the provider sees an allow-list."""
    noise = {"cookie": "a=b", "x-forwarded-for": "1.2.3.4", "x-other": "1", "accept-encoding": "gzip", "x-api-key": "k"}
    assert calls.model("chat", headers=noise).status == 200
    (got,) = calls.one.got
    assert got.path == "/v1/chat/completions"
    assert json.loads(got.body) == {"model": "gpt-a", "messages": []}
    assert got.header("authorization") == f"Bearer {SECRET_ONE}"
    assert got.header("host") == f"127.0.0.1:{calls.one.port}"
    names = {name.lower() for name, _ in got.headers}
    ours = {"user-agent", "accept"}
    assert names == {"host", "authorization", "content-type", "content-length", "x-request-id"} | ours
    assert (got.header("user-agent"), got.header("accept")) == ("forebay", "application/json, text/event-stream")


def test_the_answer_says_who_gave_it_and_nothing_else_of_the_provider_s(calls: Calls) -> None:
    """Our headers overwrite the provider's copies; its cookies, limits and software stay behind."""
    calls.one.answer = calls.answer(
        headers={
            "set-cookie": "a=b", "x-forebay-verdict": "forged", "x-forebay-other": "x", "x-ratelimit-limit": "9",
            "x-envoy-upstream-service-time": "1", "server-timing": "forged", "openai-organization": "acme",
            "openai-version": "1",
        }
    )  # fmt: skip
    reply = calls.model("chat", headers={"x-request-id": "mine"})
    kept = {name: value for name, value in reply.headers.items() if name not in ("date", "content-length")}
    request_id = kept.pop("x-request-id")
    assert request_id != "mine"
    assert request_id == calls.one.got[0].header("x-request-id")
    assert kept.pop(contract.SERVER_TIMING).startswith("upstream;dur=")
    assert kept == {
        "content-type": "application/json", "openai-version": "1",
        "x-forebay-verdict": "pass", "x-forebay-provider": "one", "x-forebay-model": "gpt-a", "x-forebay-attempts": "1",
    }  # fmt: skip


@pytest.mark.parametrize("status", [429, 500, 503, 529])
def test_a_fallback_answers_with_its_own_key_model_and_path(calls: Calls, status: int) -> None:
    """The second provider never sees the first one's key, and starts from the body as it was guarded."""
    calls.one.answer = calls.answer(status)
    reply = calls.model("safe")
    assert (reply.status, reply.headers[contract.RESPONSE_PROVIDER]) == (200, "two")
    assert reply.headers[contract.RESPONSE_ATTEMPTS] == "2"
    (first,), (second,) = calls.one.got, calls.two.got
    assert (first.header("authorization"), second.header("authorization")) == (
        f"Bearer {SECRET_ONE}",
        f"Bearer {SECRET_TWO}",
    )
    assert second.path == "/openai/v1/chat/completions"
    assert [json.loads(got.body)["model"] for got in (first, second)] == ["gpt-a", "gpt-b"]
    assert SECRET_ONE not in str(second)


def test_a_fallback_without_a_key_gets_none(calls: Calls) -> None:
    """Not even the key of the attempt before."""
    calls.one.answer = lambda got: calls.answer(200 if got.path.startswith("/bare") else 500)
    assert calls.model("keyless").status == 200
    assert [got.header("authorization") for got in calls.one.got] == [f"Bearer {SECRET_ONE}", None]


def test_a_backend_is_tried_again_before_the_next_one(calls: Calls) -> None:
    """`retries.max: 1`: a composite cluster may name a sub-cluster twice."""
    calls.one.answer = calls.answer(500)
    assert calls.model("again").headers[contract.RESPONSE_ATTEMPTS] == "3"
    assert (len(calls.one.got), len(calls.two.got)) == (2, 1)


def test_a_failing_backend_is_ejected_and_skipped_in_the_same_attempt(calls: Calls) -> None:
    """After three failures in a row the fallback answers at once; a model without one gets a 503."""
    calls.one.answer = calls.answer(500)
    replies = [calls.model("fragile") for _ in range(5)]
    assert {reply.headers[contract.RESPONSE_PROVIDER] for reply in replies} == {"two"}
    assert [reply.headers[contract.RESPONSE_ATTEMPTS] for reply in replies] == ["2", "2", "2", "1", "1"]
    assert len(calls.one.got) == 3
    codes = [calls.model("sick").code for _ in range(4)]
    assert codes == ["provider_error"] * 3 + ["provider_unreachable"]


@pytest.mark.parametrize("size", [3_500_000, 19_500_000])
def test_a_large_body_falls_back_whole(calls: Calls, size: int) -> None:
    """Every attempt sends every byte, with the model's name of its own behind them."""
    calls.one.answer = calls.answer(503)
    body = json.dumps({"messages": ["x" * size], "model": "safe"}).encode()
    assert calls.model("safe", body).headers[contract.RESPONSE_PROVIDER] == "two"
    assert calls.one.got[0].body == body.replace(b'"safe"', b'"gpt-a"')
    assert calls.two.got[0].body == body.replace(b'"safe"', b'"gpt-b"')


def test_a_body_over_the_limit_is_a_413(calls: Calls) -> None:
    """60 MB: refused before the processor sees any of it."""
    reply = calls.model("chat", b"x" * 60_000_000)
    assert (reply.status, reply.code) == (413, "body_too_large")
    assert calls.one.got == []


def test_buckets_pick_the_arm_in_the_order_of_the_config(calls: Calls) -> None:
    """90 : 10 is buckets 0 to 8999 and 9000 to 9999."""
    replies = [calls.model("half", bucket=bucket) for bucket in (0, 8999, 9000, 9999)]
    assert [reply.headers[contract.RESPONSE_PROVIDER] for reply in replies] == ["one", "one", "two", "two"]


def test_a_pinned_route_has_no_fallback(calls: Calls) -> None:
    """What a policy pinned is served from there or not at all."""
    route = contract.pinned_route("safe", "two/gpt-b")
    assert calls.model("safe", route=route).headers[contract.RESPONSE_PROVIDER] == "two"
    calls.two.answer = calls.answer(500)
    assert calls.model("safe", route=route).code == "provider_error"
    assert calls.one.got == []


@pytest.mark.parametrize("name", ["safe", "hasty"])
def test_silence_before_the_first_token_moves_on(calls: Calls, name: str) -> None:
    """`timeout` alone in `retries.on` is enough."""
    calls.one.answer = calls.answer(delay=1.6)
    assert calls.model(name).headers[contract.RESPONSE_PROVIDER] == "two"


def test_a_stream_outlives_the_limit_for_its_first_token(calls: Calls) -> None:
    """A begun stream is not cut while it moves."""
    calls.one.answer = calls.answer(chunks=[b"data: x\n\n"] * 4, pause=0.6)
    reply = calls.model("safe")
    assert (reply.status, reply.body) == (200, b"data: x\n\n" * 4)


def test_a_stream_that_stops_moving_is_cut(calls: Calls) -> None:
    """`idle`, but never less than all attempts together: 2 x 1 s and 5 s here; 5 s for the connection to close."""
    calls.one.answer = calls.answer(chunks=[b"a", b"b"], pause=16)
    before = time.monotonic()
    with pytest.raises(IncompleteRead):
        calls.model("safe")
    assert 6 < time.monotonic() - before < 15


def test_an_answer_that_takes_longer_than_total_is_cut(calls: Calls) -> None:
    """However well it moves: 2 s here; 5 s for the connection to close."""
    calls.one.answer = calls.answer(chunks=[b"data: x\n\n"] * 60, pause=0.2)
    before = time.monotonic()
    with pytest.raises(IncompleteRead):
        calls.model("brief")
    assert 1.5 < time.monotonic() - before < 10


def test_a_provider_that_is_silent_for_total_is_a_timeout(calls: Calls) -> None:
    """Before its head too, where an attempt alone may take as long."""
    calls.one.answer = calls.answer(delay=12)
    before = time.monotonic()
    reply = calls.model("patient")
    assert (reply.status, reply.code) == (504, "provider_timeout")
    assert 1.5 < time.monotonic() - before < 9


HIDDEN = {
    401: (502, "provider_credentials"),
    403: (502, "provider_credentials"),
    500: (502, "provider_error"),
    503: (502, "provider_error"),
    504: (504, "provider_timeout"),
    307: (502, "provider_error"),
}


@pytest.mark.parametrize("status", HIDDEN)
def test_a_providers_own_trouble_is_told_without_its_words(calls: Calls, status: int) -> None:
    """Its text may quote our key."""
    calls.one.answer = calls.answer(status, b"wrong key " + SECRET_ONE.encode(), {"location": "http://elsewhere.test/"})
    reply = calls.model("chat")
    assert (reply.status, reply.code) == HIDDEN[status]
    assert b"secret" not in reply.body
    assert reply.headers[contract.RESPONSE_PROVIDER] == "one"
    assert not {"location", "x-forebay-from-provider"} & set(reply.headers)


@pytest.mark.parametrize("status", [400, 404, 422, 429])
def test_a_providers_refusal_surfaces_as_itself(calls: Calls, status: int) -> None:
    """What is wrong with the request the provider knows best; its Retry-After is kept."""
    calls.one.answer = calls.answer(status, b'{"error":{"message":"theirs"}}', {"retry-after": "7"})
    reply = calls.model("chat")
    assert (reply.status, reply.body) == (status, b'{"error":{"message":"theirs"}}')
    assert reply.headers["retry-after"] == "7"


@pytest.mark.parametrize("name", ["down", "nowhere"])
def test_a_provider_that_cannot_be_reached_is_a_503_and_holds_up_nobody(calls: Calls, name: str) -> None:
    """Connection refused, or a name that does not resolve: Envoy started all the same."""
    reply = calls.model(name)
    assert (reply.status, reply.code) == (503, "provider_unreachable")


def test_a_provider_whose_key_is_not_there_gets_nothing(calls: Calls) -> None:
    """Closed, and told as what it is: not the caller's credential is missing."""
    reply = calls.model("keyed")
    assert (reply.status, reply.code) == (502, "provider_credentials")
    assert "www-authenticate" not in reply.headers
    assert calls.one.got == []


def test_a_provider_that_hangs_up_is_a_502(calls: Calls) -> None:
    """No answer at all."""

    def hang_up(got: Any) -> Any:
        raise ConnectionResetError

    calls.one.answer = hang_up
    reply = calls.model("chat")
    assert (reply.status, reply.code) == (502, "provider_reset")


BAD_SPANS = ["0:5", "9:9999", "9:1", "x", "99999999999999:3", "10:8"]


@pytest.mark.parametrize("span", BAD_SPANS)
def test_a_span_that_is_no_string_of_the_body_sends_nothing(calls: Calls, span: str) -> None:
    """Closed: a body whose model cannot be set goes nowhere, neither to the provider nor to its fallback."""
    reply = calls.model("safe", span=span)
    assert (reply.status, reply.code) == (500, "internal")
    assert calls.one.got + calls.two.got == []


def test_an_equal_model_name_leaves_the_body_untouched(calls: Calls) -> None:
    """Byte for byte, odd spacing and escapes included."""
    body = b'{ "messages" : [] ,\t"x":1.0e2, "model"  :  "gpt-a" , "u":"\\u00e9\\/" }'
    calls.model("chat", body)
    assert calls.one.got[0].body == body


def test_a_hundred_calls_fall_back_at_once(calls: Calls) -> None:
    """No breaker of Envoy's own stands in the way."""
    calls.one.answer = calls.answer(503, delay=0.3)
    calls.gateway.processor.plan = lambda seen: calls.plan(route=contract.model_route("safe"))
    with ThreadPoolExecutor(100) as pool:
        replies = [*pool.map(lambda _: calls.gateway.call(b'{"model":"safe"}', AUTH), range(100))]
    assert {(reply.status, reply.headers[contract.RESPONSE_PROVIDER]) for reply in replies} == {(200, "two")}


def test_the_record_has_a_line_per_request_and_per_attempt(calls: Calls) -> None:
    """Joined by id; without path, credential or body."""
    calls.one.answer = calls.answer(500)
    reply = calls.model("safe", headers={"x-private": "very private"})
    request_id = reply.headers["x-request-id"]
    deadline = time.monotonic() + 5
    while True:
        lines = [line for line in calls.gateway.record() if line["id"] == request_id]
        attempts = [line for line in calls.gateway.record(1, "UpstreamEnd") if line["id"] == request_id]
        if lines or time.monotonic() > deadline:
            break
    (line,) = lines
    assert (line["status"], line["provider"], line["model"], line["attempts"]) == (200, "two", "gpt-b", 2)
    assert (line["route"], line["forwarded"], line["method"]) == ("m:safe", '{"verdict":"pass"}', "POST")
    assert (line["tenant"], line["caller"].partition("/")[0]) == ("acme", "acme")
    assert line["client"] == "127.0.0.0/24"
    assert line["config"] == calls.gateway.resolved.digest
    assert calls_of_the_processor(line["processor"])["request_body_call_count"] == 1
    assert [(each["provider"], each["status"]) for each in attempts] == [("one", 500), ("two", 200)]
    text = calls.gateway.places.envoy_record.read_text()
    for private in ("very private", "/v1/chat", "secret-of", "key-of-acme"):
        assert private not in text
