"""What one connection may cost. Every number is a bound on memory or on work done for nothing."""

from dataclasses import dataclass

SMALLEST_WINDOW = 65_535  # RFC 9113 §6.9.2: what a peer may use before it has read our SETTINGS
LARGEST_WINDOW = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a connection. Sizes are bytes; counts of frames are per `Connection.forgive`, called once a second.

    At most `received` + streams × window are held of what the peer sent, and `unsent` of what it does not take. Raises
    ValueError for a window that is smaller than a peer may use before it knows better.
    """

    streams: int = 65_536  # never what refuses a call of Envoy's
    stream_window: int = 256 * 1024
    connection_window: int = 16 * 1024 * 1024
    message: int = 64 * 1024 * 1024  # one gRPC message; Envoy bounds a body by the listener's limit
    received: int = 512 * 1024 * 1024  # of messages begun or not yet taken, over all streams
    stream_unsent: int = 64 * 1024 * 1024  # waiting for the peer's window; beyond it the stream is reset
    unsent: int = 512 * 1024 * 1024  # the same over all streams
    header_table: int = 0  # bytes of HPACK's dynamic table; anything but 0 costs the memory of decoded blocks
    header_block: int = 32 * 1024  # as it is sent
    header_list: int = 64 * 1024  # as it is after decompression, counted as SETTINGS_MAX_HEADER_LIST_SIZE is
    continuations: int = 32  # frames of one header block
    control_frames: int = 10_000  # that carry nothing of a call: PING, SETTINGS, PRIORITY, empty DATA, unknown
    resets: int = 10_000  # of streams that had no answer yet, whoever resets them

    def __post_init__(self) -> None:
        for window in (self.stream_window, self.connection_window):
            if not SMALLEST_WINDOW <= window <= LARGEST_WINDOW:
                raise ValueError(f"a window holds {SMALLEST_WINDOW} to {LARGEST_WINDOW} bytes")
