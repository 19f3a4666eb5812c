"""forebay mock: an OpenAI-shaped provider without an account."""

import asyncio
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # imported late, so that --help is quick
    from forebay.config.secrets import SecretReference
    from forebay.mock.server import MockProvider

_REFERENCE = re.compile(r"\$\{(?:file:(?P<file>/[^}]+)|env:(?P<env>[^}]+))\}")


def mock(
    model: Annotated[list[str], typer.Option(help="A model it has; repeat for more.", show_default=False)],
    listen: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1:9001",
    socket: Annotated[
        Path | None, typer.Option(help="Listen on this Unix socket instead of an address.", show_default=False)
    ] = None,
    base: Annotated[str, typer.Option(help="What stands before /chat/completions.")] = "/v1",
    key: Annotated[
        str | None,
        typer.Option(help="Require this key, as ${file:/path} or ${env:NAME}. Default: none.", show_default=False),
    ] = None,
    cert: Annotated[Path | None, typer.Option(help="Certificate chain for TLS, PEM.", show_default=False)] = None,
    cert_key: Annotated[Path | None, typer.Option(help="Its private key, PEM.", show_default=False)] = None,
) -> None:
    """Run a mock provider: it answers with the last user message, or as POST /__script tells it.

    \b
    Example:
      forebay mock --model gpt-4o-mini --listen 127.0.0.1:9001
    Then, for instance, to make its next two answers fail:
      curl -s 127.0.0.1:9001/__script -d '{"rules": [{"status": 500, "times": 2}]}'
    """
    from forebay.cli.interrupts import run
    from forebay.mock.server import Listening, MockProvider

    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal():
        raise typer.BadParameter("expected HOST:PORT", param_hint="--listen")
    where = Listening(socket, host.strip("[]"), int(port), cert, cert_key)
    reference = _reference(key)
    provider = MockProvider(model, keys=[reference.read()] if reference else [], base=base, listening=where)
    sys.exit(run(_serve(provider, str(socket or listen))))


async def _serve(provider: "MockProvider", where: str) -> int:
    try:
        async with provider:
            print(f"serving {', '.join(provider.models)} on {where}", flush=True)
            await asyncio.Event().wait()
    except OSError as error:
        print(f"cannot listen on {where}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


def _reference(text: str | None) -> "SecretReference | None":
    from forebay.config.secrets import SecretReference

    if text is None:
        return None
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise typer.BadParameter("expected ${file:/path} or ${env:NAME}, never the key itself", param_hint="--key")
    return SecretReference("file", match["file"]) if match["file"] else SecretReference("env", match["env"])
