"""The supervisor with real processes: small Python programs that obey, crash or refuse to end."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from forebay.supervise.part import CannotServe, Part, nothing
from forebay.supervise.supervisor import Patience, Supervisor

QUICK = Patience(first=0.02, longest=0.1, attempts=3)

OBEYS = """
import pathlib, signal, sys, time
def end(*_):
    with open(sys.argv[2], "a") as out: out.write(sys.argv[1] + " ended\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
with open(sys.argv[2], "a") as out: out.write(sys.argv[1] + " began\\n")
print("hello from", sys.argv[1], flush=True)
while True: time.sleep(0.05)
"""

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


def part(
    name: str,
    code: str,
    *arguments: str,
    ready: Callable[[], Awaitable[bool]],
    drain: float = 5.0,
    before_stop: Callable[[], Awaitable[None]] = nothing,
    start_within: float = 10.0,
) -> Part:
    """A part that runs a Python program."""
    command = (sys.executable, "-I", "-S", "-c", code, *arguments)
    return Part(name, command, dict(os.environ), ready, drain, before_stop, start_within)


def holds(path: Path, text: str) -> Callable[[], Awaitable[bool]]:
    """Ready as soon as a file holds a text."""

    async def ready() -> bool:
        return path.exists() and text in path.read_text()

    return ready


async def at_once() -> bool:
    """Ready from the first moment."""
    return True


async def never() -> bool:
    """Not ready, ever."""
    return False


def gone(pid: int) -> bool:
    """Whether no process has this id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_parts_start_in_order_and_stop_in_the_opposite_order(tmp_path: Path) -> None:
    """Each waits for the one before; whoever started last is drained first."""
    journal = tmp_path / "journal"

    async def story() -> None:
        lines: list[tuple[str, str]] = []
        parts = [part(name, OBEYS, name, str(journal), ready=holds(journal, f"{name} began")) for name in ("a", "b")]
        supervisor = Supervisor(parts, lambda name, line: lines.append((name, line)), QUICK)
        await supervisor.start()
        pids = supervisor.pids()
        await supervisor.stop()
        assert all(map(gone, pids.values()))
        assert ("a", "hello from a") in lines

    asyncio.run(story())
    assert journal.read_text().split("\n") == ["a began", "b began", "b ended", "a ended", ""]


def test_a_part_that_is_added_later_is_stopped_last(tmp_path: Path) -> None:
    """Others may still call it while they drain; one that does not come up leaves the others running."""
    journal = tmp_path / "journal"

    async def story() -> None:
        def made(name: str) -> Part:
            return part(name, OBEYS, name, str(journal), ready=holds(journal, f"{name} began"))

        supervisor = Supervisor([made("a")], lambda *_: None, QUICK)
        await supervisor.start()
        await supervisor.add(made("late"))
        with pytest.raises(CannotServe, match="broken ended with status 1"):
            await supervisor.add(part("broken", "raise SystemExit(1)", ready=never))
        assert set(supervisor.pids()) == {"a", "late"}
        await supervisor.stop()

    asyncio.run(story())
    assert journal.read_text().split("\n") == ["a began", "late began", "a ended", "late ended", ""]


def test_what_is_expected_at_the_end_is_shown_only_before() -> None:
    """A warning that means nothing while the part stops means something at any other time."""
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('stream closed'), print('flushed'), sys.exit(0)))\n"
        "print('stream closed', flush=True)\n"
        "time.sleep(60)"
    )
    lines: list[str] = []

    async def said() -> bool:
        return bool(lines)

    async def story() -> None:
        quiet = replace(part("e", code, ready=said), said_at_end=re.compile("stream closed"))
        supervisor = Supervisor([quiet], lambda _, line: lines.append(line), QUICK)
        await supervisor.start()
        await supervisor.stop()

    asyncio.run(story())
    assert lines == ["stream closed", "flushed"]


