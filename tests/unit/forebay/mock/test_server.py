"""The mock provider seen by the official SDK and by a raw socket."""

import asyncio
import dataclasses
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from forebay.mock.script import Rule, Script
from forebay.mock.server import Listening, MockProvider


def with_provider(
    story: Callable[[MockProvider, openai.AsyncOpenAI], Awaitable[None]],
    *,
    keys: tuple[str, ...] = (),
    key: str = "any",
) -> None:
    """Run one story against a provider with the models `small` and `large`."""

    async def run() -> None:
        async with (
            MockProvider(models=["small", "large"], keys=keys) as provider,
            openai.AsyncOpenAI(base_url=provider.url, api_key=key, max_retries=0, timeout=10) as client,
        ):
            await story(provider, client)

    asyncio.run(run())


async def raw(port: int, text: bytes) -> bytes:
    """Send bytes and read until the provider closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return answer


def test_a_chat_completion_echoes_the_last_user_message() -> None:
    """So that whatever reached the provider can be seen in its answer."""

    async def story(provider: MockProvider, client: openai.AsyncOpenAI) -> None:
        answer = await client.chat.completions.create(
            model="small",
            n=2,
            messages=[
                {"role": "user", "content": "first"},
                {"role": "assistant", "content": "no"},
                {"role": "user", "content": [{"type": "text", "text": "second"}]},
            ],
        )
        assert [choice.message.content for choice in answer.choices] == ["second", "second"]
        assert answer.usage is not None
        assert answer.usage.prompt_tokens > 0
        assert provider.received[0].request.header("authorization") == "Bearer any"
        assert json.loads(provider.received[0].request.body)["n"] == 2

    with_provider(story)


def test_a_stream_brings_the_same_text_in_pieces_and_the_usage_when_asked() -> None:
    """`include_usage` adds a last chunk without choices."""

    async def story(_: MockProvider, client: openai.AsyncOpenAI) -> None:
        said, used = "", 0
        async for chunk in await client.chat.completions.create(
            model="small",
            stream=True,
            stream_options={"include_usage": True},
            messages=[{"role": "user", "content": "one two three"}],
        ):
            said += "".join(choice.delta.content or "" for choice in chunk.choices)
            used += chunk.usage.total_tokens if chunk.usage else 0
        assert said == "one two three"
        assert used > 0

    with_provider(story)


@pytest.mark.parametrize("stream", [False, True])
def test_a_required_tool_is_called_with_the_text(stream: bool) -> None:
    """Tool arguments carry the last user message, whole or in pieces."""

    async def story(_: MockProvider, client: openai.AsyncOpenAI) -> None:
        tool = {"type": "function", "function": {"name": "note", "parameters": {"type": "object"}}}
        answer = await client.chat.completions.create(  # type: ignore[call-overload]
            model="small",
            stream=stream,
            tools=[tool],
            tool_choice="required",
            messages=[{"role": "user", "content": "hi you"}],
        )
        if stream:
            calls = [call async for chunk in answer for call in chunk.choices[0].delta.tool_calls or []]
            arguments = "".join(call.function.arguments for call in calls)
        else:
            arguments = answer.choices[0].message.tool_calls[0].function.arguments
        assert json.loads(arguments) == {"text": "hi you"}

    with_provider(story)


def test_embeddings_and_the_model_list_are_served() -> None:
    """The other two endpoints of an OpenAI-shaped provider."""

    async def story(_: MockProvider, client: openai.AsyncOpenAI) -> None:
        vectors = await client.embeddings.create(model="large", input=["a", "b"], encoding_format="float")
        assert [each.index for each in vectors.data] == [0, 1]
        assert [each.id for each in (await client.models.list()).data] == ["small", "large"]

    with_provider(story)


def test_an_unknown_model_is_a_404_and_a_wrong_key_a_401() -> None:
    """As with a real provider; a script cannot switch either off."""

    async def unknown(_: MockProvider, client: openai.AsyncOpenAI) -> None:
        with pytest.raises(openai.NotFoundError, match="does not exist"):
            await client.chat.completions.create(model="none", messages=[{"role": "user", "content": "x"}])

    async def wrong(provider: MockProvider, client: openai.AsyncOpenAI) -> None:
        provider.script = Script(Rule(say="never"))
        with pytest.raises(openai.AuthenticationError):
            await client.models.list()

    with_provider(unknown)
    with_provider(wrong, keys=("right",), key="wrong")


def test_a_script_rule_applies_to_its_model_and_so_many_times() -> None:
    """The first fitting rule that is not used up decides."""

    async def story(provider: MockProvider, client: openai.AsyncOpenAI) -> None:
        async def ask(model: str) -> str | None:
            answer = await client.chat.completions.create(model=model, messages=[{"role": "user", "content": "x"}])
            return answer.choices[0].message.content

        provider.script = Script(Rule(model="small", status=500, times=1), Rule(model="small", say="scripted"))
        with pytest.raises(openai.InternalServerError):
            await ask("small")
        assert await ask("small") == "scripted"
        assert await ask("large") == "x"

    with_provider(story)


@pytest.mark.parametrize("where", ["before", "after_headers", "midway"])
def test_a_scripted_reset_breaks_the_connection(where: str) -> None:
    """The caller never sees a clean end."""

    async def story(provider: MockProvider, client: openai.AsyncOpenAI) -> None:
        provider.script = Script(Rule(reset=where))  # type: ignore[arg-type]
        with pytest.raises(openai.APIConnectionError):
            await client.chat.completions.create(model="small", messages=[{"role": "user", "content": "x"}])

    with_provider(story)


def test_a_huge_answer_arrives_whole_at_a_slow_reader() -> None:
    """26 MB are made while they are taken; a reader that starts late misses nothing."""

    async def story(provider: MockProvider, _: openai.AsyncOpenAI) -> None:
        provider.script = Script(Rule(size=26_000_000))
        body = b'{"model":"small","messages":[{"role":"user","content":"x"}]}'
        reader, writer = await asyncio.open_connection("127.0.0.1", provider.port, limit=1024)
        head = b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
        writer.write(head % len(body) + body)
        await asyncio.sleep(0.2)
        total = 0
        while data := await reader.read(1 << 20):
            total += len(data)
        assert total > 26_000_000
        writer.close()

    with_provider(story)


def timed(provider: MockProvider, rule: Rule) -> Awaitable[list[tuple[float, bytes]]]:
    """The chunks of the answer that `rule` gives, each with its time."""
    body = b'{"model":"small","messages":[{"role":"user","content":"x"}]}'
    head = b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)

    async def story() -> list[tuple[float, bytes]]:
        provider.script = Script(rule)
        reader, writer = await asyncio.open_connection("127.0.0.1", provider.port)
        writer.write(head + body)
        await reader.readuntil(b"\r\n\r\n")
        chunks, clock = [], asyncio.get_running_loop().time
        while size := int(await reader.readuntil(b"\r\n"), 16):
            chunks.append((clock(), (await reader.readexactly(size + 2))[:-2]))
        writer.close()
        return chunks

    return story()


EVENTS = ["event: a\ndata: 1\n\n", "data: fo\r\n\r\n", ": ping\n\n", "data: rebay\n\n", "data: [DONE]"]


@pytest.mark.parametrize(
    ("rule", "pieces"),
    [
        (Rule(body="".join(EVENTS), content_type="text/event-stream; charset=utf-8"), EVENTS),
        (Rule(body="x" * 150), ["x" * 64, "x" * 64, "x" * 22]),
    ],
    ids=["events", "bytes"],
)
def test_an_answer_as_it_stands_can_be_sent_slowly(rule: Rule, pieces: list[str]) -> None:
    """A stream of one's own event by event, anything else in small pieces; nothing is added or lost."""

    async def story(provider: MockProvider, _: openai.AsyncOpenAI) -> None:
        chunks = await timed(provider, dataclasses.replace(rule, chunk_delay=0.05))
        assert [piece.decode() for _, piece in chunks] == pieces
        assert chunks[-1][0] - chunks[0][0] >= 0.04 * (len(pieces) - 1)

    with_provider(story)


