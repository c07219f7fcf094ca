"""Which other models answer requests of an application, and which requests do they get?"""

from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from sizing.values.field_error import FieldError
from sizing.values.strict import Strict, absent
from sizing.values.written import PositiveCount, Ratio

SERVICE = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
"""Form of the name of a service."""
OWN_PROVIDER = "engine"
"""First part of the name of the application's own model, for its callers."""
STATED_HEADER = "x-route"
"""Header by which a caller gets the model that the request names: `x-route: stated`."""
MEANT = (STATED_HEADER, "authorization", "connection", "cookie", "host", "x-forwarded-for")
"""Headers that have a meaning already."""
ServiceName = Annotated[str, Field(pattern=SERVICE, max_length=30, examples=["small"])]


class RouteHeader(Strict):
    """Header by which callers mark their easy requests."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=64, examples=["x-easy"])
    """Name of the header, in lower-case letters."""
    value: str = Field(pattern=r"^[A-Za-z0-9_.-]+$", max_length=64, examples=["yes"])
    """Value of the header of an easy request."""

    @model_validator(mode="after")
    def _is_free(self) -> Self:
        if self.name in MEANT or self.name.startswith(("x-ogx-", "content-", "x-amzn-")):
            raise FieldError(("name",), f"{self.name} has a meaning already", "another header")
        return self


class Easy(Strict):
    """Requests that name the application's own model, and that a smaller one answers."""

    service: ServiceName
    """Service of the smaller model. Its own file names this one in `access.service`."""
    share: Annotated[Ratio, Field(gt=0, lt=1)]
    """Share of this service's requests that are easy, between 0 and 1. It sizes both services."""
    prompt_tokens: Annotated[PositiveCount | None, Field(le=10**6, exclude_if=absent)] = None
    """Maximum tokens of an easy prompt, as estimated from its bytes."""
    header: Annotated[RouteHeader | None, Field(exclude_if=absent)] = None
    """Header of an easy request, instead of its length."""

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if (self.prompt_tokens is None) == (self.header is None):
            both = self.header is not None
            message = "two rules decide which requests are easy" if both else "missing"
            expected = "prompt_tokens of an easy request, or header: one of them"
            raise FieldError(("prompt_tokens",), message, expected)
        return self


def named(value: Any) -> Any:
    """Return the section for a service that is given by its name alone."""
    return {"service": value} if isinstance(value, str) else value


class Route(Strict):
    """Other services of the stack whose models the application offers next to its own."""

    services: Annotated[tuple[ServiceName, ...], Field(max_length=20)] = ()
    """Services whose models requests may name. That of `easy` is one of them in any case."""
    easy: Annotated[
        Easy | None,
        BeforeValidator(named, json_schema_input_type=ServiceName | Easy | None),
        Field(exclude_if=absent),
    ] = None
    """Requests that a smaller model answers. When left out, the model that a request names answers
    it."""

    @property
    def names(self) -> tuple[str, ...]:
        """Services to which it routes, each once."""
        easy = () if self.easy is None else (self.easy.service,)
        return tuple(dict.fromkeys((*self.services, *easy)))

    @model_validator(mode="after")
    def _names_services(self) -> Self:
        if not self.names:
            raise FieldError((), "it names no service", "services, easy or both")
        for place, name in enumerate(self.services):
            if name in self.services[:place]:
                raise FieldError(("services", place), f"{name} is there twice", "each name once")
        return self

    def field_of(self, name: str) -> tuple[str | int, ...]:
        """Field that names a service."""
        if name in self.services:
            return ("route", "services", self.services.index(name))
        return ("route", "easy", "service")
