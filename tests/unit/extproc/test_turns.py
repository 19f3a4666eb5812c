"""Turns: one slice for each round of the loop, in the order they were asked for."""

import asyncio

from extproc.turns import Turns


def test_each_round_of_the_loop_has_one_turn() -> None:
    """However many wait; who has waited longest comes first."""

    async def story() -> list[tuple[int, int]]:
        turns, rounds, taken = Turns(), 0, []

        async def working(name: int) -> None:
            for _ in range(3):
                await turns.mine()
                taken.append((rounds, name))

        tasks = [asyncio.ensure_future(working(name)) for name in range(4)]
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0)
            rounds += 1
        return taken

    taken = asyncio.run(story())
    assert [name for _, name in taken] == [0, 1, 2, 3] * 3
    rounds = [number for number, _ in taken]
    assert rounds == sorted(set(rounds))


def test_who_has_left_takes_nobodys_turn() -> None:
    """A stream that ended while it waited."""

    async def story() -> list[str]:
        turns, taken = Turns(), []

        async def working(name: str) -> None:
            await turns.mine()
            taken.append(name)

        left, stays = asyncio.ensure_future(working("left")), asyncio.ensure_future(working("stays"))
        await asyncio.sleep(0)
        left.cancel()
        await asyncio.gather(left, stays, return_exceptions=True)
        await asyncio.wait_for(working("later"), 1)
        return taken

    assert asyncio.run(story()) == ["stays", "later"]
