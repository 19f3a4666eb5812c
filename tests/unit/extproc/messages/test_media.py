"""Media parts."""

import json
from typing import Any

import pytest

from extproc.messages.chat import parse_chat
from forebay.config.resolved import Caps

CAPS = Caps(messages=4, tools=2, n=3, max_tokens=1000, inputs=3, depth=32)


def _texts(part: dict[str, Any]) -> list[str]:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": [part]}]}).encode()
    return [text.value for text in parse_chat(body, CAPS).texts]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
        {"type": "image_url", "image_url": "data:image/png;base64,iVBORw0KGgo="},
        {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="},
        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "auto"}},
        {"type": "file", "file": {"file_data": "JVBERi0xLjQ="}},
    ],
)
def test_encoded_content_is_no_text(part: dict[str, Any]) -> None:
    """Megabytes of base64 would only give false findings."""
    assert _texts(part) == []


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ({"type": "image_url", "image_url": {"url": "data:text/plain,call 555"}}, "data:text/plain,call 555"),
        (
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,mail a@b.co"}},
            "data:image/png;base64,mail a@b.co",
        ),
        ({"type": "image_url", "image_url": {"url": "https://x/?q=me@x.org"}}, "https://x/?q=me@x.org"),
        ({"type": "image_url", "image_url": {"url": "AKIAIOSFODNN7EXAMPLE"}}, "AKIAIOSFODNN7EXAMPLE"),
        ({"type": "file", "file": {"file_data": "my number is 5"}}, "my number is 5"),
        ({"type": "file", "note": "AAAA"}, "AAAA"),
        ({"type": "text", "text": "data:image/png;base64,AAAA"}, "data:image/png;base64,AAAA"),
    ],
)
def test_what_only_looks_like_content_is_text(part: dict[str, Any], text: str) -> None:
    """A prefix must not be a way around the guard."""
    assert text in _texts(part)
