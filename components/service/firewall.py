"""The web application firewall of a load balancer: rate limits, managed rules and its log."""

from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import cloudwatch, wafv2

from components.naming import Tags
from sizing.plan.service.gateway import FirewallPlan

LOG_PREFIX = "aws-waf-logs-"
"""Required prefix of log group names. Basis: vendor, AWS WAF writes to no other groups."""
KEY_HEADER = "authorization"
"""Header with a caller's token."""
API_PATHS = "/v1/"
"""Beginning of the paths of the API; a chat page has none of them. Basis: vendor (OpenAI)."""
COOKIE_HEADER = "cookie"
"""Header with the sessions of a person on a chat page."""
BODY_RULES: dict[str, tuple[str, ...]] = {
    "AWSManagedRulesAmazonIpReputationList": (),
    "AWSManagedRulesKnownBadInputsRuleSet": (
        "JavaDeserializationRCE_BODY",
        "Log4JRCE_BODY",
        "ReactJSRCE_BODY",
    ),
    "AWSManagedRulesCommonRuleSet": (
        "CrossSiteScripting_BODY",
        "EC2MetaDataSSRF_BODY",
        "GenericLFI_BODY",
        "GenericRFI_BODY",
        "SizeRestrictions_BODY",
    ),
}
"""Managed rule groups, and their rules that read the body. These count and do not block, because
prompts are long and contain code, paths and addresses. WAF sees the first 8 KB of a body only.
Basis: vendor (AWS WAF, baseline and IP reputation rule groups, 2026-11)."""
UNIFORM_KEY = [
    {"priority": 0, "type": "COMPRESS_WHITE_SPACE"},
    {"priority": 1, "type": "LOWERCASE"},
]
"""Guard: `Bearer X` and `bearer  X` are one key; otherwise a caller would have many limits."""


@dataclass(frozen=True, kw_only=True)
class FirewallArgs:
    plan: FirewallPlan
    page_host: str | None = None
    """Host of a chat page, whose browsers have no token of the application; null without one."""
    balancer_arn: pulumi.Input[str]
    logs_key_arn: pulumi.Input[str]
    tags: Tags


