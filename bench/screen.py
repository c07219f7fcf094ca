"""Which measured rows must not influence the fit, and why?

Every row is still predicted and reported; screened rows only do not change coefficients.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from steps_fit import Row

DRAFTS = "runs with and without draft tokens under one name"
ROOFLINE = "faster than the datasheet allows"
EQUAL = 0.02
CLOCKS = 0.9
MOST_PROMPTS, MOST_STARTS_MS = 5.0, 2000.0
"""Most time to the first token without a wait for a slot: multiple of all prompts, and start."""


def screened(rows: Sequence[Row]) -> dict[str, str]:
    """Reason of exclusion by row id."""
    reasons = {row.run.id: ROOFLINE for row in rows if below_roofline(row)}
    return reasons | dict.fromkeys(with_drafts(rows), DRAFTS)


def below_roofline(row: Row) -> bool:
    """True where the run beat the datasheet by more than a tenth: clocks vary."""
    if row.run.tpot_ms is None:
        return False
    share = row.run.tpot_ms * row.output_tokens
    decoding = row.running * share / (share + (row.run.ttft_ms or 0.0))
    return row.run.tpot_ms < CLOCKS * ideal_ms(row, decoding)


def waits_for_a_slot(row: Row) -> bool:
    """True where requests waited for a slot although memory held them all.

    Such a run limited its sequences in a way that no column records, so its TTFT shows the limit
    and not the engine. TTFT > 5 x all prompts in flight, at their datasheet time, + 2 s
    """
    work = row.model.work
    if row.run.ttft_ms is None or row.running < row.run.concurrency:
        return False
    prompt_ms = row.input_tokens * (work.flop_ms_per_token + work.expert_flop_ms_per_token)
    prompt_ms += work.attention_ms(row.input_tokens)
    at_once = row.run.concurrency * prompt_ms / work.ranks
    return row.run.ttft_ms > MOST_PROMPTS * at_once + MOST_STARTS_MS


def ideal_ms(row: Row, decoding: float) -> float:
    """Shortest step in ms that the datasheet allows for so many sequences of the run."""
    return row.model.roofline_ms(row.input_tokens + row.output_tokens / 2, decoding)


def with_drafts(rows: Sequence[Row]) -> set[str]:
    """Rows of a model that is mostly faster than its twin, except those that equal it.

    A twin has the same architecture under another name, and the same engine, GPU, layout, format,
    lengths and concurrency. Speculative decoding emits several tokens a step, which no column
    shows.
    """
    twins: dict[tuple[object, ...], list[Row]] = defaultdict(list)
    for row in rows:
        twins[_setting(row)].append(row)
    faster, equal, seen = set[str](), set[str](), defaultdict[str, int](int)
    wins = defaultdict[str, int](int)
    for group in twins.values():
        for row in group:
            others = [o for o in group if o.run.model != row.run.model]
            mine = row.run.tpot_ms
            theirs = [o.run.tpot_ms for o in others if o.run.tpot_ms is not None]
            if mine is None or not theirs:
                continue
            seen[row.run.model] += 1
            if any(abs(t / mine - 1) < EQUAL for t in theirs):
                equal.add(row.run.id)
            elif mine < min(theirs):
                faster.add(row.run.id)
                wins[row.run.model] += 1
    drafted = {model for model, count in wins.items() if count > seen[model] / 2}
    return {r.run.id for r in rows if r.run.model in drafted and r.run.id not in equal}


def _setting(row: Row) -> tuple[object, ...]:
    run = row.run
    return (
        row.model.work,
        run.engine,
        run.gpu,
        run.tensor,
        run.data,
        run.expert,
        run.input_tokens,
        run.output_tokens,
        run.concurrency,
    )
