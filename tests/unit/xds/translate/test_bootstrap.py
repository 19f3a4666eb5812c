"""What Envoy is started with."""

from pathlib import Path

from forebay import contract
from forebay.envoy_api.build import build
from forebay.places import Places
from xds.translate.bootstrap import arguments, bootstrap

PLACES = Places(Path("/run/forebay"), Path("/var/lib/forebay"))


def test_the_template_is_filled() -> None:
    """Two sockets and the node's name; no place is left open."""
    made = bootstrap(PLACES, "node-1")
    assert "$" not in str(made)
    assert made["node"]["id"] == "node-1"
    assert made["admin"]["address"] == {"pipe": {"path": "/run/forebay/a.sock", "mode": 0o600}}
    (cluster,) = made["static_resources"]["clusters"]
    assert cluster["name"] == contract.XDS_CLUSTER


def test_it_is_a_bootstrap_that_serves_nothing_by_itself() -> None:
    """Everything comes over ADS, and without a first answer nothing is served."""
    made = build("envoy.config.bootstrap.v3.Bootstrap", bootstrap(PLACES, "node-1"))
    assert not made.static_resources.listeners  # type: ignore[attr-defined]
    assert made.dynamic_resources.lds_config.initial_fetch_timeout.seconds == 0  # type: ignore[attr-defined]


def test_two_envoys_never_share_memory() -> None:
    """No hot restart."""
    found = arguments(Path("/run/forebay/bootstrap.json"), 2)
    assert "--disable-hot-restart" in found
    assert found[:4] == ("--config-path", "/run/forebay/bootstrap.json", "--concurrency", "2")
