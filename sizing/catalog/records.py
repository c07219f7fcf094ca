"""The rows of the catalog: frozen facts, None where a fact is unknown."""

from abc import abstractmethod
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from sizing.catalog.architecture import Architecture
from sizing.values.exact import plain

PositiveInt = Annotated[int, Field(gt=0)]
VERSION = r"^v[0-9]+\.[0-9]+\.[0-9]+$"
Capability = Annotated[Decimal, PlainSerializer(plain, return_type=int | float, when_used="json")]
Rate = Annotated[Capability, Field(gt=0)]
IsoDate = Annotated[str, Field(pattern=r"^20\d\d-[01]\d-[0-3]\d$")]


class Record(BaseModel):
    """One row with its origin: `checked` is None where the source states no date."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    source: Annotated[str, Field(min_length=1)]
    """Where the row is from."""
    checked: IsoDate | None = None
    """Day on which the source was read."""
    notes: str = ""
    """What a reader should know."""

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Names of the row, which no other row of its file may have."""


class Fact(Record):
    """A row whose columns named in `unverified` were recalled or derived, not read."""

    unverified: tuple[str, ...] = ()
    """Columns that were recalled or derived, not read in a source."""


class Gpu(Fact):
    """An accelerator: memory as EC2 reports it, every rate dense, never sparse.

    Basis: vendor figures as cited in `source` (`sizing/catalog/data/gpus.csv`).
    """

    name: str
    """Full name."""
    aliases: tuple[str, ...]
    """Other names that find it, the short one first."""
    vendor: Literal["NVIDIA", "AWS"]
    """Who makes it."""
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
    """Whether it computes in BF16."""
    native_fp8: bool | None = None
    """Whether it computes in FP8."""
    native_fp4: bool | None = None
    """Whether it computes in FP4."""
    compute_capability: Capability | None = None
    """CUDA compute capability; None for accelerators that are not NVIDIA's."""
    interconnect: str | None = None
    """What joins the GPUs of one node."""
    interconnect_gb_per_s: Rate | None = None
    """Both directions together, per accelerator."""
    tdp_w: PositiveInt | None = None
    """W of thermal design power."""
    confidence: Literal["high", "medium", "low"]
    """How sure the row is."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that finds this accelerator, in lower case, the short one first."""
        return (*self.aliases, self.name.lower())


class InstanceType(Fact):
    """A buyable machine. Empty `regions` means unknown, not nowhere.

    Basis: vendor (EC2 instance type data, dated in `source`), corrected where `notes` says so.
    """

    name: str
    """EC2 instance type."""
    family: str
    """EC2 instance family."""
    gpu: str
    """Full name of the accelerator in `gpus.csv`."""
    gpu_count: Rate
    """A fraction where the instance gets a slice of one accelerator."""
    gpu_memory_bytes: PositiveInt
    """Of one accelerator, or of the slice."""
    vcpu_count: PositiveInt
    """vCPUs."""
    memory_gib: PositiveInt
    """GiB of host memory."""
    arch: Literal["x86_64", "arm64"]
    """Architecture of its CPUs."""
    local_nvme_gb: int | None = None
    """GB of its own NVMe disks together."""
    network_cards: PositiveInt | None = None
    """Network cards."""
    network_gbit_per_s: Rate | None = None
    """Sustained; the label where several cards would sum to something else."""
    network_burst_gbit_per_s: Rate | None = None
    """Gbit/s that it reaches for a while."""
    efa_interfaces: int | None = None
    """EFA interfaces at most."""
    ebs_baseline_mbit_per_s: PositiveInt | None = None
    """Mbit/s to EBS, sustained."""
    ebs_max_mbit_per_s: PositiveInt | None = None
    """Mbit/s to EBS for a while."""
    ebs_max_iops: PositiveInt | None = None
    """IOPS to EBS at most."""
    eni_count: PositiveInt | None = None
    """Network interfaces of the default card, the only one whose addresses pods get."""
    ipv4_per_eni: PositiveInt | None = None
    """IPv4 addresses of one network interface."""
    max_pods: PositiveInt | None = None
    """Pods that its addresses allow."""
    purchase: tuple[Literal["capacity_block", "on_demand", "spot"], ...]
    """Ways to buy it."""
    regions: tuple[str, ...] = ()
    """Regions that sell it."""
    zone_ids: tuple[str, ...] = ()
    """Zones that sell it, by zone id."""
    quota_name: str
    """EC2 quota that counts its vCPUs."""
    quota_code: str
    """Code of that quota."""
    confidence: Literal["high", "medium", "low"]
    """How sure the row is."""

    @property
    def names(self) -> tuple[str, ...]:
        """The one name that finds this type."""
        return (self.name,)


class Price(Fact):
    """What an hour of a machine costs on demand, before tax.

    Basis: list prices of a day, as flagged in `unverified` where derived; no row means unknown.
    """

    name: str
    """The instance type."""
    region: str
    usd_per_hour: Rate

    @property
    def names(self) -> tuple[str, ...]:
        """Type and region, the key of the row."""
        return (f"{self.name} {self.region}",)


class Zone(Fact):
    """An availability zone that differs from the others.

    Basis: vendor (Amazon EKS user guide), as flagged in `unverified`.
    """

    zone_id: str
    control_plane: bool
    """Whether EKS puts a control plane's interfaces there."""

    @property
    def names(self) -> tuple[str, ...]:
        """The one name that finds this zone."""
        return (self.zone_id,)


