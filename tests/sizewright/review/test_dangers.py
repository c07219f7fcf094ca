"""Dangers that a reviewer must see first: every row of dangers.csv, and harmless changes."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sizewright.review.changes import Effect, load_rules
from sizewright.review.compare import Change, ResourceChange
from sizewright.review.dangers import (
    RULES,
    Danger,
    DangerRule,
    Event,
    Hazard,
    dangers,
    load_danger_rules,
)
from sizewright.review.review import Review
from tests.sizewright.conftest import ROOT, Run, after_contradictions

OPEN = ROOT / "tests/program/public.yaml"
SITE = ROOT / "tests/program/Pulumi.public.yaml"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
ASSOCIATION = "aws:wafv2/webAclAssociation:WebAclAssociation"
Chat = Callable[..., Path]


def resource(
    effect: Effect, type_: str, name: str = "sw-a-b", before: Any = None, after: Any = None
) -> ResourceChange:
    return ResourceChange(effect, type_, name, False, (), before, after)


def found(*resources: ResourceChange) -> list[tuple[str, str, str]]:
    return [(f.danger.value, f.name, f.says) for f in dangers((), resources)]


def nested(path: str, value: object) -> dict[str, Any]:
    for step in reversed(path.split(".")):
        value = [value] if step == "0" else {step: value}
    assert isinstance(value, dict)
    return value


def cases() -> list[tuple[str, DangerRule]]:
    return [(type_, rule) for type_, rules in load_danger_rules().items() for rule in rules]


def bad_and_good(rule: DangerRule) -> tuple[object, object]:
    """A dangerous value of the property, and a harmless one."""
    match rule.event:
        case Event.becomes:
            bad = {"true": True, "false": False}.get(rule.values[0], rule.values[0])
            return None if bad == "null" else bad, not bad if isinstance(bad, bool) else "other"
        case Event.drops:
            good = True if rule.values[0] == "true" else [{"type": w, w: [1]} for w in rule.values]
            return False if good is True else [{"type": "forward"}], good
        case Event.lowers:
            return 7, 30
        case Event.lets_in:
            return (
                ("2001:db8::/32", "fd00::/8")
                if rule.property_path.endswith("6")
                else (
                    "0.0.0.0/0",
                    "10.1.0.0/16",
                )
            )
    return None, None


@pytest.mark.parametrize(("type_", "rule"), cases(), ids=lambda v: v if isinstance(v, str) else "")
def test_every_row_reports_its_danger_and_not_the_opposite(type_: str, rule: DangerRule) -> None:
    if rule.event in (Event.lost, Event.gone):
        before = nested(rule.property_path, "any") if rule.property_path else {}
        changes = [resource(Effect.delete, type_, before=before)]
        calm = resource(Effect.update, type_, before=before, after=before)
    else:
        bad, good = (nested(rule.property_path, value) for value in bad_and_good(rule))
        changes = [resource(Effect.update, type_, before=good, after=bad)]
        calm = resource(Effect.update, type_, before=bad, after=good)
    answer = [says for danger, _, says in found(*changes) if danger == rule.danger]
    assert any(says.startswith(rule.says) for says in answer)
    assert not [says for _, _, says in found(calm) if says.startswith(rule.says)]


def test_a_queue_of_notices_holds_no_jobs() -> None:
    """A queue with a key of its own has jobs; the other one has notices of a few minutes."""
    queue = "aws:sqs/queue:Queue"
    assert found(resource(Effect.delete, queue, before={"sqsManagedSseEnabled": True})) == []
    jobs = {"kmsMasterKeyId": "arn:key"}
    lost = ("data", "sw-a-b", "the jobs in it are deleted with it")
    assert found(resource(Effect.delete, queue, before=jobs)) == [lost]
    assert found(resource(Effect.create, queue, after=jobs)) == []


LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
DAYS = "rules.0.expiration.days"


@pytest.mark.parametrize(
    ("type_", "path", "before", "after", "dangerous"),
    [
        (LIFECYCLE, DAYS, 365, 364, True),
        (LIFECYCLE, DAYS, 365, 365, False),
        (LIFECYCLE, DAYS, 364, 365, False),
        (LIFECYCLE, DAYS, None, 365, True),
        (LIFECYCLE, DAYS, 365, None, False),
        ("aws:sqs/queue:Queue", "messageRetentionSeconds", None, 1_209_600, False),
        ("aws:sqs/queue:Queue", "messageRetentionSeconds", 345_600, 60, True),
    ],
)
def test_a_lower_limit_deletes_what_was_promised_longer(
    *, type_: str, path: str, before: int | None, after: int | None, dangerous: bool
) -> None:
    """An absent number is no limit of a rule of S3, and SQS has a default of its own."""
    old, new = (nested(path, value) for value in (before, after))
    assert bool(found(resource(Effect.update, type_, before=old, after=new))) is dangerous
    assert found(resource(Effect.create, type_, after=new)) == []


def test_a_shorter_retention_is_reported(run: Run, tmp_path: Path) -> None:
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    text = (ROOT / "tests/program/copied.yaml").read_text("utf-8")
    old.write_text(text, "utf-8")
    new.write_text(text.replace("retention_days: 30", "retention_days: 10"), "utf-8")
    result = run("diff", str(old), str(new), "--site", str(SITE))
    assert result.code == 0, result.err
    says = "objects that are older than the new limit are deleted by the rule's next run"
    lines = [line for line in result.out.splitlines() if says in line]
    assert any("sw-copied-artefacts-lifecycle" in line for line in lines)
    assert any("sw-copied-artefacts-copy-lifecycle" in line for line in lines), "the copy too"
    calm = run("diff", str(new), str(old), "--site", str(SITE))
    assert says not in calm.out


def test_conversations_that_are_deleted_sooner_or_never_are_reported(
    run: Run, tmp_path: Path
) -> None:
    old, new, own = (tmp_path / f"{name}.yaml" for name in ("old", "new", "own"))
    text = (ROOT / "workloads/chat-app.yaml").read_text("utf-8")
    old.write_text(text, "utf-8")
    new.write_text(text.replace("retention_days: 365", "retention_days: 30"), "utf-8")
    without = re.sub(r"^application: .*\n", "", text, flags=re.M)
    kept = "retention_days: 365, interaction_bytes: 2000, client: own"
    own.write_text(without.replace("retention_days: 365", kept), "utf-8")
    site = ("--site", str(ROOT / "Pulumi.dev.yaml"))
    sooner, later = "conversations older than the new limit are deleted the next night", "nothing"
    assert f"{sooner}: 365 -> 30 days" in run("diff", str(old), str(new), *site).out
    assert sooner not in run("diff", str(new), str(old), *site).out
    assert (
        f"{later} deletes conversations after 365 days"
        in run("diff", str(old), str(own), *site).out
    )


def test_a_copy_that_goes_or_moves_is_lost_data(run: Run, tmp_path: Path) -> None:
    old, gone, moved = (tmp_path / f"{name}.yaml" for name in ("old", "gone", "moved"))
    text = (ROOT / "tests/program/copied.yaml").read_text("utf-8")
    old.write_text(text, "utf-8")
    gone.write_text(text.replace(", copy_region: us-west-2", ""), "utf-8")
    moved.write_text(text.replace("us-west-2", "eu-west-1"), "utf-8")
    without, elsewhere = (
        json.loads(run("diff", str(old), str(new), "--site", str(SITE), "--json").out)
        for new in (gone, moved)
    )
    for answer, effect in ((without, "delete"), (elsewhere, "replace")):
        lost = {(d["name"], d["effect"]) for d in answer["dangers"] if d["danger"] == "data"}
        assert ("sw-copied-artefacts-copy-bucket", effect) in lost
        assert ("sw-keys-copies-us-west-2", "delete") in lost
    guards = [d["says"] for d in without["dangers"] if d["danger"] == "guard"]
    assert guards == ["new files are no longer copied to the other region"]


def test_rows_are_sorted_and_of_known_properties() -> None:
    lines = RULES.read_text("utf-8").splitlines()[1:]
    keys = [line.split(",")[:4] for line in lines]
    assert keys == sorted(keys)
    known = load_rules().by_type
    for type_, rule in cases():
        assert type_ in known, type_
        steps = tuple(rule.property_path.split("."))
        assert not rule.property_path or any(
            all(a == b for a, b in zip(steps, path, strict=False)) for path in known[type_]
        ), rule.property_path


def test_a_wrong_row_is_named(tmp_path: Path) -> None:
    path = tmp_path / "dangers.csv"
    head = RULES.read_text("utf-8").splitlines()[0]
    path.write_text(f"{head}\na:b:C,,never,,opens,says,s,2026-01-01\n")
    with pytest.raises(ValueError, match=r"dangers.csv:2: 'never' is not a valid Event"):
        load_danger_rules(path)
    path.write_text("a,b\n")
    with pytest.raises(ValueError, match=r"dangers.csv:1: columns"):
        load_danger_rules(path)


def test_ingress_that_opens_is_reported_before_the_cause(run: Run, tmp_path: Path) -> None:
    inside = tmp_path / "open.yaml"
    inside.write_text(OPEN.read_text("utf-8").partition("access:")[0], "utf-8")
    words = ("diff", inside, OPEN, "--site", SITE)
    answer = json.loads(run(*words, "--json").out)["dangers"]
    assert [(d["danger"], d["name"], d["says"]) for d in answer] == [
        ("opens", "sw-open-public-from-0-0-0-0-0", "lets in 0.0.0.0/0"),
        ("opens", "sw-open-public-balancer", "faces the internet"),
        (
            "outage",
            "sw-open-gateway-balancer",
            "its address goes: callers that still use it are cut off (docs/balancers.md)",
        ),
    ]
    out = run(*words).out
    after = after_contradictions(out)
    assert after.startswith("DANGER: the internet gets access; callers lose what they need\n")
    assert "\nDANGER: the internet gets access\n  !! create vpc.SecurityGroupIngressRule" in out
    text = run(*words, "--markdown").out
    assert "⚠️ the internet gets access; callers lose what they need" in text
    places = [text.index(w) for w in ("**The internet gets access.**", "cause", "**Sizing that")]
    places += [text.index(w) for w in ("**Survival**", " deleted<", " created<")]
    assert places == sorted(places)
    ends = [out.index(w) for w in ("- delete", "+ create", "~ update")]
    assert ends == sorted(ends)


def test_ingress_that_closes_goes_with_its_guards(run: Run, tmp_path: Path) -> None:
    inside = tmp_path / "open.yaml"
    inside.write_text(OPEN.read_text("utf-8").partition("access:")[0], "utf-8")
    answer = json.loads(run("diff", OPEN, inside, "--site", SITE, "--json").out)["dangers"]
    lost = ("data", "sw-open-public-firewall-group")
    gone = [lost, ("outage", "sw-open-public-balancer")]
    assert [(d["danger"], d["name"]) for d in answer] == gone


def test_a_guard_that_goes_with_its_balancer_is_no_danger() -> None:
    ingress = resource(Effect.delete, BALANCER, "sw-a-gateway-balancer", before={"internal": False})
    guard = resource(Effect.delete, ASSOCIATION, "sw-a-gateway-firewall-association", before={})
    other = resource(Effect.delete, ASSOCIATION, "sw-ab-gateway-firewall-association", before={})
    assert [name for danger, name, _ in found(ingress, guard, other) if danger == "guard"] == [
        "sw-ab-gateway-firewall-association"
    ]


def rule(effect: Effect, cidr: str, group: str = "g") -> ResourceChange:
    inputs = {"cidrIpv4": cidr, "securityGroupId": group}
    if effect is Effect.delete:
        return resource(effect, INGRESS, f"from-{cidr}", before=inputs)
    return resource(effect, INGRESS, f"from-{cidr}", after=inputs)


def test_ranges_that_widen_are_reported_and_those_that_narrow_are_not() -> None:
    new, old = Effect.create, Effect.delete
    assert found(rule(new, "0.0.0.0/0"), rule(old, "198.51.100.0/24")) == [
        ("opens", "from-0.0.0.0/0", "lets in 0.0.0.0/0")
    ]
    assert found(rule(new, "198.51.100.0/24"), rule(old, "0.0.0.0/0")) == []
    assert found(rule(new, "198.51.100.0/24"), rule(old, "0.0.0.0/0", "other")) != []
    assert found(rule(new, "172.16.9.0/24")) == []


def test_what_forces_a_replacement_is_named_once() -> None:
    leaves = tuple(Change(f"subnets[{n}].id", 1, 2, Effect.may_replace) for n in range(3))
    change = ResourceChange(Effect.may_replace, BALANCER, "b", False, leaves, {}, {})
    assert found(change)[-1][2].endswith("; because of subnets")


def test_fewer_survived_failures_are_a_danger(run: Run, chat: Chat) -> None:
    weaker = chat(("spare_ratio: 0.20", "spare_ratio: 0.10"))
    answer = json.loads(run("diff", ROOT / "tests/workloads/chat.yaml", weaker, "--json").out)[
        "dangers"
    ]
    assert [(d["danger"], d["type"], d["name"], d["says"]) for d in answer] == [
        ("survival", None, "chat", "nodes that may fail: 3 -> 2")
    ]
    text = run("diff", ROOT / "tests/workloads/chat.yaml", weaker, "--markdown").out
    assert "⚠️ fewer failures are survived" in text
    stronger = run("diff", weaker, ROOT / "tests/workloads/chat.yaml").out
    assert "DANGER" not in stronger


def test_the_engines_own_preview_reports_dangers(run: Run, tmp_path: Path) -> None:
    urn = f"urn:pulumi:dev::sizewright::sizewright:index:Platform${BALANCER}::sw-chat-gateway-b"
    balancer = {
        "op": "replace",
        "urn": urn,
        "oldState": {"inputs": {"internal": True}},
        "newState": {"inputs": {"internal": False}},
        "detailedDiff": {"internal": {"kind": "update-replace"}},
    }
    guard = {
        "op": "delete",
        "urn": urn.replace(BALANCER, ASSOCIATION),
        "oldState": {"inputs": {"resourceArn": "arn"}},
    }
    path = tmp_path / "preview.json"
    path.write_text(json.dumps({"steps": [balancer, guard], "changeSummary": {"replace": 1}}))
    answer = json.loads(run("diff", "--preview", path, "tests/workloads/chat.yaml", "--json").out)
    assert [d["danger"] for d in answer["dangers"]] == ["opens", "guard", "outage"]


def test_each_danger_is_reported_once_and_by_kind() -> None:
    twice = resource(Effect.replace, BALANCER, before={"internal": True}, after={"internal": False})
    review = Review((), (twice, twice), 0, True)
    assert review.dangers == (
        Hazard(Danger.opens, Effect.replace, BALANCER, "sw-a-b", "faces the internet"),
        Hazard(
            Danger.outage,
            Effect.replace,
            BALANCER,
            "sw-a-b",
            "its address goes: callers that still use it are cut off (docs/balancers.md)",
        ),
    )
