from components.naming import Tags
from components.service.firewall import Firewall, FirewallArgs
from sizewright.record import Recorded
from sizing.plan.service.gateway import FirewallPlan
from tests.components.plans import site
from tests.components.recording import children, named, recorded

PLAN = FirewallPlan(
    requests_per_key=20,
    window_s=120,
    binding="tokens",
    requests_by_limit={"tokens": 20},
    tokens_per_key=40_000,
    requests_per_address=2_000,
    log_days=365,
)


def firewall(preview: bool) -> Recorded:
    args = FirewallArgs(
        plan=PLAN,
        balancer_arn="arn:balancer",
        logs_key_arn="arn:key",
        tags=Tags.of_site(site("prod")).of_service("chat"),
    )
    return recorded(lambda: Firewall("w", args), preview)


def test_children(preview: bool) -> None:
    assert children(firewall(preview), "w") == [
        "LogGroup w-group",
        "WebAcl w-rules",
        "WebAclAssociation w-association",
        "WebAclLoggingConfiguration w-log",
    ]


def test_each_key_and_each_address_has_its_limit(preview: bool) -> None:
    per_key, per_address, *_ = named(firewall(preview), "w-rules").inputs["rules"]
    blocked = {"block": {"customResponse": {"responseCode": 429}}}
    assert per_key["action"] == per_address["action"] == blocked
    assert per_key["statement"]["rateBasedStatement"] == {
        "limit": 20,
        "evaluationWindowSec": 120,
        "aggregateKeyType": "CUSTOM_KEYS",
        "customKeys": [
            {
                "header": {
                    "name": "authorization",
                    "textTransformations": [
                        {"priority": 0, "type": "COMPRESS_WHITE_SPACE"},
                        {"priority": 1, "type": "LOWERCASE"},
                    ],
                }
            }
        ],
    }
    assert per_address["statement"]["rateBasedStatement"] == {
        "limit": 2_000,
        "evaluationWindowSec": 120,
        "aggregateKeyType": "IP",
    }


def test_rules_that_read_the_body_count_and_the_others_block(preview: bool) -> None:
    _, _, *groups = named(firewall(preview), "w-rules").inputs["rules"]
    counted = {}
    for rule in groups:
        assert rule["overrideAction"] == {"none": {}}, "a group that only counts guards nothing"
        statement = rule["statement"]["managedRuleGroupStatement"]
        overrides = statement.get("ruleActionOverrides", [])
        assert all(o["actionToUse"] == {"count": {}} for o in overrides)
        counted[statement["name"]] = {o["name"] for o in overrides}
    assert set(counted) == {
        "AWSManagedRulesAmazonIpReputationList",
        "AWSManagedRulesCommonRuleSet",
        "AWSManagedRulesKnownBadInputsRuleSet",
    }
    assert counted["AWSManagedRulesCommonRuleSet"] >= {
        "SizeRestrictions_BODY",
        "CrossSiteScripting_BODY",
    }
    assert all(name.endswith("_BODY") for names in counted.values() for name in names)


def test_priorities_are_distinct_and_limits_come_first(preview: bool) -> None:
    rules = named(firewall(preview), "w-rules").inputs["rules"]
    assert [rule["priority"] for rule in rules] == [0, 1, 2, 3, 4]
    assert len({rule["name"] for rule in rules}) == 5


def test_neither_bodies_nor_tokens_are_kept(preview: bool) -> None:
    recording = firewall(preview)
    rules = named(recording, "w-rules").inputs
    assert rules["dataProtectionConfig"]["dataProtections"] == [
        {"action": "SUBSTITUTION", "field": {"fieldType": "BODY"}},
        {
            "action": "HASH",
            "field": {"fieldType": "SINGLE_HEADER", "fieldKeys": ["authorization"]},
        },
    ]
    shown = [rules["visibilityConfig"], *(rule["visibilityConfig"] for rule in rules["rules"])]
    assert not any(config["sampledRequestsEnabled"] for config in shown)
    log = named(recording, "w-log").inputs
    assert log["redactedFields"] == [{"singleHeader": {"name": "authorization"}}]


def test_what_is_blocked_or_counted_is_logged_encrypted(preview: bool) -> None:
    recording = firewall(preview)
    group = named(recording, "w-group").inputs
    assert group["namePrefix"] == "aws-waf-logs-w-", "WAF writes to no other"
    assert (group["kmsKeyId"], group["retentionInDays"]) == ("arn:key", 365)
    kept = named(recording, "w-log").inputs["loggingFilter"]
    assert kept["defaultBehavior"] == "DROP"
    (rule,) = kept["filters"]
    assert rule["behavior"] == "KEEP"
    assert [c["actionCondition"]["action"] for c in rule["conditions"]] == ["BLOCK", "COUNT"]


def test_it_protects_the_load_balancer(preview: bool) -> None:
    recording = firewall(preview)
    assert named(recording, "w-rules").inputs["scope"] == "REGIONAL"
    assert named(recording, "w-association").inputs["resourceArn"] == "arn:balancer"
