"""The tests of the design see what they are there to see."""

import ast

import pytest

from tests.architecture.reading import CLOCKS, clocks_in_sql, commits, referred


@pytest.mark.parametrize(
    "source",
    [
        "import datetime\ndatetime.datetime.now()",
        "import datetime as dt\ndt.datetime.today()",
        "from datetime import datetime as moment\nread = moment.utcnow",
        "from datetime import date\ndate.today()",
        "import time\ntime.time_ns()",
        "from time import time",
        "import time as wall\nwall.localtime()",
    ],
)
def test_a_clock_is_seen_under_any_name(source: str) -> None:
    assert CLOCKS & {name for _, name in referred(ast.parse(source))}


def test_a_stopwatch_and_our_own_clock_are_no_clocks() -> None:
    source = "import time\nfrom shared import clock\ntime.monotonic()\nclock.now()\nclock.today()"
    assert not CLOCKS & {name for _, name in referred(ast.parse(source))}


@pytest.mark.parametrize(
    "source",
    [
        "tx.commit()",
        "finish = session().commit",
        "with engine.begin() as connection:\n    pass",
        "with db.session.begin():\n    pass",
        "transaction = connection.begin()",
        'connection.execute(text("COMMIT"))',
        'connection.execute("end;")',
        'engine.execution_options(isolation_level="AUTOCOMMIT")',
        "connection.autocommit = True",
    ],
)
def test_every_way_to_commit_is_seen(source: str) -> None:
    assert commits(ast.parse(source))


def test_a_savepoint_and_a_page_that_begins_are_no_commits() -> None:
    assert not commits(ast.parse("with tx.begin_nested() as savepoint:\n    pass\nvisitor.begin(response)"))


@pytest.mark.parametrize(
    "source",
    [
        'text("SELECT now ( )")',
        'sa.Column("at", server_default=sa.text("CURRENT_TIMESTAMP"))',
        'f"UPDATE {table} SET at = clock_timestamp()"',
        "text(\"SELECT 'now'::timestamptz\")",
        "select(func.now())",
        "select(sa.func.localtimestamp())",
        "select(func.current_date())",
    ],
)
def test_a_question_for_the_databases_time_is_seen(source: str) -> None:
    assert clocks_in_sql(ast.parse(source))


def test_a_sentence_about_the_time_is_no_question() -> None:
    assert not clocks_in_sql(ast.parse('def at():\n    """Within the block, `now()` is this moment."""'))
