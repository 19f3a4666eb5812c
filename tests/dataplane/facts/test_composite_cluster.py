"""The composite cluster: attempt n goes to sub-cluster n. Failover rests on it."""

import asyncio
from typing import Any

import pytest
from bare_configs import Json, cluster, composite, config, front, route
from bare_envoy import Lab
from bare_http import Call, Handler, Provider, answering

EJECTED_AT_ONCE: Json = {
    "outlier_detection": {"consecutive_5xx": 1, "max_ejection_percent": 100, "base_ejection_time": "60s"},
    "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
}
LARGE = b"x" * (2 << 20)


def pair(one: Provider, two: Provider, whole: Json | None = None, part: Json | None = None, **more: Any) -> Json:
    """A composite of both with one retry; `whole` and `part` are further fields of the clusters, `more` the route's."""
    parts = [cluster("one", one.port, **(part or {})), cluster("two", two.port, **(part or {}))]
    return config(
        [front([route("both", retries=1, **more)])], [composite("both", "one", "two", **(whole or {})), *parts]
    )


async def test_each_attempt_goes_to_the_next_sub_cluster(lab: Lab) -> None:
    """Three sub-clusters, two retries: one call each, in the order of the list; the record counts three attempts."""
    order: list[str] = []

    def told(name: str, status: int) -> Handler:
        async def handler(call: Call) -> None:
            order.append(name)
            await call.answer(status, name.encode())

        return handler

    names = {"one": 503, "two": 500, "three": 200}
    clusters = [cluster(name, (await lab.provider(told(name, status))).port) for name, status in names.items()]
    envoy = await lab.envoy(config([front([route("all", retries=2)])], [composite("all", *names), *clusters]))
    reply = await envoy.call()
    assert (reply.status, reply.body, order) == (200, b"three", ["one", "two", "three"])
    assert (await envoy.record())["attempts"] == 3


async def test_an_ejected_sub_cluster_is_skipped_in_the_same_attempt(lab: Lab) -> None:
    """Since 1.40. Before, the attempt was lost: 503 without a host."""
    one, two = await lab.provider(answering(503)), await lab.provider()
    envoy = await lab.envoy(pair(one, two, part=EJECTED_AT_ONCE))
    await envoy.call()
    await envoy.stat_at_least("cluster.one.outlier_detection.ejections_active", 1)
    await envoy.record()
    reply = await envoy.call()
    assert (reply.status, len(one.calls), len(two.calls)) == (200, 1, 2)
    assert (await envoy.record())["attempts"] == 1


async def test_one_attempt_more_than_sub_clusters_hides_the_last_provider_s_answer(lab: Lab) -> None:
    """So `num_retries` is always the length of the list minus one."""
    one, two = await lab.provider(answering(503)), await lab.provider(answering(500, b"mine"))
    clusters = [composite("both", "one", "two"), cluster("one", one.port), cluster("two", two.port)]
    right = route("both", retries=1, when={"x-retries": "1"})
    envoy = await lab.envoy(config([front([right, route("both", retries=2)])], clusters))
    last, hidden = await envoy.call(headers={"x-retries": "1"}), await envoy.call()
    assert (last.status, last.body) == (500, b"mine")
    assert (hidden.status, hidden.body) == (503, b"no healthy upstream")


async def test_a_body_above_the_buffer_limit_is_silently_not_retried(lab: Lab) -> None:
    """Two MiB with the usual limit of one: the first provider's failure is the answer."""
    one, two = await lab.provider(answering(503)), await lab.provider()
    envoy = await lab.envoy(pair(one, two))
    reply = await envoy.call(body=LARGE)
    assert (reply.status, len(one.calls), len(two.calls)) == (503, 1, 0)


async def test_a_body_below_a_raised_buffer_limit_is_retried_whole(lab: Lab) -> None:
    """`request_body_buffer_limit` of the route is the limit that counts."""
    one, two = await lab.provider(answering(503)), await lab.provider()
    envoy = await lab.envoy(pair(one, two, request_body_buffer_limit=52428800))
    reply = await envoy.call(body=LARGE)
    assert (reply.status, [call.body for call in two.calls]) == (200, [LARGE])


async def test_silence_before_the_headers_fails_over(lab: Lab) -> None:
    """`per_try_timeout` is the time to the response's headers."""

    async def silent(call: Call) -> None:
        await call.cut()

    one, two = await lab.provider(silent), await lab.provider()
    retry = {"retry_on": "5xx", "num_retries": 1, "per_try_timeout": "0.1s"}
    envoy = await lab.envoy(pair(one, two, action={"retry_policy": retry}))
    assert (await envoy.call()).status == 200
    assert (len(one.calls), len(two.calls)) == (1, 1)


@pytest.mark.parametrize("timeout", ["per_try_timeout", "per_try_idle_timeout"])
async def test_headers_and_then_silence_never_fail_over(lab: Lab, timeout: str) -> None:
    """Neither timeout of an attempt moves a begun answer on: it ends, incomplete, with the first provider."""

    async def begins(call: Call) -> None:
        await call.begin()
        await call.cut()

    one, two = await lab.provider(begins), await lab.provider()
    retry = {"retry_on": "5xx,reset", "num_retries": 1, timeout: "0.1s"}
    envoy = await lab.envoy(pair(one, two, action={"retry_policy": retry, "timeout": "0.4s"}))
    reply = await envoy.call()
    assert (reply.status, reply.complete, len(two.calls)) == (200, False, 0)


MANY: Json = {"circuit_breakers": {"thresholds": [{"max_retries": 1000}]}}


@pytest.mark.parametrize(
    ("whole", "part", "rescued"),
    [({}, {}, 3), ({}, MANY, 3), (MANY, {}, 10)],
    ids=["by default three", "on the sub-clusters without effect", "on the composite"],
)
async def test_max_retries_counts_on_the_composite(lab: Lab, whole: Json, part: Json, rescued: int) -> None:
    """Ten calls fail together; the second provider answers nobody before all have been retried or given up."""
    all_arrived, decided = asyncio.Barrier(10), asyncio.Event()

    async def fails(call: Call) -> None:
        await all_arrived.wait()
        await call.answer(503)

    async def rescues(call: Call) -> None:
        await decided.wait()
        await call.answer()

    one, two = await lab.provider(fails), await lab.provider(rescues)
    envoy = await lab.envoy(pair(one, two, whole, part))
    calls = [asyncio.create_task(envoy.call()) for _ in range(10)]
    await envoy.stat_at_least("cluster.both.upstream_rq_retry", rescued)
    await envoy.stat_at_least("cluster.both.upstream_rq_retry_overflow", 10 - rescued)
    decided.set()
    statuses = [(await call).status for call in calls]
    assert (statuses.count(200), statuses.count(503)) == (rescued, 10 - rescued)
