"""Does sizing choose a cheap type among several GPUs that were measured for one question?"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fleet_curves import Curve
from fleet_questions import MEAN, Question, closed_question

from sizing.catalog import Catalog
from sizing.replica.rate import Targets

REGION = "us-east-1"
"""Region of the list prices."""


@dataclass(frozen=True)
class Chosen:
    """The type that sizing would buy for one question, against the cheapest one."""

    group: str
    """Model, engine and lengths."""
    engine: str
    regret: float
    """Cost of the chosen fleet over that of the cheapest measured sufficient one, less 1."""
    undersized: bool
    same_type: bool
    """True where the cheapest option as measured has the chosen GPU."""


@dataclass(frozen=True)
class Option:
    """One measured replica: its price and its rates."""

    gpu: str
    usd_per_hour: float
    measured_per_s: float
    predicted_per_s: float

    @property
    def cost(self) -> float:
        """Predicted dollars an hour for each request a second; infinite where sizing refuses."""
        return self.usd_per_hour / self.predicted_per_s if self.predicted_per_s > 0 else math.inf

    @property
    def true_cost(self) -> float:
        """Measured dollars an hour for each request a second."""
        return self.usd_per_hour / self.measured_per_s if self.measured_per_s > 0 else math.inf


def chosen(group: str, engine: str, options: Sequence[Option]) -> Chosen | None:
    """The cheapest option as predicted and as measured; None where none suffices."""
    best = min(options, key=lambda option: option.true_cost)
    taken = min(options, key=lambda option: option.cost)
    if math.isinf(best.true_cost):
        return None
    refused = math.isinf(taken.cost)
    return Chosen(
        group=group,
        engine=engine,
        regret=taken.cost / best.true_cost - 1,
        undersized=not refused and taken.predicted_per_s > taken.measured_per_s,
        same_type=not refused and taken.gpu == best.gpu,
    )


def choices(
    curves: Sequence[Curve],
    catalog: Catalog,
    predicted: Callable[[Question], float],
) -> list[Chosen]:
    """Choices for each model, engine and lengths that were measured on two types of GPU or more.

    The target is the TPOT in the middle of each curve. The options are all replicas whose curve
    contains that TPOT.
    """
    settings = defaultdict[str, list[Curve]](list)
    for curve in curves:
        run = curve.row.run
        lengths = f"{run.input_tokens:.0f}/{run.output_tokens:.0f}"
        settings["|".join((curve.row.model_key, curve.row.model.engine, lengths))].append(curve)
    found = []
    for group, members in settings.items():
        targets = sorted({each.points[(len(each.points) - 1) // 2].tpot_ms for each in members})
        for tpot_ms in targets:
            options = []
            for curve in members:
                price = gpu_price(catalog, curve.row.model.card.name)
                measured = curve.between(tpot_ms)
                if price is None or measured is None:
                    continue
                limit = Targets(MEAN, None, tpot_ms / 1000)
                question = closed_question(curve, limit, measured, "choice")
                cost = price * question.gpus
                options.append(Option(question.gpu, cost, measured, predicted(question)))
            if len({option.gpu for option in options}) > 1:
                picked = chosen(group, members[0].row.model.engine, options)
                found += [picked] if picked else []
    return found


def gpu_price(catalog: Catalog, gpu: str) -> float | None:
    """Dollars an hour of one GPU in the cheapest instance type that has it; None if unpriced."""
    prices = []
    for instance in catalog.instance_types:
        price = catalog.price(instance.name, REGION)
        if price is not None and catalog.gpu(instance.gpu).name == gpu:
            prices.append(float(price.usd_per_hour / instance.gpu_count))
    return min(prices, default=None)
