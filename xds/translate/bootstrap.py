"""What Envoy is started with: where its control plane is, and nothing else (`envoy/bootstrap.yaml`)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from forebay.places import Places
from forebay.shipped import shipped
from xds.translate.shapes import Json

# For whoever starts Envoy. No hot restart: two Envoys would share one run directory. The record reaches its file
# within 0.2 s. `misc` would warn twice per API key and rotation. On SIGTERM connections end within the drain time.
ENVOY_FLAGS: Final = (
    "--disable-hot-restart",
    "--file-flush-interval-msec", "200",
    "--file-flush-min-size-kb", "64",
    "--component-log-level", "misc:error",
    "--drain-time-s", "3600",  # a replaced listener's calls end by their own timeouts, not by this
    "--drain-strategy", "immediate",
)  # fmt: skip


def bootstrap(places: Places, node_id: str) -> Json:
    """The bootstrap of one Envoy, as JSON. Raises FileNotFoundError if the installation lacks the template."""
    text = (shipped("envoy") / "bootstrap.yaml").read_text("utf-8")
    names = {
        "node_id": node_id,
        "admin_socket": str(places.admin_socket),
        "xds_socket": str(places.xds_socket),
    }
    filled: Json = _filled(yaml.safe_load(text), {f"${{{name}}}": value for name, value in names.items()})
    return filled


def arguments(bootstrap_file: Path, concurrency: int) -> tuple[str, ...]:
    """Envoy's command line behind the binary's name."""
    return ("--config-path", str(bootstrap_file), "--concurrency", str(concurrency), *ENVOY_FLAGS)


def _filled(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, names) for inner in value]
    return names.get(value, value) if isinstance(value, str) else value
