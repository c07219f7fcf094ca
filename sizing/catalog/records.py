"""Rows of the catalog: frozen facts. None means that a fact is unknown."""

from abc import abstractmethod
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from sizing.catalog.architecture import Architecture
from sizing.values.exact import exact, plain
from sizing.workload.kinds import LANGUAGE, Kind

PositiveInt = Annotated[int, Field(gt=0)]
BIDIRECTIONAL = "bidirectional"
"""Form of the attention of an encoder."""
VERSION = r"^v[0-9]+\.[0-9]+\.[0-9]+$"
Capability = Annotated[Decimal, PlainSerializer(plain, return_type=int | float, when_used="json")]
Rate = Annotated[Capability, Field(gt=0)]
IsoDate = Annotated[str, Field(pattern=r"^20\d\d-[01]\d-[0-3]\d$")]


class Record(BaseModel):
    """Row with its origin. `checked` is None where the source states no date."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    source: Annotated[str, Field(min_length=1)]
    """Source of the row."""
    checked: IsoDate | None = None
    """Date on which the source was read."""
    notes: str = ""
    """Notes for the reader."""

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Names of the row, which are unique in its file."""


class Fact(Record):
    """Row of facts. Columns named in `unverified` were recalled or derived, not read."""

    unverified: tuple[str, ...] = ()
    """Columns that were recalled or derived, not read in a source."""


class Gpu(Fact):
    """Accelerator with its memory as EC2 reports it. Rates are for dense matrices.

    Basis: vendor figures as cited in `source` (`sizing/catalog/data/gpus.csv`).
    """

    name: str
    """Full name."""
    aliases: tuple[str, ...]
    """Other names of the accelerator, the short one first."""
    vendor: Literal["NVIDIA", "AWS"]
    """Vendor of the accelerator."""
    memory_bytes: PositiveInt
    """Bytes of memory, as EC2 reports it."""
    memory_bandwidth_gb_per_s: Rate | None = None
    """GB/s of memory bandwidth."""
    fp16_tflops: Rate | None = None
    """Dense TFLOP/s in FP16 or BF16."""
    fp8_tflops: Rate | None = None
    """Dense TFLOP/s in FP8."""
    int8_tops: Rate | None = None
    """Dense TOP/s in INT8."""
    fp4_tflops: Rate | None = None
    """Dense TFLOP/s in FP4."""
    bf16: bool | None = None
    """True where it computes in BF16."""
    native_fp8: bool | None = None
    """True where it computes in FP8."""
    native_fp4: bool | None = None
    """True where it computes in FP4."""
    compute_capability: Capability | None = None
    """CUDA compute capability; None for accelerators that are not NVIDIA's."""
    interconnect: str | None = None
    """Link between the GPUs of one node."""
    interconnect_gb_per_s: Rate | None = None
    """GB/s of the link per accelerator, both directions together."""
    tdp_w: PositiveInt | None = None
    """W of thermal design power."""
    confidence: Literal["high", "medium", "low"]
    """Confidence in the row."""

    @property
    def names(self) -> tuple[str, ...]:
        """Return every name of this accelerator in lower case, the short one first."""
        return (*self.aliases, self.name.lower())


