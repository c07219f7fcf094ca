"""A difference as a Markdown comment under a pull request.

Every text from outside is inside `<code>`. Each of its characters with a meaning to Markdown, HTML
or the page (mentions, links, issue numbers) becomes a numeric reference.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from sizewright.layout.numbers import plural
from sizewright.reading.input_error import shortened
from sizewright.record.values import short_type
from sizewright.report.answer.contradicted import before_and_after
from sizewright.report.change.difference import (
    ABSENT,
    NOTHING,
    SIGNS,
    TITLES,
    WORDS,
    danger_kinds,
    done,
    effect_word,
    folded,
    headlines,
    in_room,
    old_and_new,
    survival,
    why,
)
from sizewright.report.change.headline import headline_rows
from sizewright.review.changes import Effect
from sizewright.review.compare import (
    ORDER,
    Change,
    ResourceChange,
    ServiceChange,
    counts,
    engine_switch,
)
from sizewright.review.dangers import Danger, Hazard
from sizewright.review.review import Review

LIMIT = 64_000
"""Most characters of a comment; GitHub allows 65,536."""
MARKER = "<!-- sizewright:diff {} -->"
LONGEST = 120
CUT = "\n\n*The comment is full and ends here. `sizewright diff` prints all of it.*"
LONGEST_SAYING = 200
CHUNK = 50
"""Resources of one folded section."""
LEAVES = 12
"""Changed properties listed for one resource."""
_ACTIVE = re.compile(r"(?i)(?<=www)\.|[^0-9A-Za-z ,./%;{}+='-]")
"""All but letters, digits and characters without a meaning in a line; `www.` would start a link."""


@dataclass(frozen=True)
class Room:
    """Limits of the sections that are never cut; what they leave out is counted."""

    dangers: int
    """Lines of the dangers."""
    names: int
    """Names listed in one of them."""
    services: int
    """Services described in full."""
    rows: int
    """Rows of one table."""
    longest: int
    """Characters of one cell."""


ROOMS = (
    Room(dangers=100, names=40, services=20, rows=40, longest=2_000),
    Room(dangers=40, names=40, services=20, rows=40, longest=LONGEST),
    Room(dangers=20, names=10, services=10, rows=20, longest=LONGEST),
    Room(dangers=10, names=3, services=3, rows=10, longest=60),
    Room(dangers=5, names=1, services=1, rows=5, longest=30),
)
"""Limits to try in order; the first one for which the text is short enough applies."""


def comment(reviewed: Review, site: str) -> str:
    """A comment of at most LIMIT characters, which cuts no verdict, danger, cause, sizing or
    count."""
    marker = MARKER.format(_marker(site))
    for room in ROOMS:
        text = "\n\n".join([marker, *_first(reviewed, room)])
        if len(text) <= LIMIT - len(CUT):
            break
    for section in _details(reviewed):
        if len(text) + len(section) + 2 > LIMIT - len(CUT):
            return text + CUT
        text += f"\n\n{section}"
    return text


def safe(text: object, longest: int = LONGEST) -> str:
    """A text from outside as inert code, in at most `longest` characters."""
    return f"<code>{inert(shortened(str(text), longest))}</code>"


def inert(text: str) -> str:
    """A text in which each character with a meaning to Markdown or HTML is a numeric reference."""
    return _ACTIVE.sub(lambda match: f"&#{ord(match[0])};", text)


def _marker(site: str) -> str:
    """Name of the site without characters that end the marker. Guard: `--` ends an HTML comment."""
    return re.sub(r"[^0-9A-Za-z.]+", "-", site)


def _first(reviewed: Review, room: Room) -> Iterator[str]:
    yield f"### sizewright: {_verdict(reviewed)}"
    for line in before_and_after(reviewed.old, reviewed.new):
        yield inert(line)
    yield from (_figures(service, room) for service in reviewed.services[: room.services])
    if reviewed.dangers:
        yield _dangers(reviewed.dangers, room)
    yield from (f"> {note}" for note in reviewed.notes)
    if reviewed.site:
        yield "\n".join(["#### site: cause", "", *_causes(reviewed.site, room)])
    for service in reviewed.services[: room.services]:
        yield _service(service, room)
    if len(reviewed.services) > room.services:
        others = reviewed.services[room.services :]
        rest = ", ".join(safe(service.name, room.longest) for service in others[: room.services])
        yield f"And {plural(len(others), 'more service')}, among them {rest}."
    yield _counts(reviewed)


def _verdict(reviewed: Review) -> str:
    if reviewed.is_empty:
        return "nothing changes"
    if reviewed.dangers:
        return f"⚠️ {danger_kinds(reviewed.dangers, reviewed.stores_lost)}"
    changed = f"{plural(len(reviewed.resources), 'resource')} would change"
    names = plural(len(reviewed.services), "service")
    return f"{names} sized again, {changed}" if reviewed.services else changed


def _figures(service: ServiceChange, room: Room) -> str:
    """Figures of the service before and after: cost, size, latency and survival."""
    head = f"| {safe(service.name, room.longest)} | before | after |"
    rows = (f"| {' | '.join(cells)} |" for cells in headline_rows(service))
    return "\n".join([head, "|---|---|---|", *rows])


def _dangers(dangers: Sequence[Hazard], room: Room) -> str:
    """Dangers by kind; equal effects on resources of one type share a line."""
    lines = ["> [!CAUTION]"]
    groups = [(key, list(same)) for key, same in groupby(sorted(dangers, key=_alike), key=_alike)]
    last = None
    for _, found in groups[: room.dangers]:
        if found[0].danger is not last:
            last = found[0].danger
            title = TITLES[last][0].upper() + TITLES[last][1:]
            lines += ([] if len(lines) == 1 else [">"]) + [f"> **{title}.**"]
        lines.append(f"> - {_alike_line(found, room)}")
    if len(groups) > room.dangers:
        rest = sum(len(found) for _, found in groups[room.dangers :])
        lines.append(f"> - and {plural(rest, 'more danger')}")
    return "\n".join(lines)


def _alike(found: Hazard) -> tuple[int, str, str, str]:
    return list(Danger).index(found.danger), found.type, effect_word(found.effect), found.says


def _alike_line(found: Sequence[Hazard], room: Room) -> str:
    first, names = found[0], found[: room.names]
    text = ", ".join(safe(one.name, min(room.longest, LONGEST)) for one in names)
    if len(found) > room.names:
        text += f" and {len(found) - room.names} more"
    if first.type:
        kind = safe(short_type(first.type))
        text = f"**{effect_word(first.effect)} {len(found)} {kind}**: {text}"
    return f"{text}: {inert(shortened(first.says, LONGEST_SAYING))}" if first.says else text


def _service(service: ServiceChange, room: Room) -> str:
    name = safe(service.name, room.longest)
    lines = [f"#### {name}: cause", ""]
    if service.old is None:
        lines += ["The service is new.", ""]
    if service.new is None:
        lines += ["The service is gone.", ""]
    else:
        lines += [*_causes(service.causes, room), ""]
    if switched := engine_switch(service.old, service.new):
        rows = [(each.path, each) for each in switched]
        lines += ["**Another engine**", "", *_table(rows, "", NOTHING, room), ""]
    lines += ["**Sizing that follows**", ""]
    followed = headlines(service.followed)
    lines += [*_table(followed, "No headline changed.", NOTHING, room), ""]
    before, after = survival(service.old), survival(service.new)
    if before == after:
        return "\n".join([*lines, f"**Survival** unchanged: {inert(after)}"])
    return "\n".join([*lines, f"**Survival** before: {inert(before)}  ", f"after: {inert(after)}"])


def _causes(changes: Sequence[Change], room: Room) -> list[str]:
    return _table([(c.path, c) for c in changes], "No input changed.", ABSENT, room)


def _table(rows: Sequence[tuple[str, Change]], empty: str, absent: str, room: Room) -> list[str]:
    if not rows:
        return [empty]
    lines = ["| | before | after |", "|---|---|---|"]
    for label, change in rows[: room.rows]:
        cells = (label, *old_and_new(change, absent))
        lines.append(f"| {' | '.join(safe(cell, room.longest) for cell in cells)} |")
    if len(rows) > room.rows:
        lines.append(f"| and {len(rows) - room.rows} more | | |")
    return lines


def _counts(reviewed: Review) -> str:
    if not reviewed.is_compared:
        return "**Resources** are not compared: the program refuses a service that is infeasible."
    words = [
        f"{number} {WORDS.get(Effect(effect), done(effect))}"
        for effect, number in counts(reviewed.resources).items()
        if number or effect != "may_replace"
    ]
    return f"**Resources**: {', '.join(words)}, {reviewed.unchanged} unchanged, components included"


def _details(reviewed: Review) -> Iterator[str]:
    """Folded sections for each effect, in chunks that can be left out one by one."""
    for effect in ORDER:
        of_effect = [change for change in reviewed.resources if change.effect is effect]
        for start in range(0, len(of_effect), CHUNK):
            chunk = of_effect[start : start + CHUNK]
            word = WORDS.get(effect, done(effect.value))
            span = f" {start + 1} to {start + len(chunk)}" if len(of_effect) > CHUNK else ""
            head = f"<details><summary>{len(of_effect)} {word}{span}</summary>"
            lines = [line for change in chunk for line in _resource(change)]
            yield "\n".join([head, "", *lines, "", "</details>"])


def _resource(change: ResourceChange) -> Iterator[str]:
    yield f"- {SIGNS[change.effect]} {safe(short_type(change.type))} {safe(change.name)}"
    leaves = list(folded(change.changes))
    for leaf in leaves[:LEAVES]:
        forced = "" if leaf.effect is Effect.update else f" ({why(leaf)})"
        old, new = map(safe, in_room(leaf.old, leaf.new, LONGEST))
        yield f"  - {safe(leaf.path)}: {old} → {new}{forced}"
    if len(leaves) > LEAVES:
        yield f"  - and {len(leaves) - LEAVES} more"
