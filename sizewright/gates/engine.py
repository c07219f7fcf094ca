"""Can each pinned image keep requests within the sized limits?"""

from collections.abc import Iterator

from sizewright.gates.gates import Gate
from sizing.catalog import Ability, Catalog
from sizing.plan.service.serving import LimitsBy, ServingPlan
from sizing.plan.service.whole import ServicePlan
from sizing.plan.whole import Plan

SOURCE = "data/engine_options.csv"
REMEDY = "; pin an image whose tag has rows there, or add the rows of this one from its package"


def engine_limits(plan: Plan, catalog: Catalog) -> Iterator[Gate]:
    """Check that each engine keeps its limits of requests, tokens, queue and idle connections. It
    must also serve HTTPS where the workload requires it."""
    for service in plan.services:
        if service.serving is not None:
            yield _limits(service, service.serving, catalog)


def _limits(service: ServicePlan, serving: ServingPlan, catalog: Catalog) -> Gate:
    name = f"limits of {service.name}"
    if lost := [*_lost(service, serving), *_unknown(serving, catalog)]:
        detail = f"{serving.image} is not known to keep {', '.join(lost)}{REMEDY}"
        return Gate(name, False, detail, SOURCE)
    keeper = {
        LimitsBy.engine: "by the engine's own options",
        LimitsBy.admission: "by a check in the engine's server, as this version lacks an option",
        LimitsBy.worker: "by the worker next to the engine",
        LimitsBy.nothing: "",
    }[serving.limits_by]
    one, most = "", serving.sequences_per_request
    if most is not None:
        one = ", one sequence each" if most == 1 else f", at most {most:,} in one request"
    detail = f"{serving.in_flight:,} requests run or wait at most{one}, {keeper}"
    return Gate(name, True, detail, SOURCE)


def _lost(service: ServicePlan, serving: ServingPlan) -> Iterator[str]:
    if serving.limits_by is LimitsBy.nothing:
        yield f"the limit of {serving.in_flight:,} requests that run or wait"
        if serving.sequences_per_request is not None:
            yield "the limit of tokens, which counts one sequence a request"
    # Guard: a service that only others of the stack call has no load balancer.
    balanced = serving.limits_by is not LimitsBy.worker and not service.callers
    if serving.keep_alive_s is None and balanced:
        yield "idle connections longer than the load balancer, which then answers with 502"


def _unknown(serving: ServingPlan, catalog: Catalog) -> Iterator[str]:
    """Engine options that the plan requires and that no catalog row gives the image."""
    engine, tag = serving.engine, serving.image.partition("@")[0].rpartition(":")[2]
    if serving.max_model_len is not None and not catalog.can(engine, tag, Ability.context):
        yield f"the limit of {serving.max_model_len:,} tokens of prompt and answer together"
    if serving.encrypted and not catalog.can(engine, tag, Ability.tls):
        yield "HTTPS with a certificate from files, which in_transit: tls takes"
