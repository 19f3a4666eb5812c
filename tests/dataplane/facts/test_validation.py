"""What Envoy refuses before it serves."""

import pytest
from bare_configs import Json, cluster, config, front, headers_set, route
from bare_envoy import Lab, validate


def with_filters(*filters: Json) -> Json:
    """A config with these filters and 50 clusters."""
    return config([front([route("up-0")], list(filters))], [cluster(f"up-{place}", 1) for place in range(50)])


async def test_validate_accepts_a_good_config_without_serving(lab: Lab) -> None:
    """Exit code 0, no port opened: quick enough to be done before every push."""
    code, _ = await validate(lab.folder, with_filters())
    assert code == 0


async def test_validate_refuses_a_bad_config_and_says_why(lab: Lab) -> None:
    """A field that does not exist, and a route to nowhere."""
    misspelt = with_filters()
    misspelt["static_resources"]["clusters"][0]["conect_timeout"] = "1s"
    nowhere = config([front([route("nobody")])], [])
    for bad, why in ((misspelt, "conect_timeout"), (nowhere, "unknown cluster 'nobody'")):
        code, said = await validate(lab.folder, bad)
        assert code != 0
        assert why in said


@pytest.mark.parametrize("name", [":path", ":authority", "host"])
async def test_header_mutation_may_not_touch_path_or_host(lab: Lab, name: str) -> None:
    """Refused when the config is loaded; routes rewrite both."""
    code, said = await validate(lab.folder, with_filters(headers_set({name: "/v2"})))
    assert code != 0
    assert ":-prefixed or host headers may not be modified" in said


async def test_a_route_rewrites_path_and_host(lab: Lab) -> None:
    """What a filter may not do."""
    provider = await lab.provider()
    rewriting = route("up", action={"prefix_rewrite": "/v2/", "host_rewrite_literal": "provider.test"})
    envoy = await lab.envoy(config([front([rewriting])], [cluster("up", provider.port)]))
    assert (await envoy.call("/chat")).status == 200
    (call,) = provider.calls
    assert (call.path, call.headers["host"]) == ("/v2/chat", "provider.test")
