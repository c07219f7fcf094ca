"""Which facts of the catalog does a workload name? Unknown names are faults of a field."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

from sizing.catalog import Catalog, Gpu, InstanceType, ModelFacts, UnknownName, zone_id_prefix
from sizing.exact import exact
from sizing.field_error import FieldError
from sizing.site import Site
from sizing.workload import Capacity, Precision, Workload

Found = TypeVar("Found")


@dataclass(frozen=True)
class Facts:
    """What the catalog knows of a workload's model and hardware."""

    model: ModelFacts | None
    parameters: Fraction
    precision: Precision
    instance: InstanceType | None
    gpu: Gpu | None


def facts_of(workload: Workload, catalog: Catalog) -> Facts:
    """The facts a workload names; literal parameters override the catalog's.

    Raises FieldError for a name the catalog lacks, with the nearest ones, for a model whose
    parameters or precision nobody states, and for a context that the model does not have.
    """
    model, named = None, workload.model
    if named.name is not None:
        model = _known(catalog.model, named.name, ("model", "name"), "a model of the catalog")
        _within_context(workload, model)
    instance = gpu = None
    if workload.hardware is not None:
        field = ("hardware", "instance_type")
        wanted = workload.hardware.instance_type
        instance = _known(catalog.instance_type, wanted, field, "an EC2 type with GPUs")
        gpu = catalog.gpu(instance.gpu)
        _same_gpu(workload.capacity, gpu, catalog)
    return Facts(model, _parameters(workload, model), _precision(workload, model), instance, gpu)


def site_zones(site: Site, catalog: Catalog) -> None:
    """Checks the zone ids. Raises FieldError for one that the region is known not to have."""
    known = catalog.region_zones(site.region) or ()
    prefix = zone_id_prefix(site.region)
    expected = "one of " + ", ".join(known) if known else f"an id like {prefix}-az1"
    for index, zone in enumerate(site.zones):
        if not zone.startswith(f"{prefix}-") or (known and zone not in known):
            raise FieldError(
                ("zones", index), f"{zone} is not a zone id of {site.region}", expected
            )


def _within_context(workload: Workload, model: ModelFacts) -> None:
    longest = workload.request.context_tokens
    if longest is not None and model.context is not None and longest > model.context:
        raise FieldError(
            ("request", "context_tokens"),
            f"longer than the context of {model.model}",
            f"at most {model.context}",
        )


def _known(find: Callable[[str], Found], name: str, field: tuple[str, ...], expected: str) -> Found:
    try:
        return find(name)
    except UnknownName as unknown:
        nearest = " or ".join(unknown.nearest)
        hint = f"did you mean {nearest}?" if nearest else "`sizewright catalog` lists them"
        raise FieldError(field, f"unknown name {name!r}", expected, hint) from unknown


def _same_gpu(capacity: Capacity | None, gpu: Gpu, catalog: Catalog) -> None:
    if capacity is None or capacity.gpu is None:
        return
    field = ("capacity", "gpu")
    named = _known(catalog.gpu, capacity.gpu, field, "a GPU of the catalog")
    if named.name != gpu.name:
        raise FieldError(field, f"the instance type has {gpu.name}", "the same GPU, or none")


def _parameters(workload: Workload, model: ModelFacts | None) -> Fraction:
    if workload.model.parameters is not None:
        return exact(workload.model.parameters)
    if model is None or model.parameters is None:
        raise FieldError(
            ("model", "parameters"), "the catalog does not know them", "a number of parameters"
        )
    return exact(model.parameters)


def _precision(workload: Workload, model: ModelFacts | None) -> Precision:
    if workload.model.precision is not None:
        return workload.model.precision
    if model is None:
        raise FieldError(("model", "precision"), "missing", "one of " + ", ".join(Precision))
    return Precision(model.native_dtype)
