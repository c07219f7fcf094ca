"""The fit: priors, bounds, robust least squares in the logarithm. Standard library only.

Times are multiples and costs are positive, so every parameter is fitted as its logarithm. A prior
keeps parameters that the rows do not determine near known hardware values. Engines start as equals
and differ only as far as their rows require: each engine's value is a multiple of the common one.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from sizewright.measured.prediction import Predictor
from sizewright.measured.run import MeasuredRun
from sizing.catalog.coefficients import CoefficientSet, EngineCoefficients, arithmetic_like
from sizing.steps.model import StepModel, StepTime

ENGINES = ("vllm", "sglang", "tensorrt-llm")
ROOFLINE_POWER = 1.8
TPOT_SPREAD, TTFT_SPREAD = 0.12, 0.2
"""Log errors up to this count squared, larger ones linearly. TTFT mixes queueing, burst starts."""


@dataclass(frozen=True)
class Prior:
    """Expected value of a coefficient before any row is read."""

    centre: float
    log_spread: float
    lowest: float = 0.0
    engine_spread: float = 0.0
    """Log spread between engines; 0 keeps one value for all."""
    highest: float = 1e6


PRIORS = {
    "weights_read": Prior(1.25, 0.25, 1.0),
    "expert_weights_read": Prior(1.25, 0.25, 1.0),
    "four_bit_read": Prior(0.85, 0.3, 0.0, 0.0, 1.5),
    "kv_read": Prior(1.25, 0.4, 1.0),
    "decode_flop": Prior(1.5, 0.5, 1.0),
    "prefill_flop": Prior(1.6, 0.4, 1.0, 0.15),
    "expert_prefill_flop": Prior(2.0, 0.5, 1.0),
    "attention_flop": Prior(2.5, 0.5, 1.0),
    "eight_bit_prefill": Prior(1.2, 0.2, 1.0),
    "four_bit_prefill": Prior(1.4, 0.3, 1.0),
    "activation": Prior(6.0, 0.8),
    "expert_activation": Prior(4.0, 0.8),
    "all_reduce": Prior(1.5, 0.5, 1.0),
    "all_to_all": Prior(1.5, 0.5, 1.0),
    "layer_us": Prior(45.0, 0.6, 0.0, 0.2),
    "latent_layer_us": Prior(10.0, 1.0),
    "expert_layer_us": Prior(20.0, 0.7),
    "eight_bit_layer_us": Prior(5.0, 1.0),
    "four_bit_layer_us": Prior(5.0, 1.0),
    "data_parallel_layer_us": Prior(10.0, 1.0),
    "sequence_us": Prior(8.0, 0.8, 0.0, 0.2),
    "step_ms": Prior(0.5, 1.0),
    "prefill_layer_us": Prior(50.0, 1.0),
    "first_token_ms": Prior(60.0, 0.7, 0.0, 0.5),
    "first_token_prefills": Prior(1.0, 0.3),
    "first_token_queue": Prior(0.1, 0.5, 0.0, 0.7, 1.0),
    "first_token_steps": Prior(4.0, 0.5),
}
"""Priors of the coefficients. Basis: assumed before the fit. Engines report read and arithmetic
efficiencies of 0.8 and 0.6; launches and collectives cost microseconds a layer. The spreads
express how little that is."""


Group = tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """A run, prepared for many predictions."""

    run: MeasuredRun
    model: StepModel
    most: float | None
    input_tokens: float
    output_tokens: float
    group: Group
    """Group of rows with related errors: one model, GPU, engine and format."""
    weight: float
    """1 / sqrt(rows of its group), 1 in the mean over all rows."""
    model_key: str
    """Key of one model: an architecture, whatever its training or name."""

    @property
    def running(self) -> float:
        """Requests that have a slot."""
        flight = self.run.concurrency
        return flight if self.most is None else min(flight, self.most)

    def answer(self, coefficients: CoefficientSet) -> StepTime:
        """Return the step times of the run with these coefficients."""
        model = replace(self.model, coefficients=coefficients)
        return model.closed_loop(
            self.input_tokens, self.output_tokens, self.run.concurrency, self.most
        )


def rows(runs: Sequence[MeasuredRun], predictor: Predictor, nominal: float) -> list[Row]:
    """The runs as rows."""
    groups = [(run.model, run.gpu, run.engine, run.weights, run.experts) for run in runs]
    count = Counter(groups)
    raw = [count[g] ** -0.5 for g in groups]
    mean = sum(raw) / len(raw)
    made = []
    for run, group, weight in zip(runs, groups, raw, strict=True):
        model, most = predictor.model(run)
        ratio = run.length_ratio or nominal
        sizes = run.input_tokens * ratio, run.output_tokens * ratio
        shape, _ = predictor.shape(run.model)
        key = f"{shape.parameters} x {shape.layers} x {shape.hidden_size}"
        made.append(Row(run, model, most, *sizes, group, weight / mean, key))
    return made


def evidence(fitted: Sequence[Row]) -> float:
    """Weight of a row against the priors, so that all rows together weigh as much as their groups.

    The rows of a group share a model, format and engine: the hundredth row adds almost nothing
    about the next model. If each row counted as independent, six models would overrule what is
    known of hardware.
    """
    return len({row.group for row in fitted}) / sum(row.weight for row in fitted)


def measured(rows: Sequence[Row]) -> dict[str, tuple[str, ...]]:
    """GPU generations by engine."""
    return by_engine((row.model.engine, row.model.card.family) for row in rows)


def measured_formats(rows: Sequence[Row]) -> dict[str, tuple[str, ...]]:
    """Formats of weights and experts by engine."""
    return by_engine(
        (row.model.engine, arithmetic_like(precision))
        for row in rows
        for precision in (row.model.formats.weights, row.model.formats.experts)
    )


def measured_kernels(rows: Sequence[Row]) -> dict[str, tuple[str, ...]]:
    """Kernels by engine."""
    return by_engine((row.model.engine, kernel) for row in rows for kernel in row.model.kernels)


def by_engine(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Values of each engine, without repeats, sorted."""
    seen = defaultdict[str, set[str]](set)
    for engine, each in pairs:
        seen[engine].add(each)
    return {engine: tuple(sorted(seen[engine])) for engine in sorted(seen)}


