"""What a site creates itself or uses as it stands: plain ids, so that they decide what exists."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from sizing.field_error import FieldError
from sizing.workload import Strict

Domain = Annotated[
    str, Field(pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$", max_length=180)
]
"""Short enough for a service's name before it: 253 characters in all."""
HostedZoneId = Annotated[str, Field(pattern=r"^Z[A-Z0-9]{1,31}$")]


class UsedZone(Strict):
    """A public hosted zone of the account that stands already."""

    zone_id: HostedZoneId
    """Id of the public hosted zone, e.g. Z0123456789ABCDEFGHIJ."""
    domain: Domain
    """Domain of the services' names: the zone's own, or one below it."""


class CreatedZone(Strict):
    """A public hosted zone of the stack's own."""

    domain: Domain
    """Domain of the new zone and of the services' names."""
    parent_zone_id: HostedZoneId | None = None
    """Zone of the account that delegates to it; without one, you delegate by hand."""


class Dns(Strict):
    """Where the services have their names, and their certificate is proven."""

    use: UsedZone | None = None
    """A hosted zone that stands."""
    create: CreatedZone | None = None
    """A hosted zone of the stack's own."""

    @property
    def domain(self) -> str:
        """Domain below which each service has its name."""
        zone = self.use or self.create
        assert zone is not None, "one of the two is given"
        return zone.domain

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.use is None) == (self.create is None):
            raise FieldError((), "says both or neither", "either use or create")
        return self
