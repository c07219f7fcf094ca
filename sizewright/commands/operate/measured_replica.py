"""Which service is measured, and what does its benchmark cost and say?"""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from sizewright.answers.files import BenchmarkAnswer, BenchmarkRunAnswer
from sizewright.reading.input_error import InputError, did_you_mean
from sizing.benchmark import BEYOND, Benchmark, BenchmarkRun
from sizing.plan.service.serving import GroupServingPlan, LimitsBy
from sizing.plan.service.whole import ServicePlan
from sizing.plan.whole import Plan
from sizing.values.units import SECONDS_PER_HOUR
from sizing.workload import EngineName
from sizing.workload.kinds import Kind

FEW_CORES = 8
"""vCPUs of a replica below which the load generator may slow its engine. Basis: assumed."""


def chosen(plan: Plan, files: Sequence[Path], name: str | None) -> ServicePlan:
    """Return the service with this name, or the only one. Raises InputError where there is none,
    and for a service that the load generator of the engine's image cannot load."""
    names = [service.name for service in plan.services]
    if name is None and len(names) > 1:
        raise InputError(
            str(files[0]),
            message=f"the plan has the services {', '.join(names)}",
            expected="--service NAME",
        )
    known = {service.name: service for service in plan.services}
    if name is not None and name not in known:
        raise InputError(
            str(files[0]),
            message=f"no service {name}",
            expected=f"one of {', '.join(names)}",
            suggestion=did_you_mean(name, names),
        )
    service = known[name or names[0]]
    _refuse(files[0], service)
    return service


def _refuse(file: Path, service: ServicePlan) -> None:
    """Raises InputError for a service without such a load generator."""
    serving, inputs = service.serving, service.inputs
    if serving is None:
        return
    if service.kind not in (Kind.text, Kind.chat):
        field, found, expected = "kind", f"found {service.kind}", "text or chat"
    elif serving.engine is not EngineName.vllm:
        field, found = "engine.name", f"the image of {serving.engine} has no known load generator"
        expected = EngineName.vllm.value
    elif isinstance(serving, GroupServingPlan):
        field, found = "hardware.nodes_per_replica", "a replica spans several nodes"
        expected = "a replica on one node"
    elif serving.limits_by is LimitsBy.worker:
        field, found, expected = "access", "only a worker reaches the engine", "a service"
    elif serving.drafts is not None:
        field, found = "engine", "random text is not drafted like yours"
        expected = "an engine without drafted tokens"
    elif service.calibrated is None or not service.calibrated.safe.saturation_requests_per_s:
        field, found = "model.name", f"{inputs.model.name} has no predicted times on this GPU"
        expected = "a model and a GPU that the calibrated method knows"
    else:
        return
    raise InputError(str(file), field=field, message=f"{service.name}: {found}", expected=expected)


def price_per_hour(service: ServicePlan) -> Fraction | None:
    """US dollars an hour of one replica's share of its node; None where no source states it."""
    choice, pool = service.choice, service.pool
    if choice is None or pool is None or choice.usd_per_hour is None:
        return None
    return Fraction(choice.usd_per_hour) / pool.replicas_per_node


def answer_of(
    service: ServicePlan, found: Benchmark, most_s: int, names: tuple[str, ...], directory: Path
) -> BenchmarkAnswer:
    """Return the answer for the files of these names in a folder."""
    price = price_per_hour(service)
    return BenchmarkAnswer(
        service=service.name,
        written=tuple(str(directory / name) for name in names),
        bound_minutes=most_s / 60,
        minutes_at_most=found.seconds / 60,
        requests=found.requests,
        usd_at_most=None if price is None else float(price * found.seconds / SECONDS_PER_HOUR),
        runs=tuple(_answer(run) for run in found.runs),
        left_out=tuple(_answer(run) for run in found.left_out),
        notes=_notes(service, found),
        steps=_steps(service, names, directory),
    )


def _answer(run: BenchmarkRun) -> BenchmarkRunAnswer:
    return BenchmarkRunAnswer(
        name=run.name,
        concurrency=run.concurrency,
        requests_per_s=None if run.requests_per_s is None else float(run.requests_per_s),
        requests=run.requests,
        warm_up_requests=run.warm_up_requests,
        minutes_at_most=run.seconds / 60,
    )


def _notes(service: ServicePlan, found: Benchmark) -> tuple[str, ...]:
    estimate, pool = service.calibrated, service.pool
    if estimate is None or pool is None:
        return ()
    spare = pool.replicas_total - pool.replicas_needed
    notes = [
        "One replica leaves the traffic. Until it is back, the service has "
        f"{f'{spare - 1} of {spare} spare replicas' if spare else 'fewer replicas than it needs'}, "
        "and the replacement pod waits as Pending.",
        "Every request has the mean lengths of the plan. Prompts are random, and none is cached.",
    ]
    if any(run.requests_per_s is not None for run in found.runs):
        notes.append(
            f"The open loop has at least {BEYOND} requests beyond the percentile "
            f"{estimate.percentile:g}, whose share is then known to a third."
        )
    cores = pool.vcpu_per_node / pool.replicas_per_node
    if cores < FEW_CORES:
        notes.append(
            f"The load generator shares {cores:g} vCPUs with the engine. Measured times may be "
            "longer than those of users."
        )
    if service.inputs.prompt is not None or service.application_pods or service.route is not None:
        notes.append("Only the engine is loaded, without the application and stages before it.")
    return tuple(notes)


def _steps(service: ServicePlan, names: tuple[str, ...], directory: Path) -> tuple[str, ...]:
    """Commands in their order. The measured pod is deleted at the end: its slot takes the waiting
    replacement."""
    from templates.benchmark import measured_name

    name, measured = service.name, measured_name(service.name)
    label, kubectl = "app.kubernetes.io/name", f"kubectl -n {service.name}"
    network, job = (directory / each for each in names)
    drain_s = service.serving.stop_s if service.serving else 0
    return (
        f"kubectl apply -f {network}",
        f"POD=$({kubectl} get pods -l {label}={name},app.kubernetes.io/component=floor "
        "--field-selector=status.phase=Running -o name | head -n 1)",
        f"{kubectl} label --overwrite $POD {label}={measured}",
        f"sleep {drain_s}",
        f"kubectl apply -f {job}",
        f"{kubectl} logs -f --pod-running-timeout=15m job/{measured} > {name}.log",
        f"sizewright calibrate {name}.log --out workloads/{name}.calibration.json",
        f"kubectl delete -f {job} -f {network}",
        f"{kubectl} delete $POD",
    )