class InstanceType(Fact):
    """Machine on sale. Empty `regions` means that the regions are unknown.

    Basis: vendor (EC2 instance type data, dated in `source`), corrected where `notes` says so.
    """

    name: str
    """EC2 instance type."""
    family: str
    """EC2 instance family."""
    gpu: str
    """Full name of the accelerator in `gpus.csv`."""
    gpu_count: Rate
    """Number of GPUs, a fraction where the instance has a slice of one accelerator."""
    gpu_memory_bytes: PositiveInt
    """Bytes of memory of one accelerator, or of the slice."""
    vcpu_count: PositiveInt
    """Number of vCPUs."""
    memory_gib: PositiveInt
    """GiB of host memory."""
    arch: Literal["x86_64", "arm64"]
    """Architecture of its CPUs."""
    local_nvme_gb: int | None = None
    """GB of the machine's own NVMe disks together."""
    network_cards: PositiveInt | None = None
    """Number of network cards."""
    network_gbit_per_s: Rate | None = None
    """Gbit/s sustained. The label counts where the sum of several cards differs from it."""
    network_burst_gbit_per_s: Rate | None = None
    """Gbit/s for a limited time."""
    efa_interfaces: int | None = None
    """Maximum number of EFA interfaces."""
    ebs_baseline_mbit_per_s: PositiveInt | None = None
    """Mbit/s to EBS, sustained."""
    ebs_max_mbit_per_s: PositiveInt | None = None
    """Mbit/s to EBS for a limited time."""
    ebs_max_iops: PositiveInt | None = None
    """Maximum IOPS to EBS."""
    eni_count: PositiveInt | None = None
    """Network interfaces of the default card, the only card whose addresses pods get."""
    ipv4_per_eni: PositiveInt | None = None
    """IPv4 addresses of one network interface."""
    max_pods: PositiveInt | None = None
    """Number of pods that the addresses allow."""
    purchase: tuple[Literal["capacity_block", "on_demand", "spot"], ...]
    """Ways to buy the machine."""
    regions: tuple[str, ...] = ()
    """Regions that sell the machine."""
    zone_ids: tuple[str, ...] = ()
    """Zones that sell the machine, by zone id."""
    quota_name: str
    """EC2 quota that counts its vCPUs."""
    quota_code: str
    """Code of that quota."""
    confidence: Literal["high", "medium", "low"]
    """Confidence in the row."""

    @property
    def gpu_share(self) -> Fraction:
        """Share of a card that one GPU is: 1, or less for a partition of a card."""
        return min(exact(self.gpu_count), Fraction(1))

    @property
    def names(self) -> tuple[str, ...]:
        """Name of this type."""
        return (self.name,)


class HostLink(Fact):
    """Link between host memory and the GPUs of an instance family.

    Basis: figures as cited in `source` (`sizing/catalog/data/host_links.csv`), the lower one of
    card and host.
    """

    family: str
    """EC2 instance family."""
    gb_per_s: Rate
    """GB/s of one GPU in one direction while all GPUs of the node copy; nominal."""

    @property
    def names(self) -> tuple[str, ...]:
        """Family, the key of the row."""
        return (self.family,)


class Price(Fact):
    """Price of an hour of a machine on demand, before tax.

    Basis: list prices of one date, as flagged in `unverified` where derived. Without a row, a price
    is unknown.
    """

    name: str
    """Instance type."""
    region: str
    usd_per_hour: Rate

    @property
    def names(self) -> tuple[str, ...]:
        """Type and region, which form the key of the row."""
        return (f"{self.name} {self.region}",)


class Zone(Fact):
    """Availability zone that differs from the others.

    Basis: vendor (Amazon EKS user guide), as flagged in `unverified`.
    """

    zone_id: str
    control_plane: bool
    """True where EKS places a control plane's interfaces in the zone."""

    @property
    def names(self) -> tuple[str, ...]:
        """Id of this zone."""
        return (self.zone_id,)