def test_the_control_endpoints_script_and_show() -> None:
    """What a test in another process uses: `POST /__script`, `GET` and `DELETE /__received`."""

    async def story(provider: MockProvider, _: openai.AsyncOpenAI) -> None:
        def call(method: str, path: str, body: bytes = b"") -> bytes:
            return b"%b %b HTTP/1.1\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b" % (
                method.encode(),
                path.encode(),
                len(body),
                body,
            )

        wrong = await raw(provider.port, call("POST", "/__script", b'{"rules":[{"statuss":500}]}'))
        assert wrong.startswith(b"HTTP/1.1 400")
        assert b"statuss" in wrong
        ok = await raw(provider.port, call("POST", "/__script", b'{"rules":[{"status":503,"message":"down"}]}'))
        assert ok.startswith(b"HTTP/1.1 200")
        chat = await raw(provider.port, call("POST", "/v1/chat/completions", b'{"model":"small","messages":[]}'))
        assert chat.startswith(b"HTTP/1.1 503")
        shown = json.loads((await raw(provider.port, call("GET", "/__received"))).partition(b"\r\n\r\n")[2])
        assert [(each["path"], each["status"]) for each in shown["received"]] == [("/v1/chat/completions", 503)]
        await raw(provider.port, call("DELETE", "/__received"))
        assert len(provider.received) == 0

    with_provider(story)


