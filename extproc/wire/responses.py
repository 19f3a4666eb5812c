"""The heads and trailers that we send, as header blocks. Those that never change are made once."""

from typing import Final

from extproc.wire.errors import CallRefused, Status
from extproc.wire.header_blocks import encoded

_LONGEST_TEXT: Final = 1024  # characters of a grpc-message
_GRPC: Final = (b"content-type", b"application/grpc")
_STATUS_200: Final = b"\x88"  # index 8 of the static table
_UNRESERVED: Final = frozenset(range(0x20, 0x7F)) - {ord("%")}

HEAD: Final = _STATUS_200 + encoded([_GRPC])
TRAILERS_OK: Final = encoded([(b"grpc-status", b"0")])


def trailers(status: Status, text: str) -> bytes:
    """The trailers that end a call after its head."""
    return encoded(_outcome(status, text)) if status or text else TRAILERS_OK


def whole(status: Status, text: str) -> bytes:
    """Head and trailers in one, for a call that had no message."""
    return HEAD + trailers(status, text)


def refusal(refused: CallRefused) -> bytes:
    """The answer to a call that is not taken up."""
    if refused.http == 200:
        return whole(refused.status, refused.why)
    return encoded([(b":status", b"%d" % refused.http), *_outcome(refused.status, refused.why)])


def percent_encoded(text: str) -> bytes:
    """A grpc-message as the protocol wants it: UTF-8, everything but printable ASCII and `%` by its two digits."""
    raw = text[:_LONGEST_TEXT].encode("utf-8", "replace")
    return b"".join(b"%c" % each if each in _UNRESERVED else b"%%%02X" % each for each in raw)


def _outcome(status: Status, text: str) -> list[tuple[bytes, bytes]]:
    outcome = [(b"grpc-status", b"%d" % status)]
    return [*outcome, (b"grpc-message", percent_encoded(text))] if text else outcome
