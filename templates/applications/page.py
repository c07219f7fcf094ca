"""Values of the documents of a chat page in front of an application."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from sizing.plan.service.application.page import PagePlan, PagePodsPlan
from sizing.plan.service.whole import ServicePlan
from sizing.plan.whole import Plan
from sizing.service.request_limits import KEEP_ALIVE_MARGIN_S
from sizing.stack.names import page_name
from templates.programs import DIGEST_DIGITS, PAGE, programs

COMPONENT = "page"
"""Component of the pods that answer, and name of their service account and database role."""
SETUP, EXPIRY = f"{COMPONENT}-setup", f"{COMPONENT}-expiry"
"""Components of the pods that prepare the database, and that delete what is due."""
PAGE_PORT = 8080
"""Port of the page. Basis: vendor (Open WebUI, its default)."""
PAGE_HEALTH = "/health"
"""Path that answers 200 once the page serves. Basis: vendor (Open WebUI)."""
DATABASE_HEALTH = "/health/db"
"""Path that answers 200 while its database answers. Basis: vendor (Open WebUI)."""
PAGE_WIRES = frozenset(
    {"balancer_arns", "page_database_host", "page_master_secret_arn", "page_secret_arn"}
)
"""Names of the values of a service with a page alone."""
BALANCER_KEYS = "https://public-keys.auth.elb.{region}.amazonaws.com"
GOVERNMENT_KEYS = "https://s3-{region}.amazonaws.com/aws-elb-public-keys-prod-{region}"
"""Addresses of the public keys with which load balancers sign: of commercial regions, and of AWS
GovCloud (US). Basis: vendor (AWS, authenticate users with an application load balancer), which
names none for China: `check_access` refuses its regions."""
READY = "import urllib.request; urllib.request.urlopen('{url}', timeout=4)"
"""Program that fails where the page or its database does not answer."""
SETTINGS = {
    # The people are those of the load balancer, and nobody administers the page.
    "WEBUI_AUTH_TRUSTED_EMAIL_HEADER": "x-page-email",
    "WEBUI_AUTH_TRUSTED_NAME_HEADER": "x-page-name",
    "WEBUI_AUTH_TRUSTED_ROLE_HEADER": "x-page-role",
    "DEFAULT_USER_ROLE": "user",
    "BYPASS_MODEL_ACCESS_CONTROL": "true",
    "WEBUI_SESSION_COOKIE_SECURE": "true",
    # Settings are those of the plan, and none is kept in the database.
    "ENABLE_PERSISTENT_CONFIG": "false",
    # Nothing is loaded from the internet, and no model runs in the page.
    "OFFLINE_MODE": "true",
    "USE_SLIM_DOCKER": "true",
    "BYPASS_EMBEDDING_AND_RETRIEVAL": "true",
    "RAG_EMBEDDING_ENGINE": "openai",
    # Descriptions of tools would lengthen each prompt.
    "DEFAULT_MODEL_METADATA": '{"capabilities": {"builtin_tools": false}}',
    "ANONYMIZED_TELEMETRY": "false",
    "DO_NOT_TRACK": "true",
    "SCARF_NO_ANALYTICS": "true",
    "GLOBAL_LOG_LEVEL": "WARNING",
    "DATA_DIR": "/tmp/data",
    "STATIC_DIR": "/tmp/static",
    "HOME": "/tmp",
    "PYTHONDONTWRITEBYTECODE": "1",
}
"""Environment of Open WebUI. Basis: vendor (source of 0.12.4: env.py and config.py)."""
OFF = (
    # Other ways to sign in, and to see what others write.
    "ENABLE_SIGNUP",
    "ENABLE_API_KEYS",
    "ENABLE_ADMIN_CHAT_ACCESS",
    "ENABLE_ADMIN_EXPORT",
    "ENABLE_COMMUNITY_SHARING",
    "USER_PERMISSIONS_CHAT_SHARE",
    "USER_PERMISSIONS_FEATURES_API_KEYS",
    # Calls of other servers than the application.
    "ENABLE_OLLAMA_API",
    "ENABLE_DIRECT_CONNECTIONS",
    "ENABLE_DIRECT_INTEGRATIONS",
    "ENABLE_WEB_SEARCH",
    "ENABLE_VERSION_UPDATE_CHECK",
    "ENABLE_USER_WEBHOOKS",
    "USER_PERMISSIONS_FEATURES_DIRECT_TOOL_SERVERS",
    "USER_PERMISSIONS_FEATURES_WEB_SEARCH",
    "USER_PERMISSIONS_CHAT_WEB_UPLOAD",
    "USER_PERMISSIONS_CHAT_STT",
    "USER_PERMISSIONS_CHAT_TTS",
    "USER_PERMISSIONS_CHAT_CALL",
    # Calls of the model besides answers, for which no GPU is sized.
    "ENABLE_TITLE_GENERATION",
    "ENABLE_TAGS_GENERATION",
    "ENABLE_FOLLOW_UP_GENERATION",
    "ENABLE_AUTOCOMPLETE_GENERATION",
    "ENABLE_RETRIEVAL_QUERY_GENERATION",
    "ENABLE_SEARCH_QUERY_GENERATION",
    "ENABLE_AUTOMATIONS",
    "ENABLE_SUBAGENTS",
    "ENABLE_EVALUATION_ARENA_MODELS",
    "USER_PERMISSIONS_CHAT_MULTIPLE_MODELS",
    # Code that the page would run, and images that it would make.
    "ENABLE_CODE_EXECUTION",
    "ENABLE_CODE_INTERPRETER",
    "ENABLE_IMAGE_GENERATION",
    "ENABLE_IMAGE_EDIT",
    "ENABLE_APPS",
    # What a pod would keep on its disk, and what no retention would delete.
    "USER_PERMISSIONS_CHAT_FILE_UPLOAD",
    "ENABLE_MEMORIES",
    "ENABLE_NOTES",
    "ENABLE_CHANNELS",
    "ENABLE_CALENDAR",
    "ENABLE_FOLDERS",
    "USER_PERMISSIONS_FEATURES_MEMORIES",
    "USER_PERMISSIONS_FEATURES_NOTES",
    "USER_PERMISSIONS_FEATURES_CHANNELS",
    "USER_PERMISSIONS_FEATURES_CALENDAR",
    "USER_PERMISSIONS_FEATURES_FOLDERS",
    # What the page has no part for.
    "ENABLE_MESSAGE_RATING",
)
"""Switches of Open WebUI that are off. Basis: vendor (source of 0.12.4: env.py and config.py)."""


def page_documents(
    plan: Plan,
    service: ServicePlan,
    application: dict[str, Any],
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the documents of a service's page; nothing where it has no pods.

    `application` has the values of the application's documents, whose templates are those of the
    page too.
    """
    page = service.page
    if page is None or page.pods is None:
        return
    script = programs(PAGE)
    called = {
        "called_name": application["application_name"],
        "called_component": application["component"],
        "called_port": application["application_port"],
    }
    own = application | {
        "cache_port": None,
        "calls_vectors": False,
        "application_name": page_name(service.name),
        "page_name": None,
        "bound_port": PAGE_PORT,
        "application_port": PAGE_PORT,
        "application_health": PAGE_HEALTH,
        "pods": page.pods.model_dump(),
        "secret_image": page.pods.image,
        "replicas": page.pods_total,
        "retention": {"window_s": page.window_s},
        "script": script.values,
        "modules": script.modules,
        "setup_name": _setup_name(page.pods, application, script.name),
        "calls_engines": False,
        "calls_application": False,
        "binding": page_name(service.name),
        "bound_service": page_name(service.name),
    }
    common = _common(application["environment"], page)
    answering = own | called | _answering(plan, service, page, application, common)
    setup, expiry = own | _setup(application, common), own | _expiry(application, page, common)
    for document in ("deployment", "service", "budget"):
        yield f"page-{document}", f"application-{document}", answering
    yield "page-setup-job", "application-setup-job", setup
    yield "page-expiry", "application-expiry", expiry
    for part in (answering, setup, expiry):
        yield f"network-policy-{part['component']}", "network-policy-application", part
        yield f"{part['component']}-service-account", "pod-account", part
    yield "script-page", "script", own
    for public in _balancers(service):
        name = page_name(service.name) + "-public" * public
        yield page_binding(public=public), "target-group-binding", own | {"binding": name}


