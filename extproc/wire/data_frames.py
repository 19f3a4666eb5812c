"""DATA: windows, padding, and the messages inside. Where the connection spends its time."""

from typing import Final

from extproc.wire import events as e
from extproc.wire import frames
from extproc.wire.errors import CallRefused, Code, ConnectionFault, Status, StreamFault
from extproc.wire.grpc_messages import PREFIX, PREFIX_SIZE, Assembler
from extproc.wire.history import Past
from extproc.wire.session import Session
from extproc.wire.streams import Stream

MESSAGE_COST: Final = 64  # bytes that an empty message takes


def on_data(session: Session, flags: int, stream_id: int, payload: bytes) -> None:
    """One DATA frame. The whole payload counts for the windows, padding included."""
    # The connection's window opens at once and is never overspent: one unread stream must not stop the others.
    inbound = session.inbound
    inbound.owed += len(payload)
    if inbound.owed >= inbound.half:
        session.outbox.put(frames.window_update(0, inbound.grant()))
    stream = session.streams.get(stream_id)
    if stream is None:
        _stray(session, stream_id)
        return
    if stream.peer_ended:
        raise StreamFault(stream_id, Code.STREAM_CLOSED)
    last = flags & frames.END_STREAM
    stream.inbound.owed += len(payload)
    if stream.inbound.owed >= stream.inbound.half:
        _open_window(session, stream, last)
    if flags & frames.PADDED:
        payload = frames.unpadded(payload)
    if not payload and not last:
        session.patience.control()
    elif payload and not stream.ended:
        _read_messages(session, stream, payload, last)
    if last and stream_id in session.streams:
        half_close(session, stream)


def half_close(session: Session, stream: Stream) -> None:
    """END_STREAM, on whichever frame."""
    stream.peer_ended = True
    if stream.ended:
        if stream.closing is None:
            session.drop(stream)
    elif stream.declared:
        raise StreamFault(stream.id, Code.PROTOCOL_ERROR)  # its content-length promised more
    elif stream.assembler is not None and stream.assembler.held:
        session.refuse(stream, CallRefused(Status.INTERNAL, "the call ended within a message"))
    else:
        session.events.append(e.StreamHalfClosed(stream.id))


def _open_window(session: Session, stream: Stream, last: int) -> None:
    inbound = stream.inbound
    if inbound.owed > inbound.size:
        raise StreamFault(stream.id, Code.FLOW_CONTROL_ERROR)
    if not (stream.untaken or stream.ended or last):
        session.outbox.put(frames.window_update(stream.id, inbound.grant()))


def _stray(session: Session, stream_id: int) -> None:
    if stream_id > session.final and stream_id & 1:
        return
    past = session.history.of(stream_id)
    if past is Past.IDLE or past is Past.SKIPPED:
        raise ConnectionFault(Code.PROTOCOL_ERROR, "DATA on a stream that was not opened")
    if past is Past.CLOSED:
        raise ConnectionFault(Code.STREAM_CLOSED, "DATA on a closed stream")


def _read_messages(session: Session, stream: Stream, payload: bytes, last: int) -> None:
    size = len(payload)
    if stream.declared is not None:
        stream.declared -= size
        if stream.declared < 0:
            raise StreamFault(stream.id, Code.PROTOCOL_ERROR)
    try:
        if (
            stream.assembler is None
            and size >= PREFIX_SIZE
            and PREFIX.unpack_from(payload) == (0, size - PREFIX_SIZE)
            and size - PREFIX_SIZE <= session.limits.message
        ):
            _deliver(session, stream, payload[PREFIX_SIZE:])
        else:
            _assemble(session, stream, payload)
    except CallRefused as refused:
        stream.peer_ended = bool(last)
        session.refuse(stream, refused)


def _assemble(session: Session, stream: Stream, payload: bytes) -> None:
    assembler = stream.assembler
    if assembler is None:
        assembler = stream.assembler = Assembler(session.limits.message)
    before = assembler.held
    for message in assembler.feed(payload):
        _deliver(session, stream, message)
    more = assembler.held - before
    stream.held += more
    session.held += more
    if session.held > session.limits.received:
        raise _too_much()


def _deliver(session: Session, stream: Stream, message: bytes) -> None:
    size = len(message) + MESSAGE_COST
    stream.untaken += 1
    stream.held += size
    session.held += size
    if session.held > session.limits.received:
        raise _too_much()
    session.events.append(e.MessageReceived(stream.id, message))


def _too_much() -> CallRefused:
    return CallRefused(Status.RESOURCE_EXHAUSTED, "too much is held for all calls together")
