"""The function that redirects the owner of a result to a signed address."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from components.naming import Tags
from components.policy import allow
from components.service.delivery.cdn import Cdn
from components.service.jobs.handler import HandlerArgs, create_handler
from components.service.jobs.table import Table
from sizing.plan.stack.cluster import RolesPlan
from templates.programs import JOB_CONTENT, node_programs

HANDLER = "job_content.handler"


@dataclass(frozen=True, kw_only=True)
class LinkFunctionArgs:
    cdn: Cdn
    variants: str
    """Names of the variants of each result, as JSON."""
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
        handler = HandlerArgs(
            plan=args.cdn.link,
            description="Signs addresses of results",
            programs=node_programs(JOB_CONTENT),
            handler=HANDLER,
            rights=tuple(_rights(args)),
            variables=_variables(args),
            logs_key_arn=args.logs_key_arn,
            roles=args.roles,
            partition=args.partition,
            tags=args.tags,
        )
        made = create_handler(name, handler, self)
        self.name, self.arn = made.name, made.arn
        self.register_outputs({"name": self.name})


def _variables(args: LinkFunctionArgs) -> dict[str, pulumi.Input[str]]:
    plan = args.cdn.link
    return {
        "TABLE": args.table.name,
        "KIND": plan.kind,
        "DOMAIN": args.cdn.domain,
        "KEY_PAIR_ID": args.cdn.key_pair_id,
        "SECRET_ARN": plan.secret_arn,
        "URL_S": str(plan.url_s),
        "ISSUER": plan.issuer,
        "VARIANTS": args.variants,
    }


def _rights(args: LinkFunctionArgs) -> Iterator[Mapping[str, Any]]:
    """Statements of the function's role: it reads rows and one secret, and no object."""
    plan = args.cdn.link
    yield allow("dynamodb:GetItem", args.table.arn)
    yield allow("secretsmanager:GetSecretValue", plan.secret_arn)
    yield allow(["kms:Decrypt", "kms:DescribeKey"], args.table_key_arn)
    if plan.secret_key_arn is not None:
        yield allow("kms:Decrypt", plan.secret_key_arn)
