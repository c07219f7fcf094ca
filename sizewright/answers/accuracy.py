"""`sizewright accuracy --json`."""

from sizewright.answers.answer import Answer
from sizing.values.exact import Number
from sizing.values.strict import Strict


class RowAnswer(Strict):
    """One measured run; predictions are null where it cannot be answered."""

    id: str
    """The run's id in the file."""
    measured_tpot_ms: Number | None
    """Time per output token, milliseconds, as measured."""
    predicted_tpot_ms: Number | None
    """Time per output token, milliseconds, mean."""
    low_tpot_ms: Number | None
    """P10 of the prediction, milliseconds."""
    high_tpot_ms: Number | None
    """P90 of the prediction, milliseconds."""
    measured_ttft_ms: Number | None
    """Time to the first token, milliseconds, as measured."""
    predicted_ttft_ms: Number | None
    """Time to the first token, milliseconds, mean."""
    low_ttft_ms: Number | None
    """P10 of the prediction, milliseconds."""
    high_ttft_ms: Number | None
    """P90 of the prediction, milliseconds."""
    gpu_measured: bool | None
    """Whether runs on this generation of GPU in this precision were fitted, rather than its
    datasheet taken."""
    reason: str | None
    """Why there is no prediction."""


class ErrorsAnswer(Strict):
    """How far predictions are off: |predicted / measured - 1|."""

    rows: int
    """Rows with a prediction and a measurement."""
    median_percent: Number
    """Median, percent."""
    mean_percent: Number
    """Mean, percent."""
    p90_percent: Number
    """P90, percent."""
    bias_ratio: Number
    """Median of predicted over measured; above 1 is too slow a prediction."""
    in_band_percent: Number
    """Rows measured between P10 and P90, percent; 80 would be perfect."""


class FiguresAnswer(Strict):
    """One group of rows."""

    rows: int
    """Rows of the group."""
    answered: int
    """Of these, rows with a prediction."""
    tpot_ms: ErrorsAnswer | None
    """Of the time per output token; null without a row that has both."""
    ttft_ms: ErrorsAnswer | None
    """Of the time to the first token; null without a row that has both."""


class SummaryAnswer(Strict):
    """All rows, and groups of them by name."""

    all: FiguresAnswer
    """All rows."""
    by_gpu: dict[str, FiguresAnswer]
    """Rows of each GPU."""
    by_model: dict[str, FiguresAnswer]
    """Rows of each model."""
    by_engine: dict[str, FiguresAnswer]
    """Rows of each engine."""


class AccuracyAnswer(Answer):
    """Measured runs against predictions."""

    catalog_digest: str
    """Digest of the catalog's files."""
    fitted: str
    """Day of the coefficients."""
    rows: tuple[RowAnswer, ...]
    """Every row of the file, in its order."""
    summary: SummaryAnswer
    """Errors over the rows."""