class Firewall(pulumi.ComponentResource):
    """The firewall; it logs blocked and counted requests, without bodies and tokens."""

    def __init__(
        self, name: str, args: FirewallArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:Firewall", name, None, opts)
        self._name = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        rules = self._rules()
        wafv2.WebAclAssociation(
            f"{name}-association",
            resource_arn=args.balancer_arn,
            web_acl_arn=rules.arn,
            opts=self._child,
        )
        self._log(rules)
        self.register_outputs({})

    def _rules(self) -> wafv2.WebAcl:
        plan = self._args.plan
        limits = [
            _limit("requests-per-key", _per_key(plan, self._args.page_host)),
            _limit("requests-per-address", _per_address(plan)),
        ]
        groups = [_managed(group, body_rules) for group, body_rules in BODY_RULES.items()]
        rules: list[Any] = [
            {**rule, "priority": index} for index, rule in enumerate([*limits, *groups])
        ]
        return wafv2.WebAcl(
            f"{self._name}-rules",
            scope="REGIONAL",
            default_action={"allow": {}},
            rules=rules,
            visibility_config=_visible(self._name),
            data_protection_config={
                "data_protections": [
                    {"action": "SUBSTITUTION", "field": {"field_type": "BODY"}},
                    {
                        "action": "HASH",
                        "field": {
                            "field_type": "SINGLE_HEADER",
                            "field_keys": self._secret_headers,
                        },
                    },
                ]
            },
            tags=self._args.tags.named(f"{self._name}-rules"),
            opts=self._child,
        )

    @property
    def _secret_headers(self) -> list[str]:
        """Headers that say who a caller is: a chat page has cookies too."""
        return [KEY_HEADER, *([] if self._args.page_host is None else [COOKIE_HEADER])]

    def _log(self, rules: wafv2.WebAcl) -> None:
        group = cloudwatch.LogGroup(
            f"{self._name}-group",
            name_prefix=f"{LOG_PREFIX}{self._name}-",
            retention_in_days=self._args.plan.log_days,
            kms_key_id=self._args.logs_key_arn,
            tags=self._args.tags.named(f"{self._name}-group"),
            opts=self._child,
        )
        wafv2.WebAclLoggingConfiguration(
            f"{self._name}-log",
            resource_arn=rules.arn,
            log_destination_configs=[group.arn],
            redacted_fields=[{"single_header": {"name": name}} for name in self._secret_headers],
            logging_filter={
                "default_behavior": "DROP",
                "filters": [
                    {
                        "behavior": "KEEP",
                        "requirement": "MEETS_ANY",
                        "conditions": [
                            {"action_condition": {"action": action}}
                            for action in ("BLOCK", "COUNT")
                        ],
                    }
                ],
            },
            opts=self._child,
        )


def _visible(metric: str) -> wafv2.WebAclVisibilityConfigArgsDict:
    """Metrics of a rule, without samples.

    Guard: samples would show whole requests, tokens included, in the console.
    """
    return {
        "cloudwatch_metrics_enabled": True,
        "metric_name": metric,
        "sampled_requests_enabled": False,
    }


def _limit(name: str, statement: dict[str, Any]) -> dict[str, Any]:
    """Rule that answers 429 to requests above the limit."""
    return {
        "name": name,
        "action": {"block": {"custom_response": {"response_code": 429}}},
        "statement": {"rate_based_statement": statement},
        "visibility_config": _visible(name),
    }


def _per_key(plan: FirewallPlan, page_host: str | None) -> dict[str, Any]:
    """Statement that counts by token; it does not count requests without one, nor a chat page's."""
    header = {"name": KEY_HEADER, "text_transformations": UNIFORM_KEY}
    others = {} if page_host is None else {"scope_down_statement": _not_for(page_host)}
    return {
        **others,
        "limit": plan.requests_per_key,
        "evaluation_window_sec": plan.window_s,
        "aggregate_key_type": "CUSTOM_KEYS",
        "custom_keys": [{"header": header}],
    }


def _not_for(host: str) -> dict[str, Any]:
    """Statement that is true for requests for another host, and for all to the paths of the API.

    Guard: the load balancer forwards those paths under any host name.
    """
    match = {
        "search_string": host,
        "field_to_match": {"single_header": {"name": "host"}},
        "positional_constraint": "EXACTLY",
        "text_transformations": [{"priority": 0, "type": "LOWERCASE"}],
    }
    api = {
        "search_string": API_PATHS,
        "field_to_match": {"uri_path": {}},
        "positional_constraint": "STARTS_WITH",
        "text_transformations": [{"priority": 0, "type": "NONE"}],
    }
    elsewhere = {"not_statement": {"statement": {"byte_match_statement": match}}}
    return {"or_statement": {"statements": [elsewhere, {"byte_match_statement": api}]}}


def _per_address(plan: FirewallPlan) -> dict[str, Any]:
    """Statement that counts all requests: invented or no tokens do not raise the limit."""
    return {
        "limit": plan.requests_per_address,
        "evaluation_window_sec": plan.window_s,
        "aggregate_key_type": "IP",
    }


def _managed(group: str, body_rules: tuple[str, ...]) -> dict[str, Any]:
    """Rule group that blocks, except for the rules that read the body."""
    statement: dict[str, Any] = {"vendor_name": "AWS", "name": group}
    if body_rules:
        statement["rule_action_overrides"] = [
            {"name": rule, "action_to_use": {"count": {}}} for rule in body_rules
        ]
    return {
        "name": group,
        "override_action": {"none": {}},
        "statement": {"managed_rule_group_statement": statement},
        "visibility_config": _visible(group),
    }
