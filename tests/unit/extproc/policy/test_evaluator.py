"""A policy can crash, hang or grow: its own request pays for it, nobody else's."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from extproc.policy.document import PolicyFacts, RequestFacts, build
from extproc.policy.evaluator import Evaluator, PolicyError, PolicyInvalid
from extproc.policy.samples import BARE, FULL

ENDLESS = """package forebay.rules.endless

deny contains "never" if {
	input.request.id == "endless"
	numbers := array.concat(data.hundred, data.hundred)
	some a in numbers
	some b in numbers
	some c in numbers
	some d in numbers
	a + b + c + d < 0
}
"""
HUNDRED = json.dumps({"hundred": list(range(100))})

BY_MODEL = """package forebay.rules.by_model

deny contains {"code": "NO"} if input.model.requested == "fast"

drop_tool contains tool.name if some tool in input.tools
"""


def _asked(identifier: str, facts: PolicyFacts = FULL) -> dict[str, object]:
    request = RequestFacts(identifier, "openai.chat", "chat", "/v1/chat/completions", stream=False, body_bytes=1)
    return build(replace(facts, request=request))


@asynccontextmanager
async def _serving(tmp_path: Path, deadline: float = 2.0, workers: int = 2, **files: str) -> AsyncIterator[Evaluator]:
    paths = []
    for name, text in files.items():
        path = tmp_path / f"{name}.{'json' if text.startswith('{') else 'rego'}"
        path.write_text(text)
        paths.append(path)
    evaluator = Evaluator(paths, deadline, workers=workers)
    await evaluator.start()
    try:
        yield evaluator
    finally:
        await evaluator.close()


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.01)


def test_a_call_is_decided(tmp_path: Path) -> None:
    """From the document to the verdict, with the revision that decided."""

    async def story() -> None:
        async with _serving(tmp_path, rule=BY_MODEL) as evaluator:
            denied = await evaluator.decide(build(FULL))
            assert not denied.allow
            assert [reason.code for reason in denied.reasons] == ["NO"]
            assert denied.drop_tools == {"search", "shell"}
            assert denied.revision == evaluator.revision
            assert len(evaluator.revision) == 16
            assert (await evaluator.decide(build(BARE))).allow

    asyncio.run(story())


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\0b", "{}", 'x","y', "né漢😀", "%41", "\n"])
def test_a_hostile_name_comes_back_as_it_was(tmp_path: Path, name: str) -> None:
    """Neither quotes nor a NUL reach the evaluator, which would break its answer or lose the rest of the name."""

    async def story() -> None:
        async with _serving(tmp_path, workers=1, rule=BY_MODEL) as evaluator:
            assert (await evaluator.decide(build(replace(BARE, tools=(name,))))).drop_tools == {name}

    asyncio.run(story())


def test_an_endless_rule_costs_its_own_request(tmp_path: Path) -> None:
    """The hung worker is killed and replaced; requests beside and after it are answered."""

    async def story() -> None:
        files = {"rule": ENDLESS, "data": HUNDRED}
        async with _serving(tmp_path, deadline=1.0, **files) as evaluator:
            began = time.monotonic()
            hung, *others = await asyncio.gather(
                evaluator.decide(_asked("endless")),
                *(evaluator.decide(_asked(f"quick-{n}")) for n in range(20)),
                return_exceptions=True,
            )
            assert isinstance(hung, PolicyError)
            assert hung.kind == "timeout"
            assert time.monotonic() - began < 1.9
            assert all(not isinstance(each, BaseException) and each.allow for each in others)
            assert (await evaluator.decide(_asked("after"))).allow

    asyncio.run(story())


def test_every_worker_hung_is_not_the_end(tmp_path: Path) -> None:
    """As many endless requests as there are workers, then an ordinary one."""

    async def story() -> None:
        files = {"rule": ENDLESS, "data": HUNDRED}
        async with _serving(tmp_path, deadline=0.5, **files) as evaluator:
            hung = await asyncio.gather(
                *(evaluator.decide(_asked("endless")) for _ in range(2)), return_exceptions=True
            )
            assert [each.kind for each in hung if isinstance(each, PolicyError)] == ["timeout"] * 2
            await _until(lambda: evaluator.ready)
            assert (await evaluator.decide(_asked("after"))).allow

    asyncio.run(story())


def test_a_killed_worker_is_replaced(tmp_path: Path) -> None:
    """Out of memory, a segmentation fault: the one request says `crashed`, the next is answered."""

    async def story() -> None:
        files = {"rule": ENDLESS, "data": HUNDRED}
        async with _serving(tmp_path, deadline=5.0, workers=1, **files) as evaluator:
            asking = asyncio.create_task(evaluator.decide(_asked("endless")))
            await asyncio.sleep(0.1)
            os.kill(_worker_pids(evaluator)[0], signal.SIGSEGV)
            with pytest.raises(PolicyError) as crashed:
                await asking
            assert crashed.value.kind == "crashed"
            await _until(lambda: evaluator.ready)
            assert (await evaluator.decide(_asked("after"))).allow

    asyncio.run(story())


def test_a_caller_that_goes_away_does_not_mix_up_answers(tmp_path: Path) -> None:
    """Its answer is read and thrown away before the next question is asked."""

    async def story() -> None:
        async with _serving(tmp_path, workers=1, rule=BY_MODEL) as evaluator:
            gone = asyncio.create_task(evaluator.decide(build(FULL)))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            gone.cancel()
            kept = await evaluator.decide(build(replace(BARE, tools=("mine",))))
            assert kept.drop_tools == {"mine"}
            assert kept.allow

    asyncio.run(story())


def test_the_event_loop_goes_on_while_a_rule_hangs(tmp_path: Path) -> None:
    """Evaluation happens elsewhere."""

    async def story() -> None:
        files = {"rule": ENDLESS, "data": HUNDRED}
        async with _serving(tmp_path, deadline=0.6, **files) as evaluator:
            asking = asyncio.create_task(evaluator.decide(_asked("endless")))
            longest = 0.0
            while not asking.done():
                before = time.monotonic()
                await asyncio.sleep(0.005)
                longest = max(longest, time.monotonic() - before)
            assert isinstance(asking.exception(), PolicyError)
            assert longest < 0.3

    asyncio.run(story())


def test_a_decision_that_breaks_the_contract_is_no_decision(tmp_path: Path) -> None:
    """A rule whose contribution is malformed for one input only fails for that input."""
    rule = 'package forebay.rules.a\n\ncap contains 0 if input.request.id == "bad"\n'

    async def story() -> None:
        async with _serving(tmp_path, workers=1, rule=rule) as evaluator:
            with pytest.raises(PolicyError) as failed:
                await evaluator.decide(_asked("bad"))
            assert failed.value.kind == "malformed"
            assert (await evaluator.decide(_asked("good"))).allow

    asyncio.run(story())


def test_a_builtin_that_fails_is_an_error_not_undefined(tmp_path: Path) -> None:
    """Otherwise the denial that needed it would silently not fire."""
    rule = 'package forebay.rules.a\n\ndeny contains {"code": "NO"} if to_number(input.request.id) > 5\n'

    async def story() -> None:
        async with _serving(tmp_path, workers=1, rule=rule) as evaluator:
            assert not (await evaluator.decide(_asked("7"))).allow
            with pytest.raises(PolicyError) as failed:
                await evaluator.decide(_asked("seven"))
            assert failed.value.kind == "error"
            assert (await evaluator.decide(_asked("3"))).allow

    asyncio.run(story())


def test_a_repeated_question_is_answered_from_memory(tmp_path: Path) -> None:
    """The worker may be gone: what differs (the id, the clock) is nothing the rules read."""

    async def story() -> None:
        async with _serving(tmp_path, workers=1, rule=BY_MODEL) as evaluator:
            first = await evaluator.decide(_asked("one"))
            os.kill(_worker_pids(evaluator)[0], signal.SIGKILL)
            assert await evaluator.decide(_asked("two")) is first

    asyncio.run(story())


def test_a_worker_sees_nothing_of_our_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Provider keys may be in it."""
    monkeypatch.setenv("PROVIDER_KEY", "do-not-show")

    async def story() -> None:
        async with _serving(tmp_path, workers=1, rule=BY_MODEL) as evaluator:
            environment = Path(f"/proc/{_worker_pids(evaluator)[0]}/environ").read_bytes()
            assert b"do-not-show" not in environment
            assert {each.split(b"=")[0] for each in environment.split(b"\0") if each} == {b"PYTHONPATH", b"LC_ALL"}

    asyncio.run(story())


