"""One readable log stream: one line per event, nothing in it that may not be read by everybody.

The first net is discipline: our code logs names and numbers of ours, and errors by `describe`. The second net is the
filter here, which masks what looks like a credential or personal data in any line, third parties' included.
"""

import logging
import re
import traceback
from collections.abc import Mapping
from typing import Final, TextIO

MASK: Final = "[masked]"
LONGEST: Final = 2_000  # characters of a line
OURS: Final = ("forebay", "extproc", "xds")

_UUID: Final = r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
# Sixteen decimal digits are a card number rather than a digest: one digest in two thousand is masked for that.
_DIGEST: Final = r"(?-i:(?<![\w-])(?=[0-9]*[a-f])[0-9a-f]{16}(?![\w-]))"
_SENSITIVE: Final = re.compile(
    "|".join(
        (
            rf"(?P<kept>{_UUID}|{_DIGEST})",  # request ids; versions of configs and resources
            r"\b(?:bearer|basic)\s+\S+",
            r"(?:authorization|api[-_]?key|password|secret|token)[\"']?\s*[:=]\s*(?:(?:bearer|basic)\s+)?\S+",
            r"\bey[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*",
            r"\b(?:sk|pk|rk|fb|fbp|ghp|gho|xox[abprs]|AKIA|AIza)[-_]?[A-Za-z0-9_-]{12,}",
            r"-----BEGIN [A-Z ]+-----.*",
            r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
            r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}\b",  # account numbers
            r"(?<![\w.])\+?\d(?:[ ().-]{0,2}\d){8,}",  # cards, phones, national ids, long addresses
            r"\b(?=[A-Za-z0-9_-]*\d)(?=[A-Za-z0-9_-]*[A-Za-z])[A-Za-z0-9_-]{24,}",
        )
    ),
    re.IGNORECASE | re.DOTALL,
)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def mask(text: str) -> str:
    """`text` with everything replaced that looks like a key, a token, an address or a long number."""
    return _SENSITIVE.sub(lambda found: found.group() if found.group("kept") else MASK, text)


def describe(error: BaseException) -> str:
    """What went wrong and where, without the error's own words: types, and the innermost frame of our code.

    An error's text may quote a prompt, a key or a provider's answer, so it is never part of this.
    """
    parts: list[str] = []
    current: BaseException | None = error
    while current is not None and len(parts) < 5:
        parts.append(type(current).__name__ + _place(current))
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return " caused by ".join(parts)


def configure(component: str, stream: TextIO) -> None:
    """Send every log line of this process to `stream` as `time level component message key=value`.

    Replaces whatever was configured before. Ours from INFO on, everybody else's from WARNING on. Give a line fields by
    `extra={"fields": {...}}`, and lines that follow it by `extra={"lines": [...]}`; `exc_info` is shown as `describe`
    says.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Line(component))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in OURS:
        logging.getLogger(name).setLevel(logging.INFO)
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a broken log call must not print its arguments


class _Line(logging.Formatter):
    """Formats and masks in one place, so that no handler or filter can come after the mask."""

    def __init__(self, component: str) -> None:
        super().__init__(datefmt="%Y-%m-%dT%H:%M:%S")
        self._component = component

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        fields = getattr(record, "fields", None)
        if isinstance(fields, Mapping):
            message += "".join(f" {key}={_value(value)}" for key, value in fields.items())
        if record.exc_info and record.exc_info[1] is not None:
            message += f" error={_value(describe(record.exc_info[1]))}"
        when = f"{self.formatTime(record, self.datefmt)}.{int(record.msecs):03d}"
        head = f"{when} {record.levelname.lower()} {self._component}"
        following = getattr(record, "lines", None)
        more = [f"  {line}" for line in following] if isinstance(following, list | tuple) else []
        return "\n".join(f"{head} {_short(line)}" for line in (message, *more))


def _short(line: str) -> str:
    safe = mask(_CONTROL.sub(" ", line))
    return safe if len(safe) <= LONGEST else f"{safe[:LONGEST]}..."


def _value(value: object) -> str:
    text = str(value)
    return f'"{text}"' if " " in text else text


def _place(error: BaseException) -> str:
    place = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        module = str(frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] in OURS:
            place = f" at {module}:{line} in {frame.f_code.co_name}"
    return place
