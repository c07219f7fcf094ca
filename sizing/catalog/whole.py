"""Which machines, accelerators, models, engines and versions exist, by which source?"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field

from sizing.catalog.application import ApplicationWork
from sizing.catalog.buying import LeadTime, PurchaseWay, Quota
from sizing.catalog.coefficients import CoefficientSet
from sizing.catalog.correction import Corrections
from sizing.catalog.engine_options import Ability, EngineModel, EngineOption
from sizing.catalog.media import Denoiser, FormatBytes, MediaModel, RenditionWork
from sizing.catalog.media_coefficients import MediaCoefficientSet
from sizing.catalog.reader import read_records
from sizing.catalog.records import (
    ChartImage,
    Checkpoint,
    EngineSupport,
    Gpu,
    HostLink,
    InstanceType,
    Interconnect,
    MetricSeries,
    ModelFacts,
    Pin,
    Price,
    Zone,
)
from sizing.catalog.vision import VisionTower

__all__ = [
    "DATA",
    "Ability",
    "Catalog",
    "Checkpoint",
    "EngineModel",
    "EngineOption",
    "EngineSupport",
    "Gpu",
    "HostLink",
    "InstanceType",
    "Interconnect",
    "LeadTime",
    "ModelFacts",
    "Pin",
    "Price",
    "PurchaseWay",
    "Quota",
    "UnknownName",
    "VisionTower",
    "Zone",
    "load_catalog",
    "zone_id_prefix",
]

DATA = Path(__file__).parent / "data"
FILES = (
    "application_work.csv",
    "chart_images.csv",
    "checkpoints.csv",
    "coefficients.json",
    "denoisers.csv",
    "engine_models.csv",
    "engine_options.csv",
    "engines.csv",
    "gpus.csv",
    "host_links.csv",
    "instance_types.csv",
    "interconnects.csv",
    "lead_times.csv",
    "media_coefficients.json",
    "media_formats.csv",
    "media_models.csv",
    "metric_series.csv",
    "models.csv",
    "pins.csv",
    "prices.csv",
    "purchase_ways.csv",
    "quotas.csv",
    "rendition_work.csv",
    "vision_towers.csv",
    "zones.csv",
)
DIRECTIONS = {
    "north": "n",
    "northeast": "ne",
    "east": "e",
    "southeast": "se",
    "south": "s",
    "southwest": "sw",
    "west": "w",
    "northwest": "nw",
    "central": "c",
    "gov": "g",
}

R = TypeVar(
    "R",
    Gpu,
    InstanceType,
    ModelFacts,
    Checkpoint,
    Denoiser,
    FormatBytes,
    RenditionWork,
    ApplicationWork,
    Pin,
    Quota,
    PurchaseWay,
    LeadTime,
)


class UnknownName(LookupError):  # noqa: N818
    """Raised where no row of this kind has this name; `nearest` has up to three similar names."""

    def __init__(self, kind: str, name: str, nearest: tuple[str, ...]) -> None:
        self.kind = kind
        self.name = name
        self.nearest = nearest
        hint = f"; did you mean {', '.join(nearest)}?" if nearest else ""
        super().__init__(f"unknown {kind} {name!r}{hint}")

    @property
    def hint(self) -> str:
        """Return `did you mean A or B?`, or an empty text where no name is near."""
        return f"did you mean {' or '.join(self.nearest)}?" if self.nearest else ""


class Catalog(BaseModel):
    """All facts of one load, with the digest of their files."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    instance_types: tuple[InstanceType, ...]
    gpus: tuple[Gpu, ...]
    models: tuple[ModelFacts, ...]
    checkpoints: tuple[Checkpoint, ...]
    """Repositories of models in a precision other than their own."""
    engines: tuple[EngineSupport, ...]
    engine_models: tuple[EngineModel, ...]
    """Models that an engine lists, where it serves only those of its list."""
    engine_options: tuple[EngineOption, ...]
    chart_images: tuple[ChartImage, ...]
    metric_series: tuple[MetricSeries, ...]
    """Metrics that Prometheus keeps, and the series of each."""
    interconnects: tuple[Interconnect, ...]
    host_links: tuple[HostLink, ...]
    """Links between host memory and GPUs, by instance family."""
    pins: tuple[Pin, ...]
    prices: tuple[Price, ...]
    zones: tuple[Zone, ...]
    quotas: tuple[Quota, ...]
    purchase_ways: tuple[PurchaseWay, ...]
    lead_times: tuple[LeadTime, ...]
    """Days of the steps before capacity can be used."""
    vision_towers: tuple[VisionTower, ...]
    """Parts of language models that read images."""
    coefficients: CoefficientSet
    """Coefficients of the step-time model, by engine family."""
    denoisers: tuple[Denoiser, ...]
    media_models: tuple[MediaModel, ...]
    """Items that image and video models make by default."""
    media_formats: tuple[FormatBytes, ...]
    """Bits of a pixel in each format of images and clips."""
    application_work: tuple[ApplicationWork, ...]
    """What an application takes for one request."""
    rendition_work: tuple[RenditionWork, ...]
    """CPU time and bytes of renditions by codec."""
    media_coefficients: MediaCoefficientSet
    """Coefficients of the time of an image or a clip."""
    digest: str
    lock: Mapping[str, str] = Field(default_factory=dict)
    """Versions in a stack's lock, by item of the pins. They take precedence over the pins."""

    def instance_type(self, name: str) -> InstanceType:
        """Return the instance type of this name. Raises UnknownName."""
        return _named("instance type", name, self.instance_types)

    def gpu(self, name_or_alias: str) -> Gpu:
        """Return the accelerator of this full name or alias, in any case. Raises UnknownName."""
        return _named("gpu", name_or_alias, self.gpus)

    def model(self, name: str) -> ModelFacts:
        """Return the model of this short name, catalog name or repository. Case and organisation do
        not matter. Raises UnknownName."""
        return _named("model", name, self.models)

    def vision_tower(self, model: str) -> VisionTower | None:
        """Return the part of a model that reads images, by its short name; None where no such part
        is known."""
        return next((row for row in self.vision_towers if row.model == model), None)

    def media_model(self, model: str) -> MediaModel | None:
        """Return the item that a model makes by default, by its short name; None where it is not
        known."""
        return next((row for row in self.media_models if row.model == model), None)

    def media_format(self, name: str) -> FormatBytes:
        """Return the bits of a pixel in this format. Raises UnknownName."""
        return _named("format", name, self.media_formats)

    def rendition(self, work: str) -> RenditionWork:
        """Return the CPU time and the bytes of a codec, or of `decode`. Raises UnknownName."""
        return _named("work of renditions", work, self.rendition_work)

    def application(self, item: str) -> ApplicationWork:
        """Return a measured figure of the application. Raises UnknownName."""
        return _named("figure of the application", item, self.application_work)

    def denoiser(self, name: str) -> Denoiser:
        """Return the denoiser of this name. Raises UnknownName."""
        return _named("denoiser", name, self.denoisers)

    def checkpoint(self, repository: str) -> Checkpoint:
        """Return the checkpoint in this repository, in any case. Raises UnknownName."""
        return _named("checkpoint", repository, self.checkpoints)

    def held_in(self, repository: str) -> tuple[str, str] | None:
        """Short name and precision of the model in a repository; None where it is not known."""
        wanted = repository.lower()
        for row in self.models:
            if row.hf_repo.lower() == wanted:
                return row.model, row.native_dtype
        for held in self.checkpoints:
            if held.repository.lower() == wanted:
                return held.model, held.precision
        return None

    def with_models(self, models: Sequence[ModelFacts]) -> "Catalog":
        """Return the catalog with these models added. They replace models of the same name."""
        if not models:
            return self
        return self.model_copy(update={"models": (*models, *self.models)})

    def with_corrections(self, own: Corrections | None) -> "Catalog":
        """Return the catalog with step times corrected by a user's own runs, where there are any.

        Raises ValueError where they belong to other coefficients.
        """
        if own is None:
            return self
        return self.model_copy(update={"coefficients": self.coefficients.corrected(own)})

    def with_lock(self, versions: Mapping[str, str]) -> "Catalog":
        """Return the catalog with the versions of a stack's lock, by item of the pins."""
        return self.model_copy(update={"lock": dict(versions)})

    def locked(self, item: str) -> str | None:
        """Return the version in the stack's lock; None without a lock or where it is unknown."""
        return self.lock.get(item)

    def pin(self, item: str) -> Pin:
        """Return the version of this item, from the stack's lock or the pins. Raises
        UnknownName."""
        pin, locked = _named("pin", item, self.pins), self.locked(item)
        if locked is None or locked == pin.version:
            return pin
        source = "the stack's lock; the catalog pins another version"
        return pin.model_copy(update={"version": locked, "verified": False, "source": source})

    def interconnect(self, instance_type_name: str) -> Interconnect | None:
        """Return the first EFA device plugin that supports the type; None where none is known."""
        for row in self.interconnects:
            if row.name == instance_type_name:
                return row
        return None

    def host_link(self, family: str) -> HostLink | None:
        """Return the link between host memory and the GPUs of a family; None where it is
        unknown."""
        return next((row for row in self.host_links if row.family == family), None)

    def price(self, instance_type_name: str, region: str) -> Price | None:
        """Return the price of an hour of the type in the region; None where it is unknown."""
        for row in self.prices:
            if (row.name, row.region) == (instance_type_name, region):
                return row
        return None

    def quota(self, code: str) -> Quota:
        """Return the quota of this code. Raises UnknownName."""
        return _named("quota", code, self.quotas)

    def spot_quota(self, family: str) -> Quota | None:
        """Return the quota of an instance family's spot nodes; None where it is unknown."""
        return next((row for row in self.quotas if family in row.spot_families), None)

    def purchase_way(self, way: str) -> PurchaseWay:
        """Return the limits of this way to buy nodes. Raises UnknownName."""
        return _named("purchase way", way, self.purchase_ways)

    def lead_time(self, step: str) -> LeadTime:
        """Return the days of this step. Raises UnknownName."""
        return _named("lead time", step, self.lead_times)

    def support(self, engine: str, precision: str) -> EngineSupport | None:
        """Return the known support of this precision by the engine; None where nothing is known."""
        for row in self.engines:
            if (row.engine, row.precision) == (engine, precision):
                return row
        return None

    def listed(self, engine: str) -> dict[str, EngineModel]:
        """Return the models that an engine lists, by short name; empty where it needs no list."""
        return {row.model: row for row in self.engine_models if row.engine == engine}

    def can(self, engine: str, tag: str, ability: Ability) -> bool | None:
        """True where the engine's image of that tag has the ability; None where it is unknown."""
        for row in self.engine_options:
            if (row.engine, row.tag, row.ability) == (engine, tag, ability):
                return row.known
        return None

    def runs(self, engine: str, precision: str, gpu: Gpu) -> bool | None:
        """True where the engine runs the precision on the accelerator; None where it is unknown.

        min <= compute capability <= max;  False for accelerators that are not NVIDIA's

        Basis: vendor (engine documents, `sizing/catalog/data/engines.csv`).
        """
        if gpu.vendor != "NVIDIA":
            return False
        row = self.support(engine, precision)
        if row is None:
            return None
        if row.min_compute_capability is None:
            return False
        if gpu.compute_capability is None:
            return None
        most = row.max_compute_capability or Decimal("Infinity")
        return row.min_compute_capability <= gpu.compute_capability <= most

    def zones_selling(self, instance_type_name: str, region: str) -> tuple[str, ...] | None:
        """Return the zone ids of the region that sell the type; () where no zone sells it.

        Return None where the type's regions, the region itself or its zones are unknown.
        Raises UnknownName.
        Basis: vendor (EC2 offerings, dated in the row's `source`).
        """
        row = self.instance_type(instance_type_name)
        if not row.regions or all(region not in other.regions for other in self.instance_types):
            return None
        if region not in row.regions:
            return ()
        sold = _in_region(row.zone_ids, region)
        if sold or any(_in_region(other.zone_ids, region) for other in self.instance_types):
            return sold
        return None

    @property
    def regions(self) -> tuple[str, ...]:
        """Return the regions that sell any type, sorted."""
        return tuple(sorted({region for row in self.instance_types for region in row.regions}))

    @property
    def kubernetes_versions(self) -> tuple[str, ...]:
        """Return the pinned Kubernetes versions, sorted."""
        names = (pin.item for pin in self.pins if pin.item.startswith("kubernetes-"))
        return tuple(sorted(name.removeprefix("kubernetes-") for name in names))

    def end_of_support(self, kubernetes: str) -> str | None:
        """Return the date on which standard support of a version ends; None where it is unknown.

        Guard: a lock may contain a version that later catalogs no longer offer.
        """
        pins = (pin for pin in self.pins if pin.item == f"kubernetes-{kubernetes}")
        return next((pin.end_of_support for pin in pins), None)

    def has_control_plane(self, zone_id: str) -> bool:
        """True where EKS places control planes in the zone, which is the default."""
        return all(zone.control_plane for zone in self.zones if zone.zone_id == zone_id)

    def region_zones(self, region: str) -> tuple[str, ...] | None:
        """Return the zone ids of the region that sell any type; None without zone data for it."""
        zones = {zone for row in self.instance_types for zone in _in_region(row.zone_ids, region)}
        return tuple(sorted(zones)) or None


