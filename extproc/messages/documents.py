"""Texts that travel encoded in one string: base64 or percent signs, behind the head of a `data:` URL or bare.

Scanned as the text they hold; what is redacted in them is encoded again the same way (`edit.edit_document`).
"""

import re
from binascii import a2b_base64
from dataclasses import field
from typing import Final
from urllib.parse import unquote_to_bytes

from forebay.frozen import frozen

PEEK: Final = 1024  # characters of base64 that tell text from anything else
SHORT: Final = 512  # characters; what is no longer could be words or a number instead of content
SHORTEST_SEAL: Final = 64  # characters; what is shorter could be somebody's words

_HEAD: Final = re.compile(
    r"data:(?P<type>[a-z]{1,20}/[a-z0-9.+-]{1,80})?(?:;charset=[\"']?(?P<charset>[a-z0-9-]{1,20})[\"']?)?(?P<base64>;base64)?,",
    re.ASCII | re.IGNORECASE,
)
_MOST_DIGITS: Final = 4  # in a media type: h264 and mp4 have some, a card number has no place there
_CHARSETS: Final = frozenset({None, "utf-8", "utf8", "us-ascii"})
_TEXT_TYPES: Final = re.compile(
    r"text/.*|application/(?:json|xml|x-ndjson|jsonl|yaml|x-yaml|toml|javascript|sql|rtf|graphql)|.*\+(?:json|xml|yaml)"
)
_PURE: Final = re.compile(r"[A-Za-z0-9+/_-]*+={0,2}")
_BLANK: Final = re.compile(r"[ \t\r\n\f]+")
_FORMATS: Final = (
    b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"RIFF", b"II*\0", b"MM\0*", b"%PDF-", b"OggS", b"fLaC",
    b"ID3", b"\xff\xfb", b"\xff\xf3", b"PK\3\4", b"\x1aE\xdf\xa3",
)  # fmt: skip
_NO_TEXT: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")


@frozen
class Encoded:
    """A string that says it is encoded content, or can be nothing else.

    `declared` = its head says that the content is text; `plain` = the head says nothing but type, charset and encoding,
    of kinds that are known: nothing can hide in it.
    """

    head: str = field(repr=False)
    payload: str = field(repr=False)
    base64: bool
    declared: bool
    plain: bool

    def text(self) -> str | None:
        """The text it holds; None for content that is no text in UTF-8."""
        if not self.base64:
            return _readable(unquote_to_bytes(self.payload))
        payload = _BLANK.sub("", self.payload)
        if _PURE.fullmatch(payload) is None:
            return None
        if len(payload) > PEEK and not self.declared and _readable(_decoded(payload[:PEEK]), whole=False) is None:
            return None
        return _readable(_decoded(payload))

    def is_media(self) -> bool:
        """Whether it is nothing but base64, and too long, or of too well-known a format, to be words instead."""
        if not self.base64 or not self.plain or _PURE.fullmatch(self.payload) is None:
            return False
        first = _decoded(self.payload[:PEEK])
        return len(self.payload) > SHORT or first.startswith(_FORMATS) or first[4:8] == b"ftyp"


def read_encoded(value: str, bare: bool) -> Encoded | None:
    """`value` as encoded content; `bare` = base64 without a head counts too. None for anything else."""
    if value.lstrip()[:5].lower() != "data:":
        return Encoded("", value, True, False, True) if bare and _PURE.fullmatch(value) else None
    head, comma, payload = value.partition(",")
    type_, *parameters = [part.strip() for part in head.lstrip()[5:].lower().split(";")]
    declared = _TEXT_TYPES.fullmatch(type_ or "text/plain") is not None
    head += comma
    return Encoded(head, payload, "base64" in parameters, declared, _is_plain(head))


def is_sealed(value: str) -> bool:
    """Whether it is nothing but base64 of what is no text: a signature, or thinking that the provider has encrypted.

    Chance makes a secret of one in some thousands of them, and nobody could send that conversation on.
    """
    encoded = read_encoded(value, bare=True) if len(value) >= SHORTEST_SEAL else None
    return encoded is not None and not encoded.head and encoded.text() is None


def _is_plain(head: str) -> bool:
    match = _HEAD.fullmatch(head)
    if match is None or sum(map(str.isdigit, match["type"] or "")) > _MOST_DIGITS:
        return False
    return match["charset"] is None or match["charset"].lower() in _CHARSETS


def _decoded(payload: str) -> bytes:
    """The bytes of base64 in either alphabet, with or without its padding."""
    letters = payload.rstrip("=").replace("-", "+").replace("_", "/")
    letters = letters[:-1] if len(letters) % 4 == 1 else letters
    return a2b_base64(letters + "=" * (-len(letters) % 4))


def _readable(data: bytes, whole: bool = True) -> str | None:
    """The text that `data` is, if it is one; not `whole` = a character may be cut off at its end."""
    try:
        text = data.decode() if whole else data[: _last_start(data)].decode()
    except UnicodeDecodeError:
        return None
    return None if _NO_TEXT.search(text) else text


def _last_start(data: bytes) -> int:
    """Where the last character begins: before it, nothing is cut."""
    for back in range(1, min(4, len(data)) + 1):
        if data[-back] & 0xC0 != 0x80:
            return len(data) - back
    return len(data)
