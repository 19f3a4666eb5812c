"""JSON Schemas of the policy's `input` and `decision`, made from the code that builds and reads them.

`python -m extproc.policy.schema FOLDER` writes both files; a test holds the committed ones against this module.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, get_args

from extproc.findings import Channel
from extproc.policy import document, verdict

Schema = dict[str, object]

INPUT_FILE: Final = "input.schema.json"
DECISION_FILE: Final = "decision.schema.json"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

TEXT: Final[Schema] = {"type": "string"}
FLAG: Final[Schema] = {"type": "boolean"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
SCORE: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": 100}


def input_schema() -> Schema:
    """What `document.build` makes."""
    required: dict[str, Schema] = {
        "version": {"const": document.VERSION},
        "phase": {"const": "request"},
        "request": _object(
            {
                "id": TEXT,
                "protocol": {"enum": list(get_args(document.Protocol))},
                "operation": {"enum": ["chat", "embeddings"]},
                "path": TEXT,
                "stream": FLAG,
                "body_bytes": COUNT,
            }
        ),
        "time": _object(
            {
                "ns": COUNT,
                "rfc3339": TEXT,
                "date": TEXT,
                "weekday": {"enum": list(document.WEEKDAYS)},
                "hour": {"type": "integer", "minimum": 0, "maximum": 23},
                "minute": {"type": "integer", "minimum": 0, "maximum": 59},
                "tz": {"const": "UTC"},
            }
        ),
        "principal": _object(
            {"auth": {"enum": list(get_args(document.AuthKind))}, "roles": _list(TEXT)}, {"sub": TEXT}
        ),
        "tenant": _object({"id": TEXT}),
        "model": _object({"requested": TEXT, "candidates": _list(_CANDIDATE)}),
        "params": _object(
            {}, {"max_tokens": COUNT, "temperature": {"type": "number"}, "n": COUNT, "response_format": TEXT}
        ),
        "findings": _object(
            {
                "pii": _list(_sighting("class")),
                "secrets": _list(_sighting("rule")),
                "injection": _object({"score": SCORE}, {"rule": TEXT}),
            }
        ),
        "gateway": _object({"config_revision": TEXT, "policy_revision": TEXT}),
    }
    optional: dict[str, Schema] = {
        "usage_estimate": _object({"input_tokens": COUNT}, {"max_output_tokens": COUNT}),
        "messages": _object(
            {
                "count": COUNT,
                "by_role": {"type": "object", "additionalProperties": COUNT},
                "bytes": COUNT,
                "images": COUNT,
            }
        ),
        "tools": _list(_object({"name": TEXT})),
        "tool_choice": TEXT,
        "tool_calls": _list(_object({"name": TEXT})),
        "risk": _object(
            {
                "score": SCORE,
                "level": {"enum": list(get_args(document.Level))},
                "factors": _list(_object({"id": TEXT, "points": {"type": "integer"}})),
            }
        ),
    }
    return {"$schema": DIALECT, "title": "Forebay policy input, version 1", **_object(required, optional)}


def decision_schema() -> Schema:
    """What `verdict.parse` accepts."""
    code: Schema = {"type": "string", "pattern": "^[A-Z][A-Z0-9_]{0,63}$"}
    text: Schema = {"type": "string", "minLength": 1, "maxLength": verdict.TEXT_LIMIT}
    reason = _object(
        {"code": code},
        {
            "message": {"type": "string", "maxLength": verdict.MESSAGE_LIMIT},
            "status": {"enum": sorted(verdict.STATUSES)},
            "public": FLAG,
        },
    )
    requirement = _object({"attr": {"enum": list(verdict.ATTRIBUTES)}, "in": _list(text)})
    audit = _object({"type": {"const": "audit"}}, {"level": {"enum": sorted(verdict.AUDIT_LEVELS)}})
    optional: dict[str, Schema] = {
        "reasons": _list(reason),
        "mutations": _object(
            {},
            {
                "redact": _list(text),
                "drop_tools": _list({"type": "string", "minLength": 1}),
                "max_tokens": {"type": ["integer", "null"], "minimum": 1, "maximum": verdict.MAX_TOKENS},
            },
        ),
        "route": _object({}, {"require": _list(requirement), "pin": {**text, "type": ["string", "null"]}}),
        "obligations": _list({"anyOf": [audit, _object({"type": {"const": "no_cache"}})]}),
        "warnings": _list(code),
        "labels": {
            "type": "object",
            "propertyNames": {"pattern": "^[a-z][a-z0-9_.-]{0,63}$"},
            "additionalProperties": {"anyOf": [text, _list(text)]},
        },
        "faults": {"type": "array", "maxItems": 0},
        "ttl_s": {"const": 0},
    }
    required: dict[str, Schema] = {"version": {"const": verdict.VERSION}, "allow": FLAG}
    return {"$schema": DIALECT, "title": "Forebay policy decision, version 1", **_object(required, optional)}


def input_fields() -> dict[str, frozenset[str]]:
    """Section of the input -> the names of its fields; none for a list or a text."""
    found: dict[str, frozenset[str]] = {}
    for name, section in _properties(input_schema()).items():
        found[name] = frozenset(_properties(section)) if isinstance(section, dict) else frozenset()
    return found


def _properties(schema: Schema) -> dict[str, object]:
    properties = schema.get("properties", {})
    return dict(properties) if isinstance(properties, dict) else {}


def text_of(schema: Schema) -> str:
    """`schema` as it is committed."""
    return json.dumps(schema, indent=2) + "\n"


def _object(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


def _list(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def _sighting(key: str) -> Schema:
    return _object({key: TEXT, "where": {"enum": list(get_args(Channel))}, "count": COUNT, "score": SCORE})


_CANDIDATE: Final = _object({"backend": TEXT, "provider": TEXT, "model": TEXT, "weight": COUNT})


def write(folder: Path) -> None:
    """Write both schemas into `folder`."""
    (folder / INPUT_FILE).write_text(text_of(input_schema()), "utf-8")
    (folder / DECISION_FILE).write_text(text_of(decision_schema()), "utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
