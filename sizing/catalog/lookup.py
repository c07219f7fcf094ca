"""Which facts of the catalog does a workload name? An unknown name is an error of its field."""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from typing import TypeVar

from sizing.catalog import Catalog, Gpu, InstanceType, ModelFacts, UnknownName, zone_id_prefix
from sizing.site import Site
from sizing.values.exact import exact
from sizing.values.field_error import FieldError
from sizing.workload import Capacity, DraftMethod, Hardware, Kind, Precision, Workload
from sizing.workload.kinds import LANGUAGE

Found = TypeVar("Found")


@dataclass(frozen=True)
class Facts:
    """Facts in the catalog about a workload's model and hardware."""

    model: ModelFacts | None
    parameters: Fraction
    precision: Precision
    instance: InstanceType | None
    gpu: Gpu | None


def facts_of(workload: Workload, catalog: Catalog) -> Facts:
    """Return the facts that a workload names; literal parameters override the catalog's.

    Raises FieldError for a name that the catalog lacks, with the nearest names. Raises FieldError
    for a model of unknown parameters or precision, and for a context that the model lacks.
    """
    model, named = None, workload.model
    if named.name is not None:
        model = _known(catalog.model, named.name, ("model", "name"), "a model of the catalog")
        _fit_for_kind(workload.kind, model)
        _within_context(workload, model)
    _can_draft(workload, model)
    instance = gpu = None
    if workload.hardware is not None and not workload.hardware.is_auto:
        field = ("hardware", "instance_type")
        wanted = workload.hardware.instance_type
        instance = _known(catalog.instance_type, wanted, field, "an EC2 type with GPUs")
        gpu = catalog.gpu(instance.gpu)
        _same_gpu(workload.capacity, gpu, catalog)
    if workload.hardware is not None:
        _known_families(workload.hardware, catalog)
    precision = _precision(workload, model)
    _as_measured(workload, model, gpu, precision, catalog)
    return Facts(model, _parameters(workload, model), precision, instance, gpu)


def _can_draft(workload: Workload, model: ModelFacts | None) -> None:
    """Raises FieldError where the checkpoint is not known to have the layers that draft."""
    drafts = workload.engine.speculative
    if drafts is None or drafts.method is not DraftMethod.mtp:
        return
    shape = None if model is None else model.config
    if shape is None or not shape.draft_layers:
        raise FieldError(
            ("engine", "speculative", "method"),
            "no config.json states layers that draft, which this version can size",
            "ngram, or model: the path of a config.json with num_nextn_predict_layers",
        )
    if drafts.draft_tokens > shape.draft_layers and drafts.draft_tokens % shape.draft_layers:
        raise FieldError(
            ("engine", "speculative", "draft_tokens"),
            f"found {drafts.draft_tokens}",
            f"a multiple of the {shape.draft_layers} layers that draft",
        )


def _known_families(hardware: Hardware, catalog: Catalog) -> None:
    known = sorted({row.family for row in catalog.instance_types})
    for index, family in enumerate(hardware.families):
        if family not in known:
            nearest = get_close_matches(family, known, n=3)
            hint = f"did you mean {' or '.join(nearest)}?" if nearest else ""
            field = ("hardware", "families", index)
            raise FieldError(field, f"unknown family {family!r}", "e.g. g6e", hint)


def check_site(site: Site, catalog: Catalog) -> None:
    """Check the site against the catalog: region, zone ids, Kubernetes version.

    Raises FieldError.
    """
    known_region(("region",), site.region, catalog)
    known = catalog.region_zones(site.region) or ()
    prefix = zone_id_prefix(site.region)
    expected = "one of " + ", ".join(known) if known else f"an id like {prefix}-az1"
    for index, zone in enumerate(site.zones):
        if not zone.startswith(f"{prefix}-") or (known and zone not in known):
            raise FieldError(
                ("zones", index), f"{zone} is not a zone id of {site.region}", expected
            )
    version = site.kubernetes_version
    if version is not None and version not in catalog.kubernetes_versions:
        versions = ", ".join(catalog.kubernetes_versions)
        raise FieldError(
            ("kubernetes_version",), f"unknown version {version!r}", f"one of {versions}"
        )


def known_region(field: tuple[str, ...], region: str, catalog: Catalog) -> None:
    """Check a region: AWS sells some type of the catalog in each of its regions.

    Raises FieldError.
    """
    if region not in catalog.regions:
        nearest = get_close_matches(region, catalog.regions, n=3)
        hint = f"did you mean {' or '.join(nearest)}?" if nearest else ""
        raise FieldError(field, f"the catalog knows no region {region!r}", "an AWS region", hint)


SIZED_KINDS = tuple(sorted({kind.traits.model_kind for kind in Kind}))
"""Prefixes of the model kinds that workloads accept."""


def _fit_for_kind(kind: Kind, model: ModelFacts) -> None:
    """Check that a text workload has a language model, and an image workload an image model."""
    wanted = kind.traits.model_kind
    if not model.kind.startswith(wanted):
        what = "a language model" if wanted == LANGUAGE.model_kind else f"a model of kind {wanted}"
        message = f"{model.model} is of kind {model.kind}"
        hint = "" if model.kind.startswith(SIZED_KINDS) else f"{model.kind} is not supported"
        raise FieldError(("model", "name"), message, f"{what} for kind {kind.value}", hint)


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
        hint = unknown.hint or "`sizewright catalog` lists what is known"
        raise FieldError(field, f"unknown name {name!r}", expected, hint) from unknown


def _same_gpu(capacity: Capacity | None, gpu: Gpu, catalog: Catalog) -> None:
    if capacity is None or capacity.gpu is None:
        return
    field = ("capacity", "gpu")
    named = _known(catalog.gpu, capacity.gpu, field, "a GPU of the catalog")
    if named.name != gpu.name:
        raise FieldError(field, f"the instance type has {gpu.name}", "the same GPU, or none")


def _as_measured(
    workload: Workload,
    model: ModelFacts | None,
    gpu: Gpu | None,
    precision: Precision,
    catalog: Catalog,
) -> None:
    """Check that a given rate is used for the model, GPU and precision of its measurement."""
    measured = workload.capacity.measured_on if workload.capacity else None
    if measured is None:
        return
    field = ("capacity", "measured_on")
    named = _known(catalog.model, measured.model, (*field, "model"), "a model of the catalog").model
    card = _known(catalog.gpu, measured.gpu, (*field, "gpu"), "a GPU of the catalog").name
    parts = [("model", named, model.model if model is not None else "a model without a name")]
    if gpu is not None:
        parts.append(("gpu", card, gpu.name))
    if measured.precision is not None:
        parts.append(("precision", measured.precision.value, precision.value))
    for name, then, now in parts:
        if then != now:
            message = f"the rate was measured with {then}, and the service runs on {now}"
            expected = f"a rate measured with {now}, or method: calibrated"
            raise FieldError((*field, name), message, expected)


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
