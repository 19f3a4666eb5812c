"""A config that gets its first built-in mock provider while the gateway runs: the part that serves it starts then."""

import asyncio
from pathlib import Path
from typing import Final

from forebay.config.errors import ConfigErrors
from forebay.config.load import load
from forebay.places import Places
from forebay.supervise.child import Log
from forebay.supervise.gateway import mocks
from forebay.supervise.part import CannotServe, Part
from forebay.supervise.supervisor import Supervisor

POLL_SECONDS: Final = 0.5


async def start_when_named(source: Path, places: Places, supervisor: Supervisor, log: Log) -> None:
    """Wait until the config names a built-in provider, then start the part that serves all of them and return.

    For a gateway that was started without that part: from then on the part follows the config by itself.
    """
    seen = b""
    told = ""
    while True:
        await asyncio.sleep(POLL_SECONDS)
        try:
            content = await asyncio.to_thread(source.read_bytes)
            if content == seen:
                continue
            seen = content
            part = await asyncio.to_thread(_part, source, places)
            if part is None:
                continue
            log("gateway", "the config names its first built-in mock provider: starting the part that serves it")
            await supervisor.add(part)
        except (OSError, ConfigErrors):  # the control plane says what is wrong with the file
            continue
        except CannotServe as error:
            if str(error) != told:
                log("gateway", f"the built-in mock provider cannot be served: {error}")
            told = str(error)
            continue
        return


def _part(source: Path, places: Places) -> Part | None:
    return mocks(load(source), source, places)
