"""The shipped policies on an OPA server of the policy author's own: the same decisions over its REST interface."""

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from opa_client.opa import OpaClient

from extproc.policy.document import PolicyFacts, build
from extproc.policy.evaluator import Evaluator
from extproc.policy.samples import BARE, FULL
from extproc.policy.sources import shipped_policies
from extproc.policy.verdict import PolicyVerdict, parse
from forebay.supervise.ports import free_port

ROOT = Path(__file__).resolve().parents[4]
MAIN = shipped_policies() / "main.rego"
EXAMPLES = shipped_policies() / "examples"
RULES = sorted(each for each in EXAMPLES.glob("*.rego") if not each.stem.endswith("_test"))


@pytest.fixture(scope="module")
def server() -> Iterator[OpaClient]:
    """An OPA server: our binary, else a container where Docker is, else none (skipped; in CI that is a failure)."""
    local = ROOT / ".tools" / "bin" / "opa"
    found = str(local) if local.exists() else shutil.which("opa")
    if found is not None:
        yield from _own_process(found)
    elif shutil.which("docker") and subprocess.run(["docker", "info"], capture_output=True).returncode == 0:
        yield from _container()
    else:
        message = "needs opa 1.22.0 (run `make tools`) or Docker"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)


def _own_process(binary: str) -> Iterator[OpaClient]:
    port = free_port()
    with subprocess.Popen(
        [binary, "run", "--server", "--addr", f"127.0.0.1:{port}", "--log-level", "error", "--disable-telemetry"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            with _connected("127.0.0.1", port) as client:
                yield client
        finally:
            process.terminate()


def _container() -> Iterator[OpaClient]:
    from testcontainers.core.container import DockerContainer

    container = DockerContainer("openpolicyagent/opa:1.22.0").with_command("run --server --addr 0.0.0.0:8181")
    with container.with_exposed_ports(8181) as running:
        host, port = running.get_container_host_ip(), int(running.get_exposed_port(8181))
        with _connected(host, port) as client:
            yield client


def _connected(host: str, port: int) -> OpaClient:
    client = OpaClient(host=host, port=port)
    deadline = time.monotonic() + 30
    while True:
        try:
            client.check_connection()
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return client


async def _ours(facts: PolicyFacts) -> PolicyVerdict:
    evaluator = Evaluator(RULES, deadline=10)
    await evaluator.start()
    try:
        return await evaluator.decide(build(facts))
    finally:
        await evaluator.close()


@pytest.mark.parametrize("facts", [FULL, BARE], ids=["full", "bare"])
def test_an_opa_server_decides_as_our_workers_do(server: OpaClient, facts: PolicyFacts) -> None:
    """Rules move to an OPA sidecar and back without a change."""
    for path in (MAIN, *RULES):
        assert server.update_policy_from_string(path.read_text("utf-8"), path.stem)
    answer = server.query_rule(input_data=build(facts), package_path="forebay.main", rule_name="decision")
    ours = asyncio.run(_ours(facts))
    assert parse(answer["result"], ours.revision) == ours
