"""Coroutines run at once; only one that waits becomes a task, and then everything of asyncio's works in it."""

import asyncio

import pytest

from extproc.wire.eager import Waiting, begin


def from_the_loop(work):
    """What `work(loop)` returns when it is called as a transport calls a protocol: from the loop, not from a task."""

    async def main():
        loop = asyncio.get_running_loop()
        done = loop.create_future()

        def call():
            try:
                done.set_result(work(loop))
            except BaseException as error:
                done.set_exception(error)

        loop.call_soon(call)
        result = await done
        return await as_task(loop, result) if isinstance(result, Waiting) else result

    return asyncio.run(main())


def as_task(loop, waiting):
    """As Link makes it."""

    async def finish():
        return await waiting

    task = loop.create_task(finish())
    waiting.bind(task)
    return task


async def at_once(value):
    """Never waits."""
    return value


def test_a_coroutine_that_never_waits_is_done_at_once():
    """No task is made."""
    assert from_the_loop(lambda loop: [begin(loop, at_once(5)), len(asyncio.all_tasks(loop))]) == [5, 1]


def test_what_a_coroutine_raises_comes_out():
    """At once as well."""

    async def broken():
        raise LookupError

    with pytest.raises(LookupError):
        from_the_loop(lambda loop: begin(loop, broken()))


def test_no_task_is_current_afterwards():
    """Whatever happened, the loop is as it was."""

    async def broken():
        raise LookupError

    def work(loop):
        with pytest.raises(LookupError):
            begin(loop, broken())
        begin(loop, at_once(1))
        return asyncio.current_task()

    assert from_the_loop(work) is None


def test_a_coroutine_that_waits_goes_on_where_it_was():
    """Several times, with results and exceptions of what it waits for."""

    async def waits():
        seen = [1]
        await asyncio.sleep(0)
        seen.append(2)
        try:
            await asyncio.wait_for(asyncio.sleep(10), 0.01)
        except TimeoutError:
            seen.append(3)
        return [*seen, await at_once(4)]

    assert from_the_loop(lambda loop: begin(loop, waits())) == [1, 2, 3, 4]


@pytest.mark.parametrize("late", [False, True])
def test_a_timeout_that_began_before_the_task_still_strikes(late):
    """`asyncio.timeout` asks for the current task before there is one."""

    async def waits():
        if late:
            await asyncio.sleep(0)
        async with asyncio.timeout(0.01):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        from_the_loop(lambda loop: begin(loop, waits()))


def test_a_timeout_in_time_changes_nothing():
    """It begins before the task and ends in it."""

    async def waits():
        async with asyncio.timeout(10):
            await asyncio.sleep(0)
        return "in time"

    assert from_the_loop(lambda loop: begin(loop, waits())) == "in time"


def test_a_task_group_works_from_the_start():
    """It too asks for the current task."""

    async def waits():
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(at_once(number)) for number in range(3)]
        return [task.result() for task in tasks]

    assert from_the_loop(lambda loop: begin(loop, waits())) == [0, 1, 2]


def test_cancelling_reaches_the_coroutine():
    """Its `finally` runs."""
    seen = []

    async def waits():
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("cancelled")

    async def main():
        loop = asyncio.get_running_loop()
        begun = loop.create_future()
        loop.call_soon(lambda: begun.set_result(begin(loop, waits())))
        task = as_task(loop, await begun)
        loop.call_soon(task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert seen == ["cancelled"]
