"""Explanations of the stages of prompts."""

from sizing.explained.entry import Basis, Entry, Leaf, Registry
from sizing.plan.service.prompt import PromptPlan, StagePlan
from sizing.workload.prompt.prompt import VERDICT_TOKENS

CODE = "sizing/workload/prompt/prompt.py"


def _stage(leaf: Leaf) -> str:
    """Field of `prompt` that states the stage of the leaf."""
    return leaf.keys[-2]


def _budget(leaf: Leaf) -> Entry:
    name = f"prompt.{_stage(leaf)}.budget_ms"
    return Entry(
        "milliseconds after which the stage counts as failed",
        "as stated",
        f"{{w.{name}}}",
        Basis.given,
        f"the workload file: {name}",
        remarks=(
            "its service is sized for this time at the percentile of the latency; the other"
            " requests fail in this stage",
        ),
    )


def _output_tokens(leaf: Leaf) -> Entry:
    name = f"prompt.{_stage(leaf)}.output_tokens"
    if _stage(leaf) == "moderate":
        symbols = "fixed: one word, and perhaps a category"
        return Entry("tokens of a verdict", symbols, str(VERDICT_TOKENS), Basis.assumed, CODE)
    return Entry(
        "maximum tokens of the new prompt",
        "as stated",
        f"{{w.{name}}}",
        Basis.given,
        f"the workload file: {name}",
    )


def _stages_s(leaf: Leaf) -> Entry:
    prompt = leaf.sized.inputs.prompt
    names = [] if prompt is None else list(prompt.stages)
    each = " + ".join(f"{{w.prompt.{name}.budget_ms}}" for name in names)
    return Entry(
        "seconds that the stages of a prompt may take, one after another",
        "sum of their time budgets / 1,000",
        f"({each}) / 1000" if each else "0",
    )


PROMPT: Registry = {
    PromptPlan: {
        "max_characters": Entry(
            "characters of a normalised prompt at most; a longer one gets 400, or its job fails",
            "as stated",
            "{w.prompt.max_characters}",
            Basis.given,
            "the workload file: prompt.max_characters; 2,000 when left out",
        ),
        "stages_s": _stages_s,
    },
    StagePlan: {"budget_ms": _budget, "output_tokens": _output_tokens},
}
