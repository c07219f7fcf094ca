import json
from typing import Any

from components.identity import Identity, IdentityArgs
from components.naming import Tags
from sizing.plan.stack.cluster import RolesPlan
from tests.components.plans import site
from tests.components.recording import children, named, recorded


def identity(**values: Any) -> Identity:
    given = {
        "trusted_service": "ec2.amazonaws.com",
        "roles": RolesPlan(path="/", permissions_boundary_arn=None),
        "partition": "aws",
        **values,
    }
    return Identity("id", IdentityArgs(**given, tags=Tags.of_site(site("dev"))))


def test_role_trusts_one_service(preview: bool) -> None:
    actions = ("sts:AssumeRole", "sts:TagSession")
    recording = recorded(lambda: identity(trusted_actions=actions), preview)
    assert children(recording, "id") == ["Role id-role"]
    trust = json.loads(str(named(recording, "id-role").inputs["assumeRolePolicy"]))
    assert trust["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"Service": "ec2.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
        }
    ]


def test_managed_policies_in_the_region_s_partition(preview: bool) -> None:
    recording = recorded(lambda: identity(managed_policies=("A",), partition="aws-cn"), preview)
    assert named(recording, "id-A").inputs["policyArn"] == "arn:aws-cn:iam::aws:policy/A"


def test_grants_are_the_policies_not_the_role() -> None:
    grants: list[str] = []

    def program() -> None:
        made = identity(managed_policies=("A", "B"), policy="{}")
        grants.extend(type(grant).__name__ for grant in made.grants)

    recorded(program)
    assert grants == ["RolePolicyAttachment", "RolePolicyAttachment", "RolePolicy"]


def test_role_keeps_what_the_account_asks_for(preview: bool) -> None:
    boundary = "arn:aws:iam::123456789012:policy/boundary"
    rules = RolesPlan(path="/platform/", permissions_boundary_arn=boundary)
    inputs = named(recorded(lambda: identity(roles=rules), preview), "id-role").inputs
    assert (inputs["path"], inputs["permissionsBoundary"]) == ("/platform/", boundary)
    without = named(recorded(identity, preview), "id-role").inputs
    assert without["path"] == "/" and "permissionsBoundary" not in without


def test_a_service_acts_for_one_account() -> None:
    recording = recorded(lambda: identity(conditions={"aws:SourceAccount": "123456789012"}))
    trust = json.loads(str(named(recording, "id-role").inputs["assumeRolePolicy"]))
    assert trust["Statement"][0]["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "123456789012"}
    }
