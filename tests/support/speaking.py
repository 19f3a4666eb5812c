"""Providers' answers that say a text, and callers' calls for them, in each of OpenAI's APIs."""

import json
from dataclasses import dataclass
from typing import Any, Final, Protocol

import openai

COUNTED = (21, 34)  # tokens in and out, as the provider states them


@dataclass(frozen=True)
class Heard:
    """What a caller got, through the official SDK."""

    text: str
    finish: list[str | None]
    identity: str


class Speaking(Protocol):
    """One API."""

    @property
    def path(self) -> str:
        """Behind the base URL."""

    @property
    def fixtures(self) -> str:
        """What the names of its recorded exchanges begin with."""

    @property
    def logprobs(self) -> dict[str, Any]:
        """What asks for log probabilities."""

    def asking(self, system: str, user: str, **more: Any) -> dict[str, Any]:
        """A call's body."""

    def asked(self, body: dict[str, Any]) -> str:
        """The user's words in a body that a provider got."""

    def counts(self, body: dict[str, Any]) -> bool:
        """Whether a stream is to state its usage."""

    def whole(self, text: str) -> dict[str, Any]:
        """An answer that says `text`."""

    def piece(self, text: str) -> bytes:
        """An event that goes on."""

    def begin(self) -> bytes:
        """What stands before the first piece."""

    def finish(self, text: str, counts: bool) -> bytes:
        """What ends a stream that has said `text`."""

    def contents(self, raw: bytes) -> list[bytes]:
        """The pieces of text in a stream, or in a part of one that ends with an event."""

    def hear(self, client: openai.OpenAI, body: dict[str, Any]) -> Heard:
        """Make the call, streamed or not as the body says."""


def said(api: Speaking, text: str, size: int = 3) -> bytes:
    """The pieces of an answer that says `text`, so many characters at a time."""
    return b"".join(api.piece(text[at : at + size]) for at in range(0, len(text), size))


class Chat:
    """/v1/chat/completions."""

    path = "/chat/completions"
    fixtures = ""
    logprobs: Final = {"logprobs": True}

    def asking(self, system: str, user: str, **more: Any) -> dict[str, Any]:
        messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
        return {"model": "chat", "messages": messages, **more}

    def asked(self, body: dict[str, Any]) -> str:
        return str(body["messages"][-1]["content"])

    def counts(self, body: dict[str, Any]) -> bool:
        return bool((body.get("stream_options") or {}).get("include_usage"))

    def whole(self, text: str) -> dict[str, Any]:
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        return {**self._head("chat.completion"), "choices": [choice], "usage": self._usage()}

    def piece(self, text: str) -> bytes:
        return self._chunk({"content": text})

    def begin(self) -> bytes:
        return b""

    def finish(self, text: str, counts: bool) -> bytes:
        last = {**self._head("chat.completion.chunk"), "choices": [], "usage": self._usage()}
        usage = b"data: " + json.dumps(last).encode() + b"\n\n" if counts else b""
        return self._chunk({}, "stop") + usage + b"data: [DONE]\n\n"

    def contents(self, raw: bytes) -> list[bytes]:
        found = [json.loads(line[6:]) for line in raw.decode().split("\n\n") if line.startswith("data: {")]
        choices = [choice for chunk in found for choice in chunk["choices"]]
        return [(choice["delta"].get("content") or "").encode() for choice in choices]

    def hear(self, client: openai.OpenAI, body: dict[str, Any]) -> Heard:
        if not body.get("stream"):
            whole = client.chat.completions.with_raw_response.create(**body)
            (choice,) = whole.parse().choices
            return Heard(choice.message.content or "", [choice.finish_reason], whole.headers["x-request-id"])
        with client.chat.completions.with_streaming_response.create(**body) as raw:
            choices = [choice for chunk in raw.parse() for choice in chunk.choices]
            text = "".join(choice.delta.content or "" for choice in choices)
            finish = [choice.finish_reason for choice in choices if choice.finish_reason]
            return Heard(text, finish, raw.headers["x-request-id"])

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": "m"}

    def _usage(self) -> dict[str, int]:
        return {"prompt_tokens": COUNTED[0], "completion_tokens": COUNTED[1], "total_tokens": sum(COUNTED)}

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        chunk = self._head("chat.completion.chunk")
        chunk["choices"] = [{"index": 0, "delta": delta, "finish_reason": finish}]
        return b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"


