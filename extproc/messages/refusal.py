"""Saying no to a caller: the exception that carries the reason, and OpenAI's error object made of it."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from forebay.outcomes import WORDINGS, Reason

# `param` for the wordings that name their field in words of their own.
_PARAMS: Final[Mapping[Reason, str]] = {
    Reason.EMPTY_MESSAGES: "messages",
    Reason.UNKNOWN_MODEL: "model",
    Reason.MODEL_NOT_ALLOWED: "model",
    Reason.LOGPROBS_WITH_REDACTION: "logprobs",
    Reason.LOGPROBS_WITH_GUARD: "logprobs",
}


class Refused(Exception):
    """A body is not accepted. `fields` fill the wording's braces.

    Fields hold known field names, indexes and numbers only, never a caller's text, so `str()` may be logged. Answer
    with `error_body(refused.reason, **refused.fields)` and `refusal_status(refused.reason)`; send nothing upstream.
    """

    def __init__(self, reason: Reason, fields: Mapping[str, Any] | None = None) -> None:
        """`fields` must fill every brace of the reason's wording."""
        self.reason = reason
        self.fields: Mapping[str, Any] = dict(fields or {})
        super().__init__(reason, self.fields)  # the arguments pickle: bodies may be read in another process

    def __str__(self) -> str:
        return f"{self.reason.value} {WORDINGS[self.reason].message.format_map(self.fields)}".strip()


def refusal_status(reason: Reason) -> int:
    """HTTP status of a refusal for `reason`."""
    return WORDINGS[reason].status


def error_body(reason: Reason, **fields: object) -> bytes:
    """OpenAI's error object for `reason`; `param` is the field at fault where one is.

    Raises ValueError for a reason that has no wording (an answer passed on as it is), KeyError when `fields` leaves a
    brace of the wording empty: both are defects of the calling code.
    """
    wording = WORDINGS[reason]
    if not wording.message:
        raise ValueError(f"{reason.value} has no error body of ours")
    message = wording.message.format_map(fields)
    param = fields.get("path", _PARAMS.get(reason))
    error = {"message": message, "type": wording.type, "param": param, "code": reason.value}
    return orjson.dumps({"error": error})
