"""Is public ingress limited to the requested HTTPS load balancers, each with its guards?"""

from collections.abc import Iterator

from sizewright.gates.gates import Gate
from sizewright.layout.numbers import plural
from sizewright.record import Recorded, RecordedResource
from sizing.plan.reaches import BALANCER, FIREWALL, LISTENER, RULE
from sizing.plan.whole import Plan
from templates.needs import BALANCER_ASSOCIATION, SERVICE

INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EVERYWHERE = ("0.0.0.0/0", "::/0")
HTTPS_PORT = 443
SIGN_IN = "authenticate-oidc"
"""Action of a rule that signs people in at the issuer of tokens."""
OPEN_BY_ITSELF = (
    ("aws:ec2/subnet:Subnet", "mapPublicIpOnLaunch"),
    ("aws:rds/clusterInstance:ClusterInstance", "publiclyAccessible"),
)
"""Properties that open a resource to the internet."""
OUTSIDE_TYPES = ("LoadBalancer", "NodePort")
"""Types of a Kubernetes Service that are reachable from outside the cluster."""


def public_ingress(recorded: Recorded, plan: Plan) -> Gate:
    """Check that each public ingress is requested by a workload and has its guards."""
    planned = {s.name for s in plan.services if s.gateway is not None and s.gateway.has_public}
    if faults := list(_faults(recorded, planned)):
        return Gate("public ingress", False, "; ".join(faults))
    detail = f"{plural(len(planned), 'public service')}, each with tokens, firewall and HTTPS alone"
    return Gate("public ingress", True, detail if planned else "nothing is open to the internet")


def _faults(recorded: Recorded, planned: set[str]) -> Iterator[str]:
    public = [
        r for r in recorded.resources if r.type == BALANCER and r.inputs.get("internal") is not True
    ]
    for balancer in public:
        if _service(balancer) not in planned:
            yield f"{balancer.key} is public, and no workload asks for it"
        yield from _unguarded(recorded, balancer)
    groups = {group for balancer in public for group in _groups(balancer)}
    yield from _open_groups(recorded, groups)
    yield from _open_otherwise(recorded)


def _unguarded(recorded: Recorded, balancer: RecordedResource) -> Iterator[str]:
    """Guards that a public load balancer lacks."""
    if not any(
        r.type == BALANCER_ASSOCIATION and _refers(r.inputs.get("resourceArn"), balancer.key)
        for r in recorded.resources
    ):
        yield f"{balancer.key} has no {FIREWALL}"
    for listener in _pointing(recorded, LISTENER, "loadBalancerArn", balancer.key):
        rules = _pointing(recorded, RULE, "listenerArn", listener.key)
        if (listener.inputs.get("port"), listener.inputs.get("protocol")) != (HTTPS_PORT, "HTTPS"):
            yield f"{listener.key} is not HTTPS on port {HTTPS_PORT}"
        if not listener.inputs.get("certificateArn"):
            yield f"{listener.key} has no certificate"
        yield from _lets_by(listener, "defaultActions")
        for rule in rules:
            yield from _lets_by(rule, "actions")


def _open_groups(recorded: Recorded, allowed: set[str]) -> Iterator[str]:
    """Security group rules that allow everybody, except for HTTPS into a public load balancer."""
    for rule in recorded.resources:
        if rule.type != INGRESS:
            continue
        ports = {rule.inputs.get("fromPort"), rule.inputs.get("toPort")}
        into = {target for target in allowed if _refers(rule.inputs.get("securityGroupId"), target)}
        if into and ports != {HTTPS_PORT}:
            yield f"{rule.key} opens another port than {HTTPS_PORT} of a public load balancer"
        ranges = (rule.inputs.get("cidrIpv4"), rule.inputs.get("cidrIpv6"))
        everywhere = [cidr for cidr in ranges if cidr in EVERYWHERE]
        if everywhere and not into:
            yield f"{rule.key} lets the internet into what is not a public load balancer"


def _open_otherwise(recorded: Recorded) -> Iterator[str]:
    for resource in recorded.resources:
        for kind, name in OPEN_BY_ITSELF:
            if resource.type == kind and resource.inputs.get(name) is True:
                yield f"{resource.key} is open to the internet ({name})"
        if resource.type == "aws:eks/cluster:Cluster":
            access = resource.inputs.get("vpcConfig")
            if not isinstance(access, dict) or access.get("endpointPublicAccess") is not False:
                yield f"{resource.key} has a public endpoint"
        if resource.type == SERVICE:
            spec = resource.inputs.get("spec")
            if isinstance(spec, dict) and spec.get("type") in OUTSIDE_TYPES:
                yield f"{resource.key} is of type {spec['type']}"


def _service(balancer: RecordedResource) -> object:
    tags = balancer.inputs.get("tags")
    return tags.get("service") if isinstance(tags, dict) else None


def _groups(balancer: RecordedResource) -> Iterator[str]:
    """Keys of the load balancer's security groups."""
    groups = balancer.inputs.get("securityGroups")
    for group in groups if isinstance(groups, list) else ():
        if isinstance(group, dict) and isinstance(group.get("$ref"), str):
            yield group["$ref"]


def _pointing(
    recorded: Recorded, resource_type: str, field: str, key: str
) -> list[RecordedResource]:
    """Resources of the type whose field refers to a resource."""
    return [
        r
        for r in recorded.resources
        if r.type == resource_type and _refers(r.inputs.get(field), key)
    ]


def _refers(value: object, key: str) -> bool:
    return isinstance(value, dict) and value.get("$ref") == key


def _lets_by(resource: RecordedResource, field: str) -> Iterator[str]:
    """Faults of the first action: it validates no token, requires no additional claims, or lets
    people pass who have not signed in."""
    actions = resource.inputs.get(field)
    found = [a for a in actions if isinstance(a, dict)] if isinstance(actions, list) else []
    first = min(found, key=lambda action: action.get("order", 0), default={})
    validation, sign_in = first.get("jwtValidation"), first.get("authenticateOidc")
    if first.get("type") == SIGN_IN:
        asks = isinstance(sign_in, dict) and sign_in.get("onUnauthenticatedRequest")
        if asks != "authenticate":
            yield f"{resource.key} lets people pass who have not signed in"
        return
    if first.get("type") != "jwt-validation":
        yield f"{resource.key} does not validate tokens"
    elif not isinstance(validation, dict) or not validation.get("additionalClaims"):
        # Guard: without claims, the issuer's tokens for any other application would be accepted.
        yield f"{resource.key} asks for no claims: any token of the issuer opens it"
