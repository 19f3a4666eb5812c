"""Full name -> message class, from a descriptor pool of our own.

Private, because other packages (OpenTelemetry's, Google's) register the same file names in the default pool.
"""

from functools import cache
from pathlib import Path

from google.protobuf import any_pb2, duration_pb2, empty_pb2, field_mask_pb2, struct_pb2, timestamp_pb2, wrappers_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

DESCRIPTORS = Path(__file__).with_name("descriptors.binpb")

_WELL_KNOWN = (any_pb2, duration_pb2, empty_pb2, field_mask_pb2, struct_pb2, timestamp_pb2, wrappers_pb2)


class UnknownMessage(Exception):
    """No such message. A misspelt name, or one to be added to `catalogue.ROOTS` before running `generate`."""


@cache
def pool() -> DescriptorPool:
    """All descriptors. Built on first use, in milliseconds."""
    made = DescriptorPool()
    for module in _WELL_KNOWN:
        made.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    made.AddSerializedFile(DESCRIPTORS.read_bytes())
    return made


@cache
def message(full_name: str) -> type[Message]:
    """The class of `full_name`, e.g. "envoy.service.ext_proc.v3.ProcessingRequest"; the same one every time.

    Raises UnknownMessage.
    """
    try:
        descriptor = pool().FindMessageTypeByName(full_name)
    except KeyError:
        raise UnknownMessage(full_name) from None
    found: type[Message] = GetMessageClass(descriptor)
    return found
