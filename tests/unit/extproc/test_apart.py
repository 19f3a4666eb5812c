"""A process beside: one job at a time, each with a deadline, nothing left behind."""

import asyncio
import operator
import os
import threading
import time
from collections.abc import Iterator

import pytest

from extproc.apart import Apart, JobLost

LONG = 20.0


@pytest.fixture
def apart() -> Iterator[Apart]:
    made = Apart(os.getpid)
    yield made
    made.close()


def test_a_job_runs_in_another_process(apart: Apart) -> None:
    """And in the same one as the job before."""

    async def story() -> tuple[int, int]:
        return await apart.run(LONG, os.getpid), await apart.run(LONG, os.getpid)

    first, second = asyncio.run(story())
    assert first == second != os.getpid()


def test_what_a_job_raises_is_raised_here(apart: Apart) -> None:
    """And the process serves the next one."""

    async def story() -> float:
        with pytest.raises(ZeroDivisionError):
            await apart.run(LONG, operator.truediv, 1, 0)
        return await apart.run(LONG, operator.truediv, 1, 2)

    assert asyncio.run(story()) == 0.5


def test_a_job_that_misses_its_deadline_costs_the_process(apart: Apart) -> None:
    """The next job gets a new one."""

    async def story() -> tuple[int, int]:
        before = await apart.run(LONG, os.getpid)
        with pytest.raises(JobLost):
            await apart.run(0.1, time.sleep, LONG)
        return before, await apart.run(LONG, os.getpid)

    before, after = asyncio.run(story())
    assert before != after


def test_a_job_that_kills_its_process_is_lost(apart: Apart) -> None:
    """A crash is a missed deadline that came early."""

    async def story() -> float:
        with pytest.raises(JobLost):
            await apart.run(LONG, os._exit, 1)
        return await apart.run(LONG, operator.truediv, 1, 2)

    assert asyncio.run(story()) == 0.5


def test_who_leaves_the_queue_is_skipped(apart: Apart) -> None:
    """Only the job that has begun is finished for nobody."""

    async def story() -> int:
        before = await apart.run(LONG, os.getpid)
        running = [asyncio.ensure_future(apart.run(LONG, time.sleep, 0.2))]
        running += [asyncio.ensure_future(apart.run(LONG, os._exit, 1)) for _ in range(3)]
        await asyncio.sleep(0.05)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        return before - await apart.run(LONG, os.getpid)

    assert asyncio.run(story()) == 0


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 65_536, 3_000_000])
def test_jobs_and_outcomes_of_any_size_travel(apart: Apart, size: int) -> None:
    """More than a socket's buffer, and nothing at all."""
    assert asyncio.run(apart.run(LONG, bytes.upper, b"a" * size)) == b"A" * size


def test_an_outcome_that_cannot_travel_is_an_error(apart: Apart) -> None:
    """And the process serves the next job."""

    async def story() -> float:
        with pytest.raises(TypeError, match="cannot pickle"):
            await apart.run(LONG, threading.Lock)
        return await apart.run(LONG, operator.truediv, 1, 2)

    assert asyncio.run(story()) == 0.5


def test_who_waits_is_told_when_it_is_closed(apart: Apart) -> None:
    """At the end of the processor, in the middle of a job."""

    async def story() -> None:
        job = asyncio.ensure_future(apart.run(LONG, time.sleep, LONG))
        await asyncio.sleep(0.5)
        apart.close()
        with pytest.raises(JobLost):
            await job

    asyncio.run(story())
