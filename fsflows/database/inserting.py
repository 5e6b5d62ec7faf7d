"""Inserting rows so that calls hardly notice.

sqlite3 gives the interpreter back around each step of a statement, and takes it again: twice a row where rows are
inserted one by one. Beside a thread that answers callers, each time is a wait for that thread, and an interruption of
it. So all rows come in one step, as JSON, which costs that thread a twentieth (`benchmarks/inserting.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, all with values for the same columns; those whose key is there already are left as they are.

    Raises:
        ValueError: a value that this kind of column can't hold (a time without a zone, a number that is none).
    """
    if not rows:
        return
    if connection.dialect.name != "sqlite":
        connection.execute(postgresql.insert(table).on_conflict_do_nothing(), list(rows))
        return
    columns = tuple(rows[0])
    made = [_as_sqlite(connection, table, name) for name in columns]
    lines = [
        [value if make is None else make(value) for make, value in zip(made, values, strict=True)]
        for values in ([row[name] for name in columns] for row in rows)
    ]
    data = json.dumps(lines, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    connection.exec_driver_sql(_statement(table, columns), (data,))


@lru_cache(64)
def _statement(table: Table, columns: tuple[str, ...]) -> str:
    values = ", ".join(f"json_extract(value, '$[{place}]')" for place in range(len(columns)))
    # `WHERE true`: without it, ON would be read as the condition of a join.
    return (
        f"INSERT INTO {table.name} ({', '.join(columns)})"  # noqa: S608 - names of our own tables
        f" SELECT {values} FROM json_each(?) WHERE true ON CONFLICT DO NOTHING"
    )


def _as_sqlite(connection: Connection, table: Table, column: str) -> Any:
    """What makes a value of a column what SQLite keeps; None: it is that already."""
    dialect = connection.dialect
    return table.c[column].type.dialect_impl(dialect).bind_processor(dialect)
