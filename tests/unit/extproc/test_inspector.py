"""Bodies of every size are read alike, wherever that happens."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import orjson
import pytest

from extproc.detectors.leakage import prints
from extproc.inspector import HUGE, LARGE, SAMPLE, InspectionTimedOut, Inspector
from extproc.messages.refusal import Refused
from extproc.transaction.effects import RestoreAnswer
from forebay.config import defaults
from forebay.config.resolved import OutputGuards
from forebay.outcomes import Reason

SIZES = pytest.mark.parametrize("size", [10, LARGE + 10, HUGE + 10])


@pytest.fixture(scope="module")
def inspector() -> Iterator[Inspector]:
    made = Inspector(b"k" * 32)
    made.warm()
    yield made
    made.close()


def prompt(size: int) -> bytes:
    """A prompt with a value to redact, and so much more."""
    text = "Write to maria.rossi@example.com " + "and be kind. " * (size // 13)
    return orjson.dumps({"model": "sample", "messages": [{"role": "user", "content": text}]})


@SIZES
def test_the_size_does_not_change_what_is_found(inspector: Inspector, size: int) -> None:
    """On the loop, and in either process beside it."""
    found = asyncio.run(inspector.inspect(replace(SAMPLE, body=prompt(size))))
    assert [(finding.type, finding.count) for finding in found.findings] == [("EMAIL_ADDRESS", 1)]


@SIZES
def test_a_refused_body_says_why_at_every_size(inspector: Inspector, size: int) -> None:
    """The refusal travels between processes."""
    found = asyncio.run(inspector.inspect(replace(SAMPLE, body=prompt(size)[:-1])))
    assert found.refused is not None
    assert found.refused.reason is Reason.MALFORMED_JSON


@SIZES
def test_answers_are_restored_at_every_size(inspector: Inspector, size: int) -> None:
    """With the values of their own exchange."""
    answer = orjson.dumps({"text": "to [EMAIL_abcd]" + " x" * (size // 2)})
    done = asyncio.run(inspector.finish(RestoreAnswer(answer, {"[EMAIL_abcd]": "a@b.example"})))
    same = done.body == answer.replace(b"[EMAIL_abcd]", b"a@b.example")  # nobody wants to see the difference
    assert (done.restored, same) == (1, True)


@SIZES
def test_answers_are_guarded_at_every_size(inspector: Inspector, size: int) -> None:
    """What the model adds is masked, what the caller sent comes back, and the findings travel with the answer."""
    guards = replace(defaults.GUARDS, output=OutputGuards(pii="redact", system_prompt="log"))
    prompt = "You are Ada of the Northwind shipping desk. Never promise any refund above fifty dollars to anybody."
    text = f"{prompt} Ask [EMAIL_abcd] or eve@example.org. " + "and so on. " * (size // 11)
    work = RestoreAnswer(orjson.dumps({"text": text}), {"[EMAIL_abcd]": "a@b.example"}, guards, prints([prompt]))
    done = asyncio.run(inspector.finish(work))
    assert done.body == orjson.dumps({"text": text.replace("[EMAIL_abcd]", "a@b.example").replace(
        "eve@example.org", "[EMAIL_ADDRESS]"
    )})  # fmt: skip
    assert [(one.kind, one.type, one.count) for one in done.findings] == [
        ("leakage", "system-prompt", 1),
        ("pii", "EMAIL_ADDRESS", 1),
    ]


@SIZES
def test_what_is_signed_stays_at_every_size(inspector: Inspector, size: int) -> None:
    """Which API the answer is in travels between processes, too."""
    blocks = [
        {"type": "thinking", "thinking": "[EMAIL_abcd]"},
        {"type": "text", "text": "[EMAIL_abcd]" + " x" * (size // 2)},
    ]
    answer = orjson.dumps({"type": "message", "content": blocks})
    work = RestoreAnswer(answer, {"[EMAIL_abcd]": "a@b.example"}, operation="messages")
    done = asyncio.run(inspector.finish(work))
    first, second = orjson.loads(done.body)["content"]
    assert (done.restored, first["thinking"], second["text"][:11]) == (1, "[EMAIL_abcd]", "a@b.example")


@SIZES
def test_an_unreadable_answer_is_refused_at_every_size(inspector: Inspector, size: int) -> None:
    """Nothing of it is given out."""
    with pytest.raises(Refused) as refused:
        asyncio.run(inspector.finish(RestoreAnswer(b'{"a": "[X_a]' + b"." * size, {"[X_a]": "v"})))
    assert refused.value.reason is Reason.ANSWER_UNREADABLE


def test_a_body_that_takes_too_long_is_a_timeout(inspector: Inspector) -> None:
    """The guard has failed, and the next body is served."""
    hurried = replace(SAMPLE, body=prompt(2 * HUGE), guards=replace(defaults.GUARDS, deadline=0.001))
    with pytest.raises(InspectionTimedOut):
        asyncio.run(inspector.inspect(hurried))
    assert asyncio.run(inspector.inspect(replace(SAMPLE, body=prompt(LARGE)))).refused is None
