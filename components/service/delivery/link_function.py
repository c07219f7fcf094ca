"""The function that redirects the owner of a result to a signed address."""

from dataclasses import dataclass

import pulumi
from pulumi_aws import cloudwatch, lambda_

from components.identity import Identity, IdentityArgs
from components.naming import Tags
from components.policy import allow, policy
from components.service.delivery.cdn import Cdn
from components.service.jobs.function import ARCHITECTURE, archive
from components.service.jobs.table import Table
from sizing.plan.stack.cluster import RolesPlan
from templates.programs import JOB_CONTENT, node_programs

HANDLER = "job_content.handler"


@dataclass(frozen=True, kw_only=True)
class LinkFunctionArgs:
    cdn: Cdn
    table: Table
    table_key_arn: pulumi.Input[str]
    logs_key_arn: pulumi.Input[str]
    roles: RolesPlan
    partition: str
    tags: Tags


class LinkFunction(pulumi.ComponentResource):
    """The function. It reads the private key itself: neither plan nor state contains it."""

    name: pulumi.Output[str]
    arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: LinkFunctionArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:LinkFunction", name, None, opts)
        self._name = name
        self._args = args
        logs = self._logs()
        made = self._function(logs, self._identity(logs))
        self.name, self.arn = made.name, made.arn
        self.register_outputs({"name": self.name})

    def _logs(self) -> cloudwatch.LogGroup:
        name = f"{self._name}-logs"
        return cloudwatch.LogGroup(
            name,
            retention_in_days=self._args.cdn.link.log_days,
            kms_key_id=self._args.logs_key_arn,
            tags=self._args.tags.named(name),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _identity(self, logs: cloudwatch.LogGroup) -> Identity:
        args = self._args
        return Identity(
            f"{self._name}-identity",
            IdentityArgs(
                trusted_service="lambda.amazonaws.com",
                policy=_rights(args, logs),
                roles=args.roles,
                partition=args.partition,
                tags=args.tags,
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _function(self, logs: cloudwatch.LogGroup, identity: Identity) -> lambda_.Function:
        args, plan, name = self._args, self._args.cdn.link, f"{self._name}-handler"
        return lambda_.Function(
            name,
            description="Signs addresses of results",
            code=archive(node_programs(JOB_CONTENT)),
            handler=HANDLER,
            runtime=plan.runtime,
            architectures=[ARCHITECTURE],
            memory_size=plan.memory_mib,
            timeout=plan.timeout_s,
            role=identity.arn,
            environment={
                "variables": {
                    "TABLE": args.table.name,
                    "KIND": plan.kind,
                    "DOMAIN": args.cdn.domain,
                    "KEY_PAIR_ID": args.cdn.key_pair_id,
                    "SECRET_ARN": plan.secret_arn,
                    "URL_S": str(plan.url_s),
                    "ISSUER": plan.issuer,
                }
            },
            logging_config={"log_format": "JSON", "log_group": logs.name},
            tags=args.tags.named(name),
            opts=pulumi.ResourceOptions(parent=self, depends_on=identity.grants),
        )


def _rights(args: LinkFunctionArgs, logs: cloudwatch.LogGroup) -> pulumi.Output[str]:
    """Policy of the function's role: it reads rows and one secret, and no object."""
    plan, own_logs = args.cdn.link, pulumi.Output.concat(logs.arn, ":*")
    secret_key = plan.secret_key_arn
    return policy(
        allow("dynamodb:GetItem", args.table.arn),
        allow("secretsmanager:GetSecretValue", plan.secret_arn),
        allow(["kms:Decrypt", "kms:DescribeKey"], args.table_key_arn),
        *([] if secret_key is None else [allow("kms:Decrypt", secret_key)]),
        allow(["logs:CreateLogStream", "logs:PutLogEvents"], own_logs),
    )
