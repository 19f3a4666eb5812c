"""Provider keys by SDS: from files, from the environment, and who gets to see them."""

import asyncio
import json
import os
from pathlib import Path

import pytest
from bare_configs import Json, cluster, config, credential, front, route, typed
from bare_envoy import Envoy, EnvoyRefused, Lab, until

SECRET = "provider-key-4711"
LATER = "provider-key-4712"


def publish(target: Path, source: Json, name: str = "key") -> None:
    """Replaces the file that stands in for the control plane's answer: the secret `name` comes from `source`."""
    secret = typed("extensions.transport_sockets.tls.v3.Secret", name=name, generic_secret={"secret": source})
    fresh = target.with_suffix(".new")
    fresh.write_text(json.dumps({"version_info": "1", "resources": [secret]}))
    fresh.replace(target)


def over_sds(answer: Path, name: str = "key") -> Json:
    """How a filter refers to it."""
    return {"name": name, "sds_config": {"path_config_source": {"path": str(answer)}, "resource_api_version": "V3"}}


async def started(lab: Lab, *secrets: Json, static: list[Json] | None = None, **environment: str) -> Envoy:
    """An Envoy that injects the n-th secret on the path /n."""
    lab.provider_of_keys = provider = await lab.provider()  # type: ignore[attr-defined]
    clusters = [
        cluster(f"with-{place}", provider.port, filters=[credential(secret)]) for place, secret in enumerate(secrets)
    ]
    routes = [route(f"with-{place}", when={"x-key": str(place)}) for place in range(len(secrets))]
    return await lab.envoy(config([front(routes)], clusters, secrets=static or []), **environment)


async def sent(lab: Lab, envoy: Envoy, place: int = 0) -> str:
    """The authorization that the provider gets; the client's own is always overwritten."""
    headers = {"x-key": str(place), "authorization": "Bearer the-client-s"}
    assert (await envoy.call(headers=headers)).status == 200
    got: str = lab.provider_of_keys.calls[-1].headers["authorization"]  # type: ignore[attr-defined]
    return got.removeprefix("Bearer ")


async def until_sent(lab: Lab, envoy: Envoy, value: str, place: int = 0) -> None:
    """Waits for a re-read."""
    await until(lambda: sent(lab, envoy, place), lambda got: got == value)
