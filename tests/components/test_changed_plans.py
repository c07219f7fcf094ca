"""The effects of a changed plan on the resources of a stack."""

from collections import Counter

from sizing.plan.whole import Plan
from tests.components.plans import (
    CHAT,
    SEARCH,
    ZONES,
    changed_service,
    chat_plan,
    plan_of,
    two_services_plan,
)
from tests.components.recording import of_type
from tests.components.stacks import owned, stack


def test_services_of_one_type_share_node_groups(preview: bool) -> None:
    recording = stack(two_services_plan(), preview)
    groups = [r for r in of_type(recording, "nodeGroup:NodeGroup") if "g6-xlarge" in r.name]
    assert [g.inputs["scalingConfig"]["desiredSize"] for g in groups] == [6, 6, 6]
    floors = of_type(recording, "apps/v1:Deployment")
    assert {f.name: f.inputs["spec"]["replicas"] for f in floors} == {
        **{f"sw-chat-serving-floor-{zone}": 5 for zone in ZONES},
        **{f"sw-search-serving-floor-{zone}": 1 for zone in ZONES},
    }
    counts = Counter(r.type for r in owned(recording, "aws:lb/"))
    assert set(counts.values()) == {2}, "one gateway a service"


def differences(left: Plan, right: Plan) -> dict[str, set[str]]:
    """Names of changed inputs by resource name; `+` and `-` mark created and deleted resources."""
    before_, after = ({r.key: r.inputs for r in stack(plan).resources} for plan in (left, right))
    changed = {}
    for resource in before_.keys() | after.keys():
        if resource not in after:
            changed[resource.split("::")[1]] = {"-"}
        elif resource not in before_:
            changed[resource.split("::")[1]] = {"+"}
        elif before_[resource] != after[resource]:
            ours, theirs = before_[resource], after[resource]
            names = {n for n in ours.keys() | theirs.keys() if ours.get(n) != theirs.get(n)}
            changed[resource.split("::")[1]] = names
    return changed


def test_an_unchanged_plan_changes_nothing() -> None:
    assert differences(chat_plan(), chat_plan()) == {}


def test_12_to_15_changes_node_groups_replicas_and_budget() -> None:
    without_spares = plan_of(CHAT | {"redundancy": {}})
    assert differences(without_spares, chat_plan()) == {
        **{f"sw-g6-xlarge-{zone}": {"scalingConfig", "nodeRepairConfig"} for zone in ZONES},
        **{f"sw-chat-serving-floor-{zone}": {"spec"} for zone in ZONES},
        "sw-chat-serving-budget": {"spec"},
        "sw-chat-namespace-quota": {"spec"},
    }


def test_a_second_service_leaves_the_first_one_alone() -> None:
    changed = differences(plan_of(CHAT), plan_of(CHAT, SEARCH))
    shared = {name for name, inputs in changed.items() if inputs != {"+"}}
    assert shared == {f"sw-g6-xlarge-{zone}" for zone in ZONES}


def test_a_second_service_enlarges_the_volume_of_both() -> None:
    on = {"hardware": {"instance_type": "g5g.xlarge"}}
    changed = differences(plan_of(CHAT | on), plan_of(CHAT | on, SEARCH | on))
    assert changed["sw-g5g-xlarge-template"] == {"blockDeviceMappings"}
    assert not [name for name in changed if name.startswith("sw-chat-serving-floor")]


def test_another_type_is_a_second_pool() -> None:
    """Nothing of the old pool is replaced: its groups are deleted, others get other names."""
    moved = CHAT | {"hardware": {"instance_type": "g6e.xlarge"}}
    changed = differences(plan_of(CHAT), plan_of(moved))
    new = {name for name, inputs in changed.items() if inputs == {"+"}}
    old = {name for name, inputs in changed.items() if inputs == {"-"}}
    pools = ("", "-template", *(f"-{zone}" for zone in ZONES))
    assert {f"sw-g6e-xlarge{part}" for part in pools} <= new
    assert {f"sw-g6-xlarge{part}" for part in pools} <= old
    for zone in ZONES:
        assert changed[f"sw-chat-serving-floor-{zone}"] == {"spec"}, "shifted by its node selector"


def test_a_shift_keeps_the_old_pool_until_its_services_left() -> None:
    both = plan_of(CHAT, SEARCH | {"hardware": {"instance_type": "g6e.xlarge"}})
    changed = differences(plan_of(CHAT), both)
    assert not {name for name in changed if name.startswith("sw-g6-xlarge")}


def test_database_instances_follow_the_plan() -> None:
    plan = chat_plan()
    assert differences(plan, changed_service(plan, "database", instances=3)) == {
        "sw-chat-database-instance-2": {"+"}
    }
