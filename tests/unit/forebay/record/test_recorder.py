"""The recorder as a process: what it serves, how it ends, what it does with a bad config."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from forebay.config.load import load_text
from forebay.config.published import publish
from forebay.observability import health
from forebay.places import Places, prepare
from forebay.record.recorder import Readiness
from forebay.supervise.ports import free_port

MODELS = "providers: {p: {type: mock}}\nmodels: {m: p/m}\n"
CONFIG = 'listen: {http: "127.0.0.1:1"}\n' + MODELS  # nobody is there; a gateway may be at the default address
RUN = """
import asyncio, sys
from pathlib import Path
from forebay.observability.logging import configure
from forebay.places import Places
from forebay.record.recorder import serve
configure("recorder", sys.stderr)
sys.exit(asyncio.run(serve(Path(sys.argv[1]), Places(Path(sys.argv[2]), Path(sys.argv[3])))))
"""


class Recorder:
    def __init__(self, folder: Path) -> None:
        self.config = folder / "forebay.yaml"
        self.config.write_text(CONFIG)
        self.places = Places(folder / "r", folder / "s")
        self.log = folder / "log"
        prepare(self.places)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        arguments = [sys.executable, "-W", "error", "-c", RUN, self.config, self.places.run, self.places.state]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(arguments, stderr=log)

    def ends(self) -> int:
        assert self.process is not None
        return self.process.wait(20)

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.ends()

    def get(self, target: str) -> health.Answer:
        return health.request(self.places.recorder_socket, "GET", target)

    def envoy(self, number: int) -> None:
        line = {"kind": "DownstreamEnd", "id": f"r{number}", "status": 401, "details": "missing_api_key"}
        with self.places.envoy_record.open("a") as stream:
            stream.write(json.dumps(line) + "\n")

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 15
        while not holds():
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)


@pytest.fixture
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    recorder = Recorder(tmp_path_factory.mktemp("r"))
    yield recorder
    if recorder.process is not None:
        recorder.process.kill()
        recorder.process.wait()


def test_it_serves_drains_and_ends(recorder: Recorder) -> None:
    """From start to SIGTERM: pages, metrics, the last line written before the signal."""
    recorder.envoy(0)
    recorder.start()
    recorder.until(lambda: b'reason="unauthenticated"' in recorder.get("/metrics").body)
    assert recorder.get("/livez").status == 200
    ready = recorder.get("/readyz")
    assert ready.status == 503
    assert json.loads(ready.body)["missing"].startswith("an answer of the listener")
    for number in range(1, 500):
        recorder.envoy(number)
    assert recorder.stop() == 0
    assert len(recorder.places.records.read_text().splitlines()) == 500
    assert not recorder.places.recorder_socket.exists()


def test_a_changed_config_is_taken_over_and_a_bad_one_is_not(recorder: Recorder) -> None:
    """What is in force is what the control plane published; the metrics address follows it."""
    port = free_port()
    recorder.start()
    recorder.until(lambda: b"forebay_config_info{" in recorder.get("/metrics").body)
    first = _digest(recorder)
    text = CONFIG + f"telemetry: {{prometheus: {port}}}\n"
    recorder.config.write_text(text)
    publish(recorder.places, text, load_text(text, recorder.config).digest)
    recorder.until(lambda: _digest(recorder) != first)
    recorder.until(lambda: _speaks(port))
    second = _digest(recorder)
    publish(recorder.places, "models: 3\n", "0" * 16)
    recorder.until(lambda: b"forebay_config_failures_total 1.0" in recorder.get("/metrics").body)
    assert _digest(recorder) == second
    assert recorder.stop() == 0


def test_a_start_with_a_bad_config_still_records(recorder: Recorder) -> None:
    """With the last good copy if there is one, else without names."""
    recorder.config.write_text("nonsense")
    recorder.places.last_good.write_text(CONFIG)
    recorder.envoy(0)
    recorder.start()
    recorder.until(lambda: b"forebay_config_info{" in recorder.get("/metrics").body)
    recorder.until(lambda: b'reason="unauthenticated"' in recorder.get("/metrics").body)
    assert recorder.stop() == 0


def test_it_does_not_start_on_a_damaged_checkpoint(recorder: Recorder) -> None:
    """It says which file, and ends with 1."""
    recorder.places.checkpoint.write_text("{")
    recorder.start()
    assert recorder.ends() == 1
    assert "checkpoint.json" in recorder.log.read_text()


def test_it_does_not_start_without_its_metrics_address(recorder: Recorder) -> None:
    """Somebody else's numbers would be taken for ours."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        recorder.config.write_text(CONFIG + f"telemetry: {{prometheus: {taken.getsockname()[1]}}}\n")
        recorder.start()
        assert recorder.ends() == 1


def test_it_survives_a_disk_that_refuses(recorder: Recorder) -> None:
    """It tries again from its checkpoint, and nothing is missing or double."""
    recorder.start()
    recorder.until(lambda: recorder.get("/livez").status == 200)
    blocker = recorder.places.checkpoint.with_name(".checkpoint.json.new")
    blocker.mkdir()  # the checkpoint cannot be replaced now
    recorder.envoy(0)
    recorder.until(lambda: b"forebay_recorder_errors_total 0.0" not in recorder.get("/metrics").body)
    os.rmdir(blocker)
    recorder.envoy(1)
    recorder.until(lambda: len(recorder.places.records.read_text().splitlines()) == 2)
    assert recorder.stop() == 0
    ids = [json.loads(line)["id"] for line in recorder.places.records.read_text().splitlines()]
    assert ids == ["r0", "r1"]


def test_a_probes_result_is_good_for_a_second(tmp_path: Path) -> None:
    """A hundred askers are one request through the listener."""
    asked = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 X\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async def run() -> None:
        places = Places(tmp_path / "r", tmp_path / "s")
        prepare(places)
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            resolved = load_text(MODELS + f"listen: {{http: {port}}}\n", tmp_path / "forebay.yaml")
            readiness = Readiness(places)
            results = await asyncio.gather(*(readiness.result(resolved) for _ in range(100)))
        assert {result.ready for result in results} == {False}
        assert asked == 1

    asyncio.run(run())


def _digest(recorder: Recorder) -> str:
    body = recorder.get("/metrics").body.decode()
    return next(line for line in body.splitlines() if line.startswith("forebay_config_info{"))


def _speaks(port: int) -> bool:
    async def ask() -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.write(b"GET /metrics HTTP/1.1\r\naccept: application/openmetrics-text\r\n\r\n")
        body = await reader.read()
        writer.close()
        await writer.wait_closed()
        return body.endswith(b"# EOF\n")

    return asyncio.run(ask())
