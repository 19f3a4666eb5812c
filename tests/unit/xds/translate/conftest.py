"""A resolved config from a few lines of YAML."""

from collections.abc import Callable
from pathlib import Path

import pytest

from forebay.config.load import load_text
from forebay.config.resolved import Resolved

SMALL = """
providers:
  one: {type: openai, url: "http://10.0.0.1:8000/v1", key: "${env:ONE}"}
  two: {type: openai, url: "https://api.example.com/openai/v1", key: "${file:two.key}"}
  mock: {type: mock}
models:
  chat: {backends: [{use: one/a, weight: 70}, {use: two/b, weight: 30}], fallback: [two/b, mock/m]}
  solo: mock/m
tenants:
  acme: {keys: ["${file:acme.keys}"], limits: {requests: 600/m}}
  free: {keys: ["${file:free.keys}"]}
"""


@pytest.fixture(scope="session")
def resolved_of() -> Callable[..., Resolved]:
    """YAML -> resolved; without YAML a small config of three providers, two models, two tenants."""
    return lambda text=SMALL: load_text(text, Path("/etc/forebay/forebay.yaml"))
