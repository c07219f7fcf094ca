"""A difference as a comment under a pull request: Markdown for a stranger's page.

Every text that comes from outside stands in `<code>` with each character that could mean something
to Markdown, HTML or the page (mentions, links, issue numbers) written as its number.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from sizewright.changes import Effect
from sizewright.compare import ORDER, Change, ResourceChange, ServiceChange, counts, loses_data
from sizewright.input_error import shortened
from sizewright.report.difference import (
    SIGNS,
    WORDS,
    done,
    folded,
    headlines,
    sized,
    survival,
    value_text,
    why,
)
from sizewright.report.numbers import plural
from sizewright.report.tree import short_type
from sizewright.review import Review

LIMIT = 64_000
"""Characters; GitHub takes 65,536."""
MARKER = "<!-- sizewright:diff {} -->"
LONGEST = 120
CUT = "\n\n*Cut here: the comment is full. `sizewright diff` prints all of it.*"
DANGER_NAMES = 40
"""Names listed of one kind of danger; the counts are always whole."""
SERVICES = 20
"""Services told in full."""
ROWS = 40
"""Rows of one table."""
CHUNK = 50
"""Resources of one folded section."""
LEAVES = 12
"""Changed properties told of one resource."""
_ACTIVE = re.compile(r"(?i)(?<=www)\.|[^0-9A-Za-z ,./%;{}+='-]")
"""All but letters, digits and what means nothing inside a line; `www.` would start a link."""


def comment(told: Review, site: str) -> str:
    """At most LIMIT characters: verdict, danger, cause, sizing, survival and counts whole."""
    first = "\n\n".join([MARKER.format(_marker(site)), *_first(told)])
    text = first
    for section in _details(told):
        if len(text) + len(section) + 2 > LIMIT - len(CUT):
            return text + CUT
        text += f"\n\n{section}"
    return text


def safe(text: object) -> str:
    """A text from outside as inert code, shortened."""
    return f"<code>{inert(shortened(str(text), LONGEST))}</code>"


def inert(text: str) -> str:
    """A text without what Markdown or HTML would read: each such character as its number."""
    return _ACTIVE.sub(lambda match: f"&#{ord(match[0])};", text)


def _marker(site: str) -> str:
    """Guard: two hyphens end an HTML comment."""
    return re.sub(r"[^0-9A-Za-z.]+", "-", site)


def _first(told: Review) -> Iterator[str]:
    yield f"### sizewright: {_verdict(told)}"
    if danger := [change for change in told.resources if loses_data(change)]:
        yield _danger(danger)
    yield from (f"> {note}" for note in told.notes)
    for service in told.services[:SERVICES]:
        yield _service(service)
    if len(told.services) > SERVICES:
        rest = ", ".join(safe(service.name) for service in told.services[SERVICES:][:SERVICES])
        more = plural(len(told.services) - SERVICES, "more service")
        yield f"And {more}, among them {rest}."
    yield _counts(told)


def _verdict(told: Review) -> str:
    if told.is_empty:
        return "nothing changes"
    losses = sum(loses_data(change) for change in told.resources)
    if losses:
        return f"⚠️ {plural(losses, 'store')} would be deleted or replaced"
    changed = f"{plural(len(told.resources), 'resource')} would change"
    names = plural(len(told.services), "service")
    return f"{names} sized anew, {changed}" if told.services else changed


def _danger(changes: Sequence[ResourceChange]) -> str:
    lines = ["> [!CAUTION]", "> **Data would be lost.**"]
    key = _kind
    for (effect, type_), same in groupby(sorted(changes, key=key), key=key):
        alike = list(same)
        names = ", ".join(safe(change.name) for change in alike[:DANGER_NAMES])
        more = f" and {len(alike) - DANGER_NAMES} more" if len(alike) > DANGER_NAMES else ""
        lines.append(f"> - **{effect} {len(alike)} {safe(short_type(type_))}**: {names}{more}")
    return "\n".join(lines)


def _kind(change: ResourceChange) -> tuple[str, str]:
    return WORDS.get(change.effect, change.effect.value), change.type


def _service(service: ServiceChange) -> str:
    name = safe(service.name)
    lines = [f"#### {name}: cause", ""]
    if service.old is None or service.new is None:
        lines += [f"The service is {'new' if service.old is None else 'gone'}.", ""]
    else:
        lines += [*_table([(c.path, c) for c in service.causes], "No input changed."), ""]
    lines += ["**Sizing that follows**", ""]
    lines += [*_table(headlines(service.followed), "No headline changed."), ""]
    before, after = survival(service.old), survival(service.new)
    if before == after:
        return "\n".join([*lines, f"**Survival** unchanged: {inert(after)}"])
    return "\n".join([*lines, f"**Survival** before: {inert(before)}  ", f"after: {inert(after)}"])


def _table(rows: Sequence[tuple[str, Change]], empty: str) -> list[str]:
    if not rows:
        return [empty]
    lines = ["| | before | after |", "|---|---|---|"]
    for label, change in rows[:ROWS]:
        old, new = (safe(sized(change.path, side)) for side in (change.old, change.new))
        lines.append(f"| {safe(label)} | {old} | {new} |")
    if len(rows) > ROWS:
        lines.append(f"| and {len(rows) - ROWS} more | | |")
    return lines


def _counts(told: Review) -> str:
    if not told.is_compared:
        return "**Resources** are not compared: the program refuses a service that is infeasible."
    words = [
        f"{number} {WORDS.get(Effect(effect), done(effect))}"
        for effect, number in counts(told.resources).items()
        if number or effect != "may_replace"
    ]
    return f"**Resources**: {', '.join(words)}, {told.unchanged} unchanged"


def _details(told: Review) -> Iterator[str]:
    """One folded section an effect, in chunks that can be left out one by one."""
    for effect in ORDER:
        of_effect = [change for change in told.resources if change.effect is effect]
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
        old, new = safe(value_text(leaf.old)), safe(value_text(leaf.new))
        yield f"  - {safe(leaf.path)}: {old} → {new}{forced}"
    if len(leaves) > LEAVES:
        yield f"  - and {len(leaves) - LEAVES} more"
