"""Plans for the tests of templates and components: 12 GPUs needed, 15 built, 5 in each zone."""

from typing import Any

from sizing.catalog import load_catalog
from sizing.plan.service.files.renditions import RenditionsPlan
from sizing.plan.service.items.jobs import JobsPlan, JobWorkerPlan
from sizing.plan.whole import Plan
from sizing.site import Site
from sizing.site.access import ClusterAccess
from sizing.site.signing_key import SigningKey
from sizing.size import size
from sizing.workload import Workload

CHAT: dict[str, Any] = {
    "name": "chat",
    "kind": "chat",
    "model": {"name": "llama-2-7b", "parameters": 7_000_000_000, "precision": "nf4"},
    "traffic": {"daily_users": 100_000, "requests_per_user_per_day": 10},
    "request": {"input_tokens": 100, "output_tokens": 400, "context_tokens": 2048},
    "capacity": {"method": "given", "requests_per_gpu_per_s": 1, "load": "mean"},
    "redundancy": {"spare_ratio": "0.20"},
    "hardware": {"instance_type": "g6.xlarge"},
    "data": {
        "profile_bytes_per_user": 10_000,
        "interaction_bytes": 2_000,
        "index_ratio": "0.25",
        "client": "own",
        "retention_days": 365,
    },
}
SEARCH: dict[str, Any] = {
    "name": "search",
    "kind": "text",
    "model": {"name": "llama-2-7b", "parameters": 7_000_000_000, "precision": "nf4"},
    "traffic": {"daily_users": 20_000, "requests_per_user_per_day": 10},
    "request": {"input_tokens": 100, "output_tokens": 400},
    "capacity": {"method": "given", "requests_per_gpu_per_s": 1, "load": "mean"},
    "hardware": {"instance_type": "g6.xlarge"},
}
BURSTING: dict[str, Any] = CHAT | {
    "capacity": CHAT["capacity"] | {"burst_gpus": 4},
    "latency": {"ttft_ms": 500, "tpot_ms": 50},
}
SPANNING: dict[str, Any] = {
    "name": "spanning",
    "kind": "text",
    "model": "llama-3.1-405b",
    "traffic": {"daily_users": 100_000, "requests_per_user_per_day": 10},
    "request": {"input_tokens": 100, "output_tokens": 400, "context_tokens": 8192},
    "capacity": {"method": "given", "requests_per_gpu_per_s": "0.5", "load": "mean"},
    "redundancy": {"nodes": 1},
    "hardware": {"instance_type": "p5.48xlarge", "load_time_s": 2_000},
}
STUDIO: dict[str, Any] = {
    "name": "studio",
    "kind": "image",
    "model": {"name": "flux.2-klein-4b"},
    "traffic": {"daily_users": 20_000, "requests_per_user_per_day": 8, "peak_ratio": 3},
    "request": {"width": 1024, "height": 768},
    "latency": {"response_s": 2},
    "capacity": {"method": "calibrated"},
    "redundancy": {"zones": 1},
    "hardware": {"instance_type": "g6e.xlarge"},
}
PROMPTED: dict[str, Any] = STUDIO | {
    "latency": {"response_s": 7},
    "prompt": {
        "tokens": 40,
        "moderate": {"model": "llama-3.2-1b", "hardware": "g6.xlarge", "budget_ms": 1_500},
        "enhance": {
            "model": "qwen3-1.7b",
            "hardware": "g6.xlarge",
            "budget_ms": 2_500,
            "output_tokens": 80,
        },
    },
}
"""Images whose prompts two language models read first."""
QUEUED: dict[str, Any] = STUDIO | {
    "name": "queued",
    "latency": {"response_s": 600},
    "data": {
        "profile_bytes_per_user": 1_000,
        "interaction_bytes": 1_500_000,
        "client": "own",
        "retention_days": 30,
    },
    "queue": {},
}
ZONES = ("use1-az1", "use1-az2", "use1-az4")


def site(environment: str) -> Site:
    return Site(
        region="us-east-1",
        zones=ZONES,
        environment=environment,
        account_ids=("123456789012",),
        certificate_arn="arn:aws:acm:us-east-1:123456789012:certificate/a",
        ami_release="1.35.0-20261101",
        access=ClusterAccess(admins=("arn:aws:iam::123456789012:role/ops",)),
        tags={"cost-centre": "42"},
    )


def plan_of(*workloads: dict[str, Any], environment: str = "prod") -> Plan:
    return size([Workload.model_validate(w) for w in workloads], site(environment), load_catalog())


def chat_plan(environment: str = "prod") -> Plan:
    """One service on g6.xlarge: 12 needed, 15 in all, 5/5/5."""
    return plan_of(CHAT, environment=environment)


