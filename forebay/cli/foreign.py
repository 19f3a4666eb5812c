"""Refuses to start beside somebody else's `xds` or `extproc`.

The packages of both planes have short names. `xds-protos`, for one, installs a package `xds` of its own.
"""

import importlib.util
from pathlib import Path

PACKAGES = ("xds", "extproc")


class ForeignPackage(Exception):
    """A package of ours is shadowed. The message names the folder to get rid of."""


def check() -> None:
    """Raises ForeignPackage when `xds` or `extproc` would be imported from elsewhere than beside `forebay`."""
    home = Path(__file__).resolve().parents[2]
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        found = Path(spec.origin).resolve().parent if spec is not None and spec.origin is not None else None
        if found != home / name:
            where = f"would be imported from {found}" if found else "is not there"
            raise ForeignPackage(
                f"forebay's package '{name}' {where} instead of {home / name}. "
                "Install forebay in an environment of its own, without xds-protos."
            )
