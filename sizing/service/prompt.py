"""Which stages does a prompt pass before the model, and does the engine run them?"""

from sizing.catalog import Ability, Catalog
from sizing.plan.service.prompt import PromptPlan, StagePlan
from sizing.replica.traffic import stages_s
from sizing.values.exact import plain
from sizing.values.field_error import FieldError
from sizing.workload import EngineName, Workload
from sizing.workload.prompt.derived import stage_name


def prompt_plan(workload: Workload, catalog: Catalog) -> PromptPlan | None:
    """Return the stages of a service's prompts; None without a section `prompt`.

    stages = sum of their time budgets, since they run one after another
    """
    prompt = workload.prompt
    if prompt is None:
        return None
    stages: dict[str, StagePlan] = {
        name: StagePlan(
            service=stage_name(workload.name, name),
            model=catalog.model(stage.model).model,
            budget_ms=stage.budget_ms,
            output_tokens=stage.output_tokens,
            on_failure=stage.on_failure.value,
            instruction=stage.instruction,
        )
        for name, stage in prompt.stages.items()
    }
    return PromptPlan(
        max_characters=prompt.max_characters,
        stages_s=plain(stages_s(workload)),
        moderate=stages.get("moderate"),
        enhance=stages.get("enhance"),
    )


def check_stages(workload: Workload, catalog: Catalog, engine: EngineName, tag: str) -> None:
    """Check that this version of the engine loads the program of the stages. A worker runs those of
    its jobs.

    Raises FieldError. Basis: vendor (the engine's option for middleware).
    """
    if workload.prompt is None or workload.jobs is not None:
        return
    if not catalog.can(engine, tag, Ability.middleware):
        message = f"nothing says that {engine} {tag} loads a program in front of its API"
        raise FieldError(("prompt",), message, "a version with middleware, or no prompt")
