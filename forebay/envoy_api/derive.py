"""envoy-data-plane's dataclasses -> one FileDescriptorProto that upb understands.

Everything goes into a single file without a package: a package becomes a message that holds the messages below it.
Full names, and so type URLs, stay what they are, and packages that refer to each other need no ordering.
Never imported at run time, see `generate`.
"""

import dataclasses
import importlib
import sys
import types
import typing
import warnings
from collections.abc import Iterable
from enum import IntEnum
from typing import Any

from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    duration_pb2,
    empty_pb2,
    field_mask_pb2,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)

FILE_NAME = "forebay/envoy_api/derived.proto"
# the engine brings these itself, with their special JSON forms
WELL_KNOWN = (any_pb2, duration_pb2, empty_pb2, field_mask_pb2, struct_pb2, timestamp_pb2, wrappers_pb2)

_SCHEMA = "envoy_data_plane"
_GOOGLE = "google.protobuf."
_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = (
    "double", "float", "int64", "uint64", "int32", "fixed64", "fixed32", "bool", "string", "bytes", "uint32",
    "sfixed32", "sfixed64", "sint32", "sint64",
)  # fmt: skip
_TYPES: dict[str, int] = {name: getattr(_Field, f"TYPE_{name.upper()}") for name in _SCALARS}


class Underivable(Exception):
    """envoy-data-plane says something this module does not understand. Its version changed: adapt `derive`."""


def derive(roots: Iterable[str]) -> descriptor_pb2.FileDescriptorProto:
    """The descriptors of the messages named in `roots` and of all they refer to, the same bytes every time.

    Raises Underivable when a root is unknown or a field's type cannot be expressed.
    """
    schema = _Schema()
    for full_name in sorted(roots):
        schema.add_message(schema.named(full_name))
    return schema.file()


