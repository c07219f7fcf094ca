"""`diff` first shows the figures of a decision: cost, size, latency, load and survival."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from sizewright.reading.stack.plan import read_plan
from sizewright.report.change.comment import comment
from sizewright.report.change.difference import old_and_new
from sizewright.report.change.headline import headline_lines
from sizewright.review.changes import Effect
from sizewright.review.compare import Change, ResourceChange, ServiceChange
from sizewright.review.dangers import Danger, dangers
from sizewright.review.headline import headline
from sizewright.review.review import Review
from sizing.plan.reaches import NODE_GROUP
from sizing.plan.service.whole import ServicePlan
from sizing.plan.whole import Plan
from tests.sizewright.conftest import ROOT, Run

DEV = ROOT / "Pulumi.dev.yaml"
CHAT = ROOT / "workloads" / "golden" / "chat.yaml"
LABELS = ("USD a month", "GPUs", "nodes", "TTFT", "TPOT", "utilisation at the peak", "survives")
Build = Callable[..., Path]


@pytest.fixture
def published(tmp_path: Path) -> Build:
    """Published chat design with replaced texts."""

    def build(*replaced: tuple[str, str]) -> Path:
        text = CHAT.read_text("utf-8")
        for old, new in replaced:
            assert old in text, old
            text = text.replace(old, new, 1)
        path = tmp_path / f"chat-{len(list(tmp_path.iterdir()))}.yaml"
        path.write_text(text, "utf-8")
        return path

    return build


def calibrated(published: Build, users: str) -> Path:
    return published(
        ("request: {tokens: 500}", "request: {input_tokens: 100, output_tokens: 400}"),
        ("model: {parameters: 7.0e9, precision: int4}", "model: {name: llama-3.1-8b}"),
        ("g4dn.xlarge", "g6e.xlarge"),
        ("method: given, requests_per_gpu_per_s: 1, load: mean", "method: calibrated, load: peak"),
        ("daily_users: 100_000", f"daily_users: {users}"),
    )


def differing(run: Run, *words: object) -> Any:
    return json.loads(run("diff", *words, "--json").out)


def sized(path: Path) -> ServicePlan:
    return read_plan([path], DEV).services[0]


def test_json_has_cost_size_latency_load_and_survival_before_and_after(
    run: Run, published: Build
) -> None:
    old, new = calibrated(published, "10_000"), calibrated(published, "13_000")
    answer = differing(run, old, new)
    assert next(key for key in answer if key != "schema_version") == "services"
    (service,) = answer["services"]
    assert list(service)[:3] == ["name", "before", "after"]
    for side, path in (("before", old), ("after", new)):
        plan = sized(path)
        assert plan.pool and plan.choice and plan.calibrated
        assert service[side] == {
            "usd_per_month_at_least": plan.choice.pool_usd_per_month,
            "gpus_total": plan.pool.gpus_total,
            "nodes_total": plan.pool.nodes_total,
            "ttft_ms": plan.calibrated.safe.ttft_ms,
            "tpot_ms": plan.calibrated.safe.tpot_ms,
            "quantile_percent": 90,
            "utilisation_at_peak": plan.pool.utilisation_at_peak,
            "survives": {
                "nodes": plan.pool.survives.nodes,
                "zones": plan.pool.survives.zones,
            },
        }
    assert service["after"]["usd_per_month_at_least"] > service["before"]["usd_per_month_at_least"]
    assert service["after"]["ttft_ms"] > 0


def test_the_text_and_the_comment_show_the_figures_before_the_cause(
    run: Run, published: Build
) -> None:
    words = ("diff", calibrated(published, "10_000"), calibrated(published, "13_000"))
    for out in (run(*words).out, run(*words, "--markdown").out):
        first = out[: out.index("cause")]
        assert "nodes only, list price" in first
        places = [re.search(rf"(\| |\n  ){label}", first).start() for label in LABELS]  # type: ignore[union-attr]
        assert places == sorted(places)
        assert "more number" not in out


def test_an_unknown_price_is_null_and_never_zero(published: Build) -> None:
    plan = sized(published())
    assert plan.choice is not None
    unpriced = plan.model_copy(
        update={
            "choice": plan.choice.model_copy(
                update={"usd_per_hour": None, "pool_usd_per_month": None}
            )
        }
    )
    figures = headline(unpriced)
    assert figures is not None and figures.usd_per_month_at_least is None
    (money, *_) = headline_lines(ServiceChange("chat", plan, unpriced, (), ()))
    assert money.endswith(" -> unknown")


def test_a_method_that_predicts_no_times_shows_none(published: Build) -> None:
    """Guard: the plan's calibrated times belong to the fleet that `calibrated` would choose."""
    figures = headline(sized(published()))
    assert figures is not None
    assert (figures.ttft_ms, figures.tpot_ms) == (None, None)
    assert figures.gpus_total == 15


def test_a_plan_without_the_service_has_no_figures(run: Run, tmp_path: Path) -> None:
    other = tmp_path / "talk.yaml"
    other.write_text(CHAT.read_text("utf-8").replace("name: chat", "name: talk", 1), "utf-8")
    figures = {
        s["name"]: (s["before"], s["after"]) for s in differing(run, CHAT, other)["services"]
    }
    assert figures["talk"][0] is None and figures["chat"][1] is None
    assert figures["talk"][1]["gpus_total"] == figures["chat"][0]["gpus_total"] == 15


