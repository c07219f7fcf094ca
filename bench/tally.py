"""Which rows of a table were answered, and why were the others not?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from sizewright.measured.prediction import Unanswerable

Row = Mapping[str, str]
Answerable = TypeVar("Answerable", bound=Row)
Answer = TypeVar("Answer")


@dataclass
class Tally:
    """Counts of rows, by reason and by group. A row is answered or refused once."""

    answered: Counter[str] = field(default_factory=Counter)
    """Answered rows by group."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Other rows by reason."""
    refused: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """Other rows by group, then by reason."""

    def answer(self, row: Row) -> None:
        """Count an answered row."""
        self.answered[row["group"]] += 1

    def refuse(self, row: Row, reason: str) -> None:
        """Count a row without an answer."""
        self.reasons[reason] += 1
        self.refused[row["group"]][reason] += 1

    def answers(
        self, rows: Iterable[Answerable], answer: Callable[[Answerable], Answer], kind: str
    ) -> list[Answer]:
        """Return the answers of rows, and count each row. `answer` raises Unanswerable."""
        found = []
        for row in rows:
            try:
                found.append(answer(row))
                self.answer(row)
            except Unanswerable as reason:
                self.refuse(row, f"{kind}: {reason}")
        return found

    def skip(self, reason: str) -> None:
        """Count a row of a kind that these programs do not answer."""
        self.reasons[reason] += 1

    @property
    def has_answers(self) -> bool:
        """True where at least one row was answered."""
        return self.answered.total() > 0

    def lines(self) -> Iterator[str]:
        """Lines of a report: rows by reason, then each group without any answer."""
        total = self.answered.total() + self.reasons.total()
        yield f"{self.answered.total()} of {total} rows answered; the others, by reason:"
        for reason, count in self.reasons.most_common():
            yield f"  {count:5} {reason}"
        empty = sorted(set(self.refused) - set(self.answered))
        yield f"{len(empty)} groups without an answered row; their rows and most common reason:"
        for group in empty:
            (reason, _), *_ = self.refused[group].most_common(1)
            yield f"  {self.refused[group].total():5} {group}: {reason}"
