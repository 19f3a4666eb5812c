"""The JSON that a provider of OpenAI's Responses answers with. Pure, as `answers`."""

from collections.abc import Iterator

import orjson

from forebay.mock.answers import CREATED, Asked, filler

_MARK = "@forebay-text@"
_PLACE = {"item_id": "msg_mock", "output_index": 0, "content_index": 0}


def usage(asked: Asked, answer_size: int) -> dict[str, object]:
    """The usage object of a response; four characters count as a token."""
    read, written = asked.prompt_size // 4 + 1, answer_size // 4 + 1
    return {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": read + written,
    }


def _response(asked: Asked, status: str, output: list[dict[str, object]]) -> dict[str, object]:
    return {
        "id": "resp_mock",
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": asked.system or None,
        "metadata": {},
        "model": asked.model,
        "output": output,
        "parallel_tool_calls": True,
        "store": False,
        "tool_choice": "auto",
        "tools": [],
        "usage": None,
    }


def _item(asked: Asked, status: str, text: str) -> dict[str, object]:
    """The message that says `text`, or the call of a tool with it as its arguments."""
    if asked.tool is None:
        content = [_part(text)] if status == "completed" else []
        return {"id": "msg_mock", "type": "message", "role": "assistant", "status": status, "content": content}
    call = {"id": "fc_mock", "type": "function_call", "call_id": "call_mock", "name": asked.tool}
    return {**call, "status": status, "arguments": text}


def _part(text: str) -> dict[str, object]:
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}


def whole(asked: Asked, text: str, *, with_usage: bool) -> dict[str, object]:
    """A response that says `text`, or calls the tool with it."""
    said = text if asked.tool is None else orjson.dumps({"text": text}).decode()
    document = _response(asked, "completed", [_item(asked, "completed", said)])
    return {**document, "usage": usage(asked, len(text))} if with_usage else document


def sized(asked: Asked, size: int, *, with_usage: bool) -> Iterator[bytes]:
    """A response whose text has `size` bytes, never whole in memory."""
    document = _response(asked, "completed", [_item(asked, "completed", _MARK)])
    if with_usage:
        document["usage"] = usage(asked, size)
    head, tail = orjson.dumps(document).split(_MARK.encode())
    yield head
    yield from (piece.encode() for piece in filler(size))
    yield tail


def stream(asked: Asked, parts: Iterator[str], *, with_usage: bool) -> Iterator[bytes]:
    """The events of a response of one item, the last of which says all of it. `parts` is taken as the events are."""
    events = _Events()
    yield events.one("response.created", response=_response(asked, "in_progress", []))
    yield events.one("response.in_progress", response=_response(asked, "in_progress", []))
    yield events.one("response.output_item.added", output_index=0, item=_item(asked, "in_progress", ""))
    said: list[str] = []
    yield from _message(events, parts, said) if asked.tool is None else _call(events, parts, said)
    item = _item(asked, "completed", "".join(said))
    yield events.one("response.output_item.done", output_index=0, item=item)
    ended = _response(asked, "completed", [item])
    used = usage(asked, sum(map(len, said))) if with_usage else None
    yield events.one("response.completed", response={**ended, "usage": used})


def _message(events: "_Events", parts: Iterator[str], said: list[str]) -> Iterator[bytes]:
    yield events.one("response.content_part.added", **_PLACE, part=_part(""))
    for part in parts:
        said.append(part)
        yield events.one("response.output_text.delta", **_PLACE, delta=part, logprobs=[])
    text = "".join(said)
    yield events.one("response.output_text.done", **_PLACE, text=text, logprobs=[])
    yield events.one("response.content_part.done", **_PLACE, part=_part(text))


def _call(events: "_Events", parts: Iterator[str], said: list[str]) -> Iterator[bytes]:
    place = {"item_id": "fc_mock", "output_index": 0}
    for part in parts:
        said.append(part)
        yield events.one("response.function_call_arguments.delta", **place, delta=part)
    yield events.one("response.function_call_arguments.done", **place, arguments="".join(said))


class _Events:
    """Numbered as they are made."""

    def __init__(self) -> None:
        self._next = 0

    def one(self, name: str, **members: object) -> bytes:
        document = {"type": name, "sequence_number": self._next, **members}
        self._next += 1
        return b"event: %s\ndata: %s\n\n" % (name.encode(), orjson.dumps(document))
