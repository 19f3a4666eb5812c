"""Frames that carry nothing of a call: each is checked, counted where it makes work, and answered where it must be."""

from extproc.wire import events as e
from extproc.wire import frames, settings
from extproc.wire.errors import Code, ConnectionFault, StreamFault
from extproc.wire.history import Past
from extproc.wire.session import DRAIN_PING, Session

_STREAMS_PER_COST = 64  # a change of every stream's window costs us more than it costs the peer


def on_priority(session: Session, flags: int, stream_id: int, payload: bytes) -> None:
    """PRIORITY is obsolete: checked, then ignored."""
    if not stream_id:
        raise ConnectionFault(Code.PROTOCOL_ERROR, "PRIORITY on stream 0")
    session.patience.control()
    if len(payload) != frames.PRIORITY_SIZE:
        raise ConnectionFault(Code.FRAME_SIZE_ERROR, "PRIORITY of a wrong size")
    if frames.depends_on(payload) == stream_id:
        raise ConnectionFault(Code.PROTOCOL_ERROR, "a stream that depends on itself")


def on_rst_stream(session: Session, flags: int, stream_id: int, payload: bytes) -> None:
    """RST_STREAM; on a stream that is over it changes nothing."""
    code = frames.number(payload)
    stream = session.streams.get(stream_id)
    if stream is None:
        _not_idle(session, stream_id)
        session.patience.control()
        return
    session.drop(stream)
    if not stream.ended:
        session.events.append(e.StreamReset(stream_id, code))
    if not stream.answered:
        session.patience.reset()


def on_settings(session: Session, flags: int, stream_id: int, payload: bytes) -> None:
    """SETTINGS or their acknowledgement."""
    if stream_id:
        raise ConnectionFault(Code.PROTOCOL_ERROR, "SETTINGS on a stream")
    session.patience.control()
    if flags & frames.ACK:
        if payload:
            raise ConnectionFault(Code.FRAME_SIZE_ERROR, "SETTINGS acknowledged with a payload")
        session.blocks.settings_acknowledged()
        return
    entries = settings.parse(payload)
    session.outbox.put(settings.ACKNOWLEDGED)  # before any DATA that the new values let out
    for name, value in entries:
        if name == settings.INITIAL_WINDOW_SIZE:
            _change_windows(session, value)
        elif name == settings.HEADER_TABLE_SIZE:
            session.outbox.table_size(value)


def on_push_promise(session: Session, flags: int, stream_id: int, payload: bytes) -> None:
    """A client cannot push."""
    raise ConnectionFault(Code.PROTOCOL_ERROR, "PUSH_PROMISE from a client")


def on_ping(session: Session, flags: int, stream_id: int, payload: bytes) -> None:
    """PING, or the answer to ours: what the peer opened before it knew that we drain has arrived."""
    if stream_id:
        raise ConnectionFault(Code.PROTOCOL_ERROR, "PING on a stream")
    if len(payload) != len(DRAIN_PING):
        raise ConnectionFault(Code.FRAME_SIZE_ERROR, "PING of a wrong size")
    session.patience.control()
    if not flags & frames.ACK:
        session.outbox.put(frames.frame(frames.PING, frames.ACK, 0, payload))
    elif session.draining and payload == DRAIN_PING:
        session.settle()


def on_goaway(session: Session, flags: int, stream_id: int, payload: bytes) -> None:
    """GOAWAY: open streams go on."""
    if stream_id:
        raise ConnectionFault(Code.PROTOCOL_ERROR, "GOAWAY on a stream")
    session.patience.control()
    session.events.append(e.PeerLeaving(frames.goaway_code(payload)))


def on_window_update(session: Session, flags: int, stream_id: int, payload: bytes) -> None:
    """WINDOW_UPDATE of the connection or of a stream."""
    increment = frames.number(payload) & frames.ID_MASK
    if not stream_id:
        if not increment:
            raise ConnectionFault(Code.PROTOCOL_ERROR, "WINDOW_UPDATE by 0")
        drained = session.outbox.widen(increment)
        if drained is None:
            raise ConnectionFault(Code.FLOW_CONTROL_ERROR, "WINDOW_UPDATE makes the window too large")
        for each in drained:
            session.went_out(each)
        return
    stream = session.streams.get(stream_id)
    if stream is None:
        _not_idle(session, stream_id)
        return
    if not increment:
        raise StreamFault(stream_id, Code.PROTOCOL_ERROR)
    went_out = session.outbox.widen_stream(stream, increment)
    if went_out is None:
        raise StreamFault(stream_id, Code.FLOW_CONTROL_ERROR)
    if went_out:
        session.went_out(stream)


def _change_windows(session: Session, size: int) -> None:
    difference = size - session.outbox.stream_window
    session.outbox.stream_window = size
    session.patience.control(1 + len(session.streams) // _STREAMS_PER_COST)
    for stream in list(session.streams.values()):
        went_out = session.outbox.widen_stream(stream, difference)
        if went_out is None:
            raise ConnectionFault(Code.FLOW_CONTROL_ERROR, "SETTINGS make a window too large")
        if went_out:
            session.went_out(stream)


def _not_idle(session: Session, stream_id: int) -> None:
    """Raises ConnectionFault for a stream that was never opened, unless we left it out in draining."""
    if session.final < stream_id and stream_id & 1:
        return
    if session.history.of(stream_id) is Past.IDLE:
        raise ConnectionFault(Code.PROTOCOL_ERROR, "frame on an idle stream")
