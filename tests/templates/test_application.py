"""Documents of an application: its configuration, its pods and who may reach whom."""

import json
from typing import Any

import pytest
from ruamel.yaml import YAML

from sizing.catalog import load_catalog
from sizing.catalog.certificates.authorities import database_authorities
from sizing.plan.service.application.api import ApplicationPlan
from sizing.plan.whole import Plan
from sizing.size import size
from sizing.workload import Workload
from templates.applications.application import (
    APPLICATION_PORT,
    APPLICATION_WIRES,
    CACHE_PORT,
    DATABASE_PORT,
    Configuration,
)
from templates.engine import ENGINE_PORT
from templates.programs import APPLICATION, programs
from templates.render import render
from tests.components.plans import (
    APPLIED,
    applied_plan,
    applied_site,
    changed_service,
    chat_plan,
    searching_plan,
)

PLAN = applied_plan()
SEARCHING = searching_plan()
"""Its requests search documents."""
PODS = ("application-deployment", "application-setup-job", "application-expiry")


def document(plan: Plan, name: str) -> Any:
    text = render(plan)[f"kubernetes/{plan.services[0].name}/{name}.yaml"]
    return YAML(typ="safe").load(text)


def pod(plan: Plan, name: str) -> Any:
    spec = document(plan, name)["spec"]
    return spec.get("jobTemplate", {"spec": spec})["spec"]["template"]


def environment(plan: Plan, name: str) -> dict[str, str]:
    (container,) = pod(plan, name)["spec"]["containers"]
    return {each["name"]: each["value"] for each in container["env"]}


def config(plan: Plan, file: str = "config.yaml") -> Any:
    return YAML(typ="safe").load(document(plan, "application-config")["data"][file])


def application(plan: Plan) -> ApplicationPlan:
    found = plan.services[0].application
    assert found is not None
    return found


def test_without_an_application_there_is_no_document_of_one() -> None:
    assert not [path for path in render(chat_plan()) if "application" in path]


def test_only_the_answering_pods_have_a_limit_of_tokens() -> None:
    access = {"claims": [{"name": "aud", "values": ["applied"]}], "tokens_per_key_per_min": 9_000}
    limited = applied_plan(access=access)
    found, before = environment(limited, PODS[0]), environment(PLAN, PODS[0])
    assert found == before | {"TOKENS_PER_USER_PER_MIN": "9000"}
    for name in PODS[1:]:
        assert environment(limited, name) == environment(PLAN, name)


def test_the_configuration_has_the_numbers_of_the_plan() -> None:
    found, plan = config(PLAN), application(PLAN)
    assert found["server"]["workers"] == plan.processes_per_pod
    backends = found["storage"]["backends"]
    assert backends["sql"]["pool_size"] == plan.connections_per_process
    assert backends["kv"]["pool_size"] == 1
    for backend in backends.values():
        assert backend["max_overflow"] == 0
        assert backend["password"] == "${env.DATABASE_PASSWORD}"
    (model,) = found["registered_resources"]["models"]
    serving = PLAN.services[0].serving
    assert serving is not None and model["model_id"] == serving.model
    (engine,) = found["providers"]["inference"]
    address = f"http://applied.applied.svc:{ENGINE_PORT}/v1"
    assert engine["config"]["base_url"] == address


def test_users_are_those_of_the_tokens_and_the_setup_has_none() -> None:
    gateway = PLAN.services[0].gateway
    assert gateway is not None and gateway.token is not None
    provider = config(PLAN)["server"]["auth"]["provider_config"]
    assert provider == {
        "type": "oauth2_token",
        "audience": "applied",
        "issuer": gateway.token.issuer,
        "jwks": {"uri": gateway.token.jwks_url},
        "claims_mapping": {"sub": "roles"},
    }
    setup = config(PLAN, "setup.yaml")
    assert "auth" not in setup["server"] and setup["server"]["host"] == "127.0.0.1"
    rest = {**config(PLAN), "server": None}
    assert {**setup, "server": None, "providers": rest["providers"]} == rest
    assert setup["providers"]["inference"][0]["config"]["base_url"].startswith("http://127.0.0.1:")


def test_nothing_is_kept_in_memory_and_nothing_calls_an_address_of_a_user() -> None:
    found = config(PLAN)
    assert found["storage"]["stores"]["inference"]["enabled"] is False
    for provider in ("tool_runtime", "vector_io", "file_processors"):
        assert found["providers"][provider] == []