def test_a_malformed_request_is_a_400_and_ends_the_connection() -> None:
    """The parser is small and strict."""

    async def story(provider: MockProvider, _: openai.AsyncOpenAI) -> None:
        for sent in (b"nonsense", b"GET / HTTP/1.1\r\nbad header", b"POST / HTTP/1.1\r\ncontent-length: x"):
            assert (await raw(provider.port, sent + b"\r\n\r\n")).startswith(b"HTTP/1.1 400")

    with_provider(story)


def test_a_chunked_body_is_read() -> None:
    """Envoy sends bodies of unknown length so."""

    async def story(provider: MockProvider, _: openai.AsyncOpenAI) -> None:
        body = b'{"model":"small","messages":[{"role":"user","content":"in two"}]}'
        answer = await raw(
            provider.port,
            b"POST /v1/chat/completions HTTP/1.1\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
            b"5\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (body[:5], len(body) - 5, body[5:]),
        )
        assert b"in two" in answer

    with_provider(story)


def test_a_unix_socket_is_removed_at_the_end(tmp_path: Path) -> None:
    """A provider in the run directory leaves nothing behind."""
    socket = tmp_path / "m.sock"

    async def story() -> None:
        async with MockProvider(models=["small"], listening=Listening(socket=socket)):
            reader, writer = await asyncio.open_unix_connection(socket)
            writer.write(b"GET /v1/models HTTP/1.1\r\nconnection: close\r\n\r\n")
            assert b"small" in await reader.read()
            writer.close()

    asyncio.run(story())
    assert not socket.exists()


def with_messages(
    story: Callable[[MockProvider, anthropic.AsyncAnthropic], Awaitable[None]], *, keys: tuple[str, ...] = ()
) -> None:
    """The same with Anthropic's SDK."""

    async def run() -> None:
        async with MockProvider(models=["small"], keys=keys) as provider:
            url = provider.url.removesuffix("/v1")
            async with anthropic.AsyncAnthropic(base_url=url, api_key="any", max_retries=0, timeout=10) as client:
                await story(provider, client)

    asyncio.run(run())


HELLO: Any = {"model": "small", "max_tokens": 9, "messages": [{"role": "user", "content": "hello there"}]}
TOOL: Any = {"name": "say", "input_schema": {"type": "object"}}


