from collections.abc import Callable
from fractions import Fraction

import pytest

from sizing.catalog import Catalog
from sizing.plan.part import Reason
from sizing.plan.service.disks import WeightsOn
from sizing.plan.service.whole import ServicePlan
from sizing.service.node_disks import root_gib, volume_plan, weights_on
from sizing.site import Site
from sizing.size import size
from sizing.values.units import GIB
from sizing.workload import EngineName, Workload

Build = Callable[..., Workload]
GP3, NVME = WeightsOn.gp3, WeightsOn.nvme
VLLM, SGLANG = EngineName.vllm, EngineName.sglang
NO_DISKS = {"instance_type": "g5g.xlarge"}


@pytest.mark.parametrize(
    ("instance_type", "weights_gib", "load_time_s", "rate", "sustained", "iops", "size_gib"),
    [
        # 15 GiB in 300 s are 51.2 MiB/s: less than gp3 includes; x 1.1 x 2 = 33 GiB
        ("p4d.24xlarge", 15, 300, 125, 125, 3_000, 33),
        # g6.xlarge: 5,000 Mbit/s at most (596 MiB/s), 1,000 sustained (119 MiB/s)
        ("g6.xlarge", 15, 60, 256, 119, 3_000, 33),
        ("g6.xlarge", 15, 20, 596, 119, 3_000, 33),
        # p4d: 19,000 Mbit/s are 2,264 MiB/s, above gp3's highest 2,000; 4 operations a MiB
        ("p4d.24xlarge", 150, 300, 512, 512, 3_000, 330),
        ("p4d.24xlarge", 150, 60, 2_000, 2_000, 8_000, 330),
        ("p4d.24xlarge", 1, 300, 125, 125, 3_000, 10),
    ],
)
def test_the_volume_of_the_weights(
    *,
    catalog: Catalog,
    instance_type: str,
    weights_gib: int,
    load_time_s: int,
    rate: int,
    sustained: int,
    iops: int,
    size_gib: int,
) -> None:
    instance = catalog.instance_type(instance_type)
    volumes, slow = volume_plan(weights_gib * GIB, 1, load_time_s, instance, on=GP3, engine=VLLM)
    assert (volumes.weights_mib_per_s, volumes.sustained_mib_per_s) == (rate, sustained)
    assert (volumes.weights_iops, volumes.weights_gib) == (iops, size_gib)
    assert volumes.load_s == pytest.approx(float(Fraction(weights_gib * 1024, sustained)))
    late = weights_gib * 1024 > sustained * load_time_s
    assert [r.reason for r in slow] == [Reason.local_storage] + [Reason.volume_limit] * late


def test_local_disks_that_hold_the_weights_make_a_volume_needless(
    sized: Callable[..., ServicePlan],
) -> None:
    plan = sized()
    disks = plan.volumes
    assert disks is not None and plan.serving is not None
    # 250 GB are 232 GiB; 16.06 GB x 2.2 = 33 GiB; images are on the array, not on the root
    assert (disks.weights_on, disks.nvme_gib, disks.held_gib) == (WeightsOn.nvme, 232, 33)
    assert (disks.weights_gib, disks.weights_iops, disks.weights_mib_per_s) == (None, None, None)
    assert disks.root_gib == 40
    assert disks.weights_path == plan.serving.weights_path == "/mnt/k8s-disks/0"
    # 15,316 MiB; read at 1 MiB/s a GB; written at half of that, below 2.5 Gbit/s (298 MiB/s)
    assert (disks.sustained_mib_per_s, disks.copy_mib_per_s) == (250, 125)
    assert disks.load_s == pytest.approx(61.26, abs=0.01)
    assert disks.download_s == pytest.approx(122.53, abs=0.01)
    assert plan.serving.start_s == 184 + 600
    assert plan.serving.copy_s == 368
    (loser,) = plan.rejected
    assert (loser.option, loser.reason) == ("weights on gp3", Reason.local_storage)
    assert loser.numbers == (
        "a volume of 33 GiB with 125 MiB/s on each node; "
        "the 232 GiB of g6.xlarge have room for weights and margin, 33 GiB, without one"
    )