def load_catalog(folder: Path = DATA) -> Catalog:
    """Return the catalog of a folder. Nothing is read before this call.

    Raises ValueError with file and line for a faulty file, OSError for a missing one.
    """
    gpus = read_records(folder / "gpus.csv", Gpu, "gpu")
    instance_types = read_records(folder / "instance_types.csv", InstanceType, "instance_type")
    prices = read_records(folder / "prices.csv", Price, "instance_type")
    sold = {row.name for row in instance_types.values()}
    for line, price in prices.items():
        if price.name not in sold:
            raise ValueError(f"prices.csv:{line}: {price.name!r} is not in instance_types.csv")
    known = {gpu.name for gpu in gpus.values()}
    for line, row in instance_types.items():
        if row.gpu not in known:
            raise ValueError(f"instance_types.csv:{line}: {row.gpu!r} is not in gpus.csv")
    models, checkpoints = _models_and_checkpoints(folder)
    denoisers, media_models = _denoisers_and_media_models(folder, models)
    return Catalog(
        instance_types=tuple(instance_types.values()),
        gpus=tuple(gpus.values()),
        models=models,
        checkpoints=checkpoints,
        engines=tuple(read_records(folder / "engines.csv", EngineSupport).values()),
        engine_models=_engine_models(folder, models),
        engine_options=tuple(read_records(folder / "engine_options.csv", EngineOption).values()),
        chart_images=tuple(read_records(folder / "chart_images.csv", ChartImage).values()),
        metric_series=tuple(read_records(folder / "metric_series.csv", MetricSeries).values()),
        interconnects=_interconnects(folder, sold),
        host_links=_host_links(folder, {row.family for row in instance_types.values()}),
        pins=tuple(read_records(folder / "pins.csv", Pin).values()),
        prices=tuple(prices.values()),
        zones=tuple(read_records(folder / "zones.csv", Zone).values()),
        quotas=_quotas(folder, tuple(instance_types.values())),
        purchase_ways=tuple(read_records(folder / "purchase_ways.csv", PurchaseWay).values()),
        lead_times=tuple(read_records(folder / "lead_times.csv", LeadTime).values()),
        vision_towers=_vision_towers(folder, models),
        coefficients=CoefficientSet.model_validate_json(
            (folder / "coefficients.json").read_bytes()
        ),
        denoisers=denoisers,
        media_models=media_models,
        media_formats=tuple(read_records(folder / "media_formats.csv", FormatBytes).values()),
        application_work=tuple(
            read_records(folder / "application_work.csv", ApplicationWork).values()
        ),
        rendition_work=tuple(read_records(folder / "rendition_work.csv", RenditionWork).values()),
        media_coefficients=MediaCoefficientSet.model_validate_json(
            (folder / "media_coefficients.json").read_bytes()
        ),
        digest=_digest(folder / name for name in FILES),
    )


