"""Sentences on the stages of prompts, and on the services that are stages."""

from collections.abc import Iterator

from sizewright.layout.numbers import number, plural
from sizing.plan.service.whole import ServicePlan


def stages(service: ServicePlan) -> Iterator[tuple[str, str]]:
    """Yield the lines of the stages of a service's prompts, and of its callers."""
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
    if service.callers:
        yield "callers", f"the pods of {' and '.join(service.callers)} alone; no load balancer"


def _then(on_failure: str) -> str:
    """Result of a stage without an answer."""
    return {"allow": "unchanged", "refuse": "503"}[on_failure]
