"""Names of the services in a used or created zone, and the certificate that it validates."""

from typing import Any

import pytest

from components.foundation.dns import Dns, DnsArgs
from components.naming import Tags
from sizewright.record import Recorded
from sizing.catalog import load_catalog
from sizing.plan.stack.network import CreatedZonePlan, DnsPlan, UsedZonePlan
from sizing.plan.whole import Plan
from sizing.site import Site
from sizing.size import size
from sizing.stack.names import dns_plan
from sizing.workload import Workload
from tests.components import stacks
from tests.components.plans import CHAT, SEARCH, site
from tests.components.recording import before, children, named, of_type, recorded

USED = DnsPlan(
    used=UsedZonePlan(zone_id="Z1"),
    created=None,
    hosts={"chat": "chat.ai.example.com"},
    certificate_domain="*.ai.example.com",
)
CREATED = USED.model_copy(
    update={
        "used": None,
        "created": CreatedZonePlan(domain="ai.example.com", parent_zone_id="Z2", protected=True),
    }
)


def dns(plan: DnsPlan, preview: bool = False) -> Recorded:
    return recorded(lambda: Dns("d", DnsArgs(plan=plan, tags=Tags.of_site(site("prod")))), preview)


def stack(**changes: Any) -> tuple[Plan, Recorded]:
    other = Site.model_validate(site("prod").model_dump(mode="json") | changes)
    plan = size([Workload.model_validate(w) for w in (CHAT, SEARCH)], other, load_catalog())
    return plan, stacks.stack(plan)


def test_a_used_zone_gets_the_proof_only(preview: bool) -> None:
    assert children(dns(USED, preview), "d") == [
        "Certificate d-certificate",
        "CertificateValidation d-issued",
        "Record d-proof",
    ]


def test_a_created_zone_is_delegated_to_and_kept(preview: bool) -> None:
    recording = dns(CREATED, preview)
    zone = named(recording, "d-zone")
    assert zone.protect
    assert zone.inputs["name"] == "ai.example.com"
    delegation = named(recording, "d-delegation").inputs
    assert (delegation["zoneId"], delegation["name"], delegation["type"]) == (
        "Z2",
        "ai.example.com",
        "NS",
    )
    issued = before(recording, named(recording, "d-issued"))
    assert "aws:route53/record:Record::d-delegation" in issued, "else it waits in vain"


def test_without_a_parent_nothing_delegates() -> None:
    created = CREATED.created
    assert created is not None
    alone = created.model_copy(update={"parent_zone_id": None})
    recording = dns(CREATED.model_copy(update={"created": alone}))
    assert [r.name for r in of_type(recording, "record:Record")] == ["d-proof"]


def test_the_proof_is_what_the_certificate_asks_for() -> None:
    recording = dns(USED)
    certificate = "aws:acm/certificate:Certificate::d-certificate"
    requested = "domainValidationOptions[0].resourceRecord"
    assert named(recording, "d-proof").inputs == {
        "name": {"$ref": certificate, "property": f"{requested}Name"},
        "records": [{"$ref": certificate, "property": f"{requested}Value"}],
        "ttl": 300,
        "type": {"$ref": certificate, "property": f"{requested}Type"},
        "zoneId": "Z1",
    }
    assert named(recording, "d-certificate").inputs["validationMethod"] == "DNS"


def test_each_service_has_its_name_and_an_issued_certificate() -> None:
    plan, recording = stack(
        certificate_arn=None, dns={"use": {"zone_id": "Z1", "domain": "ai.example.com"}}
    )
    assert plan.dns is not None
    for service in ("chat", "search"):
        balancer = f"aws:lb/loadBalancer:LoadBalancer::sw-{service}-gateway-balancer"
        assert named(recording, f"sw-{service}-host").inputs == {
            "aliases": [
                {
                    "evaluateTargetHealth": True,
                    "name": {"$ref": balancer, "property": "dnsName"},
                    "zoneId": {"$ref": balancer, "property": "zoneId"},
                }
            ],
            "name": f"{service}.ai.example.com",
            "type": "A",
            "zoneId": "Z1",
        }
        listener = named(recording, f"sw-{service}-gateway-https")
        issued = "aws:acm/certificateValidation:CertificateValidation::sw-dns-issued"
        assert issued in before(recording, listener), "a listener takes no pending certificate"
    outputs: Any = recording.outputs
    assert outputs["services"]["chat"]["host"] == "chat.ai.example.com"


def test_the_sites_own_certificate_is_used_under_its_names() -> None:
    arn = site("prod").certificate_arn
    plan, recording = stack(dns={"use": {"zone_id": "Z1", "domain": "ai.example.com"}})
    assert plan.dns is not None and plan.dns.certificate_domain is None
    assert of_type(recording, "acm/") == []
    assert named(recording, "sw-chat-gateway-https").inputs["certificateArn"] == arn
    assert named(recording, "sw-chat-host")


def test_the_name_servers_are_an_output_for_delegation_by_hand() -> None:
    _, recording = stack(certificate_arn=None, dns={"create": {"domain": "ai.example.com"}})
    assert "name_servers" in recording.outputs


def test_without_gateways_there_is_no_certificate() -> None:
    other = Site.model_validate(
        site("prod").model_dump(mode="json")
        | {"certificate_arn": None, "dns": {"create": {"domain": "ai.example.com"}}}
    )
    plan = dns_plan(other, [])
    assert plan is not None
    assert (plan.hosts, plan.certificate_domain) == ({}, None)


@pytest.mark.parametrize("both", [{}, {"use": {"zone_id": "Z1", "domain": "a.example.com"}}])
def test_a_zone_is_used_or_created(both: dict[str, Any]) -> None:
    given = both | ({"create": {"domain": "a.example.com"}} if both else {})
    with pytest.raises(ValueError, match="says both or neither"):
        Site.model_validate(site("prod").model_dump(mode="json") | {"dns": given})
