"""forebay mock: an OpenAI-shaped provider without an account."""

import asyncio
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forebay.cli.options import RunDir, StateDir, shared_places

if TYPE_CHECKING:  # imported late, so that --help is quick
    from forebay.config.secrets import SecretReference
    from forebay.mock.built_in import BuiltIn
    from forebay.mock.server import MockProvider

_REFERENCE = re.compile(r"\$\{(?:file:(?P<file>/[^}]+)|env:(?P<env>[^}]+))\}")


def mock(
    model: Annotated[
        list[str] | None, typer.Option(help="A model it has; repeat for more.", show_default=False)
    ] = None,
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
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            help="Serve every built-in mock provider of this config instead, and follow it. Needs --run-dir.",
            show_default=False,
        ),
    ] = None,
    run_dir: RunDir = None,
    state_dir: StateDir = None,
) -> None:
    """Run a mock provider: it answers with the last user message, or as POST /__script tells it.

    \b
    Example:
      forebay mock --model gpt-4o-mini --listen 127.0.0.1:9001
    Then, for instance, to make its next two answers fail:
      curl -s 127.0.0.1:9001/__script -d '{"rules": [{"status": 500, "times": 2}]}'

    \b
    A script is {"rules": [...]}; the first rule that fits a request decides. All fields may be left out:
      which requests     model: of this model          contains: the last user message holds this text
                         path: chat/completions, responses, messages, embeddings or models
                         times: only the next so many
      which answer       status, message: from 400 on an error with this text
                         say: this text                size: a text of so many bytes
                         body: this, as it stands      content_type: of it
                         headers: {name: value}        usage: false leaves the token counts out
      when, in seconds   delay: before the headers     pause: between headers and body
                         chunk_delay: between two pieces of the body, which are the
                         events of a stream and else 64 bytes
      broken off         reset: before, after_headers or midway
    GET /__received says what came in, DELETE /__received forgets it. Neither needs the key.

    A provider of `type: mock` without url, which runs inside a gateway, is scripted over its socket m-NAME.sock in the
    run folder; `forebay up` prints a line that does it.
    """
    if config is not None:
        _follow(config, run_dir, state_dir)
    if not model:
        raise typer.BadParameter("name at least one, or give --config", param_hint="--model")
    from forebay.cli.interrupts import run
    from forebay.mock.server import Listening, MockProvider

    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal():
        raise typer.BadParameter("expected HOST:PORT", param_hint="--listen")
    where = Listening(socket, host.strip("[]"), int(port), cert, cert_key)
    reference = _reference(key)
    provider = MockProvider(model, keys=[reference.read()] if reference else [], base=base, listening=where)
    sys.exit(run(_serve(provider, str(socket or listen))))


def _follow(config: Path, run_dir: Path | None, state_dir: Path | None) -> None:
    from forebay.cli.interrupts import run
    from forebay.mock.built_in import BuiltIn
    from forebay.observability import logging

    if run_dir is None:
        raise typer.BadParameter("needed with --config: the sockets lie there", param_hint="--run-dir")
    logging.configure("mock", sys.stderr)
    places = shared_places(config, run_dir, state_dir)
    sys.exit(run(_serve_config(BuiltIn(config.absolute(), places))))


async def _serve_config(mocks: "BuiltIn") -> int:
    await mocks.follow()
    return 0


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
