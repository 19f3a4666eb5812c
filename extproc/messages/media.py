"""Content parts that are no text: images, sounds, files. Counted; what is text in them is scanned all the same."""

import re
from typing import Final

from extproc.findings import Channel
from extproc.messages.draft import Draft
from extproc.messages.json_spans import Node

# Part type -> what it counts as.
MEDIA: Final = {
    "image": "images",
    "image_url": "images",
    "input_image": "images",
    "audio": "audio",
    "input_audio": "audio",
    "document": "files",
    "file": "files",
    "input_file": "files",
    "video_url": "files",
}

_URLS: Final = frozenset({"url", "image_url", "file_url", "video_url"})  # may hold a data: URL
_BASE64: Final = frozenset({"data", "file_data"})  # may hold bare base64, or a data: URL
_HEADER: Final = re.compile(r"data:[a-z]+/[\w.+-]{1,64};base64,", re.ASCII | re.IGNORECASE)
_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_-"


def read_media(draft: Draft, node: Node, path: str, channel: Channel) -> None:
    """Scan every string of a media part except encoded content where such a part has it.

    Content is left out only when it is nothing but base64: a `data:` URL with plain text in it is scanned.
    """
    for key, child in node.value.items():  # type: ignore[union-attr]
        if isinstance(child.value, dict):
            draft.texts.add_key(key, child, path + "*", channel)
            read_media(draft, child, path, channel)
        elif not (isinstance(child.value, str) and _is_encoded(key, child.value)):
            draft.texts.add_member(key, child, path, channel)


def _is_encoded(key: str, value: str) -> bool:
    if key in _URLS or key in _BASE64:
        header = _HEADER.match(value)
        if header is not None:
            return not value[header.end() :].encode().translate(None, _ALPHABET)
    return key in _BASE64 and not value.encode().translate(None, _ALPHABET)
