"""docs/errors.md, rendered from the closed lists: `python -m extproc.messages.errors_page > docs/errors.md`."""

import sys
from collections.abc import Mapping
from typing import Final

from extproc.messages.kept import ADVICE
from forebay.error_objects import anthropic_type
from forebay.outcomes import WORDINGS, Outcome, Reason

_HEAD: Final = """\
# Errors

Generated from `forebay/outcomes.py` by `python -m extproc.messages.errors_page`; do not edit.

Every error of the gateway has the shape of the API that was called, so client libraries raise their usual exceptions:
OpenAI's, and on `/v1/messages` Anthropic's.

```json
{"error": {"message": "...", "type": "...", "param": "messages[0].content", "code": "invalid_type"}}
{"type": "error", "error": {"type": "...", "message": "..."}, "request_id": "..."}
```

`code` is the reason below and is also what the record of the request says. `param` names the field at fault by known
field names and indexes, or is null. Messages never hold text of a prompt, a key or a provider's error; `{...}` stands
for a number or a name of the gateway's own. `*` in a `param` stands for a field the gateway does not know. Anthropic's
shape has neither `code` nor `param`: `request_id` leads to the record, which names the reason.

A provider's own word on a request (4xx except 401, 403 and 407) is passed on with its status and body. Its `code` is
then the provider's, such as `model_not_found` or `context_length_exceeded`, and not on this page; the record of the
request says `provider_refused` or `provider_rate_limited`. The header `x-forebay-provider` names the provider.

The statuses are those of an answer that has not begun. What goes wrong behind its head is told
[otherwise](#once-an-answer-has-begun).
"""

_LATER: Final = """
## Once an answer has begun

Its status cannot change any more: the caller has it, mostly 200, and so has the record, beside the reason. What the
caller sees of these:

| what happened | in a stream | in a whole answer |
|---|---|---|
"""
_SEEN: Final[tuple[tuple[str, str, str], ...]] = (
    (
        "the provider broke off (`provider_reset`), fell silent or took too long (`provider_timeout`)",
        "it breaks off: no error, no last event",
        "it breaks off, in the middle of the body",
    ),
    (
        "it cannot be read, or is over a bound, where guards read answers or values are restored (`answer_unreadable`)",
        "an event with the error, then a clean end",
        "502",
    ),
    (
        "a guard blocked it (`blocked_in_stream`, `answer_blocked`)",
        "what came before, then the end of a filtered answer (above)",
        "an answer without text (above)",
    ),
    ("the gateway's inspector died (`processor_unavailable`)", "it breaks off", "it breaks off"),
)
_BREAKS: Final = """
Where guards read a whole answer or values are restored in it, the head waits for the body, and the status is still that
of the tables above.

An answer that breaks off is one whose connection (HTTP/1.1) or stream (HTTP/2) ends before the answer does: OpenAI's
library raises `APIConnectionError`, Anthropic's the same for whole answers, and for streams it lets the
`RemoteProtocolError` of its HTTP library through. Over HTTP/2 that is seen at once; over HTTP/1.1 up to 5 s later,
because the gateway waits so long before it closes a connection, for readers that are slow. More on
[streams](streams.md).
"""

_INSTEAD: Final = """
## In place of what the provider would keep

`{advice}` of `stored_state` is what to do instead of what was asked for:

| asked for | advice |
|---|---|
"""

_SECTIONS: Final[tuple[tuple[Outcome, str], ...]] = (
    (Outcome.REFUSED, "The caller's request cannot be served as it is. Nothing was sent to a provider."),
    (
        Outcome.BLOCKED,
        "A guard or a policy said no. Nothing was sent to a provider, unless it is the answer that was blocked.",
    ),
    (Outcome.FAILED, "The gateway or the provider failed."),
    (
        Outcome.ABORTED,
        "The caller went away. The record has the status that was sent, mostly 200, and 0 if it went before there was "
        "one.",
    ),
    (Outcome.COMPLETED, "No error: the provider's answer reached the caller."),
    (Outcome.ANSWERED, "No error: the gateway answered by itself."),
)

_ITS_OWN: Final = (
    "The provider's own answer, passed on as it is; where the tenant has guards on answers, as these leave it, and as "
    "`answer_unreadable` where they cannot read it."
)

# What stands in the table where there is no wording of ours: status, type, message.
_NO_WORDING: Final[Mapping[Reason, tuple[str, str, str]]] = {
    Reason.PROVIDER_REFUSED: ("the provider's 4xx", "the provider's", _ITS_OWN),
    Reason.PROVIDER_RATE_LIMITED: ("429", "the provider's", _ITS_OWN),
    Reason.ANSWER_BLOCKED: (
        "200",
        "none",
        "None: an answer without text, each choice with `finish_reason: content_filter`; of Messages one that ends in "
        "`refusal`, of Responses one that is `incomplete`. In place of an error of the provider's an error with this "
        "code and the provider's status.",
    ),
    Reason.BLOCKED_IN_STREAM: (
        "200",
        "none",
        "None: what came before, then `finish_reason: content_filter` for each open choice and `[DONE]`; in Messages "
        "`refusal`, in Responses `response.incomplete`.",
    ),
    Reason.CLIENT_GONE: ("none", "none", "None: nobody is there to read it."),
    Reason.OK: ("the provider's", "none", "None: the provider's own answer, with redacted values restored."),
    Reason.MODEL_LIST: ("200", "none", "None: the list of models."),
    Reason.PROBE: ("200", "none", "None: the answer to the readiness probe."),
}

_TABLE: Final = "| code | status | type (OpenAI) | type (Anthropic) | message |\n|---|---|---|---|---|\n"


def render() -> str:
    """The whole page: a row for every reason, grouped by outcome, then what no row can say."""
    parts = [_HEAD]
    for outcome, introduction in _SECTIONS:
        parts.append(f"\n## {outcome.value}\n\n{introduction}\n\n{_TABLE}")
        parts += [_row(reason) for reason in Reason if WORDINGS[reason].outcome is outcome]
    seen = [f"| {' | '.join(cells)} |\n" for cells in _SEEN]
    advice = [f"| {asked} | {told} |\n" for asked, told in ADVICE.values()]
    return "".join([*parts, _LATER, *seen, _BREAKS, _INSTEAD, *advice])


def _row(reason: Reason) -> str:
    wording = WORDINGS[reason]
    status, kind, message = _NO_WORDING.get(reason) or (str(wording.status), f"`{wording.type}`", wording.message)
    message = message.replace("|", "\\|")
    other = kind if reason in _NO_WORDING else f"`{anthropic_type(reason)}`"
    return f"| `{reason.value}` | {status} | {kind} | {other} | {message} |\n"


if __name__ == "__main__":
    sys.stdout.write(render())
