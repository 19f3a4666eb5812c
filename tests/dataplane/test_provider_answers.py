"""What a caller gets to see of a provider: its answers and its word on the request, never its secrets or its faults."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from gateways import Gateway, Starter
from wire import Answer, chat, request, send

LEAK = "upstream-text-with-sk-provider-key"
PROVIDER_KEY = "sk-provider-0123456789"
CONFIG = """
providers:
  one: {type: mock, key: "${file:@folder@/one}"}
  two: {type: mock}
  gone: {type: openai, url: "http://127.0.0.1:@port@/v1"}
models:
  chat: one/gpt-4o-mini
  safe: {backends: [{use: one/gpt-4o, weight: 1}], fallback: [two/gpt-4o]}
  lost: gone/gpt-4o
  slow: {backends: [{use: one/gpt-4o, weight: 1}], timeout: {first_token: 300ms, idle: 1s, total: 2s}}
"""


@pytest.fixture(scope="module")
def gateway(start_once: Starter) -> Gateway:
    start_once.file("one", PROVIDER_KEY)
    config = CONFIG.replace("127.0.0.1:@port@", "127.0.0.1:9")  # nobody listens there
    return start_once.gateway(config)


@pytest.fixture
def ask(gateway: Gateway) -> Callable[..., Answer]:
    """A chat call; both providers have forgotten earlier ones and follow no script."""
    for name in ("one", "two"):
        gateway.mock(name).forget()
        gateway.mock(name).script()

    def asked(model: str = "chat", text: str = "hello", **more: Any) -> Answer:
        return send(gateway.origin, request(chat(text, model=model, **more), key=gateway.key))

    return asked


@pytest.mark.parametrize("status", [400, 404, 409, 413, 422, 429])
@pytest.mark.parametrize("stream", [False, True])
def test_a_providers_word_on_the_request_is_passed_on(
    gateway: Gateway, ask: Callable[..., Answer], status: int, stream: bool
) -> None:
    """Status and body as the provider wrote them; its own limits' headers are not the caller's."""
    headers = {"retry-after": "7", "x-ratelimit-remaining-requests": "0"}
    gateway.mock("one").script({"status": status, "message": "as the provider says", "headers": headers})
    answer = ask(stream=stream)
    assert answer.status == status
    assert answer.error == {
        "message": "as the provider says",
        "type": "scripted_error",
        "param": None,
        "code": "scripted",
    }
    assert answer.header("x-ratelimit-remaining-requests") is None
    record = gateway.record(answer.id)
    reason = "provider_rate_limited" if status == 429 else "provider_refused"
    assert (record["outcome"], record["reason"], record["status"]) == ("failed", reason, status)
    assert record["provider"] == "one"


@pytest.mark.parametrize("status", [401, 403, 407])
@pytest.mark.parametrize("stream", [False, True])
def test_a_provider_that_does_not_accept_our_key_is_our_fault(
    gateway: Gateway, ask: Callable[..., Answer], status: int, stream: bool
) -> None:
    """502 without a word of the provider's, which may quote the key."""
    headers = {"www-authenticate": f'Bearer realm="{LEAK}"', "proxy-authenticate": LEAK}
    gateway.mock("one").script({"status": status, "message": LEAK, "headers": headers})
    answer = ask(stream=stream)
    assert (answer.status, answer.error["code"]) == (502, "provider_credentials")
    assert LEAK not in str(answer)
    record = gateway.record(answer.id)
    assert (record["outcome"], record["reason"], record["status"]) == ("failed", "provider_credentials", 502)


FAULTS = {500: "provider_error", 502: "provider_error", 503: "provider_error", 529: "provider_error"}
FAULTS |= {301: "provider_error", 302: "provider_error", 308: "provider_error", 504: "provider_timeout"}


@pytest.mark.parametrize("status", FAULTS)
def test_a_providers_fault_is_told_without_its_text(gateway: Gateway, ask: Callable[..., Answer], status: int) -> None:
    """A redirect is one too: nobody is sent elsewhere with a prompt."""
    headers = {"location": f"http://127.0.0.1:9/{LEAK}", "server": LEAK}
    body = json.dumps({"error": {"message": LEAK}})
    gateway.mock("one").script({"status": status, "body": body, "headers": headers})
    answer = ask()
    assert answer.status == (504 if status == 504 else 502)
    assert answer.error["code"] == FAULTS[status]
    assert LEAK not in str(answer)
    record = gateway.record(answer.id)
    assert (record["outcome"], record["reason"]) == ("failed", FAULTS[status])


def test_when_every_fallback_fails_the_error_is_generic(gateway: Gateway, ask: Callable[..., Answer]) -> None:
    """Two attempts, two lines, no text of either."""
    for name in ("one", "two"):
        gateway.mock(name).script({"status": 500, "message": LEAK})
    answer = ask("safe")
    assert (answer.status, answer.error["code"]) == (502, "provider_error")
    assert LEAK not in str(answer)
    assert gateway.record(answer.id)["attempts"] == 2
    attempts = [each for each in gateway.records("attempt") if each["id"] == answer.id]
    assert [each["provider"] for each in attempts] == ["one", "two"]


