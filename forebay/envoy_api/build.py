"""The vocabulary of Envoy's YAML -> messages, and back.

    build("envoy.config.cluster.v3.Cluster", {"name": "one", "connect_timeout": "5s", "type": "STRICT_DNS"})

Fields are snake_case, enums names or numbers, durations "10s", wrapped scalars plain, bytes `bytes` or base64 text;
a dict with "@type" becomes an Any, packed deterministically. A message may stand wherever its dict may.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf import json_format
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from forebay.envoy_api.messages import UnknownMessage, message, pool

TYPE_PREFIX = "type.googleapis.com/"
_AT_TYPE = "@type"


class EnvoyApiError(Exception):
    """The data does not fit the message. The text names the path and the expectation, never a value."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem


def build(full_name: str, data: Mapping[str, Any]) -> Message:
    """The message `full_name` with the fields of `data`. None values are left out.

    Raises EnvoyApiError, which names the path of the first thing that does not fit; UnknownMessage.
    """
    made = message(full_name)()
    _fill(made, data, full_name.rpartition(".")[2])
    return made


def pack(data: Mapping[str, Any] | Message) -> AnyMessage:
    """A google.protobuf.Any of a message, or of a dict with "@type". Raises EnvoyApiError."""
    return _any(message("google.protobuf.Any"), data, "Any")


def to_dict(source: Message) -> dict[str, Any]:
    """`build` backwards: snake_case, Any expanded, keys sorted, whatever is at its default left out.

    Raises EnvoyApiError for an Any of a type we do not know. Secrets in the message come out as they are.
    """
    try:
        data = json_format.MessageToDict(source, preserving_proto_field_name=True, descriptor_pool=pool())
    except TypeError as error:
        raise EnvoyApiError(source.DESCRIPTOR.name, f"cannot be expanded: {error}") from None
    ordered: dict[str, Any] = _sorted(data)
    return ordered


def serialize(source: Message) -> bytes:
    """Canonical bytes: equal messages give equal bytes in every process."""
    content: bytes = source.SerializeToString(deterministic=True)
    return content


def type_url(full_name: str) -> str:
    return TYPE_PREFIX + full_name


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


# --- messages -----------------------------------------------------------------------------------------------------


def _fill(target: Message, data: object, path: str) -> None:
    if not isinstance(data, Mapping):
        raise EnvoyApiError(path, "expected a mapping")
    fields: dict[str, FieldDescriptor] = target.DESCRIPTOR.fields_by_name
    chosen: dict[str, str] = {}
    for name, value in data.items():
        field = fields.get(name)
        if field is None:
            raise EnvoyApiError(path, f"{target.DESCRIPTOR.full_name} has no field {str(name)[:80]!r}")
        if value is None:
            continue
        oneof = field.containing_oneof
        if oneof is not None and chosen.setdefault(oneof.name, name) != name:
            raise EnvoyApiError(path, f"only one of {chosen[oneof.name]!r} and {name!r} may be set")
        _set(target, field, value, f"{path}.{name}")


def _set(target: Message, field: FieldDescriptor, value: Any, path: str) -> None:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        _set_map(getattr(target, field.name), field.message_type, value, path)
    elif field.is_repeated:
        if not isinstance(value, list | tuple):
            raise EnvoyApiError(path, "expected a list")
        items = getattr(target, field.name)
        for index, item in enumerate(value):
            items.append(_value(field, item, f"{path}[{index}]"))
    elif field.message_type is not None:
        made = _value(field, value, path)
        inner = getattr(target, field.name)
        inner.SetInParent()
        inner.CopyFrom(made)
    else:
        setattr(target, field.name, _value(field, value, path))


def _set_map(target: Any, entry: Descriptor, value: Any, path: str) -> None:
    if not isinstance(value, Mapping):
        raise EnvoyApiError(path, "expected a mapping")
    key_field, value_field = entry.fields_by_name["key"], entry.fields_by_name["value"]
    for key, item in value.items():
        made_key = _value(key_field, key, path)
        made = _value(value_field, item, f"{path}[{str(key)[:80]!r}]")
        if value_field.message_type is not None:
            target[made_key].CopyFrom(made)
        else:
            target[made_key] = made


def _value(field: FieldDescriptor, value: Any, path: str) -> Any:
    if field.message_type is None:
        return _scalar(field, value, path)
    full_name: str = field.message_type.full_name
    cls = message(full_name)
    special = _SPECIAL.get(full_name)
    if special is not None:
        return special(cls, value, path)
    if isinstance(value, Message):
        if value.DESCRIPTOR.full_name != full_name:
            raise EnvoyApiError(path, f"expected a {full_name}, got a {value.DESCRIPTOR.full_name}")
        return value
    made = cls()
    _fill(made, value, path)
    return made


# --- well-known messages ------------------------------------------------------------------------------------------


def _any(cls: type[Message], value: Any, path: str) -> Any:
    made = cls()
    if isinstance(value, Message):
        if value.DESCRIPTOR.full_name == cls.DESCRIPTOR.full_name:
            return value
        inner = value
    else:
        inner = _typed(value, path)
    made.type_url = type_url(inner.DESCRIPTOR.full_name)
    made.value = serialize(inner)
    return made