def test_files_are_accepted_or_not_and_always_have_a_bucket() -> None:
    """Guard: OGX does not start without a store of files."""
    without = applied_plan(application={"api": "ogx"})
    for plan in (PLAN, without):
        assert [e["provider_type"] for e in config(plan)["providers"]["files"]] == ["remote::s3"]
        assert all(environment(plan, name)["BUCKET"] for name in PODS)
    assert environment(without, PODS[0])["FILE_BYTES"] == "0"
    assert int(environment(PLAN, PODS[0])["FILE_BYTES"]) > 0


def test_the_pods_that_delete_can_erase_a_user() -> None:
    """Guard: the how-to replaces the last word of their command."""
    stated = environment(PLAN, PODS[2])
    needed = ("BATCH", "BUCKET", "DATABASE_HOST", "DATABASE_TLS", "ROLE", "SECRET_FILE")
    assert all(stated[name] for name in (*needed, "FEEDBACK_BUCKET"))
    (container,) = pod(PLAN, PODS[2])["spec"]["containers"]
    assert container["command"][-2:] == ["/programs/application_rows.py", "expire"]


def test_the_pods_that_answer_or_erase_reach_the_cache_of_answers() -> None:
    """Guard: the setup would run again for what it does not use."""
    cache = application(PLAN).cache
    assert cache is not None
    answering, setup, deleting = (environment(PLAN, name) for name in PODS)
    reached = {"CACHE_HOST", "CACHE_NAME", "CACHE_PORT", "CACHE_USER"}
    assert {name for name in deleting if name.startswith("CACHE_")} == reached
    assert not [name for name in setup if name.startswith("CACHE_")]
    assert reached < answering.keys()
    assert answering["CACHE_TTL_S"] == str(cache.ttl_s) == "3600"
    assert answering["CACHE_DEADLINE_MS"] == str(cache.deadline_ms)
    assert answering["CACHE_LARGEST_BYTES"] == str(cache.largest_bytes)


def test_feedback_changes_nothing_of_the_setup() -> None:
    """Guard: a Job that changes is deleted and runs again."""
    without = applied_plan(application={"api": "ogx", "file_bytes_per_request": 1_000})
    added = environment(PLAN, PODS[0]).keys() - environment(without, PODS[0]).keys()
    assert {name for name in added if not name.startswith("CACHE_")} == {
        "FEEDBACK_BUCKET",
        "FEEDBACK_STREAM",
    }
    assert document(PLAN, PODS[1]) == document(without, PODS[1])


def test_each_pod_verifies_the_database_by_the_authorities_of_its_region() -> None:
    text = document(PLAN, "application-config")["data"]["database-authorities.pem"]
    assert text == database_authorities(PLAN.site.region)
    for name in PODS:
        stated = environment(PLAN, name)
        (container,) = pod(PLAN, name)["spec"]["containers"]
        mounted = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
        assert stated["DATABASE_TLS"] == "verify-full"
        assert stated["PGSSLROOTCERT"] == f"{mounted['config']}/database-authorities.pem"


def test_a_region_without_known_authorities_is_encrypted_and_reported() -> None:
    zones = tuple(f"apse5-az{number}" for number in (1, 2, 3))
    site = applied_site().model_copy(update={"region": "ap-southeast-5", "zones": zones})
    plan = size([Workload.model_validate(APPLIED)], site, load_catalog())
    stated = environment(plan, PODS[0])
    assert stated["DATABASE_TLS"] == "require" and "PGSSLROOTCERT" not in stated
    assert list(document(plan, "application-config")["data"]) == ["config.yaml", "setup.yaml"]
    assert [line for line in plan.unverified if "no certificate of its authority" in line]
    assert not [line for line in PLAN.unverified if "no certificate of its authority" in line]


def test_an_engine_ends_its_answers_before_it_stops() -> None:
    gateway = PLAN.services[0].gateway
    assert gateway is not None
    (engine, *_) = pod(PLAN, "deployment-use1-az1")["spec"]["containers"]
    assert engine["lifecycle"]["preStop"]["sleep"]["seconds"] >= gateway.longest_answer_s


def test_another_configuration_is_another_config_map_and_restarts_the_pods() -> None:
    other = changed_service(PLAN, "application", connections_per_process=2)
    names = [document(plan, "application-config")["metadata"]["name"] for plan in (PLAN, other)]
    assert names[0] != names[1]
    assert document(PLAN, "application-config")["immutable"]
    for plan, name in zip((PLAN, other), names, strict=True):
        volumes = {v["name"]: v for v in pod(plan, PODS[0])["spec"]["volumes"]}
        assert volumes["config"]["configMap"]["name"] == name
    first, second = (pod(plan, PODS[0])["metadata"]["annotations"] for plan in (PLAN, other))
    assert first != second, "another setup may have made another password"
    assert Configuration("a", "bc").name != Configuration("ab", "c").name


