"""Allowed callers and their limits: the enforced limit never admits more than requested."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sizing.catalog import Catalog
from sizing.plan.service.gateway import FirewallPlan
from sizing.service.access import WINDOWS_S, firewall_plan, token_plan
from sizing.site import Site
from sizing.size import size
from sizing.values.field_error import FieldError
from sizing.workload import Workload
from tests.sizing.conftest import CHAT

ISSUER = {"token_issuer": "https://issuer.example", "token_jwks_url": "https://issuer.example/k"}
CERTIFICATE = {"certificate_arn": "arn:aws:acm:us-east-1:123456789012:certificate/a"}


def limited(context_tokens: int = 1_000, **access: Any) -> Workload:
    request = {"input_tokens": 100, "output_tokens": 400, "context_tokens": context_tokens}
    return Workload.model_validate(
        CHAT
        | {
            "request": request,
            "access": {"public": True, "claims": [{"name": "scope", "values": ["chat"]}], **access},
        }
    )


def wall(workload: Workload, site: Site, rate: int = 10) -> FirewallPlan:
    plan = firewall_plan(workload, Fraction(rate), site)
    assert plan is not None
    return plan


@pytest.mark.parametrize(
    ("requests", "tokens", "window_s", "limit", "binding"),
    [
        (60, None, 60, 60, "requests"),
        # 30,000 tokens of at most 1,000 a request: 30 requests
        (60, 30_000, 60, 30, "tokens"),
        (20, 30_000, 60, 20, "requests"),
        (None, 10_999, 60, 10, "tokens"),
        # 9.999 a minute are fewer than the firewall counts in one: 19 in two
        (None, 9_999, 120, 19, "tokens"),
        # 1 a minute: 10 in ten minutes
        (1, None, 600, 10, "requests"),
        (None, 1_000, 600, 10, "tokens"),
        (3, None, 300, 15, "requests"),
    ],
)
def test_the_smaller_limit_is_enforced(
    *, site: Site, requests: int | None, tokens: int | None, window_s: int, limit: int, binding: str
) -> None:
    plan = wall(limited(requests_per_key_per_min=requests, tokens_per_key_per_min=tokens), site)
    assert (plan.window_s, plan.requests_per_key, plan.binding) == (window_s, limit, binding)
    assert plan.tokens_per_key == (None if tokens is None else limit * 1_000)


@given(
    requests=st.none() | st.integers(1, 10**6),
    context=st.integers(500, 10**6),
    requests_of_tokens=st.none() | st.fractions(1, 10**5),
)
def test_no_window_lets_more_through_than_requested(
    requests: int | None, context: int, requests_of_tokens: Fraction | None
) -> None:
    tokens = None if requests_of_tokens is None else int(requests_of_tokens * context)
    if requests is None and tokens is None:
        return
    site = Site.model_validate({"region": "us-east-1", "zones": ["use1-az1"], "environment": "dev"})
    wanted = limited(context, requests_per_key_per_min=requests, tokens_per_key_per_min=tokens)
    plan = wall(wanted, site)
    minutes = Fraction(plan.window_s, 60)
    assert plan.window_s in WINDOWS_S
    assert plan.requests_per_key >= 10, "AWS refuses fewer"
    assert plan.requests_per_key == min(plan.requests_by_limit.values())
    if requests is not None:
        assert plan.requests_per_key <= requests * minutes
    if tokens is not None:
        assert plan.tokens_per_key is not None
        assert plan.tokens_per_key <= tokens * minutes


def test_one_address_may_carry_all_callers_but_not_many_times_as_many(site: Site) -> None:
    # 10 a second, 60 s, twice
    assert wall(limited(requests_per_key_per_min=60), site).requests_per_address == 1_200
    slow = firewall_plan(limited(requests_per_key_per_min=60), Fraction(1, 100), site)
    assert slow is not None and slow.requests_per_address == 10, "the fewest that can be set"


def test_without_limits_there_is_no_firewall(workload: Callable[..., Workload], site: Site) -> None:
    assert firewall_plan(workload(), Fraction(1), site) is None


def test_tokens_are_those_of_the_sites_issuer(site: Site) -> None:
    there = site.model_copy(update=ISSUER)
    claim = {"name": "scope", "values": ["chat"], "format": "space-separated-values"}
    plan = token_plan(limited(requests_per_key_per_min=60, claims=[claim]), there)
    assert plan is not None
    assert (plan.issuer, plan.jwks_url) == tuple(ISSUER.values())
    assert plan.claims[0].model_dump() == {**claim, "values": ("chat",)}
    assert token_plan(Workload.model_validate(CHAT), there) is None


@pytest.mark.parametrize(
    ("given_site", "access", "field", "said"),
    [
        (CERTIFICATE, {"public": True}, "public", "no issuer"),
        (ISSUER, {"public": True}, "public", "no certificate"),
        ({}, {"public": False, "token_required": True}, "token_required", "no issuer"),
    ],
)
def test_access_without_its_guards_is_refused(
    *,
    site: Site,
    catalog: Catalog,
    given_site: dict[str, str],
    access: dict[str, bool],
    field: str,
    said: str,
) -> None:
    wanted = limited(**{"requests_per_key_per_min": 60, **access})
    with pytest.raises(FieldError, match=said) as refused:
        size([wanted], site.model_copy(update=given_site), catalog)
    assert refused.value.field == ("access", field)


def test_an_internal_load_balancer_takes_private_addresses_a_public_one_does_not(
    site: Site, catalog: Catalog
) -> None:
    there = site.model_copy(update=ISSUER | CERTIFICATE)

    def taken(**access: object) -> int:
        plan = size([limited(requests_per_key_per_min=60, **access)], there, catalog)
        return plan.network.subnets[0].addresses.load_balancers

    assert taken() == 0
    assert taken(public=False, token_required=True) == 8
    assert taken(public=True, both_balancers=True) == 8
