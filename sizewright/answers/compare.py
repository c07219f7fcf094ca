"""`sizewright compare --json`."""

from sizewright.answers.answer import Answer
from sizewright.answers.mix import MixAnswer
from sizing.plan import Rejected, ServicePlan, Survives
from sizing.values.exact import Number
from sizing.values.strict import Strict


class OptionAnswer(Strict):
    """One hardware that meets every target."""

    instance_type: str
    """EC2 instance type."""
    gpu: str
    """Full name of the GPU in the catalog."""
    tensor_parallel: int
    """GPUs of one node that a replica uses."""
    precision: str
    """Precision of the weights."""
    nodes_total: int
    """Nodes of the whole fleet, spare ones included."""
    gpus_total: int
    """GPUs of the whole fleet, spare ones included."""
    gpus_needed: int
    """GPUs needed, before packing."""
    usd_per_hour: Number | None
    """US dollars of one node an hour, on demand, before tax; null where no source says it."""
    usd_per_month: Number | None
    """US dollars of the whole fleet's nodes a month of 730 hours; null where no source says it."""
    price_source: str | None
    """Where the price is from."""
    price_checked: str | None
    """Day on which it was."""
    ttft_ms: Number | None
    """Time to the first token, milliseconds, at the percentile asked for, on the safe side, while
    the needed replicas alone carry the load that is sized for; null where unknown."""
    tpot_ms: Number | None
    """Time per output token after the first, milliseconds, likewise."""
    basis: str | None
    """measured: this engine on this generation of GPU and in this precision, or your own runs;
    datasheet: nobody measured it, so its band is wider; null by methods that know no times."""
    utilisation_at_peak: Number | None
    """Share of the whole fleet's rate that the peak asks for, 0 to 1 and above."""
    binding: str
    """The constraint that needs most GPUs."""
    survives: Survives
    """Losses that leave enough."""
    on_frontier: bool
    """Whether no option of this list is as cheap and as fast, and better in one of these."""


class SensitivityAnswer(Strict):
    """How far one input is from doubling the nodes."""

    input: str
    """The input."""
    factor: Number | None
    """By which it grows or, for a target or a pause, shrinks; null when 64 times do not."""
    feasible: bool
    """False where at that factor nothing on this hardware serves at all."""


class RankingAnswer(Answer):
    """Every hardware for the workload of one file."""

    method: str
    """How the rate of every GPU is known."""
    load: str
    """Which load is sized for: mean or peak."""

    options: tuple[OptionAnswer, ...]
    """Those that meet every target, cheapest first."""
    mix: MixAnswer
    """Two or three types instead of the cheapest one."""
    rejected: tuple[Rejected, ...]
    """Those that do not."""
    sensitivities: tuple[SensitivityAnswer, ...]
    """On the cheapest option, what doubles the nodes soonest first."""


class SizedServiceAnswer(ServicePlan):
    """One service as `size` prints it."""

    file: str
    """The workload file."""


class SidesAnswer(Answer):
    """The services of several files, side by side."""

    services: tuple[SizedServiceAnswer, ...]
    """One of each file."""
    better: dict[str, tuple[int, ...]]
    """Of each compared number, the services that are better, by their place in the list."""


CompareAnswer = RankingAnswer | SidesAnswer
