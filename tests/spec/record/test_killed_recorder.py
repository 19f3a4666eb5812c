"""The recorder killed under load: every request has its record in the end, once."""

import dataclasses
import json
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from forebay.places import Places, prepare
from forebay.record.tail import Limits

LINES = 5_000
KILLS = 8

# Envoy's part: appends in uneven pieces, also across line ends, and opens a new file when it was asked to
WRITER = """
import json, random, sys, time
from pathlib import Path
path, asked, lines = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
rng = random.Random(7)
stream = path.open("ab", buffering=0)
number = 0
while number < lines:
    if asked.exists():
        asked.unlink()
        stream.close()
        stream = path.open("ab", buffering=0)
    piece = b""
    for _ in range(min(rng.randrange(1, 40), lines - number)):
        piece += json.dumps({"kind": "DownstreamEnd", "id": f"r{number}", "status": 200}).encode() + b"\\n"
        number += 1
    cut = rng.randrange(len(piece))
    stream.write(piece[:cut])
    time.sleep(rng.random() / 100)
    stream.write(piece[cut:])
"""

# the recorder's tail with limits small enough that both files rotate all the time; the admin socket is a file here
READER = """
import sys
from pathlib import Path
from forebay.places import Places
from forebay.record.tail import Limits, Tail
folder, asked = Path(sys.argv[1]), Path(sys.argv[2])
tail = Tail(Places(folder, folder), lambda: asked.touch() or True, Limits(*map(int, sys.argv[3:])))
while True:
    tail.step()
"""

RECORDER = """
import asyncio, sys
from pathlib import Path
from forebay.places import Places
from forebay.record.recorder import serve
sys.exit(asyncio.run(serve(Path(sys.argv[1]) / "forebay.yaml", Places(Path(sys.argv[1]), Path(sys.argv[1])))))
"""


def published(folder: Path) -> list[str]:
    """The ids in all published files, oldest first."""
    numbered = sorted(folder.glob("records.jsonl.*"), key=lambda path: -int(path.suffix[1:]))
    lines = [line for path in (*numbered, folder / "records.jsonl") for line in path.read_bytes().splitlines()]
    return [json.loads(line)["id"] for line in lines]


def lines_in(folder: Path) -> int:
    """How many lines are published, while they are being published."""
    count = 0
    for path in folder.glob("records.jsonl*"):
        with suppress(FileNotFoundError):  # renamed meanwhile: look again
            count += path.read_bytes().count(b"\n")
    return count


def writer(places: Places, asked: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WRITER, places.envoy_record, asked, str(LINES)])


def test_the_recorder_killed_eight_times_publishes_every_request_once(tmp_path: Path) -> None:
    """The real process, SIGKILL at uneven moments, then a start that drains and ends by SIGTERM."""
    places = Places(tmp_path, tmp_path)
    prepare(places)
    (tmp_path / "forebay.yaml").write_text("providers: {p: {type: mock}}\nmodels: {m: p/m}\n")
    writing = writer(places, tmp_path / "asked")
    for kill in range(KILLS):
        recorder = subprocess.Popen([sys.executable, "-c", RECORDER, tmp_path])
        before = places.checkpoint.stat().st_mtime_ns if places.checkpoint.exists() else 0
        deadline = time.monotonic() + 20
        while not places.checkpoint.exists() or places.checkpoint.stat().st_mtime_ns == before:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(0.013 * kill)
        recorder.kill()
        recorder.wait()
    assert writing.wait(60) == 0
    places.recorder_socket.unlink(missing_ok=True)  # of one that was killed
    recorder = subprocess.Popen([sys.executable, "-c", RECORDER, tmp_path])
    deadline = time.monotonic() + 20
    while not places.recorder_socket.is_socket() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)
    recorder.terminate()
    assert recorder.wait(20) == 0
    assert published(tmp_path) == [f"r{number}" for number in range(LINES)]


def test_a_reader_killed_while_both_files_rotate_publishes_every_request_once(tmp_path: Path) -> None:
    """Tiny limits: hundreds of rotations of input and output, and SIGKILL among them."""
    places = Places(tmp_path, tmp_path)
    asked = tmp_path / "asked"
    writing = writer(places, asked)
    limits = Limits(input=4_000, output=50_000, keep=500, batch=2_000, memory=4_000)
    arguments = [str(value) for value in dataclasses.astuple(limits)]
    kill = 0
    while True:
        reader = subprocess.Popen([sys.executable, "-c", READER, tmp_path, asked, *arguments])
        ended = writing.poll() is not None
        deadline = time.monotonic() + (30 if ended else 0.35 + 0.03 * kill % 0.2)
        while time.monotonic() < deadline and not (ended and lines_in(tmp_path) >= LINES):
            time.sleep(0.05)
        reader.kill()
        reader.wait()
        kill += 1
        if ended:
            break
    assert kill > 3
    assert published(tmp_path) == [f"r{number}" for number in range(LINES)]
    assert len(list(tmp_path.glob("records.jsonl.*"))) > 10
