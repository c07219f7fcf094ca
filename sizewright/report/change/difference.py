"""A difference for a reviewer: dangers, cause, sizing, survival, then resources."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from textwrap import fill

from sizewright.layout.console import ENDLESS
from sizewright.layout.leaf import leaf_text
from sizewright.layout.numbers import exact_number, plural
from sizewright.reading.input_error import escaped
from sizewright.record.values import short_type
from sizewright.report.answer.paragraphs import survives
from sizewright.review.changes import Effect
from sizewright.review.compare import (
    Change,
    ResourceChange,
    ServiceChange,
    counts,
    engine_switch,
    loses_data,
)
from sizewright.review.dangers import Danger, Hazard
from sizing.plan.service.whole import ServicePlan

HEADLINES = {
    "traffic.requests_per_s_mean": "requests, mean",
    "traffic.requests_per_s_peak": "requests, peak",
    "traffic.users_online_peak": "users online at the peak",
    "traffic.requests_in_flight_peak": "requests in flight at the peak, at the latency targets",
    "capacity.requests_per_gpu_per_s": "requests of one GPU",
    "memory.weights_bytes": "weights held",
    "memory.max_sequences": "sequences a replica holds",
    "host_cache.gib": "GiB of KV cache in host memory",
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
    "application.pods_total": "nodes of the application",
    "application.writes_per_s": "writes to the database, peak",
    "application.context.retrieved_tokens": "tokens of documents in a prompt",
    "application.context.chunks": "chunks of documents",
    "application.context.direct.searches_per_s": "searches without an answer, peak",
    "application.context.direct.embeddings_per_s": "vectors for users, peak",
    "application.cache.hit_ratio": "calls that the cache answers",
    "application.cache.storage_gb": "GB of the cache of answers",
    "application.feedback.records_per_s": "records of feedback, peak",
    "page.pods_total": "nodes of the chat page",
    "page.writes_per_s": "writes to the page's database, peak",
    "database.max_acu": "database capacity, highest ACU",
}
"""Sized leaves that a reviewer reads first, in order; `--json` has all leaves."""
SIGNS = {
    Effect.create: "+",
    Effect.delete: "-",
    Effect.replace: "+-",
    Effect.may_replace: "+-?",
    Effect.update: "~",
}
WORDS = {Effect.may_replace: "may be replaced"}
TITLES = {
    Danger.deleted_first: "deleted before its replacement exists",
    Danger.data: "data would be lost",
    Danger.opens: "the internet gets access",
    Danger.guard: "a protection is removed",
    Danger.outage: "callers lose what they need",
    Danger.survival: "fewer failures are survived",
}
SHARED = 8
"""Characters that are shown of the common start of two long values."""
LEAST = 20
"""Least characters of a value in a narrow terminal."""
NOTHING, ABSENT = "none", "absent"
"""Text for a missing value of the sizing or a property, and for an input that nobody wrote."""


def danger_kinds(dangers: Sequence[Hazard], stores: int) -> str:
    """The kinds of danger in one line, with the number of stores that would be lost, if any."""
    data = TITLES[Danger.data]
    if stores:
        data = f"{plural(stores, 'store')} would be deleted or replaced"
    kinds = dict.fromkeys(found.danger for found in dangers)
    return "; ".join(data if kind is Danger.data else TITLES[kind] for kind in kinds)


def danger_lines(dangers: Sequence[Hazard], width: int = ENDLESS) -> Iterator[str]:
    """Each danger on a line of its own, below the title of its kind."""
    for danger, found in groupby(dangers, key=lambda f: f.danger):
        yield f"DANGER: {TITLES[danger]}"
        for one in found:
            text = f"  !! {_subject(one)}" + (f": {one.says}" if one.says else "")
            yield _wrapped(text, width)


def _wrapped(text: str, width: int) -> str:
    return fill(
        text,
        width=max(width, LEAST),
        subsequent_indent=" " * 5,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _subject(found: Hazard) -> str:
    if not found.type:
        return escaped(found.name)
    return f"{effect_word(found.effect)} {short_type(found.type)} {escaped(found.name)}"


def effect_word(effect: Effect) -> str:
    """The effect in plain words."""
    return WORDS.get(effect, effect.value)


def cause_lines(name: str, changes: Sequence[Change]) -> Iterator[str]:
    """Changed inputs of a service or of the site."""
    yield f"{name}: cause"
    yield from _table([(c.path, c) for c in changes], "no input changed", ABSENT)


def service_lines(change: ServiceChange, width: int = ENDLESS) -> Iterator[str]:
    """Cause, sizing and survival of one service."""
    title, *causes = cause_lines(change.name, change.causes)
    yield title
    if change.old is None:
        yield "  the service is new"
    if change.new is None:
        yield "  the service is gone"
    else:
        yield from causes
    yield from engine_lines(change)
    yield from followed_lines(change, width)


def engine_lines(change: ServiceChange) -> Iterator[str]:
    """Image, command, settings and gauges of another engine; nothing where the engine stays."""
    if switched := engine_switch(change.old, change.new):
        yield f"{change.name}: another engine"
        yield from _table([(each.path, each) for each in switched], "", NOTHING)


def followed_lines(change: ServiceChange, width: int = ENDLESS) -> Iterator[str]:
    """Sizing and survival of one service."""
    yield f"{change.name}: sizing that follows"
    rows = headlines(change.followed)
    yield from _table(rows, "none of the headlines" if change.followed else "nothing", NOTHING)
    if len(change.followed) > len(rows):
        yield "  --json has the other numbers that change"
    yield f"{change.name}: survival"
    before, after = survival(change.old), survival(change.new)
    parts = [("unchanged:", after)]
    if before != after:
        parts = [("before:", before), ("after: ", after)]
    yield from (_wrapped(f"  {word} {text}", width) for word, text in parts)


def resource_lines(
    changes: Sequence[ResourceChange], unchanged: int, width: int = ENDLESS
) -> Iterator[str]:
    """Counts, then each resource with its changed leaf properties; lost data comes first.

    Values are cut where a line would be wider than `width`.
    """
    totals = counts(changes)
    words = [
        f"{n} {WORDS.get(Effect(e), done(e))}" for e, n in totals.items() if n or e != "may_replace"
    ]
    yield f"resources: {', '.join(words)}, {unchanged} unchanged, components included"
    for change in changes:
        danger = "  !! LOSES DATA: " if loses_data(change) else "  "
        what = f"{effect_word(change.effect)} {short_type(change.type)} {escaped(change.name)}"
        yield f"{danger}{SIGNS[change.effect]} {what}"
        yield from (_leaf_line(leaf, width) for leaf in folded(change.changes))


def _leaf_line(leaf: Change, width: int) -> str:
    head = f"      {escaped(leaf.path)}: "
    forced = "" if leaf.effect is Effect.update else f"  [{why(leaf)}]"
    room = max(width - len(f"{head} -> {forced}"), 2 * LEAST)
    return f"{head}{' -> '.join(in_room(leaf.old, leaf.new, room))}{forced}"


def in_room(old: object, new: object, room: int) -> tuple[str, str]:
    """Both values in at most `room` characters; long ones are cut to the part that differs."""
    before, after = value_text(old), value_text(new)
    if len(before) + len(after) <= room:
        return before, after
    pairs = enumerate(zip(before, after, strict=False))
    alike = next((i for i, (a, b) in pairs if a != b), min(len(before), len(after))) - SHARED
    if alike > 0:
        before, after = (f"…{text[alike:]}" for text in (before, after))
    half = room // 2
    return (
        _cut(before, max(half, room - len(after))),
        _cut(after, max(half, room - len(before))),
    )


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def folded(changes: Sequence[Change]) -> Iterator[Change]:
    """Neighbours below one parent with the same change, as one: scaling.{minSize, maxSize}."""
    for (parent, *_), same in groupby(changes, key=lambda c: (_parent(c.path), c.old, c.new)):
        alike = list(same)
        names = ", ".join(c.path.removeprefix(parent) for c in alike)
        path = alike[0].path if len(alike) == 1 else f"{parent}{{{names}}}"
        worst = next((c for c in alike if c.effect is not Effect.update), alike[0])
        yield replace(worst, path=path)


def _parent(path: str) -> str:
    return path[: path.rfind(".") + 1]


def why(leaf: Change) -> str:
    """Effect of a changed leaf that may force a replacement, in words."""
    return "may force replacement" if leaf.effect is Effect.may_replace else "forces replacement"


def done(effect: str) -> str:
    """Past form of an effect: created, replaced."""
    return effect + ("d" if effect.endswith("e") else "ed")


def headlines(followed: Sequence[Change]) -> list[tuple[str, Change]]:
    """Sized leaves that a reviewer reads first, in their order, with their labels."""
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


def _table(rows: Sequence[tuple[str, Change]], empty: str, absent: str) -> Iterator[str]:
    if not rows:
        yield f"  {empty}"
    width = max((len(label) for label, _ in rows), default=0)
    for label, change in rows:
        old, new = old_and_new(change, absent)
        yield f"  {escaped(label):<{width}}  {old} -> {new}"


def old_and_new(change: Change, absent: str) -> tuple[str, str]:
    """Both values with their units, in full where three digits would show no difference."""
    old, new = (sized(change.path, value, absent) for value in (change.old, change.new))
    return (old, new) if old != new else (value_text(change.old), value_text(change.new))


def sized(path: str, value: object, absent: str) -> str:
    """A value of the plan or of an input with its unit; `absent` where it is None."""
    if value is None:
        return absent
    if isinstance(value, int | float) and not isinstance(value, bool):
        return leaf_text(path, value)
    return value_text(value)


def value_text(value: object) -> str:
    """The value of a property on one line, in full."""
    return NOTHING if value is None else escaped(exact_number(value))


def survival(service: ServicePlan | None) -> str:
    """Survivable failures in one sentence."""
    if service is None or service.pool is None:
        return "no pool"
    return survives(service.pool)
