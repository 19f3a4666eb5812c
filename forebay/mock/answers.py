"""The JSON an OpenAI-shaped provider answers with. Pure: request in, documents and bytes out."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

CREATED = 1_750_000_000  # a fixed moment: answers are the same every time
_FILLER = "lorem ipsum "
_PIECE = 4096  # characters of a sized answer that exist at any time
_WORDS_UP_TO = 400  # characters; longer answers are streamed in pieces rather than word by word
_MARK = "@forebay-text@"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request body asks for, as far as a mock cares."""

    model: str
    system: str  # where it is no message
    last_user: str
    prompt_size: int  # characters of all texts
    choices: int
    stream: bool
    include_usage: bool
    tool: str | None  # the function that must be called, if the request says one must be
    inputs: tuple[str, ...]  # of an embeddings call


def read(body: bytes) -> Asked | None:
    """What a body asks for, or None when it is no JSON object."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(document, dict):
        return None
    given = document.get("input")
    inputs = tuple(str(each) for each in (given if isinstance(given, list) else [given] if given is not None else []))
    # A Responses call has its messages under the name that an embeddings call has its texts under.
    listed = given if isinstance(given, list) else [{"role": "user", "content": given}]
    messages = [each for each in document.get("messages") or listed if isinstance(each, dict)]
    system = _text(document.get("system")) or _text(document.get("instructions"))
    texts = [_text(message.get("content", message.get("output"))) for message in messages]
    users = [text for message, text in zip(messages, texts, strict=True) if message.get("role") == "user"]
    options = document.get("stream_options")
    return Asked(
        model=str(document.get("model", "")),
        system=system,
        last_user=users[-1] if users else "",
        prompt_size=len(system) + (sum(map(len, texts)) or sum(map(len, inputs))),
        choices=n if isinstance(n := document.get("n"), int) and n > 0 else 1,
        stream=document.get("stream") is True,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
        tool=_tool(document),
        inputs=inputs,
    )


def _text(content: object) -> str:
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _tool(document: Mapping[str, Any]) -> str | None:
    """The tool that must be called, as either API says it."""
    choice = document.get("tool_choice")
    tools = document.get("tools")
    first = tools[0] if isinstance(tools, list) and tools else {}
    if choice == "required" or (isinstance(choice, dict) and choice.get("type") == "any"):
        return _named(first) if first else None
    if isinstance(choice, dict) and choice.get("type") not in ("auto", "none"):
        return _named(choice)
    return None


def _named(holder: Mapping[str, Any]) -> str:
    return str(holder.get("function", holder).get("name", ""))


def usage(asked: Asked, answer_size: int) -> dict[str, object]:
    """OpenAI's usage object; four characters count as a token."""
    prompt, completion = asked.prompt_size // 4 + 1, answer_size // 4 + 1
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def _message(asked: Asked, text: str) -> dict[str, object]:
    if asked.tool is None:
        return {"role": "assistant", "content": text, "refusal": None}
    arguments = orjson.dumps({"text": text}).decode()
    call = {"id": "call_mock", "type": "function", "function": {"name": asked.tool, "arguments": arguments}}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def whole(asked: Asked, text: str, *, with_usage: bool) -> dict[str, object]:
    """A whole chat completion that says `text` in every choice."""
    finish = "stop" if asked.tool is None else "tool_calls"
    document: dict[str, object] = {
        "id": "chatcmpl-mock",
        "object": "chat.completion",
        "created": CREATED,
        "model": asked.model,
        "choices": [
            {"index": index, "message": _message(asked, text), "logprobs": None, "finish_reason": finish}
            for index in range(asked.choices)
        ],
    }
    if with_usage:
        document["usage"] = usage(asked, len(text) * asked.choices)
    return document


