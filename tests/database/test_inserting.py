"""Rows in one step: what goes in comes out, as with the usual way."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Boolean, Column, Float, Integer, MetaData, Table, Text, event, select
from sqlalchemy.exc import IntegrityError

from fsflows.database import Database, DatabaseFailed, Instant
from fsflows.database.inserting import insert_new

THINGS = Table(
    "things",
    MetaData(),
    Column("name", Text, primary_key=True),
    Column("text", Text, nullable=False),
    Column("number", Integer),
    Column("share", Float),
    Column("at", Instant),
    Column("yes", Boolean),
)
NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
TEXTS = (
    "",
    " ",
    "null",
    "true",
    "[1, 2]",
    '{"a": "b"}',
    "3",
    "3.0",
    'it\'s "so" \\ so',
    "grüße\n☎",
    "x" * 100_000,
)


def row(name, **values):
    return {"name": name, "text": "", "number": 1, "share": 0.1, "at": NOON, "yes": True} | values


ROWS = [
    *(row(f"text {index}", text=text) for index, text in enumerate(TEXTS)),
    *(row(f"number {n}", number=n, share=n / 3) for n in (0, -1, 2**31 - 1)),
    row("time", at=NOON.astimezone(timezone(timedelta(hours=5)))),
    row("whole second", at=NOON.replace(microsecond=0)),
    row("nothing", number=None, share=None, at=None, yes=None),
    row("no", yes=False),
]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.process)])
def database(request, tmp_path):
    url = f"sqlite:///{tmp_path}/things.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("cluster").url
    made = Database(url)
    made.write(THINGS.metadata.create_all)
    yield made
    made.write(THINGS.metadata.drop_all)
    made.close()


def there(database):
    found = database.read(lambda c: c.execute(select(THINGS)).mappings().all())
    return {each["name"]: dict(each) for each in found}


def test_what_goes_in_comes_out(database):
    database.write(lambda c: insert_new(c, THINGS, ROWS))
    assert {each["name"]: each for each in ROWS} == there(database)


def test_what_is_kept_is_the_same_as_the_usual_way(tmp_path):
    kept = []
    for name, work in (
        ("usual", lambda c: c.execute(THINGS.insert(), ROWS)),
        ("ours", lambda c: insert_new(c, THINGS, ROWS)),
    ):
        database = Database(f"sqlite:///{tmp_path}/{name}.db")
        database.write(THINGS.metadata.create_all)
        database.write(work)
        columns = ", ".join(f"{column}, typeof({column})" for column in ROWS[0])
        query = f"SELECT {columns} FROM things ORDER BY name"
        kept.append(database.read(lambda c, query=query: c.exec_driver_sql(query).all()))
        database.close()
    assert kept[0] == kept[1]


def test_what_is_there_stays_as_it_is(database):
    database.write(lambda c: insert_new(c, THINGS, [row("a", number=1)]))
    database.write(lambda c: insert_new(c, THINGS, [row("a", number=2), row("b", number=2)]))
    assert {"a": 1, "b": 2} == {name: each["number"] for name, each in there(database).items()}


def test_no_rows_are_no_statement(database):
    database.write(lambda c: insert_new(c, THINGS, []))
    assert {} == there(database)


@pytest.mark.parametrize("wrong", [{"at": NOON.replace(tzinfo=None)}, {"share": float("nan")}])
def test_a_value_that_it_cannot_hold(tmp_path, wrong):
    database = Database(f"sqlite:///{tmp_path}/things.db")
    database.write(THINGS.metadata.create_all)
    with pytest.raises(ValueError, match=r"zone|JSON"):
        database.write(lambda c: insert_new(c, THINGS, [row("a"), row("b", **wrong)]))
    assert {} == there(database)
    with pytest.raises(DatabaseFailed) as failed:
        database.write(lambda c: insert_new(c, THINGS, [row("a", text=None)]))
    assert isinstance(failed.value.__cause__, IntegrityError)
    database.close()


def test_sqlite_gets_all_rows_in_one_step(tmp_path):
    """Each step more is a wait for the thread that answers callers, and an interruption of it."""
    database = Database(f"sqlite:///{tmp_path}/things.db")
    database.write(THINGS.metadata.create_all)
    seen = []

    @event.listens_for(database._engines[0], "before_cursor_execute")
    def note(connection, cursor, statement, parameters, context, executemany):
        seen.append((statement.partition(" ")[0], executemany))

    database.write(lambda c: insert_new(c, THINGS, ROWS))
    assert [("BEGIN", False), ("INSERT", False)] == seen
    database.close()