def page_binding(*, public: bool) -> str:
    """Document that binds the page to the targets of its public or internal load balancer."""
    return "page-target-group-binding-public" if public else "page-target-group-binding"


def balancer_keys(region: str) -> str:
    """Address of the public keys of a region's load balancers, without the name of a key."""
    form = GOVERNMENT_KEYS if region.startswith("us-gov-") else BALANCER_KEYS
    return form.format(region=region)


def _balancers(service: ServicePlan) -> Iterator[bool]:
    """For each load balancer of a service, whether it is public."""
    if service.gateway is not None:
        yield from (balancer.public for balancer in service.gateway.balancers())


def _setup_name(pods: PagePodsPlan, application: dict[str, Any], script: str) -> str:
    """Name of the setup; another image, program or configuration is another one."""
    images = [pods.image, application["secret_image"]]
    text = json.dumps([*images, script, application["config_name"]])
    return f"{SETUP}-{hashlib.sha256(text.encode()).hexdigest()[:DIGEST_DIGITS]}"


def _common(application: dict[str, str], page: PagePlan) -> dict[str, str]:
    """Environment of every pod of the page; wires are its database and its secret."""
    shared = ["DATABASE", "DATABASE_PORT", "DATABASE_TLS", "PGSSLROOTCERT", "SECRET_FILE"]
    shared += ["AWS_REGION", "AWS_EC2_METADATA_DISABLED", "HOME"]
    return {
        **{name: application[name] for name in shared if name in application},
        "BATCH": str(page.batch_rows),
        "DATABASE_HOST": "${wire:page_database_host}",
        "ROLE": COMPONENT,
        "SECRET_ARN": "${wire:page_secret_arn}",
    }


