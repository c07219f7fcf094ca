"""Images and clips of a service: method, cards, memory, and what does not fit."""

from fractions import Fraction
from math import ceil
from typing import Any

import pytest

from sizing.catalog import Catalog
from sizing.plan.part import Reason
from sizing.plan.service.whole import ServicePlan
from sizing.site import Site
from sizing.size import size
from sizing.values.units import GB
from sizing.workload import Workload

FLUX: dict[str, Any] = {
    "name": "pictures",
    "kind": "image",
    "model": {"name": "flux.1-dev"},
    "traffic": {"daily_users": 100_000, "requests_per_user_per_day": 10},
    "hardware": {"instance_type": "p5.48xlarge"},
}
CLIPS = FLUX | {"name": "clips", "kind": "video", "model": {"name": "wan2.1-t2v-14b"}}


@pytest.fixture(scope="session")
def made(site: Site, catalog: Catalog) -> Any:
    """Plan of the image service with other top-level keys."""

    def build(base: dict[str, Any] = FLUX, **changes: object) -> ServicePlan:
        return size([Workload.model_validate(base | changes)], site, catalog).services[0]

    return build


def test_a_service_without_a_method_is_calibrated_for_its_mean(made: Any) -> None:
    plan = made()
    assert (plan.capacity.method, plan.capacity.load) == ("calibrated", "mean")
    assert plan.item.basis == "measured" and plan.item.cards == 1
    seconds = Fraction(plan.item.high_s) / Fraction(9, 10)
    assert plan.capacity.request_s == pytest.approx(float(seconds))
    assert plan.pool.gpus_needed == ceil(Fraction(10**6, 86_400) * seconds)
    assert plan.item.seconds == pytest.approx(4.3, rel=0.1), "xDiT measured 4.3 s on one H100"


def test_a_request_changes_the_item(made: Any) -> None:
    small = made(request={"width": 512, "height": 512, "iterations": 14})
    full = made()
    assert (small.item.latent_tokens, full.item.latent_tokens) == (1024, 4096)
    assert small.item.linear_s < full.item.linear_s / 5
    guided = made(request={"guidance": "classifier_free"})
    assert guided.item.linear_s == pytest.approx(2 * full.item.linear_s)


def test_cards_of_one_item_are_whole_replicas(made: Any) -> None:
    plan = made(CLIPS, hardware={"instance_type": "p5.48xlarge", "tensor_parallel": 4})
    assert (plan.item.cards, plan.item.sequence_cards) == (4, 2)
    assert plan.pool.replicas_needed == ceil(plan.pool.gpus_needed / 4)
    alone = made(CLIPS, hardware={"instance_type": "p5.48xlarge", "tensor_parallel": 1})
    assert alone.item.seconds / 4 < plan.item.seconds < alone.item.seconds / 3
    assert plan.capacity.request_s > alone.capacity.request_s


@pytest.mark.parametrize("placement", ["resident", "separate", "offloaded"])
def test_where_the_encoders_are(made: Any, placement: str) -> None:
    plan = made(model={"name": "flux.1-dev", "encoder_placement": placement})
    encoders = 2 * 4_885_371_136
    everything = plan.memory.weights_bytes + plan.item.autoencoder_bytes + plan.item.item_bytes
    there = everything if placement == "resident" else everything - encoders
    assert plan.item.card_bytes == there
    resident = made().item
    if placement == "separate":
        assert plan.item.encode_s == 0
    if placement == "offloaded":
        moved = plan.memory.weights_bytes / GB / 25
        assert plan.item.encode_s == pytest.approx(resident.encode_s + moved)


def test_what_does_not_fit_is_refused_with_the_numbers(made: Any) -> None:
    l4 = {"instance_type": "g6.xlarge"}
    plan = made(hardware=l4)
    assert plan.pool is None
    refused = next(r for r in plan.rejected if r.reason is Reason.memory)
    assert refused.numbers.startswith("weights 33.6 GB, with one item 35.4 GB on each card; 1 x")
    small = {"name": "stable-diffusion-1.5"}
    assert made(hardware=l4, model=small).pool is not None
    separate = {"name": "sd3.5-large", "encoder_placement": "separate"}
    assert made(hardware=l4, model={"name": "sd3.5-large"}).pool is None
    assert made(hardware=l4, model=separate).pool is not None


def test_several_nodes_do_not_help_a_model_that_every_card_holds(made: Any) -> None:
    plan = made(model={"name": "flux.2-dev", "precision": "fp32"})
    assert plan.pool is None
    refused = [r for r in plan.rejected if r.reason is Reason.memory]
    assert refused and all("over" not in r.option for r in refused)


def test_hardware_is_chosen_among_cards_that_run_the_model(made: Any) -> None:
    plan = made(hardware="auto")
    assert plan.choice.chosen_by == "ranking" and plan.pool.gpu.startswith("NVIDIA")
    options = [r for r in plan.rejected if r.reason is Reason.engine]
    assert options, "types with other accelerators"


def test_a_model_without_a_name_uses_the_nearest_one(made: Any) -> None:
    plan = made(model={"parameters": 8.1e9, "precision": "fp16"})
    assert plan.item.model == "sd3.5-large"
    assert plan.item.assumed == ("the architecture of sd3.5-large",)


def test_the_textbook_rule_stands_next_to_it_with_the_ratio(made: Any) -> None:
    plan = made(request={"iterations": 28})
    ratios = {method.method: method.ratio for method in plan.methods}
    assert ratios["calibrated"] == 1
    assert ratios["textbook"] < 0.02


def test_a_given_rate_has_the_estimate_next_to_it(made: Any) -> None:
    given = {"method": "given", "requests_per_gpu_per_s": 10, "load": "mean"}
    plan = made(capacity=given)
    assert plan.pool.gpus_needed == 2
    assert {c.code for c in plan.contradictions} >= {"methods_disagree"}


def test_utilisation_is_of_a_card_that_never_waits(made: Any) -> None:
    tight = made(capacity={"load": "mean", "max_utilisation": 0.5})
    usual = made(capacity={"load": "mean"})
    assert tight.capacity.request_s == pytest.approx(usual.capacity.request_s * 9 / 5)
    assert tight.capacity.saturation_requests_per_s == usual.capacity.saturation_requests_per_s