REVISION = "0123456789abcdef0123456789abcdef01234567"
DIGEST = "sha256:" + "0123456789abcdef" * 4
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:hub-AbCdEf"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/12345678-abcd"
SOURCES: dict[str, dict[str, Any]] = {
    "hub": {
        "id": "example/llama-2-7b-nf4",
        "revision": REVISION,
        "token_secret_arn": SECRET,
        "token_key_arn": KEY,
    },
    "s3": {"uri": "s3://theirs/models/llama/", "digest": DIGEST, "key_arn": KEY},
    "image": {"reference": f"registry.example/llama@{DIGEST}", "path": "/models/llama"},
}


EVERYTHING: dict[str, Any] = BURSTING | {
    "model": CHAT["model"] | {"source": {"hub": SOURCES["hub"]}}
}
"""Service that may grow and imports its weights."""


def imported_plan(source: str = "hub", environment: str = "prod") -> Plan:
    """The chat service whose model comes from a source."""
    model = CHAT["model"] | {"source": {source: SOURCES[source]}}
    return plan_of(CHAT | {"model": model}, environment=environment)


def volume_plan() -> Plan:
    """Plan of the chat on a type without local disks, with its weights on a volume."""
    return plan_of(CHAT | {"hardware": {"instance_type": "g5g.xlarge"}})


def spanning_plan(environment: str = "prod") -> Plan:
    """Plan of a model larger than any node: 2 replicas of two nodes needed, 3 in all, 1 a zone."""
    return plan_of(SPANNING, environment=environment)


def two_services_plan() -> Plan:
    """Two services that share the node groups of one instance type."""
    return plan_of(CHAT, SEARCH)


def public_plan(
    workload: dict[str, Any] = CHAT, /, *others: dict[str, Any], **access: object
) -> Plan:
    """Plan of a service open to the internet, with a token and limits for each; then the others."""
    open_to = {
        "public": True,
        "requests_per_key_per_min": 60,
        "tokens_per_key_per_min": 40_960,
        "claims": [{"name": "scope", "values": ["chat"]}],
    }
    public = Workload.model_validate(workload | {"access": open_to | access})
    workloads = [public, *(Workload.model_validate(other) for other in others)]
    has_page = any(workload.has_page for workload in workloads)
    where = paged_site() if has_page else site("prod").model_copy(update=ISSUER)
    return size(workloads, where, load_catalog())


ISSUER = {"token_issuer": "https://issuer.example", "token_jwks_url": "https://issuer.example/k"}


SIGNING_KEY = SigningKey(
    public_key="-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----",
    secret_arn="arn:aws:secretsmanager:us-east-1:123456789012:secret:signing-key-AbCdEf",
    secret_key_arn="arn:aws:kms:us-east-1:123456789012:key/12345678-abcd",
)


def queued_plan(
    *others: dict[str, Any],
    environment: str = "prod",
    workload: dict[str, Any] = QUEUED,
    signing_key: bool = False,
    **access: object,
) -> Plan:
    """Plan of images that wait in a queue; then the others."""
    workloads = [workload | ({"access": access} if access else {}), *others]
    key = {"signing_key": SIGNING_KEY} if signing_key else {}
    return size(
        [Workload.model_validate(w) for w in workloads],
        site(environment).model_copy(update=ISSUER | key),
        load_catalog(),
    )


def delivered_plan(environment: str = "prod") -> Plan:
    """Plan of the same images, delivered by a content delivery network."""
    cdn = {"views_per_item": 3, "hit_ratio": "0.8", "price_class": "PriceClass_100"}
    return queued_plan(environment=environment, workload=QUEUED | {"cdn": cdn}, signing_key=True)


WORKER = JobWorkerPlan(
    format="png",
    image="public.ecr.aws/lambda/python:3.13",
    at_once=1,
    cpu_millicores=250,
    memory_mib=256,
    scratch_mib=64,
    give_back_s=10,
    attempts=3,
    visibility_s=90,
    heartbeat_s=30,
    item_timeout_s=100,
)


RENDERED: dict[str, Any] = {
    "name": "rendered",
    "kind": "video",
    "model": {"name": "wan2.1-t2v-1.3b"},
    "traffic": {"daily_users": 500, "requests_per_user_per_day": 4},
    "request": {"width": 832, "height": 480, "frames": 81, "iterations": 50},
    "hardware": {"instance_type": "g6e.xlarge"},
    "data": {"client": "own", "retention_days": 30},
    "renditions": {"videos": [{"height": 360}, {"height": 240, "codec": "av1"}]},
}
"""Clips with two renditions."""


def rendered_plan(environment: str = "prod") -> Plan:
    """Plan of the clips with renditions."""
    found = site(environment).model_copy(update=ISSUER)
    return size([Workload.model_validate(RENDERED)], found, load_catalog())


def renditions_of(plan: Plan) -> RenditionsPlan:
    """Renditions of the plan's first service."""
    found = plan.services[0].renditions
    assert found is not None
    return found


