"""Does a changed input property update a resource in place, or replace it?

The facts are in `data/changes.csv`. A row applies to its property and to everything below it,
unless a longer row applies. A property may replace where no row covers it, or where more than the
property decides. AWS names are automatic, so that a replacement is created before the old resource
is deleted; rows that delete first are marked.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sizewright.review.physical_names import keeps_its_name

RULES = Path(__file__).parent / "data" / "changes.csv"
COLUMNS = ["type", "property", "effect", "source", "checked", "notes"]
COMPONENT = "sizewright:index:"
DELETES_FIRST = "replace_delete_first"
_INDEX = re.compile(r"\[(\d+)\]")

STATEFUL = frozenset(
    {
        "aws:cloudwatch/logGroup:LogGroup",  # the logs
        "aws:dynamodb/table:Table",
        "aws:kms/key:Key",  # with the key, all that it encrypts
        "aws:rds/cluster:Cluster",  # not its instances: they share the cluster's volume
        "aws:s3/bucket:Bucket",
        "kubernetes:core/v1:Namespace",  # whatever is inside, volume claims too
        "kubernetes:core/v1:PersistentVolumeClaim",
    }
)
"""Types whose replacement or deletion loses data."""


class Effect(StrEnum):
    create = "create"
    """The resource is new."""
    update = "update"
    """The resource stays and is changed in place."""
    replace = "replace"  # type: ignore[assignment]  # Guard: hides str.replace, on purpose
    """A new resource takes the place of the old one."""
    delete = "delete"
    """The resource is deleted."""
    may_replace = "may_replace"
    """The resource may be replaced: no fact is known, or more than the property decides."""


EFFECTS = {
    "update": Effect.update,
    "replace": Effect.replace,
    DELETES_FIRST: Effect.replace,
    "may_replace": Effect.may_replace,
}


@dataclass(frozen=True)
class Rule:
    """One row: the effect of a change of a property, or of anything below it."""

    resource_type: str
    property_path: str
    effect: Effect
    deletes_first: bool
    source: str
    checked: str
    notes: str


Steps = tuple[str, ...]


@dataclass(frozen=True)
class Rules:
    """Rules of each type by path; a list index is `*`."""

    by_type: Mapping[str, Mapping[Steps, Rule]]

    def effect(self, resource_type: str, property_path: str) -> Effect:
        """Return the effect of a change of the property; its path is `a[0].b`, `a.0.b` or `a.*.b`.

        The longest rule at or above the path decides. Without a rule, the property may replace. It
        also may replace where rules below the path differ, as a whole block may appear or go.
        """
        if resource_type.startswith(COMPONENT):
            return Effect.update
        rules = self.by_type.get(resource_type, {})
        path = _steps(property_path)
        rule = self.rule(resource_type, property_path)
        if rule is None:
            return Effect.may_replace
        below = {r.effect for p, r in rules.items() if p[: len(path)] == path}
        return rule.effect if below <= {rule.effect} else Effect.may_replace

    def rule(self, resource_type: str, property_path: str) -> Rule | None:
        """Return the row for a property: the longest one at or above it; None without one."""
        return _longest(self.by_type.get(resource_type, {}), _steps(property_path))

    def deletes_first(
        self,
        resource_type: str,
        property_path: str,
        before: Mapping[str, object],
        after: Mapping[str, object],
    ) -> bool:
        """True where a replacement because of the property deletes the old resource first.

        `before` and `after` are the resource's inputs: a given physical name also decides.
        """
        if self.effect(resource_type, property_path) is Effect.update:
            return False
        rule = self.rule(resource_type, property_path)
        static = rule is not None and rule.deletes_first
        return static or keeps_its_name(resource_type, before, after)


def load_rules(path: Path = RULES) -> Rules:
    """Return the rules of the file.

    Raises ValueError with file and line for other columns, a row of another length, an unknown
    effect, or a second row of a property.
    """
    by_type: dict[str, dict[Steps, Rule]] = {}
    for line, rule in _rows(path):
        rules = by_type.setdefault(rule.resource_type, {})
        key = _steps(rule.property_path)
        if key in rules:
            name = f"{rule.resource_type} {rule.property_path}"
            raise ValueError(f"{path.name}:{line}: {name} has a row already")
        rules[key] = rule
    return Rules(by_type)


def _rows(path: Path) -> Iterator[tuple[int, Rule]]:
    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.reader(lines, strict=True)
        if (columns := next(reader, [])) != COLUMNS:
            raise ValueError(f"{path.name}:1: columns {columns}, expected {COLUMNS}")
        for cells in reader:
            where = f"{path.name}:{reader.line_num}"
            if len(cells) != len(COLUMNS):
                raise ValueError(f"{where}: {len(cells)} of {len(COLUMNS)} cells")
            resource_type, name, effect, source, checked, notes = cells
            if effect not in EFFECTS:
                raise ValueError(f"{where}: effect {effect!r}, expected one of {sorted(EFFECTS)}")
            first = effect == DELETES_FIRST
            rule = Rule(resource_type, name, EFFECTS[effect], first, source, checked, notes)
            yield reader.line_num, rule


def _steps(text: str) -> Steps:
    """Steps of a path, which are equal for `a.0.b` and `a[0].b`."""
    parts = _INDEX.sub(r".\1", text).split(".")
    return tuple("*" if part.isdecimal() else part for part in parts)


def _longest(rules: Mapping[Steps, Rule], path: Steps) -> Rule | None:
    for length in range(len(path), 0, -1):
        if path[:length] in rules:
            return rules[path[:length]]
    return None
