"""docs/errors.md, rendered from the closed lists: `python -m extproc.messages.errors_page > docs/errors.md`."""

import sys
from typing import Final

from forebay.outcomes import WORDINGS, Outcome, Reason

_HEAD: Final = """\
# Errors

Generated from `forebay/outcomes.py` by `python -m extproc.messages.errors_page`; do not edit.

Every error of the gateway has OpenAI's shape, so client libraries raise their usual exceptions:

```json
{"error": {"message": "...", "type": "...", "param": "messages[0].content", "code": "invalid_type"}}
```

`code` is the reason below and is also what the record of the request says. `param` names the field at fault by known
field names and indexes, or is null. Messages never hold text of a prompt, a key or a provider's error; `{...}` stands
for a number or a name of the gateway's own. `*` in a `param` stands for a field the gateway does not know.
"""

_SECTIONS: Final[tuple[tuple[Outcome, str], ...]] = (
    (Outcome.REFUSED, "The caller's request cannot be served as it is. Nothing was sent to a provider."),
    (Outcome.BLOCKED, "A guard or a policy said no. Nothing was sent to a provider."),
    (Outcome.FAILED, "The gateway or the provider failed."),
    (Outcome.ABORTED, "The caller went away; the status appears in the record only."),
    (Outcome.COMPLETED, "No error: the provider's answer reached the caller."),
    (Outcome.ANSWERED, "No error: the gateway answered by itself."),
)

_TABLE: Final = "| code | status | type | message |\n|---|---|---|---|\n"


def render() -> str:
    """The whole page: every reason exactly once, grouped by outcome."""
    parts = [_HEAD]
    for outcome, introduction in _SECTIONS:
        parts.append(f"\n## {outcome.value}\n\n{introduction}\n\n{_TABLE}")
        parts += [_row(reason) for reason in Reason if WORDINGS[reason].outcome is outcome]
    return "".join(parts)


def _row(reason: Reason) -> str:
    wording = WORDINGS[reason]
    message = wording.message.replace("|", "\\|")
    return f"| `{reason.value}` | {wording.status} | {f'`{wording.type}`' if wording.type else ''} | {message} |\n"


if __name__ == "__main__":
    sys.stdout.write(render())
