"""How are the results of a queued service delivered to their viewers?"""

from enum import StrEnum
from fractions import Fraction
from typing import Annotated

from pydantic import Field

from sizing.values.exact import exact
from sizing.values.strict import Strict
from sizing.values.written import Positive, Ratio


class PriceClass(StrEnum):
    """Edge locations of CloudFront that serve viewers, by their price."""

    everywhere = "PriceClass_All"
    """All edge locations."""
    most = "PriceClass_200"
    """All but the most expensive locations."""
    cheapest = "PriceClass_100"
    """The least expensive locations: North America, Europe and Israel."""


class Cdn(Strict):
    """Content delivery network (CloudFront) in front of the bucket of results."""

    views_per_item: Annotated[Positive, Field(le=1_000_000)]
    """Mean views of one result until it expires."""
    hit_ratio: Annotated[Ratio, Field(ge=0, lt=1)]
    """Share of the views that a cache of the network answers. The bucket answers the others."""
    price_class: PriceClass = PriceClass.everywhere
    """Edge locations that serve viewers. Other viewers get the nearest of these."""

    @property
    def origin_reads(self) -> Fraction:
        """Reads of one result from the bucket: views x (1 - hit ratio). Basis: arithmetic."""
        return exact(self.views_per_item) * (1 - exact(self.hit_ratio))
