"""Bytes that conversations leave in PostgreSQL, and a formula for them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from load import Spent, conversations, dialogues
from setting import ROLE, Setting

TABLES = ("openai_conversations", "conversation_items", "conversation_messages", "responses")
"""Tables of a response in a conversation."""
INDEXED = ("created_at", "owner_principal")
"""Columns that `templates/scripts/stores/application_setup.py` indexes."""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What conversations of so many turns left."""

    turns: int
    text_bytes: int
    interactions: int
    table_bytes: int
    index_bytes: int
    rows: int
    by_table: dict[str, int]
    dead_ratio: float
    spent: Spent

    @property
    def bytes_per_interaction(self) -> float:
        """Bytes of the tables, long values included and indexes not."""
        return self.table_bytes / self.interactions

    @property
    def index_ratio(self) -> float:
        return self.index_bytes / self.table_bytes

    @property
    def history_bytes(self) -> float:
        """Mean text of the turns before a turn."""
        return self.text_bytes * (self.turns - 1) / 2


def stored(
    running: Setting, count: int, turns: int, text_bytes: int, text: Callable[[int], str]
) -> Stored:
    """Bytes after `count` conversations of `turns` turns of question and answer together.

    The tables are rewritten without dead rows before they are measured; `dead_ratio` is the size
    before over the size after.
    """
    running.rows(f"TRUNCATE {', '.join(TABLES)}")
    names = conversations(running, count)
    used = dialogues(running, names, turns, lambda: text(text_bytes // 2))
    before = sum(table + index for table, index in _sizes(running).values())
    running.rows(";".join(f"VACUUM FULL {table}" for table in TABLES))
    sizes = _sizes(running)
    tables = sum(table for table, _ in sizes.values())
    indexes = sum(index for _, index in sizes.values())
    return Stored(
        turns=turns,
        text_bytes=text_bytes,
        interactions=count * turns,
        table_bytes=tables,
        index_bytes=indexes,
        rows=sum(int(running.rows(f"SELECT count(*) FROM {table}")[0][0]) for table in TABLES),
        by_table={name: sum(size) for name, size in sizes.items()},
        dead_ratio=before / (tables + indexes),
        spent=used,
    )


def make_indexes(running: Setting) -> None:
    """Make the indexes of the application's setup, besides OGX's primary keys."""
    listed = ", ".join(f"'{name}'" for name in INDEXED)
    columns = "SELECT table_name, column_name FROM information_schema.columns"
    where = f"table_schema = 'public' AND column_name IN ({listed})"
    for table, column in running.rows(f"{columns} WHERE {where}"):
        if table in TABLES:
            running.rows(f"CREATE INDEX ON {table} ({column})")


def _sizes(running: Setting) -> dict[str, tuple[int, int]]:
    """Bytes of each table with its long values, and of its indexes."""
    found = {}
    for table in TABLES:
        sql = f"SELECT pg_table_size('{table}'), pg_indexes_size('{table}')"
        heap, indexes = running.rows(sql)[0]
        found[table] = int(heap), int(indexes)
    return found


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What PostgreSQL counted for a batch of requests."""

    commits: int
    rollbacks: int
    statements: int
    writes: int
    wal_bytes: int


def counted(running: Setting, work: Callable[[], Spent]) -> tuple[Spent, Counts]:
    """Result of the work, and what PostgreSQL counted for it."""
    running.rows("SELECT pg_stat_statements_reset()")
    log = running.rows("SELECT pg_current_wal_insert_lsn()")[0][0]
    used = work()
    wal = running.rows(f"SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '{log}')")[0][0]
    return used, Counts(
        commits=_calls(running, "commit"),
        rollbacks=_calls(running, "rollback"),
        statements=_calls(running, "select|insert|update|delete"),
        writes=_calls(running, "insert|update|delete"),
        wal_bytes=int(wal),
    )


def _calls(running: Setting, words: str) -> int:
    """Statements of OGX's role since the last reset that begin with one of the words."""
    whose = f"userid = (SELECT oid FROM pg_roles WHERE rolname = '{ROLE}')"
    which = f"query ~* '^ *({words})'"
    sql = f"SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE {whose} AND {which}"
    return int(running.rows(sql)[0][0])


def least_squares(rows: Iterable[Sequence[float]], values: Iterable[float]) -> list[float]:
    """Coefficients whose sums of products with the rows differ least from the values, squared.

    Each difference is relative to its value, so that small values count as much as large ones.
    """
    scaled = [
        ([cell / value for cell in row], 1.0) for row, value in zip(rows, values, strict=True)
    ]
    width = len(scaled[0][0])
    matrix = [
        [sum(row[i] * row[j] for row, _ in scaled) for j in range(width)]
        + [sum(row[i] * value for row, value in scaled)]
        for i in range(width)
    ]
    for i in range(width):
        pivot = max(range(i, width), key=lambda row: abs(matrix[row][i]))
        matrix[i], matrix[pivot] = matrix[pivot], matrix[i]
        matrix[i] = [cell / matrix[i][i] for cell in matrix[i]]
        for j in range(width):
            if j != i:
                matrix[j] = [
                    a - matrix[j][i] * b for a, b in zip(matrix[j], matrix[i], strict=True)
                ]
    return [row[-1] for row in matrix]
