"""From a changed file to a snapshot: whole or nothing, the last good kept."""

import asyncio
import contextlib
import logging
import os
import signal
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from forebay.config.load import load
from forebay.places import Places, prepare
from xds import server
from xds.policy_check import PoliciesRefused, PolicyCheck
from xds.snapshot import ECDS, SDS
from xds.watch import Accepted, ConfigRefused, Pace, Watch, files

QUICK = Pace(0.02, 0.01, 0.2)
CONFIG = """\
version: 1
listen: {{http: {port}}}
providers:
  one: {{type: openai, url: "http://127.0.0.1:9/v1", key: "${{file:{folder}/one}}"}}
models:
  fast: one/m
tenants:
  acme: {{keys: ["${{file:{folder}/acme}}"], models: [fast]}}
policies: {{files: ["policies/*.rego"]}}
"""
POLICY = "package forebay.rules.{name}\n\ncap contains 5\n"


class Scene:
    """A config with its files, and an Envoy that says yes to everything."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.places = Places(base / "r", base / "s")
        prepare(self.places)
        self.config = base / "forebay.yaml"
        self.write(8080)
        (base / "one").write_text("sk-provider-key-1")
        (base / "acme").write_text("fb-acme-key-number-one\n")
        (base / "policies").mkdir()
        (base / "policies" / "a.rego").write_text(POLICY.format(name="a"))
        self.envoy = base / "envoy"
        self.answer(0)

    def write(self, port: int) -> None:
        self.config.write_text(CONFIG.format(port=port, folder=self.base))

    def answer(self, code: int) -> None:
        """What `envoy --mode validate` says from now on."""
        self.envoy.write_text(f"#!/bin/sh\nexit {code}\n")
        self.envoy.chmod(0o700)

    def watch(self) -> Watch:
        return Watch(self.config, self.places, envoy=self.envoy, pace=QUICK)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A fresh one."""
    return Scene(tmp_path)


def follow(watch: Watch, *steps) -> list[Accepted | None]:
    """Starts, then takes each step and what the watch makes of it."""

    async def run():
        found = [await asyncio.to_thread(watch.start)]
        changes = watch.changes()
        for step in steps:
            step()
            found.append(await asyncio.wait_for(anext(changes), 10))
        return found

    return asyncio.run(run())


def said(caplog: pytest.LogCaptureFixture) -> str:
    """Everything that was logged, the lines that follow a message included."""
    more = [line for record in caplog.records for line in getattr(record, "lines", ())]
    return "\n".join([caplog.text, *more])


def test_a_good_file_is_accepted_and_kept_as_last_good(scene):
    """As text, with references, without values, for nobody else's eyes."""
    accepted = scene.watch().start()
    assert accepted.snapshot.counts()["LDS"] == 1
    assert scene.places.last_good.read_text() == scene.config.read_text()
    assert scene.places.last_good.stat().st_mode & 0o777 == 0o600


def test_a_changed_file_gives_a_new_snapshot(scene):
    """Within a second."""
    first, second = follow(scene.watch(), lambda: scene.write(8081))
    assert first.resolved.listen.http.port == 8080
    assert second.resolved.listen.http.port == 8081
    assert first.snapshot.version != second.snapshot.version


def test_a_bad_file_changes_nothing_and_is_reported_once(scene, caplog):
    """With its place in the file; the last good one stays on disk."""
    watch = scene.watch()
    good = scene.config.read_text()

    def spoil():
        scene.config.write_text(good + "modles: {}\n")

    _, refused, again = follow(watch, spoil, lambda: scene.write(8081))
    assert refused is None
    assert again.resolved.listen.http.port == 8081
    assert said(caplog).count("modles") >= 1
    assert sum("is refused" in each.message for each in caplog.records) == 1
    assert "modles" not in scene.places.last_good.read_text()


def test_what_envoy_refuses_is_not_published(scene):
    """And not kept as good."""
    watch = scene.watch()

    def refuse():
        scene.answer(1)
        scene.write(8081)

    _, refused = follow(watch, refuse)
    assert refused is None
    assert not watch.accepted
    assert "8080" in scene.places.last_good.read_text()