def test_a_crashed_part_is_started_again(tmp_path: Path) -> None:
    """With a pause, and without touching the others."""
    journal = tmp_path / "journal"

    async def story() -> None:
        lines: list[str] = []
        parts = [part("a", OBEYS, "a", str(journal), ready=holds(journal, "a began"))]
        supervisor = Supervisor(parts, lambda _, line: lines.append(line), QUICK)
        await supervisor.start()
        os.kill(supervisor.pids()["a"], signal.SIGKILL)
        deadline = time.monotonic() + 10
        while journal.read_text().count("began") < 2 and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        await supervisor.stop()
        assert journal.read_text().count("began") == 2
        assert any("ended by signal 9" in line for line in lines)
        assert supervisor.restarts() == {}

    asyncio.run(story())


def test_a_part_that_does_not_answer_any_more_is_replaced(tmp_path: Path) -> None:
    """A process that runs and does nothing would hold up its callers for ever; one that answers late is left alone."""
    journal, stuck = tmp_path / "journal", tmp_path / "stuck"
    asked = 0

    async def alive() -> bool:
        nonlocal asked
        asked += 1
        return asked != 1 and not stuck.exists()

    async def story() -> None:
        lines: list[str] = []
        watched = replace(
            part("a", OBEYS, "a", str(journal), ready=holds(journal, "a began")), alive=alive, stuck_after=0.8
        )
        supervisor = Supervisor([watched], lambda _, line: lines.append(line), QUICK)
        await supervisor.start()
        while asked < 3:
            await asyncio.sleep(0.02)
        assert journal.read_text().count("began") == 1
        stuck.touch()
        deadline = time.monotonic() + 10
        while journal.read_text().count("began") < 2 and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        stuck.unlink()
        await supervisor.stop()
        assert journal.read_text().count("began") == 2
        assert any("did not answer for 0.8 s and was killed" in line for line in lines)

    asyncio.run(story())


def test_a_part_that_never_comes_up_is_given_up_with_its_last_lines(tmp_path: Path) -> None:
    """The caller learns which part it was and what it said."""

    async def story() -> None:
        broken = part("b", "print('no such file'); raise SystemExit(3)", ready=never)
        supervisor = Supervisor([broken], lambda *_: None, QUICK)
        with pytest.raises(CannotServe, match=r"(?s)b ended with status 3, 3 times in a row.*no such file"):
            await supervisor.start()
        await supervisor.stop()

    asyncio.run(story())


def test_a_part_that_hangs_at_the_start_is_given_up() -> None:
    """Running is not being ready."""

    async def story() -> None:
        hanging = part("h", "import time; time.sleep(60)", ready=never, start_within=0.2)
        supervisor = Supervisor([hanging], lambda *_: None, Patience(first=0.01, attempts=1))
        with pytest.raises(CannotServe, match="not ready within"):
            await supervisor.start()
        await supervisor.stop()

    asyncio.run(story())


def test_a_part_that_ignores_sigterm_is_killed_after_its_drain() -> None:
    """`drain` is a promise to whoever waits for the end."""

    async def story() -> float:
        lines: list[str] = []

        async def said_up() -> bool:
            return "up" in lines

        supervisor = Supervisor(
            [part("s", STUBBORN, ready=said_up, drain=0.2)], lambda _, line: lines.append(line), QUICK
        )
        await supervisor.start()
        pid = supervisor.pids()["s"]
        began = time.monotonic()
        await supervisor.stop()
        assert gone(pid)
        assert any("was killed" in line for line in lines)
        return time.monotonic() - began

    assert asyncio.run(story()) < 5


