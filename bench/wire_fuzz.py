"""Fuzzes the wire on raw bytes, guided by coverage (needs `pip install atheris`, which is no dependency of ours).

    python bench/wire_fuzz.py CORPUS_FOLDER -max_total_time=1800 [any other option of libFuzzer]

The first byte of an input chooses how it is cut into reads and whether the greeting goes before it; the rest is what
the peer sends. Every message is answered, some later than others. It ends with an error when an exception escapes, a
bound of `Limits` is passed, a call is told of out of turn, or a stream is answered after its end.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["extproc.wire", "hpack"]):
    from extproc.wire import events as e
    from extproc.wire import frames
    from extproc.wire.connection import Connection
    from extproc.wire.errors import Code
    from extproc.wire.frames import frame
    from extproc.wire.grpc_messages import PREFIX
    from extproc.wire.header_blocks import encoded
    from extproc.wire.limits import Limits

LIMITS = Limits(
    streams=8, message=2_000, received=4_000, stream_unsent=1_000, unsent=2_000, control_frames=200, resets=50
)
GREETING = frames.PREFACE + frame(frames.SETTINGS, 0, 0) + frame(frames.SETTINGS, frames.ACK, 0)
CALL = b"\x20" + encoded(
    [(b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/"), (b"content-type", b"application/grpc")]
)
SEEDS = (
    frame(frames.HEADERS, 4, 1, CALL) + frame(frames.DATA, 1, 1, PREFIX.pack(0, 5) + b"hello"),
    frame(frames.HEADERS, 0, 1, CALL[:9]) + frame(frames.CONTINUATION, 4, 1, CALL[9:]) + frame(frames.DATA, 1, 1),
    frame(frames.HEADERS, 4, 1, CALL) + frame(frames.DATA, 8, 1, b"\x02\x00\x00\x00\x00\x01ab\x00\x00"),
    frame(frames.SETTINGS, 0, 0, b"\x00\x04\x00\x00\x00\x01\x00\x01\x00\x00\x00\x00")
    + frame(frames.HEADERS, 4, 1, CALL)
    + frame(frames.DATA, 0, 1, PREFIX.pack(0, 3) + b"abc")
    + frames.window_update(1, 100)
    + frame(frames.HEADERS, 5, 1, b"\x20\x00\x01a\x01b"),
    frame(frames.HEADERS, 5, 1, CALL) + frame(frames.RST_STREAM, 0, 1, bytes(4)) + frames.window_update(0, 9),
    frame(frames.PING, 0, 0, bytes(8)) + frame(frames.GOAWAY, 0, 0, bytes(8)) + frame(frames.PRIORITY, 0, 3, bytes(5)),
)


class Peer:
    """Our side, and the rules it must keep."""

    def __init__(self) -> None:
        self.connection = Connection(["/"], LIMITS)
        self.open: set[int] = set()
        self.half_closed: set[int] = set()
        self.late: list[tuple[int, bytes]] = []
        self.ended: set[int] = set()

    def feed(self, data: bytes) -> None:
        """One read, and what follows from it."""
        for stream_id, message in self.late:
            self.answer(stream_id, message)
        self.late = []
        for event in self.connection.receive(data):
            self.take(event)
        held = LIMITS.received + frames.MAX_PAYLOAD + frames.HEAD_SIZE + LIMITS.streams
        assert self.connection.held <= held and self.connection.unsent <= LIMITS.unsent
        assert self.connection.open_streams <= LIMITS.streams
        self.check(self.connection.data_to_send())

    def take(self, event: object) -> None:
        """Events come in their turn."""
        match event:
            case e.StreamOpened(stream_id, _):
                assert stream_id not in self.open
                self.open.add(stream_id)
            case e.MessageReceived(stream_id, message):
                assert stream_id in self.open
                if message[:1] < b"\x80":
                    self.answer(stream_id, message)
                else:
                    self.late.append((stream_id, message))
            case e.StreamHalfClosed(stream_id):
                self.open.remove(stream_id)
                self.half_closed.add(stream_id)
                self.connection.end(stream_id)
            case e.StreamReset(stream_id, _):  # in the same read it may also follow its half-close
                (self.open if stream_id in self.open else self.half_closed).remove(stream_id)
            case e.ConnectionLost(code, _):
                assert code != Code.INTERNAL_ERROR
                self.open.clear()

    def answer(self, stream_id: int, message: bytes) -> None:
        """The message, twice."""
        self.connection.taken(stream_id, len(message))
        self.connection.send(stream_id, message)
        self.connection.send(stream_id, message)

    def check(self, said: bytes) -> None:
        """No stream is answered after its end."""
        position = 0
        while position < len(said):
            upper, lower, kind, flags, stream_id = frames.HEAD.unpack_from(said, position)
            position += frames.HEAD_SIZE + (upper << 8 | lower)
            if kind in {frames.DATA, frames.HEADERS}:
                assert stream_id not in self.ended
                if flags & frames.END_STREAM:
                    self.ended.add(stream_id)
            elif kind == frames.RST_STREAM:
                self.ended.add(stream_id)
        assert position == len(said)


def one(data: bytes) -> None:
    """One input."""
    if not data:
        return
    way, rest = data[0], data[1:]
    peer = Peer()
    if way & 0x80:
        peer.feed(GREETING)
    step = (way & 0x7F) or len(rest) or 1
    for begin in range(0, len(rest), step):
        peer.feed(rest[begin : begin + step])
    peer.feed(b"")


def main() -> None:
    """Hands over to libFuzzer."""
    folder = next((Path(each) for each in sys.argv[1:] if not each.startswith("-")), None)
    if folder is None:
        sys.exit(__doc__)
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS):
        (folder / f"seed-{number}").write_bytes(b"\x80" + seed)
        (folder / f"seed-greeting-{number}").write_bytes(b"\x07" + GREETING + seed)
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
