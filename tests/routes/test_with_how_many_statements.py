"""How often a route asks its database: within its bound, and no more often when there is more to tell."""

import pytest

from tests.routes.table import ROWS, Row
from tests.routes.town import CALLERS, Asked, Town

MORE = 15
"""Of everything there are one to three at first."""


def ask(town: Town, row: Row) -> Asked:
    """As the first who is let in; a refusal, where nobody is."""
    who = next((each for each in CALLERS if each in row.may), "volunteer")
    return town.ask(who, row.rule[0], row.path(town), row.body and row.body(town), row.arguments(town))


@pytest.fixture(scope="module")
def few(town: Town) -> list[Asked]:
    """What every route asks while there is little to tell."""
    return [ask(town, row) for row in ROWS]


@pytest.fixture(scope="module")
def large_town(town: Town, few: list[Asked]) -> Town:
    town.grow(MORE)
    return town


@pytest.mark.parametrize(("number", "row"), list(enumerate(ROWS)), ids=list(map(str, ROWS)))
def test_a_route_asks_its_database_as_often_as_it_may_however_much_there_is(
    large_town: Town, few: list[Asked], number: int, row: Row
) -> None:
    before, now = few[number], ask(large_town, row)
    assert before.status == now.status, now.text
    assert len(before.statements) <= row.statements, "\n\n".join(before.statements)
    assert len(now.statements) <= len(before.statements), "\n\n".join(now.statements)
