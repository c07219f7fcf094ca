"""The lock next to a workload file: what sizing chose, and the facts behind the choice."""

import json

from sizing.catalog import Catalog
from sizing.locks.workload_facts import chosen_facts
from sizing.locks.workload_lock import Lock, model_key
from sizing.plan.service.whole import ServicePlan
from sizing.plan.whole import Plan
from sizing.workload import EngineName, Workload

HEAD = "# What sizing chose; commit it next to the workload file."


def lock_of(workload: Workload, plan: Plan, catalog: Catalog) -> Lock | None:
    """Return what sizing chose for this workload; None where it chose nothing."""
    service = plan.service(workload.name)
    choice, capacity = service.choice, service.capacity
    if choice is None or capacity is None:
        return None
    split = choice.tensor_parallel
    seconds = {
        name: split / rate for name, rate in capacity.requests_per_replica_per_s.items() if rate
    }
    if seconds and capacity.saturation_requests_per_s:
        seconds["full"] = split / capacity.saturation_requests_per_s
    return Lock(
        model=model_key(workload),
        precision=choice.precision,
        instance_type=choice.instance_type,
        tensor_parallel=split,
        engine=service.serving.engine if service.serving is not None else EngineName.vllm,
        nodes_per_replica=1 if service.pool is None else service.pool.nodes_per_replica,
        catalog_digest=plan.catalog_digest,
        coefficients=_fitted(service, catalog) if seconds else None,
        rates_for=choice.rates_for if seconds else None,
        gpu_seconds=seconds or None,
        facts=chosen_facts(workload, service, plan.site, catalog),
    )


def _fitted(service: ServicePlan, catalog: Catalog) -> str:
    """Date of the coefficients that rate the service."""
    known = catalog.coefficients if service.item is None else catalog.media_coefficients
    return known.fitted


def lock_text(lock: Lock) -> str:
    """Return the lock as the text of its file."""
    fields = lock.model_dump(mode="json", exclude_none=True)
    lines = list[str]()
    for key, value in fields.items():
        if isinstance(value, dict):
            lines.append(f"{key}:")
            lines += [f"  {_json(name)}: {_json(each)}" for name, each in value.items()]
        else:
            lines.append(f"{key}: {_json(value)}")
    return "\n".join([HEAD, *lines, ""])


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
