"""What do the textbook rule and the calibrated method estimate, compared with the answer?"""

from dataclasses import dataclass, replace
from fractions import Fraction

from sizing.model.memory import Need, fit
from sizing.model.rows import architecture_of, is_unknown_mixture
from sizing.plan.service.calibrated import estimate_name
from sizing.plan.service.capacity import MethodPlan
from sizing.replica.calibrated import (
    CalibratedReplica,
    bought_quantile,
    calibrated_replica,
    step_model_of,
)
from sizing.replica.case import Case, Choice
from sizing.replica.gpu_rate import passes_of_one_request, peak_flop_per_s, textbook_request_s
from sizing.replica.item import nearest_in_size, utilisation_limit
from sizing.replica.queues.job_queue import job_seconds
from sizing.values.exact import ceiling, plain
from sizing.workload import Method, Workload


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
    if case.workload.kind.traits.makes_media or instance is None or gpu is None:
        return None
    if choice.fit.nodes > 1:
        return None
    workload, about_lengths = _with_lengths(case.workload)
    need, about_shape = _with_shape(case)
    split = choice.fit.tensor_parallel
    room = fit(need, instance.gpu_memory_bytes, split)
    steps = step_model_of(case, need, split)
    generates, request = workload.kind.traits.generates, workload.request
    if steps is None or room is None or (generates and request.output_tokens is None):
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
    prefix = case.workload.kind.traits.model_kind
    alike = (m for m in case.catalog.models if m.kind == prefix)
    named = [m for m in alike if architecture_of(m) is not None]
    model = nearest_in_size(named, parameters)
    shape = architecture_of(model)
    if model is None or shape is None:
        return need, ()
    assumed = (f"the architecture of {model.model}",)
    return replace(need, shape=replace(shape, parameters=int(parameters))), assumed


def side_by_side(
    case: Case,
    choice: Choice,
    known: MethodEstimate | None,
    load: Fraction,
    *,
    gpus_needed: int,
    method: Method,
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
    answers += _items(case, choice, load)
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


def _items(case: Case, choice: Choice, load: Fraction) -> list[tuple[str, int, str]]:
    """Estimate for images and clips: the work of all their tokens in every step."""
    found = case.item_estimate(choice.fit.tensor_parallel)
    if found is None or case.made is None:
        return []
    item, limit = found.item, utilisation_limit(case.workload.capacity)
    quantile, queue = bought_quantile(case.workload), case.workload.jobs
    repeated = 1 if queue is None else job_seconds(Fraction(1), queue)
    size = f"{item.width} x {item.height}" + (f", {item.frames} frames" * (item.frames > 1))
    made = f"{size}, {item.steps} steps of {item.passes}"
    remark = "; ".join([made, *(f"assumed: {text}" for text in case.made.assumed)])
    return [
        (
            name,
            ceiling(load * found.gpu_s(share) * repeated / limit),
            f"{estimate_name(100 * share)} of the band; {remark}",
        )
        for name, share in (("calibrated", quantile), ("calibrated, median", 0.5))
    ]
