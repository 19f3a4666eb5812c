"""Runs a Tail line by line: dies at a chosen executed line, or lets Envoy write at that very moment.

Usage: crash_driver.py crashes|races FOLDER SEED. Prints "ok …" when every line was published exactly once.
"""

import json
import os
import random
import sys
from pathlib import Path

from forebay.places import Places
from forebay.record.tail import Limits, Tail

CRASHES = 150
LIMITS = Limits(input=1_000, output=8_000, keep=500, batch=500, memory=2_000)
TRACED = ("/record/tail.py", "/record/source.py", "/record/output.py", "/record/checkpoint.py")


class EnvoyFile:
    """Envoy's part: writes to the file it has open, and opens a new one only when it was asked to."""

    def __init__(self, path: Path, asked: Path) -> None:
        self.path, self.asked, self.written = path, asked, 0
        self.stream = path.open("ab", buffering=0)

    def write(self, number: int, cut: int | None) -> None:
        if self.asked.exists():
            self.asked.unlink()
            self.stream.close()
            self.stream = self.path.open("ab", buffering=0)
        line = json.dumps({"kind": "DownstreamEnd", "id": f"r-{number}", "status": 200}).encode() + b"\n"
        if cut is None:
            self.stream.write(line)
        else:  # two writes; the reader may run in between
            self.stream.write(line[:cut])
            self.rest = line[cut:]

    def finish(self) -> None:
        self.stream.write(self.rest)


def child(places: Places, asked: Path, lines: int | None) -> None:
    """Step until idle three times, or die as by SIGKILL at the `lines`-th line executed in our code."""
    left = lines or 0

    def trace(frame, event, _):
        nonlocal left
        if not frame.f_code.co_filename.endswith(TRACED):
            return None
        if event == "line":
            left -= 1
            if left <= 0:
                os._exit(9)
        return trace

    def reopen() -> bool:
        asked.touch()
        return True

    if lines is not None:
        sys.settrace(trace)
    tail = Tail(places, reopen, LIMITS)
    idle = 0
    while idle < 3:
        idle = idle + 1 if tail.step().idle else 0
    os._exit(0)


def run(places: Places, asked: Path, lines: int | None) -> int:
    pid = os.fork()
    if not pid:
        try:
            child(places, asked, lines)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def crashes(folder: Path, seed: int) -> None:
    rng = random.Random(seed)
    places = Places(folder / "run", folder / "state")
    places.state.mkdir(parents=True)
    asked = folder / "asked"
    envoy = EnvoyFile(places.envoy_record, asked)
    number = deaths = 0
    for _ in range(CRASHES):
        for _ in range(rng.randrange(30)):
            envoy.write(number, None)
            number += 1
        torn = rng.random() < 0.3
        if torn:
            envoy.write(number, rng.randrange(1, 20))
            number += 1
        code = run(places, asked, rng.randrange(60, 900))
        assert code in (0, 9), code
        deaths += code == 9
        if torn:
            envoy.finish()
    for _ in range(4):
        envoy.write(number, None)
        number += 1
        assert run(places, asked, None) == 0
    files = check(places, number)
    sys.stdout.write(f"ok {deaths} deaths {number} records {files} files\n")


def check(places: Places, number: int) -> int:
    files = sorted(places.state.glob("records.jsonl*"), key=lambda p: -int(p.suffix[1:]) if p.suffix != ".jsonl" else 0)
    records = [json.loads(line) for path in files for line in path.read_text().splitlines()]
    ids = [record.get("id") for record in records]
    assert ids == [f"r-{n}" for n in range(number)], (len(ids), number, len(set(ids)))
    return len(files)


def races(folder: Path, _: int) -> None:
    """Envoy writes its last lines to the renamed file and opens the next one, at every line of a reader's step."""
    moments = 0
    while race(folder / f"{moments}", moments + 1):
        moments += 1
    assert moments > 20, moments
    sys.stdout.write(f"ok {moments} moments\n")


def race(folder: Path, moment: int) -> bool:
    """Whether the step executes so many lines; if so, nothing is lost or published twice."""
    places = Places(folder, folder)
    places.state.mkdir(parents=True)
    envoy = EnvoyFile(places.envoy_record, places.state / "asked")
    for number in range(30):
        envoy.write(number, None)
    tail = Tail(places, lambda: True, LIMITS)
    while places.envoy_record.exists() or not tail.step().idle:
        tail.step()
    left = moment

    def trace(frame, event, _):
        nonlocal left
        if not frame.f_code.co_filename.endswith(TRACED):
            return None
        if event == "line":
            left -= 1
            if not left:
                for number in range(30, 60):  # more than one batch
                    envoy.write(number, None)
                envoy.asked.touch()
                envoy.write(60, None)
        return trace

    sys.settrace(trace)
    tail.step()
    sys.settrace(None)
    reached = left <= 0
    while reached and not tail.step().idle:
        pass
    tail.close()
    envoy.stream.close()
    if reached:
        check(places, 61)
    return reached


{"crashes": crashes, "races": races}[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
