"""What an object or a feature needs in its own stack to work, as plain data.

Nothing that does nothing: a binding without its controller is accepted by nobody, or by the API
server alone. `sizewright check` looks for each need in the recorded graph.
"""

from dataclasses import dataclass

from sizing.plan import (
    DEPLOYMENT,
    FIREWALL,
    GROUPS,
    JOB,
    LEADER,
    NETWORK_POLICY,
    NODE_CLASS,
    NODE_GROUP,
    NODE_POOL,
    QUOTA,
    RELEASE,
    SCALED_OBJECT,
    TEMPLATE,
    WeightsOn,
)
from sizing.service.node_disks import PATHS
from sizing.site import Site
from sizing.site.reuse import ADDONS, ClusterPart
from sizing.stack.cluster_services import (
    DEVICE_PLUGIN,
    GROUP_CONTROLLER,
    INTERCONNECT_PLUGIN,
    LOAD_BALANCER_CONTROLLER,
    METRICS,
    METRICS_SERVER,
    NODE_AUTOSCALER,
    NODE_DEFINITIONS,
    POD_AUTOSCALER,
)
from templates.scheduling import BURST_LABEL, GPU_LABEL

ADDON = "aws:eks/addon:Addon"
ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
BINDING = "kubernetes:elbv2.k8s.aws/v1beta1:TargetGroupBinding"
BALANCER_ASSOCIATION = "aws:wafv2/webAclAssociation:WebAclAssociation"
SERVICE = "kubernetes:core/v1:Service"
PROFILE = "aws:iam/instanceProfile:InstanceProfile"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
ENTRY = "aws:eks/accessEntry:AccessEntry"
NOTICES = "aws:cloudwatch/eventTarget:EventTarget"
ROLE = "kubernetes:rbac.authorization.k8s.io/v1:Role"
ROLE_BINDING = "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding"
READINESS_GATES = "elbv2.k8s.aws/pod-readiness-gate-inject"


@dataclass(frozen=True)
class Thing:
    """A resource by its Pulumi token, and by a property where the token does not say enough."""

    resource_type: str
    path: tuple[str, ...] = ()
    """Steps to the property; `*` is any item of a list, and JSON text is looked into."""
    value: str | tuple[str, ...] | None = None
    """What the property is, or one of these; None: whatever it is, it is there."""
    line: str | None = None
    """A line of the property, which is text in base64: what a node gets."""

    @property
    def values(self) -> tuple[str, ...]:
        return (self.value,) if isinstance(self.value, str) else self.value or ()

    def __str__(self) -> str:
        where = ".".join(self.path)
        said = " or ".join(self.values) or self.line
        what = where if said is None else f"{where} {said}"
        return f"{self.resource_type} ({what})" if what else self.resource_type


@dataclass(frozen=True)
class Need:
    """Wherever there is the user, there must be the provider."""

    user: Thing
    provider: Thing
    why: str


_GPU_CONTAINER = Thing(
    DEPLOYMENT,
    ("spec", "template", "spec", "containers", "*", "resources", "limits", "nvidia.com/gpu"),
)
_PLUGIN = Thing(RELEASE, ("chart",), DEVICE_PLUGIN)
_CONTROLLER = Thing(RELEASE, ("chart",), LOAD_BALANCER_CONTROLLER)


_SCALER, _METRICS = (Thing(RELEASE, ("name",), name) for name in (POD_AUTOSCALER, METRICS))
_KARPENTER = Thing(RELEASE, ("name",), NODE_AUTOSCALER)
_DEFINITIONS = Thing(RELEASE, ("name",), NODE_DEFINITIONS)
_LABELS = ("podSelector", "matchLabels", "app.kubernetes.io/name")
_BURST_POD = Thing(DEPLOYMENT, ("spec", "template", "spec", "nodeSelector", BURST_LABEL))


_EFA_PLUGIN = Thing(RELEASE, ("name",), INTERCONNECT_PLUGIN)
_GROUP_CONTROLLER = Thing(RELEASE, ("name",), GROUP_CONTROLLER)
_INTERFACE = ("networkInterfaces", "*", "interfaceType")
_GROUP_LIMITS = (*LEADER.split("."), "containers", "*", "resources", "limits")
_GROUP_GPU = Thing(GROUPS, (*_GROUP_LIMITS, "nvidia.com/gpu"))
_GROUP_EFA = Thing(GROUPS, (*_GROUP_LIMITS, "vpc.amazonaws.com/efa"))


def _addon(name: str) -> Thing:
    return Thing(ADDON, ("addonName",), str(name))


def _role_of(service_account: str) -> Thing:
    return Thing(ASSOCIATION, ("serviceAccount",), service_account)


def _replicas(component: str) -> Thing:
    labels = ("spec", "template", "metadata", "labels")
    return Thing(DEPLOYMENT, (*labels, "app.kubernetes.io/component"), component)


_GPU_NODES = Thing(NODE_GROUP, ("labels", GPU_LABEL))
_POLICY_AGENT = Thing(ADDON, ("configurationValues", "enableNetworkPolicy"), "true")