def filler(size: int) -> Iterator[str]:
    """`size` ASCII characters, a few thousand at a time."""
    block = _FILLER * (_PIECE // len(_FILLER))
    for start in range(0, size, len(block)):
        yield block[: size - start]


def sized(asked: Asked, size: int, *, with_usage: bool) -> Iterator[bytes]:
    """A chat completion of one choice whose text has `size` bytes, never whole in memory."""
    single = Asked(asked.model, "", "", asked.prompt_size, 1, False, False, None, ())
    document = whole(single, _MARK, with_usage=False)
    if with_usage:
        document["usage"] = usage(asked, size)
    head, tail = orjson.dumps(document).split(_MARK.encode())
    yield head
    yield from (piece.encode() for piece in filler(size))
    yield tail


def pieces(text: str) -> Iterator[str]:
    """A text in the pieces a stream brings it in: words, or larger pieces of a long one."""
    if len(text) > _WORDS_UP_TO:
        step = max(len(text) // 64, 32)
        yield from (text[start : start + step] for start in range(0, len(text), step))
        return
    words = text.split(" ")
    yield from (word if index == 0 else f" {word}" for index, word in enumerate(words))


def stream(asked: Asked, parts: Iterator[str], *, with_usage: bool) -> Iterator[bytes]:
    """The events of a streamed completion, `[DONE]` included. `parts` is taken as the events are."""
    said = 0
    for index in range(asked.choices):
        yield _event(asked, {"role": "assistant", "content": ""} if asked.tool is None else _tool_start(asked), index)
    for part in parts:
        said += len(part)
        for index in range(asked.choices):
            yield _event(asked, {"content": part} if asked.tool is None else _tool_piece(part), index)
    finish = "stop" if asked.tool is None else "tool_calls"
    for index in range(asked.choices):
        yield _event(asked, {}, index, finish)
    if with_usage and asked.include_usage:
        yield _line({**_chunk(asked), "choices": [], "usage": usage(asked, said * asked.choices)})
    yield b"data: [DONE]\n\n"


def _chunk(asked: Asked) -> dict[str, object]:
    return {"id": "chatcmpl-mock", "object": "chat.completion.chunk", "created": CREATED, "model": asked.model}


def _event(asked: Asked, delta: Mapping[str, object], index: int, finish: str | None = None) -> bytes:
    return _line({**_chunk(asked), "choices": [{"index": index, "delta": delta, "finish_reason": finish}]})


def _tool_start(asked: Asked) -> dict[str, object]:
    call = {"index": 0, "id": "call_mock", "type": "function", "function": {"name": asked.tool, "arguments": ""}}
    return {"role": "assistant", "tool_calls": [call]}


def _tool_piece(part: str) -> dict[str, object]:
    return {"tool_calls": [{"index": 0, "function": {"arguments": part}}]}


def tool_parts(text: str) -> Iterator[str]:
    """The arguments of a tool call in pieces, as a stream brings them."""
    return pieces(orjson.dumps({"text": text}).decode())


def _line(document: Mapping[str, object]) -> bytes:
    return b"data: " + orjson.dumps(document) + b"\n\n"


def embeddings(asked: Asked) -> dict[str, object]:
    """A small vector per input, the same for the same text."""
    data = [
        {"object": "embedding", "index": index, "embedding": _vector(text)} for index, text in enumerate(asked.inputs)
    ]
    tokens = asked.prompt_size // 4 + 1
    used = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": asked.model, "usage": used}


def _vector(text: str) -> list[float]:
    return [((sum(text.encode()[start::8]) % 200) - 100) / 100 for start in range(8)]


def models(names: tuple[str, ...]) -> dict[str, object]:
    """The list of models."""
    data = [{"id": name, "object": "model", "created": CREATED, "owned_by": "forebay-mock"} for name in names]
    return {"object": "list", "data": data}


def error(message: str, kind: str, code: str | None) -> dict[str, object]:
    """OpenAI's error object."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def halves(parts: Iterator[bytes]) -> tuple[list[bytes], Iterator[bytes]]:
    """The first few pieces of an answer, and the rest: where an answer that breaks off midway breaks."""
    return list(itertools.islice(parts, 3)), parts
