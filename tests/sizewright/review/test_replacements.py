"""Replacements and their order of deletion: offline and in an engine's preview."""

import hashlib
from dataclasses import replace
from typing import Any

import pulumi
from pulumi_aws import lambda_

from sizewright.record import Recorded, RecordedResource, record, sdk
from sizewright.review.changes import Effect, load_rules
from sizewright.review.compare import AFTER, Change
from sizewright.review.compare_resources import resource_changes
from sizewright.review.dangers import Danger, dangers
from sizewright.review.engine_preview import engine_changes

CLUSTER = "aws:eks/cluster:Cluster"
ADDON = "aws:eks/addon:Addon"
PROVIDER = "pulumi:providers:kubernetes"
SPACE = "kubernetes:core/v1:Namespace"
ROLE = "aws:iam/role:Role"
POLICY = "aws:iam/rolePolicy:RolePolicy"
RULES = load_rules()


def reference(key: str, name: str) -> dict[str, str]:
    return {"$ref": key, "property": name}


def fleet(role: str = "a", path: str = "/", **cluster: Any) -> Recorded:
    """A role, its cluster, and the contents of the cluster."""
    key = f"{CLUSTER}::c"
    name = {"clusterName": reference(key, "name")}
    return Recorded(
        (
            RecordedResource(ROLE, "r", None, {"path": path, "description": role}),
            RecordedResource(CLUSTER, "c", None, {"name": "c", "roleArn": role, **cluster}),
            RecordedResource(
                ADDON, "dns", None, name, property_dependencies={"clusterName": (key,)}
            ),
            RecordedResource(
                PROVIDER,
                "k",
                None,
                {"kubeconfig": f"at ${{{key}.endpoint}}"},
                property_dependencies={"kubeconfig": (key,)},
            ),
            RecordedResource(
                SPACE, "s", None, {"metadata": {"name": "s"}}, provider=f"{PROVIDER}::k"
            ),
            RecordedResource(POLICY, "free", None, {"policy": "{}"}, depends_on=(key,)),
        ),
        {},
    )


def test_what_refers_to_a_replaced_resource_is_replaced_with_it() -> None:
    found = {c.name: c for c in resource_changes(fleet("a"), fleet("b"), RULES)}
    assert {name: c.effect for name, c in found.items()} == {
        "r": Effect.update,
        "c": Effect.replace,
        "dns": Effect.replace,
        "k": Effect.may_replace,
        "s": Effect.may_replace,
    }
    assert found["dns"].changes == (Change("clusterName", None, AFTER, Effect.replace),)


def test_the_first_danger_is_what_is_deleted_before_it_is_made_again() -> None:
    changes = resource_changes(fleet("a"), fleet("b"), RULES)
    found = next(c for c in changes if c.name == "c")
    assert found.deletes_first
    assert found.goes_with == (f"{ADDON}::dns", f"{PROVIDER}::k", f"{SPACE}::s")
    first = dangers((), changes)[0]
    assert (first.danger, first.effect, first.name) == (Danger.deleted_first, Effect.replace, "c")
    assert first.says.startswith("because of roleArn; deletes with it 1 eks.Addon, 1 ")
    answer = [d.name for d in dangers((), changes) if d.danger is Danger.deleted_first]
    assert answer == ["c"], "what goes with it is counted, not listed again"


def test_an_update_deletes_nothing_first() -> None:
    changes = resource_changes(fleet(version="1.34"), fleet(version="1.35"), RULES)
    assert [(c.name, c.effect, c.deletes_first) for c in changes] == [("c", Effect.update, False)]
    assert dangers((), changes) == ()


def test_what_the_program_ignores_changes_nothing() -> None:
    old, new = fleet(path="/"), fleet(path="/platform/")
    assert [c.name for c in resource_changes(old, new, RULES)] == ["r"]
    role = replace(new.resources[0], ignore_changes=("path",))
    kept = Recorded((role, *new.resources[1:]), {})
    assert resource_changes(old, kept, RULES) == ()


def step(op: str, type_: str, name: str, *needs: str) -> dict[str, Any]:
    urn = f"urn:pulumi:dev::sizewright::a:b:P${type_}::{name}"
    state = {"inputs": {}, "propertyDependencies": {"x": list(needs)}}
    return {"op": op, "urn": urn, "oldState": state, "newState": {"inputs": {}}}


def test_the_order_of_an_engine_preview_says_what_is_deleted_first() -> None:
    cluster = f"urn:pulumi:dev::sizewright::a:b:P${CLUSTER}::c"
    deleted = [
        step("delete-replaced", ADDON, "dns", cluster),
        step("delete-replaced", CLUSTER, "c"),
    ]
    made = [
        step(op, *of)
        for of in ((CLUSTER, "c"), (ADDON, "dns", cluster))
        for op in ("replace", "create-replacement")
    ]
    role = [step(op, ROLE, "r") for op in ("create-replacement", "replace", "delete-replaced")]
    changes, _ = engine_changes({"steps": [*deleted, *made, *role]}, "p.json")
    assert {c.name: (c.deletes_first, c.goes_with) for c in changes} == {
        "c": (True, (f"{ADDON}::dns",)),
        "dns": (True, ()),
        "r": (False, ()),
    }


def test_an_engine_preview_shows_the_digest_of_an_archive_as_a_recording_does() -> None:
    """The engine leaves texts out of its events and keeps the digest of each."""

    def program() -> None:
        code = pulumi.AssetArchive({"a.py": pulumi.StringAsset("x = 1\n")})
        lambda_.Function("f", role="arn", code=code)

    (recorded,) = record(program, config={}).resources
    digest = hashlib.sha256(b"x = 1\n").hexdigest()
    text = {sdk.SIGNATURE: sdk.ASSET, "hash": digest, "text": "<contents elided>"}
    archive = {sdk.SIGNATURE: sdk.ARCHIVE, "hash": "of a file", "assets": {"a.py": text}}
    shown = step("update", "aws:lambda/function:Function", "f")
    shown["newState"] = {"inputs": {"code": archive}}
    ((change,), _) = engine_changes({"steps": [shown]}, "p.json")
    assert change.after == {"code": recorded.inputs["code"]}
    of_path = {sdk.SIGNATURE: sdk.ARCHIVE, "hash": "0123", "path": "./folder"}
    shown["newState"] = {"inputs": {"code": of_path}}
    ((change,), _) = engine_changes({"steps": [shown]}, "p.json")
    assert change.after == {"code": {"$archive": "sha256:0123"}}
