import json
from typing import Any

import pulumi
from pulumi_aws import ec2

from components.foundation.cluster.cluster import Cluster, ClusterArgs
from components.naming import Tags
from sizewright.record import Recorded
from sizing.plan.stack.cluster import AccessPlan
from sizing.plan.stack.network import AllowedPlan
from tests.components.plans import chat_plan, site
from tests.components.recording import before, children, named, of_type, recorded

BY_ITS_MAKER = AccessPlan(creator=True, policies={})
NOBODY_ELSE = AllowedPlan(cidrs=(), prefix_list_ids=())


def cluster(
    preview: bool,
    environment: str = "prod",
    access: AccessPlan = BY_ITS_MAKER,
    allowed: AllowedPlan = NOBODY_ELSE,
) -> Recorded:
    plan = chat_plan(environment).cluster.model_copy(update={"access": access})

    def program() -> None:
        vpc = ec2.Vpc("outlives", cidr_block="10.0.0.0/16")
        args = ClusterArgs(
            plan=plan,
            roles=chat_plan(environment).roles,
            cluster_name="sizewright-test",
            region="us-east-1",
            vpc_cidr="10.0.0.0/16",
            allowed=allowed,
            subnet_ids=["subnet-1", "subnet-2"],
            secrets_key_arn="arn:aws:kms:us-east-1:123456789012:key/cluster",
            logs_key_arn="arn:aws:kms:us-east-1:123456789012:key/logs",
            after=[vpc],
            tags=Tags.of_site(site(environment)),
        )
        made = Cluster("c", args)
        pulumi.export("group", made.security_group_id)
        after = pulumi.ResourceOptions(depends_on=list(made.ids.ready_for_pods))
        ec2.Vpc("pods", cidr_block="10.0.0.0/16", opts=after)

    return recorded(program, preview)


def test_children(preview: bool) -> None:
    assert children(cluster(preview), "c") == [
        "Addon c-eks-node-monitoring-agent",
        "Addon c-eks-pod-identity-agent",
        "Addon c-kube-proxy",
        "Addon c-vpc-cni",
        "Cluster c-control-plane",
        "Identity c-control",
        "Identity c-node",
        "LogGroup c-logs",
        "SecurityGroupIngressRule c-api-from-network",
        "kubernetes c-kubernetes",
    ]


def test_network_policies_are_enforced(preview: bool) -> None:
    """Guard: without its agent the API server accepts a NetworkPolicy and nothing enforces it."""
    values = named(cluster(preview), "c-vpc-cni").inputs["configurationValues"]
    assert json.loads(str(values)) == {"enableNetworkPolicy": "true"}
    assert "configurationValues" not in named(cluster(preview), "c-kube-proxy").inputs


def test_the_network_may_call_the_api(preview: bool) -> None:
    """Guard: a private endpoint admits nodes only, and nobody could create objects."""
    rule = named(cluster(preview), "c-api-from-network").inputs
    assert (rule["cidrIpv4"], rule["fromPort"], rule["toPort"]) == ("10.0.0.0/16", 443, 443)


def test_a_vpn_and_a_peered_network_reach_the_api(preview: bool) -> None:
    """Guard: the cluster's group admits its own network only; a VPN's addresses are others."""
    allowed = AllowedPlan(cidrs=("10.99.0.0/16",), prefix_list_ids=("pl-0123456789abcdef0",))
    recording = cluster(preview, allowed=allowed)
    by_range = named(recording, "c-api-from-10-99-0-0-16")
    by_list = named(recording, "c-api-from-pl-0123456789abcdef0")
    assert (by_range.inputs["cidrIpv4"], by_range.inputs["toPort"]) == ("10.99.0.0/16", 443)
    assert by_list.inputs["prefixListId"] == "pl-0123456789abcdef0"
    assert {by_range.key, by_list.key} <= before(recording, named(recording, "pods"))


def test_control_plane_is_private_encrypted_and_logged(preview: bool) -> None:
    inputs = named(cluster(preview), "c-control-plane").inputs
    assert inputs["version"] == "1.35"
    assert inputs["vpcConfig"] == {
        "endpointPrivateAccess": True,
        "endpointPublicAccess": False,
        "subnetIds": ["subnet-1", "subnet-2"],
    }
    assert inputs["accessConfig"] == {
        "authenticationMode": "API",
        "bootstrapClusterCreatorAdminPermissions": True,
    }
    assert inputs["encryptionConfig"] == {
        "provider": {"keyArn": "arn:aws:kms:us-east-1:123456789012:key/cluster"},
        "resources": ["secrets"],
    }
    assert len(inputs["enabledClusterLogTypes"]) == 5
    assert inputs["upgradePolicy"] == {"supportType": "STANDARD"}


ADMIN, VIEWER = (f"arn:aws:iam::123456789012:role/team/{name}" for name in ("ops", "dev"))


