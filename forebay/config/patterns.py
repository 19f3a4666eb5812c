"""Patterns of places in a document: `models.*.backends[].use`, `*` for any key and `[]` for any entry of a list."""

from collections.abc import Iterator

from forebay.config.errors import Location

Pattern = tuple[str, ...]


def pattern(text: str) -> Pattern:
    """`a.*.b[].c` -> ("a", "*", "b", "[]", "c")."""
    return tuple(text.replace("[]", ".[]").split("."))


def text(parts: Pattern) -> str:
    """The opposite of `pattern`."""
    return ".".join(parts).replace(".[]", "[]")


def matches(parts: Pattern, location: Location) -> bool:
    """Whether `location` is one of the places that `parts` means."""
    return len(parts) == len(location) and all(_fits(part, step) for part, step in zip(parts, location, strict=True))


def find(data: object, parts: Pattern) -> Iterator[tuple[Location, object]]:
    """Every place of `data` that `parts` means, with what stands there. Other shapes than expected match nothing."""
    if not parts:
        yield (), data
        return
    for step, inner in _children(data):
        if _fits(parts[0], step):
            for rest, value in find(inner, parts[1:]):
                yield (step, *rest), value


def _children(data: object) -> Iterator[tuple[str | int, object]]:
    if isinstance(data, dict):
        yield from data.items()
    elif isinstance(data, list):
        yield from enumerate(data)


def _fits(part: str, step: str | int) -> bool:
    if isinstance(step, int):
        return part == "[]"
    return part in ("*", step)
