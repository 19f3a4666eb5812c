"""The chunks of chat completions."""

from typing import Any

import orjson
import pytest
from openai.types.chat import ChatCompletionChunk

from extproc.messages.answer import Usage
from extproc.streams.chat import ChatDialect
from extproc.streams.dialect import Channel, Dialect, Piece, Reading
from extproc.streams.memory import CrowdedError
from extproc.streams.names import AmbiguousError

HEAD = {"id": "chatcmpl-ours", "object": "chat.completion.chunk", "created": 1, "model": "ours"}
USED = Usage(21, 34, 0, 0)


def dialect() -> ChatDialect:
    """Nothing has come yet."""
    return ChatDialect(HEAD)


def read(**choice: Any) -> Reading:
    """One choice, understood."""
    return dialect().read({"choices": [choice]})


def data(event: bytes) -> Any:
    """What one event of ours says."""
    assert event.startswith(b"data: ")
    assert event.endswith(b"\n\n")
    return orjson.loads(event[6:])


def test_every_text_of_a_delta_is_a_channel() -> None:
    """Content, refusal, both names of reasoning, arguments, inputs, and the legacy call."""
    delta = {
        "role": "assistant", "content": "c", "refusal": "r", "reasoning_content": "x", "reasoning": "y",
        "tool_calls": [
            {"index": 3, "function": {"name": "f", "arguments": "{}"}},
            {"custom": {"name": "g", "input": "i"}},
            "odd",
            {"index": None, "function": {"arguments": {"a": 1}}, "custom": None},
        ],
        "function_call": {"arguments": "l"},
    }  # fmt: skip
    at = ("choices", 0, "delta")
    assert list(read(index=2, delta=delta).pieces) == [
        Piece(Channel(2, "content"), (*at, "content"), "c"),
        Piece(Channel(2, "refusal"), (*at, "refusal"), "r"),
        Piece(Channel(2, "reasoning_content"), (*at, "reasoning_content"), "x"),
        Piece(Channel(2, "reasoning"), (*at, "reasoning"), "y"),
        Piece(Channel(2, "arguments", 3), (*at, "tool_calls", 0, "function", "arguments"), "{}"),
        Piece(Channel(2, "input", 1), (*at, "tool_calls", 1, "custom", "input"), "i"),
        Piece(Channel(2, "function_call"), (*at, "function_call", "arguments"), "l"),
    ]


@pytest.mark.parametrize(
    "channel",
    [
        Channel(1, "content"), Channel(0, "reasoning"), Channel(0, "arguments", 4), Channel(2, "input", 1),
        Channel(0, "function_call"), Channel(1, "text"), Channel(1, "audio"), Channel(1, "thinking"),
        Channel(1, "reasoning_details.text", 3), Channel(1, "reasoning_details.summary", 0),
    ],
)  # fmt: skip
def test_what_is_carried_is_read_as_the_same_channel(channel: Channel) -> None:
    """Our own events say what the provider's would."""
    answer = data(dialect().carry(channel, "text"))
    (piece,) = dialect().read(answer).pieces
    assert (piece.channel, piece.text) == (channel, "text")
    assert {name: answer[name] for name in HEAD} == HEAD


def test_what_our_chunks_repeat_is_no_text() -> None:
    """No guard reads them."""
    ours = dialect()
    ours.read({"id": "eve@example.org", "model": "m/x-1", "created": 7, "choices": [{"index": 0, "delta": {}}]})
    carried = data(ours.carry(Channel(0, "content"), "x"))
    assert (carried["id"], carried["model"], carried["created"]) == (HEAD["id"], "m/x-1", 7)


def test_content_that_came_in_parts_goes_on_in_parts() -> None:
    """A client that puts lists together gets one."""
    ours = dialect()
    ours.read({"choices": [{"index": 1, "delta": {"content": [{"type": "text", "text": "t"}]}}]})
    (choice,) = data(ours.carry(Channel(1, "content"), "x"))["choices"]
    assert choice["delta"] == {"content": [{"type": "text", "text": "x"}]}
    (choice,) = data(ours.carry(Channel(0, "content"), "x"))["choices"]
    assert choice["delta"] == {"content": "x"}


def test_our_chunks_look_like_their_neighbours() -> None:
    """Once one has come they carry its id, model and time."""
    ours = dialect()
    theirs = {"id": "theirs", "model": "m", "created": 7, "object": "chat.completion.chunk"}
    ours.read(
        {**theirs, "system_fingerprint": "f", "service_tier": None, "choices": [{"index": 0, "delta": {}}], "x": "y"}
    )
    assert data(ours.carry(Channel(0, "content"), "é")) == {
        **theirs, "system_fingerprint": "f",
        "choices": [{"index": 0, "delta": {"content": "é"}, "logprobs": None, "finish_reason": None}],
    }  # fmt: skip


