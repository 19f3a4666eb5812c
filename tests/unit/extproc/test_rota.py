"""Rota: one job at a time, tenants in rotation."""

import asyncio
from collections.abc import Sequence

from extproc.rota import Rota


def served(waiting: Sequence[tuple[str, int]], leaving: Sequence[tuple[str, int]] = ()) -> list[tuple[str, int]]:
    """In which order those in the queue behind one job have their turn; some leave it before that job is done."""

    async def story() -> list[tuple[str, int]]:
        rota, order = Rota(), []

        async def job(who: tuple[str, int]) -> None:
            await rota.acquire(who[0])
            order.append(who)
            await asyncio.sleep(0)
            rota.release()

        await rota.acquire("first")
        tasks = {who: asyncio.ensure_future(job(who)) for who in waiting}
        await asyncio.sleep(0)
        for who in leaving:
            tasks[who].cancel()
        await asyncio.sleep(0)
        rota.release()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        await asyncio.wait_for(rota.acquire("last"), 1)  # nobody has kept a turn
        return order

    return asyncio.run(story())


def test_one_tenants_jobs_are_done_in_their_order() -> None:
    """As in any queue."""
    waiting = [("a", number) for number in range(5)]
    assert served(waiting) == waiting


def test_a_tenant_with_many_jobs_holds_up_nobody_by_more_than_one() -> None:
    """Whoever comes has one job of each other tenant before its own, however many those have."""
    many = [("bad", number) for number in range(50)]
    assert served([*many, ("good", 1), ("other", 1), ("good", 2)])[:6] == [
        ("bad", 0),
        ("good", 1),
        ("other", 1),
        ("bad", 1),
        ("good", 2),
        ("bad", 2),
    ]


def test_who_leaves_is_skipped_and_takes_no_turn() -> None:
    """A caller that is gone needs nothing; its tenant's other jobs keep their place."""
    waiting = [("a", 1), ("a", 2), ("b", 1), ("c", 1)]
    assert served(waiting, leaving=[("a", 1), ("b", 1)]) == [("a", 2), ("c", 1)]
    assert served(waiting, leaving=waiting) == []


def test_who_leaves_when_it_is_given_the_turn_hands_it_on() -> None:
    """Both may happen in one round of the loop; a turn that nobody gives back would be the last."""

    async def story() -> None:
        rota = Rota()
        await rota.acquire("first")
        leaving = asyncio.ensure_future(rota.acquire("a"))
        await asyncio.sleep(0)
        rota.release()
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        await asyncio.wait_for(rota.acquire("b"), 1)

    asyncio.run(story())
