"""Which replica gets the next request?"""

from typing import Protocol


class Balancer(Protocol):
    """Replicas by number, and the requests that each of them has."""

    def choose(self) -> int | None:
        """Return the replica of the next request; None without one."""

    def changed(self, replica: int, requests: int) -> None:
        """Record that a replica now has so many requests."""

    def add(self, replica: int) -> None:
        """Let a replica without requests take part."""

    def remove(self, replica: int) -> None:
        """Give a replica no further request. It need not take part."""


class LeastRequests:
    """The replica with the fewest requests is next; of several, the one that changed first.

    Basis: vendor (least outstanding requests of a target group); the order of several is assumed.
    """

    def __init__(self, replicas: int) -> None:
        self._by_requests: list[dict[int, None]] = [dict.fromkeys(range(replicas))]
        self._requests: dict[int, int] = dict.fromkeys(range(replicas), 0)
        self._fewest = 0

    def choose(self) -> int | None:
        if not self._requests:
            return None
        while not self._by_requests[self._fewest]:
            self._fewest += 1
        return next(iter(self._by_requests[self._fewest]))

    def changed(self, replica: int, requests: int) -> None:
        before = self._requests.get(replica)
        if before is None:
            return
        del self._by_requests[before][replica]
        self._place(replica, requests)

    def _place(self, replica: int, requests: int) -> None:
        while len(self._by_requests) <= requests:
            self._by_requests.append({})
        self._by_requests[requests][replica] = None
        self._requests[replica] = requests
        self._fewest = min(self._fewest, requests)

    def add(self, replica: int) -> None:
        self._place(replica, 0)

    def remove(self, replica: int) -> None:
        requests = self._requests.pop(replica, None)
        if requests is not None:
            del self._by_requests[requests][replica]


class RoundRobin:
    """Each replica is next in turn, whatever it has. Basis: vendor (a target group's default)."""

    def __init__(self, replicas: int) -> None:
        self._order = list(range(replicas))
        self._turn = 0

    def choose(self) -> int | None:
        if not self._order:
            return None
        self._turn = (self._turn + 1) % len(self._order)
        return self._order[self._turn]

    def changed(self, replica: int, requests: int) -> None:
        """Requests do not matter to the turn."""

    def add(self, replica: int) -> None:
        self._order.append(replica)

    def remove(self, replica: int) -> None:
        if replica in self._order:
            self._order.remove(replica)
