"""Which numbers of a workload does a measurement contradict, and what should they be?"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sizewright.measured.observed.figure import STATED_TOLERANCE, Figure
from sizewright.measured.observed.workload_text import rounded
from sizing.replica.rate import DEFAULT_MAX_UTILISATION
from sizing.replica.traffic import request_rates
from sizing.values.field_error import FieldPath
from sizing.workload import Traffic, Workload, mean_tokens
from sizing.workload.request import Length, Request

TRAFFIC, REQUEST = "traffic", "request"
FULL = "the fleet was full at the peak: more requests may arrive than ended; observe it again"


@dataclass
class Proposal:
    """Numbers to replace, and what a person must decide."""

    numbers: dict[FieldPath, float] = field(default_factory=dict)
    """New number of each field."""
    notes: list[str] = field(default_factory=list)
    """Contradictions that no single number answers."""
    is_calibrated: bool = False
    """True where the calibration file is to be written."""

    @property
    def is_empty(self) -> bool:
        """True where nothing is to be changed."""
        return not self.numbers and not self.is_calibrated


def proposal(workload: Workload, figures: Mapping[str, Figure]) -> Proposal:
    """Return what to change in a workload: only what its measurements contradict."""
    made = Proposal(is_calibrated=figures["tpot_mean"].is_contradicted)
    mean, peak = figures["arrivals_mean"], figures["arrivals_peak"]
    if mean.is_contradicted or peak.is_contradicted:
        reason = _not_its_own(workload)
        if reason:
            made.notes.append(f"arrivals differ from those that were sized, and {reason}")
        else:
            _arrivals(made, workload.traffic, mean, peak)
    if (figures["utilisation_peak"].measured or 0.0) >= DEFAULT_MAX_UTILISATION:
        made.notes.append(FULL)
    _lengths(made, workload, figures)
    return made


def _not_its_own(workload: Workload) -> str:
    """Reason why arrivals at the engines are not those of the workload's own traffic."""
    if workload.traffic.daily_users == 0 or workload.access.service is not None:
        return "they come from another service: observe that one"
    if workload.route is not None:
        return "a route shares them: change traffic or route.easy.share by hand"
    if workload.application is not None and workload.application.cache is not None:
        return "a cache answers some: change traffic or the share of its hits by hand"
    return ""


def _arrivals(made: Proposal, traffic: Traffic, mean: Figure, peak: Figure) -> None:
    """Propose users for the mean rate, and then the way in which the file states the peak."""
    users = float(traffic.daily_users)
    if mean.is_contradicted and mean.measured and mean.sized:
        users = rounded(users * mean.measured / mean.sized)
        if users < 1:
            made.notes.append("almost no request arrives: is this the right service?")
            return
        made.numbers[TRAFFIC, "daily_users"] = users
    changed = traffic.model_copy(update={"daily_users": round(users)})
    stated = request_rates(changed).peak
    if peak.measured is None or stated is None or not stated:
        return
    ratio = peak.measured / float(stated)
    tolerance = peak.high / peak.sized - 1 if peak.high and peak.sized else STATED_TOLERANCE
    if abs(ratio - 1) > tolerance:
        _peak(made, traffic, ratio)


def _peak(made: Proposal, traffic: Traffic, ratio: float) -> None:
    """Propose a peak that is `ratio` times the stated one."""
    if traffic.peak_ratio is not None:
        made.numbers[TRAFFIC, "peak_ratio"] = max(rounded(float(traffic.peak_ratio) * ratio), 1.0)
    elif traffic.peak_users_share is None or traffic.think_time_s is None:
        made.notes.append("the peak differs from traffic.hourly: change its hours by hand")
    elif (share := rounded(float(traffic.peak_users_share) * ratio)) <= 1:
        made.numbers[TRAFFIC, "peak_users_share"] = share
    else:
        made.numbers[TRAFFIC, "think_time_s"] = rounded(float(traffic.think_time_s) / ratio)


def _lengths(made: Proposal, workload: Workload, figures: Mapping[str, Figure]) -> None:
    """Propose means of prompt and answer. Of a histogram, each bar keeps its share."""
    request, prompt, answer = workload.request, figures["prompt_mean"], figures["answer_mean"]
    if prompt.is_contradicted and workload.context is not None:
        made.notes.append("prompts hold documents: change request.input_tokens or context by hand")
    elif prompt.is_contradicted and prompt.measured:
        answered = answer.measured or float(request.output_mean or 0)
        own = _new_tokens(request, prompt.measured, answered)
        if own < max(float(request.shared_prefix_tokens), 1.0):
            made.notes.append(
                "prompts are shorter than their earlier turns: change request by hand"
            )
        else:
            _scale(made, "input_tokens", request.input_tokens, own)
    elif figures["prompt_percentile"].is_contradicted:
        made.notes.append("the mean prompt is as stated, but not its histogram: change it by hand")
    if answer.is_contradicted and answer.measured:
        _scale(made, "output_tokens", request.output_tokens, answer.measured)
    elif figures["answer_percentile"].is_contradicted:
        made.notes.append("the mean answer is as stated, but not its histogram: change it by hand")


def _new_tokens(request: Request, prompt: float, answer: float) -> float:
    """Tokens that a request adds to its prompt.

    prompt = new + (turns - 1) / 2 x (new + answer), solved for the new ones

    Basis: arithmetic; as `Request.prompt_tokens`.
    """
    earlier = (request.turns - 1) / 2
    return (prompt - earlier * answer) / (1 + earlier)


def _scale(made: Proposal, name: str, stated: object, mean: float) -> None:
    if not isinstance(stated, tuple):
        made.numbers[REQUEST, name] = rounded(mean)
        return
    ratio = mean / float(mean_tokens(stated))
    for index, bar in enumerate(stated):
        if isinstance(bar, Length):
            made.numbers[REQUEST, name, index, "tokens"] = rounded(float(bar.tokens) * ratio)
