"""Compiled detector patterns in files, so that a process which replaces a dead one serves at once.

Who can write such a file decides what the guards find. So it is taken only from a folder that is this user's and nobody
else may write to, and only if its content is what was saved.
"""

import contextlib
import logging
import os
import platform
import tempfile
from hashlib import sha256
from pathlib import Path

from forebay.observability.logging import describe

log = logging.getLogger(__name__)

_DIGEST = 32  # bytes of SHA-256 before the content


def folder() -> Path | None:
    """The user's cache folder, by the XDG Base Directory specification; None for a user without a home."""
    stated = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not stated.is_absolute():
        home = Path(os.environ.get("HOME", ""))
        if not home.is_absolute():
            return None
        stated = home / ".cache"
    return stated / "forebay" / f"patterns-{platform.machine()}"


class PatternStore:
    """Files in a folder of this user's. No failure matters: what cannot be loaded is compiled."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def load(self, name: str) -> bytes | None:
        """What was saved under `name`, byte for byte; else None."""
        try:
            if not self._is_private():
                return None
            whole = (self._place / name).read_bytes()
        except OSError:
            return None
        digest, data = whole[:_DIGEST], whole[_DIGEST:]
        return data if sha256(data).digest() == digest else None

    def save(self, name: str, data: bytes) -> None:
        """Whole or not at all, for other processes that load at the same time."""
        try:
            self._place.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._is_private():
                log.warning("compiled patterns are not kept: %s is not this user's alone", self._place)
                return
            handle, written = tempfile.mkstemp(dir=self._place)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(sha256(data).digest() + data)
                Path(written).replace(self._place / name)
            except OSError:
                with contextlib.suppress(OSError):
                    Path(written).unlink()
                raise
        except OSError as error:
            log.info("compiled patterns are not kept: %s", describe(error))

    def _is_private(self) -> bool:
        known = self._place.lstat()
        return known.st_uid == os.geteuid() and not known.st_mode & 0o022 and self._place.is_dir()
