"""The recorded exchanges, the dialects they are in, and what a client puts together of a stream."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from extproc.messages.sse import EventReader
from extproc.streams.chat import ChatDialect
from extproc.streams.dialect import Dialect
from extproc.streams.messages import MessagesDialect
from extproc.streams.responses import ResponsesDialect

FOLDER = Path(__file__).parents[1] / "fixtures" / "exchanges"
NAMES = sorted(path.stem for path in FOLDER.glob("*.sse"))
HEAD = {"id": "chatcmpl-ours", "object": "chat.completion.chunk", "created": 1, "model": "m"}
DIALECTS: dict[str, Callable[[], Dialect]] = {
    "chat": lambda: ChatDialect(HEAD),
    "messages": lambda: MessagesDialect({"id": "msg_ours", "model": "m"}),
    "responses": lambda: ResponsesDialect({"id": "resp_ours", "created_at": 1, "model": "m"}),
}

Pieces = list[tuple[str, str | None]]


def events(stream: bytes) -> list[dict[str, Any]]:
    """The JSON of each."""
    found = [event.data for event in EventReader().feed(stream, end=True)]
    return [orjson.loads(data) for data in found if data != b"[DONE]"]


def texts(stream: bytes, api: str) -> dict[str, str]:
    """What a client puts together: one text per channel, empty ones left out."""
    found: dict[str, str] = {}
    for answer in events(stream):
        for key, text in _PIECES[api](answer):
            found[key] = found.get(key, "") + (text or "")
    return {key: text for key, text in found.items() if text}


def _chat(answer: dict[str, Any]) -> Pieces:
    return [
        (f"{choice['index']}.{name}", text)
        for choice in answer.get("choices") or ()
        for name, text in _of_delta(choice.get("delta", {}))
    ]


def _of_delta(delta: dict[str, Any]) -> Pieces:
    found = [(name, delta.get(name)) for name in ("refusal", "reasoning_content")]
    content = delta.get("content")
    for part in content if isinstance(content, list) else [{"text": content}]:
        found.append(("content", part.get("text")))
        found += [("thoughts", thought["text"]) for thought in part.get("thinking", ())]
    found.append(("audio", delta.get("audio", {}).get("transcript")))
    for detail in delta.get("reasoning_details", ()):
        found.append((f"details.{detail['index']}", detail.get("text") or detail.get("summary")))
    found.append(("function_call", delta.get("function_call", {}).get("arguments")))
    for call in delta.get("tool_calls", ()):
        found.append((f"arguments.{call['index']}", call.get("function", {}).get("arguments")))
        found.append((f"input.{call['index']}", call.get("custom", {}).get("input")))
    return found


def _messages(answer: dict[str, Any]) -> Pieces:
    delta = answer.get("delta", {}) if answer.get("type") == "content_block_delta" else {}
    names = {"text": "text", "partial_json": "input", "thinking": "thinking"}
    return [(f"{answer['index']}.{channel}", delta[name]) for name, channel in names.items() if name in delta]


def _responses(answer: dict[str, Any]) -> Pieces:
    about, _, what = answer.get("type", "").rpartition(".")
    if what != "delta" or not isinstance(answer["delta"], str):
        return []
    within, index, member = _PLACES.get(about.removeprefix("response."), ("", "", ""))
    if not member:
        return [(about.removeprefix("response."), answer["delta"])] if about != "response.audio" else []
    place = [answer["output_index"], *([within, answer[index]] if within else []), member]
    return [(".".join(map(str, place)), answer["delta"])]


_PLACES = {
    "output_text": ("content", "content_index", "text"),
    "refusal": ("content", "content_index", "refusal"),
    "reasoning_text": ("content", "content_index", "text"),
    "reasoning_summary_text": ("summary", "summary_index", "text"),
    "function_call_arguments": ("", "", "arguments"),
    "mcp_call_arguments": ("", "", "arguments"),
    "custom_tool_call_input": ("", "", "input"),
}
_PIECES: dict[str, Callable[[dict[str, Any]], Pieces]] = {"chat": _chat, "messages": _messages, "responses": _responses}