@pytest.mark.parametrize("name", PODS)
def test_pods_run_without_rights_and_with_their_programs(name: str) -> None:
    spec = pod(PLAN, name)["spec"]
    assert spec["securityContext"]["runAsNonRoot"] and not spec["automountServiceAccountToken"]
    for container in (*spec["containers"], *spec.get("initContainers", ())):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        script = container["command"][1].removeprefix("/programs/")
        assert script in document(PLAN, "script-application")["data"]
        assert container["resources"]["limits"]["memory"]
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    assert volumes["programs"]["configMap"]["name"] == programs(APPLICATION).name
    assert {m["name"] for m in spec["containers"][0]["volumeMounts"]} <= {*volumes}


def test_only_the_setup_knows_where_the_master_s_password_is() -> None:
    master = "${wire:master_secret_arn}"
    assert [name for name in PODS if master in environment(PLAN, name).values()] == [PODS[1]]
    accounts = [pod(PLAN, name)["spec"]["serviceAccountName"] for name in PODS]
    assert accounts == ["application", "application-setup", "application-expiry"]


def test_the_password_is_a_file_in_memory() -> None:
    for name in (PODS[0], PODS[2]):
        spec = pod(PLAN, name)["spec"]
        (secret,) = [v for v in spec["volumes"] if v["name"] == "secret"]
        assert secret["emptyDir"]["medium"] == "Memory"
        assert environment(PLAN, name)["SECRET_FILE"] == "/secret/password"
        assert "DATABASE_PASSWORD" not in environment(PLAN, name)


def test_a_pod_outlives_its_balancer_s_connections() -> None:
    gateway, pods = PLAN.services[0].gateway, application(PLAN).pods
    assert gateway is not None and pods is not None
    assert int(environment(PLAN, PODS[0])["KEEP_ALIVE_S"]) > gateway.idle_timeout_s
    assert pods.drain_s >= min(gateway.longest_answer_s, 3_600)
    spec = pod(PLAN, PODS[0])["spec"]
    assert spec["terminationGracePeriodSeconds"] > pods.drain_s


def test_deletion_runs_once_a_day_and_not_twice_at_once() -> None:
    expiry, kept = document(PLAN, PODS[2])["spec"], application(PLAN).retention
    assert expiry["concurrencyPolicy"] == "Forbid" and expiry["schedule"].split()[2:] == ["*"] * 3
    assert environment(PLAN, PODS[2])["RETENTION_DAYS"] == str(kept.days)
    assert environment(PLAN, PODS[2])["BATCH"] == str(kept.batch_rows)


def test_only_the_application_reaches_the_engines_and_only_its_balancer_reaches_it() -> None:
    """The graph of who may reach whom, over all policies of the namespace."""
    paths = [path for path in render(PLAN) if "/network-policy-" in path]
    policies = [YAML(typ="safe").load(render(PLAN)[path]) for path in paths]
    receives = {
        policy["metadata"]["name"]: [
            (source, port["port"])
            for rule in policy["spec"].get("ingress", ())
            for source in rule["from"]
            for port in rule["ports"]
        ]
        for policy in policies
    }
    (engine,) = receives.pop("engine")
    labels = pod(PLAN, PODS[0])["metadata"]["labels"]
    source, port = engine
    assert source["podSelector"]["matchLabels"].items() <= labels.items() and port == ENGINE_PORT
    balancer = receives.pop("application")
    cidrs = [each["ipBlock"]["cidr"] for each, _ in balancer]
    assert cidrs == [*PLAN.network.private_cidrs]
    assert {port for _, port in balancer} == {APPLICATION_PORT}
    assert not any(receives.values()), "nothing else receives"
    sends = {
        policy["metadata"]["name"]: {
            port["port"] for rule in policy["spec"].get("egress", ()) for port in rule["ports"]
        }
        for policy in policies
    }
    names = {"application", "application-setup", "application-expiry"}
    assert {name for name, ports in sends.items() if DATABASE_PORT in ports} == names
    assert {name for name, ports in sends.items() if ENGINE_PORT in ports} == {"application"}
    cached = {name for name, ports in sends.items() if CACHE_PORT in ports}
    assert cached == {"application", "application-expiry"}
    known = {53, 80, 443, DATABASE_PORT, ENGINE_PORT, CACHE_PORT}
    assert all(ports <= known for ports in sends.values())


def test_each_policy_selects_the_pods_that_it_is_for() -> None:
    for name in PODS:
        labels = pod(PLAN, name)["metadata"]["labels"]
        component = labels["app.kubernetes.io/component"]
        policy = document(PLAN, f"network-policy-{component}")
        assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    selector = document(PLAN, "service")["spec"]["selector"]
    labels = pod(PLAN, PODS[0])["metadata"]["labels"]
    assert not selector.items() <= labels.items(), "the engines' Service selects no application"