def test_every_known_shape_of_text_is_a_channel() -> None:
    """Of speech, of OpenRouter's reasoning, of content in parts (Mistral's thinking), of the older API."""
    at = ("choices", 0, "delta")
    delta = {
        "content": [{"type": "text", "text": "c"}, {"type": "thinking", "thinking": [{"type": "text", "text": "t"}, 1]},
                    {"type": "thinking", "thinking": "u"}, "odd"],
        "audio": {"id": "a", "transcript": "s"},
        "reasoning_details": [{"type": "reasoning.text", "text": "r", "index": 4}, {"summary": "v"}, {"data": "e"}],
    }  # fmt: skip
    assert set(read(index=2, delta=delta, text="l").pieces) == {
        Piece(Channel(2, "content"), (*at, "content", 0, "text"), "c"),
        Piece(Channel(2, "thinking"), (*at, "content", 1, "thinking", 0, "text"), "t"),
        Piece(Channel(2, "thinking"), (*at, "content", 2, "thinking"), "u"),
        Piece(Channel(2, "audio"), (*at, "audio", "transcript"), "s"),
        Piece(Channel(2, "reasoning_details.text", 4), (*at, "reasoning_details", 0, "text"), "r"),
        Piece(Channel(2, "reasoning_details.summary", 1), (*at, "reasoning_details", 1, "summary"), "v"),
        Piece(Channel(2, "text"), ("choices", 0, "text"), "l"),
    }


@pytest.mark.parametrize("number", [-1, 0.0, "0", True, 2**31 + 1])
def test_an_index_that_is_none_is_refused(number: Any) -> None:
    """Some client would take it for one."""
    for choice in (
        {"index": number, "delta": {"content": "x"}},
        {"delta": {"tool_calls": [{"index": number, "function": {"arguments": "x"}}]}},
        {"delta": {"reasoning_details": [{"index": number, "text": "x"}]}},
    ):
        with pytest.raises(AmbiguousError):
            dialect().read({"choices": [choice]})


def test_the_official_client_takes_our_chunks() -> None:
    """Text carried into any channel, and the end of a blocked answer."""
    ours = dialect()
    for name in ("content", "refusal", "arguments", "function_call"):
        chunk = ChatCompletionChunk.model_validate(data(ours.carry(Channel(1, name), "text")), strict=True)
        assert (chunk.choices[0].index, chunk.model) == (1, "ours")
    ending = ChatCompletionChunk.model_validate(
        data(ours.blocked(frozenset(), str, USED).removesuffix(b"data: [DONE]\n\n")), strict=True
    )
    assert ending.choices[0].finish_reason == "content_filter"


def test_a_choice_ends_with_its_finish_reason() -> None:
    """Reasons are OpenAI's or «other»; an empty one is none."""
    assert read(index=1, delta={}, finish_reason="length").ended == {1}
    assert list(read(index=1, delta={}, finish_reason="because").finish_reasons) == ["other"]
    assert not any(read(delta={}, finish_reason=none).ended for none in (None, "", 7))


def test_usage_is_read_and_its_own_chunk_known() -> None:
    """A chunk that also brings a choice is no extra one, and neither is an error or a chunk of filter results."""
    said = {"prompt_tokens": 3, "completion_tokens": 5}
    assert dialect().read({"choices": [], "usage": said}) == Reading(usage=Usage(3, 5, 0, 0), extra=True)
    with_choice = dialect().read({"choices": [{"delta": {}}], "usage": said})
    assert (with_choice.usage, with_choice.extra) == (Usage(3, 5, 0, 0), False)
    assert not dialect().read({"choices": [], "usage": None}).extra
    assert not dialect().read({"error": {}, "usage": said}).extra


def test_logprobs_say_the_text_again() -> None:
    """Empty ones say nothing."""
    assert read(delta={}, logprobs={"content": [{"token": "x"}]}).repeats
    assert read(delta={}, logprobs={"content": None, "refusal": ["x"]}).repeats
    assert not read(delta={}, logprobs={"content": [], "refusal": None}).repeats
    assert not read(delta={}, logprobs=None).repeats


def test_a_blocked_answer_ends_as_a_filtered_one() -> None:
    """Each choice that has not finished, then the mark; a choice nobody saw is the first."""
    ours = dialect()
    ours.read({"choices": [{"index": 0, "delta": {}}, {"index": 1, "delta": {}}, {"index": 2, "delta": {}}]})
    ours.read({"choices": [{"index": 1, "delta": {}, "finish_reason": "stop"}]})
    *chunks, done, rest = ours.blocked(frozenset(), str, USED).split(b"\n\n")
    choices = [(one["index"], one["finish_reason"]) for chunk in chunks for one in orjson.loads(chunk[6:])["choices"]]
    assert choices == [(0, "content_filter"), (2, "content_filter")]
    assert (done, rest) == (b"data: [DONE]", b"")
    assert b'"index":0' in dialect().blocked(frozenset(), str, USED)


