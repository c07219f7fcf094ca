"""The answer of `sizewright accuracy --json`."""

from sizewright.answers.answer import Answer
from sizing.values.exact import Number
from sizing.values.strict import Strict


class RowAnswer(Strict):
    """One measured run. Its predictions are null where the model cannot predict the run."""

    id: str
    """Id of the run in the file."""
    measured_tpot_ms: Number | None
    """Measured time per output token, milliseconds."""
    predicted_tpot_ms: Number | None
    """Predicted mean time per output token, milliseconds."""
    low_tpot_ms: Number | None
    """P10 of the prediction, milliseconds."""
    high_tpot_ms: Number | None
    """P90 of the prediction, milliseconds."""
    measured_ttft_ms: Number | None
    """Measured time to the first token, milliseconds."""
    predicted_ttft_ms: Number | None
    """Predicted mean time to the first token, milliseconds."""
    low_ttft_ms: Number | None
    """P10 of the prediction, milliseconds."""
    high_ttft_ms: Number | None
    """P90 of the prediction, milliseconds."""
    gpu_measured: bool | None
    """True where the fit includes runs on this GPU generation in this precision. False where the
    prediction uses the datasheet."""
    reason: str | None
    """Reason why there is no prediction."""


class ItemRowAnswer(Strict):
    """One row of a table of throughputs. Its predictions are null where the model cannot predict
    the row."""

    id: str
    """Id of the row in the file."""
    measured_seconds_per_item: Number | None
    """Measured seconds of an image or a clip on its cards."""
    predicted_seconds_per_item: Number | None
    """Predicted median, seconds."""
    low_seconds_per_item: Number | None
    """P10 of the prediction, seconds."""
    high_seconds_per_item: Number | None
    """P90 of the prediction, seconds."""
    gpu_measured: bool | None
    """True where the fit includes this GPU generation. False where the prediction uses the
    datasheet."""
    reason: str | None
    """Reason why there is no prediction."""


class ErrorsAnswer(Strict):
    """Errors of predictions: |predicted / measured - 1|."""

    rows: int
    """Rows with a prediction and a measurement."""
    median_percent: Number
    """Median, percent."""
    mean_percent: Number
    """Mean, percent."""
    p90_percent: Number
    """P90, percent."""
    bias_ratio: Number
    """Median of predicted over measured. Predictions are too slow where it is above 1."""
    in_band_percent: Number
    """Rows with a measurement between P10 and P90, percent; 80 would be perfect."""


class FiguresAnswer(Strict):
    """One group of rows."""

    rows: int
    """Rows of the group."""
    answered: int
    """Rows of the group with a prediction."""
    tpot_ms: ErrorsAnswer | None
    """Errors of the time per output token; null without a row that has both values."""
    ttft_ms: ErrorsAnswer | None
    """Errors of the time to the first token; null without a row that has both values."""
    seconds_per_item: ErrorsAnswer | None
    """Errors of the seconds of an image or a clip; null without a row that has both values."""


class SummaryAnswer(Strict):
    """All rows, and groups of rows by name."""

    all: FiguresAnswer
    """All rows."""
    by_gpu: dict[str, FiguresAnswer]
    """Rows of each GPU."""
    by_model: dict[str, FiguresAnswer]
    """Rows of each model."""
    by_engine: dict[str, FiguresAnswer]
    """Rows of each engine."""


class AccuracyAnswer(Answer):
    """Measured runs compared with predictions."""

    catalog_digest: str
    """Digest of the catalog's files."""
    fitted: str
    """Date of the fitted coefficients."""
    rows: tuple[RowAnswer, ...] | tuple[ItemRowAnswer, ...]
    """Every row of the file, in its order."""
    summary: SummaryAnswer
    """Errors over the rows."""
