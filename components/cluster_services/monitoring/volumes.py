"""Volumes of pods: the driver that makes them, its rights, and their class."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_aws import eks
from pulumi_kubernetes.storage.v1 import StorageClass

from components.cluster_services.pod_identity import PodIdentityArgs, pod_identity
from components.foundation.keys import USE
from components.naming import Tags, partition, service_host
from components.policy import allow, policy
from sizing.locks.versions import DRIVER_ACCOUNT, VOLUMES_ADDON
from sizing.plan.stack.cluster import RolesPlan
from sizing.stack.cluster_services import NAMESPACE

DRIVER = "ebs.csi.aws.com"
"""Name of the driver. Basis: vendor (EKS add-on)."""
CLASS = "sizewright-metrics"
"""Storage class of the volumes."""
CLUSTER_TAG = "sizewright-cluster"
"""Tag of the volumes, by which the driver may change its own volumes only."""
READS = [
    "ec2:DescribeAvailabilityZones",
    "ec2:DescribeInstances",
    "ec2:DescribeTags",
    "ec2:DescribeVolumeStatus",
    "ec2:DescribeVolumes",
    "ec2:DescribeVolumesModifications",
]
"""Actions without resources. Basis: vendor (policy of the driver, without snapshots)."""


@dataclass(frozen=True, kw_only=True)
class VolumesArgs:
    cluster_name: pulumi.Input[str]
    cluster: str
    """Name of the cluster as a plain text, which policies need."""
    addon_version: str | None
    """Version of the add-on; null where EKS chooses it."""
    region: str
    account_id: str
    roles: RolesPlan
    key_arn: pulumi.Input[str]
    """Key that encrypts the volumes."""
    after: list[pulumi.Resource]
    """Nodes and add-ons that must outlive the driver."""
    tags: Tags


class Volumes(pulumi.ComponentResource):
    """Driver and class of encrypted gp3 volumes. It requires a Kubernetes provider among its
    options."""

    ready: list[pulumi.Resource]
    """Resources that must exist before a pod claims a volume, and outlive it."""

    def __init__(
        self, name: str, args: VolumesArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:Volumes", name, None, opts)
        _, association = pod_identity(
            name,
            PodIdentityArgs(
                cluster_name=args.cluster_name,
                namespace=NAMESPACE,
                service_account=DRIVER_ACCOUNT,
                policy=_rights(args),
                roles=args.roles,
                partition=partition(args.region),
                account_ids=[args.account_id],
                tags=args.tags,
            ),
            self,
        )
        addon = eks.Addon(
            f"{name}-{VOLUMES_ADDON}",
            cluster_name=args.cluster_name,
            addon_name=VOLUMES_ADDON,
            addon_version=args.addon_version,
            # Guard: by default the part on each node also takes an address of each GPU node.
            configuration_values=json.dumps(
                {"node": {"tolerateAllTaints": False, "tolerations": []}}
            ),
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            tags=args.tags.named(f"{name}-{VOLUMES_ADDON}"),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*args.after, association]),
        )
        volumes = StorageClass(
            f"{name}-class",
            metadata={"name": CLASS},
            provisioner=DRIVER,
            parameters={
                "type": "gp3",
                "encrypted": "true",
                "kmsKeyId": args.key_arn,
                **_tagged(args.tags.named(f"{name}-volume") | {CLUSTER_TAG: args.cluster}),
            },
            reclaim_policy="Delete",
            volume_binding_mode="WaitForFirstConsumer",
            allow_volume_expansion=True,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[addon]),
        )
        self.ready = [addon, volumes]
        self.register_outputs({})


def _tagged(tags: Mapping[str, str]) -> dict[str, str]:
    """Parameters of the class with the tags of each volume. Basis: vendor (driver: tagging)."""
    pairs = sorted(tags.items())
    return {f"tagSpecification_{n}": f"{key}={value}" for n, (key, value) in enumerate(pairs, 1)}


def _rights(args: VolumesArgs) -> pulumi.Output[str]:
    """Policy of the driver: volumes with the tag of this cluster, on the cluster's nodes."""
    place = f"arn:{partition(args.region)}:ec2:{args.region}:{args.account_id}"
    volumes = f"{place}:volume/*"
    made = {"StringEquals": {f"aws:RequestTag/{CLUSTER_TAG}": args.cluster}}
    own = {"StringEquals": {f"aws:ResourceTag/{CLUSTER_TAG}": args.cluster}}
    nodes = {"StringEquals": {"aws:ResourceTag/eks:cluster-name": args.cluster}}
    named = {"StringEquals": {"ec2:CreateAction": "CreateVolume"}}
    through = {"StringEquals": {"kms:ViaService": service_host("ec2", args.region)}}
    grants = {**through, "Bool": {"kms:GrantIsForAWSResource": "true"}}
    attached = ["ec2:AttachVolume", "ec2:DetachVolume"]
    return policy(
        allow(READS, "*", {"StringEquals": {"aws:RequestedRegion": args.region}}),
        allow("ec2:CreateVolume", volumes, made),
        allow("ec2:CreateTags", volumes, named),
        allow([*attached, "ec2:DeleteVolume", "ec2:ModifyVolume"], volumes, own),
        allow(attached, f"{place}:instance/*", nodes),
        allow(USE, args.key_arn, through),
        allow("kms:CreateGrant", args.key_arn, grants),
    )
