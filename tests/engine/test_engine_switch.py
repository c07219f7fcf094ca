"""Another serving engine on the real Pulumi engine: pods change in place, nodes stay."""

from typing import Any

import pytest

from sizing.catalog import load_catalog
from sizing.workload import EngineName, Kind, engines_of
from testbed.engine import Step
from tests.engine.conftest import CHAT, MakeStack

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
NF4 = "{name: llama-2-7b, parameters: 7.0e9, precision: nf4}"
MODEL = "{name: llama-3.1-8b, precision: fp8}"


@pytest.fixture(scope="module")
def moved(
    make_stack: MakeStack, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[list[Step], dict[str, Any]]]:
    """Steps of `up`, and the pods of the floor after it, engine by engine on one stack."""
    folder, stack, found = tmp_path_factory.mktemp("workloads"), make_stack(), {}
    text = CHAT.read_text(encoding="utf-8")
    assert NF4 in text and "g6.xlarge" in text
    text = text.replace(NF4, MODEL).replace("g6.xlarge", "g6e.xlarge")
    for engine in engines_of(Kind.chat):
        path = folder / f"{engine}.yaml"
        path.write_text(f"{text}\nengine: {{name: {engine}}}\n", encoding="utf-8")
        stack.configure([path])
        steps = stack.up()
        assert not stack.preview(), "a second preview changes something"
        floors = [t for t in stack.things() if t.type == DEPLOYMENT]
        found[engine.value] = steps, floors[0].inputs["spec"]["template"]["spec"]
    return found


@pytest.mark.parametrize("engine", [EngineName.sglang, EngineName.tensorrt_llm])
def test_a_switch_updates_pods_and_replaces_nothing(moved: Any, engine: EngineName) -> None:
    steps, _ = moved[engine]
    assert {step.op for step in steps if step.type == DEPLOYMENT} == {"update"}
    assert not [step for step in steps if "replace" in step.op]
    assert not [step for step in steps if "NodeGroup" in step.type or "Cluster" in step.type]


@pytest.mark.parametrize("engine", engines_of(Kind.chat))
def test_pods_run_the_pinned_image(moved: Any, engine: EngineName) -> None:
    _, pod = moved[engine]
    (container,) = pod["containers"]
    tag = load_catalog().pin(engine.traits.image).version
    assert container["image"].endswith(f":{tag}")
