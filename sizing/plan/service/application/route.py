"""Other models of an application, and the requests that they get."""

from typing import Annotated

from pydantic import Field

from sizing.plan.part import Part
from sizing.plan.reaches import DEPLOYMENT, Reaches
from sizing.plan.service.application.api import ENVIRONMENT
from sizing.values.exact import Number
from sizing.values.strict import absent


class EasyPlan(Part):
    """Requests that name the own model, and that a smaller one answers."""

    service: str
    """Service of the smaller model."""
    share: Number
    """Share of the service's own requests that are easy."""
    prompt_bytes: Annotated[
        int | None, Reaches(DEPLOYMENT, ENVIRONMENT), Field(exclude_if=absent)
    ] = None
    """Bytes of an easy prompt at most; left out where a header decides."""
    header: Annotated[str | None, Reaches(DEPLOYMENT, ENVIRONMENT), Field(exclude_if=absent)] = None
    """Header of an easy request, `name: value`; left out where the length decides."""


class RoutedPlan(Part):
    """Service whose model the application offers too."""

    service: str
    """Name of the service, and first part of the name of its model for callers."""
    requests_per_s_mean: Number
    """Requests a second that it answers, on the daily mean."""
    requests_per_s_peak: Number | None
    """Requests a second that it answers at the peak; null where no peak is given."""


class RoutePlan(Part):
    """Requests that pass the application of a service, for all its models."""

    requests_per_s_mean: Number
    """Requests a second to the application, on the daily mean."""
    requests_per_s_peak: Number | None
    """Requests a second to the application, if all peaks coincide; null where none is given."""
    request_bytes: Number | None
    """Mean bytes of a request; null where a file does not state them."""
    response_bytes: Number | None
    """Mean bytes of an answer; null where a file does not state them."""
    services: tuple[RoutedPlan, ...]
    """Other services that answer."""
    easy: Annotated[EasyPlan | None, Field(exclude_if=absent)] = None
    """Requests that a smaller model answers; left out where the named model answers."""
