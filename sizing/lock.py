"""What sizing chose stays chosen until somebody moves it."""

from pydantic import Field

from sizing.exact import exact
from sizing.strict import Strict
from sizing.workload import Precision, Workload


class Lock(Strict):
    """Read from `<workload>.lock`, beside the workload file, and committed with it."""

    model: str
    """The model's name or parameters, as the choice was made for it."""
    precision: str
    """Precision of the weights."""
    instance_type: str
    """Instance type that the choice was made for."""
    tensor_parallel: int = Field(gt=0)
    """GPUs of one node that a replica uses."""
    nodes_per_replica: int = Field(default=1, gt=0)
    """Nodes of one replica."""
    catalog_digest: str
    """The catalog's digest when the choice was made."""

    def holds_for(self, workload: Workload, precision: Precision) -> bool:
        """Whether it was made for this model, in this precision, on this instance type."""
        return workload.hardware is not None and (
            self.model,
            self.precision,
            self.instance_type,
        ) == (model_key(workload), precision.value, workload.hardware.instance_type)


def model_key(workload: Workload) -> str:
    """What tells models apart in a lock: the name and the literal parameters in full digits."""
    model = workload.model
    parameters = None if model.parameters is None else exact(model.parameters)
    return " ".join(str(part) for part in (model.name, parameters) if part is not None)
