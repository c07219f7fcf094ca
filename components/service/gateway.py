"""The gateway of one service: an HTTPS load balancer that forwards the plan's paths only."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pulumi
from pulumi_aws import ec2, lb, vpc

from components.foundation.network.ingress import ingress, ingress_from_allowed
from components.naming import Tags, aws_name
from components.service.firewall import Firewall, FirewallArgs
from components.service.object_store import ObjectStore
from components.service.targets import BehindBalancer, PodTargets, Targets
from sizing.plan.service.application.page import SignInPlan
from sizing.plan.service.gateway import BalancerPlan, JobGatewayPlan, TokenPlan
from sizing.plan.stack.network import AllowedPlan

TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"
"""TLS 1.2 and 1.3, forward secrecy. Basis: vendor (the ALB guide recommends it, 2026-11)."""
PREFIX_LIMIT = 6
"""Characters of a load balancer's or target group's name prefix. Basis: vendor (AWS provider)."""


FIRST, SECOND, PAGE = 1, 2, 100
"""Priorities of rules; the first one that matches a request counts. That of a chat page stays where
it is when paths are added: AWS refuses a second rule of one priority."""
PATTERNS = 5
"""Most patterns of one rule. Basis: vendor (quotas of application load balancers)."""


@dataclass(frozen=True)
class Content:
    """Requests for results, and the function that answers them."""

    paths: tuple[str, ...]
    targets: Targets


@dataclass(frozen=True, kw_only=True)
class PageRule:
    """Requests for the chat page, whose people the load balancer signs in."""

    host: str
    targets: PodTargets
    sign_in: SignInPlan
    client_secret: pulumi.Input[str]
    """Secret of the client at the issuer of tokens."""


@dataclass(frozen=True, kw_only=True)
class GatewayArgs:
    plan: BalancerPlan
    targets: Targets
    """Recipients of the requests: engines, or the function that accepts jobs."""
    content: Content | None
    """Requests that go to other recipients; null where the targets answer all."""
    page: PageRule | None = None
    """Requests for the chat page; null without one."""
    certificate_arn: pulumi.Input[str]
    service: str
    vpc_id: pulumi.Input[str]
    vpc_cidr: pulumi.Input[str]
    allowed: AllowedPlan
    """Sources outside the network that reach an internal load balancer."""
    subnet_ids: Sequence[pulumi.Input[str]]
    logs: ObjectStore
    """Bucket for the logs of requests and connections."""
    logs_key_arn: pulumi.Input[str] | None
    """Key of the firewall's log; null only where there is no firewall."""
    tags: Tags