class _Schema:
    """Collects messages and enums by full name; `file` nests them."""

    def __init__(self) -> None:
        self._messages: dict[str, descriptor_pb2.DescriptorProto] = {}
        self._enums: dict[str, descriptor_pb2.EnumDescriptorProto] = {}
        self._pool = importlib.import_module(f"{_SCHEMA}.message_pool").default_message_pool

    def named(self, full_name: str) -> type:
        """The dataclass of `full_name`. Raises Underivable when envoy-data-plane has none."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # its own use of pydantic
                importlib.import_module(f"{_SCHEMA}.{full_name.rpartition('.')[0]}")
            found: type = self._pool.url_to_type[f"type.googleapis.com/{full_name}"]
        except (ImportError, KeyError):
            raise Underivable(f"no message {full_name}") from None
        return found

    def add_message(self, cls: type) -> str:
        """Derives `cls` and what it refers to; returns its full name."""
        full_name = self._message_name(cls)
        if full_name in self._messages or full_name.startswith(_GOOGLE):
            return full_name
        message = self._messages[full_name] = descriptor_pb2.DescriptorProto(name=full_name.rpartition(".")[2])
        hints = typing.get_type_hints(cls, vars(sys.modules[cls.__module__]))
        oneofs: dict[str, int] = {}
        explicit: list[Any] = []
        for field in dataclasses.fields(cls):
            metadata = field.metadata["betterproto"]
            derived = message.field.add(name=field.name.rstrip("_"), number=metadata.number)
            derived.label = _Field.LABEL_REPEATED if metadata.repeated or metadata.map_meta else _Field.LABEL_OPTIONAL
            if metadata.map_meta:
                self._map_type(derived, message, full_name, metadata, _inner(hints[field.name]))
            else:
                self._field_type(derived, metadata, _inner(hints[field.name]))
            if metadata.group:
                derived.oneof_index = oneofs.setdefault(metadata.group, len(oneofs))
            elif metadata.optional and derived.type not in (_Field.TYPE_MESSAGE, 0) and not metadata.repeated:
                explicit.append(derived)
        for name in oneofs:
            message.oneof_decl.add(name=name)
        for derived in explicit:  # presence of a scalar is a oneof of one, after all real ones
            derived.proto3_optional = True
            derived.oneof_index = len(message.oneof_decl)
            message.oneof_decl.add(name=f"_{derived.name}")
        return full_name

    def _field_type(self, derived: Any, metadata: Any, hint: Any) -> None:
        if metadata.proto_type in _TYPES:
            derived.type = _TYPES[metadata.proto_type]
        elif metadata.proto_type == "enum":
            derived.type = _Field.TYPE_ENUM
            derived.type_name = f".{self._add_enum(hint)}"
        elif metadata.proto_type == "message":
            derived.type = _Field.TYPE_MESSAGE
            derived.type_name = f".{self.add_message(metadata.unwrap() if metadata.unwrap else hint)}"
        else:
            raise Underivable(f"{derived.name}: type {metadata.proto_type}")

    def _map_type(self, derived: Any, message: Any, owner: str, metadata: Any, hint: Any) -> None:
        key, value = metadata.map_meta
        entry = message.nested_type.add(name=f"{derived.name.title().replace('_', '')}Entry")
        entry.options.map_entry = True
        self._field_type(entry.field.add(name="key", number=1, label=_Field.LABEL_OPTIONAL), key, None)
        self._field_type(entry.field.add(name="value", number=2, label=_Field.LABEL_OPTIONAL), value, hint)
        derived.type = _Field.TYPE_MESSAGE
        derived.type_name = f".{owner}.{entry.name}"

    def _message_name(self, cls: type) -> str:
        if cls in self._pool.type_to_url:
            url: str = self._pool.type_to_url[cls]
            return url.partition("/")[2]
        if cls.__module__.startswith("betterproto2"):
            return f"{_GOOGLE}{cls.__name__}"
        raise Underivable(f"{cls!r} has no full name")

    def _add_enum(self, cls: type[IntEnum]) -> str:
        full_name = self._enum_name(cls)
        if full_name in self._enums or full_name.startswith(_GOOGLE):
            return full_name
        enum = self._enums[full_name] = descriptor_pb2.EnumDescriptorProto(name=full_name.rpartition(".")[2])
        # proto3 wants the zero first
        members = sorted(cls.__members__.items(), key=lambda item: (item[1] != 0, int(item[1])))
        for name, member in members:
            enum.value.add(name=getattr(member, "proto_name", None) or name, number=int(member))
        if len({int(member) for _, member in members}) < len(members):
            enum.options.allow_alias = True
        return full_name

    def _enum_name(self, cls: type[IntEnum]) -> str:
        """Enums are in no pool. A nested one is called after the messages around it: the longest of them owns it."""
        module = sys.modules[cls.__module__]
        package = cls.__module__.removeprefix(f"{_SCHEMA}.")
        around = [
            name
            for name, value in vars(module).items()
            if isinstance(value, type) and value in self._pool.type_to_url and cls.__name__.startswith(name)
        ]
        if not around:
            return f"{package}.{cls.__name__}"
        owner = max(around, key=len)
        return f"{self._message_name(getattr(module, owner))}.{cls.__name__.removeprefix(owner)}"

    def file(self) -> descriptor_pb2.FileDescriptorProto:
        """Everything collected, nested by name, in the order of names."""
        file = descriptor_pb2.FileDescriptorProto(name=FILE_NAME, syntax="proto3")
        file.dependency.extend(module.DESCRIPTOR.name for module in WELL_KNOWN)
        root = _Node()
        for full_name, message in self._messages.items():
            root.at(full_name).message = message
        for full_name, enum in self._enums.items():
            owner, _, name = full_name.rpartition(".")
            root.at(owner).enums[name] = enum
        for name, node in sorted(root.inside.items()):
            node.emit(name, file.message_type.add())
        return file


class _Node:
    """A message, or a package played by one."""

    def __init__(self) -> None:
        self.message: descriptor_pb2.DescriptorProto | None = None
        self.inside: dict[str, _Node] = {}
        self.enums: dict[str, descriptor_pb2.EnumDescriptorProto] = {}

    def at(self, full_name: str) -> "_Node":
        node = self
        for part in full_name.split("."):
            node = node.inside.setdefault(part, _Node())
        return node

    def emit(self, name: str, target: Any) -> None:
        if self.message is not None:
            target.CopyFrom(self.message)
        target.name = name
        for inner, enum in sorted(self.enums.items()):
            target.enum_type.add().CopyFrom(enum)
            target.enum_type[-1].name = inner
        for inner, node in sorted(self.inside.items()):
            node.emit(inner, target.nested_type.add())


def _inner(hint: Any) -> Any:
    """The class a type hint is about: `list[X]`, `dict[str, X]`, `X | None` and `Annotated[X, ...]` are about X."""
    origin = typing.get_origin(hint)
    arguments = typing.get_args(hint)
    if origin is dict:
        return _inner(arguments[1])
    if origin in (list, typing.Annotated):
        return _inner(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return _inner(next(argument for argument in arguments if argument is not type(None)))
    return hint
