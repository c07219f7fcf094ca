"""The load balancers of one service, each with its own targets."""

from dataclasses import dataclass

import pulumi

from components.foundation.cluster.cluster import ClusterIds
from components.foundation.dns import Dns
from components.foundation.keys import Keys
from components.foundation.network.network import NetworkIds
from components.naming import Tags
from components.service.gateway import Content, Gateway, GatewayArgs, PageRule
from components.service.jobs.function_targets import FunctionTargets
from components.service.jobs.intake import Intake
from components.service.object_store import ObjectStore
from components.service.targets import PodTargets, Targets
from sizing.plan.service.application.page import PagePlan
from sizing.plan.service.gateway import GatewayPlan, JobGatewayPlan
from sizing.plan.stack.network import AllowedPlan
from templates.applications.application import APPLICATION_HEALTH, APPLICATION_PORT
from templates.applications.page import PAGE_HEALTH, PAGE_PORT
from templates.engine import ENGINE_PORT
from templates.render import HEALTH_PATH


@dataclass(frozen=True, kw_only=True)
class BalancersArgs:
    plan: GatewayPlan | JobGatewayPlan
    service: str
    application: bool
    """True where an application answers requests instead of the engines."""
    intake: Intake | None
    """Functions that accept jobs; null where engines answer requests."""
    page: PagePlan | None
    """Chat page; null without one."""
    page_host: str | None
    page_client_secret: pulumi.Input[str] | None
    """Secret of the page's client at the issuer of tokens."""
    network: NetworkIds
    allowed: AllowedPlan
    """Sources outside the network that reach an internal load balancer."""
    cluster: ClusterIds
    dns: Dns | None
    access_logs: ObjectStore | None
    """Bucket of the logs of requests; null where no service has a load balancer."""
    keys: Keys
    tags: Tags


def balancers(name: str, args: BalancersArgs, opts: pulumi.ResourceOptions) -> dict[bool, Gateway]:
    """Create the load balancers; a key is true for the one that faces the internet.

    The service's name points to the first of them.
    """
    return {plan.public: _gateway(name, plan, args, opts) for plan in args.plan.balancers()}


def _gateway(
    name: str,
    plan: GatewayPlan | JobGatewayPlan,
    args: BalancersArgs,
    opts: pulumi.ResourceOptions,
) -> Gateway:
    if args.access_logs is None:
        raise ValueError(f"{args.service}: a load balancer needs a bucket for its logs")
    network = args.network
    subnets = network.public_subnet_ids if plan.public else network.private_subnet_ids
    return Gateway(
        f"{name}-{'public' if plan.public else 'gateway'}",
        GatewayArgs(
            plan=plan,
            targets=_targets(plan, args),
            content=_content(plan, args),
            page=_page(plan, args),
            certificate_arn=_certificate_arn(plan, args),
            service=args.service,
            vpc_id=network.vpc_id,
            vpc_cidr=network.vpc_cidr,
            allowed=args.allowed,
            subnet_ids=list(subnets.values()),
            logs=args.access_logs,
            logs_key_arn=args.keys.of_class("logs"),
            tags=args.tags,
        ),
        opts,
    )


def _targets(plan: GatewayPlan | JobGatewayPlan, args: BalancersArgs) -> Targets:
    if isinstance(plan, GatewayPlan):
        return PodTargets(
            plan=plan,
            vpc_id=args.network.vpc_id,
            vpc_cidr=args.network.vpc_cidr,
            cluster_name=args.cluster.name,
            node_group_id=args.cluster.security_group_id,
            port=APPLICATION_PORT if args.application else ENGINE_PORT,
            health_path=APPLICATION_HEALTH if args.application else HEALTH_PATH,
        )
    if args.intake is None:
        raise ValueError(f"{args.service}: nothing accepts its jobs")
    return FunctionTargets(args.intake.function)


def _content(plan: GatewayPlan | JobGatewayPlan, args: BalancersArgs) -> Content | None:
    """Requests for results that another function answers; none where the first answers all."""
    if isinstance(plan, GatewayPlan) or not plan.content_paths:
        return None
    if args.intake is None or args.intake.link_function is None:
        raise ValueError(f"{args.service}: nothing signs the addresses of its results")
    return Content(plan.content_paths, FunctionTargets(args.intake.link_function))


def _page(plan: GatewayPlan | JobGatewayPlan, args: BalancersArgs) -> PageRule | None:
    """Requests for the chat page; none without one.

    Guard: a browser stays with its pod, which alone knows its WebSocket.
    """
    page = args.page
    if page is None or page.pods is None:
        return None
    if not isinstance(plan, GatewayPlan) or args.page_host is None:
        raise ValueError(f"{args.service}: a chat page needs a host name")
    if args.page_client_secret is None:
        raise ValueError(f"{args.service}: a chat page needs the secret of its client")
    sticky = {"sticky": True, "sticky_s": page.sticky_s, "encrypted": False}
    own = plan.model_copy(update={**sticky, "deregistration_delay_s": page.pods.drain_s})
    targets = PodTargets(
        plan=own,
        vpc_id=args.network.vpc_id,
        vpc_cidr=args.network.vpc_cidr,
        cluster_name=args.cluster.name,
        node_group_id=args.cluster.security_group_id,
        port=PAGE_PORT,
        health_path=PAGE_HEALTH,
    )
    return PageRule(
        host=args.page_host,
        targets=targets,
        sign_in=page.sign_in,
        client_secret=args.page_client_secret,
    )


def _certificate_arn(plan: GatewayPlan | JobGatewayPlan, args: BalancersArgs) -> pulumi.Input[str]:
    """ARN of the site's own certificate, or of the certificate for its zone."""
    made = None if args.dns is None else args.dns.certificate_arn
    arn = plan.certificate_arn or made
    if arn is None:
        raise ValueError(f"{args.service}: a gateway needs a certificate")
    return arn
