"""The table of a service's jobs: one row for each job, found by its id or its owner."""

from dataclasses import dataclass

import pulumi
from pulumi_aws import dynamodb

from components.naming import Tags
from sizing.plan.service.items.jobs import JobsPlan


@dataclass(frozen=True, kw_only=True)
class TableArgs:
    plan: JobsPlan
    key_arn: pulumi.Input[str]
    tags: Tags


class Table(pulumi.ComponentResource):
    """The table, encrypted and paid by request, which deletes rows after their time."""

    name: pulumi.Output[str]
    arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: TableArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:Table", name, None, opts)
        plan = args.plan
        table = dynamodb.Table(
            f"{name}-rows",
            billing_mode="PAY_PER_REQUEST",
            hash_key="id",
            attributes=[{"name": "id", "type": "S"}, *_indexed(plan)],
            global_secondary_indexes=None
            if plan.owner_index is None
            else [_by_owner(plan.owner_index)],
            ttl={"attribute_name": "ttl", "enabled": True},
            server_side_encryption={"enabled": True, "kms_key_arn": args.key_arn},
            # Guard: DynamoDB also makes a last backup of a deleted table only with this.
            point_in_time_recovery={"enabled": plan.recoverable},
            deletion_protection_enabled=plan.protected,
            tags=args.tags.named(f"{name}-rows"),
            opts=pulumi.ResourceOptions(parent=self, protect=plan.protected),
        )
        self.name, self.arn = table.name, table.arn
        self.register_outputs({"name": self.name})


def _indexed(plan: JobsPlan) -> list[dynamodb.TableAttributeArgsDict]:
    """Attributes of the rows that the index by owner needs."""
    if plan.owner_index is None:
        return []
    return [{"name": "owner", "type": "S"}, {"name": "created_at", "type": "N"}]


def _by_owner(name: str) -> dynamodb.TableGlobalSecondaryIndexArgsDict:
    """Index of an owner's jobs by time. It keeps only what the search for prompts reads."""
    return {
        "name": name,
        "hash_key": "owner",
        "range_key": "created_at",
        "projection_type": "INCLUDE",
        "non_key_attributes": ["expires_at", "request", "state"],
    }
