"""The store of profiles and interactions: Aurora PostgreSQL, Serverless v2."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import ec2, rds

from components.ingress import ingress
from components.naming import PRODUCT, Tags, aws_name
from sizing.plan import DatabasePlan

PORT = 5432
DATABASE = "service"
"""Guard: not the service's own name, which may be a reserved word."""


@dataclass(frozen=True, kw_only=True)
class DatabaseArgs:
    plan: DatabasePlan
    service: str
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    client_group_id: pulumi.Input[str]
    """Security group of the only clients."""
    key_arn: pulumi.Input[str]
    tags: Tags


class Database(pulumi.ComponentResource):
    """Encrypted, reachable from the clients only; AWS keeps and rotates the password."""

    def __init__(
        self, name: str, args: DatabaseArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:Database", name, None, opts)
        self._name = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        self._kept = pulumi.ResourceOptions(parent=self, protect=args.plan.protected)
        subnets = self._subnet_group()
        group = self._security_group()
        cluster = self._cluster(subnets, group)
        for number in range(args.plan.instances):
            self._instance(number, cluster)
        self.register_outputs({})

    def _subnet_group(self) -> rds.SubnetGroup:
        name = f"{self._name}-subnets"
        return rds.SubnetGroup(
            name,
            subnet_ids=self._args.subnet_ids,
            tags=self._args.tags.named(name),
            opts=self._child,
        )

    def _security_group(self) -> ec2.SecurityGroup:
        name = f"{self._name}-group"
        group = ec2.SecurityGroup(
            name,
            description=f"Database of {self._args.service}",
            vpc_id=self._args.vpc_id,
            tags=self._args.tags.named(name),
            opts=self._child,
        )
        ingress(
            f"{self._name}-from-clients",
            into=group.id,
            description="PostgreSQL from the nodes",
            port=PORT,
            group=self._args.client_group_id,
            tags=self._args.tags,
            opts=self._child,
        )
        return group

    def _cluster(self, subnets: rds.SubnetGroup, group: ec2.SecurityGroup) -> rds.Cluster:
        name = f"{self._name}-cluster"
        plan = self._args.plan
        return rds.Cluster(
            name,
            engine=rds.EngineType.AURORA_POSTGRESQL,
            engine_mode=rds.EngineMode.PROVISIONED,
            engine_version=plan.engine_version,
            engine_lifecycle_support="open-source-rds-extended-support-disabled",
            database_name=DATABASE,
            master_username=PRODUCT,
            manage_master_user_password=True,
            master_user_secret_kms_key_id=self._args.key_arn,
            iam_database_authentication_enabled=True,
            port=PORT,
            db_subnet_group_name=subnets.name,
            vpc_security_group_ids=[group.id],
            serverlessv2_scaling_configuration={
                "min_capacity": plan.min_acu,
                "max_capacity": plan.max_acu,
            },
            storage_encrypted=True,
            kms_key_id=self._args.key_arn,
            backup_retention_period=plan.backup_days,
            copy_tags_to_snapshot=True,
            deletion_protection=plan.protected,
            skip_final_snapshot=not plan.protected,
            final_snapshot_identifier=self._final_snapshot if plan.protected else None,
            enabled_cloudwatch_logs_exports=["postgresql"],
            tags=self._args.tags.named(name),
            opts=self._kept,
        )

    @property
    def _final_snapshot(self) -> str:
        """RDS names no snapshot by itself; stacks of one account must not take the same name."""
        return aws_name(f"{PRODUCT}-{pulumi.get_stack()}-{self._args.service}-final")

    def _instance(self, number: int, cluster: rds.Cluster) -> None:
        name = f"{self._name}-instance-{number}"
        rds.ClusterInstance(
            name,
            cluster_identifier=cluster.id,
            engine=rds.EngineType.AURORA_POSTGRESQL,
            instance_class="db.serverless",
            # The plan owns the engine's version.
            auto_minor_version_upgrade=False,
            performance_insights_enabled=True,
            performance_insights_kms_key_id=self._args.key_arn,
            publicly_accessible=False,
            tags=self._args.tags.named(name),
            # Guard: instances hold no data, and a protected one could not go when dev needs fewer.
            opts=self._child,
        )
