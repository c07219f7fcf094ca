"""Who may call a service, and how often?"""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from sizing.values.field_error import FieldError
from sizing.values.strict import Strict, absent
from sizing.values.written import Count, Flag, PositiveCount
from sizing.workload.route.route import ServiceName


class ClaimFormat(StrEnum):
    single_string = "single-string"
    """The claim is one text."""
    string_array = "string-array"
    """The claim is a list of texts."""
    space_separated_values = "space-separated-values"
    """The claim has texts separated by spaces, as in scope."""


class Claim(Strict):
    """Claim that a caller's token must have."""

    name: str = Field(pattern=r"^[A-Za-z0-9_:./-]+$", max_length=64, examples=["scope"])
    """Name of the claim, e.g. aud or scope."""
    values: tuple[Annotated[str, Field(min_length=1, max_length=256)], ...] = Field(
        min_length=1, max_length=10
    )
    """Accepted values. The token must have one of them."""
    format: ClaimFormat = ClaimFormat.single_string
    """Form of the claim in the token."""

    @model_validator(mode="after")
    def _is_not_validated_anyway(self) -> Self:
        if self.name in ("exp", "iss", "nbf", "iat"):
            raise FieldError(("name",), f"{self.name} is always validated", "another claim")
        return self


class Access(Strict):
    """Callers and their limits. A key is the token of a caller."""

    public: Flag = False
    """True where the internet can reach the service, with a token."""
    both_balancers: Flag = False
    """True where the internal and the public load balancer both serve while callers move. The name
    points to the one that `public` selects, and the other one has no deletion protection."""
    token_required: Flag = False
    """True where an internal service requires a token too. Public and queued services, and those
    with an application, always do."""
    claims: tuple[Claim, ...] = Field(default=(), max_length=10)
    """Claims that a token must have, in addition to the site's issuer."""
    requests_per_key_per_min: Annotated[Count, Field(gt=0, le=10**6)] | None = None
    """Maximum requests of one key per minute."""
    tokens_per_key_per_min: PositiveCount | None = None
    """Maximum tokens of one key per minute, prompts and answers. An application counts them by the
    user of a token. Without one, each request counts as its longest."""
    service: Annotated[ServiceName | None, Field(exclude_if=absent)] = None
    """Service of the stack whose application alone calls this one. Its `route` names this service,
    which then has no load balancer. When left out, the service has one of its own."""

    @property
    def has_public(self) -> bool:
        """True where a load balancer faces the internet."""
        return self.public or self.both_balancers

    @property
    def asks_for_token(self) -> bool:
        """True where a load balancer requires a token of its callers."""
        return self.has_public or self.token_required

    @property
    def by_token(self) -> tuple[str, ...]:
        """Stated fields that apply to callers with tokens."""
        names = ("claims", "requests_per_key_per_min", "tokens_per_key_per_min")
        return tuple(name for name in names if getattr(self, name))

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        """Check that a service without a load balancer has no rules for one."""
        if self.service is None:
            return self
        for name in ("public", "both_balancers", "token_required", *self.by_token):
            if getattr(self, name):
                message = f"the application of {self.service} checks its callers"
                raise FieldError((name,), message, "no such key, or no access.service")
        return self

    @model_validator(mode="after")
    def _limits_count_by_token(self) -> Self:
        only_public = self.public and not self.both_balancers
        if only_public and "token_required" in self.model_fields_set and not self.token_required:
            raise FieldError(("token_required",), "a public service requires a token", "true")
        if self.has_public and not {*self.by_token} - {"claims"}:
            expected = "requests_per_key_per_min, tokens_per_key_per_min or both"
            raise FieldError((), "a public service needs a limit for each key", expected)
        if self.has_public and not self.claims:
            # Guard: an issuer's tokens for any other application would open it.
            expected = "claims of its callers' tokens alone, e.g. [{name: scope, values: [chat]}]"
            raise FieldError((), "a public service needs claims of its own", expected)
        return self
