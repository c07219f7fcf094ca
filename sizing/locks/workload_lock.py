"""Which choices of sizing remain until an update?"""

import json
from hashlib import sha256

from pydantic import Field

from sizing.values.exact import exact
from sizing.values.strict import Strict
from sizing.workload import EngineName, Precision, Routing, Workload, shortfall_cost


class Lock(Strict):
    """Contents of `<workload>.lock`, next to the workload file and committed with it."""

    model: str
    """Name or parameters of the model of the choice."""
    precision: str
    """Precision of the weights."""
    instance_type: str
    """Instance type of the choice."""
    tensor_parallel: int = Field(gt=0)
    """Number of GPUs of one node that a replica uses."""
    nodes_per_replica: int = Field(default=1, gt=0)
    """Number of nodes of one replica."""
    engine: EngineName = Field(
        default=EngineName.vllm, exclude_if=lambda name: name is EngineName.vllm
    )
    """Serving engine of the choice; left out where it is vLLM."""
    catalog_digest: str
    """Digest of the catalog at the time of the choice."""
    coefficients: str | None = None
    """Date of the coefficients that the rates were computed with; none by other methods."""
    rates_for: str | None = None
    """Digest of the inputs of the rates."""
    gpu_seconds: dict[str, float] | None = None
    """GPU-seconds of one request by constraint, as chosen; `full` is of a full batch."""

    facts: dict[str, str] = Field(default_factory=dict)
    """Facts behind the choice, by name; `update --why` compares them with today's."""

    def holds_for(self, workload: Workload, precision: Precision) -> bool:
        """True where the lock is for this model and engine, and the workload allows its precision
        and type."""
        hardware = workload.hardware
        if hardware is None or self.model != model_key(workload):
            return False
        if self.engine not in workload.engines:
            return False
        if not hardware.is_auto:
            return (self.precision, self.instance_type) == (precision.value, hardware.instance_type)
        allowed = hardware.precisions or (Precision(self.precision),)
        stated = workload.model.precision
        return self.precision in allowed and (stated is None or stated.value == self.precision)


def rates_key(workload: Workload, instance_type: str, tensor_parallel: int, load: float) -> str:
    """Digest of a calibrated rate's inputs, without prices and coefficients; first 12 hex digits.

    Guard: the load is part of it only where it changes the rate of a replica: with cached turns,
    and where replicas of images share one queue. Jobs wait over a day, which all of the traffic
    decides.
    """
    request, engine, latency = workload.request, workload.engine, workload.latency
    shared = workload.kind.traits.makes_media
    waits = shared and latency is not None and latency.response_s is not None
    alone = request.turns == 1 and engine.routing is not Routing.sticky and not waits
    queue, traffic = workload.jobs, workload.traffic
    limit = workload.capacity.max_utilisation if workload.capacity else None
    risk = shortfall_cost(workload.capacity)
    parts = [
        model_key(workload),
        workload.model.model_dump(mode="json"),
        request.model_dump(mode="json"),
        engine.model_dump(mode="json"),
        latency.model_dump(mode="json") if latency else None,
        [instance_type, tensor_parallel, None if limit is None else str(limit)],
        None if alone else load,
        *([] if risk == shortfall_cost(None) else [float(risk)]),
        *([] if workload.prompt is None else [workload.prompt.budget_ms]),
        *([] if queue is None else [part.model_dump(mode="json") for part in (queue, traffic)]),
    ]
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def model_key(workload: Workload) -> str:
    """Key of a model in a lock: the name and the literal parameters in full digits."""
    model = workload.model
    parameters = None if model.parameters is None else exact(model.parameters)
    return " ".join(str(part) for part in (model.name, parameters) if part is not None)
