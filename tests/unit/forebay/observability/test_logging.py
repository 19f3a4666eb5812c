"""One stream of lines, nothing private in it."""

import io
import logging
import re
from collections.abc import Iterator

import pytest

from forebay.observability import logging as ours
from forebay.observability.logging import MASK, describe, mask
from forebay.record.checkpoint import load


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """A configured stream; the process's logging is put back afterwards."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level, logging.raiseExceptions)
    levels = {name: logging.getLogger(name).level for name in ours.OURS}
    stream = io.StringIO()
    ours.configure("recorder", stream)
    yield stream
    root.handlers[:], logging.raiseExceptions = before[0], before[2]
    root.setLevel(before[1])
    logging.captureWarnings(False)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def test_a_line_has_time_level_component_message_and_fields(stream: io.StringIO) -> None:
    """Readable by people, splittable by machines."""
    logging.getLogger("forebay.x").info("config loaded", extra={"fields": {"digest": "00ff", "why": "it changed"}})
    assert re.fullmatch(
        r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3} info recorder config loaded digest=00ff why="it changed"\n',
        stream.getvalue(),
    )


@pytest.mark.parametrize(
    "secret",
    [
        "Authorization: Bearer abcdef",
        "bearer whatever-it-is",
        "sk-proj-abcdefghijklmnop1234",
        "fb-0123456789abcdef0123456789abcdef0123456789abcdef",
        "api_key=hunter2hunter2",
        '"password": "hunter2"',
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl",
        "AKIAIOSFODNN7EXAMPLE",
        "jane.doe+x@example.co.uk",
        "4111 1111 1111 1111",
        "+49 170 1234567",
        "123-45-6789",
        "DE89 3704 0044 0532 0130 00",
        "-----BEGIN PRIVATE KEY----- MIIEvQ",
        "a1b2c3d4e5f6a7b8c9d0e1f2a3b4",
        "4111111111111111",
        "4111-1111111111111111",
        "token=0123456789abcdef",
    ],
)
def test_what_looks_private_is_masked(secret: str) -> None:
    """The second net: credentials and personal data in any line."""
    masked = mask(f"before {secret} ")
    assert MASK in masked
    assert not set(re.findall(r"[A-Za-z0-9]{6,}", secret)) & set(re.findall(r"[A-Za-z0-9]{6,}", masked)) - {
        *("Bearer", "bearer", "Authorization", "password", "masked")
    }


@pytest.mark.parametrize(
    "text",
    [
        "request 3f2a9c1e-0d1b-4c7e-9a55-1234567890ab ended",
        "listening on 127.0.0.1:8080",
        "config digest=00ff00ff00ff00ff",
        "envoy envoy-1 has LDS 1234567890123abc",
        "config 7a01234567890123 accepted",
        "request 12345678-1234-4123-8123-123456789012 ended",
        "provider_credentials at forebay.record.tail:120 in step",
        "a restart in 0.25 s, 64 MiB, status=502",
    ],
)
def test_what_operators_need_is_not_masked(text: str) -> None:
    """Request ids, addresses, digests, places in the code."""
    assert mask(text) == text


def test_third_parties_are_masked_too(stream: io.StringIO) -> None:
    """Their arguments are formatted before the mask, and below warning they are silent."""
    logging.getLogger("someone.else").warning("calling with %s", "Bearer abcdef")
    logging.getLogger("someone.else").debug("the whole body")
    logging.getLogger("someone.else").info("the whole body")
    assert "abcdef" not in stream.getvalue()
    assert "whole body" not in stream.getvalue()


def test_one_event_is_one_line(stream: io.StringIO) -> None:
    """A line feed in a value forges no second event, an escape sequence no colour."""
    logging.getLogger("forebay").warning("a\nb\x1b[31m%s", "c\r\nd")
    assert stream.getvalue().count("\n") == 1
    assert "\x1b" not in stream.getvalue()


def test_lines_that_follow_stand_on_their_own(stream: io.StringIO) -> None:
    """Several problems of a config, one per line, each masked."""
    logging.getLogger("forebay").error("refused:", extra={"lines": ["f.yaml:1: a", "Bearer abcdef\nforged"]})
    first, second, third = stream.getvalue().splitlines()
    assert first.endswith(" error recorder refused:")
    assert second.endswith(" error recorder   f.yaml:1: a")
    assert third.endswith(f" error recorder   {MASK} forged")


def test_a_long_line_is_cut(stream: io.StringIO) -> None:
    """Nobody logs a prompt by accident, at least not whole."""
    logging.getLogger("forebay").warning("word " * 10_000)
    assert len(stream.getvalue()) < ours.LONGEST + 100


def test_an_exception_is_logged_without_its_words(stream: io.StringIO) -> None:
    """Its text may quote a prompt."""
    try:
        raise ValueError("my secret prompt")
    except ValueError:
        logging.getLogger("forebay").exception("it failed")
    assert "it failed error=ValueError\n" in stream.getvalue()
    assert "secret" not in stream.getvalue()


def test_a_broken_log_call_prints_no_arguments(stream: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    """The standard library would print them to stderr."""
    logging.getLogger("forebay").warning("%d", "my secret prompt")
    assert "secret" not in stream.getvalue() + capsys.readouterr().err


def test_an_error_is_described_by_types_and_our_own_frames(tmp_path: object) -> None:
    """Where in our code, and what it was caused by."""
    try:
        load(3)  # type: ignore[arg-type]
    except AttributeError as error:
        assert re.fullmatch(r"AttributeError at forebay\.record\.checkpoint:\d+ in load", describe(error))
    try:
        try:
            raise KeyError("secret")
        except KeyError as cause:
            raise RuntimeError("secret") from cause
    except RuntimeError as error:
        assert "secret" not in describe(error)
        assert "RuntimeError" in describe(error)
        assert "caused by KeyError" in describe(error)
