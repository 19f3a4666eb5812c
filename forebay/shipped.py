"""Where the data folders are that ship with Forebay: `policies`, `envoy`."""

from pathlib import Path


def shipped(name: str) -> Path:
    """The folder `name`: inside the installed package, or at the top of the checkout.

    Raises FileNotFoundError when it is in neither; then the installation is damaged.
    """
    package = Path(__file__).resolve().parent
    for folder in (package / name, package.parent / name):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"{name}: shipped with forebay, but neither in {package} nor beside it")