def test_roles_get_in_by_name_and_their_maker_does_not(preview: bool) -> None:
    access = AccessPlan(
        creator=False,
        policies={ADMIN: "AmazonEKSClusterAdminPolicy", VIEWER: "AmazonEKSViewPolicy"},
    )
    recording = cluster(preview, access=access)
    config: Any = named(recording, "c-control-plane").inputs["accessConfig"]
    assert config["bootstrapClusterCreatorAdminPermissions"] is False
    for role, name, policy in (
        (ADMIN, "c-access-team-ops", "AmazonEKSClusterAdminPolicy"),
        (VIEWER, "c-access-team-dev", "AmazonEKSViewPolicy"),
    ):
        entry = named(recording, name, "accessEntry").inputs
        assert (entry["principalArn"], entry["type"]) == (role, "STANDARD")
        given = named(recording, name, "accessPolicyAssociation").inputs
        assert given["policyArn"] == f"arn:aws:eks::aws:cluster-access-policy/{policy}"
        assert given["accessScope"] == {"type": "cluster"}


def test_nothing_is_made_in_the_cluster_before_its_roles_get_in() -> None:
    """A destroy keeps the roles' access until everything in the cluster is gone."""
    recording = cluster(False, access=AccessPlan(creator=False, policies={ADMIN: "P"}))
    pods = before(recording, named(recording, "pods"))
    assert "aws:eks/accessPolicyAssociation:AccessPolicyAssociation::c-access-team-ops" in pods


def test_log_group_exists_before_the_cluster_that_writes_to_it(preview: bool) -> None:
    recording = cluster(preview)
    control = named(recording, "c-control-plane")
    name = control.inputs["name"]
    logs = named(recording, "c-logs").inputs
    assert logs["name"] == f"/aws/eks/{name}/cluster"
    assert logs["kmsKeyId"] == "arn:aws:kms:us-east-1:123456789012:key/logs"
    needs = before(recording, control)
    assert "aws:cloudwatch/logGroup:LogGroup::c-logs" in needs
    assert "aws:ec2/vpc:Vpc::outlives" in needs
    assert any("c-control-AmazonEKSClusterPolicy" in need for need in needs)


def test_protection_follows_the_plan(preview: bool) -> None:
    for environment, protected in (("prod", True), ("dev", False)):
        recording = cluster(preview, environment)
        assert named(recording, "c-control-plane").inputs["deletionProtection"] is protected


def test_node_role_holds_no_wide_policy(preview: bool) -> None:
    attached = of_type(cluster(preview), "RolePolicyAttachment")
    assert sorted(r.inputs["policyArn"].rsplit("/", 1)[1] for r in attached) == [
        "AmazonEC2ContainerRegistryPullOnly",
        "AmazonEKSClusterPolicy",
        "AmazonEKSWorkerNodePolicy",
        "AmazonEKS_CNI_Policy",
        "AmazonSSMManagedInstanceCore",
    ]


def test_session_manager_opens_nodes_without_a_privileged_pod(preview: bool) -> None:
    """Guard: without this policy only a privileged pod gives access to a node."""
    recording = cluster(preview)
    (attached,) = [
        r
        for r in of_type(recording, "RolePolicyAttachment")
        if str(r.inputs["policyArn"]).endswith("AmazonSSMManagedInstanceCore")
    ]
    assert (
        attached.inputs["role"]
        == {
            "$ref": "aws:iam/role:Role::c-node-role",
            "property": "name",
        }
        or preview
    )


def test_the_cluster_takes_part_in_zonal_shift(preview: bool) -> None:
    inputs = named(cluster(preview), "c-control-plane").inputs
    assert inputs["zonalShiftConfig"] == {"enabled": True}


def test_kubernetes_provider_asks_the_caller_s_identity() -> None:
    text = named(cluster(False), "c-kubernetes").inputs["kubeconfig"]
    config = json.loads(str(text))
    user = config["users"][0]["user"]
    assert list(user) == ["exec"], "no token or key in the configuration"
    assert user["exec"]["args"] == [
        "eks",
        "get-token",
        "--cluster-name",
        "sizewright-test",
        "--region",
        "us-east-1",
    ]
    endpoint = config["clusters"][0]["cluster"]
    assert endpoint["server"].endswith("c-control-plane.endpoint}")
    assert endpoint["certificate-authority-data"].endswith("certificateAuthority.data}")


def test_kubernetes_provider_is_unknown_in_a_first_preview() -> None:
    inputs = named(cluster(True), "c-kubernetes").inputs
    assert inputs["kubeconfig"] == {"$unknown": True}


def test_security_group_is_the_one_eks_makes() -> None:
    assert cluster(False).outputs["group"] == {
        "$ref": "aws:eks/cluster:Cluster::c-control-plane",
        "property": "vpcConfig.clusterSecurityGroupId",
    }
