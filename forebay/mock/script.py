"""What a mock provider does with the requests to come: a list of rules, the first that fits a request is its fate."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

Break = Literal["before", "after_headers", "midway"]


class BadScript(ValueError):
    """A script that cannot be read. The message names the field; correct it and post it again."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One fate. The first four fields say which requests it is for, the others what happens to them.

    Times are seconds. Whatever is left out happens as usual: 200, at once, the last user message as the answer.
    """

    model: str | None = None  # only requests for this model
    contains: str | None = None  # only requests whose last user message holds this text
    path: str | None = None  # only "chat/completions", "responses", "messages", "embeddings" or "models"
    times: int | None = None  # only the next so many requests; None = all
    status: int = 200  # from 400 on: an error in the shape of the API that was called
    message: str = "scripted"  # of that error
    delay: float = 0.0  # before the answer's headers
    pause: float = 0.0  # between headers and first byte
    chunk_delay: float = 0.0  # between two pieces: events of a stream, 64 bytes of anything else without `size`
    say: str | None = None  # the answer's text
    size: int | None = None  # the answer's text is this many bytes long
    body: str | None = None  # the whole answer as it stands, whatever was asked
    content_type: str | None = None  # of the answer
    reset: Break | None = None  # break the connection off there
    usage: bool = True  # report usage
    headers: Mapping[str, str] = field(default_factory=dict)  # of the answer, beside the usual ones

    def fits(self, path: str, model: str, text: str) -> bool:
        """Whether a request to `path` for `model` with this last user message meets this fate."""
        return (
            self.path in (None, path)
            and self.model in (None, model)
            and (self.contains is None or self.contains in text)
            and self.times != 0
        )


_NUMBERS = ("delay", "pause", "chunk_delay")
_INTEGERS = ("status", "times", "size")
_TEXTS = ("model", "contains", "path", "message", "say", "body", "content_type")
_BREAKS = ("before", "after_headers", "midway")
_NAMES = {each.name for each in fields(Rule)}


class Script:
    """The rules in force. `choose` consumes `times`; everything else leaves the script as it is."""

    def __init__(self, *rules: Rule) -> None:
        self._rules = list(rules)
        self._left = [rule.times for rule in rules]

    def choose(self, path: str, model: str, text: str) -> Rule:
        """The fate of a request: the first rule that fits and has not been used up, else the usual answer."""
        for index, rule in enumerate(self._rules):
            left = self._left[index]
            if left != 0 and rule.fits(path, model, text):
                self._left[index] = left if left is None else left - 1
                return rule
        return Rule()


def read_script(document: object) -> Script:
    """The script in `{"rules": [{...}, ...]}`, as `POST /__script` gets it. Raises BadScript."""
    rules = document.get("rules") if isinstance(document, dict) else None
    if not isinstance(rules, list):
        raise BadScript("expected an object with a list under 'rules'")
    return Script(*(_read_rule(index, rule) for index, rule in enumerate(rules)))


def _read_rule(index: int, rule: object) -> Rule:
    if not isinstance(rule, dict):
        raise BadScript(f"rules[{index}]: expected an object")
    values: dict[str, Any] = dict(rule)
    if unknown := values.keys() - _NAMES:
        raise BadScript(f"rules[{index}]: unknown field {min(unknown)!r}; there are {', '.join(sorted(_NAMES))}")
    for name, value in values.items():
        if not _well_typed(name, value):
            raise BadScript(f"rules[{index}].{name}: not a value this field takes")
    return Rule(**values)


def _well_typed(name: str, value: object) -> bool:
    if name in _NUMBERS:
        return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    if name in _INTEGERS:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if name in _TEXTS:
        return isinstance(value, str)
    if name == "reset":
        return value in _BREAKS
    if name == "usage":
        return isinstance(value, bool)
    return isinstance(value, dict) and all(isinstance(each, str) for pair in value.items() for each in pair)
