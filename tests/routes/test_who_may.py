"""Whoever asks for whatever: all callers at all routes of all services, each with real objects of one town."""

import pytest

from gateway import routes
from tests.routes.table import ROWS, Row
from tests.routes.town import CALLERS, Town

REFUSED = (401, 403, 404)
# What counts wrong passwords and codes, so that a guess is refused for longer and longer.
COUNTS = {"failed_attempts"}


def test_every_route_has_a_row_and_every_row_a_route(town: Town) -> None:
    routes_there = {
        (method, rule.rule)
        for app in town.apps.values()
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if getattr(app.view_functions[rule.endpoint], "guard", "") != "open"
    }
    assert {row.rule for row in ROWS} == routes_there


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_route_lets_in_whom_it_should_and_nobody_else(town: Town, row: Row) -> None:
    wrong = []
    for who in CALLERS:
        method, path = row.rule[0], row.path(town)
        asked = town.ask(who, method, path, row.body and row.body(town), row.arguments(town))
        if asked.status not in (range(200, 300) if who in row.may else (*REFUSED, row.refused_with)):
            wrong.append(f"{who}: {asked.status} {asked.text[:200]}")
        if who not in row.may and set(asked.changed) - COUNTS:
            wrong.append(f"{who} was refused, and changed {asked.changed}")
        if row.secret is not None and (town.things[row.secret] in asked.text) != (who in row.knows):
            wrong.append(f"{who} was told wrongly of {row.secret}: {asked.text[:300]}")
    assert wrong == []


@pytest.mark.parametrize("path", routes.INTERNAL)
def test_the_internal_listener_lets_through_whom_the_service_takes(path: str) -> None:
    (row,) = (row for row in ROWS if row.rule[1] == path)
    assert routes.INTERNAL[path].callers == row.may
