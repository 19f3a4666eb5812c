"""Content parts that are no text: images, sounds, files. Counted; what is text in them is scanned all the same."""

from typing import Final

from extproc.findings import Channel
from extproc.messages import fields
from extproc.messages.documents import read_encoded
from extproc.messages.draft import Draft
from extproc.messages.hints import Document
from extproc.messages.json_spans import Node
from extproc.messages.kept import Kept, stored
from extproc.messages.refusal import Refused
from forebay.outcomes import Reason

# Part type -> what it counts as.
MEDIA: Final = {
    "image": "images",
    "image_url": "images",
    "input_image": "images",
    "computer_screenshot": "images",
    "audio": "audio",
    "input_audio": "audio",
    "document": "files",
    "file": "files",
    "input_file": "files",
    "video_url": "files",
}

_URLS: Final = frozenset({"url", "image_url", "file_url", "video_url"})  # may hold a data: URL
_FILE: Final = "file_id"  # of the account, which all callers share
_BASE64: Final = frozenset({"data", "file_data"})  # may hold bare base64, or a data: URL


def read_media(draft: Draft, node: Node, path: str, channel: Channel, kept: Kept = "file") -> None:
    """Scan every string of a media part except encoded content where such a part has it.

    Content that is text is decoded and scanned as that. It is left out only when it is nothing but base64 of something
    else. Raises Refused for content that is called text and is none in UTF-8, which cannot be scanned, and for a file
    of the provider's account: `kept` says what of it that is.
    """
    for key, child in node.value.items():  # type: ignore[union-attr]
        if isinstance(child.value, dict):
            draft.texts.add_key(key, child, path + "*", channel)
            read_media(draft, child, path, channel, kept)
        elif key == _FILE and fields.given(child):
            raise stored(path + key, kept)
        elif key in _URLS or key in _BASE64:
            read_content(draft, key, child, path, channel, bare=key in _BASE64)
        else:
            draft.texts.add_member(key, child, path, channel)


def read_content(draft: Draft, key: str, node: Node, path: str, channel: Channel, bare: bool) -> None:
    """Encoded content under `key`, or what stands in its place; `bare`: it may come without a `data:` head."""
    value = node.value
    if not isinstance(value, str):
        draft.texts.add_member(key, node, path, channel)
        return
    encoded = read_encoded(value, bare)
    text = None if encoded is None else encoded.text()
    if encoded is None or (text is None and not encoded.declared):
        if encoded is None or not encoded.is_media():
            draft.texts.add_link(key, node, path, channel, value)
    elif text is not None and encoded.plain:
        draft.texts.add_document(
            Document(node.start, node.end, encoded.head, encoded.base64, text), path + key, channel
        )
    else:
        expected = "text in UTF-8, encoded as its data: URL says and without other parameters"
        raise Refused(Reason.INVALID_VALUE, {"path": path + key, "expected": expected})
