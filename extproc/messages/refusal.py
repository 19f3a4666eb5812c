"""Saying no to a caller: the exception that carries the reason, and the error body made of it."""

from collections.abc import Mapping
from typing import Any

import orjson

from forebay.contract import Api
from forebay.error_objects import error_object
from forebay.outcomes import WORDINGS, Reason


class Refused(Exception):
    """A body is not accepted. `fields` fill the wording's braces.

    Fields hold known field names, indexes, numbers and texts of ours, never a caller's, so `str()` may be logged.
    Answer with `error_body(refused.reason, **refused.fields)` and `refusal_status(refused.reason)`; send nothing
    upstream.
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


def error_body(reason: Reason, api: Api = "openai", request_id: str = "", /, **fields: object) -> bytes:
    """The error object of `api` for `reason`. Raises as `error_objects.error_object` does."""
    return orjson.dumps(error_object(api, reason, fields, request_id))