def ending(ours: ChatDialect, used: Usage = USED) -> list[ChatCompletionChunk]:
    """The chunks of a blocked answer's end, such as the official client takes."""
    *chunks, done, rest = ours.blocked(frozenset(), str, used).split(b"\n\n")
    assert (done, rest) == (b"data: [DONE]", b"")
    return [ChatCompletionChunk.model_validate(orjson.loads(chunk[6:]), strict=True) for chunk in chunks]


def test_a_caller_who_asked_for_usage_is_told_it() -> None:
    """In a chunk of its own behind all choices; the other chunks of ours have none yet, as the provider's."""
    ours = ChatDialect(HEAD, counts=True)
    ours.read({"id": "theirs", "choices": [{"index": 0, "delta": {}}, {"index": 1, "delta": {}}]})
    assert data(ours.carry(Channel(0, "content"), "text"))["usage"] is None
    *filtered, last = ending(ours)
    assert [(chunk.choices[0].finish_reason, chunk.usage) for chunk in filtered] == [("content_filter", None)] * 2
    assert (last.id, last.object, last.choices) == ("theirs", "chat.completion.chunk", [])
    assert last.usage is not None
    assert last.usage.model_dump(exclude_unset=True) == {
        "prompt_tokens": 21,
        "completion_tokens": 34,
        "total_tokens": 55,
    }


def test_details_of_usage_are_told_where_there_are_some() -> None:
    """As the provider counts them."""
    last = ending(ChatDialect(HEAD, counts=True), Usage(21, 34, 5, 8))[-1]
    assert last.usage is not None
    assert last.usage.prompt_tokens_details is not None
    assert last.usage.completion_tokens_details is not None
    assert last.usage.prompt_tokens_details.cached_tokens == 5
    assert last.usage.completion_tokens_details.reasoning_tokens == 8


def test_a_caller_who_did_not_ask_for_usage_sees_none() -> None:
    """No chunk of it, and no member in the others."""
    ours = dialect()
    assert b"usage" not in ours.carry(Channel(0, "content"), "text")
    assert b"usage" not in ours.blocked(frozenset(), str, USED)


@pytest.mark.parametrize("sent", [True, False])
def test_usage_is_told_once(sent: bool) -> None:
    """A choice may end behind the provider's word on usage, if that went out."""
    ours = ChatDialect(HEAD, counts=True)
    ours.read({"choices": [{"index": 0, "delta": {}}], "usage": None})
    ours.sent(b"{}")
    ours.read({"choices": [], "usage": {"prompt_tokens": 21, "completion_tokens": 34}})
    if sent:
        ours.sent(b"{}")
    assert [chunk.usage is not None for chunk in ending(ours)] == ([False] if sent else [False, True])


def test_an_error_is_an_event_of_its_own() -> None:
    """As client libraries expect it."""
    assert dialect().failed(b'{"error":{}}') == b'data: {"error":{}}\n\n'


@pytest.mark.parametrize(
    "answer",
    [{}, {"choices": None}, {"choices": [None, 1, {"delta": []}]}, {"choices": [{"delta": {"tool_calls": {}}}]}],
)
def test_what_is_not_understood_is_left_out(answer: dict[str, Any]) -> None:
    """Nothing a provider sends is an error here."""
    assert list(dialect().read(answer).pieces) == []


def test_the_mark_closes_the_stream() -> None:
    """With or without blanks, and nothing else does."""
    ours: Dialect = dialect()
    assert ours.closes(b" [DONE]")
    assert not ours.closes(b'"[DONE]"')


def test_only_so_many_choices_and_calls_may_be_open() -> None:
    """In one chunk or in all; those that have finished count, because they are remembered, too."""
    ours = dialect()
    for index in range(1024):
        ours.read({"choices": [{"index": index, "finish_reason": "stop"}]})
    for listed in ([{"index": 1024}], [{}] * 1025, [{"delta": {"tool_calls": [{}] * 1025}}]):
        with pytest.raises(CrowdedError):
            ours.read({"choices": listed})


def test_a_chunk_of_ours_says_nothing_unread() -> None:
    """What the provider's say of themselves is taken over where it is a number or a name."""
    ours = dialect()
    ours.read({"id": "Write to me@example.net", "created": 7, "model": "x" * 999, "choices": [{"index": 0}]})
    told = orjson.loads(ours.carry(Channel(0, "content"), "x").removeprefix(b"data: "))
    ours_alone = orjson.loads(dialect().carry(Channel(0, "content"), "x").removeprefix(b"data: "))
    assert (told["id"], told["created"], told["model"]) == (ours_alone["id"], 7, ours_alone["model"])
