"""A gateway's life: up, crashed parts, down, and what is left of it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from gateways import Starter

from forebay.supervise.ports import free_port

CONFIG = "providers: {m: {type: mock}}\nmodels: {chat: m/gpt-4o-mini}\n"


@contextmanager
def up(folder: Path, *words: str) -> Iterator[tuple["subprocess.Popen[str]", dict[str, str]]]:
    """`forebay up` in a process of its own, once it has said how to call it; what it said, by name."""
    config = folder / "forebay.yaml"
    config.write_text(f"listen: {{http: {free_port()}}}\n{CONFIG}")
    command = [
        sys.executable,
        "-P",
        "-m",
        "forebay.cli.main",
        "up",
        "-c",
        str(config),
        "--run-dir",
        str(folder / "run"),
    ]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen([*command, *words], stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        try:
            said: dict[str, str] = {}
            assert process.stdout is not None
            while "script" not in said:
                line = process.stdout.readline()
                assert line, "it ended without saying how to call it"
                if match := re.fullmatch(r" +(base URL|key|try|script) +(.+)\n", line):
                    said[match[1]] = match[2]
            yield process, said
        finally:
            process.kill()


def family(pid: int) -> list[int]:
    """The processes that a process has started and that live."""
    listed = [path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(each) for children in listed for each in children]


def descendants(pid: int) -> list[int]:
    """The processes that a process has started, those that they have started, and so on."""
    children = family(pid)
    return [*children, *(each for child in children for each in descendants(child))]


def wait_until_gone(pids: list[int]) -> list[int]:
    """Those that are still there after a while."""
    deadline = time.monotonic() + 15
    while (left := [pid for pid in pids if lives(pid)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def lives(pid: int) -> bool:
    """Whether a process runs; one that only waits to be counted by its parent does not."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_up_says_how_to_call_it_and_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    """The printed curl line works as it stands; one signal ends it with status 0, without process or socket."""
    with up(tmp_path) as (process, said):
        assert said["key"].startswith("fb-")
        answer = subprocess.run(said["try"], shell=True, capture_output=True, text=True, timeout=30, check=True)
        assert '"Hello"' in answer.stdout
        children = family(process.pid)
        assert len(children) == 5
        process.send_signal(number)
        assert process.wait(30) == 0
        assert wait_until_gone(children) == []
        assert not (tmp_path / "run").exists()
        assert (tmp_path / ".forebay" / "records.jsonl").exists()


def test_the_printed_line_scripts_the_mock_inside(tmp_path: Path) -> None:
    """It fails once, and then is as it was; on Ctrl-C it is said what is waited for."""
    with up(tmp_path) as (process, said):
        for line, expected in (("script", '"ok"'), ("try", "provider_error"), ("try", '"Hello"')):
            answer = subprocess.run(said[line], shell=True, capture_output=True, text=True, timeout=30, check=True)
            assert expected in answer.stdout
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    assert "stopping: open calls get 30 s, unless" in (tmp_path / "log").read_text()


def test_a_second_signal_does_not_wait_for_open_calls(tmp_path: Path) -> None:
    """The first begins to drain, the second ends everything at once."""
    with up(tmp_path) as (process, said):
        children = family(process.pid)
        with httpx2.Client(transport=httpx2.HTTPTransport(uds=str(tmp_path / "run" / "m-m.sock"))) as mock:
            mock.post("http://mock/__script", content=b'{"rules": [{"delay": 60}]}')
        calling = subprocess.Popen(said["try"], shell=True, stdout=subprocess.DEVNULL)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        time.sleep(1)
        assert process.poll() is None, "it did not wait for the open call"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert wait_until_gone(children) == []
        assert not (tmp_path / "run").exists()
        calling.wait(10)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_a_killed_gateway_leaves_no_process(tmp_path: Path) -> None:
    """SIGKILL cannot be handled; the parts hear of it from the kernel, and their own children by a closed pipe."""
    with up(tmp_path) as (process, _):
        children = descendants(process.pid)
        assert len(children) == 8  # five parts; the inspector's two for large bodies, and Python's to track them
        process.kill()
        process.wait()
        assert wait_until_gone(children) == []


def test_what_it_writes_is_for_its_user_alone(start: Starter) -> None:
    """Records, checkpoint and sockets, whatever the umask it was started with."""
    gateway = start.gateway(CONFIG)
    with gateway.client() as client:
        client.chat.completions.create(model="chat", messages=[{"role": "user", "content": "hello"}])
    gateway.wait_for(gateway.records)
    written = [*gateway.places.state.iterdir(), *gateway.places.run.glob("*.sock")]
    assert {"envoy-record.jsonl", "checkpoint.json"} <= {path.name for path in written}
    assert [path.name for path in written if path.stat().st_mode & 0o077] == []


def test_a_second_gateway_on_the_same_state_is_refused(tmp_path: Path) -> None:
    """Two recorders on one checkpoint would both be wrong."""
    with up(tmp_path):
        config = tmp_path / "second.yaml"  # beside the first, which follows its own file
        config.write_text(f"listen: {{http: {free_port()}}}\n{CONFIG}")
        command = [sys.executable, "-P", "-m", "forebay.cli.main", "up", "-c", str(config)]
        second = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert second.returncode == 1
        assert "another gateway" in second.stderr
        assert "--state-dir" in second.stderr


@pytest.mark.parametrize("name", ["extproc-0", "xds", "recorder", "mock", "envoy"])
def test_a_crashed_part_comes_back(start: Starter, name: str) -> None:
    """And calls are answered again."""
    gateway = start.gateway(CONFIG)
    supervisor = gateway.running.supervisor
    before = supervisor.pids()[name]
    os.kill(before, signal.SIGKILL)

    def answered() -> bool:
        if supervisor.pids()[name] == before:
            return False
        with gateway.client(timeout=3) as client:
            try:
                made = client.chat.completions.create(model="chat", messages=[{"role": "user", "content": "back?"}])
            except Exception:  # whatever is wrong meanwhile: it is asked again until the time is over
                return False
        return made.choices[0].message.content == "back?"

    assert gateway.wait_for(answered, 60)  # a provider that was found dead is left alone for 30 s
    assert supervisor.restarts()[name] == 1
