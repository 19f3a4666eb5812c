"""YAML file -> Resolved, or everything that is wrong with it at once."""

import stat
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from forebay.config import absent, rules
from forebay.config.errors import ConfigErrors, Location, Problem
from forebay.config.explain import explain
from forebay.config.fields import hide, is_secret, names_at
from forebay.config.model import Config
from forebay.config.resolve import resolve
from forebay.config.resolved import Resolved
from forebay.config.tree import MAX_CHARACTERS, Plain, Tree, parse

_BY_ENTRY = frozenset({"providers", "models", "tenants", "guards"})  # sections whose entries stand for themselves
_REQUIRED = ("providers", "models")
_MAX_BYTES = 4 * MAX_CHARACTERS


def load(path: Path) -> Resolved:
    """Read the config file at `path`.

    Raises ConfigErrors with every problem when there is no such file or anything in it is wrong; nothing of it may be
    used then. Secrets are not read here.
    """
    return load_text(read_text(path), path)


def load_text(text: str, source: Path) -> Resolved:
    """`text` as if it were read from `source`: relative paths in it are relative to the folder of `source`.

    Raises ConfigErrors with every problem.
    """
    config = read_model(text, source)
    try:
        return resolve(config, source)
    except ValueError as error:  # a policy file went away since the rules looked at it
        raise _unreadable(source, f"policies.files: {error}") from None


def read_model(text: str, source: Path) -> Config:
    """`text` as it is written, checked by every rule, without defaults. Raises ConfigErrors with every problem."""
    tree = parse(text, source, hide)
    if not isinstance(tree.data, dict):
        if not tree.problems:
            tree.refuse((), "the file must be a mapping with providers and models")
        raise ConfigErrors(tree.problems)
    known = [location for location, value in _leaves(tree.data) if value is None]
    known += absent.refuse(tree)
    known += _stray_references(tree, known)
    config, faults = _validate(tree, known)
    base = source.absolute().parent
    findings = [
        *rules.names(tree.data),
        *rules.policies(tree.data, base),
        *rules.check(config, base, _broken(faults)),
    ]
    for finding in findings:
        if not _covered(finding.location, faults):
            location = tree.shown(finding.location)
            tree.refuse(location, finding.message, finding.suggestion)
    if tree.problems:
        raise ConfigErrors(_once(tree.problems))
    return config


def read_text(path: Path) -> str:
    """The text of the config file at `path`. Raises ConfigErrors when it cannot be read or is no UTF-8."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise _unreadable(path, "a directory" if stat.S_ISDIR(mode) else "not a regular file")
        with path.open("rb") as stream:
            content = stream.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a usable path"
        raise _unreadable(path, f"cannot be read: {reason}") from None
    if len(content) > _MAX_BYTES:
        raise _unreadable(path, f"the file is larger than {MAX_CHARACTERS} characters")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8")) + 1
        raise ConfigErrors([Problem(path, before.count(b"\n") + 1, column, "", "not UTF-8")]) from None


def _unreadable(path: Path, message: str) -> ConfigErrors:
    return ConfigErrors([Problem(path, 1, 1, "", message)])


def _leaves(data: Plain, location: Location = ()) -> Iterator[tuple[Location, object]]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _leaves(value, (*location, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _leaves(value, (*location, index))
    else:
        yield location, data


def _covered(location: Location, known: Collection[Location]) -> bool:
    """Whether a place in `known`, which has its problem already, is `location` or encloses it."""
    return any(location[:length] in known for length in range(len(location) + 1))


def _stray_references(tree: Tree, known: list[Location]) -> list[Location]:
    leaves = list(_leaves(tree.data))
    unknown: set[Location] = {location[:1] for location, _ in leaves if location and location[0] not in names_at(())}
    refused = unknown.union(known)
    found = [
        location
        for location, value in leaves
        if isinstance(value, str) and "${" in value and not is_secret(location) and not _covered(location, refused)
    ]
    for location in found:
        tree.refuse(location, "${...} is for keys, certificates and key sets only; write the value itself")
    return found


def _validate(tree: Tree, known: list[Location]) -> tuple[Config, list[Location]]:
    """The model of what is right in `tree`, and the places of what is not, whose problems are added."""
    data: dict[str, Any] = tree.data if isinstance(tree.data, dict) else {}
    try:
        return Config.model_validate(data), known
    except ValidationError as error:
        faults = known + explain(error, tree, known)
    return _without(data, _broken(faults)), faults


def _broken(faults: list[Location]) -> set[Location]:
    """The sections, or entries of sections, that `faults` make unusable."""
    return {location[: 2 if location[0] in _BY_ENTRY else 1] for location in faults if location}


def _without(data: dict[str, Any], broken: set[Location]) -> Config:
    """The model of `data` less its broken parts; a required section that is left without entries is empty."""
    sections: dict[str, Any] = {}
    for section, value in data.items():
        if (section,) in broken:
            continue
        if section not in _BY_ENTRY:
            sections[section] = value
            continue
        entries = {name: entry for name, entry in value.items() if (section, name) not in broken}
        if entries or section in _REQUIRED:
            sections[section] = entries
    missing = [section for section in _REQUIRED if not sections.get(section)]
    if not missing:
        return Config.model_validate(sections)
    whole = {"providers": {"a": {"type": "mock"}}, "models": {"a": "a/a"}}
    stand_in = Config.model_validate(sections | {section: whole[section] for section in missing})
    return stand_in.model_copy(update={section: {} for section in missing})


def _once(problems: list[Problem]) -> list[Problem]:
    """One problem per place and message: an entry behind several aliases is one mistake."""
    return list({(each.line, each.column, each.path, each.message): each for each in problems}.values())