class ModelFacts(Fact):
    """What is known of a model's shape.

    `kv_bytes_per_token_16bit` is an upper bound where layers slide or compress.
    Basis: configs cited in `source`; `parameters_basis` says how parameters were counted.
    """

    model: str
    """Short name, the one to type."""
    name: str
    """Full name."""
    hf_repo: str
    """Repository on the Hugging Face Hub."""
    kind: str
    """What it makes: llm for text."""
    parameters: PositiveInt | None = None
    """Parameters in all."""
    active_parameters: PositiveInt | None = None
    """Parameters that one token uses."""
    parameters_basis: Literal["computed", "file_size", "recalled"] | None = None
    """How the parameters were counted."""
    layers: PositiveInt | None = None
    """Layers."""
    hidden_size: PositiveInt | None = None
    """Width of the hidden state."""
    heads: PositiveInt | None = None
    """Attention heads."""
    kv_heads: PositiveInt | None = None
    """Heads of keys and values."""
    head_dim: PositiveInt | None = None
    """Of queries and keys; `value_head_dim` only where values differ."""
    value_head_dim: PositiveInt | None = None
    """Width of a value head, where it differs."""
    mla_latent_dim: PositiveInt | None = None
    """Width of the compressed KV latent."""
    mla_rope_dim: PositiveInt | None = None
    """Width of the rotary part beside the latent."""
    ffn_dim: PositiveInt | None = None
    """Width of a dense feed-forward layer."""
    moe_ffn_dim: PositiveInt | None = None
    """Width of one expert."""
    experts: PositiveInt | None = None
    """Routed experts of a layer."""
    experts_per_token: PositiveInt | None = None
    """Routed experts that one token uses."""
    vocab: PositiveInt | None = None
    """Tokens of the vocabulary."""
    context: PositiveInt | None = None
    """Longest context, in tokens."""
    native_dtype: Literal["fp32", "bf16", "fp16", "fp8", "int8", "fp4", "int4"]
    """Of the published weights; of the experts where the rest is wider."""
    native_weights_gib: Rate | None = None
    """GiB of the published weights."""
    kv_bytes_per_token_16bit: int | None = None
    """Bytes that one token keeps in a 16-bit KV cache."""
    tied_embeddings: bool | None = None
    """Whether input and output embeddings are the same."""
    attention: str | None = None
    """Form of the attention."""
    sliding_window_tokens: PositiveInt | None = None
    """Tokens of a sliding window."""
    sliding_layers_per_period: PositiveInt | None = None
    """Layers with a window in one period of layers."""
    period_layers: PositiveInt | None = None
    """Layers after which the pattern repeats."""
    text_encoders: str | None = None
    """Encoders of the prompt, of models that make images or videos."""
    text_encoder_parameters: PositiveInt | None = None
    """Parameters of those encoders."""
    vae_parameters: PositiveInt | None = None
    """Parameters of the autoencoder."""
    licence: str
    """Licence of the weights."""
    config: Annotated[
        Architecture | None, WithJsonSchema({"type": "null"}, mode="serialization")
    ] = None
    """Of a model that its own config.json describes; no column."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that finds this model, in lower case, the short one first."""
        repo = self.hf_repo.lower()
        return tuple(dict.fromkeys((self.model, self.name.lower(), repo, repo.split("/")[-1])))


class Checkpoint(Record):
    """A repository that holds a model in another precision than its own.

    Basis: public files cited in `source` (`sizing/catalog/data/checkpoints.csv`).
    """

    model: str
    """Short name of the model."""
    precision: Literal["fp8", "int8", "fp4", "int4", "nf4"]
    """Precision of its weights."""
    repository: str
    """Repository on the Hugging Face Hub."""
    revision: Annotated[str | None, Field(pattern=r"^[0-9a-f]{40}$")] = None
    """Commit that was seen in use; None where none was."""

    @property
    def names(self) -> tuple[str, ...]:
        """The repository, the key of the row."""
        return (self.repository.lower(),)


class EngineSupport(Record):
    """Where a serving engine runs a precision, by CUDA compute capability.

    Basis: vendor documents cited in `source`; of two that disagree the stricter.
    """

    engine: str
    """Serving engine."""
    precision: str
    """Precision of the weights."""
    min_compute_capability: Capability | None = None
    """None: the engine does not run this precision at all."""
    max_compute_capability: Capability | None = None
    """CUDA compute capability above which it does not run."""
    native_compute_capability: Capability | None = None
    """From here the arithmetic itself runs in this precision; below, weights only."""
    online_flag: str | None = None
    """Flag with which the engine narrows 16-bit weights to this precision as it loads them."""

    @property
    def names(self) -> tuple[str, ...]:
        """Engine and precision, the key of the row."""
        return (f"{self.engine} {self.precision}",)


class ChartImage(Record):
    """An image of a Helm chart, and the values of the chart that say where it comes from.

    Basis: vendor (values and templates of the charts, `sizing/catalog/data/chart_images.csv`).
    """

    chart: str
    """Helm chart."""
    image: str
    """Registry and name of the image that the chart has by itself."""
    registry_value: str | None = None
    """Path of the value that is the registry alone; None where the repository has it too."""
    repository_value: str
    """Path of the value that is the repository."""

    @property
    def names(self) -> tuple[str, ...]:
        """The image, the key of the row."""
        return (self.image,)


class Interconnect(Record):
    """The first EFA device plugin that knows an instance type.

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
        """The instance type, the key of the row."""
        return (self.name,)


class Pin(Record):
    """A version to deploy; `verified` is False where no document of its vendor was read."""

    item: str
    """What is pinned."""
    version: str
    """Version to deploy."""
    repository: str | None = None
    """Where a Helm chart is fetched from; None for all else."""
    end_of_support: IsoDate | None = None
    """Day on which its vendor's support ends."""
    verified: bool
    """Whether a document of its vendor was read."""

    @property
    def names(self) -> tuple[str, ...]:
        """The item, the key of the row."""
        return (self.item,)
