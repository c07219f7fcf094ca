"""Metrics of a site: each place of them has an owner, and alerts have something that sends them."""

from typing import Any

import pytest
from pydantic import ValidationError

from sizing.site import Site
from sizing.site.monitoring import MetricsStore
from tests.components.plans import site

ALERTS = {"email": ["on-call@example.com"]}
USED = {
    "use": {
        "name": "shared",
        "endpoint": "https://shared.eks.amazonaws.com",
        "certificate_authority": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t",
        "security_group_id": "sg-00000001",
    }
}
NETWORK = {
    "use": {
        "vpc_id": "vpc-00000001",
        "vpc_cidr": "10.20.0.0/16",
        "private_subnet_ids": {f"use1-az{n}": f"subnet-0000000{n}" for n in (1, 2, 4)},
    }
}
ELSEWHERE = {"network": NETWORK, "kubernetes_version": "1.35", "access": None}


def made(**changes: object) -> Site:
    given = site("prod").model_dump(mode="json", exclude_unset=True)
    return Site.model_validate({**given, **changes})


def refusal(**changes: object) -> tuple[tuple[Any, ...], str, str]:
    with pytest.raises(ValidationError) as caught:
        made(**changes)
    (error,) = caught.value.errors()
    fault = error["ctx"]["error"]
    return (*error["loc"], *fault.field), fault.message, fault.expected


def test_without_the_key_nothing_is_kept_and_nothing_more_is_measured() -> None:
    assert made().metrics_store is MetricsStore.none
    assert not made().measures_all
    assert not made(metrics={"store": "none"}).measures_all
    assert "metrics" not in made().model_dump(mode="json")


def test_a_created_cluster_keeps_them_for_30_days_by_default() -> None:
    kept = made(metrics={"store": "in_cluster"}, alerts=ALERTS)
    assert kept.metrics is not None and kept.metrics.retention_days == 30
    assert kept.measures_all


def test_a_cluster_of_another_owner_keeps_them_only_where_he_says_so() -> None:
    provided = {**USED, "provides": ["prometheus"]}
    assert made(**ELSEWHERE, cluster=provided, metrics={"store": "existing"}).measures_all
    field, message, expected = refusal(**ELSEWHERE, cluster=USED, metrics={"store": "existing"})
    assert field == ("metrics", "store")
    assert message == "no other owner runs Prometheus in the cluster"
    assert "prometheus in cluster.provides" in expected
    field, message, expected = refusal(
        **ELSEWHERE, cluster=provided, metrics={"store": "in_cluster"}
    )
    assert field == ("metrics", "store") and "cluster that the stack makes" in message
    assert expected.startswith("existing")


def test_alerts_need_metrics_that_the_cluster_keeps() -> None:
    for metrics in (None, {"store": "none"}):
        field, message, expected = refusal(metrics=metrics, alerts=ALERTS)
        assert field == ("alerts",)
        assert message == "nothing sends alerts without metrics"
        assert expected == "metrics: {store: in_cluster}"


def test_the_owner_of_a_cluster_sends_its_alerts() -> None:
    provided = USED | {"provides": ["prometheus"]}
    for metrics in ({"store": "existing"}, None):
        field, message, expected = refusal(
            **ELSEWHERE, cluster=provided, metrics=metrics, alerts=ALERTS
        )
        assert (field, expected) == (("alerts",), "no such key")
        assert message == "the owner of the cluster sends the alerts of its Prometheus"


def test_days_are_stated_only_where_they_count() -> None:
    field, message, _ = refusal(metrics={"store": "none", "retention_days": 10})
    assert field == ("metrics", "retention_days")
    assert message == "not used with store: none"


def test_an_address_receives_each_alert_once() -> None:
    twice = {"email": ["a@example.com", "a@example.com"]}
    field, message, _ = refusal(metrics={"store": "in_cluster"}, alerts=twice)
    assert field == ("alerts", "email", 1)
    assert message == "a@example.com is named twice"