def test_a_fallbacks_answer_hides_the_first_ones_fault(gateway: Gateway, ask: Callable[..., Answer]) -> None:
    """And the second provider is not shown the first one's key."""
    gateway.mock("one").script({"status": 500, "message": LEAK, "headers": {"set-cookie": LEAK}})
    answer = ask("safe")
    assert (answer.status, answer.header("x-forebay-provider"), answer.header("x-forebay-attempts")) == (
        200,
        "two",
        "2",
    )
    assert LEAK not in str(answer)
    (received,) = gateway.mock("two").received()
    assert PROVIDER_KEY not in str(received)
    assert "authorization" not in dict(received["headers"])


NEVER: dict[str, str] = {
    "set-cookie": "session=1; Path=/",
    "set-cookie2": "a=b",
    "x-forebay-verdict": "refuse",
    "x-forebay-provider": "evil",
    "x-forebay-model": "evil",
    "x-forebay-attempts": "99",
    "x-forebay-from-provider": "0",
    "x-forebay-config": "evil",
    "x-forebay-tenant": "evil",
    "X-Forebay-Anything": "evil",
    "x-envoy-upstream-service-time": "1",
    "x-envoy-overloaded": "true",
    "x-envoy-ratelimited": "true",
    "x-envoy-immediate-health-check-fail": "true",
    "server": "evil/1.0",
    "via": "1.1 evil",
    "location": "http://evil.test/",
    "refresh": "0; url=http://evil.test/",
    "www-authenticate": "Basic",
    "strict-transport-security": "max-age=1",
    "alt-svc": 'h3="evil.test:443"',
    "access-control-allow-origin": "*",
    "openai-organization": "org-ours",
    "openai-project": "project-ours",
    "cf-ray": "1",
    "report-to": "{}",
    "nel": "{}",
    "x-powered-by": "evil",
    "x-request-id": "req-evil",
}


@pytest.mark.parametrize("status", [200, 400, 429])
@pytest.mark.parametrize("text", ["hello", "I am jo@example.org"])
def test_a_providers_headers_that_are_not_the_callers_are_removed(
    gateway: Gateway, ask: Callable[..., Answer], status: int, text: str
) -> None:
    """From answers that pass, that are restored, and from errors alike."""
    gateway.mock("one").script({"status": status, "headers": NEVER})
    answer = ask(text=text)
    assert answer.status == status
    assert not {value for name, value in answer.headers if "evil" in value}
    names = {name for name, _ in answer.headers}
    ours = {"x-forebay-verdict", "x-forebay-provider", "x-forebay-model", "x-forebay-attempts", "x-request-id"}
    assert not names & {name.lower() for name in NEVER} - ours
    told = {name: value for name, value in answer.headers if name in ours}
    assert told.pop("x-request-id") == gateway.record(answer.id)["id"]
    assert told == {
        "x-forebay-verdict": "pass",
        "x-forebay-provider": "one",
        "x-forebay-model": "gpt-4o-mini",
        "x-forebay-attempts": "1",
    }
    assert len([name for name, _ in answer.headers if name in ours]) == len(ours)


def test_a_provider_that_is_not_there(gateway: Gateway, ask: Callable[..., Answer]) -> None:
    """503 without its address."""
    answer = ask("lost")
    assert (answer.status, answer.error["code"]) == (503, "provider_unreachable")
    assert b"127.0.0.1" not in answer.body
    assert gateway.record(answer.id)["reason"] == "provider_unreachable"


def test_a_provider_that_takes_too_long(gateway: Gateway, ask: Callable[..., Answer]) -> None:
    """504 once the model's time is up."""
    gateway.mock("one").script({"delay": 5})
    answer = ask("slow")
    assert (answer.status, answer.error["code"]) == (504, "provider_timeout")
    assert gateway.record(answer.id)["reason"] == "provider_timeout"


def test_a_provider_that_breaks_off_before_its_answer(gateway: Gateway, ask: Callable[..., Answer]) -> None:
    """502, and nothing of how."""
    gateway.mock("one").script({"reset": "before"})
    answer = ask()
    assert (answer.status, answer.error["code"]) == (502, "provider_reset")
    assert gateway.record(answer.id)["reason"] == "provider_reset"


def test_a_model_that_the_provider_does_not_have(gateway: Gateway, ask: Callable[..., Answer]) -> None:
    """Its 404 is its word on the request, and names the model at the provider."""
    gateway.mock("one").script({"status": 404, "message": "The model `gpt-4o-mini` does not exist."})
    answer = ask()
    assert (answer.status, answer.error["message"]) == (404, "The model `gpt-4o-mini` does not exist.")
    assert gateway.record(answer.id)["reason"] == "provider_refused"