def test_without_local_disks_a_volume_holds_them(sized: Callable[..., ServicePlan]) -> None:
    plan = sized(model={"parameters": "3e9", "precision": "fp16"}, hardware=NO_DISKS)
    disks = plan.volumes
    assert disks is not None and plan.serving is not None
    assert (disks.weights_on, disks.nvme_gib, disks.weights_gib) == (WeightsOn.gp3, None, 13)
    assert (disks.root_gib, plan.serving.weights_path) == (100, "/mnt/weights")
    assert disks.copy_mib_per_s == disks.sustained_mib_per_s == 125
    (loser,) = plan.rejected
    assert (loser.option, loser.numbers) == ("weights on nvme", "g5g.xlarge has no local disks")


@pytest.mark.parametrize(
    ("instance_type", "weights_gib", "copied"),
    [
        # 5,700 GB write 2,850 MiB/s and 100 Gbit/s carry more: the client is slowest
        ("g6.48xlarge", 100, 500),
        # 2.5 Gbit/s are 298 MiB/s; 450 GB write 225, 250 GB 125
        ("g6.2xlarge", 10, 225),
        ("g6.xlarge", 10, 125),
        # 1.5 Gbit/s are 178 MiB/s; 100 GB write 50
        ("g6f.large", 1, 50),
    ],
)
def test_the_slowest_of_network_client_and_disk_limits_the_download(
    catalog: Catalog, instance_type: str, weights_gib: int, copied: int
) -> None:
    instance = catalog.instance_type(instance_type)
    disks, _ = volume_plan(weights_gib * GIB, 1, 300, instance, on=NVME, engine=VLLM)
    assert disks.copy_mib_per_s == copied
    assert disks.download_s == pytest.approx(weights_gib * 1024 / copied)


def test_a_slow_network_limits_the_download(catalog: Catalog) -> None:
    slow = catalog.instance_type("g6.2xlarge").model_copy(update={"network_gbit_per_s": 1})
    assert volume_plan(GIB, 1, 300, slow, on=NVME, engine=VLLM)[0].copy_mib_per_s == 119
    unknown = slow.model_copy(update={"network_gbit_per_s": None})
    assert volume_plan(GIB, 1, 300, unknown, on=NVME, engine=VLLM)[0].copy_mib_per_s == 119


def test_an_engine_reads_no_faster_than_it_can(catalog: Catalog) -> None:
    # 1,900 GB read 1,900 MiB/s; 7,520 GB would read 7,520
    for instance_type, read in (("g6e.16xlarge", 1_900), ("g6.48xlarge", 2_000)):
        instance = catalog.instance_type(instance_type)
        assert (
            volume_plan(GIB, 1, 300, instance, on=NVME, engine=VLLM)[0].sustained_mib_per_s == read
        )


def test_the_last_gib_that_fits(catalog: Catalog) -> None:
    instance = catalog.instance_type("g4dn.xlarge")
    # 125 GB are 116 GiB; images take 60 and the pods' files 20
    assert weights_on([36], instance, [VLLM]) is WeightsOn.nvme
    assert weights_on([37], instance, [VLLM]) is WeightsOn.gp3
    assert weights_on([20, 16], instance, [VLLM]) is WeightsOn.nvme
    assert weights_on([20, 17], instance, [VLLM]) is WeightsOn.gp3


def test_a_pool_whose_models_outgrow_the_disks_has_volumes(
    workload: Build, site: Site, catalog: Catalog
) -> None:
    on = {"instance_type": "g4dn.xlarge"}
    model = {"parameters": "4e9", "precision": "fp16"}
    two = [workload(name=name, hardware=on, model=model) for name in ("a", "b")]
    plan = size(two, site, catalog)
    # 8 GB x 2.2 = 17 GiB each: 34 fit in 36
    assert [p.volumes.weights_on for p in plan.pools] == [WeightsOn.nvme]
    assert (plan.pools[0].volumes.held_gib, plan.pools[0].volumes.weights_gib) == (34, None)
    third = workload(name="c", hardware=on, model=model)
    crowded = size([*two, third], site, catalog)
    assert [s.volumes and s.volumes.weights_on for s in crowded.services] == [WeightsOn.gp3] * 3
    assert [s.serving and s.serving.weights_path for s in crowded.services] == ["/mnt/weights"] * 3
    volumes = crowded.pools[0].volumes
    assert (volumes.weights_on, volumes.weights_gib, volumes.root_gib) == (WeightsOn.gp3, 51, 100)
    (reported,) = [r for r in crowded.services[0].rejected if r.reason is Reason.local_storage]
    assert reported.numbers.startswith("g4dn.xlarge has 116 GiB; ")


