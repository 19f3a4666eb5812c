"""Streams of Messages with redacted values in them, cut anywhere, through the real Envoy."""

import asyncio
import json
import random
from typing import Any

import httpx2
import pytest
from bare_http import Call, Provider
from gateways import Gateway, Starter

MAIL, CARD = "maria.rossi@example.com", "4111 1111 1111 1111"
PROMPT = f'Schreib "{MAIL}" über {CARD}, 谢谢 😀'


def event(name: str, **members: Any) -> bytes:
    """An event of the provider's."""
    return f"event: {name}\ndata: {json.dumps({'type': name, **members}, ensure_ascii=False)}\n\n".encode()


def answer(text: str) -> bytes:
    """Signed thinking, a text and a tool's input, all of which quote `text`; a ping and an event that nobody knows."""
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": []}
    events = [event("message_start", message={**message, "usage": {"input_tokens": 21, "output_tokens": 1}})]
    starts: list[tuple[dict[str, Any], str, str, str]] = [
        ({"type": "thinking", "thinking": "", "signature": ""}, "thinking_delta", "thinking", text),
        ({"type": "text", "text": ""}, "text_delta", "text", text),
        (
            {"type": "tool_use", "id": "toolu_1", "name": "send", "input": {}},
            "input_json_delta",
            "partial_json",
            json.dumps({"to": text}, ensure_ascii=False),
        ),
    ]
    for index, (block, kind, member, whole) in enumerate(starts):
        events.append(event("content_block_start", index=index, content_block=block))
        events += [
            event("content_block_delta", index=index, delta={"type": kind, member: whole[at : at + 3]})
            for at in range(0, len(whole), 3)
        ]
        events += [event("ping"), event("content_block_stop", index=index)]
    events.append(event("news", note=text))
    events.append(event("message_delta", delta={"stop_reason": "tool_use"}, usage={"output_tokens": 34}))
    return b"".join([*events, event("message_stop")])


class Saying:
    """A provider that quotes the last message, cut as the test wants it."""

    def __init__(self) -> None:
        self.seed = 0
        self.breaks_off = False

    async def __call__(self, call: Call) -> None:
        events = answer(json.loads(call.body)["messages"][-1]["content"])
        places = sorted(random.Random(self.seed).sample(range(1, len(events)), 30))
        await call.begin(content_type="text/event-stream")
        for start, stop in zip([0, *places], [*places, len(events)], strict=True):
            await call.chunk(events[start:stop])
            await asyncio.sleep(0.03 if self.breaks_off else 0.002)  # what has passed is told every 250 ms
            if self.breaks_off and start > len(events) // 2:
                call.reset()
                return
        await call.end()


@pytest.fixture(scope="module")
def served(start_once: Starter) -> tuple[Saying, Provider]:
    saying = Saying()
    return saying, start_once.bare_provider(saying)


@pytest.fixture(scope="module")
def gateway(start_once: Starter, served: tuple[Saying, Provider]) -> Gateway:
    url = f"http://127.0.0.1:{served[1].port}/relay"
    return start_once.gateway(f'providers: {{p: {{type: anthropic, url: "{url}"}}}}\nmodels: {{chat: p/claude}}\n')


def opened(gateway: Gateway) -> Any:
    """A streamed call, to be read in a `with`."""
    headers = {"x-api-key": gateway.key}
    body = {"model": "chat", "max_tokens": 99, "messages": [{"role": "user", "content": PROMPT}], "stream": True}
    return httpx2.stream("POST", gateway.origin + "/v1/messages", json=body, headers=headers, timeout=30)


def texts(stream: bytes) -> dict[str, str]:
    """What a client puts together, by the member that brought it."""
    found: dict[str, str] = {}
    for each in stream.decode().split("\n\n")[:-1]:
        said = json.loads(each.partition("\ndata: ")[2])
        pieces = said["delta"] if said["type"] == "content_block_delta" else {"note": said.get("note")}
        for name, text in pieces.items():
            if isinstance(text, str) and name != "type":
                found[name] = found.get(name, "") + text
    return found


def test_cuts_change_nothing(gateway: Gateway, served: tuple[Saying, Provider]) -> None:
    """Twenty ways to cut the same answer: the same bytes, restored wherever they may be."""
    got = set()
    for seed in range(20):
        served[0].seed = seed
        with opened(gateway) as stream:
            got.add(stream.read())
            identity = stream.headers["x-request-id"]
    (only,) = got
    call = served[1].calls[-1]
    placeholders = json.loads(call.body)["messages"][0]["content"]
    assert MAIL not in placeholders
    found = texts(only)
    assert (found["text"], found["note"], found["thinking"]) == (PROMPT, PROMPT, placeholders)
    assert json.loads(found["partial_json"]) == {"to": PROMPT}
    assert only.endswith(event("message_stop"))
    assert call.path == "/relay/v1/messages"
    record = gateway.record(identity)
    assert (record["outcome"], record["restored"], record["operation"]) == ("completed", 6, "messages")
    assert record["usage"] | {"input_tokens": 21, "output_tokens": 34, "source": "provider"} == record["usage"]


def test_a_stream_that_breaks_off_is_counted_by_what_passed(gateway: Gateway, served: tuple[Saying, Provider]) -> None:
    """The provider has said what it read, but not what it wrote."""
    served[0].breaks_off = True
    try:
        with opened(gateway) as stream, pytest.raises(httpx2.RemoteProtocolError):
            identity = stream.headers["x-request-id"]
            stream.read()
    finally:
        served[0].breaks_off = False
    record = gateway.record(identity)
    assert (record["reason"], record["usage"]["source"]) == ("provider_reset", "estimated")
    assert record["usage"]["output_tokens"] > 0
