"""Which rate does sizing predict for a replica: by its method, and from step times alone?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from fleet_questions import Question
from fleet_score import Found

from sizing.catalog.coefficients import CoefficientSet
from sizing.replica.rate import BandSide, rate_by_constraint, replica_times
from sizing.steps.model import StepTime

CLOSEST = 1e-3
Rate = Callable[[Question, BandSide], float]
Coefficients = Callable[[Question], CoefficientSet]


def as_sized(question: Question, estimate: BandSide) -> float:
    """Rate by `method: calibrated`: random arrivals, the queue and the utilisation limit."""
    times = replica_times(question.steps, question.lengths, question.slots, estimate)
    check_roofline(question, question.slots, 1000 * times.decode_s[-1])
    return min(rate_by_constraint(times, question.targets).values())


def steps_only(question: Question, estimate: BandSide) -> float:
    """The closed loop's own rate at the highest concurrency that meets the targets.

    It compares means, without arrivals, queue or utilisation limit; the band slows the whole
    replica.
    """
    bands = question.steps.bands
    slower = estimate.of(bands.tpot)
    answer = _loop(question, question.most)
    if not _meets(question, answer, estimate):
        low, high = 0.0, question.most
        while high - low > CLOSEST * high and high > CLOSEST:
            middle = (low + high) / 2
            meets = _meets(question, _loop(question, middle), estimate)
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


def _meets(question: Question, answer: StepTime, estimate: BandSide) -> bool:
    targets, bands = question.targets, question.steps.bands
    tpot, ttft = targets.tpot_s, targets.ttft_s
    if tpot is not None and answer.tpot_ms * estimate.of(bands.tpot) > 1000 * tpot:
        return False
    return ttft is None or answer.ttft_ms * estimate.of(bands.ttft) <= 1000 * ttft


def answered(
    questions: Sequence[Question],
    coefficients: Coefficients,
    rate: Rate,
    estimate: BandSide,
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
                predicted_per_s=rate(unseen, estimate),
                exact=question.exact,
            )
        )
    return found


def margin_only(question: Question, estimate: BandSide) -> float:
    """The measured rate at the target divided by the band of the estimate, for a curve only.

    It shows the cost of the margin where the prediction itself is exact.
    """
    if question.curve is None or question.targets.tpot_s is None:
        raise ValueError("only a curve gives the cost of a shorter step")
    limit = 1000 * question.targets.tpot_s / estimate.of(question.steps.bands.tpot)
    return question.curve.between(limit) or 0.0
