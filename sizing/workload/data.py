"""Which data does a service store, and how do its results reach their viewers?"""

from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from sizing.values.exact import exact
from sizing.values.field_error import FieldError
from sizing.values.strict import Strict, absent
from sizing.values.written import Positive, PositiveCount, Ratio
from sizing.workload.kinds import Kind, StorageClass
from sizing.workload.request import Request
from sizing.workload.zones import REGION

MOVES = tuple(StorageClass)
"""Storage classes in the order in which S3 moves objects down. Basis: vendor (S3 user guide,
lifecycle transitions)."""
INFREQUENT_DAYS = 30
"""Days before an object may move to infrequent access, and before it may leave it again. Basis:
vendor (S3 user guide, lifecycle transitions; API reference of Transition)."""


class Client(StrEnum):
    """Program that reads and writes the stored data."""

    application = "application"
    """The application of the workload."""
    own = "own"
    """Your own programs."""


class Tier(Strict):
    """Storage class of files from an age on."""

    after_days: PositiveCount
    """Age in days from which files are in this class."""
    storage_class: StorageClass
    """Storage class of S3."""


class Data(Strict):
    profile_bytes_per_user: Annotated[Positive | None, Field(exclude_if=absent)] = None
    """Stored bytes of each user. When left out, no profiles are stored."""
    interaction_bytes: Annotated[Positive | None, Field(exclude_if=absent)] = None
    """Stored bytes of each request and its answer. When left out, those of an image or clip follow
    from its pixels."""
    index_ratio: Ratio = Field(default=Decimal(0), ge=0)
    """Bytes of indexes over bytes of interactions."""
    retention_days: PositiveCount
    """Days for which interactions are stored."""
    client: Annotated[
        Client | None, Field(exclude_if=lambda client: client is not Client.application)
    ] = None
    """Program that uses the stores: own, or application, which is the default where the workload
    has one. The workers of a queue write its results."""
    tiers: Annotated[tuple[Tier, ...], Field(exclude_if=lambda given: not given)] = ()
    """Storage classes of older images and clips, by age."""
    copy_region: Annotated[
        str | None, Field(pattern=REGION, examples=["us-west-2"], exclude_if=absent)
    ] = None
    """AWS region that keeps a second copy of each image or clip. When left out, only the stack's
    region keeps them."""

    @model_validator(mode="after")
    def _tiers_follow_each_other(self) -> Self:
        """Check the rules of S3: later and lower each time, and before the files expire."""
        for index, tier in enumerate(self.tiers):
            self._long_enough(("tiers", index, "after_days"), tier)
        for index, (before, after) in enumerate(pairwise(self.tiers), start=1):
            _below(index, before, after)
        return self

    def _long_enough(self, field: tuple[str | int, ...], tier: Tier) -> None:
        if tier.after_days >= self.retention_days:
            message = f"files expire after {self.retention_days} days"
            raise FieldError(field, message, "less than retention_days")
        infrequent = tier.storage_class is StorageClass.standard_ia
        if infrequent and tier.after_days < INFREQUENT_DAYS:
            message = f"S3 moves no younger file to {tier.storage_class.value}"
            raise FieldError(field, message, f"at least {INFREQUENT_DAYS}")


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


def _below(index: int, before: Tier, after: Tier) -> None:
    """Raises FieldError where S3 would not move files from one tier to the next."""
    if MOVES.index(after.storage_class) <= MOVES.index(before.storage_class):
        message = f"S3 moves nothing from {before.storage_class.value} to it"
        raise FieldError(
            ("tiers", index, "storage_class"), message, f"in order: {', '.join(MOVES)}"
        )
    stays = INFREQUENT_DAYS if before.storage_class is StorageClass.standard_ia else 1
    least = before.after_days + stays
    if after.after_days < least:
        message = f"files stay at least {stays} days in {before.storage_class.value}"
        raise FieldError(("tiers", index, "after_days"), message, f"at least {least}")


def files_are_of_the_kind(
    kind: Kind, request: Request, data: Data | None, *, measured: bool
) -> None:
    """Check the format of a service's files, and that only files have derived bytes and tiers.

    The rows of an application have `measured` bytes. Raises FieldError.
    """
    formats = kind.traits.formats
    if request.format is not None and request.format not in formats:
        message = f"{kind.value} has no such format"
        raise FieldError(("request", "format"), message, " or ".join(formats))
    if request.frames_per_s is not None and kind is not Kind.video:
        raise FieldError(("request", "frames_per_s"), "an image has one frame", "kind: video")
    if data is None or formats:
        return
    if data.interaction_bytes is None and not measured:
        message = "missing, and no application stores the text"
        expected = "bytes of a request and its answer, or application: {api: ogx}"
        raise FieldError(("data", "interaction_bytes"), message, expected)
    for field in ("tiers", "copy_region"):
        if getattr(data, field):
            message = f"{kind.value} stores no files"
            raise FieldError(("data", field), message, "kind: image or kind: video")


def none_is_absent(value: Any) -> Any:
    """Return None for the word none."""
    return None if value == "none" else value