def _typed(value: Any, path: str) -> Message:
    if not isinstance(value, Mapping) or not isinstance(value.get(_AT_TYPE), str):
        raise EnvoyApiError(path, "expected a mapping with '@type'")
    full_name = value[_AT_TYPE].rpartition("/")[2]
    try:
        cls = message(full_name)
    except UnknownMessage:
        raise EnvoyApiError(path, f"unknown @type {full_name!r}") from None
    rest = {key: item for key, item in value.items() if key != _AT_TYPE}
    special = _SPECIAL.get(full_name)
    if special is not None:  # as in protobuf's JSON: a message with a form of its own stands under "value"
        made: Message = special(cls, rest.get("value", rest), path)
        return made
    made = cls()
    _fill(made, rest, path)
    return made


def _as_json(cls: type[Message], value: Any, path: str) -> Message:
    """Duration, Struct and the like: protobuf's own JSON forms. Ordered first, maps keep no order of their own."""
    if isinstance(value, Message):
        return value
    made = cls()
    try:
        json_format.ParseDict(_sorted(_plain(value)), made, descriptor_pool=pool())
    except (json_format.ParseError, ValueError, TypeError):
        raise EnvoyApiError(path, f"not a {cls.DESCRIPTOR.name}") from None
    return made


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _wrapper(cls: type[Message], value: Any, path: str) -> Message:
    if isinstance(value, Message):
        return value
    made = cls()
    inner = value["value"] if isinstance(value, Mapping) and set(value) == {"value"} else value
    setattr(made, "value", _scalar(cls.DESCRIPTOR.fields_by_name["value"], inner, path))  # noqa: B010 - no such attribute
    return made


_DURATION = re.compile(r"-?\d+(\.\d{1,9})?s")


def _duration(cls: type[Message], value: Any, path: str) -> Message:
    if isinstance(value, str) and not _DURATION.fullmatch(value):
        raise EnvoyApiError(path, "expected a duration such as '10s' or '0.25s'")
    return _as_json(cls, value, path)


_WRAPPERS = ("Bool", "Bytes", "Double", "Float", "Int32", "Int64", "String", "UInt32", "UInt64")
_SPECIAL: dict[str, Callable[[type[Message], Any, str], Any]] = {
    "google.protobuf.Any": _any,
    "google.protobuf.Duration": _duration,
    **{f"google.protobuf.{name}": _as_json for name in ("FieldMask", "ListValue", "Struct", "Timestamp", "Value")},
    **{f"google.protobuf.{name}Value": _wrapper for name in _WRAPPERS},
}


# --- scalars ------------------------------------------------------------------------------------------------------


def _scalar(field: FieldDescriptor, value: Any, path: str) -> Any:
    if field.enum_type is not None:
        return _enum(field, value, path)
    expected, convert = _BYTES if field.type == FieldDescriptor.TYPE_BYTES else _SCALARS[field.cpp_type]
    converted = convert(value)
    if converted is None:
        raise EnvoyApiError(path, f"expected {expected}")
    low, high = _RANGES.get(field.cpp_type, (None, None))
    if low is not None and not low <= converted <= high:
        raise EnvoyApiError(path, f"expected an integer from {low} to {high}")
    return converted


def _enum(field: FieldDescriptor, value: Any, path: str) -> int:
    if isinstance(value, str) and value in field.enum_type.values_by_name:
        number: int = field.enum_type.values_by_name[value].number
        return number
    if isinstance(value, int) and not isinstance(value, bool) and value in field.enum_type.values_by_number:
        return value
    raise EnvoyApiError(path, f"expected one of {', '.join(field.enum_type.values_by_name)}")


def _integer(value: Any) -> int | None:
    if isinstance(value, str):  # protobuf's JSON writes 64-bit integers as text
        return int(value) if re.fullmatch(r"-?\d{1,20}", value, re.ASCII) else None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _text(value: Any) -> str | None:
    if not isinstance(value, str) or any("\ud800" <= character <= "\udfff" for character in value):
        return None
    return value


def _bytes(value: Any) -> bytes | None:
    if isinstance(value, bytes):
        return value
    try:
        return base64.b64decode(value, validate=True) if isinstance(value, str) else None
    except binascii.Error:
        return None


_RANGES = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}
_SCALARS: dict[int, tuple[str, Callable[[Any], Any]]] = {
    **{kind: ("an integer", _integer) for kind in _RANGES},
    FieldDescriptor.CPPTYPE_BOOL: ("true or false", _boolean),
    FieldDescriptor.CPPTYPE_DOUBLE: ("a number", _number),
    FieldDescriptor.CPPTYPE_FLOAT: ("a number", _number),
    FieldDescriptor.CPPTYPE_STRING: ("text", _text),
}
_BYTES: tuple[str, Callable[[Any], Any]] = ("bytes or base64 text", _bytes)
