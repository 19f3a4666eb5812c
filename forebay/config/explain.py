"""What the model found wrong -> problems in our words, at the place in the file."""

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final

from pydantic import ValidationError

from forebay.config.errors import Location
from forebay.config.fields import hide, names_at
from forebay.config.tree import Tree

_KEY: Final = "[key]"  # how the model marks a problem with a mapping's key
_QUOTED: Final = re.compile("'([^']*)'")
_Message = Callable[[Mapping[str, Any]], str]


def _one_of(context: Mapping[str, Any]) -> str:
    return f"must be {str(context['expected']).replace(chr(39), '')}"


def _entries(count: int) -> str:
    return f"{count} entry" if count == 1 else f"{count} entries"


_MESSAGES: Final[dict[str, _Message]] = {
    "missing": lambda _: "is required",
    "extra_forbidden": lambda _: "unknown key",
    "string_type": lambda _: "must be text",
    "int_type": lambda _: "must be a whole number",
    "float_type": lambda _: "must be a number",
    "finite_number": lambda _: "must be a finite number",
    "bool_type": lambda _: "must be true or false",
    "list_type": lambda _: "must be a list",
    "dict_type": lambda _: "must be a mapping",
    "model_type": lambda _: "must be a mapping",
    "literal_error": _one_of,
    "greater_than_equal": lambda context: f"must be at least {context['ge']:g}",
    "less_than_equal": lambda context: f"must be at most {context['le']:g}",
    "too_short": lambda context: f"needs at least {_entries(context['min_length'])}",
    "too_long": lambda context: f"holds more than {_entries(context['max_length'])}",
    "value_error": lambda context: str(context["error"]),
}


def closest(name: object, known: Iterable[str]) -> str | None:
    """The one of `known` that `name` was probably meant to be."""
    if not isinstance(name, str):
        return None
    by_letters = {_letters(each): each for each in known}
    found = get_close_matches(_letters(name[:64]), by_letters, n=1, cutoff=0.6)
    return by_letters[found[0]] if found else None


def _letters(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def explain(error: ValidationError, tree: Tree, known: Iterable[Location]) -> list[Location]:
    """Add a problem to `tree` for each fault in `error`, except at or below the places in `known`, which have theirs.

    Returns where all the faults are. What was written is looked at for a suggestion among fixed words, and only
    outside key fields; it is never repeated.
    """
    covered = set(known)
    faults: list[Location] = []
    for detail in error.errors(include_url=False):
        location: Location = detail["loc"]
        on_key = location[-1:] == (_KEY,)
        location = location[:-1] if on_key else location
        faults.append(location)
        if not any(location[:length] in covered for length in range(len(location) + 1)):
            _explain(detail, tree, location, on_key)
    return faults


def _explain(detail: Any, tree: Tree, location: Location, on_key: bool) -> None:
    kind = detail["type"]
    message = _MESSAGES[kind](detail.get("ctx", {})) if kind in _MESSAGES else "is not valid"
    if kind == "missing":
        tree.refuse(location, message, at=tree.mark(location[:-1], key=True))
    elif kind == "extra_forbidden":
        suggestion = closest(location[-1], names_at(location[:-1]))
        tree.refuse(location, message, suggestion, at=tree.mark(location, key=True))
    else:
        suggestion = None
        if kind == "literal_error" and hide(location) == location:
            suggestion = closest(detail["input"], _QUOTED.findall(detail["ctx"]["expected"]))
        tree.refuse(tree.shown(location), message, suggestion, at=tree.mark(location, key=on_key))
