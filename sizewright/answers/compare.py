"""The answer of `sizewright compare --json`."""

from typing import Annotated

from pydantic import Field

from sizewright.answers.answer import Answer
from sizewright.answers.fleets.disaggregation import DisaggregationAnswer
from sizewright.answers.fleets.mix import MixAnswer
from sizing.plan.part import Rejected
from sizing.plan.service.pool import Survives
from sizing.plan.service.whole import ServicePlan
from sizing.values.exact import Number
from sizing.values.strict import Strict, absent
from sizing.workload import EngineName


class OptionAnswer(Strict):
    """One hardware option that meets every target."""

    instance_type: str
    """EC2 instance type."""
    engine: EngineName
    """Serving engine."""
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
    """GPUs that the load needs, before packing into nodes."""
    usd_per_hour: Number | None
    """US dollars per hour of one node, on demand, before tax; null where no source states it."""
    usd_per_month: Number | None
    """US dollars per month of 730 hours for all nodes of the fleet; null where no source states
    it."""
    price_source: str | None
    """Source of the price."""
    price_checked: str | None
    """Date on which the price was checked."""
    ttft_ms: Number | None
    """Sizing estimate of the time to the first token, milliseconds, at the targets' percentile.
    The needed replicas alone carry the sized load. Null where unknown."""
    tpot_ms: Number | None
    """Time per output token after the first, milliseconds, under the same conditions."""
    item_s: Number | None
    """Sizing estimate of the seconds of one image or clip on its cards, without the wait. Null for
    text, and where unknown."""
    response_s: Annotated[Number | None, Field(exclude_if=absent)] = None
    """Sizing estimate of the seconds to a vector, at the target's percentile; left out for other
    kinds, and where unknown."""
    basis: str | None
    """measured: this engine, GPU generation and precision were measured, or your own runs apply.
    datasheet: nobody measured them, and the band is wider. Null for methods that predict no
    times."""
    utilisation_at_peak: Number | None
    """Peak load divided by the capacity of the whole fleet, 0 to 1 and above."""
    binding: str
    """Constraint that needs the most GPUs."""
    survives: Survives
    """Losses after which enough nodes remain."""
    on_frontier: bool
    """True where no other option is as cheap and as fast, and better in one of these."""


class EngineAnswer(Strict):
    """One engine on the cheapest type for it."""

    engine: EngineName
    """Serving engine."""
    is_requested: bool
    """True for the engine of the workload; with auto, for each that it may choose."""
    option: OptionAnswer | None
    """Cheapest option; null where the engine serves the workload on no type."""
    refused: str | None
    """Reason for no option."""


class SensitivityAnswer(Strict):
    """Distance of one input from the value that doubles the nodes."""

    input: str
    """Name of the input."""
    factor: Number | None
    """Factor by which the input grows, or shrinks for a target or a pause; null above 64 times."""
    feasible: bool
    """False where this hardware cannot serve the workload at that factor."""


class RankingAnswer(Answer):
    """All hardware options for the workload of one file."""

    method: str
    """Method that gives the rate of every GPU."""
    load: str
    """Load that the fleet is sized for: mean or peak."""

    options: tuple[OptionAnswer, ...]
    """Options that meet every target, cheapest first."""
    engines: tuple[EngineAnswer, ...]
    """Each engine on the cheapest type for it; `on_frontier` compares the engines. Empty for a
    method that rates engines alike."""
    mix: MixAnswer
    """Fleets of two or three types instead of the cheapest type."""
    disaggregation: DisaggregationAnswer
    """Separate pools for prompts and answers instead of one pool."""
    rejected: tuple[Rejected, ...]
    """Options that do not meet every target."""
    sensitivities: tuple[SensitivityAnswer, ...]
    """Inputs of the cheapest option, the one that doubles the nodes soonest first."""


class SizedServiceAnswer(ServicePlan):
    """One service as `size` prints it."""

    file: str
    """Path of the workload file."""


class SidesAnswer(Answer):
    """Services of several files, side by side."""

    services: tuple[SizedServiceAnswer, ...]
    """One service for each file."""
    better: dict[str, tuple[int, ...]]
    """Positions in the list of the better services, for each compared number."""


CompareAnswer = RankingAnswer | SidesAnswer
