"""Writes `descriptors.binpb`: `python -m forebay.envoy_api.generate`.

To be run, and its result committed, after a change of the catalogue or of envoy-data-plane's version. A test compares.
"""

from pathlib import Path

from forebay.envoy_api.catalogue import ROOTS
from forebay.envoy_api.derive import derive
from forebay.envoy_api.messages import DESCRIPTORS


def descriptors() -> bytes:
    """What the file should hold."""
    content: bytes = derive(ROOTS).SerializeToString(deterministic=True)
    return content


if __name__ == "__main__":
    Path(str(DESCRIPTORS)).write_bytes(descriptors())
