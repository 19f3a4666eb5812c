"""HEADERS and CONTINUATION: a call begins, or ends with trailers."""

from typing import Final

from extproc.wire import events as e
from extproc.wire import frames, responses
from extproc.wire.data_frames import half_close
from extproc.wire.errors import CallRefused, Code, ConnectionFault, Status, StreamFault
from extproc.wire.header_blocks import Headers
from extproc.wire.history import Past
from extproc.wire.requests import Malformed, are_trailers
from extproc.wire.session import Block, Session
from extproc.wire.streams import Stream

_UNKNOWN_PATH: Final = CallRefused(Status.UNIMPLEMENTED, "no such method")


def on_headers(session: Session, flags: int, stream_id: int, payload: bytes) -> None:
    """HEADERS, whole or to be continued."""
    if not stream_id & 1:
        raise ConnectionFault(Code.PROTOCOL_ERROR, "HEADERS on a stream that a client cannot open")
    if flags & frames.PADDED:
        payload = frames.unpadded(payload)
    on_itself = False
    if flags & frames.HAS_PRIORITY:
        on_itself = frames.depends_on(payload) == stream_id
        payload = payload[frames.PRIORITY_SIZE :]
    if flags & frames.END_HEADERS:
        _whole(session, stream_id, payload, flags & frames.END_STREAM, on_itself)
    else:
        session.block = Block(stream_id, payload, flags & frames.END_STREAM, on_itself)
        session.ordinary = False


def on_continuation(session: Session, flags: int, stream_id: int, payload: bytes) -> None:
    """CONTINUATION: `expect` has seen to it that it belongs to the open block, if there is one."""
    block = session.block
    if block is None:
        raise ConnectionFault(Code.PROTOCOL_ERROR, "CONTINUATION without HEADERS")
    block.extend(payload, session.limits)
    if flags & frames.END_HEADERS:
        session.block = None
        session.ordinary = True
        _whole(session, stream_id, block.content, block.end_stream, block.on_itself)


def expect(session: Session, kind: int, flags: int, stream_id: int) -> None:
    """Only one kind of frame may come now: the first SETTINGS, or the next CONTINUATION. Raises ConnectionFault."""
    if session.block is not None:
        if kind != frames.CONTINUATION or stream_id != session.block.stream_id:
            raise ConnectionFault(Code.PROTOCOL_ERROR, "a frame within a header block")
    elif kind != frames.SETTINGS or flags & frames.ACK:
        raise ConnectionFault(Code.PROTOCOL_ERROR, "the first frame is not SETTINGS")
    else:
        session.greeted = session.ordinary = True


def _whole(session: Session, stream_id: int, content: bytes, last: int, on_itself: bool) -> None:
    """The block is decoded whatever becomes of it: the next one may depend on it."""
    stream = session.streams.get(stream_id)
    if stream is not None:
        _trailers(session, stream, session.blocks.decode(content), bool(last and not on_itself))
        return
    head = session.blocks.request(content)
    if stream_id > session.final:
        return
    if stream_id <= session.history.last:
        _late(session, stream_id)
        return
    session.history.opened(stream_id)
    if isinstance(head, Malformed) or on_itself:
        raise StreamFault(stream_id, Code.PROTOCOL_ERROR)
    if len(session.streams) >= session.limits.streams:
        raise StreamFault(stream_id, Code.REFUSED_STREAM)
    if isinstance(head, CallRefused):
        _refuse(session, stream_id, last, head)
    elif head.path not in session.paths:
        _refuse(session, stream_id, last, _UNKNOWN_PATH)
    else:
        limits = session.limits
        stream = Stream(stream_id, limits.stream_window, session.outbox.stream_window, head.content_length)
        session.streams[stream_id] = stream
        session.events.append(e.StreamOpened(stream_id, head))
        if last:
            half_close(session, stream)


def _late(session: Session, stream_id: int) -> None:
    past = session.history.of(stream_id)
    if past is not Past.LEFT_BY_US:
        code = Code.STREAM_CLOSED if past is Past.CLOSED else Code.PROTOCOL_ERROR
        raise ConnectionFault(code, "HEADERS on a closed stream")


def _refuse(session: Session, stream_id: int, last: int, refused: CallRefused) -> None:
    session.outbox.head(stream_id, responses.refusal(refused), True)
    if not last:
        session.leave(stream_id, Code.NO_ERROR)
    session.patience.reset()


def _trailers(session: Session, stream: Stream, headers: Headers, sound: bool) -> None:
    if stream.peer_ended:
        raise StreamFault(stream.id, Code.STREAM_CLOSED)
    if not sound or not are_trailers(headers):
        raise StreamFault(stream.id, Code.PROTOCOL_ERROR)
    half_close(session, stream)
