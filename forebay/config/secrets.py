"""References to secrets: read at the last moment, printed never."""

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_WORDS = {
    errno.ENOENT: "no such file",
    errno.ENOTDIR: "no such file",
    errno.EISDIR: "a directory, not a file",
    errno.EACCES: "may not be read by this user",
}


class SecretUnavailable(Exception):
    """A reference points at nothing readable. The message names the reference; supply the file or variable."""


@dataclass(frozen=True, slots=True)
class SecretReference:
    """`${file:/path}` or `${env:NAME}`. Holds where the secret is, never the secret."""

    kind: Literal["file", "env"]
    name: str  # an absolute path, or a variable's name

    def __str__(self) -> str:
        return f"${{{self.kind}:{self.name}}}"

    def read(self) -> str:
        """The secret's text without surrounding white space.

        Raises SecretUnavailable when there is no such file or variable, or it is empty.
        """
        try:
            text = Path(self.name).read_text("utf-8") if self.kind == "file" else os.environ[self.name]
        except KeyError:
            raise SecretUnavailable(f"{self}: not set") from None
        except UnicodeDecodeError:
            raise SecretUnavailable(f"{self}: not UTF-8 text") from None
        except OSError as error:
            reason = (error.strerror or "cannot be read").lower()
            raise SecretUnavailable(f"{self}: {_WORDS.get(error.errno or 0, reason)}") from None
        if not text.strip():
            raise SecretUnavailable(f"{self}: empty")
        return text.strip()