class Parameters:
    """The fitted vector: common coefficients, then each engine's multiples of some of them."""

    def __init__(self, last: CoefficientSet) -> None:
        self.last = last
        self.names = [(name, "") for name in PRIORS]
        self.names += [(n, e) for n, p in PRIORS.items() if p.engine_spread for e in ENGINES]
        self.centre = [math.log(PRIORS[n].centre) if not e else 0.0 for n, e in self.names]
        self.spread = [
            PRIORS[n].engine_spread if e else PRIORS[n].log_spread for n, e in self.names
        ]
        self.lowest = [
            -math.inf if e or not PRIORS[n].lowest else math.log(PRIORS[n].lowest)
            for n, e in self.names
        ]
        self.index = {key: position for position, key in enumerate(self.names)}

    def engine(self, vector: Sequence[float], engine: str) -> EngineCoefficients:
        """One engine's coefficients, within their bounds."""
        values = {}
        for name, prior in PRIORS.items():
            value = vector[self.index[name, ""]]
            if prior.engine_spread:
                value += vector[self.index[name, engine]]
            values[name] = min(max(math.exp(value), prior.lowest), prior.highest)
        return EngineCoefficients.model_construct(**values)

    def coefficients(self, vector: Sequence[float]) -> CoefficientSet:
        """Coefficients of all engines; the bands are those of the last fit."""
        return CoefficientSet.model_construct(
            fitted="2000-01-01",
            source="",
            rows=0,
            excluded={},
            measured=self.last.measured,
            measured_formats=self.last.measured_formats,
            measured_kernels=self.last.measured_kernels,
            engines={engine: self.engine(vector, engine) for engine in ENGINES},
            bands=self.last.bands,
            datasheet_bands=self.last.datasheet_bands,
            unmeasured_bands=self.last.unmeasured_bands,
            roofline_power=ROOFLINE_POWER,
            corrections=(),
        )


def fit(
    fitted: Sequence[Row],
    parameters: Parameters,
    start: Sequence[float] | None = None,
    rounds: int = 25,
    say: Callable[[str], None] = lambda text: None,
) -> list[float]:
    """Parameters that fit the rows and priors best: damped Gauss-Newton, bounds kept."""
    vector = list(start or parameters.centre)
    vector = [max(v, low) for v, low in zip(vector, parameters.lowest, strict=True)]
    damping = 1e-3
    cost = total_cost(fitted, parameters, vector)
    for turn in range(rounds):
        matrix, gradient = normal_equations(fitted, parameters, vector)
        for _ in range(8):
            step = bounded_step(matrix, gradient, vector, parameters.lowest, damping)
            trial = [v + s for v, s in zip(vector, step, strict=True)]
            trial_cost = total_cost(fitted, parameters, trial)
            if trial_cost < cost:
                break
            damping *= 4
        else:
            break
        gained = cost - trial_cost
        vector, cost, damping = trial, trial_cost, max(damping / 4, 1e-6)
        say(f"round {turn + 1}: cost {cost:.3f}")
        if gained < 3e-4 * cost:
            break
    return vector