def test_a_bad_file_at_start_falls_back_to_the_last_good_loudly(scene, caplog):
    """The gateway starts; `accepted` and the log tell."""
    scene.watch().start()
    scene.config.write_text("nonsense: 1\n")
    watch = scene.watch()
    assert watch.start().resolved.listen.http.port == 8080
    assert not watch.accepted
    assert any(each.levelno == logging.ERROR and "last good" in each.message for each in caplog.records)


def test_a_bad_file_at_start_without_a_last_good_is_refused_with_its_errors(scene):
    """There is nothing to serve."""
    scene.config.write_text("nonsense: 1\n")
    with pytest.raises(ConfigRefused, match=r"forebay\.yaml:1:1: nonsense"):
        scene.watch().start()


def test_a_repaired_file_ends_the_fallback(scene):
    """Without a restart."""
    scene.watch().start()
    scene.config.write_text("nonsense: 1\n")
    watch = scene.watch()
    fallback, repaired = follow(watch, lambda: scene.write(8082))
    assert (fallback.resolved.listen.http.port, repaired.resolved.listen.http.port) == (8080, 8082)
    assert watch.accepted


def test_new_api_keys_change_the_extension_configs_alone(scene):
    """No listener drains."""
    first, second = follow(scene.watch(), lambda: (scene.base / "acme").write_text("fb-acme-key-number-two\n"))
    assert second.snapshot.changes(first.snapshot) == {"ECDS": (0, len(second.snapshot.resources[ECDS]), 0)}


def test_a_provider_key_written_over_changes_its_secret_alone(scene):
    """Envoy reads a file again when its path is a new one: the same file, spelled otherwise."""
    first, second = follow(scene.watch(), lambda: (scene.base / "one").write_text("sk-provider-key-2"))
    assert second.snapshot.changes(first.snapshot) == {"SDS": (0, 1, 0)}
    names = [
        each.snapshot.resources[SDS]["key:one"].message().generic_secret.secret.filename for each in (first, second)
    ]
    assert names[0] != names[1]
    assert [Path(name).read_text() for name in names] == ["sk-provider-key-2"] * 2
    assert {os.path.realpath(name) for name in names} == {str(scene.base / "one")}


def test_a_link_that_leads_elsewhere_is_a_change(scene):
    """How Kubernetes rotates a mounted secret."""
    for number in ("1", "2"):
        (scene.base / f"v{number}").mkdir()
        (scene.base / f"v{number}" / "one").write_text("sk-same-content")
    (scene.base / "data").symlink_to("v1")
    (scene.base / "one").unlink()
    (scene.base / "one").symlink_to("data/one")

    def swap():
        (scene.base / "next").symlink_to("v2")
        (scene.base / "next").replace(scene.base / "data")

    first, second = follow(scene.watch(), swap)
    filename = second.snapshot.resources[SDS]["key:one"].message().generic_secret.secret.filename
    assert os.path.normpath(filename) == str(scene.base / "v2" / "one")
    assert second.snapshot.changes(first.snapshot) == {"SDS": (0, 1, 0)}


@pytest.mark.parametrize("name", ["a.rego", "b.rego"])
def test_a_changed_or_new_policy_is_a_change(scene, name):
    """The pattern is looked at again."""
    text = POLICY.format(name=name[0]) + "# v2\n"
    _, second = follow(scene.watch(), lambda: (scene.base / "policies" / name).write_text(text))
    assert scene.base / "policies" / name in second.resolved.policies.files


def test_a_bad_policy_refuses_the_whole_config(scene, caplog):
    """The port that was changed in the same moment stays too; both are in service once the policy is mended."""
    rules = scene.base / "policies" / "a.rego"
    before = scene.places.published

    def spoil():
        rules.write_text("package forebay.rules.a\n\ncap contains {\n")
        scene.write(8081)

    first, refused, mended = follow(scene.watch(), spoil, lambda: rules.write_text(POLICY.format(name="a") + "# v2\n"))
    assert refused is None
    assert f"{rules}:3:" in said(caplog)
    assert (first.resolved.listen.http.port, mended.resolved.listen.http.port) == (8080, 8081)
    assert before.read_text() == mended.resolved.digest != first.resolved.digest


