import json

from components.naming import Tags
from components.service.database import Database, DatabaseArgs
from sizewright.record import Recorded
from sizing.plan.service.stores import DatabasePlan
from sizing.plan.stack.cluster import RolesPlan
from tests.components.plans import chat_plan, site
from tests.components.recording import children, named, of_type, recorded


def plan_of(environment: str) -> DatabasePlan:
    plan = chat_plan(environment).services[0].database
    assert plan is not None
    return plan


def database(
    preview: bool, plan: DatabasePlan | None = None, application_group_id: str | None = None
) -> Recorded:
    args = DatabaseArgs(
        plan=plan or plan_of("prod"),
        service="chat-2",
        vpc_id="vpc-1",
        subnet_ids=["subnet-1", "subnet-2"],
        application_group_id=application_group_id,
        key_arn="arn:aws:kms:us-east-1:123456789012:key/data",
        logs_key_arn="arn:aws:kms:us-east-1:123456789012:key/logs",
        roles=RolesPlan(path="/platform/", permissions_boundary_arn=None),
        partition="aws",
        account_id="123456789012",
        tags=Tags.of_site(site("prod")).of_service("chat-2"),
    )
    return recorded(lambda: Database("d", args), preview)


def test_children(preview: bool) -> None:
    recording = database(preview, plan_of("prod").model_copy(update={"instances": 3}))
    assert children(recording, "d") == [
        "Cluster d-cluster",
        "ClusterInstance d-instance-0",
        "ClusterInstance d-instance-1",
        "ClusterInstance d-instance-2",
        "ClusterParameterGroup d-parameters",
        "Identity d-monitor",
        "LogGroup d-logs",
        "SecurityGroup d-clients",
        "SecurityGroup d-group",
        "SecurityGroupIngressRule d-from-clients",
        "SubnetGroup d-subnets",
    ]


