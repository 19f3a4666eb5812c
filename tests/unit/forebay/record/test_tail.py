"""Every line of Envoy's file is published exactly once."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from forebay.places import Places
from forebay.record.checkpoint import CheckpointUnreadable
from forebay.record.line import LONGEST
from forebay.record.source import old_name
from forebay.record.tail import Limits, Step, Tail, TailBusy


class World:
    """A state directory, Envoy's part, and whatever tail is open."""

    def __init__(self, folder: Path) -> None:
        self.places = Places(folder, folder)
        self.asked = 0
        self.number = 0
        self.tail: Tail | None = None

    def envoy(self, lines: int = 1) -> None:
        with self.places.envoy_record.open("a") as stream:
            for _ in range(lines):
                stream.write(json.dumps({"kind": "DownstreamEnd", "id": f"r{self.number}"}) + "\n")
                self.number += 1

    def open(self, limits: Limits | None = None) -> Tail:
        self.close()
        self.tail = Tail(self.places, self.reopen, limits)
        return self.tail

    def reopen(self) -> bool:
        self.asked += 1
        return True

    def drain(self, limits: Limits | None = None) -> list[Step]:
        tail = self.open(limits)
        steps = [tail.step()]
        while not steps[-1].idle:
            steps.append(tail.step())
        return steps

    def close(self) -> None:
        if self.tail is not None:
            self.tail.close()
            self.tail = None

    def ids(self) -> list[str]:
        return [json.loads(line)["id"] for line in self.places.records.read_text().splitlines()]

    def expected(self) -> list[str]:
        return [f"r{number}" for number in range(self.number)]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def test_lines_are_published_in_order(world: World) -> None:
    """And nothing happens when there are no more."""
    world.envoy(3)
    steps = world.drain()
    assert world.ids() == world.expected()
    assert [len(step.published) for step in steps] == [3, 0]
    assert steps[-1].backlog == 0


def test_a_tail_waits_for_envoys_first_line(world: World) -> None:
    """The recorder starts before Envoy."""
    tail = world.open()
    assert tail.step().idle
    world.envoy()
    assert len(tail.step().published) == 1


def test_a_partial_last_line_waits_for_its_end(world: World) -> None:
    """Envoy flushes where its buffer ends."""
    world.envoy()
    with world.places.envoy_record.open("a") as stream:
        stream.write('{"kind":"DownstreamEnd",')
    world.drain()
    assert world.ids() == ["r0"]
    with world.places.envoy_record.open("a") as stream:
        stream.write('"id":"r1"}\n')
    world.drain()
    assert world.ids() == ["r0", "r1"]


def test_a_restart_goes_on_where_it_was(world: World) -> None:
    """Also with records appended that nothing commits."""
    world.envoy(2)
    world.drain()
    world.close()
    with world.places.records.open("a") as stream:
        stream.write('{"id":"r2"}\n{"half')
    world.envoy(2)
    world.drain()
    assert world.ids() == world.expected()


def test_a_big_file_is_renamed_reopened_and_deleted_when_read(world: World) -> None:
    """The old one goes only when the new one is there and the old one is read to its end."""
    limits = Limits(input=100)
    old = old_name(world.places.envoy_record)
    world.envoy(5)
    tail = world.open(limits)
    tail.step()
    assert (old.exists(), world.places.envoy_record.exists(), world.asked) == (True, False, 1)
    tail.step()
    assert world.asked == 2  # still no new file: asked again
    with old.open("a") as stream:  # Envoy writes on until it has opened the new one
        stream.write('{"kind":"DownstreamEnd","id":"r5"}\n')
    world.number += 1
    world.envoy()
    rotated = [tail.step() for _ in range(4)]
    assert [step.rotated for step in rotated if step.rotated] == [("input",)]
    assert not old.exists()
    assert world.ids() == world.expected()


def test_a_line_that_nobody_will_finish_is_published_as_unreadable(world: World) -> None:
    """Envoy was killed in the middle of it, and its successor opened a new file."""
    world.envoy()
    tail = world.open()
    tail.step()
    world.places.envoy_record.rename(old_name(world.places.envoy_record))
    with old_name(world.places.envoy_record).open("a") as stream:
        stream.write('{"kind":"Down')
    world.envoy()
    kinds = [item.record.kind for _ in range(4) for item in tail.step().published]
    assert kinds == ["unreadable", "request"]


