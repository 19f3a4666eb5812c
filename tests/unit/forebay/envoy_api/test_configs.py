"""Configs that are known to work with Envoy can be said in our messages."""

import json
from pathlib import Path

import pytest

from forebay.envoy_api.build import build, serialize, to_dict

CONFIGS = sorted((Path(__file__).parent / "configs").glob("*.json"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_working_config_survives_the_way_there_and_back(path):
    """Every field, filter and extension in it is known."""
    made = build("envoy.config.bootstrap.v3.Bootstrap", json.loads(path.read_text()))
    assert serialize(build("envoy.config.bootstrap.v3.Bootstrap", to_dict(made))) == serialize(made)
    assert made.static_resources.clusters
