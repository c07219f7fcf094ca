"""Bands of predicted times from the errors of rows whose model the fit has not seen.

Every group counts once: a model, GPU, engine and format. Its rows share their error, so its
hundredth row says almost nothing about the next model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from leave_out import Left, model
from screen import waits_for_a_slot

from sizing.catalog.bands import EDGE, Band, Bands

FEWEST_GROUPS, FEWEST_MODELS = 5, 3
"""Groups and models below which an engine's own errors do not represent its next model. With two
models one of them decides half of the band; of five groups, one is above P80."""


@dataclass(frozen=True)
class Error:
    """Measured over predicted time of one row."""

    ratio: float
    group: tuple[str, ...]
    model: str
    engine: str


def errors(left: Iterable[Left], ratio: Callable[[Left], float]) -> list[Error]:
    """Errors of rows that the fit has not seen."""
    return [Error(ratio(x), x.row.group, model(x.row), x.row.model.engine) for x in left]


def quantile(values: Sequence[Error], share: float) -> float:
    """Ratio that this share of all rows does not exceed; each group has the same weight."""
    rows = Counter(each.group for each in values)
    wanted, seen = share * len(rows), 0.0
    ordered = sorted(values, key=lambda each: each.ratio)
    for each in ordered:
        seen += 1 / rows[each.group]
        if seen >= wanted - 1e-9:
            return each.ratio
    return ordered[-1].ratio


def band(values: Sequence[Error]) -> Band:
    """P10 and P90 of measured over predicted, widened to include 1."""
    low, high = quantile(values, 1 - EDGE), quantile(values, EDGE)
    return Band(low=round(min(low, 1.0), 3), high=round(max(high, 1.0), 3))


def widest(values: Sequence[Error]) -> Band:
    """The widest band with one model left out.

    It is the only margin of a service without latency targets. Of few models, one decides a
    quantile, and the next model may be like any of the others.
    """
    models = sorted({each.model for each in values})
    if len(models) < 2:
        return band(values)
    each = [band([x for x in values if x.model != left_out]) for left_out in models]
    return Band(low=min(x.low for x in each), high=max(x.high for x in each))


def is_enough(values: Iterable[Error]) -> bool:
    """True where these errors represent the next model."""
    groups = {each.group: each.model for each in values}
    return len(groups) >= FEWEST_GROUPS and len(set(groups.values())) >= FEWEST_MODELS


@dataclass(frozen=True)
class Errors:
    """Errors of each quantity."""

    tpot: Sequence[Error]
    ttft: Sequence[Error]
    """Without rows whose requests waited for a slot that no column records."""
    full_load: Sequence[Error]
    """Time of a whole request at unlimited supply, or in the fullest run of each setting."""

    def without(self, left_out: str) -> Errors:
        """Errors of all other models."""
        return Errors(*([x for x in part if x.model != left_out] for part in self._parts))

    def of(self, engine: str) -> Errors:
        """Errors of one engine."""
        return Errors(*([x for x in part if x.engine == engine] for part in self._parts))

    @property
    def bands(self) -> Bands:
        """Bands of these errors together."""
        return Bands(tpot=band(self.tpot), ttft=band(self.ttft), full_load=widest(self.full_load))

    @property
    def _parts(self) -> tuple[Sequence[Error], ...]:
        return self.tpot, self.ttft, self.full_load


def errors_of(left: Sequence[Left], full_load: Sequence[Error] = ()) -> Errors:
    """Errors of rows that the fit has not seen.

    `full_load` are errors at unlimited supply. They replace the fullest runs of an engine that has
    enough of them, because a run with a stated concurrency is rarely full.
    """
    engines = {each.engine for each in full_load}
    own = {e for e in engines if is_enough(x for x in full_load if x.engine == e)}
    fuller = errors((x for x in fullest(left) if x.row.model.engine not in own), _request)
    return Errors(
        tpot=errors(left, lambda x: x.tpot_ratio),
        ttft=errors((x for x in left if not waits_for_a_slot(x.row)), lambda x: x.ttft_ratio),
        full_load=[*fuller, *(x for x in full_load if x.engine in own)],
    )


def _request(left: Left) -> float:
    return left.request_ratio


def fullest(left: Sequence[Left]) -> list[Left]:
    """The run of each setting with the most requests in flight, which is nearest to full load."""
    settings: dict[tuple[object, ...], Left] = {}
    for x in left:
        run = x.row.run
        lengths = run.input_tokens, run.output_tokens
        key = (*x.row.group, run.tensor, run.data, run.expert, run.pipeline, *lengths)
        known = settings.get(key)
        if known is None or run.concurrency > known.row.run.concurrency:
            settings[key] = x
    return list(settings.values())


def engines_with_own(found: Errors) -> tuple[str, ...]:
    """Engines with enough groups and models for bands of their own, sorted."""
    engines = sorted({x.engine for x in found.tpot})
    return tuple(engine for engine in engines if is_enough(found.of(engine).tpot))


def bands(found: Errors, own: Sequence[str]) -> dict[str, Bands]:
    """Bands by engine: its own where it is one of `own`, else those of all engines together."""
    everyone = found.bands
    engines = sorted({x.engine for x in found.tpot})
    return {engine: found.of(engine).bands if engine in own else everyone for engine in engines}


def band_levels(
    seen: Errors, unseen_hardware: Errors, own: Sequence[str]
) -> dict[str, dict[str, Bands]]:
    """Bands of each level of evidence, by its name in the coefficients.

    `seen` leaves out each row's model, `unseen_hardware` its model and its generation of GPU.
    """
    usual = bands(seen, own)
    datasheet = wider(usual, bands(unseen_hardware, own))
    unmeasured = wider(datasheet, dict.fromkeys(usual, seen.bands))
    return {"bands": usual, "datasheet_bands": datasheet, "unmeasured_bands": unmeasured}


def around(one: Band, other: Band) -> Band:
    """The wider of two bands on each side."""
    return Band(low=min(one.low, other.low), high=max(one.high, other.high))


def wider(one: Mapping[str, Bands], other: Mapping[str, Bands]) -> dict[str, Bands]:
    """The wider bands of each quantity: less knowledge never narrows a band."""
    return {
        engine: Bands(
            tpot=around(each.tpot, other[engine].tpot),
            ttft=around(each.ttft, other[engine].ttft),
            full_load=around(each.full_load, other[engine].full_load),
        )
        for engine, each in one.items()
    }
