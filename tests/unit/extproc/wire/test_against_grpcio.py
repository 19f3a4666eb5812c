"""The reference: grpcio's client sees the same of our wire as of grpcio's own server."""

import asyncio
import contextlib

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extproc.wire.errors import Status
from extproc.wire.exchanges import Answer
from extproc.wire.serve import Wire

SERVICE, METHOD = "a.Service", "Method"
PATH = f"/{SERVICE}/{METHOD}"
CODES = {Status.OK: grpc.StatusCode.OK, Status.INTERNAL: grpc.StatusCode.INTERNAL}

# One step of a script: how many answers to the message, whether that takes time, and how the call ends after it.
steps = st.tuples(st.integers(0, 3), st.booleans(), st.sampled_from([None, None, None, Status.OK, Status.INTERNAL]))
conversations = st.lists(st.tuples(st.binary(max_size=100) | st.just(bytes(200_000)), steps), max_size=6)


class Scripted:
    """Behind the wire."""

    def __init__(self, script):
        self._script = iter(script)

    async def receive(self, message):
        """The next step."""
        count, slow, status = next(self._script)
        if slow:
            await asyncio.sleep(0)
        return Answer([message] * count, status, "why %" if status else "")

    def closed(self):
        """Nothing is held."""


def reference(script_of):
    """The same for grpcio."""

    async def method(requests, context):
        script = iter(script_of())
        async for message in requests:
            count, slow, status = next(script)
            if slow:
                await asyncio.sleep(0)
            for _ in range(count):
                yield message
            if status:
                await context.abort(CODES[status], "why %")
            if status is not None:
                return

    return method


async def converse(address, conversation):
    """What the client sees: the answers, the status, its text."""
    async with grpc.aio.insecure_channel(address) as channel:
        call = channel.stream_stream(PATH)()
        answers = []
        with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            for message, (count, _, status) in conversation:
                await call.write(message)
                answers += [await call.read() for _ in range(count)]
                if status is not None:
                    break
            await call.done_writing()
            assert await call.read() is grpc.aio.EOF
        return answers, await call.code(), await call.details()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(conversations)
def test_both_servers_say_the_same(tmp_path, conversation):
    """Answers, status and text of any conversation."""
    script = [step for _, step in conversation]

    async def main():
        wire = Wire({PATH: lambda request, send: Scripted(script)})
        await wire.listen_unix(tmp_path / "w.sock")
        server = grpc.aio.server()
        handler = grpc.stream_stream_rpc_method_handler(reference(lambda: script))
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {METHOD: handler}),))
        server.add_insecure_port(f"unix:{tmp_path}/g.sock")
        await server.start()
        try:
            ours = await converse(f"unix:{tmp_path}/w.sock", conversation)
            assert ours == await converse(f"unix:{tmp_path}/g.sock", conversation)
        finally:
            await wire.stop(0.1)
            await server.stop(0)

    asyncio.run(main())


@pytest.mark.parametrize("method", ["/a.Service/Other", "/b.Service/Method"])
def test_an_unknown_method_has_the_same_status(tmp_path, method):
    """UNIMPLEMENTED."""

    async def main():
        wire = Wire({PATH: lambda request, send: Scripted([])})
        await wire.listen_unix(tmp_path / "w.sock")
        async with grpc.aio.insecure_channel(f"unix:{tmp_path}/w.sock") as channel:
            call = channel.stream_stream(method)()
            assert await call.code() is grpc.StatusCode.UNIMPLEMENTED
        await wire.stop(0.1)

    asyncio.run(main())
