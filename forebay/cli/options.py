"""Options that mean the same everywhere."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from forebay.places import Places

Config = Annotated[Path, typer.Option("--config", "-c", help="The YAML file that says everything.", show_default=False)]
StateDir = Annotated[
    Path | None,
    typer.Option(
        "--state-dir",
        help="Records, checkpoint, generated keys. Default: .forebay beside the config.",
        show_default=False,
    ),
]
RunDir = Annotated[
    Path | None,
    typer.Option(
        "--run-dir",
        help="Sockets; removed at the end. Default: a new folder below $XDG_RUNTIME_DIR or the temporary folder.",
        show_default=False,
    ),
]
SharedRunDir = Annotated[
    Path, typer.Option("--run-dir", help="Sockets; the folder all parts of one gateway share.", show_default=False)
]

Workers = Annotated[
    int,
    typer.Option(
        min=1, max=64, help="Inspectors: processes that share the calls. Exact state is not shared between them."
    ),
]


class TransportName(StrEnum):
    """What carries exchanges between Envoy and an inspector."""

    wire = "wire"
    grpcio = "grpcio"


Transport = Annotated[
    TransportName,
    typer.Option(help="Between Envoy and the inspectors: our own wire, or grpcio, which is slower and the reference."),
]


def shared_places(config: Path, run_dir: Path, state_dir: Path | None) -> Places:
    """The places of a part that shares them with others; folders and generated secrets are made where missing."""
    from forebay.places import prepare
    from forebay.supervise.folders import default_state_folder

    os.umask(0o077)  # whoever starts the part: what it writes is for its user alone
    places = Places(run_dir.absolute(), (state_dir or default_state_folder(config)).absolute())
    prepare(places)
    return places