def test_before_stop_is_awaited_but_not_for_ever() -> None:
    """A drain that hangs or fails does not keep the part alive."""

    async def hangs() -> None:
        await asyncio.sleep(60)

    async def fails() -> None:
        raise OSError("no admin")

    async def story() -> list[str]:
        lines: list[str] = []
        code = "import time; time.sleep(60)"
        parts = [part(each.__name__, code, ready=at_once, drain=0.2, before_stop=each) for each in (hangs, fails)]
        supervisor = Supervisor(parts, lambda _, line: lines.append(line), QUICK)
        await supervisor.start()
        await supervisor.stop()
        return lines

    assert any("could not prepare to stop: OSError" in line for line in asyncio.run(story()))


def test_a_grandchild_dies_with_its_part(tmp_path: Path) -> None:
    """The process group ends as a whole, whatever the part started."""
    note = tmp_path / "pid"
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "open(sys.argv[1], 'w').write(str(child.pid) + '.')\n"
        "time.sleep(60)"
    )

    async def story() -> None:
        supervisor = Supervisor([part("p", code, str(note), ready=holds(note, "."))], lambda *_: None, QUICK)
        await supervisor.start()
        await supervisor.stop()

    asyncio.run(story())
    grandchild = int(note.read_text().rstrip("."))
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and not gone(grandchild):
        time.sleep(0.02)
    state = Path(f"/proc/{grandchild}/stat")
    assert gone(grandchild) or ") Z " in state.read_text()  # an orphan waits for whoever adopted it


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_parts_die_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    """SIGKILL leaves nobody to clean up: the kernel does it."""
    note = tmp_path / "pid"
    program = tmp_path / "supervise.py"
    program.write_text(
        "import asyncio, os, sys\n"
        "from forebay.supervise.part import Part\n"
        "from forebay.supervise.supervisor import Supervisor\n"
        "async def ready(): return True\n"
        "async def main():\n"
        "    code = 'import time; time.sleep(60)'\n"
        "    part = Part('p', (sys.executable, '-c', code), dict(os.environ), ready, 1.0)\n"
        "    supervisor = Supervisor([part], print)\n"
        "    await supervisor.start()\n"
        "    await asyncio.sleep(0.3)\n"
        f"    open({str(note)!r}, 'w').write(str(supervisor.pids()['p']) + '.')\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    supervisor = subprocess.Popen([sys.executable, str(program)])
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and not (note.exists() and note.read_text().endswith(".")):
        time.sleep(0.02)
    supervisor.kill()
    supervisor.wait()
    pid = int(note.read_text().rstrip("."))
    while time.monotonic() < deadline and not gone(pid):
        time.sleep(0.02)
    stat = Path(f"/proc/{pid}/stat")
    assert not stat.exists() or ") Z " in stat.read_text()


def test_kill_ends_everything_at_once() -> None:
    """The second Ctrl-C does not wait for anybody's drain."""

    async def story() -> float:
        lines: list[str] = []

        async def said_up() -> bool:
            return "up" in lines

        supervisor = Supervisor(
            [part("s", STUBBORN, ready=said_up, drain=30)], lambda _, line: lines.append(line), QUICK
        )
        await supervisor.start()
        stopping = asyncio.ensure_future(supervisor.stop())
        await asyncio.sleep(0.1)
        began = time.monotonic()
        supervisor.kill()
        await stopping
        return time.monotonic() - began

    assert asyncio.run(story()) < 5


def test_a_crash_is_seen_although_a_grandchild_holds_its_output(tmp_path: Path) -> None:
    """The end of the part counts, not the end of everything that could still write."""
    note = tmp_path / "starts"
    code = (
        "import subprocess, sys, time\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(4)'], start_new_session=True)\n"
        "open(sys.argv[1], 'a').write('.')\n"
        "time.sleep(60)"
    )

    async def story() -> None:
        supervisor = Supervisor([part("p", code, str(note), ready=holds(note, "."))], lambda *_: None, QUICK)
        await supervisor.start()
        os.kill(supervisor.pids()["p"], signal.SIGKILL)
        deadline = time.monotonic() + 10
        while len(note.read_text()) < 2 and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        await supervisor.stop()
        assert len(note.read_text()) == 2

    asyncio.run(story())