def test_nodes_of_an_application_are_admitted_by_their_group(preview: bool) -> None:
    recording = database(preview, application_group_id="sg-applications")
    rules = of_type(recording, "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
    admitted = {
        rule.inputs["referencedSecurityGroupId"]
        for rule in rules
        if isinstance(rule.inputs["referencedSecurityGroupId"], str)
    }
    assert admitted == {"sg-applications"} and len(rules) == 2
    assert {(rule.inputs["fromPort"], rule.inputs["toPort"]) for rule in rules} == {(5432, 5432)}


def test_sized_as_planned(preview: bool) -> None:
    plan = plan_of("prod")
    inputs = named(database(preview), "d-cluster").inputs
    assert inputs["engine"] == "aurora-postgresql"
    assert inputs["engineMode"] == "provisioned", "Serverless v2 is a capacity of it"
    assert inputs["engineVersion"] == plan.engine_version
    assert inputs["serverlessv2ScalingConfiguration"] == {
        "minCapacity": plan.min_acu,
        "maxCapacity": plan.max_acu,
    }
    assert inputs["backupRetentionPeriod"] == plan.backup_days
    assert inputs["databaseName"] == "service"
    instance = named(database(preview), "d-instance-0").inputs
    assert instance["instanceClass"] == "db.serverless"
    assert instance["performanceInsightsEnabled"] is True
    assert instance["autoMinorVersionUpgrade"] is False


def test_no_password_and_no_plain_text(preview: bool) -> None:
    inputs = named(database(preview), "d-cluster").inputs
    assert inputs["manageMasterUserPassword"] is True
    assert not {"masterPassword", "masterPasswordWo"} & inputs.keys()
    assert inputs["storageEncrypted"] is True
    assert inputs["iamDatabaseAuthenticationEnabled"] is True
    assert inputs["enabledCloudwatchLogsExports"] == ["postgresql"]
    assert (
        inputs["kmsKeyId"]
        == inputs["masterUserSecretKmsKeyId"]
        == "arn:aws:kms:us-east-1:123456789012:key/data"
    )


def test_only_tls_and_no_values_in_the_logs() -> None:
    recording = database(preview=False)
    group = named(recording, "d-parameters").inputs
    assert group["family"] == "aurora-postgresql17"
    assert {item["name"]: item["value"] for item in group["parameters"]} == {
        "rds.force_ssl": "1",
        "log_statement": "ddl",
        "log_min_duration_statement": "1000",
        "log_parameter_max_length": "0",
        "log_parameter_max_length_on_error": "0",
    }
    reference = named(recording, "d-cluster").inputs["dbClusterParameterGroupName"]
    assert reference["$ref"] == "aws:rds/clusterParameterGroup:ClusterParameterGroup::d-parameters"


def test_logs_are_made_encrypted_before_the_database_writes_them() -> None:
    recording = database(preview=False)
    logs, cluster = named(recording, "d-logs"), named(recording, "d-cluster")
    identifier = cluster.inputs["clusterIdentifier"]
    assert logs.inputs["name"] == f"/aws/rds/cluster/{identifier}/postgresql"
    assert logs.inputs["retentionInDays"] == plan_of("prod").log_days == 365
    assert logs.inputs["kmsKeyId"] == "arn:aws:kms:us-east-1:123456789012:key/logs"
    assert "aws:cloudwatch/logGroup:LogGroup::d-logs" in cluster.depends_on


def test_monitored_by_a_role_of_this_account() -> None:
    recording = database(preview=False)
    instance = named(recording, "d-instance-0")
    assert instance.inputs["monitoringInterval"] == 60
    assert instance.inputs["monitoringRoleArn"]["$ref"] == "aws:iam/role:Role::d-monitor-role"
    (grant,) = of_type(recording, "rolePolicyAttachment:RolePolicyAttachment")
    assert grant.inputs["policyArn"].endswith(
        ":policy/service-role/AmazonRDSEnhancedMonitoringRole"
    )
    assert f"{grant.type}::{grant.name}" in instance.depends_on
    trust = json.loads(named(recording, "d-monitor-role").inputs["assumeRolePolicy"])
    (statement,) = trust["Statement"]
    assert statement["Principal"] == {"Service": "monitoring.rds.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


def test_reachable_from_its_clients_only() -> None:
    """Guard: the cluster's group would admit every pod, engines included."""
    recording = database(False)
    (rule,) = of_type(recording, "securityGroupIngressRule:SecurityGroupIngressRule")
    assert rule.inputs["referencedSecurityGroupId"] == {
        "$ref": "aws:ec2/securityGroup:SecurityGroup::d-clients",
        "property": "id",
    }
    assert (rule.inputs["fromPort"], rule.inputs["toPort"]) == (5432, 5432)
    assert "cidrIpv4" not in rule.inputs
    instance = named(recording, "d-instance-0").inputs
    assert instance["publiclyAccessible"] is False
    assert instance["performanceInsightsKmsKeyId"] == "arn:aws:kms:us-east-1:123456789012:key/data"


def test_kept_in_prod(preview: bool) -> None:
    recording = database(preview, plan_of("prod"))
    cluster = named(recording, "d-cluster")
    assert cluster.protect
    # Guard: dev could not remove a protected instance when it needs fewer.
    assert not named(recording, "d-instance-0").protect
    assert cluster.inputs["deletionProtection"] is True
    assert cluster.inputs["skipFinalSnapshot"] is False
    assert cluster.inputs["finalSnapshotIdentifier"] == "sizewright-test-chat-2-final"
    assert cluster.inputs["copyTagsToSnapshot"] is True


def test_cheap_to_lose_in_dev(preview: bool) -> None:
    cluster = named(database(preview, plan_of("dev")), "d-cluster")
    assert not cluster.protect
    assert cluster.inputs["deletionProtection"] is False
    assert cluster.inputs["skipFinalSnapshot"] is True
    assert "finalSnapshotIdentifier" not in cluster.inputs
