"""A difference for a reviewer: cause, sizing, survival, then resources."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from sizewright.changes import Effect
from sizewright.compare import Change, ResourceChange, ServiceChange, counts, loses_data
from sizewright.report.answer import survives
from sizewright.report.leaf import leaf_text
from sizewright.report.numbers import number, plural
from sizewright.report.tree import short_type
from sizing.plan import ServicePlan

HEADLINES = {
    "traffic.requests_per_s_mean": "requests, mean",
    "traffic.requests_per_s_peak": "requests, peak",
    "traffic.users_online_peak": "users online at the peak",
    "traffic.requests_in_flight_peak": "requests in flight at the peak",
    "capacity.requests_per_gpu_per_s": "requests of one GPU",
    "memory.weights_bytes": "weights held",
    "memory.max_sequences": "sequences a replica holds",
    "pool.instance_type": "instance type",
    "pool.gpu": "GPU",
    "pool.gpu_memory_bytes": "memory of a GPU",
    "pool.gpus_per_replica": "GPUs a replica",
    "pool.nodes_per_replica": "nodes a replica",
    "pool.binding": "bound by",
    "pool.gpus_needed": "GPUs needed",
    "pool.nodes_needed": "nodes needed",
    "pool.nodes_spare": "nodes spare",
    "pool.nodes_total": "nodes in all",
    "pool.gpus_total": "GPUs in all",
    "burst.gpus": "GPUs above the floor, at most",
    "burst.nodes": "nodes above the floor, at most",
    "pool.redundancy_binding": "redundancy by",
    "pool.nodes_by_zone.*": "nodes in",
    "pool.utilisation_at_mean": "utilisation, mean",
    "pool.utilisation_at_peak": "utilisation, peak",
    "storage.retained_bytes": "data kept",
    "storage.profile_bytes": "profiles",
    "network.ingress_mbit_per_s": "in, mean",
    "network.egress_mbit_per_s": "out, mean",
    "network.ingress_mbit_per_s_peak": "in, peak",
    "network.egress_mbit_per_s_peak": "out, peak",
    "database.max_acu": "database capacity, highest ACU",
}
"""The sized leaves a reviewer reads first, in order; `--json` holds every one."""
SIGNS = {
    Effect.create: "+",
    Effect.delete: "-",
    Effect.replace: "+-",
    Effect.may_replace: "+-?",
    Effect.update: "~",
}
WORDS = {Effect.may_replace: "may be replaced"}
LONGEST = 60
"""Characters of a value shown beside a changed property."""


def service_lines(change: ServiceChange) -> Iterator[str]:
    """Cause, sizing and survival of one service."""
    yield f"{change.name}: cause"
    if change.old is None or change.new is None:
        yield f"  the service is {'new' if change.old is None else 'gone'}"
    yield from _table([(c.path, c) for c in change.causes], "no input changed")
    yield f"{change.name}: sizing that follows"
    rows = headlines(change.followed)
    yield from _table(rows, "none of the headlines" if change.followed else "nothing")
    if len(change.followed) > len(rows):
        yield f"  and {plural(len(change.followed) - len(rows), 'more number')} (--json)"
    yield f"{change.name}: survival"
    before, after = survival(change.old), survival(change.new)
    yield f"  unchanged: {after}" if before == after else f"  before: {before}"
    if before != after:
        yield f"  after:  {after}"


def resource_lines(changes: Sequence[ResourceChange], unchanged: int) -> Iterator[str]:
    """Counts, then each resource with its changed leaf properties; lost data first and loud."""
    totals = counts(changes)
    words = [
        f"{n} {WORDS.get(Effect(e), done(e))}" for e, n in totals.items() if n or e != "may_replace"
    ]
    yield f"resources: {', '.join(words)}, {unchanged} unchanged"
    for change in changes:
        danger = "  !! LOSES DATA: " if loses_data(change) else "  "
        word = WORDS.get(change.effect, change.effect.value)
        kind = short_type(change.type)
        yield f"{danger}{SIGNS[change.effect]} {word} {kind} {change.name}"
        for leaf in folded(change.changes):
            forced = "" if leaf.effect is Effect.update else f"  [{why(leaf)}]"
            yield f"      {leaf.path}: {value_text(leaf.old)} -> {value_text(leaf.new)}{forced}"


def folded(changes: Sequence[Change]) -> Iterator[Change]:
    """Neighbours below one parent that change alike, as one: scaling.{minSize, maxSize}."""
    for (parent, *_), same in groupby(changes, key=lambda c: (_parent(c.path), c.old, c.new)):
        alike = list(same)
        names = ", ".join(c.path.removeprefix(parent) for c in alike)
        path = alike[0].path if len(alike) == 1 else f"{parent}{{{names}}}"
        worst = next((c for c in alike if c.effect is not Effect.update), alike[0])
        yield replace(worst, path=path)


def _parent(path: str) -> str:
    return path[: path.rfind(".") + 1]


def why(leaf: Change) -> str:
    """What a changed leaf does to its resource, where more than updating it."""
    return "may force replacement" if leaf.effect is Effect.may_replace else "forces replacement"


def done(effect: str) -> str:
    """The word of what happened: created, replaced."""
    return effect + ("d" if effect.endswith("e") else "ed")


def headlines(followed: Sequence[Change]) -> list[tuple[str, Change]]:
    """The sized leaves that a reviewer reads, in their order, with their labels."""
    by_path = {change.path: change for change in followed}
    rows = list[tuple[str, Change]]()
    for path, label in HEADLINES.items():
        if path.endswith(".*"):
            prefix = path.removesuffix("*")
            zones = [c for c in followed if c.path.startswith(prefix)]
            rows += [(f"{label} {c.path.removeprefix(prefix)}", c) for c in zones]
        elif path in by_path:
            rows.append((label, by_path[path]))
    return rows


def _table(rows: Sequence[tuple[str, Change]], empty: str) -> Iterator[str]:
    if not rows:
        yield f"  {empty}"
    width = max((len(label) for label, _ in rows), default=0)
    for label, change in rows:
        old, new = (sized(change.path, value) for value in (change.old, change.new))
        yield f"  {label:<{width}}  {old} -> {new}"


def sized(path: str, value: object) -> str:
    """A value of the plan or of an input, with its unit."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return leaf_text(path, value)
    return value_text(value)


def value_text(value: object) -> str:
    """A property's value, shortened."""
    if value is None:
        return "none"
    text = number(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def survival(service: ServicePlan | None) -> str:
    """What may fail, in a sentence."""
    if service is None or service.pool is None:
        return "no pool"
    return survives(service.pool)
