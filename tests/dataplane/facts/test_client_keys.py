"""API keys of clients arrive by ECDS inside the composite filter: how they rotate, and what a bad set does."""

import asyncio
import contextlib
import json
from pathlib import Path

from bare_configs import COMPOSITE_FILTER, api_keys, cluster, composite_filter, config, extension, front, route
from bare_envoy import Envoy, Lab, until
from bare_http import Call, Handler


def publish(folder: Path, *keys: str) -> Path:
    """Replaces the file that stands in for the control plane's answer."""
    filter_config = {"name": "keys", "typed_config": api_keys(*keys)}
    resource = {"@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig", **filter_config}
    target, fresh = folder / "keys.json", folder / "keys.new"
    fresh.write_text(json.dumps({"resources": [resource]}))
    fresh.replace(target)
    return target


async def keyed(lab: Lab, *keys: str, handler: Handler | None = None) -> Envoy:
    """An Envoy that knows these keys by ECDS."""
    source = {"path_config_source": {"path": str(publish(lab.folder, *keys))}, "resource_api_version": "V3"}
    kinds = ["type.googleapis.com/envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth"]
    dynamic = {"name": "keys", "config_discovery": {"config_source": source, "type_urls": kinds}}
    action = extension(f"{COMPOSITE_FILTER}.ExecuteFilterAction", called="run", dynamic_config=dynamic)
    provider = await lab.provider(handler)
    chain = [composite_filter({"on_no_match": {"action": action}})]
    return await lab.envoy(config([front([route("up")], chain)], [cluster("up", provider.port)]))


async def status(envoy: Envoy, key: str) -> int:
    """What a call with that key gets."""
    return (await envoy.call(headers={"x-api-key": key})).status


async def until_served(envoy: Envoy, key: str) -> None:
    """Waits for an update."""
    await until(lambda: status(envoy, key), lambda seen: seen == 200)


async def test_keys_rotate_without_draining_connections_or_cutting_streams(lab: Lab) -> None:
    """A kept connection knows the new keys at once, and an answer begun under an old key ends properly."""
    rotated = asyncio.Event()

    async def long(call: Call) -> None:
        if call.path == "/long":
            await call.begin()
            await call.chunk(b"begun ")
            await rotated.wait()
            await call.chunk(b"and ended")
            await call.end()
        else:
            await call.answer()

    envoy = await keyed(lab, "old-key", handler=long)
    kept, streaming = await envoy.connect(), await envoy.connect()
    with contextlib.closing(kept), contextlib.closing(streaming):
        await streaming.send("/long", b"{}", {"x-api-key": "old-key"})
        await kept.send("/", None, {"x-api-key": "old-key"})
        assert (await kept.reply()).status == 200
        publish(lab.folder, "new-key")
        await until_served(envoy, "new-key")
        for key, expected in (("old-key", 401), ("new-key", 200)):
            await kept.send("/", None, {"x-api-key": key})
            reply = await kept.reply()
            assert (reply.status, reply.headers.get("connection")) == (expected, None)
        rotated.set()
        reply = await streaming.reply()
        assert (reply.status, reply.body, reply.complete) == (200, b"begun and ended", True)
    assert await envoy.stat("listener_manager.listener_modified") == 0


async def test_a_refusal_closes_the_connection_of_a_request_that_has_a_body(lab: Lab) -> None:
    """HTTP/1.1: the body is not waited for, so the next request starts on a new connection."""
    envoy = await keyed(lab, "good-key")
    closing = [
        (await envoy.call(body=body, headers={"x-api-key": "bad"})).headers.get("connection") for body in (b"{}", None)
    ]
    assert closing == ["close", None]


async def test_ten_thousand_keys_are_one_update(lab: Lab) -> None:
    """The first and the last are known; the set before is gone."""
    envoy = await keyed(lab, "only-key")
    many = [f"key-{place:05d}" for place in range(10_000)]
    publish(lab.folder, *many)
    await until_served(envoy, many[-1])
    assert [await status(envoy, key) for key in (many[0], "only-key")] == [200, 401]


async def test_a_duplicate_key_is_refused_and_shown_in_clear(lab: Lab) -> None:
    """The last good set stays, but the text of the refusal holds the key: so duplicates are removed before the push."""
    envoy = await keyed(lab, "good-key")
    publish(lab.folder, "secret-key", "secret-key")
    assert "secret-key" in await envoy.logged("Duplicated credential key")
    assert [await status(envoy, key) for key in ("good-key", "secret-key")] == [200, 401]


async def test_without_any_answer_of_ecds_requests_are_refused(lab: Lab) -> None:
    """Closed: 500, never a bypass."""
    envoy = await keyed(lab, "secret-key", "secret-key")
    assert await status(envoy, "secret-key") == 500
