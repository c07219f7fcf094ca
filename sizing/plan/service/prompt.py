"""Stages that a prompt and its image pass in an image or video service."""

from typing import Annotated

from pydantic import Field

from sizing.plan.part import Part
from sizing.plan.reaches import CONTAINER, DEPLOYMENT, NETWORK_POLICY, Reaches
from sizing.values.exact import Number
from sizing.values.strict import absent

ENVIRONMENT = CONTAINER
"""Environment of the engine, or of the worker next to it."""


class ImagePlan(Part):
    """Image in the prompt of a model that reads images."""

    tokens: int
    """Tokens of the image that the language model reads."""
    tower_flop: int
    """Floating-point operations of the model's vision tower for the image."""
    token_flop: int
    """Floating-point operations of the language model for one token, without attention."""
    tower_tokens: int
    """Tokens that stand for the work of the vision tower."""

    @property
    def counted(self) -> int:
        """Tokens for which the image is counted."""
        return self.tokens + self.tower_tokens


class StagePlan(Part):
    """Language model that reads each prompt or image."""

    service: Annotated[
        str, Reaches(DEPLOYMENT, ENVIRONMENT), Reaches(NETWORK_POLICY, "spec.egress")
    ]
    """Service of the stage, which has its own entry in this plan."""
    model: Annotated[str, Reaches(DEPLOYMENT, ENVIRONMENT)]
    """Name of its model, as its engine knows it."""
    budget_ms: Annotated[int, Reaches(DEPLOYMENT, ENVIRONMENT)]
    """Maximum milliseconds of the stage."""
    instruction_tokens: int
    """Tokens of the instruction, which all requests share."""
    input_tokens: Number
    """Tokens that the model reads for one request, by which its service is sized."""
    image: Annotated[ImagePlan | None, Field(exclude_if=absent)] = None
    """Image among them; left out where the stage reads none."""
    output_tokens: Annotated[int, Reaches(DEPLOYMENT, ENVIRONMENT)]
    """Maximum tokens of its answer."""
    on_failure: Annotated[str, Reaches(DEPLOYMENT, ENVIRONMENT)]
    """Result without an answer in that time: allow or refuse."""
    instruction: Annotated[str, Reaches(DEPLOYMENT, ENVIRONMENT)]
    """System prompt of the model."""


class PromptPlan(Part):
    """Stages in front of the model and behind it."""

    max_characters: Annotated[int, Reaches(DEPLOYMENT, ENVIRONMENT)]
    """Maximum characters of a normalised prompt. A longer one gets 400, or its job fails."""
    stages_s: Number
    """Maximum seconds of all stages, which the time of a response or of a job includes."""
    history: Annotated[int | None, Reaches(DEPLOYMENT, ENVIRONMENT), Field(exclude_if=absent)] = (
        None
    )
    """Earlier prompts of the same user that the enhancing model may read; left out without them."""
    moderate: Annotated[StagePlan | None, Field(exclude_if=absent)] = None
    """Check of the user's words; left out where no model checks them."""
    enhance: Annotated[StagePlan | None, Field(exclude_if=absent)] = None
    """Rewriting of the prompt; left out where the model gets the user's words."""
    review: Annotated[StagePlan | None, Field(exclude_if=absent)] = None
    """Check of the finished image; left out where no model checks images."""

    @property
    def stages(self) -> dict[str, StagePlan]:
        """Stages with a model by name, in their order."""
        found = {"moderate": self.moderate, "enhance": self.enhance, "review": self.review}
        return {name: stage for name, stage in found.items() if stage is not None}