def total_cost(fitted: Sequence[Row], parameters: Parameters, vector: Sequence[float]) -> float:
    """Sum of the priors' squares and the rows' robust losses."""
    coefficients = parameters.coefficients(vector)
    cost = sum(
        ((v - c) / s) ** 2
        for v, c, s in zip(vector, parameters.centre, parameters.spread, strict=True)
    )
    each = evidence(fitted)
    for row in fitted:
        answer = row.answer(coefficients)
        pairs = _pairs(row, answer.tpot_ms, answer.ttft_ms, each)
        for predicted, measured, spread, weight in pairs:
            error = math.log(predicted / measured) / spread
            cost += weight * 2 * (math.sqrt(1 + error * error) - 1)
    return cost


def _pairs(
    row: Row, tpot: float, ttft: float, share: float
) -> list[tuple[float, float, float, float]]:
    """Predicted, measured, spread and weight of a row's two times."""
    pairs, weight = [], row.weight * share
    if row.run.tpot_ms is not None:
        pairs.append((tpot, row.run.tpot_ms, TPOT_SPREAD, weight))
    if row.run.ttft_ms is not None:
        pairs.append((ttft, row.run.ttft_ms, TTFT_SPREAD, weight))
    return pairs


def normal_equations(
    fitted: Sequence[Row], parameters: Parameters, vector: Sequence[float]
) -> tuple[list[list[float]], list[float]]:
    """Matrix and gradient of the squared problem at `vector`; rows with large errors weigh less."""
    size = len(vector)
    matrix = [[0.0] * size for _ in range(size)]
    gradient = [0.0] * size
    for i in range(size):
        matrix[i][i] = parameters.spread[i] ** -2
        gradient[i] = (vector[i] - parameters.centre[i]) * parameters.spread[i] ** -2
    nudge = 1e-3
    here = parameters.coefficients(vector)
    moved: dict[tuple[int, str], CoefficientSet] = {}
    for i, (_, engine) in enumerate(parameters.names):
        other = list(vector)
        other[i] += nudge
        for each in [engine] if engine else ENGINES:
            coefficients = {each: parameters.engine(other, each)}
            moved[i, each] = here.model_copy(update={"engines": coefficients})
    share = evidence(fitted)
    for row in fitted:
        answer = row.answer(here)
        engine = row.model.engine
        mine = [i for i, (_, e) in enumerate(parameters.names) if e in ("", engine)]
        slopes = []
        for i in mine:
            nudged = row.answer(moved[i, engine])
            slopes.append(
                (nudged.tpot_ms / answer.tpot_ms - 1, nudged.ttft_ms / answer.ttft_ms - 1)
            )
        for which, pair in enumerate(_pairs(row, answer.tpot_ms, answer.ttft_ms, share)):
            predicted, measured, spread, counts = pair
            error = math.log(predicted / measured) / spread
            weight = counts / math.sqrt(1 + error * error)
            slope = [s[which] / nudge / spread for s in slopes]
            for a, i in enumerate(mine):
                if slope[a]:
                    gradient[i] += weight * error * slope[a]
                    line, left = matrix[i], weight * slope[a]
                    for b, j in enumerate(mine):
                        line[j] += left * slope[b]
    return matrix, gradient


def bounded_step(
    matrix: Sequence[Sequence[float]],
    gradient: Sequence[float],
    vector: Sequence[float],
    lowest: Sequence[float],
    damping: float,
) -> list[float]:
    """Step that solves the damped equations; a parameter that would leave its bound stays on it."""
    free = list(range(len(vector)))
    step = [0.0] * len(vector)
    while True:
        reduced = [
            [matrix[i][j] + (damping * matrix[i][i] if i == j else 0.0) for j in free] for i in free
        ]
        offset = [
            -gradient[i] - sum(matrix[i][j] * step[j] for j in range(len(vector)) if j not in free)
            for i in free
        ]
        for i, value in zip(free, solved(reduced, offset), strict=True):
            step[i] = value
        left = [i for i in free if vector[i] + step[i] < lowest[i] - 1e-12]
        if not left:
            return [max(-1.0, min(1.0, value)) for value in step]
        for i in left:
            step[i] = lowest[i] - vector[i]
        free = [i for i in free if i not in left]


def solved(matrix: list[list[float]], offset: list[float]) -> list[float]:
    """The solution of a symmetric positive system, by Cholesky."""
    size = len(offset)
    lower = [[0.0] * size for _ in range(size)]
    for i in range(size):
        for j in range(i + 1):
            rest = matrix[i][j] - sum(lower[i][k] * lower[j][k] for k in range(j))
            lower[i][j] = math.sqrt(rest) if i == j else rest / lower[j][j]
    half = [0.0] * size
    for i in range(size):
        half[i] = (offset[i] - sum(lower[i][k] * half[k] for k in range(i))) / lower[i][i]
    full = [0.0] * size
    for i in reversed(range(size)):
        rest = half[i] - sum(lower[k][i] * full[k] for k in range(i + 1, size))
        full[i] = rest / lower[i][i]
    return full
