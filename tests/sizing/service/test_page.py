"""How a chat page is sized, and what it needs of the stack file."""

import itertools
from pathlib import Path
from typing import Any

import pytest

from sizewright.reading.input_error import InputError
from sizewright.reading.stack.buildable import page_secret
from sizewright.reading.stack.site_file import read_site
from sizing.explain import explain_all
from sizing.plan.service.application.page import PagePlan
from sizing.values.field_error import StackFieldError
from sizing.workload import Workload
from tests.components.plans import CHAT, PAGED, applied_plan, paged_plan, paged_site

ROOT = Path(__file__).parents[3]
STACK = ROOT / "stacks" / "Pulumi.team-chat.yaml"


def page(**changes: object) -> PagePlan:
    found = paged_plan(**changes).services[0].page
    assert found is not None
    return found


def test_the_numbers_of_a_page() -> None:
    """11.57 questions/s x (0.339 + 0.000825 x 400) CPU s / 0.6 = 12.9 pods, and a zone more."""
    found = page()
    assert found.cpu_s_per_request == pytest.approx(0.669)
    assert (found.pods_needed, found.pods_total) == (13, 20)
    assert found.turn_bytes == 2_240 + 28 * 1_200
    assert found.writes_per_s == pytest.approx(11.574 * 61 + 1_000_000 / 21_600, rel=1e-4)
    assert found.database is not None
    assert found.database.stored_bytes == 1_000_000 * 365 * found.turn_bytes
    assert (found.database.min_acu, found.database.instances) == (2, 2)


def test_more_people_never_need_less() -> None:
    users = [20_000, 100_000, 200_000]
    traffic = [CHAT["traffic"] | {"daily_users": count} for count in users]
    pages = [page(traffic=each) for each in traffic]
    for less, more in itertools.pairwise(pages):
        assert less.pods_total <= more.pods_total and less.writes_per_s < more.writes_per_s


def test_a_page_adds_nodes_addresses_and_a_database_and_no_gpu() -> None:
    plain, paged = applied_plan(application={"api": "ogx"}), paged_plan()
    assert plain.services[0].pool == paged.services[0].pool
    nodes = [plan.application_nodes for plan in (plain, paged)]
    assert nodes[0] is not None and nodes[1] is not None
    assert nodes[1].nodes_total == nodes[0].nodes_total + page().pods_total
    assert [plan.services[0].databases for plan in (plain, paged)] == [1, 2]
    counted = [plan.network.zones[0].addresses.databases for plan in (plain, paged)]
    assert counted[1] == 2 * counted[0]


def test_every_number_explains_itself() -> None:
    for each in explain_all(paged_plan()):
        if "/page/" in each.pointer and each.arithmetic:
            assert each.numbers and each.meaning


def test_calls_of_browsers_count_for_their_address_and_for_no_key() -> None:
    access = PAGED["access"] | {"public": True, "requests_per_key_per_min": 60}
    firewalls = [
        plan.services[0].gateway and plan.services[0].gateway.firewall
        for plan in (
            paged_plan(access=access),
            paged_plan(access=access, application={"api": "ogx"}),
        )
    ]
    paged, plain = firewalls
    assert paged is not None and plain is not None
    assert paged.requests_per_key == plain.requests_per_key
    assert paged.requests_per_address == pytest.approx(13 * plain.requests_per_address, rel=0.01)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"page_client": None}, "no client by which people sign in"),
        ({"dns": None}, "no host name"),
        (
            {"region": "cn-north-1", "zones": ("cnn1-az1", "cnn1-az2", "cnn1-az3")},
            "no address of the public keys of load balancers in cn-north-1",
        ),
    ],
)
def test_a_site_without_its_part_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(StackFieldError, match=message):
        paged_plan(site=paged_site(**changes))


def test_a_page_is_of_a_chat_with_an_application() -> None:
    with pytest.raises(ValueError, match="text has no conversations of people"):
        Workload.model_validate(PAGED | {"kind": "text"})
    with pytest.raises(ValueError, match="api: none has no application"):
        Workload.model_validate(PAGED | {"application": {"api": "none", "ui": "open-webui"}})


def test_the_secret_of_the_client_is_encrypted_and_stated(tmp_path: Path) -> None:
    text = STACK.read_text(encoding="utf-8")
    plain = tmp_path / "Pulumi.plain.yaml"
    plain.write_text(text.replace("{secure: v1:ZXhhbXBsZQ==:ZXhhbXBsZQ==}", "hunter2"))
    with pytest.raises(InputError, match="is not encrypted") as refused:
        read_site(plain)
    assert "hunter2" not in str(refused.value)
    site = read_site(STACK)
    page_secret(site, paged_plan(), stated=True)
    with pytest.raises(InputError, match="page_client_secret: missing"):
        page_secret(site, paged_plan(), stated=False)
    page_secret(site, applied_plan(), stated=False)
