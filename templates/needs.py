"""Requirements of an object or a feature in its own stack, as plain data.

No object may be without effect: a binding without its controller fails, or only the API server
accepts it. `sizewright check` looks for each requirement in the recorded graph.
"""

from dataclasses import dataclass

from sizing.locks.versions import DRIVER_ACCOUNT, VOLUMES_ADDON
from sizing.plan.reaches import (
    AURORA,
    CRON_JOB,
    DEPLOYMENT,
    FIREWALL,
    FUNCTION,
    GROUPS,
    JOB,
    LEADER,
    NETWORK_POLICY,
    NODE_CLASS,
    NODE_GROUP,
    NODE_POOL,
    QUOTA,
    RELEASE,
    RULE,
    SCALED_OBJECT,
    SQS_QUEUE,
    SUBSCRIPTION,
    TABLE,
    TEMPLATE,
    TOPIC,
)
from sizing.plan.service.disks import WeightsOn
from sizing.service.node_disks import PATHS
from sizing.site import Site
from sizing.site.reuse import ADDONS, ClusterPart
from sizing.stack.cluster_services import (
    ALERTS_ACCOUNT,
    DEVICE_PLUGIN,
    GPU_METRICS,
    GROUP_CONTROLLER,
    INTERCONNECT_PLUGIN,
    LOAD_BALANCER_CONTROLLER,
    METRICS,
    METRICS_SERVER,
    NODE_AUTOSCALER,
    NODE_DEFINITIONS,
    POD_AUTOSCALER,
    POD_AUTOSCALER_ACCOUNT,
    STORED_METRICS,
    STORED_SERVER,
)
from templates.applications.application import COMPONENT, SETUP
from templates.applications.page import COMPONENT as PAGE
from templates.applications.page import SETUP as PAGE_SETUP
from templates.scheduling import APPLICATIONS_TAINT, BURST_LABEL, GPU_LABEL

ADDON = "aws:eks/addon:Addon"
ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
BINDING = "kubernetes:elbv2.k8s.aws/v1beta1:TargetGroupBinding"
BALANCER_ASSOCIATION = "aws:wafv2/webAclAssociation:WebAclAssociation"
SERVICE = "kubernetes:core/v1:Service"
PROFILE = "aws:iam/instanceProfile:InstanceProfile"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
ENTRY = "aws:eks/accessEntry:AccessEntry"
NOTICES = "aws:cloudwatch/eventTarget:EventTarget"
SECRET = "aws:secretsmanager/secret:Secret"
ROLE = "kubernetes:rbac.authorization.k8s.io/v1:Role"
ROLE_BINDING = "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding"
STORAGE_CLASS = "kubernetes:storage.k8s.io/v1:StorageClass"
AUTHENTICATION = "kubernetes:keda.sh/v1alpha1:TriggerAuthentication"
QUEUE_TRIGGER = "aws-sqs-queue"
"""Type of the trigger of a scaling rule that counts the messages of a queue."""
READINESS_GATES = "elbv2.k8s.aws/pod-readiness-gate-inject"


@dataclass(frozen=True)
class ResourcePattern:
    """A resource by its Pulumi token, and by a property where the token is not specific enough."""

    resource_type: str
    path: tuple[str, ...] = ()
    """Steps to the property; `*` is any item of a list, and JSON text is parsed."""
    value: str | tuple[str, ...] | None = None
    """Value of the property, or its possible values; None where any value matches."""
    line: str | None = None
    """Line of the property, a node's user data in base64."""

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
    """A pair of resources: a stack with the user must have the provider."""

    user: ResourcePattern
    provider: ResourcePattern
    why: str


_GPU_CONTAINER = ResourcePattern(
    DEPLOYMENT,
    ("spec", "template", "spec", "containers", "*", "resources", "limits", "nvidia.com/gpu"),
)
_PLUGIN = ResourcePattern(RELEASE, ("chart",), DEVICE_PLUGIN)
_CONTROLLER = ResourcePattern(RELEASE, ("chart",), LOAD_BALANCER_CONTROLLER)