def test_a_late_volume_is_reported_with_its_rates(sized: Callable[..., ServicePlan]) -> None:
    plan = sized(
        model={"parameters": "3e9", "precision": "fp16"}, hardware={**NO_DISKS, "load_time_s": 30}
    )
    slow = plan.rejected[-1]
    # 5,722 MiB in 30 s; 1,188 Mbit/s are 141 MiB/s
    assert (slow.option, slow.reason) == ("load in 30 s", Reason.volume_limit)
    assert slow.numbers == "needs 191 MiB/s, g5g.xlarge sustains 141 MiB/s from its volume"


def test_a_late_download_is_reported_with_both_times(sized: Callable[..., ServicePlan]) -> None:
    plan = sized(hardware={"instance_type": "g6.xlarge", "load_time_s": 183})
    slow = plan.rejected[-1]
    assert (slow.option, slow.reason) == ("load in 183 s", Reason.volume_limit)
    assert slow.numbers == (
        "g6.xlarge downloads in 123 s at 125 MiB/s, then reads in 61 s at 250 MiB/s"
    )
    in_time = sized(hardware={"instance_type": "g6.xlarge", "load_time_s": 184})
    assert [r.reason for r in in_time.rejected] == [Reason.local_storage]


def test_a_small_volume_cannot_have_many_operations(catalog: Catalog) -> None:
    # 1 GiB in 1 s: 1,024 MiB/s, 4,096 operations; gp3 gives at most 500 a GiB, so 10 GiB do
    instance = catalog.instance_type("p4d.24xlarge")
    volumes, _ = volume_plan(3 * GIB, 1, 1, instance, on=GP3, engine=VLLM)
    # 2,000 MiB/s require 8,000 operations: 16 GiB, not 3 x 2.2 = 7, nor the least 10
    assert (volumes.weights_iops, volumes.weights_gib) == (8_000, 16)


def test_an_unknown_limit_of_the_instance_counts_as_the_included_rate(catalog: Catalog) -> None:
    instance = catalog.instance_type("p6e-gb200.36xlarge")
    assert instance.ebs_max_mbit_per_s is None
    volumes, _ = volume_plan(150 * GIB, 1, 60, instance, on=GP3, engine=VLLM)
    assert volumes.weights_mib_per_s == 125


def test_each_replica_of_a_node_has_room_for_its_copy(catalog: Catalog) -> None:
    """Guard: replicas that start together fetch together, while the old version serves."""
    instance = catalog.instance_type("g6.12xlarge")
    alone, four = (
        volume_plan(10 * GIB, replicas, 300, instance, on=GP3, engine=VLLM)[0]
        for replicas in (1, 4)
    )
    assert (alone.held_gib, four.held_gib) == (alone.weights_gib, four.weights_gib) == (22, 55)


def test_the_root_volume_holds_the_images_of_every_engine_of_the_pool() -> None:
    """Two of each during an update; one engine's rollout must not fill the disk of the others."""
    assert root_gib(WeightsOn.gp3, [VLLM, VLLM]) == 20 + 20 + 2 * 30
    assert root_gib(WeightsOn.gp3, [SGLANG]) == 20 + 20 + 2 * 40
    assert root_gib(WeightsOn.gp3, [VLLM, SGLANG]) == 20 + 20 + 2 * 30 + 2 * 40
    assert root_gib(WeightsOn.nvme, [VLLM, SGLANG]) == 40, "images are on the array too"


def test_images_of_another_engine_take_room_from_the_weights(catalog: Catalog) -> None:
    instance = catalog.instance_type("g6f.large")
    held = (instance.local_nvme_gb or 0) * 10**9 // GIB - 2 * 30 - 20
    assert weights_on([held], instance, [VLLM]) is WeightsOn.nvme
    assert weights_on([held], instance, [VLLM, SGLANG]) is WeightsOn.gp3


def test_services_with_two_engines_share_a_pool_whose_nodes_hold_both_images(
    workload: Build, site: Site, catalog: Catalog
) -> None:
    small = {"model": {"parameters": "3e9", "precision": "fp16"}, "hardware": NO_DISKS}
    first, second = workload(**small), workload(name="b", **small, engine={"name": "sglang"})
    plan = size([first, second], site, catalog)
    (pool,) = plan.pools
    assert pool.volumes.root_gib == 20 + 20 + 2 * 30 + 2 * 40
    assert "lmsysorg/sglang on arm64: nobody ran it on NVIDIA T4G" in plan.unverified
