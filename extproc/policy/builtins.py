"""The builtin functions that a rule may call, and why some others are refused.

An allow-list: each of these gives the same answers here and in OPA (tested). What is not named is refused at load,
because an unknown function is otherwise *undefined*, and a `deny` that reads something undefined never fires.
"""

from collections.abc import Mapping
from typing import Final

ALLOWED: Final = frozenset(
    [
        "abs",
        "ceil",
        "floor",
        "round",
        "product",
        "sum",
        "count",
        "array.concat",
        "array.reverse",
        "array.slice",
        "concat",
        "contains",
        "endswith",
        "indexof",
        "lower",
        "replace",
        "split",
        "sprintf",
        "startswith",
        "substring",
        "upper",
        "strings.any_prefix_match",
        "strings.any_suffix_match",
        "strings.count",
        "strings.replace_n",
        "strings.reverse",
        "trim",
        "trim_left",
        "trim_prefix",
        "trim_right",
        "trim_space",
        "trim_suffix",
        "intersection",
        "union",
        "object.filter",
        "object.get",
        "object.keys",
        "object.remove",
        "object.subset",
        "object.union",
        "object.union_n",
        "is_array",
        "is_boolean",
        "is_null",
        "is_number",
        "is_object",
        "is_set",
        "is_string",
        "type_name",
        "bits.and",
        "bits.or",
        "time.add_date",
        "time.clock",
        "time.date",
        "time.diff",
        "time.weekday",
        "time.parse_duration_ns",
        "units.parse",
        "units.parse_bytes",
        "semver.compare",
        "base64.encode",
        "crypto.sha256",
        "hex.encode",
        "to_number",
    ]
)

_REPLAY: Final = "a decision must be repeatable from its input: use input.time or input.request.id"
_NUMBERS: Final = "orders numbers as text here: compare with < and every"
_IO: Final = "a policy reaches nothing outside its input and data"
_BACKTRACKING: Final = "can be made to run for ever by a caller: use startswith, endswith, contains or split"

WHY_NOT: Final[Mapping[str, str]] = {
    "http": _IO,
    "net": "not implemented here, it would be undefined",
    "opa": "shows the process's environment",
    "rego": "not implemented here, it would be undefined",
    "graphql": "not implemented here, it would be undefined",
    "providers": _IO,
    "regex": _BACKTRACKING,
    "glob": _BACKTRACKING,
    "rand": _REPLAY,
    "uuid": _REPLAY,
    "time.now_ns": _REPLAY,
    "time.parse_rfc3339_ns": "undefined here for times that end in Z: use input.time.ns",
    "min": _NUMBERS,
    "max": _NUMBERS,
    "sort": _NUMBERS,
    "format_int": "ignores its base here: use sprintf",
    "print": "nobody would read it: use warn or label",
    "trace": "nobody would read it: use warn or label",
}


def why_not(name: str) -> str:
    """The reason why builtin `name` may not be called, for the author who called it."""
    return WHY_NOT.get(name) or WHY_NOT.get(name.partition(".")[0]) or "not among the functions a rule may call here"
