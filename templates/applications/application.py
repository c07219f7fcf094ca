"""Values of the documents of an application in front of the engines."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from sizing.catalog.certificates.authorities import database_authorities
from sizing.plan.service.application.api import ApplicationPlan, ApplicationPodsPlan
from sizing.plan.service.application.context import ContextPlan
from sizing.plan.service.gateway import GatewayPlan
from sizing.plan.service.serving import ServingPlan
from sizing.plan.service.whole import ServicePlan
from sizing.plan.whole import Plan
from sizing.service.application.api import VERIFIED
from sizing.service.request_limits import KEEP_ALIVE_MARGIN_S
from sizing.stack.names import page_name
from templates.applications.context import (
    CONTEXT_WIRES,
    STOP_S,
    configuration,
    directly,
    ingesting,
    searching,
)
from templates.applications.page import page_documents
from templates.engine import ENGINE_PORT, ENGINE_USER, LOOPBACK, argument
from templates.environment import environment
from templates.programs import (
    APPLICATION,
    CONTEXT,
    DIGEST_DIGITS,
    Program,
    programs,
    running_lines,
)
from templates.scheduling import APPLICATIONS_TAINT

COMPONENT = "application"
"""Component of the pods that answer, and name of their service account and database role."""
SETUP, EXPIRY = f"{COMPONENT}-setup", f"{COMPONENT}-expiry"
"""Components of the pods that prepare the database, and that delete what is due."""
INGESTION = f"{COMPONENT}-ingestion"
"""Component of the pods that keep the documents."""
APPLICATION_PORT = 8321
"""Port of the application. Basis: vendor (OGX, its default)."""
APPLICATION_HEALTH = "/v1/health"
"""Path that answers 200 once the application serves. Basis: vendor (OGX)."""
DATABASE_PORT = 5432
"""Port of the database. Basis: vendor (PostgreSQL)."""
CACHE_PORT = 6379
"""Port of the cache of answers. Basis: vendor (ElastiCache; 6380 only reads)."""
DATABASE = "service"
"""Name of the database. Guard: the service's own name may be a reserved word."""
PROGRAMS, CONFIG, SECRET = "/programs", "/config", "/secret"
"""Folders of the programs, of the configuration and of the password in a pod."""
CONFIG_FILE, SETUP_FILE = "config.yaml", "setup.yaml"
AUTHORITIES_FILE = "database-authorities.pem"
"""File with the authorities of the database's certificate."""
SETUP_DEADLINE_S = 1_800
"""Seconds after which the setup of the database fails. Basis: assumed; a new database takes minutes
to answer."""
SCHEDULE = "17 3 * * *"
"""Time of a day in UTC when due rows are deleted. Basis: assumed; not at a full hour."""
PROVIDER = "engine"
"""Name of the engines in the application's configuration, and first part of its models' names."""
NO_ENGINE = f"http://{LOOPBACK}:9/v1"
"""Address where nothing answers: an engine that hangs would keep the setup from starting."""
FEEDBACK = {
    "FEEDBACK_BUCKET": "${wire:feedback_bucket}",
    "FEEDBACK_STREAM": "${wire:feedback_stream}",
}
"""Environment of pods that take feedback, or delete it."""
CACHE = {
    "CACHE_HOST": "${wire:cache_host}",
    "CACHE_NAME": "${wire:cache_name}",
    "CACHE_USER": "${wire:cache_user}",
}
"""Environment of pods that keep answers, or delete those of a user."""
AUTHORITIES = {"PGSSLROOTCERT": f"{CONFIG}/{AUTHORITIES_FILE}"}
"""Environment by which the driver of PostgreSQL verifies the server, in OGX and in our programs.
Basis: vendor (libpq, asyncpg)."""
JOB_CPU, JOB_MEMORY = "200m", "512Mi"
"""Requests of a pod that prepares the database or deletes rows. Basis: assumed; the setup starts
the application once."""
APPLICATION_WIRES = frozenset(
    {
        "database_host",
        "application_secret_arn",
        "master_secret_arn",
        "uploads_bucket",
        "feedback_bucket",
        "feedback_stream",
        *CONTEXT_WIRES,
        "cache_host",
        "cache_name",
        "cache_user",
    }
)
"""Names of the values of a service with an application alone."""


