"""Records are worked on in short bites."""

from forebay.record.pace import BITE, REST, Pace


class _Watch:
    """A clock that each item moves on by `each` seconds."""

    def __init__(self, each: float) -> None:
        self.now, self.each = 0.0, each
        self.rests: list[tuple[float, float]] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.rests.append((round(self.now, 9), seconds))
        self.now += seconds

    def work(self, count: int, *, hurried: bool) -> list[int]:
        done = []
        for item in Pace(self.clock, self.sleep).through(range(count), hurried=hurried):
            done.append(item)
            self.now += self.each
        return done


def test_a_rest_follows_each_bite_and_none_the_last() -> None:
    """Five items a bite: after 15 there were two rests, and every item came once, in order."""
    watch = _Watch(BITE / 5 + 1e-9)
    assert watch.work(15, hurried=False) == list(range(15))
    assert [seconds for _, seconds in watch.rests] == [REST, REST]


def test_nobody_rests_before_a_bite_is_full() -> None:
    """A few lines are done at once."""
    watch = _Watch(BITE / 10)
    watch.work(10, hurried=False)
    assert watch.rests == []


def test_an_item_longer_than_a_bite_is_followed_by_one_rest() -> None:
    """What takes long is not cut, only rested after."""
    watch = _Watch(BITE * 7)
    watch.work(3, hurried=False)
    assert len(watch.rests) == 2


def test_who_is_behind_does_not_rest() -> None:
    """A backlog is worked off as fast as it goes."""
    watch = _Watch(BITE)
    assert watch.work(100, hurried=True) == list(range(100))
    assert watch.rests == []
