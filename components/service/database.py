"""Aurora PostgreSQL, Serverless v2: the store of profiles and interactions."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import cloudwatch, ec2, rds

from components.foundation.network.ingress import ingress
from components.identity import Identity, IdentityArgs
from components.naming import PRODUCT, Tags, aws_name
from sizing.plan.service.stores import DatabasePlan
from sizing.plan.stack.cluster import RolesPlan
from templates.applications.application import DATABASE, DATABASE_PORT

MONITORING_S = 60
"""Seconds between two readings of an instance's operating system. Basis: vendor: 1 to 60, or 0."""
SLOW_STATEMENT_MS = 1_000
"""Milliseconds from which a statement is logged. Basis: assumed."""


@dataclass(frozen=True, kw_only=True)
class DatabaseArgs:
    plan: DatabasePlan
    service: str
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    application_group_id: pulumi.Input[str] | None
    """Security group of the nodes of the service's application; null without one."""
    key_arn: pulumi.Input[str]
    logs_key_arn: pulumi.Input[str]
    roles: RolesPlan
    partition: str
    account_id: str
    tags: Tags


class Database(pulumi.ComponentResource):
    """The database, encrypted, reachable from its clients; AWS keeps and rotates the password."""

    client_group_id: pulumi.Output[str]
    """Security group of the clients; a resource in this group can reach the database."""
    host: pulumi.Output[str]
    """Host name of the instance that writes."""
    master_secret_arn: pulumi.Output[str]
    """Secret of the master user, which AWS keeps and rotates."""
    ready: list[pulumi.Resource]
    """Resources that a client requires: the cluster with its instances, and the way to it."""

    def __init__(
        self, name: str, args: DatabaseArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:Database", name, None, opts)
        self._name = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        self._kept = pulumi.ResourceOptions(parent=self, protect=args.plan.protected)
        subnets = self._subnet_group()
        group = self._security_group("group", "Database")
        clients = self._security_group("clients", "Clients of the database")
        ways = self._ingress(group, clients)
        self.client_group_id = clients.id
        logs = self._logs()
        cluster = self._cluster(subnets, group, self._parameters(), logs)
        monitor = self._monitor()
        instances = [self._instance(n, cluster, monitor) for n in range(args.plan.instances)]
        self.host = cluster.endpoint
        self.master_secret_arn = cluster.master_user_secrets[0].secret_arn
        self.ready = [*ways, *instances]
        self.register_outputs({})

    def _subnet_group(self) -> rds.SubnetGroup:
        name = f"{self._name}-subnets"
        return rds.SubnetGroup(
            name,
            subnet_ids=self._args.subnet_ids,
            tags=self._args.tags.named(name),
            opts=self._child,
        )

    def _security_group(self, role: str, meaning: str) -> ec2.SecurityGroup:
        name = f"{self._name}-{role}"
        return ec2.SecurityGroup(
            name,
            description=f"{meaning} of {self._args.service}",
            vpc_id=self._args.vpc_id,
            tags=self._args.tags.named(name),
            opts=self._child,
        )

    def _ingress(
        self, group: ec2.SecurityGroup, clients: ec2.SecurityGroup
    ) -> list[pulumi.Resource]:
        """Admit clients and nodes of applications only: engines keep no data."""
        admitted = {"clients": clients.id}
        if self._args.application_group_id is not None:
            admitted["applications"] = pulumi.Output.from_input(self._args.application_group_id)
        return [
            ingress(
                f"{self._name}-from-{name}",
                into=group.id,
                description=f"PostgreSQL from the {name}",
                port=DATABASE_PORT,
                group=client,
                tags=self._args.tags,
                opts=self._child,
            )
            for name, client in admitted.items()
        ]

    def _logs(self) -> cloudwatch.LogGroup:
        """Log group with a KMS key and expiry; RDS would create it with neither."""
        name = f"{self._name}-logs"
        return cloudwatch.LogGroup(
            name,
            name=log_group_name(self._args.service),
            retention_in_days=self._args.plan.log_days,
            kms_key_id=self._args.logs_key_arn,
            tags=self._args.tags.named(name),
            opts=self._child,
        )

    def _parameters(self) -> rds.ClusterParameterGroup:
        """Parameters that require TLS and log slow statements and schema changes without values."""
        name = f"{self._name}-parameters"
        major = self._args.plan.engine_version.partition(".")[0]
        values = {
            "rds.force_ssl": "1",
            "log_statement": "ddl",
            "log_min_duration_statement": str(SLOW_STATEMENT_MS),
            "log_parameter_max_length": "0",
            "log_parameter_max_length_on_error": "0",
        }
        return rds.ClusterParameterGroup(
            name,
            family=f"aurora-postgresql{major}",
            description=f"Database of {self._args.service}",
            # Guard: this is the only method that static and changeable parameters both take.
            parameters=[
                {"name": key, "value": value, "apply_method": "pending-reboot"}
                for key, value in values.items()
            ],
            tags=self._args.tags.named(name),
            opts=self._child,
        )

    def _cluster(
        self,
        subnets: rds.SubnetGroup,
        group: ec2.SecurityGroup,
        parameters: rds.ClusterParameterGroup,
        logs: cloudwatch.LogGroup,
    ) -> rds.Cluster:
        name = f"{self._name}-cluster"
        plan = self._args.plan
        return rds.Cluster(
            name,
            cluster_identifier=cluster_identifier(self._args.service),
            engine=rds.EngineType.AURORA_POSTGRESQL,
            engine_mode=rds.EngineMode.PROVISIONED,
            engine_version=plan.engine_version,
            engine_lifecycle_support="open-source-rds-extended-support-disabled",
            database_name=DATABASE,
            master_username=PRODUCT,
            manage_master_user_password=True,
            master_user_secret_kms_key_id=self._args.key_arn,
            iam_database_authentication_enabled=True,
            port=DATABASE_PORT,
            db_subnet_group_name=subnets.name,
            db_cluster_parameter_group_name=parameters.name,
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
            skip_final_snapshot=not plan.last_snapshot,
            final_snapshot_identifier=self._final_snapshot if plan.last_snapshot else None,
            enabled_cloudwatch_logs_exports=["postgresql"],
            tags=self._args.tags.named(name),
            opts=pulumi.ResourceOptions.merge(
                self._kept, pulumi.ResourceOptions(depends_on=[logs])
            ),
        )

    @property
    def _final_snapshot(self) -> str:
        """Name of the final snapshot, unique in the account; RDS chooses no name itself."""
        return f"{cluster_identifier(self._args.service)}-final"

    def _monitor(self) -> Identity:
        args = self._args
        return Identity(
            f"{self._name}-monitor",
            IdentityArgs(
                trusted_service="monitoring.rds.amazonaws.com",
                conditions={"aws:SourceAccount": args.account_id},
                managed_policies=("service-role/AmazonRDSEnhancedMonitoringRole",),
                roles=args.roles,
                partition=args.partition,
                tags=args.tags,
            ),
            self._child,
        )

    def _instance(
        self, number: int, cluster: rds.Cluster, monitor: Identity
    ) -> rds.ClusterInstance:
        name = f"{self._name}-instance-{number}"
        return rds.ClusterInstance(
            name,
            cluster_identifier=cluster.id,
            engine=rds.EngineType.AURORA_POSTGRESQL,
            instance_class="db.serverless",
            # The plan owns the version of the engine.
            auto_minor_version_upgrade=False,
            performance_insights_enabled=True,
            performance_insights_kms_key_id=self._args.key_arn,
            monitoring_interval=MONITORING_S,
            monitoring_role_arn=monitor.arn,
            publicly_accessible=False,
            tags=self._args.tags.named(name),
            # Guard: instances contain no data, and dev could not remove a protected one when it
            # needs fewer.
            opts=pulumi.ResourceOptions(parent=self, depends_on=monitor.grants),
        )


def cluster_identifier(service: str) -> str:
    """Fixed name: RDS writes to the log group of that name, which must exist first."""
    return aws_name(f"{PRODUCT}-{pulumi.get_stack()}-{service}").lower()


def log_group_name(service: str) -> str:
    """Name of the log group that RDS writes to."""
    return f"/aws/rds/cluster/{cluster_identifier(service)}/postgresql"
