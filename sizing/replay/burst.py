"""How many replicas does the burst have as the load changes, and for how many hours?"""

from collections import deque
from dataclasses import dataclass
from math import ceil

LEAST_ADDED = 4
"""Replicas that one poll may add, or as many as there are, whichever is more. Basis: vendor
(default behaviour of a HorizontalPodAutoscaler)."""


@dataclass(frozen=True)
class BurstRule:
    """Scaling rule of a burst."""

    in_flight_target: int
    """Requests in flight on one replica above which another one starts."""
    most: int
    """Maximum replicas of the burst."""
    poll_s: float
    """Seconds between two looks at the requests in flight."""
    start_s: float
    """Seconds from the decision to the first request of a new replica."""
    cooldown_s: float
    """Seconds of low load before a replica stops."""
    replicas_per_node: int
    idle_s: float
    """Seconds that an empty node remains."""


class Burst:
    """Burst of one replay: replicas that were requested, and the node-seconds that they took.

    wanted = ceil(max(in flight - target x floor, 0) / target), at most `most`

    Basis: vendor (KEDA and the HorizontalPodAutoscaler, as `templates/burst.py` configures them).
    """

    def __init__(self, rule: BurstRule, floor: int) -> None:
        self.rule, self.floor = rule, floor
        self.requested = 0
        self.most = 0
        self.node_s = 0.0
        self.active_s = 0.0
        """Seconds in which at least one replica was requested."""
        self._wanted = deque[tuple[float, int]]()
        self._since_s = 0.0

    def begin(self, now: float) -> None:
        """Start to count at this second."""
        self._since_s = now

    def poll(self, now: float, in_flight: int, floor: int) -> int:
        """Return the replicas that are requested from now on. `floor` are those that serve."""
        rule = self.rule
        beyond = max(in_flight - rule.in_flight_target * floor, 0)
        wanted = min(ceil(beyond / rule.in_flight_target), rule.most)
        # Only a higher and later number can matter, so lower ones before it are dropped.
        while self._wanted and self._wanted[-1][1] <= wanted:
            self._wanted.pop()
        self._wanted.append((now, wanted))
        while self._wanted[0][0] <= now - rule.cooldown_s:
            self._wanted.popleft()
        allowed = self.requested + max(LEAST_ADDED, self.requested)
        self.count(now, min(self._wanted[0][1], allowed))
        return self.requested

    def count(self, now: float, requested: int) -> None:
        """Add the node-seconds until now, and record the number from now on."""
        passed, self._since_s = now - self._since_s, now
        nodes = ceil(self.requested / self.rule.replicas_per_node)
        self.node_s += passed * nodes
        self.active_s += passed * (nodes > 0)
        freed = nodes - ceil(requested / self.rule.replicas_per_node)
        self.node_s += max(freed, 0) * self.rule.idle_s
        self.requested = requested
        self.most = max(self.most, requested)
