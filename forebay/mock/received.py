"""What a mock provider was sent: the last requests, bounded in number and bytes."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from forebay.mock.http1 import Request

_REQUESTS = 2_000
_BYTES = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it arrived, `status` as it was answered."""

    request: Request
    status: int

    def to_json(self) -> dict[str, object]:
        """As `GET /__received` shows it: headers as pairs, the body as text."""
        return {
            "method": self.request.method,
            "path": self.request.path,
            "headers": [list(pair) for pair in self.request.headers],
            "body": self.request.body.decode("utf-8", "replace"),
            "status": self.status,
        }


class Inbox:
    """Requests in the order of arrival. The oldest go when there are too many, or too many bytes."""

    def __init__(self) -> None:
        self._items: deque[Received] = deque()
        self._bytes = 0

    def add(self, item: Received) -> None:
        """Keep one request."""
        self._items.append(item)
        self._bytes += len(item.request.body)
        while len(self._items) > _REQUESTS or (self._bytes > _BYTES and len(self._items) > 1):
            self._bytes -= len(self._items.popleft().request.body)

    def clear(self) -> None:
        """Forget everything."""
        self._items.clear()
        self._bytes = 0

    def __iter__(self) -> Iterator[Received]:
        return iter(tuple(self._items))

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> Received:
        return self._items[index]