def _quotas(folder: Path, sold: tuple[InstanceType, ...]) -> tuple[Quota, ...]:
    rows = tuple(read_records(folder / "quotas.csv", Quota).values())
    codes = {row.code for row in rows}
    for instance in sold:
        if instance.quota_code not in codes:
            raise ValueError(f"instance_types.csv: {instance.quota_code!r} is not in quotas.csv")
    return rows


def _interconnects(folder: Path, sold: set[str]) -> tuple[Interconnect, ...]:
    rows = read_records(folder / "interconnects.csv", Interconnect, "instance_type")
    for line, row in rows.items():
        if row.name not in sold:
            raise ValueError(f"interconnects.csv:{line}: {row.name!r} is not in instance_types.csv")
    return tuple(rows.values())


def _host_links(folder: Path, families: set[str]) -> tuple[HostLink, ...]:
    rows = read_records(folder / "host_links.csv", HostLink)
    for line, row in rows.items():
        if row.family not in families:
            raise ValueError(f"host_links.csv:{line}: {row.family!r} is not in instance_types.csv")
    return tuple(rows.values())


def _models_and_checkpoints(
    folder: Path,
) -> tuple[tuple[ModelFacts, ...], tuple[Checkpoint, ...]]:
    models = tuple(read_records(folder / "models.csv", ModelFacts).values())
    checkpoints = read_records(folder / "checkpoints.csv", Checkpoint)
    named = {model.model for model in models}
    for line, row in checkpoints.items():
        if row.model not in named:
            raise ValueError(f"checkpoints.csv:{line}: {row.model!r} is not in models.csv")
    return models, tuple(checkpoints.values())


