"""The rendered documents: their names, wires, quotes and values."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import UndefinedError

import templates.environment
import templates.render
from templates.engine import ENGINE_PORT, engine_arguments
from templates.render import WIRES, render
from tests.components.plans import (
    SECRET,
    changed_service,
    chat_plan,
    imported_plan,
    infeasible_plan,
    two_services_plan,
)
from tests.templates.rendered import (
    DOCUMENTS,
    FLOOR,
    FOLDER,
    PLAN,
    document,
    engine,
    expanded,
    fetch_words,
    pod,
    with_serving,
)


def test_paths() -> None:
    assert list(render(two_services_plan())) == [
        *(f"kubernetes/chat/{name}.yaml" for name in DOCUMENTS),
        *(f"kubernetes/search/{name}.yaml" for name in DOCUMENTS),
        "node/g6-xlarge/user-data.mime",
    ]
    assert render(infeasible_plan()) == {}


def test_same_plan_same_text() -> None:
    assert render(chat_plan()) == render(chat_plan())


def test_the_binding_registers_the_service_s_pods() -> None:
    binding = document(PLAN, "target-group-binding")
    service = document(PLAN, "service")
    assert binding["metadata"]["namespace"] == service["metadata"]["namespace"]
    assert binding["spec"]["serviceRef"]["name"] == service["metadata"]["name"]
    (port,) = service["spec"]["ports"]
    assert binding["spec"]["serviceRef"]["port"] == port["port"]
    assert binding["spec"]["targetType"] == "ip"
    assert binding["spec"]["targetGroupARN"] == "${wire:target_group_arn}"
    assert "networking" not in binding["spec"], "the gateway's own rule opens the port"
    labels = document(PLAN, FLOOR)["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    (engine_port,) = engine(PLAN)["ports"]
    assert port["targetPort"] == engine_port["containerPort"] == ENGINE_PORT


def test_labels_on_everything() -> None:
    for name in DOCUMENTS:
        parsed = document(PLAN, name)
        labels = parsed["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == "chat"
        assert labels["app.kubernetes.io/part-of"] == "sizewright"
        assert labels["app.kubernetes.io/managed-by"] == "sizewright"
        assert parsed["metadata"].get("namespace", "chat") == "chat"


def test_the_quota_has_room_for_a_rollout_and_no_more() -> None:
    plan = changed_service(PLAN, "quota", gpus=36, pods=19)
    assert document(plan, "resource-quota")["spec"] == {
        "hard": {"requests.nvidia.com/gpu": "36", "pods": "19"}
    }


def test_no_secret_but_its_name_is_rendered() -> None:
    texts = "".join(render(imported_plan()).values())
    assert texts.count(SECRET) == 1


def test_rollouts_wait_for_the_load_balancer() -> None:
    labels = document(chat_plan(), "namespace")["metadata"]["labels"]
    assert labels["elbv2.k8s.aws/pod-readiness-gate-inject"] == "enabled"


def test_only_known_wires_are_rendered() -> None:
    names = {
        name
        for text in render(two_services_plan()).values()
        for name in re.findall(r"\$\{wire:([^}]*)\}", text)
    }
    assert names < WIRES, "the others are of a burst"


def test_a_value_that_looks_like_a_wire_is_refused() -> None:
    with pytest.raises(ValueError, match="chat"):
        render(with_serving(model="${wire:weights_bucket}"))


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1))
def test_hostile_values_stay_values(text: str) -> None:
    if "${wire:" in text:
        return
    plan = with_serving(model=text, image=text, weights_folder=text, weights_prefix=text)
    (container,) = pod(plan)["containers"]
    assert container["image"] == text
    assert expanded(container["args"][2]) == text
    assert expanded(container["args"][0]) == f"/weights/{text}"
    assert fetch_words(plan)[1::4] == [text, text]


@pytest.mark.parametrize(
    "text", ["$(HOME)", "$$(HOME)", "$", "$$", "a$b", "$(", "'\"\n- x: y #{{ 1 }}"]
)
def test_the_kubelet_gives_the_engine_the_very_text(text: str) -> None:
    serving = with_serving(model=text).services[0].serving
    assert serving is not None
    assert expanded(engine_arguments(serving)[2]) == text


def test_every_value_is_quoted() -> None:
    for path in sorted(FOLDER.glob("*/*.j2")):
        quote = "tojson" if path.name.endswith(".yaml.j2") else "shell"
        for value in re.findall(r"\{\{(.*?)\}\}", path.read_text()):
            assert re.search(rf"\|{quote} $", value), f"{path.name}: {value}"


def test_an_unknown_variable_raises() -> None:
    template = templates.environment.environment().get_template("kubernetes/deployment.yaml.j2")
    service = PLAN.services[0]
    assert service.serving is not None
    values = templates.render._service_values(PLAN, service, service.serving)
    _, _, values = next(templates.render._zone_documents(service.serving, values))
    assert "vllm" in template.render(values)
    for name in ("arguments", "fetch_script", "name"):
        with pytest.raises(UndefinedError, match=name):
            template.render({key: values[key] for key in values.keys() - {name}})


def test_text_outside_the_basic_plane() -> None:
    assert engine(with_serving(image="a\U0001f600b"))["image"] == "a\U0001f600b"


def test_values_are_json() -> None:
    """A rendered number is a number, a rendered text is a text."""
    assert json.dumps(engine(PLAN)["ports"]) == (
        '[{"name": "http", "containerPort": 8000, "protocol": "TCP"}]'
    )
