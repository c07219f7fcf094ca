"""Gateway of a service: its load balancers, tokens and limits."""

import operator
from typing import Annotated, Self

from pydantic import Field

from sizing.plan.part import Part
from sizing.plan.reaches import BALANCER, FIREWALL, LISTENER, LOGS, RULE, TARGETS, Reaches
from sizing.values.exact import Number
from sizing.workload.engines.traits import TEXT_PATHS


class ClaimPlan(Part):
    """Claim that a caller's token must have, with one of these values."""

    name: Annotated[str, Reaches(RULE, "actions.0.jwtValidation.additionalClaims")]
    format: Annotated[str, Reaches(RULE, "actions.0.jwtValidation.additionalClaims")]
    values: Annotated[tuple[str, ...], Reaches(RULE, "actions.0.jwtValidation.additionalClaims")]


class TokenPlan(Part):
    """Requirements of callers' tokens."""

    issuer: Annotated[
        str,
        Reaches(RULE, "actions.0.jwtValidation.issuer"),
        Reaches(LISTENER, "defaultActions.0.jwtValidation.issuer"),
    ]
    jwks_url: Annotated[
        str,
        Reaches(RULE, "actions.0.jwtValidation.jwksEndpoint"),
        Reaches(LISTENER, "defaultActions.0.jwtValidation.jwksEndpoint"),
    ]
    claims: tuple[ClaimPlan, ...]
    """Claims that the tokens must have."""


class FirewallPlan(Part):
    """Limits of one key and of one address."""

    requests_per_key: Annotated[
        int, Reaches(FIREWALL, "rules.0.statement.rateBasedStatement.limit")
    ]
    """Maximum requests of one key in a window."""
    window_s: Annotated[
        int,
        Reaches(FIREWALL, "rules.0.statement.rateBasedStatement.evaluationWindowSec"),
        Reaches(FIREWALL, "rules.1.statement.rateBasedStatement.evaluationWindowSec"),
    ]
    binding: str
    """Limit that decides: requests or tokens."""
    requests_by_limit: dict[str, int]
    """Requests of one key in a window that each limit alone allows."""
    tokens_per_key: int | None
    """Maximum tokens of those requests; null without a limit of tokens."""
    requests_per_address: Annotated[
        int, Reaches(FIREWALL, "rules.1.statement.rateBasedStatement.limit")
    ]
    """Maximum requests of one address in a window."""
    log_days: Annotated[int, Reaches(LOGS, "retentionInDays")]


class BalancerPlan(Part):
    """Load balancers of a service, whatever is behind them."""

    public: Annotated[bool, Reaches(BALANCER, "internal")]
    """True where the service's name points to a load balancer that faces the internet."""
    both: bool
    """True where the other load balancer serves too, without protection, while callers move."""
    internal_token: bool
    """True where the internal load balancer requires a token."""
    public_cidrs: Annotated[
        tuple[str, ...],
        Reaches("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "cidrIpv4"),
    ]
    """Ranges that reach a public load balancer; empty for an internal one."""
    token: TokenPlan | None
    """Required tokens; null where callers need none."""
    firewall: FirewallPlan | None
    """Limits by key and address; null for an internal service."""
    longest_answer_s: Number
    """Duration of the longest answer, seconds."""
    idle_timeout_s: Annotated[int, Reaches(BALANCER, "idleTimeout")]
    paths: Annotated[
        tuple[str, ...],
        Reaches(RULE, "conditions.0.pathPattern.values"),
        Field(default=TEXT_PATHS, exclude_if=lambda paths: paths == TEXT_PATHS),
    ]
    """Paths of requests that are forwarded; left out where they are those of text. Others get
    404."""
    capacity_units: int | None
    """Load balancer capacity units at the peak; null without a peak."""
    reserved_units: Annotated[
        int | None, Reaches(BALANCER, "minimumLoadBalancerCapacity.capacityUnits")
    ]
    """Capacity units reserved without traffic; null where the balancer scales by itself."""
    certificate_arn: Annotated[str | None, Reaches(LISTENER, "certificateArn")]
    protected: Annotated[bool, Reaches(BALANCER, "enableDeletionProtection")]

    @property
    def has_public(self) -> bool:
        """True where a load balancer faces the internet."""
        return self.public or self.both

    @property
    def has_internal(self) -> bool:
        """True where a load balancer faces the network."""
        return not self.public or self.both

    def balancers(self) -> tuple[Self, ...]:
        """Return one plan for each load balancer. The service's name points to the first."""
        kinds = (self.public, not self.public) if self.both else (self.public,)
        return tuple(self._of(public=public) for public in kinds)

    def _of(self, *, public: bool) -> Self:
        asks = public or self.internal_token
        changed = {
            "public": public,
            "public_cidrs": self.public_cidrs if public else (),
            "token": self.token if asks else None,
            "firewall": self.firewall if asks else None,
            "protected": self.protected and public is self.public,
        }
        return self.model_copy(update=changed)


class GatewayPlan(BalancerPlan):
    """Load balancers in front of engines."""

    encrypted: Annotated[
        bool, Reaches(TARGETS, "protocol"), Field(default=False, exclude_if=operator.not_)
    ]
    """True where the balancer uses TLS with the engines. It accepts any certificate of theirs."""
    routing: Annotated[str, Reaches(TARGETS, "loadBalancingAlgorithmType")]
    sticky: Annotated[bool, Reaches(TARGETS, "stickiness.enabled")]
    """True where a conversation stays with its replica."""
    sticky_s: Annotated[int, Reaches(TARGETS, "stickiness.cookieDuration")]
    deregistration_delay_s: Annotated[int, Reaches(TARGETS, "deregistrationDelay")]
    health_interval_s: Annotated[int, Reaches(TARGETS, "healthCheck.interval")]
    health_timeout_s: Annotated[int, Reaches(TARGETS, "healthCheck.timeout")]
    health_checks: Annotated[
        int,
        Reaches(TARGETS, "healthCheck.unhealthyThreshold"),
        Reaches(TARGETS, "healthCheck.healthyThreshold"),
    ]
    """Consecutive checks that change a replica's state."""
    failure_detection_s: int
    """Maximum time for which a failed replica still receives requests."""


class JobGatewayPlan(BalancerPlan):
    """Load balancers in front of the function that accepts jobs."""

    content_paths: Annotated[
        tuple[str, ...],
        Reaches(RULE, "conditions.0.pathPattern.values"),
        Field(default=(), exclude_if=lambda paths: not paths),
    ]
    """Paths of requests for a result, which the function that signs addresses answers; left out
    without a content delivery network."""
