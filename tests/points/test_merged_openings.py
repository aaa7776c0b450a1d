"""What was on paper of somebody whose entries were merged: it moves along, and is taken back wherever it is."""

from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest
from flask import Flask

from services.points.queries.months import list_months
from shared import clock
from tests.points.support import (
    CHALUKOU,
    DAY,
    NANCHANG,
    acting_for,
    at_once,
    attendance,
    balance,
    lines_of,
    member,
    outcome_of,
    redemption,
    settle,
    spend,
    void,
    voided,
)
from tests.points.test_merges import card, has, merge, merged, sound, take, unmerge
from tests.points.test_openings import book, opening, undo, undone


@pytest.mark.parametrize("home", [NANCHANG, CHALUKOU])
@pytest.mark.parametrize("paper", [NANCHANG, CHALUKOU])
def test_a_balance_from_paper_moves_with_a_merge_and_comes_back(town: Flask, home: UUID, paper: UUID) -> None:
    chen, twin = member(), member(home)
    fact = opening(twin, 500, 120, station_id=paper)
    book([fact])
    settle([attendance(chen, 60), attendance(twin, 30, station_id=home)])
    merge(twin, chen, station_id=home)
    assert has(chen) == (650, 0, 210)
    sound()
    unmerge(twin, station_id=home)
    assert (has(chen), has(twin)) == ((100, 0, 60), (550, 0, 150))
    undo([undone(fact)])
    assert has(twin) == (50, 0, 30)
    sound()


@pytest.mark.parametrize("home", [NANCHANG, CHALUKOU])
def test_it_is_taken_back_from_who_stays(town: Flask, home: UUID) -> None:
    chen, twin = member(), member(home)
    fact = opening(twin, 500, 120, station_id=home)
    book([fact])
    settle([attendance(chen, 60)])
    merge(twin, chen, station_id=home)
    assert outcome_of(undo([undone(fact)])) == {"state": "undone"}
    assert has(chen) == (100, 0, 60)
    sound()
    unmerge(twin, station_id=home)
    assert (has(chen), has(twin)) == ((100, 0, 60), (0, 0, 0))
    sound()


def test_what_was_spent_of_it_meanwhile_is_owed(town: Flask) -> None:
    chen, twin = member(), member()
    fact = opening(twin, 500, 120)
    book([fact])
    merge(twin, chen)
    spend([redemption(chen, 400)])
    undo([undone(fact)])
    assert has(chen) == (0, 400, 0)
    sound()
    unmerge(twin)
    assert (has(chen), has(twin)) == ((0, 400, 0), (0, 0, 0))
    sound()


def test_one_that_is_booked_after_the_merge_is_whose_paper_it_was(town: Flask) -> None:
    """Also after the entry was merged into a third one in between."""
    chen, twin, third = member(), member(CHALUKOU), member()
    merge(twin, chen, station_id=CHALUKOU)
    fact = opening(twin, 500, 120)
    book([fact])
    assert has(chen) == (500, 0, 120)
    sound()
    unmerge(twin, station_id=CHALUKOU)
    assert (has(chen), has(twin)) == ((0, 0, 0), (500, 0, 120))
    sound()
    merge(twin, third, 4, station_id=CHALUKOU)
    unmerge(twin, 5, station_id=CHALUKOU)
    assert (has(third), has(twin)) == ((0, 0, 0), (500, 0, 120))
    sound()


def test_it_stays_outside_months_and_the_year_and_is_told_as_what_it_is(town: Flask) -> None:
    chen, twin = member(), member()
    book([opening(twin, 500, 120)])
    settle([attendance(twin, 60)])
    merge(twin, chen)
    assert [month["minutes"] for month in list_months(acting_for(chen), member_id=chen)] == [60]
    found = balance(chen)
    assert (found["minutes_year"], found["minutes_total"]) == (60, 180)
    told = {(line["kind"], line["minutes"]) for line in lines_of(chen, "minutes")}
    assert told == {("opening", 120), ("merge", 60)}
    assert all(line["title"].startswith("并入自") for line in lines_of(chen, "minutes"))


def test_one_that_was_taken_back_in_another_month_leaves_nothing_to_move(town: Flask) -> None:
    chen, twin = member(), member()
    fact = opening(twin, 500, 120)
    with clock.travel(clock.now() - timedelta(days=40)):
        book([fact])
    undo([undone(fact)])
    merge(twin, chen)
    assert (has(chen), has(twin)) == ((0, 0, 0), (0, 0, 0))
    sound()


def test_merge_redemption_void_and_undo_at_once_keep_every_point(town: Flask) -> None:
    for _ in range(4):
        chen, twin = member(), member(CHALUKOU)
        settle([attendance(chen, 120), attendance(twin, 120, station_id=CHALUKOU)])
        standing, taken_back = opening(twin, 300, 30), opening(twin, 200, 20)
        book([taken_back])
        bought, given_back = redemption(twin, 150), redemption(chen, 50)
        spend([given_back])
        answers = at_once(
            town,
            [
                partial(take, [merged(twin, chen, station_id=CHALUKOU)]),
                partial(spend, [bought]),
                partial(void, [voided(given_back)]),
                partial(book, [standing]),
                partial(undo, [undone(taken_back)]),
                partial(settle, [attendance(twin, 60, service_day=DAY - timedelta(days=1))]),
            ],
        )
        assert all(answer.status == "done" for found in answers for answer in found), answers
        assert outcome_of(spend([bought]))["state"] == "confirmed"
        assert has(chen) == (500 + 300 - 150, 0, 330)
        assert has(twin) == (0, 0, 0)
        sound()
        take([card(twin, 3, CHALUKOU)])
        assert has(chen)[0] + has(twin)[0] == 650
        sound()
