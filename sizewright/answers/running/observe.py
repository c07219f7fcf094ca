"""The answer of `sizewright observe --json`."""

from sizewright.answers.answer import Answer, Leaf
from sizewright.answers.diff import FiguresAnswer
from sizewright.measured.observed.figure import Verdict
from sizing.catalog.correction import Correction
from sizing.values.exact import Number
from sizing.values.strict import Strict


class FigureAnswer(Strict):
    """One number of the plan, as sized and as measured; null is unknown, never zero."""

    name: str
    """Name of the number; its unit is in the field unit."""
    unit: str
    """Unit: requests/s, tokens, requests, ms, ratio (0 to 1) or times."""
    sized: Number | None
    """Stated in the workload, or the median that the plan's model predicts for what arrived."""
    low: Number | None
    """Lower edge of the band in which the number is as sized; null without a limit."""
    high: Number | None
    """Upper edge of the band; null without a limit. For a time with a target, the target."""
    measured: Number | None
    """Measured number; null where it was not measured. Above the last bucket of a histogram, the
    edge of that bucket."""
    verdict: Verdict
    """Result of the comparison."""
    reason: str | None
    """Reason why the verdict is unknown; null for another verdict."""


class ProposalAnswer(Strict):
    """Changes of the workload that the measurements contradict."""

    changes: tuple[Leaf, ...]
    """Numbers of the workload file that change."""
    notes: tuple[str, ...]
    """Contradictions that a person must answer."""
    calibration: bool
    """True where the time per output token is outside its band, so that a calibration belongs to
    the proposal."""
    before: FiguresAnswer | None
    """Figures of the service as sized now; null without `--propose`."""
    after: FiguresAnswer | None
    """Figures of the service with the changes; null without `--propose`, and where nothing
    changes."""


class ObserveAnswer(Answer):
    """A running service compared with its plan."""

    service: str
    """Name of the service."""
    start: str
    """Start of the window, UTC."""
    until: str
    """End of the window, UTC."""
    covered_ratio: Number
    """Share of the window that has data, 0 to 1."""
    replicas_up: Number
    """Mean number of replicas that were up."""
    replicas_planned: int | None
    """Number of replicas in the plan, without a burst; null without nodes."""
    figures: tuple[FigureAnswer, ...]
    """Every number with its verdict."""
    restarts: dict[str, Number] | None
    """Restarts of containers by pod with an engine; null where they were not measured."""
    nodes_not_ready: dict[str, Number] | None
    """Share of the window in which a node with an engine was not ready, 0 to 1, by node; null
    where it was not measured."""
    corrections: tuple[Correction, ...]
    """Corrections that follow from the measured time per output token; empty without one."""
    proposal: ProposalAnswer
    """Changes of the workload that follow."""
    written: tuple[str, ...]
    """Paths of the files that were written."""