class Gateway(pulumi.ComponentResource):
    """The load balancer: internal or public; metrics and administration are always internal."""

    endpoint: pulumi.Output[str]
    """DNS name of the load balancer."""
    zone_id: pulumi.Output[str]
    """Hosted zone of that name."""
    target_group_arn: pulumi.Output[str]
    arn: pulumi.Output[str]
    page_group_arn: pulumi.Output[str] | None
    """Target group of the chat page; null without one."""

    def __init__(
        self, name: str, args: GatewayArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:Gateway", name, None, opts)
        self._name = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        group = self._security_group()
        behind = self._behind(group)
        self._ingress(group)
        args.targets.opened(behind)
        self._egress_to_issuer(group)
        balancer = self._balancer(group)
        targets = args.targets.made(behind)
        listener = self._listener(balancer)
        # Guard: the first place stays free for a rule of results. AWS refuses a second rule of one
        # priority, also within an update that moves the other rule.
        first = SECOND if isinstance(args.plan, JobGatewayPlan) else FIRST
        paths = args.plan.paths
        for number, start in enumerate(range(0, len(paths), PATTERNS)):
            kind = "inference" if number == 0 else f"inference-{number + 1}"
            self._rule(kind, listener, targets, paths[start : start + PATTERNS], first + number)
        if args.content is not None:
            self._content_rule(listener, behind, args.content)
        self.arn = balancer.arn
        self.page_group_arn = None
        if args.page is not None:
            self.page_group_arn = self._page_rule(listener, behind, args.page).arn
        self._firewall(balancer)
        self.endpoint, self.zone_id = balancer.dns_name, balancer.zone_id
        self.target_group_arn = targets.arn
        self.register_outputs({"endpoint": self.endpoint})

    def _security_group(self) -> ec2.SecurityGroup:
        name = f"{self._name}-group"
        return ec2.SecurityGroup(
            name,
            description=f"Load balancer of {self._args.service}",
            vpc_id=self._args.vpc_id,
            tags=self._args.tags.named(name),
            opts=self._child,
        )

    def _behind(self, group: ec2.SecurityGroup) -> BehindBalancer:
        return BehindBalancer(
            name=self._name,
            name_prefix=self._name_prefix,
            service=self._args.service,
            balancer_group_id=group.id,
            tags=self._args.tags,
            opts=self._child,
        )

    def _egress_to_issuer(self, group: ec2.SecurityGroup) -> None:
        """Open the way to the issuer, for its key set and for people who sign in."""
        if self._args.plan.token is None and self._args.page is None:
            return
        name = f"{self._name}-to-issuer"
        vpc.SecurityGroupEgressRule(
            name,
            security_group_id=group.id,
            description="Key set of the tokens' issuer, at no fixed address",
            cidr_ipv4="0.0.0.0/0",
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            tags=self._args.tags.named(name),
            opts=self._child,
        )

    def _ingress(self, group: ec2.SecurityGroup) -> None:
        """Open HTTPS to the ranges of the plan, or else to the network and the allowed sources."""
        args = self._args
        ranges: dict[str, pulumi.Input[str]] = {
            f"from-{aws_name(cidr)}": cidr for cidr in args.plan.public_cidrs
        } or {"from-network": args.vpc_cidr}
        for name, cidr in ranges.items():
            ingress(
                f"{self._name}-{name}",
                into=group.id,
                description="HTTPS from outside" if args.plan.public else "HTTPS from the network",
                port=443,
                cidr=cidr,
                tags=args.tags,
                opts=self._child,
            )
        if not args.plan.public:
            ingress_from_allowed(
                f"{self._name}-from",
                into=group.id,
                allowed=args.allowed,
                description="HTTPS from an allowed source",
                tags=args.tags,
                opts=self._child,
            )

    def _firewall(self, balancer: lb.LoadBalancer) -> None:
        plan, logs_key_arn = self._args.plan.firewall, self._args.logs_key_arn
        if plan is None:
            return
        if logs_key_arn is None:
            raise ValueError(f"{self._args.service}: a firewall needs a key for its log")
        Firewall(
            f"{self._name}-firewall",
            FirewallArgs(
                plan=plan,
                page_host=None if self._args.page is None else self._args.page.host,
                balancer_arn=balancer.arn,
                logs_key_arn=logs_key_arn,
                tags=self._args.tags,
            ),
            self._child,
        )

    def _balancer(self, group: ec2.SecurityGroup) -> lb.LoadBalancer:
        name = f"{self._name}-balancer"
        return lb.LoadBalancer(
            name,
            name_prefix=self._name_prefix,
            load_balancer_type="application",
            internal=not self._args.plan.public,
            subnets=self._args.subnet_ids,
            security_groups=[group.id],
            idle_timeout=self._args.plan.idle_timeout_s,
            drop_invalid_header_fields=True,
            desync_mitigation_mode="defensive",
            minimum_load_balancer_capacity=self._reserved,
            access_logs={"bucket": self._args.logs.bucket, "enabled": True},
            connection_logs={"bucket": self._args.logs.bucket, "enabled": True},
            enable_deletion_protection=self._args.plan.protected,
            enable_zonal_shift=True,
            tags=self._args.tags.named(name),
            # Guard: AWS refuses a load balancer whose logs cannot be written. It refuses a deletion
            # at the end of an update; Pulumi's own protection refuses before the update starts.
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[self._args.logs], protect=self._args.plan.protected
            ),
        )

    @property
    def _reserved(self) -> lb.LoadBalancerMinimumLoadBalancerCapacityArgsDict | None:
        units = self._args.plan.reserved_units
        return None if units is None else {"capacity_units": units}

    def _listener(self, balancer: lb.LoadBalancer) -> lb.Listener:
        name = f"{self._name}-https"
        return lb.Listener(
            name,
            load_balancer_arn=balancer.arn,
            port=443,
            protocol="HTTPS",
            ssl_policy=TLS_POLICY,
            certificate_arn=self._args.certificate_arn,
            default_actions=[
                *self._validation,
                {
                    "type": "fixed-response",
                    "order": 1 + len(self._validation),
                    "fixed_response": {"content_type": "text/plain", "status_code": "404"},
                },
            ],
            tags=self._args.tags.named(name),
            opts=self._child,
        )

    def _content_rule(
        self, listener: lb.Listener, behind: BehindBalancer, content: Content
    ) -> None:
        """Send requests for results to their own function, before all other requests."""
        name = f"{self._name}-content"
        targets = content.targets.made(replace(behind, name=name))
        self._rule("content", listener, targets, content.paths, FIRST)

    def _page_rule(
        self, listener: lb.Listener, behind: BehindBalancer, page: PageRule
    ) -> lb.TargetGroup:
        """Sign people in, and send their requests for the page's host to its pods."""
        name, sign_in = f"{self._name}-page", page.sign_in
        own = replace(behind, name=name)
        page.targets.opened(own)
        targets = page.targets.made(own)
        client: dict[str, Any] = {
            "issuer": sign_in.issuer,
            "authorization_endpoint": sign_in.authorization_endpoint,
            "token_endpoint": sign_in.token_endpoint,
            "user_info_endpoint": sign_in.user_info_endpoint,
            "client_id": sign_in.client_id,
            "client_secret": pulumi.Output.secret(page.client_secret),
            "scope": sign_in.scope,
            "session_timeout": sign_in.session_s,
            "on_unauthenticated_request": "authenticate",
        }
        if sign_in.parameters:
            client["authentication_request_extra_params"] = sign_in.parameters
        actions: list[Any] = [
            {"type": "authenticate-oidc", "order": 1, "authenticate_oidc": client},
            {"type": "forward", "order": 2, "target_group_arn": targets.arn},
        ]
        lb.ListenerRule(
            f"{name}-rule",
            listener_arn=listener.arn,
            priority=PAGE,
            conditions=[{"host_header": {"values": [page.host]}}],
            actions=actions,
            tags=self._args.tags.named(f"{name}-rule"),
            opts=self._child,
        )
        return targets

    def _rule(
        self,
        kind: str,
        listener: lb.Listener,
        targets: lb.TargetGroup,
        paths: Sequence[str],
        priority: int,
    ) -> None:
        name = f"{self._name}-{kind}"
        lb.ListenerRule(
            name,
            listener_arn=listener.arn,
            priority=priority,
            conditions=[{"path_pattern": {"values": [*paths]}}],
            actions=[
                *self._validation,
                {
                    "type": "forward",
                    "order": 1 + len(self._validation),
                    "target_group_arn": targets.arn,
                },
            ],
            tags=self._args.tags.named(name),
            opts=self._child,
        )

    @property
    def _validation(self) -> list[Any]:
        """Action before all others: a request without a valid token gets 401."""
        token = self._args.plan.token
        if token is None:
            return []
        return [{"type": "jwt-validation", "order": 1, "jwt_validation": _validated(token)}]

    @property
    def _name_prefix(self) -> str:
        """Name prefix: names have at most 32 characters, too few for a name and a random suffix."""
        return self._args.service[: PREFIX_LIMIT - 1].rstrip("-") + "-"


def _validated(token: TokenPlan) -> dict[str, Any]:
    """Token checks: signature, issuer and dates always, other claims where the plan has them."""
    validation: dict[str, Any] = {"issuer": token.issuer, "jwks_endpoint": token.jwks_url}
    if token.claims:
        validation["additional_claims"] = [
            {"name": claim.name, "format": claim.format, "values": list(claim.values)}
            for claim in token.claims
        ]
    return validation