def outages(run: Run, *words: object) -> list[tuple[str, str]]:
    answer = differing(run, *words)["dangers"]
    return [(d["name"], d["says"]) for d in answer if d["danger"] == "outage" and d["type"] is None]


def test_deleting_all_nodes_that_serve_a_service_is_a_danger(run: Run, published: Build) -> None:
    moved = published(("g4dn.xlarge", "g6.xlarge"))
    assert outages(run, CHAT, moved) == [
        (
            "chat",
            "all nodes that serve it are deleted: 15 x g4dn.xlarge; "
            "the same update creates 15 x g6.xlarge",
        )
    ]
    first = run("diff", CHAT, moved).out.partition("before and after")[0]
    assert "DANGER: callers lose what they need" in first
    gone = published(("name: chat", "name: talk"), ("g4dn.xlarge", "g6.xlarge"))
    assert ("chat", "all nodes that serve it are deleted: 15 x g4dn.xlarge") in outages(
        run, CHAT, gone
    )


def test_more_nodes_or_fewer_are_no_lost_fleet(run: Run, published: Build) -> None:
    more = published(("daily_users: 100_000", "daily_users: 130_000"))
    assert outages(run, CHAT, more) == outages(run, more, CHAT) == []


def groups(plan: Plan, effects: Sequence[Effect]) -> tuple[ResourceChange, ...]:
    (pool,) = plan.pools
    return tuple(
        ResourceChange(
            effect,
            NODE_GROUP,
            f"sw-{pool.name}-{zone}",
            False,
            (),
            {"labels": {"sizewright.dev/pool": pool.name}},
        )
        for zone, effect in zip(pool.nodes_by_zone, effects, strict=True)
    )


@pytest.mark.parametrize(
    ("effects", "says"),
    [
        ((Effect.replace,) * 3, "all nodes that serve it are replaced: 15 x g4dn.xlarge"),
        (
            (Effect.may_replace, Effect.may_replace, Effect.replace),
            "all nodes that serve it are replaced: 15 x g4dn.xlarge",
        ),
        ((Effect.delete, Effect.delete, Effect.update), None),
    ],
)
def test_node_groups_that_are_replaced_count_and_one_that_stays_does_not(
    effects: Sequence[Effect], says: str | None
) -> None:
    plan = read_plan([CHAT], DEV)
    found = dangers((), groups(plan, effects), plan)
    assert [f.says for f in found if f.danger is Danger.outage] == ([says] if says else [])


def test_a_comment_for_many_services_keeps_the_figures(published: Build) -> None:
    plan = sized(published())
    services = tuple(ServiceChange(f"s{n}", plan, plan, (), ()) for n in range(50))
    text = comment(Review(services, (), 0, True), "Pulumi.dev.yaml")
    assert text.count("nodes only, list price") == 20
    assert text.index("list price") < text.index("cause")


def test_numbers_that_differ_beyond_three_digits_are_shown_to_differ() -> None:
    assert old_and_new(Change("traffic.peak_users_share", 0.12341, 0.12342), "absent") == (
        "0.12341",
        "0.12342",
    )
    assert old_and_new(Change("pool.utilisation_at_peak", 0.12341, 0.1335), "none") == (
        "12.3 %",
        "13.4 %",
    )


def test_a_change_that_deletes_node_groups_must_not_continue_on_error(
    run: Run, published: Build
) -> None:
    moved = published(("g4dn.xlarge", "g6.xlarge"))
    says = "This change deletes 3 node groups. Run it as `pulumi up`, and not as "
    (note,) = differing(run, CHAT, moved)["notes"]
    assert note.startswith(says) and "--continue-on-error" in note
    assert f"note: {says}" in run("diff", CHAT, moved).out
    assert f"> {says}" in run("diff", CHAT, moved, "--markdown").out
    more = published(("daily_users: 100_000", "daily_users: 130_000"))
    assert differing(run, CHAT, more)["notes"] == []


def test_diff_and_preview_say_that_they_count_components(run: Run, published: Build) -> None:
    more = published(("daily_users: 100_000", "daily_users: 130_000"))
    counts = differing(run, CHAT, more)["counts"]
    shown = re.search(
        r"in \d+ components, (\d+) with the components", run("preview", CHAT, "--verbose").out
    )
    assert shown is not None and sum(counts.values()) == int(shown[1])
    assert re.search(
        r"\nresources: 0 created, .* unchanged, components included\n",
        run("diff", CHAT, more).out,
    )


def test_clips_have_a_response_and_a_queue_instead_of_tokens(run: Run, tmp_path: Path) -> None:
    """A reviewer reads what the deadline changes, and no time of a token."""
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    text = (ROOT / "workloads" / "clips.yaml").read_text(encoding="utf-8")
    old.write_text(text, encoding="utf-8")
    new.write_text(text.replace("response_s: 3_600", "response_s: 2_400"), encoding="utf-8")
    shown = run("diff", old, new).out
    assert "TTFT" not in shown and "TPOT" not in shown
    rows = {line[2:50].strip(): line[50:] for line in shown.splitlines() if " -> " in line}
    before, after = rows["response of the percentile"].split(" -> ")
    assert float(before.rstrip(" s").replace(",", "")) <= 3_600
    assert float(after.rstrip(" s").replace(",", "")) <= 2_400
    assert "queue empty after the peak" in rows
    (service,) = json.loads(run("diff", old, new, "--json").out)["services"]
    assert service["after"]["response_s"] <= 2_400 < service["before"]["response_s"]
    assert service["after"]["drain_s"] < service["before"]["drain_s"]