def _engine_models(folder: Path, models: tuple[ModelFacts, ...]) -> tuple[EngineModel, ...]:
    rows = read_records(folder / "engine_models.csv", EngineModel)
    named = {model.model for model in models}
    for line, row in rows.items():
        if row.model not in named:
            raise ValueError(f"engine_models.csv:{line}: {row.model!r} is not in models.csv")
    return tuple(rows.values())


def _vision_towers(folder: Path, models: tuple[ModelFacts, ...]) -> tuple[VisionTower, ...]:
    rows = read_records(folder / "vision_towers.csv", VisionTower)
    named = {model.model for model in models}
    for line, row in rows.items():
        if row.model not in named:
            raise ValueError(f"vision_towers.csv:{line}: {row.model!r} is not in models.csv")
    return tuple(rows.values())


def _denoisers_and_media_models(
    folder: Path, models: tuple[ModelFacts, ...]
) -> tuple[tuple[Denoiser, ...], tuple[MediaModel, ...]]:
    denoisers = tuple(read_records(folder / "denoisers.csv", Denoiser, "denoiser").values())
    rows = read_records(folder / "media_models.csv", MediaModel)
    named, counted = {model.model for model in models}, {row.name for row in denoisers}
    for line, row in rows.items():
        if row.model not in named:
            raise ValueError(f"media_models.csv:{line}: {row.model!r} is not in models.csv")
        if row.denoiser not in counted:
            raise ValueError(f"media_models.csv:{line}: {row.denoiser!r} is not in denoisers.csv")
    return denoisers, tuple(rows.values())