def test_the_balancer_s_targets_are_the_application() -> None:
    bound = document(PLAN, "target-group-binding")["spec"]["serviceRef"]
    service = document(PLAN, "application-service")
    assert bound["name"] == service["metadata"]["name"]
    (port,) = service["spec"]["ports"]
    assert (bound["port"], port["targetPort"]) == (port["port"], APPLICATION_PORT)
    assert service["spec"]["selector"].items() <= pod(PLAN, PODS[0])["metadata"]["labels"].items()


def test_every_wire_is_known() -> None:
    texts = "".join([*render(PLAN).values(), *render(SEARCHING).values()])
    assert {name for name in APPLICATION_WIRES if f"${{wire:{name}}}" in texts} == APPLICATION_WIRES


def policy_of(service: str, name: str) -> Any:
    text = render(SEARCHING)[f"kubernetes/{service}/network-policy-{name}.yaml"]
    return YAML(typ="safe").load(text)["spec"]


def test_only_the_application_and_its_workers_reach_the_service_of_vectors() -> None:
    """The policies of both sides name each other, and the workers reach nothing that answers."""
    (rule,) = policy_of("applied-embedding", "engine")["ingress"]
    (source,) = rule["from"]
    assert source["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "applied"}
    (component,) = source["podSelector"]["matchExpressions"]
    assert component["values"] == ["application", "application-ingestion"]
    labels = pod(SEARCHING, "application-ingestion")["metadata"]["labels"]
    assert source["podSelector"]["matchLabels"].items() <= labels.items()
    assert labels[component["key"]] in component["values"]
    reached = {
        name: [
            target["podSelector"]["matchLabels"]["app.kubernetes.io/name"]
            for rule in policy_of("applied", name)["egress"]
            for target in rule["to"]
            if {port["port"] for port in rule["ports"]} == {ENGINE_PORT}
        ]
        for name in ("application", "application-ingestion", "application-setup")
    }
    assert reached == {
        "application": ["applied", "applied-embedding"],
        "application-ingestion": ["applied-embedding"],
        "application-setup": [],
    }
    assert "ingress" not in policy_of("applied", "application-ingestion")


def test_another_model_of_vectors_has_another_store() -> None:
    def store(model: str) -> str:
        context = SEARCHING.services[0].inputs.context
        assert context is not None
        given = context.model_dump(exclude_none=True) | {"embedding": {"model": model}}
        plan = applied_plan(
            context=given,
            request=APPLIED["request"] | {"context_tokens": 8_192},
            model={"name": "qwen3-8b"},
        )
        (only,) = config(plan)["registered_resources"]["vector_stores"]
        assert environment(plan, "application-deployment")["DOCUMENTS"] == only["vector_store_id"]
        return str(only["vector_store_id"])

    assert store("bge-m3") != store("qwen3-embedding-0.6b")


def test_workers_of_documents_have_their_program_and_no_users_files() -> None:
    (container,) = pod(SEARCHING, "application-ingestion")["spec"]["containers"]
    assert container["command"] == ["python3", "/programs/context_worker.py", "work"]
    assert "restartPolicy" not in pod(SEARCHING, "application-ingestion")["spec"]
    assert environment(SEARCHING, "application-ingestion")["PGSSLMODE"] == "verify-full"
    assert "DOCUMENTS" not in environment(PLAN, "application-deployment")


def test_searches_and_vectors_alone_reach_the_pods_that_answer() -> None:
    context = SEARCHING.services[0].inputs.context
    assert context is not None
    opened = {"searches_per_user_per_day": 1, "embeddings_per_user_per_day": 1}

    def directly(**given: int) -> str | None:
        plan = applied_plan(
            context=context.model_dump(exclude_none=True) | {"direct": given},
            request=APPLIED["request"] | {"context_tokens": 8_192},
            model={"name": "qwen3-8b"},
        )
        assert "DIRECT" not in environment(plan, "application-ingestion")
        assert "DIRECT" not in environment(plan, "application-setup-job")
        found = environment(plan, "application-deployment").get("DIRECT")
        return None if found is None else str(found)

    whole = json.loads(directly(**opened) or "")
    assert whole["searches"] and 0 < whole.pop("texts") <= 32
    assert whole == {
        "searches": True,
        "model": "vectors/bge-m3",
        "text_bytes": 1_600,
        "dimensions": 1_024,
    }
    searches = json.loads(directly(searches_per_user_per_day=1) or "")
    assert searches == {"searches": True}
    assert "DIRECT" not in environment(SEARCHING, "application-deployment")
