"""How does the calibration file, a user's own runs, change the numbers of a workload?"""

from sizing.catalog import Catalog, Gpu
from sizing.catalog.correction import Corrections
from sizing.locks.workload_lock import Lock
from sizing.model.memory import Need
from sizing.plan.service.calibrated import OwnRunsPlan
from sizing.workload import Method, Workload

UNNAMED = "the calibration file"


def own_runs_plan(
    own: Corrections | None,
    workload: Workload,
    catalog: Catalog,
    *,
    gpu: Gpu | None,
    need: Need,
    lock: Lock | None,
) -> OwnRunsPlan | None:
    """Return the effect of the file's runs on this service, with a reason; None without a file.

    `lock` is given where the rate is the lock's. Basis: the file, compared with the chosen
    hardware.
    """
    if own is None:
        return None
    file, engine = own.source or UNNAMED, workload.engine.name
    if gpu is None or need.step_shape is None:
        text = "not applied: the service has no GPU, or the architecture of its model is unknown"
        return OwnRunsPlan(file=file, applied=False, told=text)
    if workload.engine.speculative is not None:
        text = "not applied: the service drafts tokens, and no run says whether its engine did"
        return OwnRunsPlan(file=file, applied=False, told=text)
    precision = need.weights.precision
    found = catalog.coefficients.correction(
        engine, gpu.name, need.step_shape, (precision, precision)
    )
    if found is None:
        there = ", ".join(
            f"{c.model} in {c.weights.value} on {c.gpu} with {c.engine}" for c in own.corrections
        )
        text = f"not applied: its runs are of {there or 'nothing'}, not of this model in"
        text += f" {precision.value} on {gpu.name} with {engine}"
        return OwnRunsPlan(file=file, applied=False, told=text)
    text = f"{found.text}, applied"
    if workload.capacity is not None and workload.capacity.method is not Method.calibrated:
        text += f" to the calibrated estimate; the method {workload.capacity.method} sizes"
    elif lock is not None and lock.facts.get("calibration") != found.text:
        text += " to the latencies; the rate and the GPUs are the lock's and wait for `update`"
    return OwnRunsPlan(file=file, applied=True, told=text)