def application_documents(
    plan: Plan, service: ServicePlan, serving: ServingPlan, values: dict[str, Any]
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the documents of a service's application; nothing where it has no pods.

    Raises ValueError for an application without a load balancer that requires tokens.
    """
    application = service.application
    if application is None or application.pods is None:
        return
    pods, gateway = application.pods, service.gateway
    if not isinstance(gateway, GatewayPlan) or gateway.token is None:
        raise ValueError(f"{service.name}: an application needs a load balancer with tokens")
    files, context = _configuration(plan, service, serving, application), application.context
    script = programs(APPLICATION if context is None else (*APPLICATION, *CONTEXT))
    own = {
        "name": service.name,
        "application_name": application_name(service.name),
        "pull_secrets": values["pull_secrets"],
        "port": values["port"],
        "bound_port": values["bound_port"],
        "balancer_cidrs": values["application_balancer_cidrs"],
        "application_port": APPLICATION_PORT,
        "application_health": APPLICATION_HEALTH,
        "database_port": DATABASE_PORT,
        "database_cidrs": plan.network.private_cidrs,
        "pods": pods.model_dump(),
        "secret_image": pods.image,
        "secret_connects": False,
        "page_name": None if service.page is None else page_name(service.name),
        "calls_application": False,
        "replicas": application.pods_total,
        "retention": application.retention.model_dump(),
        "taints": APPLICATIONS_TAINT,
        "user": ENGINE_USER,
        "programs": PROGRAMS,
        "config_folder": CONFIG,
        "secret_folder": SECRET,
        "secret_command": ["python3", f"{PROGRAMS}/application_secret.py"],
        "config_name": files.name,
        "script": script.values,
        "modules": script.modules,
        "schedule": SCHEDULE,
        "routed": [*_routed_engines(plan, service)],
        "setup_deadline_s": SETUP_DEADLINE_S,
        "works": False,
        "works_stop_s": STOP_S,
        "vectors_service": None if context is None else context.service,
        "calls_vectors": False,
        "cache_port": None,
    }
    own["setup_name"] = _setup_name(pods, script.name, files.name)
    common = _environment(plan, service, application)
    # Guard: not in the setup's, which would run again for what it does not use.
    users = common | ({} if application.feedback is None else FEEDBACK)
    reached = {"cache_port": None if application.cache is None else CACHE_PORT}
    users |= {} if application.cache is None else {**CACHE, "CACHE_PORT": str(CACHE_PORT)}
    routes = users | _routes(plan, service) | directly(plan, context)
    answering = own | reached | _answering(service.name, serving, application, routes, gateway)
    answering |= {"calls_vectors": context is not None}
    setup, expiry = own | _setup(common), own | reached | _expiry(application, users)
    ingestion = [] if context is None else [own | _ingestion(plan, application, context, common)]
    for document in ("deployment", "service", "budget"):
        yield f"application-{document}", f"application-{document}", answering
    yield "application-setup-job", "application-setup-job", setup
    yield "application-expiry", "application-expiry", expiry
    for part in ingestion:
        yield "application-ingestion", "application-ingestion", part
    parts = (answering, setup, expiry, *ingestion)
    for part in parts:
        yield f"network-policy-{part['component']}", "network-policy-application", part
    for part in parts:
        yield f"{part['component']}-service-account", "pod-account", part
    yield "script-application", "script", own
    config = {"script": files.values, "modules": files.modules}
    yield "application-config", "script", own | config
    if service.page is not None:
        yield from page_documents(plan, service, answering)


class Configuration:
    """Files of the application's configuration, in one ConfigMap that is named by all of them."""

    def __init__(self, config: str, setup: str, authorities: str = "") -> None:
        whole = "\0".join((config, setup, authorities))
        self.name = (
            f"application-config-{hashlib.sha256(whole.encode()).hexdigest()[:DIGEST_DIGITS]}"
        )
        files = {CONFIG_FILE: config, SETUP_FILE: setup, AUTHORITIES_FILE: authorities}
        self._files = [Program(name, text) for name, text in files.items() if text]

    @property
    def values(self) -> dict[str, str]:
        """Values of the file with which the application answers."""
        return self._files[0].values | {"name": self.name}

    @property
    def modules(self) -> list[dict[str, str]]:
        """Values of the other files: of the setup's, and of the database's authorities."""
        return [each.values for each in self._files[1:]]


def _configuration(
    plan: Plan, service: ServicePlan, serving: ServingPlan, application: ApplicationPlan
) -> Configuration:
    """Return the application's configuration, and the one of its setup.

    The setup has no tokens, and only its own pod reaches it.
    """
    gateway = service.gateway
    token = None if gateway is None or gateway.token is None else gateway.token.model_dump()
    values = {
        "provider": PROVIDER,
        "model": argument(serving.model),
        "region": plan.site.region,
        "connections": application.connections_per_process,
        "application_port": APPLICATION_PORT,
        "audience": application.audience,
    }
    context = application.context
    models = {name: each.model for name, each in _routed_engines(plan, service).items()}
    routed = [(name, argument(model)) for name, model in models.items()]
    template = environment().get_template("parts/application-config.yaml.j2")
    config = {
        "engine_url": f"{engine_url(service.name)}/v1",
        "host": "0.0.0.0",
        "processes": application.processes_per_pod,
        "token": token,
        "context": configuration(context),
        "routed": [
            {"name": name, "model": model, "url": f"{engine_url(name)}/v1"}
            for name, model in routed
        ],
    }
    setup = {
        "engine_url": NO_ENGINE,
        "host": LOOPBACK,
        "processes": 1,
        "token": None,
        "context": configuration(context, NO_ENGINE.removesuffix("/v1")),
        "routed": [{"name": name, "model": model, "url": NO_ENGINE} for name, model in routed],
    }
    first, second = (running_lines(template.render(values | each)) for each in (config, setup))
    return Configuration(first, second, database_authorities(plan.site.region) or "")


def _routed_engines(plan: Plan, service: ServicePlan) -> dict[str, ServingPlan]:
    """Engines of other services whose models the application offers, by service.

    A service that the stack does not build has none.
    """
    route, by_name = service.route, {each.name: each.serving for each in plan.services}
    names = () if route is None else (each.service for each in route.services)
    built = {name: by_name[name] for name in names}
    return {name: serving for name, serving in built.items() if serving is not None}


def _routes(plan: Plan, service: ServicePlan) -> dict[str, str]:
    """Environment of the rule that chooses a model; empty without a route."""
    engines = _routed_engines(plan, service)
    names = {name: f"{name}/{argument(serving.model)}" for name, serving in engines.items()}
    if not engines or service.route is None:
        return {}
    contexts = {names[name]: serving.max_model_len or 0 for name, serving in engines.items()}
    own = {"ROUTED_MODELS": json.dumps(contexts)}
    easy = service.route.easy
    if easy is None or easy.service not in names:
        return own
    rule: dict[str, object] = {"model": names[easy.service]}
    if easy.prompt_bytes is not None:
        rule["prompt_bytes"] = easy.prompt_bytes
    if easy.header is not None:
        rule["header"] = easy.header.split(": ", 1)
    return own | {"EASY": json.dumps(rule)}


def application_name(service: str) -> str:
    """Name of the Deployment, the Service and the pods of a service's application."""
    return f"{service}-{COMPONENT}"


def engine_url(service: str) -> str:
    """Address of a service's engines inside the cluster."""
    return f"http://{service}.{service}.svc:{ENGINE_PORT}"


def _setup_name(pods: ApplicationPodsPlan, script: str, config: str) -> str:
    """Name of the setup; another image, program or configuration is another one."""
    text = json.dumps([pods.image, script, config])
    return f"{SETUP}-{hashlib.sha256(text.encode()).hexdigest()[:DIGEST_DIGITS]}"


def _environment(plan: Plan, service: ServicePlan, application: ApplicationPlan) -> dict[str, str]:
    """Environment of every pod of the application; wires are its database and its secret."""
    return {
        "BATCH": str(application.retention.batch_rows),
        "BUCKET": "${wire:uploads_bucket}",
        "DATABASE_HOST": "${wire:database_host}",
        "DATABASE_PORT": str(DATABASE_PORT),
        "DATABASE": DATABASE,
        "DATABASE_TLS": application.database_tls,
        "ROLE": COMPONENT,
        "SECRET_ARN": "${wire:application_secret_arn}",
        "SECRET_FILE": f"{SECRET}/password",
        "AWS_REGION": plan.site.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "HOME": "/tmp",
        # Guard: its other form renders each fault for seconds, and the process answers no probe.
        "OGX_LOG_FORMAT": "json",
        **(AUTHORITIES if application.database_tls == VERIFIED else {}),
        **searching(application.context, application.database_tls),
    }


def _answering(
    service: str,
    serving: ServingPlan,
    application: ApplicationPlan,
    common: dict[str, str],
    gateway: GatewayPlan,
) -> dict[str, Any]:
    """Values of the pods that answer. Raises ValueError where there are none."""
    if application.pods is None:
        raise ValueError(f"{service}: an application without pods")
    return {
        "component": COMPONENT,
        "account": COMPONENT,
        "answers": True,
        "calls_engines": True,
        "fetches_secret": True,
        "command": ["python3", f"{PROGRAMS}/application_start.py"],
        "ready_command": ["python3", f"{PROGRAMS}/application_ready.py"],
        "cpu": f"{application.pods.cpu_millicores}m",
        "memory": f"{application.pods.memory_mib}Mi",
        "environment": common
        | {
            "CONFIG": f"{CONFIG}/{CONFIG_FILE}",
            "PROCESSES": str(application.processes_per_pod),
            "PORT": str(APPLICATION_PORT),
            "MODEL": f"{PROVIDER}/{argument(serving.model)}",
            "CONTEXT_TOKENS": str(serving.max_model_len or 0),
            "BODY_BYTES": str(application.body_bytes),
            "FILE_BYTES": str(application.file_bytes),
            "ENGINE_HEALTH": f"{engine_url(service)}/health",
            "KEEP_ALIVE_S": str(gateway.idle_timeout_s + KEEP_ALIVE_MARGIN_S),
            **_token_limit(application),
            **_kept_answers(application),
        },
    }


def _token_limit(application: ApplicationPlan) -> dict[str, str]:
    tokens = application.tokens
    return (
        {} if tokens is None else {"TOKENS_PER_USER_PER_MIN": str(tokens.tokens_per_user_per_min)}
    )


def _kept_answers(application: ApplicationPlan) -> dict[str, str]:
    cache = application.cache
    if cache is None:
        return {}
    return {
        "CACHE_TTL_S": str(cache.ttl_s),
        "CACHE_DEADLINE_MS": str(cache.deadline_ms),
        "CACHE_LARGEST_BYTES": str(cache.largest_bytes),
    }


def _setup(common: dict[str, str]) -> dict[str, Any]:
    return {
        "component": SETUP,
        "account": SETUP,
        "answers": False,
        "calls_engines": False,
        "fetches_secret": False,
        "command": ["python3", f"{PROGRAMS}/application_setup.py"],
        "cpu": JOB_CPU,
        "memory": JOB_MEMORY,
        "environment": common
        | {
            "MASTER_SECRET_ARN": "${wire:master_secret_arn}",
            "SETUP_CONFIG": f"{CONFIG}/{SETUP_FILE}",
        },
    }


def _expiry(application: ApplicationPlan, common: dict[str, str]) -> dict[str, Any]:
    return {
        "component": EXPIRY,
        "account": EXPIRY,
        "answers": False,
        "calls_engines": False,
        "fetches_secret": True,
        "command": ["python3", f"{PROGRAMS}/application_rows.py", "expire"],
        "cpu": JOB_CPU,
        "memory": JOB_MEMORY,
        "environment": common
        | {
            "RETENTION_DAYS": str(application.retention.days),
        },
    }


def _ingestion(
    plan: Plan, application: ApplicationPlan, context: ContextPlan, common: dict[str, str]
) -> dict[str, Any]:
    """Values of the pods that keep the documents. Raises ValueError where there are none."""
    if application.pods is None:
        raise ValueError("documents without an application")
    return {
        "component": INGESTION,
        "account": INGESTION,
        "answers": False,
        "works": True,
        "replicas": context.pods,
        "calls_engines": False,
        "calls_vectors": True,
        "fetches_secret": True,
        "command": ["python3", f"{PROGRAMS}/context_worker.py", "work"],
        "cpu": f"{application.pods.cpu_millicores}m",
        "memory": f"{context.memory_mib}Mi",
        "environment": common | ingesting(plan, context),
    }
