"""Which facts of the catalog does a choice depend on, as text for later comparison?"""

from sizing.catalog import Catalog, Gpu
from sizing.catalog.architecture import Architecture
from sizing.catalog.lookup import facts_of
from sizing.model.rows import architecture_of
from sizing.plan.service.whole import ServicePlan
from sizing.site import Site
from sizing.values.exact import plain
from sizing.values.units import GIB
from sizing.workload import EngineName, Precision, Workload


def chosen_facts(
    workload: Workload, service: ServicePlan, site: Site, catalog: Catalog
) -> dict[str, str]:
    """Price, machine, card, model, engine and zones of a choice; empty without a pool.

    Basis: the catalog's rows. Only facts that sizing uses are listed, so nothing else seems
    changed.
    """
    choice = service.choice
    if choice is None:
        return {}
    instance = catalog.instance_type(choice.instance_type)
    gpu, model = catalog.gpu(instance.gpu), facts_of(workload, catalog).model
    price = catalog.price(instance.name, site.region)
    engine = service.serving.engine if service.serving is not None else EngineName.vllm
    support = catalog.support(engine, choice.precision)
    sold = catalog.zones_selling(instance.name, site.region)
    facts = {
        "price": "unknown" if price is None else f"{plain(price.usd_per_hour)} USD an hour",
        "instance type": f"{plain(instance.gpu_count)} x {gpu.name}, {instance.vcpu_count} vCPU, "
        f"{instance.memory_gib} GiB",
        "GPU": f"{instance.gpu_memory_bytes / GIB:.3f} GiB, {gpu.memory_bandwidth_gb_per_s} GB/s, "
        f"{gpu.fp16_tflops} TFLOP/s in 16 bits, {gpu.fp8_tflops} in 8",
        "zones": "unknown" if sold is None else ", ".join(sold) or "none",
    }
    if model is not None:
        facts["model"] = (
            f"{model.parameters} parameters, {model.active_parameters} active, "
            f"{service.memory.kv_bytes_per_token} KV bytes a token, {model.native_dtype}"
        )
    if support is not None:
        most = support.max_compute_capability or "any"
        facts["engine"] = f"{choice.precision} from {support.min_compute_capability} to {most}"
    if choice.rates_for is not None:
        shape, precision = architecture_of(model), Precision(choice.precision)
        facts |= _calibration(engine, gpu, shape, precision, catalog)
    if service.serving is not None:
        facts["image"] = service.serving.image
    return facts


def _calibration(
    engine: str, gpu: Gpu, shape: Architecture | None, precision: Precision, catalog: Catalog
) -> dict[str, str]:
    """User's own runs that correct the rates of this replica; empty without any."""
    if shape is None:
        return {}
    own = catalog.coefficients.correction(engine, gpu.name, shape, (precision, precision))
    if own is None:
        return {}
    return {"calibration": own.text}