class Responses:
    """/v1/responses; without numbers, as some servers send it."""

    path = "/responses"
    fixtures = "responses_"
    logprobs: Final = {"top_logprobs": 1}
    _place: Final = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    _finishes: Final = {"completed": "stop", "content_filter": "content_filter"}

    def asking(self, system: str, user: str, **more: Any) -> dict[str, Any]:
        return {"model": "chat", "instructions": system, "input": user, **more}

    def asked(self, body: dict[str, Any]) -> str:
        return str(body["input"])

    def counts(self, body: dict[str, Any]) -> bool:
        return True

    def whole(self, text: str) -> dict[str, Any]:
        return self._response("completed", [self._item("completed", text)], usage=self._usage())

    def piece(self, text: str) -> bytes:
        return self._event("output_text.delta", **self._place, delta=text, logprobs=[])

    def begin(self) -> bytes:
        return (
            self._event("created", response=self._response("in_progress", []))
            + self._event("output_item.added", output_index=0, item={**self._item("in_progress", ""), "content": []})
            + self._event("content_part.added", **self._place, part=self._part(""))
        )

    def finish(self, text: str, counts: bool) -> bytes:
        item = self._item("completed", text)
        return (
            self._event("output_text.done", **self._place, text=text, logprobs=[])
            + self._event("content_part.done", **self._place, part=self._part(text))
            + self._event("output_item.done", output_index=0, item=item)
            + self._event("completed", response=self._response("completed", [item], self._usage() if counts else None))
        )

    def contents(self, raw: bytes) -> list[bytes]:
        found = [json.loads(each.partition("\ndata: ")[2]) for each in raw.decode().split("\n\n") if each]
        return [each["delta"].encode() for each in found if each["type"] == "response.output_text.delta"]

    def hear(self, client: openai.OpenAI, body: dict[str, Any]) -> Heard:
        if not body.get("stream"):
            raw = client.responses.with_raw_response.create(**body)
            made = raw.parse()
            return Heard(made.output_text, [self._why(made)], raw.headers["x-request-id"])
        with client.responses.with_streaming_response.create(**body) as answer:
            events = list(answer.parse())
            identity = answer.headers["x-request-id"]
        text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
        ended = events[-1].response
        assert ended.output_text == text  # what the last event says is what was said
        return Heard(text, [self._why(ended)], identity)

    def _why(self, made: Any) -> str | None:
        return self._finishes.get(made.incomplete_details.reason if made.incomplete_details else made.status)

    def _usage(self) -> dict[str, int]:
        return {"input_tokens": COUNTED[0], "output_tokens": COUNTED[1], "total_tokens": sum(COUNTED)}

    def _part(self, text: str) -> dict[str, Any]:
        return {"type": "output_text", "annotations": [], "text": text}

    def _item(self, status: str, text: str) -> dict[str, Any]:
        head = {"id": "msg_1", "type": "message", "role": "assistant", "status": status}
        return {**head, "content": [self._part(text)]}

    def _response(self, status: str, output: list[Any], usage: dict[str, int] | None = None) -> dict[str, Any]:
        head = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": status}
        return {
            **head,
            "output": output,
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": usage,
        }

    def _event(self, name: str, **members: Any) -> bytes:
        data = json.dumps({"type": f"response.{name}", **members}, separators=(",", ":"))
        return f"event: response.{name}\ndata: {data}\n\n".encode()
