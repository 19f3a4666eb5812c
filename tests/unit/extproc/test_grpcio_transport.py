"""What goes to Envoy over grpcio, and in which order."""

import asyncio
from typing import Any

import pytest

from extproc.driver import Reply
from extproc.grpcio_transport import Replies


class Slow:
    """A call whose peer takes its time."""

    def __init__(self) -> None:
        self.written: list[Any] = []
        self.status: Any = None

    async def write(self, message: Any) -> None:
        await asyncio.sleep(0.001)
        self.written.append(message)

    async def abort(self, status: Any, text: str) -> None:
        self.status = status
        raise ConnectionAbortedError(text)


def test_replies_keep_their_order_asked_or_not() -> None:
    """A reply that a timer gave must not be overtaken by the answer to the message after it, nor overtake one."""

    async def talk() -> list[Any]:
        call = Slow()
        replies = Replies(call)
        replies.unasked(Reply([1, 2]))
        assert not await replies.send(Reply([3]))
        sending = asyncio.ensure_future(replies.send(Reply([4, 5])))
        await asyncio.sleep(0)
        replies.unasked(Reply([6]))
        await sending
        assert not await replies.send(Reply([7]))
        return call.written

    assert asyncio.run(talk()) == [1, 2, 3, 4, 5, 6, 7]


def test_the_end_comes_after_what_was_to_be_sent() -> None:
    """Released with OK, or aborted with an error."""

    async def talk() -> None:
        call = Slow()
        replies = Replies(call)
        assert await replies.send(Reply([1], released=True))
        with pytest.raises(ConnectionAbortedError):
            await replies.send(Reply([2], aborted=True))
        assert call.written == [1, 2]

    asyncio.run(talk())


def test_an_unasked_reply_to_a_call_that_is_over_harms_nobody() -> None:
    """Whether it fails or is never sent; the loop hears of no error that nobody took."""

    async def talk() -> Slow:
        errors: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, told: errors.append(told))
        call = Slow()
        replies = Replies(call)
        replies.unasked(Reply([1], aborted=True))
        await asyncio.sleep(0.01)
        replies.unasked(Reply([2]))
        replies.close()
        await asyncio.sleep(0.01)
        assert not errors
        return call

    call = asyncio.run(talk())
    assert (call.written, call.status is not None) == ([1], True)
