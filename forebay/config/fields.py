"""The model, walked: which keys may stand where, what they hold, which are secret."""

import types
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from forebay.config.errors import Location
from forebay.config.model import Config
from forebay.config.patterns import Pattern, matches
from forebay.config.scalars import Kind

_WORDS = {str: "text", bool: "true or false", int: "number", float: "number"}


@dataclass(frozen=True, slots=True)
class Field:
    """One key a user may write."""

    path: Pattern
    kind: str
    required: bool
    description: str
    secret: bool


@dataclass(frozen=True, slots=True)
class _Type:
    """An annotation without its wrapping."""

    core: Any
    kind: Kind | None


@cache
def fields() -> tuple[Field, ...]:
    """Every key of the model, parents before children, in the order of the model."""
    return tuple(_walk(Config, ()))


def names_at(location: Location) -> tuple[str, ...]:
    """The keys that may stand in the mapping at `location`; none for a mapping whose keys the user chooses."""
    depth = len(location) + 1
    return tuple(
        each.path[-1]
        for each in fields()
        if len(each.path) == depth and each.path[-1] not in ("*", "[]") and matches(each.path[:-1], location)
    )


def hide(location: Location) -> Location:
    """`location` without anything that was typed inside a key field."""
    for parts in _secret_paths():
        inside = location[: len(parts)]
        if matches(parts, inside):
            return inside
    return location


def is_secret(location: Location) -> bool:
    """Whether `location` is a key field or lies inside one."""
    return any(matches(parts, location[: len(parts)]) for parts in _secret_paths())


@cache
def _secret_paths() -> tuple[Pattern, ...]:
    whole = [each.path for each in fields() if each.secret]
    # a list of references written as something else: its name alone may be shown
    return tuple(sorted([*whole, *(path[:-1] for path in whole if path[-1] == "[]")], key=len, reverse=True))


def _walk(model: type[BaseModel], place: Pattern) -> Iterator[Field]:
    hints = get_type_hints(model, include_extras=True)
    for name, info in model.model_fields.items():
        path = (*place, info.alias or name)
        yield from _field(hints[name], path, info.is_required(), info.description or "")


def _field(annotation: object, path: Pattern, required: bool, description: str) -> Iterator[Field]:
    found = _unwrap(annotation)
    kind = found.kind
    yield Field(path, word(annotation), required, description, kind is not None and kind.secret)
    if isinstance(found.core, type) and issubclass(found.core, BaseModel):
        yield from _walk(found.core, path)
    elif get_origin(found.core) is list:
        inner = get_args(found.core)[0]
        yield from _entries(inner, (*path, "[]"))
    elif get_origin(found.core) is dict:
        yield from _entries(get_args(found.core)[1], (*path, "*"))


def _entries(annotation: object, path: Pattern) -> Iterator[Field]:
    first, *rest = _field(annotation, path, False, "")
    yield first
    yield from rest


def _unwrap(annotation: object) -> _Type:
    kind: Kind | None = None
    core: Any = annotation
    while True:
        if get_origin(core) is Annotated:
            core, *metadata = get_args(core)
            kind = kind or next((each for each in metadata if isinstance(each, Kind)), None)
        elif get_origin(core) in (Union, types.UnionType):
            core = next(each for each in get_args(core) if each is not type(None))
        else:
            return _Type(core, kind)


def word(annotation: object) -> str:
    """What documentation says that a field of this annotation holds."""
    found = _unwrap(annotation)
    if found.kind is not None:
        return found.kind.word
    if get_origin(found.core) is Literal:
        return " \\| ".join(f"`{each}`" for each in get_args(found.core))
    if get_origin(found.core) is list:
        return f"list of {word(get_args(found.core)[0])}"
    if get_origin(found.core) is dict:
        return f"mapping of {word(get_args(found.core)[0])} to entries"
    return _WORDS.get(found.core, "mapping")
