"""A request's attempts, remembered from their own lines until the request's line comes."""

from collections import OrderedDict
from typing import Final

from forebay.record.model import AttemptRecord

MOST_REQUESTS: Final = 20_000  # attempts without a request line yet: open requests, and a few that never get one
MOST_ATTEMPTS: Final = 32  # of one request


class Attempts:
    """Bounded: the longest remembered are forgotten first, which costs precision of a reason, never a record."""

    def __init__(self) -> None:
        self._by_id: OrderedDict[str, list[AttemptRecord]] = OrderedDict()

    def remember(self, attempt: AttemptRecord) -> None:
        """Keep `attempt` for its request; one without an id belongs to none."""
        if attempt.id is None:
            return
        kept = self._by_id.setdefault(attempt.id, [])
        if len(kept) < MOST_ATTEMPTS:
            kept.append(attempt)
        while len(self._by_id) > MOST_REQUESTS:
            self._by_id.popitem(last=False)

    def recall(self, request_id: str | None) -> tuple[AttemptRecord, ...]:
        """The attempts of a request in order, forgotten with that; empty where none were seen."""
        return tuple(self._by_id.pop(request_id, ())) if request_id is not None else ()