def test_a_rotated_file_is_read_first_when_there_is_no_checkpoint(world: World) -> None:
    """Somebody moved the checkpoint away: nothing is lost."""
    world.envoy(2)
    world.places.envoy_record.rename(old_name(world.places.envoy_record))
    world.envoy(2)
    world.drain()
    assert world.ids() == world.expected()


def test_a_rewritten_file_is_read_from_its_beginning_and_reported(world: World) -> None:
    """Somebody else truncated it; what was unread then is gone, and that is said."""
    world.envoy(3)
    tail = world.open()
    tail.step()
    world.places.envoy_record.write_text("")
    world.envoy(1)
    step = tail.step()
    assert (step.gaps, len(step.published)) == (1, 1)
    assert world.ids() == ["r0", "r1", "r2", "r3"]


def test_a_file_gone_while_the_recorder_was_down_is_reported(world: World) -> None:
    """The new one is read from its beginning."""
    world.envoy(3)
    world.drain()
    world.close()
    world.places.envoy_record.unlink()
    world.envoy(2)
    assert world.drain()[0].gaps == 1
    assert world.ids() == world.expected()


def test_the_published_file_rotates_and_old_ones_go(world: World) -> None:
    """At most keep + 1 files."""
    limits = Limits(output=3_000, keep=2, batch=100)
    world.envoy(40)
    world.drain(limits)
    files = sorted(path.name for path in world.places.state.glob("records.jsonl*"))
    assert files == ["records.jsonl", "records.jsonl.1", "records.jsonl.2"]


def test_a_published_file_taken_away_is_begun_anew(world: World) -> None:
    """Shipping it by moving it is allowed."""
    tail = world.open()
    world.envoy()
    tail.step()
    world.places.records.rename(world.places.state / "shipped")
    world.envoy()
    tail.step()
    assert world.ids() == ["r1"]


def test_a_line_without_end_is_given_up(world: World) -> None:
    """It must not stop the records behind it."""
    world.places.envoy_record.write_bytes(b"x" * (3 * LONGEST) + b"\n")
    world.envoy()
    tail = world.open()
    kinds = [item.record.kind for _ in range(4) for item in tail.step().published]
    assert kinds == ["unreadable", "unreadable", "request"]


def test_two_recorders_never_share_a_state_directory(world: World) -> None:
    """The second is refused, and may come when the first is gone."""
    world.open()
    with pytest.raises(TailBusy, match="another recorder"):
        Tail(world.places, world.reopen)
    world.close()
    world.open()


def test_a_damaged_checkpoint_stops_the_start_and_frees_the_lock(world: World) -> None:
    """The operator decides."""
    world.places.checkpoint.write_text("{")
    with pytest.raises(CheckpointUnreadable):
        world.open()
    world.places.checkpoint.unlink()
    world.open()


def _driver(*arguments: str) -> str:
    script = Path(__file__).with_name("crash_driver.py")
    done = subprocess.run(
        [sys.executable, script, *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-1000:]
    return done.stdout


@pytest.mark.parametrize("seed", [1, 2])
def test_a_reader_killed_at_any_executed_line_publishes_exactly_once(tmp_path: Path, seed: int) -> None:
    """150 deaths at random lines of tail, source, output and checkpoint, with both files rotating all the time."""
    words = _driver("crashes", str(tmp_path / "w"), str(seed)).split()
    assert words[0] == "ok"
    assert int(words[1]) > 100  # deaths
    assert int(words[5]) > 20  # published files: it did rotate


def test_envoy_may_change_files_at_any_moment_of_a_step(tmp_path: Path) -> None:
    """Its last lines in the old file and its first in the new one, at every executed line in turn."""
    assert _driver("races", str(tmp_path / "w"), "0").startswith("ok")


def test_half_a_batch_to_read_is_a_backlog_that_is_worked_off_without_rest(world: World) -> None:
    """Few lines at a time leave the core to the calls; many must not grow to more."""
    world.envoy(2)
    length = world.places.envoy_record.stat().st_size
    assert [step.hurried for step in world.drain(Limits(batch=2 * length))] == [True, False]
    world.close()
    world.envoy(2)
    assert not any(step.hurried for step in world.drain(Limits(batch=4 * length)))
    assert world.ids() == world.expected()
