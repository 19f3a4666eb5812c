"""What can go wrong, in the words of RFC 9113 §7 and of gRPC, and the three ways in which it ends something.

Their texts are constants of this code: nothing that a peer sent is repeated to it or logged.
"""

from enum import IntEnum


class Code(IntEnum):
    """Error codes of RST_STREAM and GOAWAY."""

    NO_ERROR = 0x0
    PROTOCOL_ERROR = 0x1
    INTERNAL_ERROR = 0x2
    FLOW_CONTROL_ERROR = 0x3
    SETTINGS_TIMEOUT = 0x4
    STREAM_CLOSED = 0x5
    FRAME_SIZE_ERROR = 0x6
    REFUSED_STREAM = 0x7
    CANCEL = 0x8
    COMPRESSION_ERROR = 0x9
    CONNECT_ERROR = 0xA
    ENHANCE_YOUR_CALM = 0xB
    INADEQUATE_SECURITY = 0xC
    HTTP_1_1_REQUIRED = 0xD


class Status(IntEnum):
    """The gRPC statuses that are used here."""

    OK = 0
    DEADLINE_EXCEEDED = 4
    RESOURCE_EXHAUSTED = 8
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14


class ConnectionFault(Exception):
    """The peer broke the protocol for the whole connection: GOAWAY, and no more is read."""

    def __init__(self, code: Code, why: str) -> None:
        super().__init__(why)
        self.code = code
        self.why = why


class StreamFault(Exception):
    """The peer broke the protocol for one stream: RST_STREAM, the others go on."""

    def __init__(self, stream_id: int, code: Code) -> None:
        super().__init__(code.name)
        self.stream_id = stream_id
        self.code = code


class CallRefused(Exception):
    """HTTP/2 is fine but the call is not: it ends with a gRPC status, or an HTTP one where it is no gRPC at all."""

    def __init__(self, status: Status, why: str, http: int = 200) -> None:
        super().__init__(why)
        self.status = status
        self.why = why
        self.http = http