NEEDS = (
    Need(Thing(BINDING), _CONTROLLER, "brings its definition and registers its targets"),
    Need(
        Thing("kubernetes:core/v1:Namespace", ("metadata", "labels", READINESS_GATES)),
        _CONTROLLER,
        "gates the readiness of its pods",
    ),
    Need(Thing(FIREWALL), Thing(BALANCER_ASSOCIATION), "puts it in front of a load balancer"),
    Need(_GPU_CONTAINER, _PLUGIN, "offers nvidia.com/gpu to the scheduler"),
    Need(_PLUGIN, _GPU_NODES, "is selected by that label"),
    Need(_CONTROLLER, _role_of(LOAD_BALANCER_CONTROLLER), "is the role it calls AWS with"),
    Need(Thing(ASSOCIATION), _addon("eks-pod-identity-agent"), "hands the role to the pods"),
    Need(_CONTROLLER, _addon("coredns"), "finds the names of AWS"),
    Need(Thing(DEPLOYMENT), _addon("coredns"), "finds the name of the bucket"),
    Need(Thing(JOB), _addon("coredns"), "finds the names of the source and the bucket"),
    Need(
        Thing(JOB),
        Thing(ASSOCIATION, ("serviceAccount",), "import"),
        "is the role it fills the bucket with",
    ),
    Need(Thing(SERVICE), _addon("kube-proxy"), "carries its traffic"),
    Need(Thing(NODE_GROUP), _addon("vpc-cni"), "makes the nodes ready"),
    Need(Thing(SCALED_OBJECT), _SCALER, "brings its definition and does what it says"),
    Need(Thing(SCALED_OBJECT), _METRICS, "answers its question"),
    Need(Thing(SCALED_OBJECT), _replicas("burst"), "is what it scales"),
    Need(_METRICS, _replicas("floor"), "exports the metric before there is any burst"),
    Need(_METRICS, Thing(ROLE_BINDING, ("subjects", "*", "name"), METRICS_SERVER), "shows it pods"),
    Need(
        _METRICS,
        Thing(NETWORK_POLICY, ("spec", "ingress", "*", "from", "*", *_LABELS), METRICS),
        "lets it reach them",
    ),
    Need(Thing(ROLE_BINDING), Thing(ROLE), "is what it grants"),
    Need(_BURST_POD, Thing(NODE_POOL), "has the nodes it goes to"),
    Need(
        Thing(NODE_POOL, ("spec", "template", "metadata", "labels", BURST_LABEL)),
        _BURST_POD,
        "is all that its nodes are for",
    ),
    Need(Thing(NODE_POOL), Thing(NODE_CLASS), "says what its nodes are"),
    Need(Thing(NODE_POOL), _KARPENTER, "starts its nodes"),
    Need(Thing(NODE_CLASS), _DEFINITIONS, "brings its definition"),
    Need(Thing(NODE_CLASS), Thing(PROFILE), "is the role of its nodes"),
    Need(Thing(NODE_CLASS), Thing(ENTRY, ("type",), "EC2_LINUX"), "lets its nodes join"),
    Need(_KARPENTER, _role_of(NODE_AUTOSCALER), "is the role it calls AWS with"),
    Need(_KARPENTER, Thing(NOTICES), "tells it of instances that go"),
    Need(_KARPENTER, _addon("coredns"), "finds the names of AWS"),
    Need(Thing(GROUPS), _GROUP_CONTROLLER, "brings its definition"),
    Need(_GROUP_GPU, _PLUGIN, "offers nvidia.com/gpu to the scheduler"),
    Need(_GROUP_EFA, _EFA_PLUGIN, "offers vpc.amazonaws.com/efa to the scheduler"),
    Need(_EFA_PLUGIN, Thing(TEMPLATE, _INTERFACE, ("efa", "efa-only")), "is what it offers"),
    Need(
        Thing(TEMPLATE, _INTERFACE),
        Thing(EGRESS, ("ipProtocol",), "-1"),
        "lets EFA pass between nodes",
    ),
    Need(
        Thing(GROUPS),
        Thing(SERVICE, ("spec", "selector", "leaderworkerset.sigs.k8s.io/worker-index"), "0"),
        "finds the leader, which alone answers",
    ),
    Need(
        Thing(NODE_GROUP, ("nodeRepairConfig", "enabled")),
        _addon("eks-node-monitoring-agent"),
        "tells EKS of a GPU's faults",
    ),
    Need(
        Thing(
            DEPLOYMENT,
            ("spec", "template", "spec", "volumes", "*", "hostPath", "path"),
            PATHS[WeightsOn.nvme],
        ),
        Thing(TEMPLATE, ("userData",), line="strategy: RAID0"),
        "makes one array of the node's local disks",
    ),
    Need(Thing(NETWORK_POLICY), _POLICY_AGENT, "starts the agent that enforces it"),
)
SELF_SUFFICIENT = frozenset(
    {
        QUOTA,
        "kubernetes:core/v1:ConfigMap",
        "kubernetes:core/v1:ServiceAccount",
        ROLE,
        "kubernetes:policy/v1:PodDisruptionBudget",
    }
)
"""Rendered kinds that the control plane alone makes work."""


def met_elsewhere(site: Site) -> frozenset[Thing]:
    """What another stack has, by the site's word: the cluster's owner, or workloads on the cluster.

    A cluster of this product has the add-ons of all of them, which its users need not say.
    """
    cluster = site.cluster
    parts = {*cluster.provides, *(ADDONS if cluster.stack is not None else ())}
    things = {thing for part in parts for thing in _things(part)}
    if ClusterPart.device_plugin in cluster.offers:
        things.add(_GPU_NODES)
    return frozenset(things)


_CHARTS = {
    ClusterPart.device_plugin: (_PLUGIN,),
    ClusterPart.load_balancer_controller: (_CONTROLLER,),
    ClusterPart.pod_autoscaler: (_SCALER,),
    ClusterPart.node_autoscaler: (_KARPENTER, _DEFINITIONS),
    ClusterPart.metrics: (_METRICS,),
    ClusterPart.group_controller: (_GROUP_CONTROLLER,),
    ClusterPart.interconnect_plugin: (_EFA_PLUGIN,),
}


def _things(part: ClusterPart) -> tuple[Thing, ...]:
    if part is ClusterPart.network_policies:
        return (_POLICY_AGENT,)
    return (_addon(part),) if part in ADDONS else _CHARTS[part]
