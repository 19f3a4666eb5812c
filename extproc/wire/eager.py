"""Runs a coroutine at once, and makes a task only of one that waits.

Most exchanges with Envoy never wait, and a task for each would cost more than they do. (Python 3.12 has eager tasks;
this is the same for 3.11, without a task's price where none is needed.)
"""

import asyncio
from asyncio.tasks import _enter_task, _leave_task
from collections.abc import Coroutine, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class EarlyTask:
    """What `asyncio.current_task()` is until a coroutine waits for the first time: `asyncio.timeout` asks for one.

    It hands on to the task that is made then.
    """

    __slots__ = ("task",)

    def __init__(self) -> None:
        self.task: asyncio.Task[Any] | None = None

    def cancel(self, msg: object = None) -> bool:
        """Cancel the task. A coroutine that has not waited yet cannot be cancelled: False."""
        return self.task is not None and self.task.cancel(msg)

    def cancelling(self) -> int:
        """As Task.cancelling."""
        return self.task.cancelling() if self.task is not None else 0

    def uncancel(self) -> int:
        """As Task.uncancel."""
        return self.task.uncancel() if self.task is not None else 0

    def get_name(self) -> str:
        """As Task.get_name."""
        return self.task.get_name() if self.task is not None else "early"


class Waiting(Generic[T]):
    """A coroutine that waits for something. Await it, in a task of its own, for its result."""

    __slots__ = ("_coroutine", "_early", "_yielded")

    def __init__(self, coroutine: Coroutine[Any, Any, T], yielded: object, early: EarlyTask) -> None:
        self._coroutine = coroutine
        self._yielded = yielded
        self._early = early

    def bind(self, task: asyncio.Task[Any]) -> None:
        """The task that goes on with it, told before that task runs."""
        self._early.task = task

    def __await__(self) -> Generator[Any, Any, T]:
        coroutine, yielded = self._coroutine, self._yielded
        while True:
            thrown: BaseException | None = None
            sent = None
            try:
                sent = yield yielded
            except GeneratorExit:
                coroutine.close()
                raise
            except BaseException as error:
                thrown = error
            try:
                yielded = coroutine.send(sent) if thrown is None else coroutine.throw(thrown)
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]


def begin(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T]) -> T | Waiting[T]:
    """The result, or the coroutine as it waits. Raises what the coroutine raises. Not to be called from a task."""
    early = EarlyTask()
    _enter_task(loop, early)  # type: ignore[arg-type]
    try:
        yielded = coroutine.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    finally:
        _leave_task(loop, early)  # type: ignore[arg-type]
    return Waiting(coroutine, yielded, early)
