"""The JSON that a provider of Anthropic's Messages answers with. Pure, as `answers`."""

from collections.abc import Iterator, Mapping

import orjson

from forebay.mock.answers import Asked, filler

_MARK = "@forebay-text@"
_ERRORS = {
    400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error",
    413: "request_too_large", 429: "rate_limit_error", 529: "overloaded_error",
}  # fmt: skip


def usage(asked: Asked, answer_size: int) -> dict[str, object]:
    """Anthropic's usage object; four characters count as a token."""
    return {
        "input_tokens": asked.prompt_size // 4 + 1,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": answer_size // 4 + 1,
    }


def _message(asked: Asked, content: list[dict[str, object]], stop_reason: str | None, size: int) -> dict[str, object]:
    return {
        "id": "msg_mock",
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": usage(asked, size),
    }


def whole(asked: Asked, text: str, *, with_usage: bool) -> dict[str, object]:
    """A message that says `text`, or calls the tool with it."""
    block: dict[str, object] = {"type": "text", "text": text}
    if asked.tool is not None:
        block = {"type": "tool_use", "id": "toolu_mock", "name": asked.tool, "input": {"text": text}}
    return _without(_message(asked, [block], _reason(asked), len(text)), with_usage)


def sized(asked: Asked, size: int, *, with_usage: bool) -> Iterator[bytes]:
    """A message whose text has `size` bytes, never whole in memory."""
    document = _message(asked, [{"type": "text", "text": _MARK}], "end_turn", size)
    head, tail = orjson.dumps(_without(document, with_usage)).split(_MARK.encode())
    yield head
    yield from (piece.encode() for piece in filler(size))
    yield tail


def stream(asked: Asked, parts: Iterator[str], *, with_usage: bool) -> Iterator[bytes]:
    """The events of a message of one block, `message_stop` included. `parts` is taken as the events are."""
    yield _event("message_start", message=_without(_message(asked, [], None, 0), with_usage))
    block: dict[str, object] = {"type": "text", "text": ""}
    if asked.tool is not None:
        block = {"type": "tool_use", "id": "toolu_mock", "name": asked.tool, "input": {}}
    yield _event("content_block_start", index=0, content_block=block)
    yield _event("ping")
    said = 0
    for part in parts:
        said += len(part)
        delta = {"type": "text_delta", "text": part}
        if asked.tool is not None:
            delta = {"type": "input_json_delta", "partial_json": part}
        yield _event("content_block_delta", index=0, delta=delta)
    yield _event("content_block_stop", index=0)
    used = {"output_tokens": said // 4 + 1} if with_usage else {}
    yield _event("message_delta", delta={"stop_reason": _reason(asked), "stop_sequence": None}, usage=used)
    yield _event("message_stop")


def error(message: str, status: int) -> dict[str, object]:
    """Anthropic's error object."""
    kind = _ERRORS.get(status, "api_error")
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_mock"}


def _reason(asked: Asked) -> str:
    return "end_turn" if asked.tool is None else "tool_use"


def _without(document: dict[str, object], with_usage: bool) -> dict[str, object]:
    return document if with_usage else {name: value for name, value in document.items() if name != "usage"}


def _event(name: str, **members: object) -> bytes:
    document: Mapping[str, object] = {"type": name, **members}
    return b"event: %s\ndata: %s\n\n" % (name.encode(), orjson.dumps(document))
