"""gRPC over HTTP/2 for one kind of peer, Envoy: the processor's own wire.

serve            listens (Unix socket, TCP with TLS), one `link` per connection
link             the asyncio protocol: bytes and events between a transport, a connection and its exchanges
exchanges        what a handler of one call is, and how its messages are handled in order
eager            runs a coroutine at once and makes a task only where it waits
processing       the handler of an ext_proc call: a Driver behind the wire

Sans-io, from here on:
connection       bytes in, events out; commands in, bytes out
session          the state of one connection, and the ways in which its streams end
data_frames, header_frames, control_frames   what each kind of frame does to it
streams, history the streams that are open; those that are over
sending          frames and queues on their way out
windows          flow control
grpc_messages    messages across frames
header_blocks    HPACK
requests, responses   heads of calls, answers and trailers
frames, settings HTTP/2 as bytes
floods, limits   what a connection may cost
events, errors   the vocabulary
"""