class ModelFacts(Fact):
    """Known facts of a model's shape.

    `kv_bytes_per_token_16bit` is an upper bound where layers slide or compress.
    Basis: configs cited in `source`; `parameters_basis` says how parameters were counted.
    """

    model: str
    """Short name, for typing."""
    name: str
    """Full name."""
    hf_repo: str
    """Repository on the Hugging Face Hub."""
    kind: str
    """Kind of output: llm for text."""
    parameters: PositiveInt | None = None
    """Parameters in total."""
    active_parameters: PositiveInt | None = None
    """Parameters that one token uses."""
    parameters_basis: Literal["computed", "file_size", "recalled"] | None = None
    """Method that counted the parameters."""
    layers: PositiveInt | None = None
    """Number of layers."""
    hidden_size: PositiveInt | None = None
    """Width of the hidden state."""
    heads: PositiveInt | None = None
    """Number of attention heads."""
    kv_heads: PositiveInt | None = None
    """Number of heads of keys and values."""
    head_dim: PositiveInt | None = None
    """Width of queries and keys; `value_head_dim` is set only where values differ."""
    value_head_dim: PositiveInt | None = None
    """Width of a value head, where it differs."""
    mla_latent_dim: PositiveInt | None = None
    """Width of the compressed KV latent."""
    mla_rope_dim: PositiveInt | None = None
    """Width of the rotary part next to the latent."""
    ffn_dim: PositiveInt | None = None
    """Width of a dense feed-forward layer."""
    moe_ffn_dim: PositiveInt | None = None
    """Width of one expert."""
    experts: PositiveInt | None = None
    """Number of routed experts of a layer."""
    experts_per_token: PositiveInt | None = None
    """Number of routed experts that one token uses."""
    vocab: PositiveInt | None = None
    """Number of tokens in the vocabulary."""
    context: PositiveInt | None = None
    """Longest context, in tokens."""
    native_dtype: Literal["fp32", "bf16", "fp16", "fp8", "int8", "fp4", "int4"]
    """Format of the published weights, or of the experts where the rest is wider."""
    native_weights_gib: Rate | None = None
    """GiB of the published weights."""
    kv_bytes_per_token_16bit: int | None = None
    """Bytes that one token keeps in a 16-bit KV cache."""
    tied_embeddings: bool | None = None
    """True where input and output embeddings are the same."""
    dimensions: PositiveInt | None = None
    """Elements of a vector, of a model whose answer is one."""
    attention: str | None = None
    """Form of the attention."""
    sliding_window_tokens: PositiveInt | None = None
    """Tokens of a sliding window."""
    sliding_layers_per_period: PositiveInt | None = None
    """Number of layers with a window in one period of layers."""
    period_layers: PositiveInt | None = None
    """Number of layers after which the pattern repeats."""
    index_heads: PositiveInt | None = None
    """Heads of the indexer of sparse attention."""
    index_head_dim: PositiveInt | None = None
    """Width of one head of the indexer."""
    index_top_tokens: PositiveInt | None = None
    """Cached tokens that the indexer chooses for a query."""
    text_encoders: str | None = None
    """Prompt encoders of a model that makes images or videos."""
    text_encoder_parameters: PositiveInt | None = None
    """Parameters of those encoders."""
    vae_parameters: PositiveInt | None = None
    """Parameters of the autoencoder."""
    licence: str
    """Licence of the weights."""
    config: Annotated[
        Architecture | None, WithJsonSchema({"type": "null"}, mode="serialization")
    ] = None
    """Architecture from the model's own config.json. It is no column."""

    @property
    def is_language(self) -> bool:
        """True for a model that generates tokens."""
        return self.kind == LANGUAGE.model_kind

    @property
    def is_embedding(self) -> bool:
        """True for a model whose answer is a vector."""
        return self.kind == Kind.embedding.traits.model_kind

    @property
    def is_encoder(self) -> bool:
        """True for a model of vectors in which each token meets all others."""
        return self.is_embedding and self.attention == BIDIRECTIONAL

    @property
    def names(self) -> tuple[str, ...]:
        """Return every name of this model in lower case, the short one first."""
        repo = self.hf_repo.lower()
        return tuple(dict.fromkeys((self.model, self.name.lower(), repo, repo.split("/")[-1])))


class Checkpoint(Record):
    """Repository with a model in a precision other than its own.

    Basis: public files cited in `source` (`sizing/catalog/data/checkpoints.csv`).
    """

    model: str
    """Short name of the model."""
    precision: Literal["fp8", "int8", "fp4", "int4", "nf4"]
    """Precision of its weights."""
    repository: str
    """Repository on the Hugging Face Hub."""
    revision: Annotated[str | None, Field(pattern=r"^[0-9a-f]{40}$")] = None
    """Commit that is known to be in use; None where none is known."""

    @property
    def names(self) -> tuple[str, ...]:
        """Repository, the key of the row."""
        return (self.repository.lower(),)


