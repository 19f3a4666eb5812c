"""How the control plane, which alone decides, tells the other parts of a gateway which config is in force.

Two files: the text that was accepted (`places.last_good`), and then the digest of what it means (`places.published`).
A reader that does not arrive at that digest sees files in the middle of a change: the next publication decides.
"""

import os
import secrets
from pathlib import Path

from forebay.config.load import load_text
from forebay.config.resolved import Resolved
from forebay.places import Places


def publish(places: Places, text: str, digest: str) -> None:
    """Put the config `text`, which means `digest`, in force. Raises OSError when it cannot be written."""
    _write(places.last_good, text)
    _write(places.published, digest)


def withdraw(places: Places) -> None:
    """Forget what an earlier run published, before any part of this one starts."""
    places.published.unlink(missing_ok=True)


def published_digest(places: Places) -> str:
    """The digest of the config in force; empty when nothing was published yet."""
    try:
        return places.published.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def last_good(places: Places, source: Path) -> Resolved:
    """The config that was accepted last, as it would be read from `source`.

    Raises OSError or UnicodeDecodeError when there is none, ConfigErrors when it cannot be used any more.
    """
    return load_text(places.last_good.read_text("utf-8"), source)


def _write(path: Path, text: str) -> None:
    """Whole or not at all: a crash leaves the old file."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