APPLIED: dict[str, Any] = CHAT | {
    "name": "applied",
    "request": CHAT["request"] | {"request_bytes": 2_000, "response_bytes": 10_000},
    "application": {
        "api": "ogx",
        "file_bytes_per_request": 1_000,
        "feedback": {"share": 0.02, "comment_bytes": 40},
        "cache": {"hit_ratio": 0.2, "low_hit_ratio": 0.1, "ttl_s": 3_600},
    },
    "data": {"retention_days": 365},
    "access": {"claims": [{"name": "aud", "values": ["applied"]}]},
}
"""Chat with an application in front of its engines."""


def applied_plan(environment: str = "prod", **changes: object) -> Plan:
    """Plan of the chat with an application."""
    found = applied_site(environment)
    return size([Workload.model_validate(APPLIED | changes)], found, load_catalog())


def searching_plan() -> Plan:
    """Plan of the chat with an application whose requests search documents."""
    context = {
        "documents": 10_000,
        "document_bytes": 12_000,
        "embedding": {"model": "bge-m3", "hardware": "g6.xlarge"},
    }
    request = APPLIED["request"] | {"context_tokens": 8_192}
    return applied_plan(context=context, request=request, model={"name": "qwen3-8b"})


PAGE_SITE = {
    "certificate_arn": None,
    "dns": {"use": {"zone_id": "Z0123456789ABCDEFGHIJ", "domain": "chat.example.com"}},
    "page_client": {
        "client_id": "chat-page",
        "authorization_endpoint": "https://issuer.example/authorize",
        "token_endpoint": "https://issuer.example/token",
        "user_info_endpoint": "https://issuer.example/userinfo",
        "parameters": {"audience": "applied"},
    },
}
"""What a chat page needs of a site."""
PAGED: dict[str, Any] = APPLIED | {"application": {"api": "ogx", "ui": "open-webui"}}
"""Chat with an application and a page for people."""


def paged_plan(environment: str = "prod", site: object = None, **changes: object) -> Plan:
    """Plan of the chat with a page, on its own site or another one."""
    found = paged_site(environment) if site is None else site
    assert isinstance(found, Site)
    return size([Workload.model_validate(PAGED | changes)], found, load_catalog())


def paged_site(environment: str = "prod", **changes: object) -> Site:
    """Site of that plan, with an issuer of tokens, a client for people, and names."""
    given = applied_site(environment).model_dump() | PAGE_SITE | changes
    return Site.model_validate(given)


def applied_site(environment: str = "prod") -> Site:
    """Site of that plan, with an issuer of tokens."""
    return site(environment).model_copy(update=ISSUER)


QUEUED_BURST: dict[str, Any] = QUEUED | {
    "capacity": {"method": "calibrated", "load": "mean", "burst_gpus": 4},
    "queue": {"drain_s": 900, "spot": True},
}
"""Queued service whose burst may be on spot instances."""


def queued_burst_plan(environment: str = "prod") -> Plan:
    """Plan of the queued service that may grow."""
    found = site(environment).model_copy(update=ISSUER)
    return size([Workload.model_validate(QUEUED_BURST)], found, load_catalog())


def queued_jobs(*, worker: bool = True, environment: str = "prod", **api: object) -> JobsPlan:
    """Jobs of the queued service, with or without workers, and other values of its function."""
    jobs = queued_plan(environment=environment).services[0].jobs
    assert jobs is not None
    assert jobs.api is not None
    changed = jobs.api.model_copy(update=api)
    return jobs.model_copy(update={"api": changed, "worker": WORKER if worker else None})


def bursting_plan(environment: str = "prod") -> Plan:
    """Plan of the chat that may grow by 4 GPUs."""
    return plan_of(BURSTING, environment=environment)


def infeasible_plan() -> Plan:
    """Plan of a service whose GPUs do not exist."""
    return plan_of(CHAT | {"capacity": CHAT["capacity"] | {"min_gpu_gb": 1_000}})


def changed_service(plan: Plan, part: str, **values: object) -> Plan:
    """Plan with other values in one part of its first service."""
    service, *others = plan.services
    changed = getattr(service, part).model_copy(update=values)
    return plan.model_copy(
        update={"services": (service.model_copy(update={part: changed}), *others)}
    )


METRICS: dict[str, Any] = {
    "metrics": {"store": "in_cluster", "retention_days": 30},
    "alerts": {"email": ["on-call@example.com", "team@example.com"]},
}
"""Keys of a site that keeps metrics, and sends alerts to two addresses."""


def measured_site(environment: str = "prod", **changes: object) -> Site:
    given = site(environment).model_dump(mode="json", exclude_unset=True)
    return Site.model_validate(given | METRICS | changes)


def measured_plan(*workloads: dict[str, Any], environment: str = "prod", **changes: object) -> Plan:
    """Plan of a stack whose cluster keeps metrics, of the chat that may grow by default."""
    chosen = [Workload.model_validate(w) for w in workloads or (BURSTING,)]
    return size(chosen, measured_site(environment, **changes), load_catalog())
