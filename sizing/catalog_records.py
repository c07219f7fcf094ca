"""The rows of the catalog: frozen facts, None where a fact is unknown."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from sizing.architecture import Architecture

PositiveInt = Annotated[int, Field(gt=0)]
Rate = Annotated[Decimal, Field(gt=0)]
IsoDate = Annotated[str, Field(pattern=r"^20\d\d-[01]\d-[0-3]\d$")]


class Record(BaseModel):
    """One row with its origin: `checked` is None where the source states no date."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Annotated[str, Field(min_length=1)]
    checked: IsoDate | None = None
    notes: str = ""


class Fact(Record):
    """A row whose columns named in `unverified` were recalled or derived, not read."""

    unverified: tuple[str, ...] = ()


class Gpu(Fact):
    """An accelerator: memory as EC2 reports it, every rate dense, never sparse.

    Basis: vendor figures as cited in `source` (`sizing/data/gpus.csv`).
    """

    name: str
    aliases: tuple[str, ...]
    vendor: Literal["NVIDIA", "AWS"]
    memory_bytes: PositiveInt
    memory_bandwidth_gb_per_s: Rate | None = None
    fp16_tflops: Rate | None = None
    fp8_tflops: Rate | None = None
    int8_tops: Rate | None = None
    fp4_tflops: Rate | None = None
    bf16: bool | None = None
    native_fp8: bool | None = None
    native_fp4: bool | None = None
    compute_capability: Decimal | None = None
    """CUDA compute capability; None for accelerators that are not NVIDIA's."""
    interconnect: str | None = None
    interconnect_gb_per_s: Rate | None = None
    """Both directions together, per accelerator."""
    tdp_w: PositiveInt | None = None
    confidence: Literal["high", "medium", "low"]

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that finds this accelerator, in lower case, the short one first."""
        return (*self.aliases, self.name.lower())


class InstanceType(Fact):
    """A buyable machine. Empty `regions` means unknown, not nowhere.

    Basis: vendor (EC2 instance type data, dated in `source`), corrected where `notes` says so.
    """

    name: str
    family: str
    gpu: str
    """Full name of the accelerator in `gpus.csv`."""
    gpu_count: Rate
    """A fraction where the instance gets a slice of one accelerator."""
    gpu_memory_bytes: PositiveInt
    """Of one accelerator, or of the slice."""
    vcpu_count: PositiveInt
    memory_gib: PositiveInt
    arch: Literal["x86_64", "arm64"]
    local_nvme_gb: int | None = None
    network_cards: PositiveInt | None = None
    network_gbit_per_s: Rate | None = None
    """Sustained; the label where several cards would sum to something else."""
    network_burst_gbit_per_s: Rate | None = None
    efa_interfaces: int | None = None
    ebs_baseline_mbit_per_s: PositiveInt | None = None
    ebs_max_mbit_per_s: PositiveInt | None = None
    ebs_max_iops: PositiveInt | None = None
    eni_count: PositiveInt | None = None
    """Network interfaces of the default card, the only one whose addresses pods get."""
    ipv4_per_eni: PositiveInt | None = None
    max_pods: PositiveInt | None = None
    purchase: tuple[Literal["capacity_block", "on_demand", "spot"], ...]
    regions: tuple[str, ...] = ()
    zone_ids: tuple[str, ...] = ()
    quota_name: str
    quota_code: str
    confidence: Literal["high", "medium", "low"]

    @property
    def names(self) -> tuple[str, ...]:
        """The one name that finds this type."""
        return (self.name,)


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
    hf_repo: str
    kind: str
    parameters: PositiveInt | None = None
    active_parameters: PositiveInt | None = None
    parameters_basis: Literal["computed", "file_size", "recalled"] | None = None
    layers: PositiveInt | None = None
    hidden_size: PositiveInt | None = None
    heads: PositiveInt | None = None
    kv_heads: PositiveInt | None = None
    head_dim: PositiveInt | None = None
    """Of queries and keys; `value_head_dim` only where values differ."""
    value_head_dim: PositiveInt | None = None
    mla_latent_dim: PositiveInt | None = None
    mla_rope_dim: PositiveInt | None = None
    ffn_dim: PositiveInt | None = None
    moe_ffn_dim: PositiveInt | None = None
    experts: PositiveInt | None = None
    experts_per_token: PositiveInt | None = None
    vocab: PositiveInt | None = None
    context: PositiveInt | None = None
    """Longest context, in tokens."""
    native_dtype: Literal["fp32", "bf16", "fp16", "fp8", "int8", "fp4", "int4"]
    """Of the published weights; of the experts where the rest is wider."""
    native_weights_gib: Rate | None = None
    kv_bytes_per_token_16bit: int | None = None
    tied_embeddings: bool | None = None
    attention: str | None = None
    sliding_window_tokens: PositiveInt | None = None
    sliding_layers_per_period: PositiveInt | None = None
    period_layers: PositiveInt | None = None
    text_encoders: str | None = None
    text_encoder_parameters: PositiveInt | None = None
    vae_parameters: PositiveInt | None = None
    licence: str
    config: Architecture | None = None
    """Of a model that its own config.json describes; no column."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that finds this model, in lower case, the short one first."""
        repo = self.hf_repo.lower()
        return tuple(dict.fromkeys((self.model, self.name.lower(), repo, repo.split("/")[-1])))


class EngineSupport(Record):
    """Where a serving engine runs a precision, by CUDA compute capability.

    Basis: vendor documents cited in `source`; of two that disagree the stricter.
    """

    engine: str
    precision: str
    min_compute_capability: Decimal | None = None
    """None: the engine does not run this precision at all."""
    max_compute_capability: Decimal | None = None
    native_compute_capability: Decimal | None = None
    """From here the arithmetic itself runs in this precision; below, weights only."""

    @property
    def names(self) -> tuple[str, ...]:
        """Engine and precision, the key of the row."""
        return (f"{self.engine} {self.precision}",)


class Pin(Record):
    """A version to deploy; `verified` is False where no document of its vendor was read."""

    item: str
    version: str
    repository: str | None = None
    """Where a Helm chart is fetched from; None for all else."""
    end_of_support: IsoDate | None = None
    verified: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The item, the key of the row."""
        return (self.item,)
