"""Event rules and a queue for the notices that AWS sends before an instance ends."""

import pulumi
from pulumi_aws import cloudwatch, sqs

from components.naming import Tags
from components.policy import policy

KEPT_S = 300
"""Seconds that a notice is kept; older ones are useless. Basis: vendor (Karpenter's template)."""
NOTICES = {
    "health": ("aws.health", "AWS Health Event"),
    "spot": ("aws.ec2", "EC2 Spot Instance Interruption Warning"),
    "state": ("aws.ec2", "EC2 Instance State-change Notification"),
}
"""Source and type of the events that the rules forward.

Guard: rebalance recommendations are absent: Karpenter would cordon a node for them, never drain
it."""


class Interruptions(pulumi.ComponentResource):
    """The queue, which is encrypted and accepts messages from its own rules only."""

    queue_name: pulumi.Output[str]
    queue_arn: pulumi.Output[str]

    def __init__(self, name: str, tags: Tags, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("sizewright:index:Interruptions", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        queue = sqs.Queue(
            f"{name}-queue",
            message_retention_seconds=KEPT_S,
            sqs_managed_sse_enabled=True,
            tags=tags.named(f"{name}-queue"),
            opts=child,
        )
        self.queue_name, self.queue_arn = queue.name, queue.arn
        rules = [self._rule(f"{name}-{kind}", *NOTICES[kind], tags) for kind in NOTICES]
        access = sqs.QueuePolicy(
            f"{name}-access",
            queue_url=queue.url,
            policy=_from(queue.arn, [rule.arn for rule in rules]),
            opts=child,
        )
        for kind, rule in zip(NOTICES, rules, strict=True):
            cloudwatch.EventTarget(
                f"{name}-{kind}-target",
                rule=rule.name,
                arn=queue.arn,
                opts=pulumi.ResourceOptions(parent=self, depends_on=[access]),
            )
        self.register_outputs({"queue_name": self.queue_name})

    def _rule(self, name: str, source: str, detail_type: str, tags: Tags) -> cloudwatch.EventRule:
        return cloudwatch.EventRule(
            name,
            description=f"{detail_type}s, for the node autoscaler",
            event_pattern=pulumi.Output.json_dumps(
                {"source": [source], "detail-type": [detail_type]}
            ),
            tags=tags.named(name),
            opts=pulumi.ResourceOptions(parent=self),
        )


def _from(queue_arn: pulumi.Output[str], rule_arns: list[pulumi.Output[str]]) -> pulumi.Output[str]:
    """Queue policy that accepts messages from these rules over TLS."""
    return policy(
        {
            "Sid": "Rules",
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue_arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": rule_arns}},
        },
        {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sqs:*",
            "Resource": queue_arn,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    )
