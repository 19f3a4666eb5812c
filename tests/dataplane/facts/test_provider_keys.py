"""Provider keys by SDS, from files and from the environment: when they are read anew, and who gets to see them."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from bare_configs import Json, cluster, config, credential, front, route, typed
from bare_envoy import Envoy, EnvoyRefused, Lab, until
from bare_http import Provider

FIRST = "provider-key-4711"
LATER = "provider-key-4712"


@dataclass(frozen=True, slots=True)
class Gateway:
    """An Envoy that injects secrets, and the provider that gets them."""

    envoy: Envoy
    provider: Provider

    async def sent(self, name: str) -> str:
        """What the provider gets where the secret `name` is injected; the client's own is always overwritten."""
        headers = {"x-secret": name, "authorization": "Bearer the-client-s"}
        assert (await self.envoy.call(headers=headers)).status == 200
        return self.provider.calls[-1].headers["authorization"].removeprefix("Bearer ")

    async def until_sent(self, name: str, value: str) -> None:
        """Waits for the re-read."""
        await until(lambda: self.sent(name), lambda got: got == value)


def publish(folder: Path, name: str, source: Json) -> Json:
    """Says where the secret comes from, as the control plane would by SDS. Returns how a filter refers to it."""
    secret = typed("extensions.transport_sockets.tls.v3.Secret", name=name, generic_secret={"secret": source})
    target = folder / f"{name}.json"
    replace(target, json.dumps({"resources": [secret]}))
    return {"name": name, "sds_config": {"path_config_source": {"path": str(target)}, "resource_api_version": "V3"}}


def replace(target: Path, text: str) -> None:
    """Atomically, as every careful writer does."""
    fresh = target.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(target)


async def injecting(
    lab: Lab, *secrets: Json, static: list[Json] | None = None, environment: dict[str, str] | None = None
) -> Gateway:
    """Which secret a call gets, its header x-secret says."""
    provider = await lab.provider()
    names = [secret["name"] for secret in secrets]
    clusters = [
        cluster(name, provider.port, filters=[credential(secret)]) for name, secret in zip(names, secrets, strict=True)
    ]
    routes = [route(name, when={"x-secret": name}) for name in names]
    envoy = await lab.envoy(config([front(routes)], clusters, secrets=static or []), **(environment or {}))
    return Gateway(envoy, provider)


# --- files ---------------------------------------------------------------------------------------------------------


async def test_the_trailing_newline_of_a_key_file_is_trimmed(lab: Lab) -> None:
    """A file made by an editor works; a newline in a header would not."""
    file = lab.folder / "key"
    file.write_text(FIRST + "\n")
    gateway = await injecting(lab, publish(lab.folder, "one", {"filename": str(file)}))
    assert await gateway.sent("one") == FIRST


async def test_a_key_from_a_file_is_redacted_in_the_config_dump(lab: Lab) -> None:
    """The admin interface shows that there is a secret, not which."""
    file = lab.folder / "key"
    file.write_text(FIRST)
    gateway = await injecting(lab, publish(lab.folder, "one", {"filename": str(file)}))
    dump = await gateway.envoy.admin("/config_dump")
    assert FIRST not in dump
    assert "[redacted]" in dump


async def test_a_key_is_read_anew_when_sds_names_another_path(lab: Lab) -> None:
    """What the control plane does."""
    for name, value in (("old", FIRST), ("new", LATER)):
        (lab.folder / name).write_text(value)
    gateway = await injecting(lab, publish(lab.folder, "one", {"filename": str(lab.folder / "old")}))
    assert await gateway.sent("one") == FIRST
    publish(lab.folder, "one", {"filename": str(lab.folder / "new")})
    await gateway.until_sent("one", LATER)


async def test_a_key_is_read_anew_when_its_file_is_replaced(lab: Lab) -> None:
    """By a rename onto it."""
    file = lab.folder / "key"
    file.write_text(FIRST)
    gateway = await injecting(lab, publish(lab.folder, "one", {"filename": str(file)}))
    assert await gateway.sent("one") == FIRST
    replace(file, LATER)
    await gateway.until_sent("one", LATER)


@pytest.mark.parametrize("watched", [False, True], ids=["", "not with watched_directory either"])
async def test_a_key_is_not_read_anew_when_a_parent_folder_s_link_is_swapped(lab: Lab, watched: bool) -> None:
    """The way Kubernetes updates a mounted secret: so the control plane resolves the link and names the new path."""
    folder = lab.folder / "mounted"
    for version, value in (("v1", FIRST), ("v2", LATER)):
        (folder / version).mkdir(parents=True)
        (folder / version / "key").write_text(value)
    (folder / "current").symlink_to("v1")
    source: Json = {"filename": str(folder / "current" / "key")}
    if watched:
        source["watched_directory"] = {"path": str(folder)}
    witness = lab.folder / "witness"
    witness.write_text(FIRST)
    secrets = [publish(lab.folder, "linked", source), publish(lab.folder, "witness", {"filename": str(witness)})]
    gateway = await injecting(lab, *secrets)
    (folder / "fresh").symlink_to("v2")
    (folder / "fresh").replace(folder / "current")
    replace(witness, LATER)
    await gateway.until_sent("witness", LATER)
    assert await gateway.sent("linked") == FIRST


# --- environment ---------------------------------------------------------------------------------------------------

FROM_ENVIRONMENT: Json = {"environment_variable": "FOREBAY_TEST_KEY"}
STATIC: Json = {"name": "static", "generic_secret": {"secret": FROM_ENVIRONMENT}}


async def test_keys_from_the_environment_work_and_are_redacted(lab: Lab) -> None:
    """In a static secret and by SDS alike."""
    secrets = [{"name": "static"}, publish(lab.folder, "dynamic", FROM_ENVIRONMENT)]
    gateway = await injecting(lab, *secrets, static=[STATIC], environment={"FOREBAY_TEST_KEY": FIRST})
    assert [await gateway.sent("static"), await gateway.sent("dynamic")] == [FIRST, FIRST]
    dump = await gateway.envoy.admin("/config_dump")
    assert FIRST not in dump
    assert dump.count("[redacted]") >= 2


async def test_envoy_does_not_start_with_a_static_key_from_a_variable_that_is_not_set(lab: Lab) -> None:
    """Loud at the start."""
    with pytest.raises(EnvoyRefused, match="Environment variable doesn't exist: FOREBAY_TEST_KEY"):
        await injecting(lab, {"name": "static"}, static=[STATIC])


async def test_an_update_that_names_a_variable_that_is_not_set_is_rejected(lab: Lab) -> None:
    """The last good key stays."""
    published = publish(lab.folder, "dynamic", FROM_ENVIRONMENT)
    gateway = await injecting(lab, published, environment={"FOREBAY_TEST_KEY": FIRST})
    publish(lab.folder, "dynamic", {"environment_variable": "FOREBAY_NOT_SET"})
    await gateway.envoy.logged("Environment variable doesn't exist: FOREBAY_NOT_SET")
    assert await gateway.sent("dynamic") == FIRST
