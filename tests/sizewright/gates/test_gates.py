"""Each gate over a plan can pass and can fail."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from sizewright.gates import gates
from sizewright.gates.node_updates import node_updates
from sizewright.reading.stack.plan import plan_of
from sizewright.reading.stack.site_file import read_site
from sizewright.reading.stack.workload_file import WorkloadFile, read_workload
from sizing.catalog import Catalog, load_catalog
from sizing.locks.workload_lock import Lock
from sizing.plan.whole import Plan
from tests.sizewright.conftest import INFEASIBLE, ROOT, UNTIMED

CATALOG = load_catalog()
NO_ACCOUNT = ('  sizewright:account_ids: ["111122223333"]\n', "")


def _read(path: Path, lock: Lock | None = None) -> WorkloadFile:
    return replace(read_workload(path, CATALOG), lock=lock)


def _plan(*files: WorkloadFile) -> Plan:
    return plan_of(files, read_site(ROOT / "Pulumi.dev.yaml"), CATALOG)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return _plan(_read(ROOT / "tests/workloads/chat.yaml"))


def _with_nodes(plan: Plan, nodes: int, zone: str = "use1-az1") -> Plan:
    pool = plan.pools[0].model_copy(update={"nodes_by_zone": {zone: nodes}})
    return plan.model_copy(update={"pools": (pool,)})


def test_feasible(plan: Plan, chat: Callable[..., Path]) -> None:
    assert gates.feasible(plan).passed is True
    assert gates.feasible(_plan(_read(chat(INFEASIBLE)))).passed is False
    assert gates.feasible(_plan(_read(UNTIMED))).passed is None


def test_one_cluster(plan: Plan, chat: Callable[..., Path]) -> None:
    assert gates.one_cluster(plan).passed is True
    many = gates.one_cluster(_plan(_read(chat(("100_000", "250_000_000")))))
    assert many.passed is False and many.remedy is not None
    assert "of at most 450 a node group" in many.detail
    assert gates.one_cluster(_plan(_read(chat(INFEASIBLE)))).passed is None


@pytest.mark.parametrize(("groups", "passed"), [(1, True), (30, True), (31, False)])
def test_node_groups(plan: Plan, groups: int, passed: bool) -> None:
    cluster = plan.cluster.model_copy(update={"node_groups": groups})
    gate = gates.node_groups(plan.model_copy(update={"cluster": cluster}))
    assert (gate.passed, gate.detail) == (passed, f"{groups} of at most 30")


@pytest.mark.parametrize(("nodes", "passed"), [(1, True), (450, True), (451, False)])
def test_nodes_per_group(plan: Plan, nodes: int, passed: bool) -> None:
    assert gates.nodes_per_group(_with_nodes(plan, nodes)).passed is passed


def test_nodes_per_group_counts_the_system_nodes(plan: Plan) -> None:
    system = plan.system.model_copy(update={"nodes_total": 451})
    gate = gates.nodes_per_group(plan.model_copy(update={"system": system}))
    assert (gate.passed, gate.detail) == (False, "451 of at most 450 (system)")


def test_sold(plan: Plan) -> None:
    assert gates.sold(plan, CATALOG).passed is True
    gate = gates.sold(_with_nodes(plan, 1, "use1-az3"), CATALOG)
    assert (gate.passed, gate.detail) == (False, "not sold: g6.xlarge in use1-az3")


def test_sold_is_not_judged_without_zone_data(plan: Plan) -> None:
    class Unknown(Catalog):
        def zones_selling(self, instance_type_name: str, region: str) -> None:
            return None

    unknown = Unknown.model_construct(**dict(CATALOG))
    assert gates.sold(plan, unknown).passed is None


@pytest.mark.parametrize(("needed", "passed"), [(8_187, True), (8_188, False)])
def test_subnet_addresses(plan: Plan, needed: int, passed: bool) -> None:
    first, *others = plan.network.subnets
    full = first.model_copy(
        update={"addresses": first.addresses.model_copy(update={"needed": needed})}
    )
    network = plan.network.model_copy(update={"subnets": (full, *others)})
    gate = gates.addresses(plan.model_copy(update={"network": network}))
    assert (gate.passed, gate.detail) == (
        passed,
        f"{needed:,} of 8,187 in use1-az1, 30 % spare included",
    )


@pytest.mark.parametrize(("nats", "passed"), [(0, True), (5, True), (6, None)])
def test_elastic_ips(plan: Plan, nats: int, passed: bool | None) -> None:
    subnet = plan.network.subnets[0].model_copy(update={"nat": True})
    network = plan.network.model_copy(update={"subnets": (subnet,) * nats})
    assert gates.elastic_ips(plan.model_copy(update={"network": network})).passed is passed


def test_vcpus_name_the_quota_and_judge_nothing(plan: Plan) -> None:
    gate, *_ = gates.vcpus(plan, CATALOG)
    assert gate.passed is None
    assert gate.detail == "60 vCPUs of 'Running On-Demand G and VT instances'"
    assert gate.source == "EC2 quota L-DB2E81BA"


def test_quota_and_addresses_count_the_burst(plan: Plan, chat: Callable[..., Path]) -> None:
    """8 more nodes of 4 vCPUs, and room for all of them in each zone."""
    grown = _plan(_read(chat(("load: mean", "load: mean, burst_gpus: 8"))))
    gate, *_ = gates.vcpus(grown, CATALOG)
    assert gate.detail == "92 vCPUs of 'Running On-Demand G and VT instances'"
    floor, burst = (gates.addresses(each).detail.split()[0] for each in (plan, grown))
    assert int(burst.replace(",", "")) > int(floor.replace(",", ""))
    assert gates.node_groups(grown).detail == gates.node_groups(plan).detail


@pytest.mark.parametrize(
    ("as_of", "passed"),
    [(None, None), (date(2027, 3, 27), True), (date(2027, 3, 28), False)],
)
def test_kubernetes_support(plan: Plan, as_of: date | None, passed: bool | None) -> None:
    gate = gates.kubernetes_support(plan, as_of)
    assert gate.passed is passed
    assert ("skipped without --as-of" in gate.detail) is (as_of is None)


def test_kubernetes_support_is_not_judged_without_an_end(plan: Plan) -> None:
    cluster = plan.cluster.model_copy(update={"end_of_support": "unknown"})
    unknown = plan.model_copy(update={"cluster": cluster})
    assert gates.kubernetes_support(unknown, date(2026, 11, 21)).passed is None


@pytest.mark.parametrize(
    ("release", "as_of", "passed"),
    [
        ("1.35.0-20260823", date(2026, 11, 21), True),
        ("1.35.0-20260822", date(2026, 11, 21), False),
        ("1.35.0-20260822", None, None),
        (None, date(2026, 11, 21), None),
    ],
)
def test_ami_release(
    plan: Plan, release: str | None, as_of: date | None, passed: bool | None
) -> None:
    pools = tuple(pool.model_copy(update={"ami_release": release}) for pool in plan.pools)
    assert gates.ami_release(plan.model_copy(update={"pools": pools}), as_of).passed is passed


def _lock_gate(path: Path, **changes: object) -> gates.Gate:
    lock = Lock(
        model="llama-2-7b 7000000000",
        precision="nf4",
        instance_type="g6.xlarge",
        tensor_parallel=1,
        catalog_digest=CATALOG.digest,
    ).model_copy(update=changes)
    file = _read(path, lock)
    (gate,) = gates.locks([file], _plan(file))
    return gate


def test_lock(chat: Callable[..., Path]) -> None:
    path = chat()
    assert _lock_gate(path).passed is True
    old = _lock_gate(path, catalog_digest="older")
    assert old.passed is True and "made with catalog older" in old.detail
    stale = _lock_gate(path, precision="fp16")
    assert stale.passed is False and stale.detail.startswith("stale: made for llama-2-7b")


def test_lock_disagrees_with_the_requested_tensor_parallel(chat: Callable[..., Path]) -> None:
    path = chat(("{instance_type: g6.xlarge}", "{instance_type: g6.12xlarge, tensor_parallel: 2}"))
    gate = _lock_gate(path, instance_type="g6.12xlarge")
    assert (gate.passed, gate.detail) == (
        False,
        "tensor parallel 1 locked, tensor parallel 2 planned",
    )


def test_no_lock_is_not_judged(plan: Plan, chat: Callable[..., Path]) -> None:
    (gate,) = gates.locks([_read(chat())], plan)
    assert gate.passed is None


def test_building_needs(plan: Plan, site: Callable[..., Path]) -> None:
    assert gates.building_needs(read_site(site()), plan, CATALOG).passed is True
    gate = gates.building_needs(read_site(site(NO_ACCOUNT)), plan, CATALOG)
    assert gate.passed is False and "account_ids: missing" in gate.detail
    gate = gates.building_needs(
        read_site(site(('["111122223333"]', '["111122223333", "444455556666"]'))), plan, CATALOG
    )
    assert gate.passed is False and "account_ids: more than one account" in gate.detail


def test_documents() -> None:
    good = {"a.yaml": "kind: Service\n", "b.sh": "exit 0\n"}
    assert gates.documents(good).passed is True
    for bad in ("a: [\n", "- 1\n", "", "a: 1\n---\nb: 2\n"):
        gate = gates.documents(good | {"c.yaml": bad})
        assert gate.passed is False and gate.detail.startswith("c.yaml: "), bad


@pytest.mark.parametrize(("download_s", "passed"), [(580.0, True), (590.0, False)])
def test_node_updates(plan: Plan, download_s: float, passed: bool) -> None:
    service = plan.services[0]
    assert service.volumes is not None and service.rollout is not None
    volumes = service.volumes.model_copy(update={"download_s": download_s})
    slow = plan.model_copy(update={"services": (service.model_copy(update={"volumes": volumes}),)})
    gate = node_updates(slow)
    waits = 180 + download_s + service.rollout.cold_start_s
    assert (gate.passed, f"{waits:,.0f} s" in gate.detail) == (passed, True)
    nothing = service.model_copy(update={"volumes": None})
    assert node_updates(plan.model_copy(update={"services": (nothing,)})).passed is None


REVISION = "0e9e39f249a16976918f6564b8830bc894c89659"
HUB = f"hub: {{id: meta-llama/Llama-3.1-8B-Instruct, revision: {REVISION}}}"


@pytest.mark.parametrize(
    ("model", "precision", "passed"),
    [
        ("llama-3.1-8b", "bf16", True),
        ("llama-3.1-8b", "fp16", True),
        ("llama-3.1-8b", "fp8", False),
        ("llama-2-7b", "bf16", False),
    ],
)
def test_a_checkpoint_is_the_model_that_was_sized(
    chat: Callable[..., Path], model: str, precision: str, passed: bool
) -> None:
    there = "{name: llama-2-7b, parameters: 7.0e9, precision: nf4}"
    mine = f"{{name: {model}, precision: {precision}, source: {{{HUB}}}}}"
    plan = _plan(_read(chat((there, mine))))
    (gate,) = gates.checkpoints(plan, CATALOG)
    assert gate.passed is passed
    assert f"llama-3.1-8b in bf16; planned is {model} in {precision}" in gate.detail


def test_an_unknown_checkpoint_is_not_judged(plan: Plan, chat: Callable[..., Path]) -> None:
    assert list(gates.checkpoints(plan, CATALOG)) == []
    there = "precision: nf4}"
    hub = HUB.replace("meta-llama", "somebody")
    mine = f"precision: nf4, source: {{{hub}}}}}"
    (gate,) = gates.checkpoints(_plan(_read(chat((there, mine)))), CATALOG)
    assert gate.passed is None


def test_vcpus_of_nodes_without_gpus(plan: Plan) -> None:
    """An application adds its nodes to the system nodes, of 2 vCPUs each."""
    applied = _plan(_read(ROOT / "workloads/chat-app.yaml"))
    assert applied.application_nodes is not None and applied.system is not None
    nodes = applied.application_nodes.nodes_total + applied.system.nodes_total
    assert nodes > 20
    for each, vcpus in ((plan, 6), (applied, 2 * nodes)):
        *_, gate = gates.vcpus(each, CATALOG)
        assert gate.detail.startswith(f"{vcpus} vCPUs of 'Running On-Demand Standard")
