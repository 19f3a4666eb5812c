"""Media parts."""

import json
from typing import Any

import pytest

from extproc.messages.chat import parse_chat
from extproc.messages.refusal import Refused
from forebay.config.resolved import Caps
from forebay.outcomes import Reason

CAPS = Caps(messages=4, tools=2, n=3, max_tokens=1000, inputs=3, depth=32)


LONG = "iVBORw0KGgo" + "A" * 4000


def _texts(part: dict[str, Any]) -> list[str]:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": [part]}]}).encode()
    return [text.value for text in parse_chat(body, CAPS).texts]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
        {"type": "image_url", "image_url": "data:image/png;base64,iVBORw0KGgo="},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64," + LONG}},
        {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="},
        {"type": "input_audio", "input_audio": {"data": "UklGRiQAAABXQVZFZm10IBA=", "format": "auto"}},
        {"type": "file", "file": {"file_data": "JVBERi0xLjQKJeLjz9M="}},
    ],
)
def test_encoded_content_is_no_text(part: dict[str, Any]) -> None:
    """Megabytes of base64 would only give false findings."""
    assert _texts(part) == []


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ({"type": "image_url", "image_url": {"url": "data:text/plain,call%20555"}}, "call 555"),
        (
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,mail a@b.co"}},
            "data:image/png;base64,mail a@b.co",
        ),
        ({"type": "image_url", "image_url": {"url": "https://x/?q=me@x.org"}}, "https://x/?q=me@x.org"),
        ({"type": "image_url", "image_url": {"url": "AKIAIOSFODNN7EXAMPLE"}}, "AKIAIOSFODNN7EXAMPLE"),
        ({"type": "file", "file": {"file_data": "my number is 5"}}, "my number is 5"),
        ({"type": "file", "file": {"file_data": "data:text/plain;base64,bWUgaXMgYUBiLmNv"}}, "me is a@b.co"),
        ({"type": "file", "file": {"file_data": "data:application/json;base64,bWUgaXMgYUBiLmNv"}}, "me is a@b.co"),
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,bWUgaXMgYUBiLmNv"}}, "me is a@b.co"),
        ({"type": "file", "file": {"file_data": "bWUgaXMgYUBiLmNv"}}, "me is a@b.co"),
        ({"type": "file", "file": {"file_data": "data:TEXT/plain;charset=UTF-8,a%40b.co"}}, "a@b.co"),
        ({"type": "input_audio", "input_audio": {"data": "4111111111111111"}}, "4111111111111111"),
        ({"type": "file", "note": "AAAA"}, "AAAA"),
        ({"type": "text", "text": "data:image/png;base64,AAAA"}, "data:image/png;base64,AAAA"),
    ],
)
def test_what_only_looks_like_content_is_text(part: dict[str, Any], text: str) -> None:
    """A prefix must not be a way around the guard."""
    assert text in _texts(part)


@pytest.mark.parametrize(
    "url",
    [
        "data:text/plain;base64,//4xAA==",
        "data:text/plain;charset=utf-16;base64,AGEAYg==",
        "data:text/plain;charset=utf-7,a+AEA-b.co",
        "data:text/plain;base64,4111 1111 1111 1111",
        "data:text/plain;name=me@x.org,hello",
        "data:text/x4111111111111111,hello",
        "data:,%ff",
    ],
)
def test_text_that_cannot_be_read_is_refused(url: str) -> None:
    """Nobody can say what is in it; and a head is no place for anything but type, charset and encoding."""
    with pytest.raises(Refused) as caught:
        _texts({"type": "file", "file": {"file_data": url}})
    assert caught.value.reason is Reason.INVALID_VALUE
    assert caught.value.fields["path"] == "messages[0].content[0].file_data"


def test_an_odd_head_makes_media_a_text() -> None:
    """A number in the media type, or a file's name, is scanned with all the rest."""
    for head in ("data:image/x4111111111111111;base64,", "data:image/png;name=me@x.org;base64,"):
        assert _texts({"type": "image_url", "image_url": {"url": head + LONG}}) == [head + LONG]
