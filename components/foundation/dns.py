"""DNS names of the services in a hosted zone, and the certificate that the zone validates."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import acm, route53

from components.naming import Tags
from sizing.plan.stack.network import CreatedZonePlan, DnsPlan

PROOF_TTL_S = 300
DELEGATION_TTL_S = 3600
"""Time to live in seconds. Basis: assumed; a delegation rarely changes, a proof may."""


@dataclass(frozen=True, kw_only=True)
class DnsArgs:
    plan: DnsPlan
    tags: Tags


class Dns(pulumi.ComponentResource):
    """A hosted zone where planned, and its certificate; dependents wait until it is issued."""

    zone_id: pulumi.Input[str]
    name_servers: pulumi.Output[Sequence[str]] | None
    """Name servers of the created zone, for a delegation by hand."""
    certificate_arn: pulumi.Output[str] | None

    def __init__(
        self, name: str, args: DnsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:Dns", name, None, opts)
        self._name = name
        self._tags = args.tags
        self._child = pulumi.ResourceOptions(parent=self)
        self.name_servers = None
        delegation = list[pulumi.Resource]()
        if args.plan.used is not None:
            self.zone_id = args.plan.used.zone_id
        if args.plan.created is not None:
            delegation = self._make_zone(args.plan.created)
        domain = args.plan.certificate_domain
        self.certificate_arn = None if domain is None else self._certificate(domain, delegation)
        self.register_outputs({})

    def _make_zone(self, plan: CreatedZonePlan) -> list[pulumi.Resource]:
        """Create the zone, and return the records that delegate to it from its parent."""
        name = f"{self._name}-zone"
        zone = route53.Zone(
            name,
            name=plan.domain,
            comment="Names of the services",
            tags=self._tags.named(name),
            opts=pulumi.ResourceOptions(parent=self, protect=plan.protected),
        )
        self.zone_id, self.name_servers = zone.zone_id, zone.name_servers
        if plan.parent_zone_id is None:
            return []
        delegation = route53.Record(
            f"{self._name}-delegation",
            zone_id=plan.parent_zone_id,
            name=plan.domain,
            type=route53.RecordType.NS,
            ttl=DELEGATION_TTL_S,
            records=zone.name_servers,
            opts=self._child,
        )
        return [delegation]

    def _certificate(self, domain: str, delegation: list[pulumi.Resource]) -> pulumi.Output[str]:
        """ARN of an issued certificate for one domain, hence with one validation record."""
        name = f"{self._name}-certificate"
        certificate = acm.Certificate(
            name,
            domain_name=domain,
            validation_method="DNS",
            tags=self._tags.named(name),
            opts=self._child,
        )
        proof = certificate.domain_validation_options[0]
        record = route53.Record(
            f"{self._name}-proof",
            zone_id=self.zone_id,
            name=proof.resource_record_name,
            type=proof.resource_record_type,
            ttl=PROOF_TTL_S,
            records=[proof.resource_record_value],
            opts=self._child,
        )
        issued = acm.CertificateValidation(
            f"{self._name}-issued",
            certificate_arn=certificate.arn,
            validation_record_fqdns=[record.fqdn],
            opts=pulumi.ResourceOptions(parent=self, depends_on=delegation),
        )
        return issued.certificate_arn


def balancer_name(
    name: str,
    *,
    host: str,
    zone_id: pulumi.Input[str],
    balancer_dns_name: pulumi.Input[str],
    balancer_zone_id: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> route53.Record:
    """Alias record of a load balancer, which follows its addresses."""
    return route53.Record(
        name,
        zone_id=zone_id,
        name=host,
        type=route53.RecordType.A,
        aliases=[
            {
                "name": balancer_dns_name,
                "zone_id": balancer_zone_id,
                "evaluate_target_health": True,
            }
        ],
        opts=opts,
    )
