"""What an answer of /v1/responses says, whole or event by event: usage, texts, and why it ended.

An answer quotes what it was asked (`ECHOED`): that is the caller's word, not the model's.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from extproc.messages.answer import Usage, Words, objects, tokens
from extproc.messages.documents import is_sealed
from extproc.streams.identifiers import harmless

ECHOED: Final = frozenset(
    {"instructions", "metadata", "prompt_cache_key", "safety_identifier", "text", "tool_choice", "tools", "user"}
)
# Why an answer is incomplete, in the words that the record and OpenTelemetry share.
FINISHES: Final = {"max_output_tokens": "length", "content_filter": "content_filter"}
OTHER: Final = "other"

_RUN_BY_THE_CALLER: Final = (
    "apply_patch_call", "computer_call", "custom_tool_call", "function_call", "local_shell_call", "shell_call",
)  # fmt: skip
_SEALS: Final = frozenset({"encrypted_content", "fingerprint"})
_PICTURE: Final = "result"
_TEXTS: Final = ("name", "arguments", "input", "code")  # of an item
_PARTS: Final = ("content", "summary")
# What tells nothing of what was said.
_TOLD: Final = (
    "id", "object", "created_at", "model", "background", "max_output_tokens", "max_tool_calls", "parallel_tool_calls",
    "service_tier", "store", "temperature", "top_p", "truncation",
)  # fmt: skip


def read_usage(value: object) -> Usage | None:
    """The usage object of a response; None for anything that does not make sense. Never raises."""
    if not isinstance(value, dict):
        return None
    given, made = _details(value, "input_tokens_details"), _details(value, "output_tokens_details")
    read, written = tokens(value, "input_tokens", None), tokens(value, "output_tokens", None)
    cached, stored = tokens(given, "cached_tokens", 0), tokens(given, "cache_write_tokens", 0)
    thought = tokens(made, "reasoning_tokens", 0)
    if read is None or written is None or cached is None or stored is None or thought is None:
        return None
    return Usage(read, written, cached, thought, stored) if cached + stored <= read else None


def stated(usage: Usage) -> dict[str, object]:
    """The usage object of a response that `read_usage` reads as `usage`: all that the API demands of one."""
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cached_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }


def finishes(response: Mapping[str, object]) -> tuple[str, ...]:
    """The finish reason that a response's status means; none where it goes on."""
    status = response.get("status")
    if status == "completed":
        called = any(item.get("type") in _RUN_BY_THE_CALLER for item in objects(response.get("output")))
        return ("tool_calls" if called else "stop",)
    if status == "incomplete":
        details = response.get("incomplete_details")
        reason = details.get("reason") if isinstance(details, dict) else None
        return (FINISHES.get(reason, OTHER) if isinstance(reason, str) else OTHER,)
    return (OTHER,) if status in ("failed", "cancelled") else ()


def filtered(response: Mapping[str, object]) -> dict[str, object]:
    """The response as its provider would give it that has filtered it: nothing is said, what it cost is told."""
    return {
        "object": "response",
        "parallel_tool_calls": True,
        **_told(response),
        "status": "incomplete",
        "incomplete_details": {"reason": "content_filter"},
        "error": None,
        "tool_choice": "auto",
        "tools": [],
        "output": [],
    }


def must_stay(name: str, text: str) -> bool:
    """Whether a member of an item may not change: it must come back as it went, or is a picture."""
    return name in _SEALS or is_opaque(name, text)


def _told(response: Mapping[str, object]) -> dict[str, object]:
    """What it tells of itself in numbers and names: nothing that a model could say, and little."""
    told = {name: response[name] for name in _TOLD if name in response and not isinstance(response[name], dict | list)}
    usage = read_usage(response.get("usage"))
    return {
        **{name: harmless(value, (name,)) for name, value in told.items()},
        **({} if usage is None else {"usage": stated(usage)}),
    }


def is_opaque(name: str, text: str) -> bool:
    """Whether a member of an item is no text: nothing but base64 of something else."""
    return (name in _SEALS or name == _PICTURE) and is_sealed(text)


class ResponsesReader:
    """One answer's events, or the whole of it."""

    __slots__ = ()

    mark = b'"output"'

    def read(self, answer: dict[str, object]) -> Words:
        """An event or a response, understood. A text counts as it comes in deltas, not where it is said again."""
        if answer.get("object") == "response":
            texts = [text for item in objects(answer.get("output")) for text in _texts(item)]
            return Words(read_usage(answer.get("usage")), texts, finishes(answer))
        response = answer.get("response")
        if isinstance(response, dict):
            return Words(read_usage(response.get("usage")), (), finishes(response))
        delta, item = answer.get("delta"), answer.get("item")
        if isinstance(delta, str) and delta:
            return Words(None, [delta], ())
        if answer.get("type") == "response.output_item.added" and isinstance(item, dict):
            return Words(None, [*_texts(item)], ())
        return Words(None, (), ())


def _details(usage: dict[str, object], name: str) -> dict[str, object]:
    details = usage.get(name)
    return details if isinstance(details, dict) else {}


def _texts(item: dict[str, object]) -> Iterator[str]:
    """What the model wrote in an item: texts, refusals, reasoning, names and arguments of tools."""
    written = [item.get(name) for name in _TEXTS]
    for name in _PARTS:
        written += [part.get(text) for part in objects(item.get(name)) for text in ("text", "refusal")]
    for text in written:
        if isinstance(text, str) and text:
            yield text
