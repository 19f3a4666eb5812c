"""A driver behind the wire: its replies as bytes and as the end of the call."""

import asyncio

import pytest

from extproc.codec import ProcessingRequest, ProcessingResponse
from extproc.driver import Reply
from extproc.wire.errors import Status
from extproc.wire.events import Request
from extproc.wire.processing import PATH, processing

REQUEST = ProcessingRequest(request_headers={})
RESPONSE = ProcessingResponse(request_headers={}).SerializeToString()


class OneReply:
    """A driver that always says the same."""

    def __init__(self, reply):
        self.reply = reply
        self.got = []
        self.closed_times = 0

    def receive(self, request):
        """Noted."""
        self.got.append(request)
        return self.reply

    def closed(self):
        """Counted."""
        self.closed_times += 1


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (Reply([RESPONSE]), None),
        (Reply([RESPONSE], released=True), Status.OK),
        (Reply([RESPONSE], aborted=True), Status.INTERNAL),
        (Reply(released=True, aborted=True), Status.INTERNAL),
    ],
)
def test_a_reply_becomes_an_answer(reply, status):
    """OK only where the transaction was released; an error wins."""
    driver = OneReply(reply)
    handler = processing(lambda send: driver)(Request(PATH, None, (), None), lambda answer: None)
    answer = handler.receive(REQUEST.SerializeToString())
    assert answer.messages == reply.messages
    assert answer.status is status
    assert driver.got == [REQUEST]
    handler.closed()
    assert driver.closed_times == 1


def test_a_reply_that_takes_work_is_waited_for():
    """The driver gives what gives it."""

    class Working(OneReply):
        def receive(self, request):
            return self.later()

        async def later(self):
            await asyncio.sleep(0)
            return self.reply

    handler = processing(lambda send: Working(Reply([RESPONSE])))(Request(PATH, None, (), None), lambda answer: None)
    assert asyncio.run(handler.receive(REQUEST.SerializeToString())).messages == [RESPONSE]


def test_a_message_that_cannot_be_parsed_ends_the_call():
    """With INTERNAL: closed, as every fault is."""
    driver = OneReply(Reply())
    handler = processing(lambda send: driver)(Request(PATH, None, (), None), lambda answer: None)
    assert handler.receive(b"\xff\xff").status is Status.INTERNAL
    assert driver.got == []