def test_closing_leaves_no_process(tmp_path: Path) -> None:
    """Not even one that hangs."""

    async def story() -> list[int]:
        files = {"rule": ENDLESS, "data": HUNDRED}
        async with _serving(tmp_path, deadline=30.0, **files) as evaluator:
            asking = asyncio.create_task(evaluator.decide(_asked("endless")))
            await asyncio.sleep(0.1)
            pids = _worker_pids(evaluator)
            await evaluator.close()
            with pytest.raises(PolicyError):
                await asking
            return pids

    for pid in asyncio.run(story()):
        assert not Path(f"/proc/{pid}").exists()


def test_invalid_policies_do_not_start(tmp_path: Path) -> None:
    """With their problems, also as those of a config."""
    path = tmp_path / "a.rego"
    path.write_text("package forebay.rules.a\n\ndeny contains http.send({})\n")

    async def story() -> PolicyInvalid:
        evaluator = Evaluator([path], 1.0)
        with pytest.raises(PolicyInvalid) as invalid:
            await evaluator.start()
        return invalid.value

    invalid = asyncio.run(story())
    assert invalid.problems == (f"{path}:3:15: http.send: a policy reaches nothing outside its input and data",)
    (problem,) = invalid.as_config_errors().problems
    assert (problem.file, problem.line, problem.column) == (path, 3, 15)


def _worker_pids(evaluator: Evaluator) -> list[int]:
    """The children that run a worker: read from the system, not from the evaluator."""
    assert evaluator.ready
    found = []
    for task in Path("/proc/self/task").iterdir():
        found += [int(pid) for pid in (task / "children").read_text().split()]
    return [pid for pid in found if b"extproc.policy.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]
