"""Which rate does sizing predict for a replica: by its method, and from step times alone?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from fleet_questions import Question
from fleet_score import Found

from sizing.catalog.coefficients import CoefficientSet
from sizing.replica.rate import rate_by_constraint, replica_times
from sizing.steps.model import StepTime

CLOSEST = 1e-3
Rate = Callable[[Question, float], float]
"""Rate of a question at a quantile of the bands, 0 to 1."""
Coefficients = Callable[[Question], CoefficientSet]


def as_sized(question: Question, quantile: float) -> float:
    """Rate by `method: calibrated`: random arrivals, the queue and the utilisation limit."""
    times = replica_times(
        question.steps, question.lengths, question.slots, quantile, question.targets
    )
    check_roofline(question, question.slots, 1000 * times.decode_s[-1])
    return min(rate_by_constraint(times, question.targets).values())


def steps_only(question: Question, quantile: float) -> float:
    """The closed loop's own rate at the highest concurrency that meets the targets.

    It compares means, without arrivals, queue or utilisation limit; the band slows the whole
    replica.
    """
    bands = question.steps.bands
    slower = bands.tpot.at(quantile)
    answer = _loop(question, question.most)
    if not _meets(question, answer, quantile):
        low, high = 0.0, question.most
        while high - low > CLOSEST * high and high > CLOSEST:
            middle = (low + high) / 2
            meets = _meets(question, _loop(question, middle), quantile)
            low, high = (middle, high) if meets else (low, middle)
        if low < 1:
            return 0.0
        answer = _loop(question, low)
    return answer.requests_per_s / slower


def _loop(question: Question, flight: float) -> StepTime:
    lengths = question.lengths
    answer = question.steps.closed_loop(
        lengths.prompt_tokens, lengths.output_tokens, flight, question.most
    )
    check_roofline(question, answer.decoding, answer.tpot_ms)
    return answer


def check_roofline(question: Question, decoding: float, step_ms: float) -> None:
    """Raise ArithmeticError where a predicted step is shorter than the datasheet allows."""
    lengths = question.lengths
    shortest = question.steps.roofline_ms(
        lengths.prompt_tokens + lengths.output_tokens / 2, decoding
    )
    if step_ms < shortest * (1 - 1e-9):
        raise ArithmeticError(f"{question.group}: {step_ms} ms, roofline {shortest} ms")


def _meets(question: Question, answer: StepTime, quantile: float) -> bool:
    targets, bands = question.targets, question.steps.bands
    tpot, ttft = targets.tpot_s, targets.ttft_s
    if tpot is not None and answer.tpot_ms * bands.tpot.at(quantile) > 1000 * tpot:
        return False
    return ttft is None or answer.ttft_ms * bands.ttft.at(quantile) <= 1000 * ttft


def answered(
    questions: Sequence[Question],
    coefficients: Coefficients,
    rate: Rate,
    quantile: float,
) -> list[Found]:
    """Every question with the rate that sizing predicts from these coefficients."""
    found = []
    for question in questions:
        steps = replace(question.steps, coefficients=coefficients(question))
        unseen = replace(question, steps=steps)
        found.append(
            Found(
                group=question.group,
                engine=question.engine,
                gpu=question.gpu,
                holds_per_s=question.holds_per_s,
                fails_per_s=question.fails_per_s,
                predicted_per_s=rate(unseen, quantile),
                exact=question.exact,
            )
        )
    return found


def margin_only(question: Question, quantile: float) -> float:
    """The measured rate at the target divided by the band's quantile, for a curve only.

    It shows the cost of the margin where the prediction itself is exact.
    """
    if question.curve is None or question.targets.tpot_s is None:
        raise ValueError("only a curve gives the cost of a shorter step")
    limit = 1000 * question.targets.tpot_s / question.steps.bands.tpot.at(quantile)
    return question.curve.between(limit) or 0.0
