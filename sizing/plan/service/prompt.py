"""Stages that a prompt passes before the model of an image or video service."""

from typing import Annotated

from pydantic import Field

from sizing.plan.part import Part
from sizing.plan.reaches import CONTAINER, DEPLOYMENT, NETWORK_POLICY, Reaches
from sizing.values.exact import Number
from sizing.values.strict import absent

ENVIRONMENT = CONTAINER
"""Environment of the engine, or of the worker next to it."""


class StagePlan(Part):
    """Language model that reads each prompt."""

    service: Annotated[
        str, Reaches(DEPLOYMENT, ENVIRONMENT), Reaches(NETWORK_POLICY, "spec.egress")
    ]
    """Service of the stage, which has its own entry in this plan."""
    model: Annotated[str, Reaches(DEPLOYMENT, ENVIRONMENT)]
    """Name of its model, as its engine knows it."""
    budget_ms: Annotated[int, Reaches(DEPLOYMENT, ENVIRONMENT)]
    """Maximum milliseconds of the stage."""
    output_tokens: Annotated[int, Reaches(DEPLOYMENT, ENVIRONMENT)]
    """Maximum tokens of its answer."""
    on_failure: Annotated[str, Reaches(DEPLOYMENT, ENVIRONMENT)]
    """Result without an answer in that time: allow or refuse."""
    instruction: Annotated[str, Reaches(DEPLOYMENT, ENVIRONMENT)]
    """System prompt of the model."""


class PromptPlan(Part):
    """Stages in front of the model."""

    max_characters: Annotated[int, Reaches(DEPLOYMENT, ENVIRONMENT)]
    """Maximum characters of a normalised prompt. A longer one gets 400, or its job fails."""
    stages_s: Number
    """Maximum seconds of all stages, which the time of a response or of a job includes."""
    moderate: Annotated[StagePlan | None, Field(exclude_if=absent)] = None
    """Check of the user's words; left out where no model checks them."""
    enhance: Annotated[StagePlan | None, Field(exclude_if=absent)] = None
    """Rewriting of the prompt; left out where the model gets the user's words."""

    @property
    def stages(self) -> dict[str, StagePlan]:
        """Stages with a model by name, in their order."""
        found = {"moderate": self.moderate, "enhance": self.enhance}
        return {name: stage for name, stage in found.items() if stage is not None}
