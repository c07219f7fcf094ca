"""`diff`: cause first, then sizing, survival and resources with changed leaf properties only."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sizewright.record import Recorded, RecordedResource
from sizewright.report.change.difference import cause_lines, resource_lines, service_lines
from sizewright.review.changes import Effect, load_rules
from sizewright.review.compare import (
    Change,
    ResourceChange,
    ServiceChange,
    causes,
    leaf_changes,
    loses_data,
)
from sizewright.review.compare_resources import resource_changes
from sizing.workload import Workload
from tests.sizewright.conftest import ROOT, Run

CHAT = ROOT / "tests/workloads/chat.yaml"
Chat = Callable[..., Path]


def resource(type_: str, name: str, protect: bool = False, **inputs: object) -> RecordedResource:
    return RecordedResource(
        type=type_,
        name=name,
        parent=None,
        inputs=inputs,
        protect=protect,
    )


def compared(
    old: list[RecordedResource], new: list[RecordedResource]
) -> tuple[ResourceChange, ...]:
    return resource_changes(Recorded(tuple(old), {}), Recorded(tuple(new), {}), load_rules())


def differing(run: Run, old: Path, new: Path) -> Any:
    return json.loads(run("diff", old, new, "--json").out)


def test_more_users_are_the_cause_and_exactly_these_resources_change(run: Run, chat: Chat) -> None:
    answer = differing(run, CHAT, chat(("100_000", "130_000")))
    (service,) = answer["services"]
    assert service["cause"] == [{"path": "traffic.daily_users", "old": 100_000, "new": 130_000}]
    sizing = {leaf["path"]: (leaf["old"], leaf["new"]) for leaf in service["sizing"]}
    assert sizing["pool.gpus_needed"] == (12, 16), "130,000 x 10 / 86,400 = 15.05"
    assert sizing["pool.gpus_total"] == (15, 20), "16 x 1.2 = 19.2"
    assert service["survives"] == {"old": {"nodes": 3, "zones": 0}, "new": {"nodes": 4, "zones": 0}}
    assert {r["name"]: r["effect"] for r in answer["resources"]} == {
        "sw-g6-xlarge-use1-az1": "update",
        "sw-g6-xlarge-use1-az2": "update",
        "sw-g6-xlarge-use1-az4": "update",
        "sw-chat-database-cluster": "update",
        "sw-chat-namespace-quota": "update",
        "sw-chat-serving-budget": "update",
        "sw-chat-serving-floor-use1-az1": "update",
        "sw-chat-serving-floor-use1-az2": "update",
        "sw-chat-serving-floor-use1-az4": "update",
    }
    floor = next(r for r in answer["resources"] if r["name"] == "sw-chat-serving-floor-use1-az1")
    assert [(p["path"], p["old"], p["new"]) for p in floor["properties"]] == [
        ("spec.replicas", 5, 7),
        ("spec.strategy.rollingUpdate.maxUnavailable", 1, 2),
    ]


def test_the_cause_is_reported_first(run: Run, chat: Chat) -> None:
    out = run("diff", CHAT, chat(("100_000", "130_000"))).out
    places = [out.index(text) for text in ("cause", "sizing that", "survival", "resources:")]
    assert places == sorted(places)
    assert "\n\nchat: cause\n  traffic.daily_users  100,000 -> 130,000\n" in out
    assert "scalingConfig.{desiredSize, maxSize, minSize}: 5 -> 7" in out


def test_nothing_changes(run: Run) -> None:
    ended = run("diff", CHAT, CHAT, "--detailed-exitcode")
    assert (ended.code, ended.err) == (0, "")
    assert "nothing changes" in ended.out


def test_changes_set_the_exit_code_only_on_request(run: Run, chat: Chat) -> None:
    more = chat(("100_000", "130_000"))
    assert run("diff", CHAT, more).code == 0
    assert run("diff", CHAT, more, "--detailed-exitcode").code == 3


def test_another_instance_type_is_a_second_pool(run: Run, chat: Chat) -> None:
    answer = differing(run, CHAT, chat(("g6.xlarge", "g6e.xlarge")))
    effects = {r["name"]: r["effect"] for r in answer["resources"]}
    assert effects["sw-g6e-xlarge-use1-az1"] == "create"
    assert effects["sw-g6-xlarge-use1-az1"] == "delete"
    assert effects["sw-chat-serving-floor-use1-az1"] == "update"
    assert "replace" not in effects.values()


def test_a_service_that_goes_loses_its_data_loudly(run: Run, chat: Chat) -> None:
    out = run("diff", CHAT, chat(name="talk")).out
    assert "chat: cause\n  the service is gone" in out
    assert "talk: cause\n  the service is new" in out
    first = out[out.index("resources:") :].splitlines()[1]
    assert "!! LOSES DATA: - delete" in first


def test_infeasible_says_why_and_sets_the_exit_code(run: Run, chat: Chat) -> None:
    ended = run("diff", CHAT, chat(("llama-2-7b, parameters: 7.0e9", "llama-3.1-70b")))
    assert ended.code == 5
    assert "another instance type: " in ended.err and " would do\n" in ended.err
    assert "GPUs needed" in ended.out
    assert "resources: not compared; the program refuses" in ended.out


def test_no_changed_number_is_hidden(run: Run, chat: Chat) -> None:
    out = run("diff", CHAT, chat(("request_bytes: 2000", "request_bytes: 20000"))).out
    assert "in, mean" in out
    assert "in, peak" in out
    assert "nothing" not in out


def test_what_prod_protects_is_never_deleted_by_turning_to_dev(run: Run) -> None:
    """Guard: the documented way to delete a protected stack is one `up` as dev."""
    stacks = {
        stack: json.loads(run("preview", CHAT, "--json", "--site", f"Pulumi.{stack}.yaml").out)[
            "resources"
        ]
        for stack in ("prod", "dev")
    }
    kept = {(r["type"], r["name"]) for r in stacks["dev"]}
    gone = [r for r in stacks["prod"] if (r["type"], r["name"]) not in kept]
    assert gone, "prod has more: NAT gateways, a second database instance"
    assert not [r["name"] for r in gone if r["protect"]]


def test_leaves_are_compared_and_references_are_one() -> None:
    old = {
        "a": [1, 2],
        "b": {"$ref": "x::y", "property": "arn"},
        "c": {"d": None},
        "gone": {"e": 1},
    }
    new = {"a": [1, 3, 4], "b": {"$ref": "x::z", "property": "arn"}, "c": {"d": None}}
    assert list(leaf_changes(old, new)) == [
        Change("a[1]", 2, 3),
        Change("a[2]", None, 4),
        Change("b", "${x::y.arn}", "${x::z.arn}"),
        Change("gone.e", 1, None),
    ]


def test_texts_that_hold_json_are_compared_by_leaf() -> None:
    old = {"policy": '{"Statement": [{"Action": "s3:Get"}], "Version": "1"}', "name": "{a"}
    new = {"policy": '{"Version": "1", "Statement": [{"Action": "s3:Put"}]}', "name": "{b"}
    assert list(leaf_changes(old, new)) == [
        Change("policy.Statement[0].Action", "s3:Get", "s3:Put"),
        Change("name", "{a", "{b"),
    ]
    (spaces,) = leaf_changes('{"a": 1}', '{"a":1}')
    assert (spaces.old, spaces.new) == ('{"a": 1}', '{"a":1}'), "no change may vanish"


LONG = "arn:aws:iam::111122223333:role/" + "a" * 200


def long_change() -> ResourceChange:
    (change,) = compared(
        [resource("aws:kms/key:Key", "k", policy=f"{LONG}-old")],
        [resource("aws:kms/key:Key", "k", policy=f"{LONG}-new")],
    )
    return change


def test_piped_values_are_whole() -> None:
    assert f"      policy: {LONG}-old -> {LONG}-new" in list(resource_lines([long_change()], 0))


@pytest.mark.parametrize("width", [60, 80, 160])
def test_a_terminal_gets_the_part_that_differs(width: int) -> None:
    line = list(resource_lines([long_change()], 0, width))[2]
    assert len(line) <= width
    assert line == "      policy: …aaaaaaa-old -> …aaaaaaa-new"


@pytest.mark.parametrize("width", [20, 60, 160])
def test_a_cause_is_never_cut(width: int) -> None:
    change = ServiceChange("chat", None, None, (), ())
    cause = Change("model.source.s3.uri", None, LONG)
    assert list(cause_lines("chat", [cause]))[1] == f"  model.source.s3.uri  absent -> {LONG}"
    assert max(map(len, service_lines(change, max(width, 30)))) <= max(width, 30)


def test_what_holds_line_ends_stays_one_line() -> None:
    (change,) = compared(
        [resource("x:y/z:Z", "a", p="a\nb")], [resource("x:y/z:Z", "a", p="a\n!! forged")]
    )
    assert list(resource_lines([change], 0))[2:] == [
        "      p: a\\nb -> a\\n!! forged  [may force replacement]"
    ]


def workload(text: str) -> Workload:
    return Workload.model_validate(
        {
            "name": "a",
            "kind": "chat",
            "model": "llama-3.1-8b",
            "traffic": {"daily_users": 10, "requests_per_user_per_day": 1, "peak_ratio": 2},
            "request": {"input_tokens": 1, "output_tokens": 2, "context_tokens": 9},
            "capacity": {"method": "calibrated"},
            "hardware": "auto",
        }
        | json.loads(text)
    )


HUB = f'{{"hub": {{"id": "a/b", "revision": "{"0" * 40}"}}}}'
CLAIMS = '"requests_per_key_per_min": 9, "claims": [{"name": "aud", "values": ["a"]}]'
CAUSES = {
    "a default that is written out": ("{}", '{"access": {"public": false}}', []),
    "truth as it is written": (
        "{}",
        '{"access": {"token_required": true}}',
        [("access.token_required", None, True)],
    ),
    "a written truth that turns": (
        '{"access": {"token_required": false}}',
        '{"access": {"token_required": true}}',
        [("access.token_required", False, True)],
    ),
    "back to a default": (
        '{"latency": {"ttft_ms": 9, "percentile": 99}}',
        '{"latency": {"ttft_ms": 9}}',
        [("latency.percentile", 99, None)],
    ),
    "a part with defaults of its own": (
        '{"model": {"name": "llama-3.1-8b"}}',
        f'{{"model": {{"name": "llama-3.1-8b", "source": {HUB}}}}}',
        [
            ("model.source.hub.id", None, "a/b"),
            ("model.source.hub.revision", None, "0" * 40),
        ],
    ),
    "a part that goes": (
        f'{{"access": {{"token_required": true, {CLAIMS}}}}}',
        "{}",
        [
            ("access.token_required", True, None),
            ("access.requests_per_key_per_min", 9, None),
            ("access.claims[0].name", "aud", None),
            ("access.claims[0].values[0]", "a", None),
        ],
    ),
}


@pytest.mark.parametrize("case", CAUSES)
@pytest.mark.parametrize("dumped", [False, True], ids=["file", "stack"])
def test_the_cause_is_what_was_written(case: str, dumped: bool) -> None:
    """A stack keeps every default of its inputs, and defaults are no cause either."""
    old_text, new_text, expected = CAUSES[case]
    old, new = workload(old_text), workload(new_text)
    if dumped:
        old = Workload.model_validate(old.model_dump(mode="json", exclude_none=True))
    answer = {c.path: (c.old, c.new) for c in causes(old, new)}
    assert answer.keys() == {path for path, _, _ in expected}
    for path, before, after in expected:
        assert answer[path][1] == after
        assert answer[path][0] == before or (dumped and before is None)


def test_a_new_service_lists_what_was_written(run: Run, chat: Chat) -> None:
    answer = differing(run, CHAT, chat(name="talk"))
    talk = next(service for service in answer["services"] if service["name"] == "talk")
    written = {leaf["path"] for leaf in talk["cause"]}
    assert {"name", "traffic.daily_users", "redundancy.spare_ratio"} <= written
    assert not {p for p in written if "mtbf" in p or "load_time_s" in p or "engine" in p}


def test_truth_is_written_as_in_the_file() -> None:
    answer = list(
        cause_lines(
            "a", causes(workload("{}"), workload(f'{{"access": {{"public": true, {CLAIMS}}}}}'))
        )
    )
    assert "  access.public                    absent -> true" in answer


def test_the_worst_changed_property_is_what_happens() -> None:
    cluster = "aws:rds/cluster:Cluster"
    (change,) = compared(
        [resource(cluster, "db", engineVersion="16", masterUsername="a")],
        [resource(cluster, "db", engineVersion="17", masterUsername="b")],
    )
    assert change.effect is Effect.replace
    assert loses_data(change)
    lines = list(resource_lines([change], unchanged=0))
    assert lines[1].startswith("  !! LOSES DATA: +- replace rds.Cluster db")
    assert any("masterUsername: a -> b  [forces replacement]" in line for line in lines)
    assert any(line.endswith("engineVersion: 16 -> 17") for line in lines)


def test_an_unknown_property_may_replace() -> None:
    (change,) = compared([resource("x:y/z:Z", "a", p=1)], [resource("x:y/z:Z", "a", p=2)])
    assert change.effect is Effect.may_replace
    assert "+-? may be replaced" in list(resource_lines([change], 0))[1]


def test_losing_protection_is_a_change() -> None:
    bucket = "aws:s3/bucket:Bucket"
    (change,) = compared([resource(bucket, "b", protect=True)], [resource(bucket, "b")])
    assert (change.changes[0].path, change.changes[0].new) == ("(protect)", False)


def test_what_loses_data_comes_before_everything_else() -> None:
    subnet, bucket = "aws:ec2/subnet:Subnet", "aws:s3/bucket:Bucket"
    changes = compared(
        [resource(subnet, "s", cidrBlock="a"), resource(bucket, "b")],
        [resource(subnet, "s", cidrBlock="b"), resource(subnet, "t")],
    )
    assert [(c.effect, c.name) for c in changes] == [
        (Effect.delete, "b"),
        (Effect.replace, "s"),
        (Effect.create, "t"),
    ]
