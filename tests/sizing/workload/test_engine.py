"""What an engine lacks is refused when the workload is read."""

from typing import Any

import pytest
from pydantic import ValidationError

from sizing.catalog import Ability, load_catalog
from sizing.values.field_error import FieldError
from sizing.workload import ENGINES, EngineName, Kind, Workload, engines_of
from sizing.workload.engines.traits import Setting, Switch
from tests.components.plans import BURSTING, CHAT, SPANNING

OF_IMAGES = {
    Setting.host,
    Setting.guidance_cards,
    Setting.token_cards,
    Setting.pixels,
    Setting.item,
}
OF_VLLM = {
    Setting.speculation,
    Setting.host_cache,
    Setting.host_cache_backend,
    Setting.runner,
    Setting.batched_tokens,
}
OF_TEXT = {Setting.tensor_parallel, Setting.context, Setting.memory, Setting.kv_cache}


def fault(engine: str, workload: dict[str, Any] = CHAT, **changes: object) -> FieldError | None:
    """Error of the workload with this engine; None where it is accepted."""
    try:
        Workload.model_validate(workload | {"engine": {"name": engine}} | changes)
    except ValidationError as refused:
        (error,) = refused.errors()
        found = error["ctx"]["error"]
        assert isinstance(found, FieldError)
        return found
    return None


@pytest.mark.parametrize("engine", engines_of(Kind.chat))
def test_every_engine_serves_a_plain_workload(engine: EngineName) -> None:
    assert fault(engine) is None


def test_a_replica_over_nodes_names_the_engines_that_have_it() -> None:
    wide = SPANNING["hardware"] | {"nodes_per_replica": 2}
    assert fault("vllm", SPANNING, hardware=wide) is None
    refused = fault("sglang", SPANNING, hardware=wide)
    assert refused is not None
    assert refused.field == ("hardware", "nodes_per_replica")
    assert refused.message == "this version builds no replicas over several nodes for sglang"
    assert (refused.expected, refused.suggestion) == ("1", "or set engine.name: vllm")


def test_https_is_refused_where_the_image_is_not_known_to_make_certificates() -> None:
    assert fault("vllm", in_transit="tls") is None
    refused = fault("sglang", in_transit="tls")
    assert refused is not None
    assert refused.field == ("in_transit",)
    assert refused.suggestion == "or set engine.name: vllm"


def test_a_burst_is_refused_where_nothing_would_start_it() -> None:
    assert fault("sglang", BURSTING) is None
    refused = fault("tensorrt-llm", BURSTING)
    assert refused is not None
    assert refused.field == ("capacity", "burst_gpus")
    assert (refused.expected, refused.suggestion) == ("0", "or set engine.name: vllm or sglang")


@pytest.mark.parametrize("engine", ENGINES)
def test_every_setting_has_one_place(engine: EngineName) -> None:
    """Guard: a number of the plan without a flag or an option would decide nothing. A workload with
    drafts or a cache in host memory is refused for an engine without the flag."""
    traits = engine.traits
    assert not {*traits.flags} & {*traits.options}
    groups = {Setting.pipeline_parallel} if traits.groups is None else set()
    names = {Setting.served_name} - {*traits.flags}
    of_vllm = OF_VLLM if engine is not EngineName.vllm else set()
    others = OF_TEXT if Kind.image in traits.kinds else OF_IMAGES
    assert {*traits.flags, *traits.options} == {*Setting} - groups - names - of_vllm - others
    assert {*traits.switches} == ({*Switch} if Kind.image in traits.kinds else set())
    assert bool(traits.options) is (traits.options_flag is not None)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_table_agrees_with_the_rows_of_the_pinned_images(engine: EngineName) -> None:
    catalog, traits = load_catalog(), engine.traits
    for item in traits.images:
        tag = catalog.pin(item).version
        assert bool(catalog.can(engine, tag, Ability.tls)) is traits.makes_certificates
        assert catalog.can(engine, tag, Ability.probe)
        assert catalog.can(engine, tag, Ability.keep_alive)
