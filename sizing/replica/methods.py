"""What do the textbook rule and the calibrated method estimate, compared with the answer?"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

from sizing.catalog import Catalog, ModelFacts
from sizing.model.memory import Need, fit
from sizing.model.rows import architecture_of, is_unknown_mixture
from sizing.plan.service.capacity import MethodPlan
from sizing.replica.calibrated import CalibratedReplica, calibrated_replica, step_model_of
from sizing.replica.case import Case, Choice
from sizing.replica.gpu_rate import passes_of_one_request, peak_flop_per_s, textbook_request_s
from sizing.steps.diffusion import image_time
from sizing.values.exact import ceiling, exact, plain
from sizing.workload import Kind, Method, Workload


@dataclass(frozen=True)
class MethodEstimate:
    """Calibrated replica of a workload, with the assumptions for it."""

    replica: CalibratedReplica
    assumed: tuple[str, ...]


def estimate(case: Case, choice: Choice, load: Fraction) -> MethodEstimate | None:
    """Return the calibrated replica on the chosen hardware, for any method. Return None where it is
    unknown, as over several nodes.

    A model without an architecture uses that of the catalog's model nearest in size, unless it is a
    mixture. Without separate lengths, half of the tokens are prompt. Basis: assumed, and reported.
    """
    instance, gpu = case.facts.instance, case.facts.gpu
    if not case.workload.kind.traits.has_engine or instance is None or gpu is None:
        return None
    if choice.fit.nodes > 1:
        return None
    workload, about_lengths = _with_lengths(case.workload)
    need, about_shape = _with_shape(case)
    split = choice.fit.tensor_parallel
    room = fit(need, instance.gpu_memory_bytes, split)
    steps = step_model_of(case, need, split)
    if steps is None or room is None or workload.request.output_tokens is None:
        return None
    replica = calibrated_replica(steps, workload, room, load)
    return MethodEstimate(replica, (*about_shape, *about_lengths))


def _with_lengths(workload: Workload) -> tuple[Workload, tuple[str, ...]]:
    tokens = workload.request.tokens
    if workload.request.output_tokens is not None or tokens is None:
        return workload, ()
    half = tokens / 2
    lengths = {"tokens": None, "input_tokens": half, "output_tokens": half}
    request = workload.request.model_copy(update=lengths)
    assumed = (f"half of the {plain(tokens)} tokens are prompt",)
    return workload.model_copy(update={"request": request}), assumed


def _with_shape(case: Case) -> tuple[Need, tuple[str, ...]]:
    """Return the memory requirements with an architecture and tokens."""
    need, parameters = case.need, case.facts.parameters
    if need.shape is not None or is_unknown_mixture(case.facts.model):
        return need, ()
    named = [m for m in case.catalog.models if m.is_language and architecture_of(m) is not None]
    model = nearest_in_size(named, parameters)
    shape = architecture_of(model)
    if model is None or shape is None:
        return need, ()
    assumed = (f"the architecture of {model.model}",)
    return replace(need, shape=replace(shape, parameters=int(parameters))), assumed


def nearest_in_size(models: Iterable[ModelFacts], parameters: Fraction) -> ModelFacts | None:
    """Return the dense model with the nearest number of parameters; of equals the first by name."""
    known = [m for m in models if m.parameters is not None and m.experts is None]
    return min(
        known, key=lambda m: (abs(exact(m.parameters or 0) - parameters), m.model), default=None
    )


def side_by_side(
    case: Case, known: MethodEstimate | None, load: Fraction, gpus_needed: int, method: Method
) -> tuple[MethodPlan, ...]:
    """Return the GPUs needed for the load by each method that covers the workload.

    Basis: as each method; the ratio is over the GPUs that the answer needs.
    """
    answers = list[tuple[str, int, str]]()
    textbook = _textbook(case, load)
    if textbook is not None:
        answers.append(("textbook", textbook, "2 x parameters x tokens / peak FLOP/s"))
    if known is not None:
        answers += _calibrated(known, load)
    answers += _images(case, load)
    if method is Method.given:
        answers.insert(0, ("given", gpus_needed, "as you measured"))
    return tuple(
        MethodPlan(
            method=name,
            gpus_needed=gpus,
            ratio=plain(Fraction(gpus, gpus_needed)),
            remark=remark,
        )
        for name, gpus, remark in answers
    )


def _textbook(case: Case, load: Fraction) -> int | None:
    """Number of GPUs by the textbook rule; None where it does not apply or has no peak rate."""
    workload, facts = case.workload, case.facts
    if facts.gpu is None or facts.instance is None:
        return None
    flop = peak_flop_per_s(facts.gpu, facts.instance, facts.precision)
    if flop is None or workload.textbook_work is None:
        return None
    passes = passes_of_one_request(workload)
    return ceiling(load * textbook_request_s(facts.parameters, passes, flop))


def _calibrated(known: MethodEstimate, load: Fraction) -> list[tuple[str, int, str]]:
    remark = "; ".join(f"assumed: {text}" for text in known.assumed)
    replica = known.replica
    estimates = (
        ("calibrated", replica.safe, replica.estimate),
        ("calibrated, median", replica.median, "P50"),
    )
    answers = list[tuple[str, int, str]]()
    for name, estimate, band in estimates:
        gpus = gpus_at_rate(replica, estimate.rate, load)
        if gpus is not None:
            answers.append((name, gpus, "; ".join(filter(None, (f"{band} of the band", remark)))))
    return answers


def gpus_at_rate(replica: CalibratedReplica, rate: float, load: Fraction) -> int | None:
    """Number of GPUs in whole replicas for the load; None where no rate meets the targets."""
    if rate <= 0:
        return None
    each = Fraction(rate / (1 + replica.imbalance))
    return ceiling(load / each) * replica.tensor_parallel


def _images(case: Case, load: Fraction) -> list[tuple[str, int, str]]:
    """Estimate for images: the work of all their tokens instead of one token an iteration."""
    workload, facts = case.workload, case.facts
    iterations = workload.request.iterations
    if workload.kind is not Kind.image or iterations is None:
        return []
    if facts.gpu is None or facts.instance is None:
        return []
    flop = peak_flop_per_s(facts.gpu, facts.instance, facts.precision)
    model = facts.model or _nearest_image_model(case.catalog, facts.parameters)
    if flop is None or model is None:
        return []
    time = image_time(model, iterations, flop)
    if time is None:
        return []
    assumed = "1024 x 1024"
    if facts.model is None:
        assumed = f"the architecture of {model.model}, {assumed}"
    return [
        ("calibrated", ceiling(load * time.safe_s), f"27 % of the peak; assumed: {assumed}"),
        ("calibrated, median", ceiling(load * time.median_s), f"42 % of it; assumed: {assumed}"),
    ]


def _nearest_image_model(catalog: Catalog, parameters: Fraction) -> ModelFacts | None:
    return nearest_in_size((m for m in catalog.models if m.kind == "image_dit"), parameters)