def test_a_refused_policy_publishes_nothing(scene):
    """What is in force stays: its text and its digest."""
    watch = scene.watch()

    def spoil():
        (scene.base / "policies" / "a.rego").write_text("package forebay.rules.a\n\ncap contains 0\n")
        scene.write(8081)

    first, refused = follow(watch, spoil)
    assert refused is None
    assert scene.places.published.read_text() == first.resolved.digest
    assert "8080" in scene.places.last_good.read_text()


def test_the_processor_is_asked_whether_it_could_serve_the_policies(scene):
    """Also what only it knows: the types that can be redacted."""
    rules = scene.base / "policies" / "a.rego"
    with PolicyCheck([rules]) as check:
        check.answer()
    rules.write_text('package forebay.rules.a\n\nredact contains "NO_SUCH_TYPE"\n')
    with PolicyCheck([rules]) as check, pytest.raises(PoliciesRefused, match=r"a\.rego:\d+:\d+: "):
        check.answer()


def test_what_cannot_be_published_is_refused(scene):
    """The processor would stay on the old one while Envoy goes on."""
    watch = scene.watch()

    def obstruct():
        scene.places.published.unlink()
        scene.places.published.mkdir()
        scene.write(8081)

    _, refused = follow(watch, obstruct)
    assert refused is None
    assert not watch.accepted


def test_a_key_file_that_is_missing_is_named_and_picked_up_when_it_comes(scene, caplog):
    """A reference, never a value."""
    key = (scene.base / "acme").read_text()
    _, refused, accepted = follow(
        scene.watch(), (scene.base / "acme").unlink, lambda: (scene.base / "acme").write_text(key)
    )
    assert refused is None
    assert accepted is not None
    assert f"forebay.yaml:8:17: tenants.acme.keys[0]: ${{file:{scene.base}/acme}}: no such file" in said(caplog)
    assert key.strip() not in said(caplog)


def test_every_file_that_decides_is_watched(scene):
    """The config, its keys, its policies and their folder."""
    found = files(scene.config, load(scene.config))
    names = {path.relative_to(scene.base).as_posix() for path in found}
    assert names == {"forebay.yaml", "one", "acme", "policies", "policies/a.rego"}


def test_no_key_is_in_the_log(scene, caplog):
    """Neither a caller's nor a provider's."""
    caplog.set_level(logging.DEBUG)
    follow(scene.watch(), lambda: (scene.base / "acme").write_text("fb-acme-key-number-two\n"))
    assert "config" in said(caplog)
    assert "fb-acme-key" not in said(caplog)
    assert "sk-provider" not in said(caplog)


# --- serve ------------------------------------------------------------------------------------------------------------


async def _healthy(socket: Path, service: str = "") -> bool:
    async with grpc.aio.insecure_channel(f"unix:{socket}") as channel:
        with contextlib.suppress(grpc.aio.AioRpcError):
            request = health_pb2.HealthCheckRequest(service=service)
            answer = await health_pb2_grpc.HealthStub(channel).Check(request)
            return answer.status == health_pb2.HealthCheckResponse.SERVING
    return False


def test_serve_is_healthy_reloads_and_ends_with_sigterm(scene):
    """Exit code 0; a refused file shows in the config's health, not in the server's."""

    async def run():
        serving = asyncio.create_task(server.serve(scene.config, scene.places, envoy=scene.envoy))
        socket = scene.places.xds_socket

        async def until(service: str, expected: bool) -> None:
            async with asyncio.timeout(10):
                while await _healthy(socket, service) is not expected:
                    await asyncio.sleep(0.02)

        await until("", True)
        await until(server.CONFIG_HEALTH, True)
        scene.config.write_text("nonsense: 1\n")
        await until(server.CONFIG_HEALTH, False)
        assert await _healthy(socket)
        os.kill(os.getpid(), signal.SIGTERM)
        return await asyncio.wait_for(serving, 10)

    assert asyncio.run(run()) == 0


def test_serve_without_a_usable_config_ends_with_1_and_the_reasons(scene, caplog):
    """Nothing is served."""
    scene.config.write_text("nonsense: 1\n")
    assert asyncio.run(server.serve(scene.config, scene.places, envoy=scene.envoy)) == 1
    assert "forebay.yaml:1:1: nonsense" in said(caplog)
