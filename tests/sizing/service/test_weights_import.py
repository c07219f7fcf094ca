"""Sources of a model's files, and the time limit of their import."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from sizing.plan.service.whole import ServicePlan
from sizing.service.weights_import import import_plan, weights_of
from sizing.values.units import GIB, MIB
from sizing.workload.source import HUB_FILES, HubSource, ModelSource

REVISION = "0123456789abcdef0123456789abcdef01234567"
OTHER = "f" * 40
INDEX = "config.json"
DIGEST = "sha256:" + "0123456789abcdef" * 4
HUB = {"id": "meta-llama/Llama-3.1-8B", "revision": REVISION}
S3 = {"uri": "s3://theirs/models/llama/", "digest": DIGEST}
IMAGE = {"reference": f"registry.example/llama@{DIGEST}", "path": "/models/llama"}


def source(**given: Any) -> ModelSource:
    return ModelSource.model_validate(given)


@pytest.mark.parametrize(
    ("given", "version"),
    [
        ({"hub": HUB}, REVISION),
        ({"s3": S3}, DIGEST.removeprefix("sha256:")),
        ({"image": IMAGE}, DIGEST.removeprefix("sha256:")),
    ],
)
def test_a_version_has_its_own_prefix(given: dict[str, Any], version: str) -> None:
    weights = weights_of("llama", source(**given), INDEX)
    assert (weights.prefix, weights.ready) == (f"llama/{version}", "manifest.json")
    assert weights.folder == f"llama@{version[:12]}"


def test_other_files_of_a_revision_are_another_version() -> None:
    same = weights_of("llama", source(hub=HUB | {"files": list(HUB_FILES)}), INDEX)
    other = weights_of("llama", source(hub=HUB | {"files": ["*.gguf"]}), INDEX)
    assert same == weights_of("llama", source(hub=HUB), INDEX)
    assert other.prefix.startswith(f"llama/{REVISION}-") and other.prefix != same.prefix
    assert other != weights_of("llama", source(hub=HUB | {"files": ["*.json"]}), INDEX)


def test_your_own_files_lie_under_the_model_s_name() -> None:
    weights = weights_of("llama", None, INDEX)
    assert (weights.prefix, weights.folder, weights.ready) == ("llama", "llama", "config.json")
    assert import_plan(None, GIB, "llama", "image") is None


def test_the_import_has_three_times_as_long_as_planned() -> None:
    plan = import_plan(source(hub=HUB), 4_000 * MIB, "llama/1", "image")
    assert plan is not None
    assert (plan.import_s, plan.deadline_s) == (100, 3 * 100 + 600)
    assert (plan.source, plan.prefix, plan.image) == ("hub", "llama/1", "image")
    assert plan.max_bytes == 4_400 * MIB
    assert plan.scratch_gib is None, "nothing lies on a disk on the way"


def test_files_of_an_image_lie_on_a_system_node_for_a_while(sized: Callable[..., Any]) -> None:
    plan = import_plan(source(image=IMAGE), 10 * GIB, "llama/1", "image")
    assert plan is not None and plan.scratch_gib == 11


def test_an_import_is_a_pod_of_the_namespace(sized: Callable[..., ServicePlan]) -> None:
    without, imported = sized(), sized(model={"name": "llama-3.1-8b", "source": {"hub": HUB}})
    assert without.quota is not None and imported.quota is not None
    assert imported.quota.pods == without.quota.pods + 1
    assert imported.quota.gpus == without.quota.gpus
    assert imported.serving is not None and imported.weights_import is not None
    assert imported.serving.weights_prefix == imported.weights_import.prefix


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"hub": HUB, "s3": S3},
        {"hub": HUB | {"revision": "main"}},
        {"hub": HUB | {"revision": REVISION[:12]}},
        {"hub": HUB | {"id": "llama"}},
        {"hub": HUB | {"id": "../llama"}},
        {"hub": HUB | {"token_secret_arn": "hf_abcdef"}},
        {"hub": HUB | {"token_secret_arn": "arn:aws:ssm:us-east-1:123456789012:parameter/x"}},
        {"hub": HUB | {"token_key_arn": "arn:aws:kms:us-east-1:123456789012:key/a"}},
        {"hub": HUB | {"files": []}},
        {"hub": HUB | {"digest": "sha256:1"}},
        {"s3": {"uri": S3["uri"]}},
        {"s3": S3 | {"uri": "s3://theirs"}},
        {"s3": S3 | {"uri": "s3://theirs/models/llama"}},
        {"s3": S3 | {"uri": "s3://theirs/../llama/"}},
        {"image": IMAGE | {"reference": "registry.example/llama:v1"}},
        {"image": IMAGE | {"path": "models"}},
        {"image": IMAGE | {"path": "/models; rm"}},
    ],
)
def test_what_is_not_exact_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        source(**given)


def test_a_secret_s_value_has_no_field() -> None:
    assert not {"token", "password", "secret"} & set(HubSource.model_fields)
