"""Which settings was a stack's cluster created with? EKS cannot change them afterwards."""

from collections.abc import Iterator

from pydantic import Field

from sizing.plan.stack.cluster import ClusterRolePlan, KeysPlan, UsedKeysPlan
from sizing.plan.whole import Plan
from sizing.site import Site
from sizing.values.field_error import FieldError
from sizing.values.strict import Strict
from sizing.values.written import Flag

WAY_OUT = (
    "what the cluster was made with; another cluster is a new stack, to which the services move "
    "(docs/cluster.md). Where no cluster exists yet, take `cluster` out of the lock"
)


class ClusterLock(Strict):
    """Record that is written once and never changed by `sizewright update`."""

    region: str
    """AWS region of the cluster."""
    vpc: str
    """Id of the existing network, or address range of the network that the stack made."""
    creator: Flag
    """True where the role that made the cluster administers it."""
    key_arn: str | None = None
    """Existing KMS key of the cluster's secrets; null where the stack made one."""
    role_path: str = Field(default="/", pattern=r"^/([!-.0-~]+/)*$")
    """IAM path of the cluster's role."""
    role_name: str | None = Field(default=None, pattern=r"^[\w+=,.@-]{1,64}$")
    """Name of the cluster's role; null where Pulumi chose it, and keeps it in its state."""


def cluster_lock(site: Site, before: ClusterLock | None) -> ClusterLock | None:
    """Record of the cluster, as it is or as the site would create it; None for a used one."""
    if before is not None or site.cluster.elsewhere:
        return before
    return ClusterLock(
        region=site.region,
        vpc=_vpc(site),
        creator=site.access is None or site.access.creator,
        key_arn=None if site.keys is None else site.keys.use.cluster,
        role_path=site.role_path,
    )


def _vpc(site: Site) -> str:
    return site.vpc_cidr if site.network is None else site.network.use.vpc_id


def as_made(plan: Plan, lock: ClusterLock | None) -> Plan:
    """Return the plan with the cluster as made: its role, its creator's access and its key."""
    if lock is None or plan.site.cluster.elsewhere:
        return plan
    role = ClusterRolePlan(path=lock.role_path, name=lock.role_name)
    access = plan.cluster.access.model_copy(update={"creator": lock.creator})
    cluster = plan.cluster.model_copy(update={"access": access, "role": role})
    return plan.model_copy(update={"cluster": cluster, "keys": _keys(plan.keys, lock.key_arn)})


def _keys(keys: KeysPlan, cluster_key_arn: str | None) -> KeysPlan:
    """Return the keys with the key that the cluster was made with."""
    used = {} if keys.used is None else keys.used.model_dump()
    used["cluster"] = cluster_key_arn
    others = tuple(name for name in keys.made if name != "cluster")
    return keys.model_copy(
        update={
            "used": UsedKeysPlan(**used) if any(used.values()) else None,
            "made": others if cluster_key_arn else ("cluster", *others),
        }
    )


def replacing(site: Site, lock: ClusterLock) -> Iterator[FieldError]:
    """Yield the settings of the site that require another cluster."""
    if site.cluster.elsewhere:
        yield FieldError(("cluster",), "the stack's own cluster would be deleted", WAY_OUT)
        return
    if site.region != lock.region:
        yield FieldError(("region",), f"the cluster is in {lock.region}", WAY_OUT)
    if (wanted := _vpc(site)) != lock.vpc:
        field = "vpc_cidr" if site.network is None else "network"
        message = (
            f"the cluster is in {lock.vpc}, not in {wanted}: EKS moves none to another network"
        )
        yield FieldError((field,), message, WAY_OUT)
    if not lock.creator and (site.access is None or not site.access.admins):
        message = "nobody would administer the cluster: it was made without its creator's access"
        yield FieldError(("access",), message, "admins")
