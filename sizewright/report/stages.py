"""Sentences on the stages of prompts, on routes, and on the services that others call."""

from collections.abc import Iterator

from sizewright.layout.numbers import number, plural, share
from sizing.plan.service.application.route import RoutePlan
from sizing.plan.service.whole import ServicePlan


def stages(service: ServicePlan) -> Iterator[tuple[str, str]]:
    """Yield the lines of the stages of a service's prompts, of its routes, and of its callers."""
    prompt = None if service.serving is None else service.serving.prompt
    if prompt is not None:
        parts = [f"normalised, at most {plural(prompt.max_characters, 'character')}"]
        if prompt.history is not None:
            parts.append(f"with at most {plural(prompt.history, 'earlier prompt')} of its user")
        parts += [
            f"{stage.service} within {number(stage.budget_ms)} ms, else {_then(stage.on_failure)}"
            for stage in prompt.stages.values()
        ]
        yield "prompt", "; ".join(parts)
    if service.route is not None:
        yield "route", _route(service.route)
    if service.callers:
        yield "callers", f"the pods of {' and '.join(service.callers)} alone; no load balancer"


def _route(plan: RoutePlan) -> str:
    """Text on the models behind an application, without a final stop."""
    most = plan.requests_per_s_peak or plan.requests_per_s_mean
    each = [
        f"{one.service} {number(one.requests_per_s_peak or one.requests_per_s_mean)}"
        for one in plan.services
    ]
    text = f"{number(most)} requests/s at the busiest moment for all models, {', '.join(each)}"
    if plan.easy is None:
        return text
    rule = f"a header {plan.easy.header}"
    if plan.easy.prompt_bytes is not None:
        rule = f"a prompt of at most {plan.easy.prompt_bytes:,} bytes"
    return f"{text}; {share(plan.easy.share)} easy, by {rule}, to {plan.easy.service}"


def _then(on_failure: str) -> str:
    """Result of a stage without an answer."""
    return {"allow": "unchanged", "refuse": "503"}[on_failure]
