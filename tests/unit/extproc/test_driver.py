"""A driver among others on one event loop: large pieces of a stream hold up nobody."""

import asyncio
from pathlib import Path
from typing import Any, cast

import orjson
import pytest

from extproc.codec import ProcessingRequest, ProcessingResponse
from extproc.driver import Driver, Reply
from extproc.inspector import Inspector
from extproc.runtime import Runtime
from extproc.transaction.holdings import Holdings
from extproc.turns import Turns
from forebay import contract
from forebay.config.load import load_text

CONFIG = """
providers: {m: {type: mock}}
models: {chat: m/gpt-4o-mini}
guards: {default: {pii: {in: redact, out: redact}, secrets: {out: redact}, links: {out: redact}}}
"""
WORDS = "It is a fine day today, and 4711 is the number of the house at the harbour. "
MILLION = WORDS * ((1 << 20) // len(WORDS) - 4)  # an event of nearly 1 MiB


@pytest.fixture(scope="module")
def runtime() -> Runtime:
    inspector = Inspector(b"k" * 32)
    return Runtime(load_text(CONFIG, Path("/forebay.yaml")), inspector, None, b"k" * 32, Holdings(), Turns())


def headers(**fields: str) -> Any:
    """As Envoy sends them."""
    pairs = [{"key": name.replace("_", "-"), "raw_value": value.encode()} for name, value in fields.items()]
    return {"headers": {"headers": pairs}}


async def answering(runtime: Runtime, sent: list[bytes], prompt: str = "hello", **more: int) -> Driver:
    """An exchange that has come to the head of a streamed answer; `sent` gets what it says unasked."""
    driver = Driver(runtime, lambda reply: sent.extend(reply.messages), **more)
    head = headers(content_type="application/json", x_request_id="5b0d", x_forebay_tenant=contract.LOCAL_TENANT)
    head["headers"]["headers"] += [
        {"key": ":path", "raw_value": contract.CHAT.encode()},
        {"key": ":method", "raw_value": b"POST"},
    ]
    asked = {"model": "chat", "stream": True, "messages": [{"role": "user", "content": prompt}]}
    answer = headers(content_type="text/event-stream")
    answer["headers"]["headers"].append({"key": ":status", "raw_value": b"200"})
    for request in (
        {"request_headers": head},
        {"request_body": {"body": orjson.dumps(asked), "end_of_stream": True}},
        {"response_headers": answer},
    ):
        assert (await finished(driver.receive(ProcessingRequest(**request)))).messages
    return driver


async def finished(reply: Any) -> Reply:
    """The reply, waited for where that takes work."""
    return cast(Reply, reply if isinstance(reply, Reply) else await reply)


def piece(text: str, end: bool = False) -> Any:
    """A piece of the provider's: one event that says `text`."""
    chunk = {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}
    return ProcessingRequest(response_body={"body": b"data: " + orjson.dumps(chunk) + b"\n\n", "end_of_stream": end})


def told(messages: list[bytes]) -> str:
    """What the caller reads of these answers to Envoy."""
    responses = [ProcessingResponse.FromString(each).response_body.response for each in messages]
    events = b"".join(each.body_mutation.streamed_response.body for each in responses).split(b"\n\n")[:-1]
    return "".join(orjson.loads(event[6:])["choices"][0]["delta"]["content"] for event in events)


def test_a_neighbour_is_served_while_an_event_of_a_million_characters_is_scanned(runtime: Runtime) -> None:
    """Many times over: the loop comes round between two slices of the large one."""

    async def story() -> tuple[int, str, str]:
        sent: list[bytes] = []
        large, neighbour = await answering(runtime, sent), await answering(runtime, [])
        working = asyncio.ensure_future(finished(large.receive(piece(MILLION + "eve@example.org and so on"))))
        served, got = 0, []
        while not working.done():
            got += (await finished(neighbour.receive(piece("another calm word ")))).messages
            served += 1
            await asyncio.sleep(0)
        sent += (await working).messages + (await finished(large.receive(piece("end", True)))).messages
        large.closed()
        neighbour.closed()
        return served, told(sent), told(got)

    served, large, neighbour = asyncio.run(story())
    assert served > 200
    assert large == MILLION + "[EMAIL_ADDRESS] and so onend"
    assert neighbour == "another calm word " * served


def test_text_is_not_let_go_in_the_middle_of_a_large_piece(runtime: Runtime) -> None:
    """Its time may be over then; it is seen to when the piece is done."""

    async def story() -> str:
        sent: list[bytes] = []
        driver = await answering(runtime, sent, "write to jo@example.org", most_held=0)
        first = await finished(driver.receive(piece("Dear eve@exam")))  # held, and held for too long at once
        rest = await finished(driver.receive(piece("ple.org, " + MILLION)))
        await asyncio.sleep(0.01)
        last = await finished(driver.receive(piece(" end.", True)))
        driver.closed()
        return told(first.messages + rest.messages + sent + last.messages)

    assert asyncio.run(story()).startswith("Dear [EMAIL_ADDRESS], " + MILLION[:1000])
