"""Which services do the stages of prompts add to a stack?"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal

from pydantic import Field

from sizing.values.field_error import FieldError, StackFieldError, of_workload
from sizing.workload.engine import Engine
from sizing.workload.hardware import Hardware
from sizing.workload.kinds import Kind, Load
from sizing.workload.model import Model
from sizing.workload.prompt.prompt import (
    FIRST_TOKEN_SHARE,
    AnyStage,
    Prompt,
    instruction_tokens,
)
from sizing.workload.request import Request
from sizing.workload.targets import Capacity, Latency
from sizing.workload.traffic import has_a_peak
from sizing.workload.whole import NAME_LENGTH, Workload

ImageTokens = Callable[[str], int]
"""Tokens for which a model counts an image, by the model's name. Raises FieldError for a model that
reads none."""


class StageWorkload(Workload):
    """Service of a stage. It has no file, and only the service that it works for may call it."""

    parent: str = Field(exclude=True)
    """Name of the service whose prompts it reads."""
    stage: str = Field(exclude=True)
    """Name of what it does."""

    @property
    def place(self) -> tuple[str, ...]:
        """Field of its parent that states it."""
        return ("prompt", self.stage)

    @property
    def callers(self) -> tuple[str, ...]:
        return (self.parent,)


def stage_name(parent: str, stage: str) -> str:
    """Name of the service of a stage: image-studio-enhance."""
    return f"{parent}-{stage}"


def with_stages(workloads: Sequence[Workload], image_tokens: ImageTokens) -> list[Workload]:
    """Return the workloads with the services of their stages, each after its parent.

    Raises StackFieldError at the parent's field.
    """
    whole = list[Workload]()
    for index, workload in enumerate(workloads):
        whole.append(workload)
        with of_workload(index):
            whole += _stages(workload, image_tokens)
    return whole


@contextmanager
def of_parents(workloads: Sequence[Workload]) -> Iterator[None]:
    """Raise each error of the block with the position of its file, which stages do not have.

    The block numbers the workloads of `with_stages`. An error of a stage is one of its field in
    the file of its parent.
    """
    try:
        yield
    except StackFieldError as fault:
        if fault.workload_index is None:
            raise
        at = workloads[fault.workload_index]
        files = [each for each in workloads if not isinstance(each, StageWorkload)]
        if not isinstance(at, StageWorkload):
            # Guard: by position, because two files may state the same service.
            before = workloads[: fault.workload_index]
            stages = sum(isinstance(each, StageWorkload) for each in before)
            raise StackFieldError(fault, len(before) - stages) from fault
        index = next(i for i, each in enumerate(files) if each.name == at.parent)
        field = fault.field[:1] if fault.field[:1] in (("model",), ("hardware",)) else ()
        moved = FieldError(
            (*at.place, *field),
            f"{at.name}: {fault.message}",
            fault.expected,
            fault.suggestion,
        )
        raise StackFieldError(moved, index) from fault


def _stages(parent: Workload, image_tokens: ImageTokens) -> Iterator[Workload]:
    if parent.prompt is None:
        return
    for name, stage in parent.prompt.stages.items():
        try:
            tokens = image_tokens(stage.model) if name == "review" else 0
            yield _stage(parent, parent.prompt, name, stage, tokens)
        except FieldError as fault:
            field = ("prompt", name, *fault.field)
            raise FieldError(field, fault.message, fault.expected, fault.suggestion) from fault


def _stage(
    parent: Workload, prompt: Prompt, name: str, stage: AnyStage, image_tokens: int
) -> StageWorkload:
    """Return the service of a stage: the traffic and the redundancy of its parent.

    It is sized for the load of its parent. After a queue that is the peak where one is known: a
    backlog lets all workers call at once.

    TTFT = 1/4 budget; TPOT = 3/4 budget / output tokens

    Basis: arithmetic; the split of the budget is assumed.
    """
    service = stage_name(parent.name, name)
    if len(service) > NAME_LENGTH:
        longest = NAME_LENGTH - len(f"-{name}")
        message = f"its service {service} has a name of {len(service)} characters"
        raise FieldError((), message, f"a service with a name of at most {longest} characters")
    shared = instruction_tokens(prompt.instruction(name))
    budget = Decimal(stage.budget_ms)
    first = budget * FIRST_TOKEN_SHARE
    each = ((budget - first) / stage.output_tokens).quantize(Decimal("0.000001"))
    latency = parent.latency or Latency()
    return StageWorkload(
        name=service,
        kind=Kind.text,
        model=Model(name=stage.model, precision=stage.precision, source=stage.source),
        traffic=parent.traffic,
        request=Request(
            input_tokens=prompt.input_tokens(name, image_tokens),
            output_tokens=Decimal(stage.output_tokens),
            shared_prefix_tokens=shared,
        ),
        latency=Latency(ttft_ms=first, tpot_ms=each, percentile=latency.percentile),
        capacity=Capacity(load=_load(parent)),
        redundancy=parent.redundancy,
        hardware=Hardware(instance_type=stage.hardware),
        engine=Engine(),
        retire=parent.retire,
        parent=parent.name,
        stage=name,
    )


def _load(parent: Workload) -> Load:
    if parent.jobs is not None and has_a_peak(parent.traffic):
        return Load.peak
    return Load.mean if parent.capacity is None else parent.capacity.load
