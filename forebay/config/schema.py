"""The JSON Schema of the config file, for editors and for checks without Forebay."""

import json
from importlib import resources
from typing import Any, Final

from forebay.config import defaults
from forebay.config.model import Config
from forebay.config.patterns import Pattern

FILE: Final = "forebay.schema.json"
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """The schema (draft 2020-12), generated from the model.

    It knows shapes, short forms and fixed words. References between sections, positions and suggestions are the
    loader's: a file that fits the schema may still be refused.
    """
    generated = Config.model_json_schema(mode="validation", by_alias=True)
    plain: dict[str, Any] = _plain(generated)
    for path, value in defaults.written().items():
        _property(plain, path)["default"] = value
    return {"$schema": _DIALECT, "title": "Forebay configuration"} | plain


def text() -> str:
    """The schema as the committed file holds it."""
    return json.dumps(json_schema(), indent=2, sort_keys=True, ensure_ascii=True) + "\n"


def committed() -> str:
    """The schema as it was shipped."""
    return resources.files("forebay.config").joinpath(FILE).read_text("utf-8")


def _plain(node: Any, names: bool = False) -> Any:
    """`node` without generated titles and without null, which stands for "left out" in the model alone.

    `names`: the keys of `node` are names of the user's file, not words of JSON Schema.
    """
    if isinstance(node, list):
        return [_plain(each) for each in node]
    if not isinstance(node, dict):
        return node
    plain = {
        key: _plain(value, names=not names and key in ("properties", "$defs"))
        for key, value in node.items()
        if names or (key != "title" and not (key == "default" and value is None))
    }
    if not names and "patternProperties" in plain:  # names of the user's: other names are errors, not free
        ((expression, entry),) = plain.pop("patternProperties").items()
        plain |= {"propertyNames": {"pattern": expression}, "additionalProperties": entry}
    options = [each for each in plain.get("anyOf", ()) if each != {"type": "null"}]
    if names or len(options) == len(plain.get("anyOf", ())):
        return plain
    del plain["anyOf"]
    return plain | (options[0] | plain if len(options) == 1 else {"anyOf": options})


def _property(schema: dict[str, Any], path: Pattern) -> dict[str, Any]:
    node = schema
    for part in path:
        node = _mapping(schema, node)
        node = node["additionalProperties"] if part == "*" else node["properties"][part]
    return node


def _mapping(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """The mapping that `node` permits: itself, what it refers to, or the long form beside a short one."""
    if "$ref" in node:
        return _mapping(schema, schema["$defs"][node["$ref"].rpartition("/")[2]])
    if "anyOf" in node:
        return next(_mapping(schema, each) for each in node["anyOf"] if "$ref" in each)
    return node