_SCALER, _METRICS, _STORED = (
    ResourcePattern(RELEASE, ("name",), name) for name in (POD_AUTOSCALER, METRICS, STORED_METRICS)
)
_MEASURES = ResourcePattern(RELEASE, ("name",), (METRICS, STORED_METRICS))
_KARPENTER = ResourcePattern(RELEASE, ("name",), NODE_AUTOSCALER)
_DEFINITIONS = ResourcePattern(RELEASE, ("name",), NODE_DEFINITIONS)
_LABELS = ("podSelector", "matchLabels", "app.kubernetes.io/name")
_BURST_POD = ResourcePattern(DEPLOYMENT, ("spec", "template", "spec", "nodeSelector", BURST_LABEL))


_EFA_PLUGIN = ResourcePattern(RELEASE, ("name",), INTERCONNECT_PLUGIN)
_GROUP_CONTROLLER = ResourcePattern(RELEASE, ("name",), GROUP_CONTROLLER)
_INTERFACE = ("networkInterfaces", "*", "interfaceType")
_GROUP_LIMITS = (*LEADER.split("."), "containers", "*", "resources", "limits")
_GROUP_GPU = ResourcePattern(GROUPS, (*_GROUP_LIMITS, "nvidia.com/gpu"))
_GROUP_EFA = ResourcePattern(GROUPS, (*_GROUP_LIMITS, "vpc.amazonaws.com/efa"))


def _addon(name: str) -> ResourcePattern:
    return ResourcePattern(ADDON, ("addonName",), str(name))


def _role_of(service_account: str) -> ResourcePattern:
    return ResourcePattern(ASSOCIATION, ("serviceAccount",), service_account)


def _replicas(component: str) -> ResourcePattern:
    labels = ("spec", "template", "metadata", "labels")
    return ResourcePattern(DEPLOYMENT, (*labels, "app.kubernetes.io/component"), component)


def _load(trigger: str) -> ResourcePattern:
    """Scaling rule with a trigger of this type."""
    return ResourcePattern(SCALED_OBJECT, ("spec", "triggers", "*", "type"), trigger)


_JOB_QUEUE = ResourcePattern(SQS_QUEUE, ("redrivePolicy",))
_CONTAINERS = ("spec", "template", "spec", "containers", "*")
_WORKER = ResourcePattern(DEPLOYMENT, (*_CONTAINERS, "name"), "worker")
_GPU_NODES = ResourcePattern(NODE_GROUP, ("labels", GPU_LABEL))
_GPU_METRICS = ResourcePattern(RELEASE, ("name",), GPU_METRICS)


def _job_of(account: str) -> ResourcePattern:
    """Job whose pods have this service account."""
    return ResourcePattern(JOB, ("spec", "template", "spec", "serviceAccountName"), account)


_APPLICATION = _replicas(COMPONENT)
_PAGE = _replicas(PAGE)
_SIGN_IN = ResourcePattern(RULE, ("actions", "*", "type"), "authenticate-oidc")
_APPLICATION_NODES = ResourcePattern(NODE_GROUP, ("labels", *APPLICATIONS_TAINT))
_POLICY_AGENT = ResourcePattern(ADDON, ("configurationValues", "enableNetworkPolicy"), "true")