@cache
def zone_id_prefix(region: str) -> str:
    """Return the prefix of a region's zone ids: us-east-1 -> use1.

    Basis: vendor (EC2 zone id naming).
    """
    return "".join(DIRECTIONS.get(word, word) for word in region.split("-"))


def _in_region(zone_ids: tuple[str, ...], region: str) -> tuple[str, ...]:
    prefix = f"{zone_id_prefix(region)}-"
    return tuple(zone for zone in zone_ids if zone.startswith(prefix))


def _digest(paths: Iterable[Path]) -> str:
    total = sha256()
    for path in paths:
        total.update(f"{path.name}\n".encode() + path.read_bytes())
    return total.hexdigest()[:12]


def _named(kind: str, name: str, rows: tuple[R, ...]) -> R:
    wanted = name.strip().lower()
    for row in rows:
        if wanted in row.names:
            return row
    short = {known: row.names[0] for row in rows for known in row.names}
    raise UnknownName(kind, name, _nearest(wanted, short))


def _nearest(wanted: str, short: Mapping[str, str]) -> tuple[str, ...]:
    longer = [known for known in short if wanted and known.startswith(wanted)]
    alike = get_close_matches(wanted, short, n=9, cutoff=0.5)
    return tuple(dict.fromkeys(short[known] for known in (*longer, *alike)))[:3]