class EngineSupport(Record):
    """CUDA compute capabilities on which a serving engine runs a precision.

    Basis: vendor documents cited in `source`; where two disagree, the stricter one counts.
    """

    engine: str
    """Serving engine."""
    precision: str
    """Precision of the weights."""
    min_compute_capability: Capability | None = None
    """Lowest CUDA compute capability. None means that the engine does not run this precision."""
    max_compute_capability: Capability | None = None
    """Highest CUDA compute capability on which the engine runs the precision."""
    native_compute_capability: Capability | None = None
    """Lowest compute capability with arithmetic in this precision. Below it, only weights use
    it."""
    online_flag: str | None = None
    """Flag that makes the engine convert 16-bit weights to this precision as it loads them."""

    @property
    def names(self) -> tuple[str, ...]:
        """Engine and precision, which form the key of the row."""
        return (f"{self.engine} {self.precision}",)


class ChartImage(Record):
    """Image of a Helm chart, and the chart values that select its registry.

    Basis: vendor (values and templates of the charts, `sizing/catalog/data/chart_images.csv`).
    """

    chart: str
    """Helm chart."""
    image: str
    """Registry and name of the image by default."""
    registry_value: str | None = None
    """Path of the value that is only the registry; None where the repository value includes it."""
    repository_value: str
    """Path of the value that is the repository."""

    @property
    def names(self) -> tuple[str, ...]:
        """Image, the key of the row."""
        return (self.image,)


class MetricKind(StrEnum):
    gauge = "gauge"
    """Value that rises and falls."""
    counter = "counter"
    """Value that only rises."""
    histogram = "histogram"
    """Counts by bucket, their sum and their number."""


class SeriesPer(StrEnum):
    engine = "engine"
    """Pod with an engine."""
    service = "service"
    """Service with a scaling rule."""
    node = "node"
    """Node of the cluster."""
    gpu = "gpu"
    """GPU of a node."""
    pod = "pod"
    """Pod of the cluster."""


class MetricSeries(Record):
    """Metric that Prometheus keeps, and its number of series.

    Basis: vendor (documents and sources of the exporters, `sizing/catalog/data/metric_series.csv`).
    """

    exporter: str
    """Engine, or program that exports the metric."""
    metric: str = Field(pattern=r"^[A-Za-z_:][A-Za-z0-9_:]*$")
    """Name of the metric. A histogram's series have the ends bucket, sum and count."""
    kind: MetricKind
    """Kind of the metric."""
    per: SeriesPer
    """Object whose number multiplies the series."""
    series: int = Field(ge=1)
    """Series of one such object."""

    @property
    def names(self) -> tuple[str, ...]:
        """Metric, the key of the row."""
        return (self.metric,)

    @property
    def pattern(self) -> str:
        """Regular expression of the names of its series."""
        return f"{self.metric}_(bucket|sum|count)" if self.kind == "histogram" else self.metric


class Interconnect(Record):
    """First EFA device plugin that supports an instance type.

    Basis: vendor (history of the plugin's chart, `sizing/catalog/data/interconnects.csv`).
    """

    name: str
    """EC2 instance type."""
    plugin_chart: str = Field(pattern=VERSION)
    """Version of the chart."""
    plugin_image: str = Field(pattern=VERSION)
    """Version of the image in that chart."""

    @property
    def names(self) -> tuple[str, ...]:
        """Instance type, the key of the row."""
        return (self.name,)


class Pin(Record):
    """Version to deploy. `verified` is False where it was not checked in a vendor's document."""

    item: str
    """Name of the pinned item."""
    version: str
    """Version to deploy."""
    repository: str | None = None
    """Repository of a Helm chart; None for everything else."""
    end_of_support: IsoDate | None = None
    """Date on which the vendor's support ends."""
    verified: bool
    """True where the version was checked in a document of the vendor."""

    @property
    def names(self) -> tuple[str, ...]:
        """Item, the key of the row."""
        return (self.item,)