def _answering(
    plan: Plan,
    service: ServicePlan,
    page: PagePlan,
    application: dict[str, Any],
    common: dict[str, str],
) -> dict[str, Any]:
    """Values of the pods that answer. Raises ValueError where there are none."""
    if page.pods is None or plan.dns is None or service.gateway is None:
        raise ValueError(f"{service.name}: a page without pods or without a name")
    program, port = application["programs"], application["application_port"]
    address = f"http://{application['application_name']}.{service.name}.svc:{port}/v1"
    host = f"https://{plan.dns.hosts[page_name(service.name)]}"
    connection = {"auth_type": "none", "model_ids": [application["environment"]["MODEL"]]}
    return {
        "component": COMPONENT,
        "account": COMPONENT,
        "answers": True,
        "calls_application": True,
        "fetches_secret": True,
        "command": ["python3", f"{program}/page_start.py"],
        "ready_command": [
            "python3",
            "-c",
            READY.format(url=f"http://127.0.0.1:{PAGE_PORT}{DATABASE_HEALTH}"),
        ],
        "cpu": f"{page.pods.cpu_millicores}m",
        "memory": f"{page.pods.memory_mib}Mi",
        "environment": common
        | SETTINGS
        | dict.fromkeys(OFF, "false")
        | {
            "APPLICATION_URL": address,
            "OPENAI_API_BASE_URLS": address,
            # Its models are named here, so that nobody asks for them without a token.
            "OPENAI_API_CONFIGS": json.dumps({"0": connection}),
            "BALANCER_ARNS": "${wire:balancer_arns}",
            "BALANCER_KEYS_URL": balancer_keys(plan.site.region),
            "CLIENT_ID": page.sign_in.client_id,
            "CORS_ALLOW_ORIGIN": host,
            "WEBUI_URL": host,
            "DATABASE_POOL_SIZE": str(page.connections_per_pod),
            "KEEP_ALIVE_S": str(service.gateway.idle_timeout_s + KEEP_ALIVE_MARGIN_S),
            "PORT": str(PAGE_PORT),
        },
    }


def _setup(application: dict[str, Any], common: dict[str, str]) -> dict[str, Any]:
    """Values of the setup: the application's image makes the role, the page's its tables."""
    return {
        "component": SETUP,
        "account": SETUP,
        "answers": False,
        "fetches_secret": True,
        "secret_image": application["secret_image"],
        "secret_command": ["python3", f"{application['programs']}/page_setup.py"],
        "secret_connects": True,
        "command": ["python3", f"{application['programs']}/page_start.py", "migrate"],
        "cpu": "500m",
        "memory": "1Gi",
        "environment": common
        | {name: SETTINGS[name] for name in ("DATA_DIR", "STATIC_DIR", "USE_SLIM_DOCKER")}
        | {"OFFLINE_MODE": "true", "MASTER_SECRET_ARN": "${wire:page_master_secret_arn}"},
    }


def _expiry(application: dict[str, Any], page: PagePlan, common: dict[str, str]) -> dict[str, Any]:
    """Values of the pods that delete, which run in the application's image."""
    return {
        "component": EXPIRY,
        "account": EXPIRY,
        "answers": False,
        "fetches_secret": True,
        "pods": {"image": application["secret_image"]},
        "secret_image": application["secret_image"],
        "command": ["python3", f"{application['programs']}/page_rows.py", "expire"],
        "cpu": "200m",
        "memory": "512Mi",
        "environment": common | {"RETENTION_DAYS": str(page.retention_days)},
    }
