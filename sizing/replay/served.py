"""Which replicas of a plan serve a service's requests, and what are their times?"""

from dataclasses import dataclass

from sizing.catalog import Catalog
from sizing.hardware.decision import with_hardware
from sizing.model.memory import fit
from sizing.plan.service.burst import BurstPlan
from sizing.plan.service.pool import ChoicePlan, PoolPlan
from sizing.plan.service.serving import LimitsBy, ServingPlan
from sizing.plan.service.whole import ServicePlan
from sizing.replay.burst import BurstRule
from sizing.replica.caches.response_cache import engine_rates
from sizing.replica.calibrated import CalibratedReplica
from sizing.replica.case import Choice, case_of
from sizing.replica.methods import MethodEstimate, estimate
from sizing.service.burst import IDLE_NODE_S
from sizing.site import Site
from sizing.stack.cluster_services import SCRAPE_S
from sizing.values.units import GIB
from sizing.workload import Precision, Workload

NODE_READY_S = 240
"""Usual seconds from the request of a burst node until its engine starts: launch, boot, join, and
the pull of the image. Basis: assumed (3 to 5 minutes)."""
LARGE_CARD_GIB, LARGE_CHUNK_TOKENS, CHUNK_TOKENS = 70, 8_192, 2_048
"""Tokens of prompts that one step of the engine computes, on cards of this memory and on smaller
ones. Basis: vendor (vLLM's defaults of --max-num-batched-tokens); assumed for other engines."""


class UnknownStepsError(LookupError):
    """Reason why the fleet of a service has no step times, as a clause."""


@dataclass(frozen=True)
class ServedFleet:
    """Parts of a service's plan that serve its requests, and the calibrated replica."""

    service: ServicePlan
    pool: PoolPlan
    serving: ServingPlan
    choice: ChoicePlan
    estimate: MethodEstimate
    sized_per_s: float
    """Requests per second that the fleet is sized for."""

    @property
    def replica(self) -> CalibratedReplica:
        return self.estimate.replica

    @property
    def zones(self) -> dict[str, range]:
        """Numbers of the floor's replicas by zone, in the order of the plan."""
        found, first = dict[str, range](), 0
        for zone, nodes in self.pool.nodes_by_zone.items():
            end = first + nodes * self.pool.replicas_per_node
            found[zone] = range(first, end)
            first = end
        return found

    @property
    def most_tokens(self) -> int | None:
        """Most tokens of prompt and answer together that the engine accepts; None for no limit."""
        return self.serving.max_model_len or self.service.memory.max_context_tokens

    @property
    def chunk_tokens(self) -> int:
        """Tokens of prompts that the engine computes between two steps."""
        large = self.pool.gpu_memory_bytes >= LARGE_CARD_GIB * GIB
        return LARGE_CHUNK_TOKENS if large else CHUNK_TOKENS

    @property
    def most_in_flight(self) -> int | None:
        """Requests of one replica above which it refuses more; None where nothing limits them."""
        return None if self.serving.limits_by is LimitsBy.nothing else self.serving.in_flight

    @property
    def burst(self) -> BurstRule | None:
        """Scaling rule of the burst; None without one."""
        burst, rollout = self.service.burst, self.service.rollout
        if not isinstance(burst, BurstPlan) or rollout is None:
            return None
        return BurstRule(
            in_flight_target=burst.in_flight_target,
            most=burst.replicas,
            poll_s=SCRAPE_S,
            start_s=float(NODE_READY_S + rollout.cold_start_s),
            cooldown_s=burst.cooldown_s,
            replicas_per_node=self.pool.replicas_per_node,
            idle_s=IDLE_NODE_S,
        )


def served_fleet(service: ServicePlan, site: Site, catalog: Catalog) -> ServedFleet:
    """Return the fleet of a service of the plan. `catalog` has the service's own corrections.

    Raises UnknownStepsError where no step times of its replica are known, and ValueError for a
    service without nodes.
    """
    pool, serving, choice = service.pool, service.serving, service.choice
    if pool is None or choice is None or not isinstance(serving, ServingPlan):
        raise ValueError(f"{service.name} has no nodes")
    capacity, load_per_s = service.inputs.capacity, engine_rates(service.inputs)
    if pool.nodes_per_replica > 1:
        raise UnknownStepsError(f"a replica spans {pool.nodes_per_replica} nodes")
    if capacity is None:
        raise ValueError(f"{service.name} is not sized")
    load = load_per_s.at(capacity.load)
    case = case_of(_chosen(service.inputs, choice, serving), site, catalog)
    instance = case.facts.instance
    room = None
    if instance is not None:
        room = fit(case.need, instance.gpu_memory_bytes, choice.tensor_parallel)
    known = None if room is None else estimate(case, Choice(room, ()), load)
    if known is None:
        raise UnknownStepsError("the model's architecture or a rate of the GPU is unknown")
    return ServedFleet(service, pool, serving, choice, known, float(load))


def _chosen(workload: Workload, choice: ChoicePlan, serving: ServingPlan) -> Workload:
    """Return the workload on the hardware and with the engine of its plan."""
    if workload.hardware is None:
        raise ValueError(f"{workload.name} has no hardware")
    hardware = workload.hardware.stated(choice.instance_type, choice.tensor_parallel)
    return with_hardware(workload, hardware, Precision(choice.precision), serving.engine)
