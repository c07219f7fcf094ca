"""Which stages do a prompt and its image pass, and does the engine run them?"""

from sizing.catalog import Ability, Catalog
from sizing.plan.service.prompt import PromptPlan, StagePlan
from sizing.replica.traffic import stages_s
from sizing.steps.image import image_plan
from sizing.values.exact import plain
from sizing.values.field_error import FieldError
from sizing.workload import EngineName, Workload
from sizing.workload.prompt.derived import stage_name
from sizing.workload.prompt.prompt import Prompt, instruction_tokens


def prompt_plan(workload: Workload, catalog: Catalog) -> PromptPlan | None:
    """Return the stages of a service's prompts; None without a section `prompt`.

    stages = sum of their time budgets, since they run one after another
    """
    prompt = workload.prompt
    if prompt is None:
        return None
    stages = {name: _stage(workload, prompt, name, catalog) for name in prompt.stages}
    return PromptPlan(
        max_characters=prompt.max_characters,
        stages_s=plain(stages_s(workload)),
        history=prompt.history,
        moderate=stages.get("moderate"),
        enhance=stages.get("enhance"),
        review=stages.get("review"),
    )


def _stage(workload: Workload, prompt: Prompt, name: str, catalog: Catalog) -> StagePlan:
    stage = prompt.stages[name]
    image = image_plan(catalog, stage.model) if name == "review" else None
    return StagePlan(
        service=stage_name(workload.name, name),
        model=catalog.model(stage.model).model,
        budget_ms=stage.budget_ms,
        instruction_tokens=instruction_tokens(prompt.instruction(name)),
        input_tokens=plain(prompt.input_tokens(name, 0 if image is None else image.counted)),
        image=image,
        output_tokens=stage.output_tokens,
        on_failure=stage.on_failure.value,
        instruction=prompt.instruction(name),
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