NEEDS = (
    Need(ResourcePattern(BINDING), _CONTROLLER, "brings its definition and registers its targets"),
    Need(
        ResourcePattern("kubernetes:core/v1:Namespace", ("metadata", "labels", READINESS_GATES)),
        _CONTROLLER,
        "gates the readiness of its pods",
    ),
    Need(
        ResourcePattern(FIREWALL),
        ResourcePattern(BALANCER_ASSOCIATION),
        "puts it in front of a load balancer",
    ),
    Need(_GPU_CONTAINER, _PLUGIN, "offers nvidia.com/gpu to the scheduler"),
    Need(_PLUGIN, _GPU_NODES, "is selected by that label"),
    Need(_CONTROLLER, _role_of(LOAD_BALANCER_CONTROLLER), "is the role it calls AWS with"),
    Need(
        ResourcePattern(ASSOCIATION), _addon("eks-pod-identity-agent"), "hands the role to the pods"
    ),
    Need(_CONTROLLER, _addon("coredns"), "finds the names of AWS"),
    Need(ResourcePattern(DEPLOYMENT), _addon("coredns"), "finds the name of the bucket"),
    Need(ResourcePattern(JOB), _addon("coredns"), "finds the names of the source and the bucket"),
    Need(_job_of("import"), _role_of("import"), "is the role it fills the bucket with"),
    Need(_job_of(SETUP), _role_of(SETUP), "is the role it reads the master's password with"),
    Need(_job_of(SETUP), ResourcePattern(AURORA), "is what it prepares"),
    Need(_APPLICATION, _job_of(SETUP), "makes its role and its tables"),
    Need(_APPLICATION, _role_of(COMPONENT), "is the role it reads its password with"),
    Need(_APPLICATION, ResourcePattern(SECRET), "has its password"),
    Need(_APPLICATION, _APPLICATION_NODES, "may reach the database"),
    Need(_PAGE, _job_of(PAGE_SETUP), "makes its role and its tables"),
    Need(_PAGE, _role_of(PAGE), "is the role it reads its password with"),
    Need(_PAGE, _APPLICATION, "answers its questions"),
    Need(_PAGE, _APPLICATION_NODES, "may reach the database"),
    Need(_PAGE, _SIGN_IN, "says who its people are"),
    Need(ResourcePattern(CRON_JOB), _role_of(COMPONENT), "is the role it reads its password with"),
    Need(ResourcePattern(CRON_JOB), _APPLICATION, "writes the rows that it deletes"),
    Need(ResourcePattern(SERVICE), _addon("kube-proxy"), "carries its traffic"),
    Need(ResourcePattern(NODE_GROUP), _addon("vpc-cni"), "makes the nodes ready"),
    Need(ResourcePattern(SCALED_OBJECT), _SCALER, "brings its definition and does what it says"),
    Need(_load("prometheus"), _MEASURES, "answers its question"),
    Need(_load(QUEUE_TRIGGER), _JOB_QUEUE, "has the jobs that it counts"),
    Need(_load(QUEUE_TRIGGER), ResourcePattern(AUTHENTICATION), "lets it call AWS"),
    Need(ResourcePattern(AUTHENTICATION), _SCALER, "brings its definition and reads it"),
    Need(
        ResourcePattern(AUTHENTICATION),
        _role_of(POD_AUTOSCALER_ACCOUNT),
        "is the role that reads the queue",
    ),
    Need(_WORKER, _JOB_QUEUE, "gives it jobs"),
    Need(_WORKER, ResourcePattern(TABLE), "has the state of its jobs"),
    Need(_WORKER, ResourcePattern(FUNCTION), "accepts its jobs"),
    Need(ResourcePattern(SCALED_OBJECT), _replicas("burst"), "is what it scales"),
    Need(_METRICS, _replicas("floor"), "exports the metric before there is any burst"),
    Need(
        _METRICS,
        ResourcePattern(ROLE_BINDING, ("subjects", "*", "name"), METRICS_SERVER),
        "shows it pods",
    ),
    Need(
        _METRICS,
        ResourcePattern(NETWORK_POLICY, ("spec", "ingress", "*", "from", "*", *_LABELS), METRICS),
        "lets it reach them",
    ),
    Need(
        _STORED,
        ResourcePattern(ROLE_BINDING, ("subjects", "*", "name"), STORED_SERVER),
        "shows it the exporters",
    ),
    Need(_STORED, ResourcePattern(STORAGE_CLASS), "is the class of its volumes"),
    Need(ResourcePattern(STORAGE_CLASS), _addon(VOLUMES_ADDON), "makes its volumes"),
    Need(_addon(VOLUMES_ADDON), _role_of(DRIVER_ACCOUNT), "is the role it calls AWS with"),
    Need(_GPU_METRICS, _GPU_NODES, "is selected by that label"),
    Need(ResourcePattern(SUBSCRIPTION), ResourcePattern(TOPIC), "is what it reads"),
    Need(ResourcePattern(TOPIC), _role_of(ALERTS_ACCOUNT), "is the role that writes to it"),
    Need(ResourcePattern(ROLE_BINDING), ResourcePattern(ROLE), "is what it grants"),
    Need(_BURST_POD, ResourcePattern(NODE_POOL), "has the nodes it goes to"),
    Need(
        ResourcePattern(NODE_POOL, ("spec", "template", "metadata", "labels", BURST_LABEL)),
        _BURST_POD,
        "is all that its nodes are for",
    ),
    Need(ResourcePattern(NODE_POOL), ResourcePattern(NODE_CLASS), "says what its nodes are"),
    Need(ResourcePattern(NODE_POOL), _KARPENTER, "starts its nodes"),
    Need(ResourcePattern(NODE_CLASS), _DEFINITIONS, "brings its definition"),
    Need(ResourcePattern(NODE_CLASS), ResourcePattern(PROFILE), "is the role of its nodes"),
    Need(
        ResourcePattern(NODE_CLASS),
        ResourcePattern(ENTRY, ("type",), "EC2_LINUX"),
        "lets its nodes join",
    ),
    Need(_KARPENTER, _role_of(NODE_AUTOSCALER), "is the role it calls AWS with"),
    Need(_KARPENTER, ResourcePattern(NOTICES), "reports instances that go"),
    Need(_KARPENTER, _addon("coredns"), "finds the names of AWS"),
    Need(ResourcePattern(GROUPS), _GROUP_CONTROLLER, "brings its definition"),
    Need(_GROUP_GPU, _PLUGIN, "offers nvidia.com/gpu to the scheduler"),
    Need(_GROUP_EFA, _EFA_PLUGIN, "offers vpc.amazonaws.com/efa to the scheduler"),
    Need(
        _EFA_PLUGIN, ResourcePattern(TEMPLATE, _INTERFACE, ("efa", "efa-only")), "is what it offers"
    ),
    Need(
        ResourcePattern(TEMPLATE, _INTERFACE),
        ResourcePattern(EGRESS, ("ipProtocol",), "-1"),
        "lets EFA pass between nodes",
    ),
    Need(
        ResourcePattern(GROUPS),
        ResourcePattern(
            SERVICE, ("spec", "selector", "leaderworkerset.sigs.k8s.io/worker-index"), "0"
        ),
        "finds the leader, which alone answers",
    ),
    Need(
        ResourcePattern(NODE_GROUP, ("nodeRepairConfig", "enabled")),
        _addon("eks-node-monitoring-agent"),
        "reports a GPU's faults to EKS",
    ),
    Need(
        ResourcePattern(
            DEPLOYMENT,
            ("spec", "template", "spec", "volumes", "*", "hostPath", "path"),
            PATHS[WeightsOn.nvme],
        ),
        ResourcePattern(TEMPLATE, ("userData",), line="strategy: RAID0"),
        "makes one array of the node's local disks",
    ),
    Need(ResourcePattern(NETWORK_POLICY), _POLICY_AGENT, "starts the agent that enforces it"),
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
"""Rendered kinds that require only the control plane."""


def met_elsewhere(site: Site) -> frozenset[ResourcePattern]:
    """Resources of other stacks that the site declares: the cluster owner's, or workloads on it.

    A cluster of this product has all add-ons, which its users need not declare.
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
    ClusterPart.pod_autoscaler: (_SCALER, _role_of(POD_AUTOSCALER_ACCOUNT)),
    ClusterPart.node_autoscaler: (_KARPENTER, _DEFINITIONS),
    ClusterPart.metrics: (_MEASURES,),
    ClusterPart.group_controller: (_GROUP_CONTROLLER,),
    ClusterPart.interconnect_plugin: (_EFA_PLUGIN,),
}


def _things(part: ClusterPart) -> tuple[ResourcePattern, ...]:
    if part is ClusterPart.network_policies:
        return (_POLICY_AGENT,)
    return (_addon(part),) if part in ADDONS else _CHARTS[part]
