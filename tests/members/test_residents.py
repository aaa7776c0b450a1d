"""How many live at a place on a day: counts, and what merges, splits and moves make of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from services.members.domain.residents import Place, together
from shared import clock
from shared.ids import new_id
from shared.principal import Role
from tests.members.test_tree import change, node
from tests.members.town import ANYBODY, Town

FOUNDED, MERGED, TOLD = date(2026, 3, 1), date(2026, 8, 1), date(2026, 8, 20)
"""The stations open; they are merged; somebody enters that they are."""
BEFORE, BETWEEN, LATER = date(2026, 6, 1), date(2026, 8, 10), date(2026, 10, 1)
HEIR, MERGED_ONE, ABOVE = "岔路口站", "南昌路站", "咸安区中心"


@contextmanager
def on(day: date) -> Iterator[None]:
    with clock.travel(datetime(day.year, day.month, day.day, 12, tzinfo=clock.SHANGHAI)):
        yield


def count(town: Town, name: str, residents: int, day: date) -> None:
    with on(max(day, TOLD)):
        caller = town.official(Role.ADMINISTRATOR, None)
        answer = change(town, name, caller, residents=residents, from_day=str(day))
    assert answer.status_code == 200, answer.text


def found_before(town: Town) -> None:
    """Let the town have been there since March."""
    for table, column in (("node", "opened_on"), ("node_parent", "from_day"), ("node_name", "from_day")):
        town.sql(f"UPDATE {table} SET {column} = :day", day=FOUNDED)


def merge(town: Town) -> None:
    with on(TOLD):
        caller = town.official(Role.ADMINISTRATOR, None)
        successor = str(town.nodes[HEIR])
        answer = change(town, MERGED_ONE, caller, closed_on=str(MERGED), successor_id=successor)
    assert answer.status_code == 200, answer.text


def live(town: Town, name: str, day: date, by: str = "now", until: date | None = None) -> int | None:
    query = f"ids={town.nodes[name]}&residents_on={day}&residents_by={by}"
    query += f"&residents_until={until}" if until else ""
    (found,) = town.get(f"/nodes?{query}", ANYBODY).json
    residents: int | None = found["residents"]
    return residents


def test_of_a_time_before_the_merge_as_many_live_at_the_heir_as_lived_at_both(town: Town) -> None:
    found_before(town)
    count(town, HEIR, 1500, FOUNDED)
    count(town, MERGED_ONE, 500, FOUNDED)
    merge(town)
    assert [live(town, HEIR, day) for day in (BEFORE, MERGED, BETWEEN, LATER)] == [2000] * 4
    assert [live(town, HEIR, day, "then") for day in (BEFORE, MERGED, LATER)] == [1500, 2000, 2000]
    assert [live(town, MERGED_ONE, BEFORE, by) for by in ("now", "then")] == [500, 500]


def test_while_one_of_both_was_never_counted_nobody_knows_how_many_live_at_the_heir(town: Town) -> None:
    found_before(town)
    count(town, HEIR, 1500, FOUNDED)
    merge(town)
    assert [live(town, HEIR, day) for day in (BEFORE, MERGED, BETWEEN)] == [None] * 3
    assert [live(town, HEIR, day, "then") for day in (BEFORE, MERGED)] == [1500, None]
    count(town, HEIR, 2100, TOLD)
    assert [live(town, HEIR, day) for day in (BEFORE, TOLD, LATER)] == [None, 2100, 2100]


def test_a_count_of_one_alone_between_the_merge_and_its_entry_becomes_one_of_both(town: Town) -> None:
    found_before(town)
    count(town, HEIR, 1500, FOUNDED)
    count(town, MERGED_ONE, 500, FOUNDED)
    with on(TOLD):
        caller = town.official(Role.ADMINISTRATOR, None)
        for name, residents, day in ((HEIR, 1600, BETWEEN), (MERGED_ONE, 400, BETWEEN + timedelta(days=2))):
            assert change(town, name, caller, residents=residents, from_day=str(day)).status_code == 200
    merge(town)
    days = (MERGED, BETWEEN, BETWEEN + timedelta(days=1), BETWEEN + timedelta(days=2), LATER)
    assert [live(town, HEIR, day) for day in days] == [2000, 2100, 2100, 2000, 2000]
    assert len(town.audited("node.count")) == 4 + 3, "by the station itself, which nobody counted anew"


def test_a_heir_that_was_first_counted_with_the_other_was_not_counted_as_it_was_before(town: Town) -> None:
    found_before(town)
    count(town, MERGED_ONE, 500, FOUNDED)
    merge(town)
    count(town, HEIR, 2000, TOLD)
    assert [live(town, HEIR, BEFORE, by) for by in ("now", "then")] == [2000, None]


def test_a_place_without_a_count_has_that_of_what_lay_below_it_on_the_day_served_there_or_not(town: Town) -> None:
    found_before(town)
    count(town, HEIR, 1500, FOUNDED)
    count(town, MERGED_ONE, 500, FOUNDED)
    assert live(town, ABOVE, BEFORE) == 2000
    merge(town)
    assert [live(town, ABOVE, day, by) for by in ("now", "then") for day in (BEFORE, LATER)] == [2000] * 4
    with on(LATER):
        caller = town.official(Role.ADMINISTRATOR, None)
        other = node("另一中心", "centre", town.nodes["咸宁市"])
        assert town.post("/nodes", caller, other).status_code == 201
        assert change(town, HEIR, caller, parent_id=other["id"]).status_code == 200
    assert [live(town, ABOVE, LATER, by) for by in ("now", "then")] == [None, None]
    assert live(town, ABOVE, BEFORE, "then") == 2000, "it lay there then"


def test_where_nobody_counted_the_places_between_it_is_the_sum_at_any_height(town: Town) -> None:
    found_before(town)
    count(town, HEIR, 1500, FOUNDED)
    count(town, MERGED_ONE, 500, FOUNDED)
    with on(TOLD):
        caller = town.official(Role.ADMINISTRATOR, None)
        other = node("另一中心", "centre", town.nodes["咸宁市"]) | {"opened_on": str(FOUNDED)}
        assert town.post("/nodes", caller, other).status_code == 201
    town.nodes["另一中心"] = UUID(other["id"])
    assert [live(town, "咸宁市", BEFORE, by) for by in ("now", "then")] == [None, None], "nobody counted one of both"
    count(town, "另一中心", 300, FOUNDED)
    assert [live(town, "咸宁市", BEFORE, by) for by in ("now", "then")] == [2300, 2300]
    count(town, ABOVE, 1900, FOUNDED)
    assert [live(town, "咸宁市", BEFORE, by) for by in ("now", "then")] == [2200, 2200], "as counted nearest"


def test_over_a_period_as_it_was_a_place_has_all_that_lay_below_it_in_it_each_once(town: Town) -> None:
    found_before(town)
    count(town, HEIR, 1500, FOUNDED)
    count(town, MERGED_ONE, 500, FOUNDED)
    with on(TOLD):
        caller = town.official(Role.ADMINISTRATOR, None)
        other = node("另一中心", "centre", town.nodes["咸宁市"]) | {"opened_on": str(FOUNDED)}
        assert town.post("/nodes", caller, other).status_code == 201
        moved = {"parent_id": other["id"], "from_day": str(BETWEEN)}
        assert change(town, HEIR, caller, **moved).status_code == 200
    town.nodes["另一中心"] = UUID(other["id"])
    assert [live(town, name, BEFORE, "then") for name in (ABOVE, "另一中心")] == [2000, None]
    assert [live(town, name, BEFORE, "then", LATER) for name in (ABOVE, "另一中心", "咸宁市")] == [2000, 1500, 2000]
    assert [live(town, name, LATER, "then", LATER) for name in (ABOVE, "另一中心")] == [500, 1500]


def test_a_part_that_was_split_off_is_counted_with_the_whole_until_the_whole_is_counted_anew(town: Town) -> None:
    found_before(town)
    count(town, HEIR, 1500, FOUNDED)
    count(town, MERGED_ONE, 500, FOUNDED)
    with on(TOLD):
        town.nodes["新站"] = new_id()
        content = {"id": str(town.nodes["新站"]), "name": "新站", "compound_ids": [str(town.nodes["东兴小区"])]}
        caller = town.official(Role.ADMINISTRATOR, None)
        assert town.post(f"/nodes/{town.nodes[MERGED_ONE]}/split", caller, content).status_code == 201
    count(town, "新站", 200, TOLD + timedelta(days=1))
    assert [live(town, ABOVE, day, by) for by in ("now", "then") for day in (BEFORE, LATER)] == [2000] * 4
    count(town, MERGED_ONE, 300, TOLD + timedelta(days=1))
    assert [live(town, ABOVE, day, by) for by in ("now", "then") for day in (BEFORE, LATER)] == [2000] * 4


@pytest.mark.parametrize("counted", [None, 200])
@pytest.mark.parametrize("stays", [MERGED_ONE, "新站"])
def test_a_part_that_is_merged_again_is_counted_once(town: Town, counted: int | None, stays: str) -> None:
    found_before(town)
    count(town, MERGED_ONE, 500, FOUNDED)
    with on(MERGED):
        town.nodes["新站"] = new_id()
        content = {"id": str(town.nodes["新站"]), "name": "新站", "compound_ids": [str(town.nodes["东兴小区"])]}
        caller = town.official(Role.ADMINISTRATOR, None)
        assert town.post(f"/nodes/{town.nodes[MERGED_ONE]}/split", caller, content).status_code == 201
    if counted is not None:
        count(town, "新站", counted, BETWEEN)
    goes = "新站" if stays == MERGED_ONE else MERGED_ONE
    with on(LATER):
        caller = town.official(Role.ADMINISTRATOR, None)
        answer = change(town, goes, caller, closed_on=str(LATER), successor_id=str(town.nodes[stays]))
        assert answer.status_code == 200, answer.text
    assert [live(town, stays, day) for day in (BEFORE, LATER)] == [500, 500]


days = st.integers(0, 60).map(lambda number: FOUNDED + timedelta(days=number))
counts = st.dictionaries(days, st.integers(0, 1000), max_size=5)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(counts, counts, days, days)
def test_counted_together_is_the_sum_of_both_on_every_day_by_which_both_were(
    first: dict[date, int], second: dict[date, int], merged_on: date, day: date
) -> None:
    assume(day >= merged_on)
    both = together(Place(UUID(int=1), FOUNDED, counts=first), Place(UUID(int=2), FOUNDED, counts=second), merged_on)
    assert all(each >= merged_on for each in both)

    def last(of: dict[date, int]) -> Any:
        known = [each for each in of if each <= day]
        return of[max(known)] if known else None

    alone = [last(first), last(second)]
    assert last(both) == (None if None in alone else sum(alone))
