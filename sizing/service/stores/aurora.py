"""How much capacity, and how many connections, does an Aurora database have?"""

from fractions import Fraction

from sizing.site import Environment
from sizing.values.exact import ceiling

WRITES_PER_S_PER_ACU = 100
"""Small writes that one Aurora capacity unit commits in a second. Basis: assumed (50 to 500);
measure with your own rows and change it here."""
MIN_ACU = {Environment.dev: Fraction(1, 2), Environment.prod: Fraction(2)}
"""Lowest capacity units. Basis: vendor for the least, never paused; assumed for prod, whose cache
must not start cold."""
MAX_ACU = 256
"""Highest capacity units. Basis: vendor, Aurora Serverless v2 on current versions."""
CONNECTIONS_PER_ACU, CONNECTIONS_AT_MOST, CONNECTIONS_OF_HALF_ACU = 189, 5_000, 2_000
"""Connections of Aurora PostgreSQL by its highest capacity, and at most where its lowest capacity
is below 1. Basis: vendor (AWS re:Post, max_connections of Aurora PostgreSQL serverless: 189 at 1
ACU, 3,360 at 16, 5,000 from 32 on; 2,000 at most with a minimum of 0.5)."""


def capacity(
    writes_per_s: Fraction, environment: Environment, memory_acu: Fraction = Fraction(0)
) -> tuple[Fraction, Fraction]:
    """Lowest and highest capacity units of a database with so many writes at the busiest moment.

    The lowest ones hold what must stay in memory, `memory_acu`.
    """
    lowest = min(max(MIN_ACU[environment], memory_acu), Fraction(MAX_ACU))
    return lowest, highest_acu(writes_per_s, WRITES_PER_S_PER_ACU, lowest)


def highest_acu(writes_per_s: Fraction, writes_per_s_per_acu: int, lowest: Fraction) -> Fraction:
    """Aurora capacity units for twice the peak rate of writes.

    ceil(2 x 2 x writes/s / writes/s a unit) / 2, at least 1 and the lowest, at most 256

    Basis: arithmetic; scaled in halves, as the service does.
    """
    halves = Fraction(ceiling(4 * writes_per_s / writes_per_s_per_acu), 2)
    return min(max(halves, Fraction(1), lowest), Fraction(MAX_ACU))


def connections_limit(min_acu: Fraction, max_acu: Fraction) -> int:
    """Connections that Aurora takes at its highest capacity.

    min(189 x highest ACU, 5,000), and at most 2,000 where the lowest ACU is below 1

    Basis: vendor, see `CONNECTIONS_PER_ACU`.
    """
    most = CONNECTIONS_AT_MOST if min_acu >= 1 else CONNECTIONS_OF_HALF_ACU
    return min(int(CONNECTIONS_PER_ACU * max_acu), most)
