"""Rows on how capacity is bought: quotas, ways to buy, and the days that a request takes."""

from typing import Annotated, Literal

from pydantic import Field

from sizing.catalog.records import Fact, PositiveInt, Record


class Quota(Fact):
    """Limit of an account in one region. Its own value may differ, and no account is read.

    Basis: vendor, as cited in `source` (`sizing/catalog/data/quotas.csv`).
    """

    code: str = Field(pattern=r"^L-[0-9A-F]{8}$")
    """Code of the quota."""
    service: Literal["ec2", "eks", "vpc"]
    """AWS service that has the quota."""
    quota: str
    """Name of the quota."""
    default_value: Annotated[int | None, Field(ge=0)] = None
    """Value in a new account; None where it is unknown."""
    spot_families: tuple[str, ...] = ()
    """Instance families whose spot nodes count; empty for other quotas."""

    @property
    def names(self) -> tuple[str, ...]:
        """Code, the key of the row."""
        return (self.code.lower(),)


class PurchaseWay(Record):
    """Limits of one way to buy nodes. None means that there is no such limit.

    Basis: vendor, as cited in `source` (`sizing/catalog/data/purchase_ways.csv`).
    """

    way: Literal["capacity_block", "dated_reservation", "spot"]
    """Way to buy."""
    families: tuple[str, ...] = ()
    """Letters of the families that are sold this way; empty where `purchase` of a type says it."""
    min_days_ahead: PositiveInt | None = None
    """Fewest days between the request and the first use."""
    max_days_ahead: PositiveInt | None = None
    """Most days between the request and the first use."""
    nodes_each: PositiveInt | None = None
    """Most nodes of one purchase."""
    nodes_in_all: PositiveInt | None = None
    """Most nodes of all purchases of an account."""
    longest_days: PositiveInt | None = None
    """Most days of one purchase."""
    notice_min: PositiveInt | None = None
    """Minutes before the end at which AWS begins to terminate nodes."""
    terms: str
    """Other terms, in a clause."""

    @property
    def names(self) -> tuple[str, ...]:
        """Way, the key of the row."""
        return (self.way,)


class LeadTime(Record):
    """Days that one step before the first use takes.

    Basis: the row's own (`sizing/catalog/data/lead_times.csv`).
    """

    step: Literal["build", "quota", "reservation"]
    """Step of the calendar."""
    days: PositiveInt
    """Days from the request until its result."""
    basis: Literal["assumed", "vendor"]
    """Basis of the number."""

    @property
    def names(self) -> tuple[str, ...]:
        """Step, the key of the row."""
        return (self.step,)
