"""Facts with sources: GPUs, instance types, models, engines, prices, versions, coefficients."""

from sizing.catalog.engine_options import Ability
from sizing.catalog.records import (
    Checkpoint,
    EngineSupport,
    Gpu,
    InstanceType,
    ModelFacts,
    Pin,
    Price,
)
from sizing.catalog.whole import DATA, Catalog, UnknownName, load_catalog, zone_id_prefix

__all__ = [
    "DATA",
    "Ability",
    "Catalog",
    "Checkpoint",
    "EngineSupport",
    "Gpu",
    "InstanceType",
    "ModelFacts",
    "Pin",
    "Price",
    "UnknownName",
    "load_catalog",
    "zone_id_prefix",
]
