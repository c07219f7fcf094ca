"""Explanations of the stages of prompts."""

from sizing.explained.entry import CATALOG, Basis, Entry, Leaf, Registry, setting
from sizing.plan.service.prompt import ImagePlan, PromptPlan, StagePlan
from sizing.workload.prompt.prompt import CHARACTERS_PER_TOKEN, VERDICT_TOKENS

CODE = "sizing/workload/prompt/prompt.py"
MODELS = CATALOG + "models.csv"
TOWERS = CATALOG + "vision_towers.csv"


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


def _instruction_tokens(leaf: Leaf) -> Entry:
    prompt = leaf.sized.inputs.prompt
    characters = 0 if prompt is None else len(prompt.instruction(_stage(leaf)))
    return Entry(
        "tokens of the instruction, which all requests share",
        "ceil(characters / 4)",
        f"ceil({characters} / {CHARACTERS_PER_TOKEN})",
        Basis.assumed,
        CODE,
    )


def _input_tokens(leaf: Leaf) -> Entry:
    stage, prompt = _stage(leaf), leaf.sized.inputs.prompt
    meaning = "tokens that the model reads for one request, at most"
    instruction = f"{{s.serving.prompt.{stage}.instruction_tokens}}"
    if stage == "review":
        at = f"s.serving.prompt.{stage}.image"
        image = f"{{{at}.tokens}} + {{{at}.tower_tokens}}"
        return Entry(
            meaning,
            "instruction + tokens of an image + tokens for the work of the vision tower",
            f"{instruction} + {image}",
        )
    if stage == "enhance" and prompt is not None and prompt.history is not None:
        return Entry(
            meaning,
            "instruction + (1 + earlier prompts) x tokens of a prompt",
            f"{instruction} + (1 + {{w.prompt.history}}) * {{w.prompt.tokens}}",
            remarks=("an upper bound: many users have fewer earlier prompts",),
        )
    return Entry(
        meaning, "instruction + tokens of a prompt", f"{instruction} + {{w.prompt.tokens}}"
    )


def _tower_tokens(leaf: Leaf) -> Entry:
    image = f"s.{'.'.join(leaf.keys[2:-1])}"
    return Entry(
        "tokens that stand for the work of the vision tower on an image",
        "ceil(operations of the tower / operations of a token)",
        f"ceil({{{image}.tower_flop}} / {{{image}.token_flop}})",
        remarks=(
            "assumed: the tower computes as fast as the rest of the prompt",
            "the KV cache is sized with these tokens too, which it does not hold",
        ),
    )


def _output_tokens(leaf: Leaf) -> Entry:
    name = f"prompt.{_stage(leaf)}.output_tokens"
    if _stage(leaf) != "enhance":
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
        "history": Entry(
            "earlier prompts of the same user that the enhancing model may read",
            "as stated",
            "{w.prompt.history}",
            Basis.given,
            "the workload file: prompt.history",
        ),
    },
    StagePlan: {
        "budget_ms": _budget,
        "instruction_tokens": _instruction_tokens,
        "input_tokens": _input_tokens,
        "output_tokens": _output_tokens,
    },
    ImagePlan: {
        "tokens": setting(
            "tokens of an image that the language model reads",
            "fixed by the model, whatever the size of the image",
            Basis.vendor,
            TOWERS,
        ),
        "tower_flop": setting(
            "floating-point operations of the vision tower for an image",
            "layers x (2 x patches x (4 x hidden^2 + 2 x hidden x ffn) + 4 x patches^2 x hidden)",
            Basis.vendor,
            TOWERS,
        ),
        "token_flop": setting(
            "floating-point operations of the language model for one token, without attention",
            "2 x (parameters - embeddings)",
            Basis.vendor,
            MODELS,
        ),
        "tower_tokens": _tower_tokens,
    },
}
