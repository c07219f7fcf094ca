"""What does an application in front of the engines take for one request?"""

from decimal import Decimal

from sizing.catalog.records import Fact, Rate


class ApplicationWork(Fact):
    """One measured figure of an application: CPU time, commits, rows or bytes.

    Basis: measured by `bench/application.py`, as `source` says.
    """

    item: str
    """Figure, which ends in its unit, such as cpu_s_per_response."""
    unit: str
    """Unit of the figure."""
    value: Rate
    """Median of the measurements."""
    high: Decimal | None = None
    """Highest of the measurements; None where they are all alike."""

    @property
    def names(self) -> tuple[str, ...]:
        """Figure, the key of the row."""
        return (self.item,)

    @property
    def sized(self) -> Decimal:
        """Figure that sizes a service: the highest one."""
        return self.value if self.high is None else self.high
