"""`check` refuses a limit that the pinned image is not known to enforce."""

from pathlib import Path

import pytest

import sizewright.commands.operate.check as check_command
from sizewright.gates.engine import engine_limits
from sizing.catalog import Ability, Catalog, load_catalog
from sizing.plan.part import Reason
from sizing.plan.service.serving import LimitsBy
from sizing.plan.whole import Plan
from sizing.site import Site
from sizing.size import size
from sizing.workload import Workload
from tests.components.plans import CHAT, public_plan, site, spanning_plan
from tests.sizewright.conftest import Run

ROOT = Path(__file__).parents[3]


def catalog_with(tag: str) -> Catalog:
    """Catalog in which every engine image has this tag."""
    catalog = load_catalog()
    pins = tuple(
        pin.model_copy(update={"version": tag}) if pin.item.startswith("vllm/") else pin
        for pin in catalog.pins
    )
    return catalog.model_copy(update={"pins": pins})


def plan_with(tag: str, **access: object) -> Plan:
    workload = Workload.model_validate(CHAT | {"access": access})
    issuer = {"token_issuer": "https://i.example", "token_jwks_url": "https://i.example/k"}
    where: Site = site("prod").model_copy(update=issuer)
    return size([workload], where, catalog_with(tag))


def test_a_limit_that_the_pinned_image_is_not_known_to_keep_fails() -> None:
    limited = {"token_required": True, "tokens_per_key_per_min": 40_960}
    (gate,) = engine_limits(plan_with("v9.9.9", **limited), load_catalog())
    assert gate.passed is False
    assert "docker.io/vllm/vllm-openai:v9.9.9" in gate.detail
    assert "requests that run or wait" in gate.detail
    assert "the limit of tokens" in gate.detail
    assert "idle connections" in gate.detail
    assert "pin an image whose tag has rows" in gate.detail, "the remedy"


def test_an_engine_whose_connections_may_end_first_is_rejected() -> None:
    (service,) = plan_with("v9.9.9").services
    (lost,) = [r for r in service.rejected if r.reason is Reason.keep_alive]
    assert "502" in lost.numbers
    (service,) = plan_with("v0.27.1").services
    assert not [r for r in service.rejected if r.reason is Reason.keep_alive]


def test_pinned_images_keep_every_limit() -> None:
    for plan in (public_plan(), spanning_plan()):
        (gate,) = engine_limits(plan, load_catalog())
        assert gate.passed
        assert plan.services[0].serving is not None
        assert plan.services[0].serving.limits_by is LimitsBy.admission


def test_check_exits_4_for_a_limit_that_is_not_kept(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    workload = str(ROOT / "workloads" / "golden" / "chat.yaml")
    assert "limits of" in run("check", workload).out
    monkeypatch.setattr(check_command, "load_catalog", lambda: catalog_with("v9.9.9"))
    done = run("check", workload)
    assert done.code == 4
    assert "limits of" in done.err


def without(ability: Ability) -> Catalog:
    """Catalog in which no image is known to have this ability."""
    catalog = load_catalog()
    rows = tuple(row for row in catalog.engine_options if row.ability is not ability)
    return catalog.model_copy(update={"engine_options": rows})


def test_https_of_an_image_that_is_not_known_to_serve_it_fails() -> None:
    plan = size(
        [Workload.model_validate(CHAT | {"in_transit": "tls"})], site("prod"), load_catalog()
    )
    (known,) = engine_limits(plan, load_catalog())
    (unknown,) = engine_limits(plan, without(Ability.tls))
    assert (known.passed, unknown.passed) == (True, False)
    assert "is not known to keep HTTPS with a certificate from files" in unknown.detail
    plain = size([Workload.model_validate(CHAT)], site("prod"), load_catalog())
    (asks_for_none,) = engine_limits(plain, without(Ability.tls))
    assert asks_for_none.passed


def test_a_context_that_the_image_is_not_known_to_bound_fails() -> None:
    plan = size([Workload.model_validate(CHAT)], site("prod"), load_catalog())
    (unknown,) = engine_limits(plan, without(Ability.context))
    assert unknown.passed is False
    assert "tokens of prompt and answer together" in unknown.detail