def test_messages_are_answered_whole_and_as_a_stream() -> None:
    """The last user message, its usage, and a tool where one must be called."""

    async def story(provider: MockProvider, client: anthropic.AsyncAnthropic) -> None:
        made = await client.messages.create(**HELLO, system="Be brief, please.")
        assert (made.content[0].to_dict(), made.stop_reason) == ({"type": "text", "text": "hello there"}, "end_turn")
        assert (made.usage.input_tokens, made.usage.output_tokens) == (8, 3)
        async with client.messages.stream(**HELLO) as stream:
            assert "".join([text async for text in stream.text_stream]) == "hello there"
            assert (await stream.get_final_message()).usage.output_tokens == 3
        for choice in ({"type": "tool", "name": "say"}, {"type": "any"}):
            called = await client.messages.create(**HELLO, tools=[TOOL], tool_choice=choice)
            assert (called.content[0].to_dict()["input"], called.stop_reason) == ({"text": "hello there"}, "tool_use")
            async with client.messages.stream(**HELLO, tools=[TOOL], tool_choice=choice) as stream:
                assert (await stream.get_final_message()).content[0].to_dict()["input"] == {"text": "hello there"}
        assert (await client.messages.create(**HELLO, tools=[TOOL], tool_choice={"type": "auto"})).content[0].to_dict()
        provider.script = Script(Rule(size=5_000))
        (block,) = (await client.messages.create(**HELLO)).content
        assert len(block.to_dict()["text"]) == 5_000

    with_messages(story)


def test_what_messages_refuses_has_anthropic_s_shape() -> None:
    """A wrong key, a model it has not, and whatever the script says."""

    async def wrong_key(provider: MockProvider, client: anthropic.AsyncAnthropic) -> None:
        with pytest.raises(anthropic.AuthenticationError) as caught:
            await client.messages.create(**HELLO)
        assert caught.value.body["error"]["type"] == "authentication_error"  # type: ignore[index]

    async def refused(provider: MockProvider, client: anthropic.AsyncAnthropic) -> None:
        with pytest.raises(anthropic.NotFoundError):
            await client.messages.create(**{**HELLO, "model": "huge"})
        provider.script = Script(Rule(status=529, message="busy"))
        with pytest.raises(anthropic.APIStatusError) as caught:
            await client.messages.create(**HELLO)
        assert caught.value.body["error"] == {"type": "overloaded_error", "message": "busy"}  # type: ignore[index]

    with_messages(wrong_key, keys=("another",))
    with_messages(refused, keys=("any",))


def test_responses_are_answered_whole_and_as_a_stream() -> None:
    """The last user message, its usage, and a tool where one must be called."""
    tool: Any = {"type": "function", "name": "say", "parameters": {"type": "object"}, "strict": False}
    turns: Any = [
        {"role": "user", "content": "hello"},
        {"type": "function_call_output", "call_id": "c", "output": "12"},
    ]

    async def story(provider: MockProvider, client: openai.AsyncOpenAI) -> None:
        made = await client.responses.create(model="small", input="hello there", instructions="Be brief, please.")
        assert (made.output_text, made.status, made.instructions) == ("hello there", "completed", "Be brief, please.")
        assert made.usage is not None
        assert (made.usage.input_tokens, made.usage.output_tokens) == (8, 3)
        assert (await client.responses.create(model="small", input=turns)).output_text == "hello"
        async with client.responses.stream(model="small", input="hello there") as stream:
            numbers = [event.sequence_number async for event in stream]
            ended = await stream.get_final_response()
        assert numbers == list(range(len(numbers)))
        assert (ended.output_text, ended.usage and ended.usage.output_tokens) == ("hello there", 3)
        forced: Any = {"tools": [tool], "tool_choice": {"type": "function", "name": "say"}}
        (call,) = (await client.responses.create(model="small", input="hi", **forced)).output
        assert (call.type, json.loads(call.to_dict()["arguments"])) == ("function_call", {"text": "hi"})  # type: ignore[arg-type]
        async with client.responses.stream(model="small", input="hi", **forced) as stream:
            (call,) = (await stream.get_final_response()).output
        assert json.loads(call.to_dict()["arguments"]) == {"text": "hi"}  # type: ignore[arg-type]
        provider.script = Script(Rule(size=5_000))
        assert len((await client.responses.create(model="small", input="hi")).output_text) == 5_000

    with_provider(story)
