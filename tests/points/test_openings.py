"""Opening balances from paper: booked once, outside the boards, taken back whole; and every sum stays right."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import text

from services.points.commands.book_openings import book_openings, undo_openings
from services.points.queries.months import list_months
from services.points.queries.verify_boards import standings_are_the_fold_of_the_awards
from shared.db import session, transactional
from shared.events import OpeningApproved, OpeningUndone
from tests.points.support import (
    CHALUKOU,
    NANCHANG,
    acting_for,
    attendance,
    balance,
    broken,
    digest,
    lines_of,
    member,
    outcome_of,
    redemption,
    settle,
    spend,
)
from tests.support import Settings

book = transactional(book_openings)
undo = transactional(undo_openings)


def opening(member_id: UUID, points: int = 8650, minutes: int = 7230, **fields: Any) -> OpeningApproved:
    known: dict[str, Any] = {"opening_id": uuid4(), "import_id": uuid4(), "station_id": NANCHANG}
    return OpeningApproved(
        member_id=member_id, points=points, minutes=minutes, description="纸质台账.xlsx", **known | fields
    )


def undone(fact: OpeningApproved) -> OpeningUndone:
    return OpeningUndone(opening_id=fact.opening_id, member_id=fact.member_id, station_id=fact.station_id)


def has(member_id: UUID) -> tuple[int, int, int]:
    """Points, debt and minutes."""
    found = balance(member_id)
    return found["points_available"], found["points_debt"], found["minutes_total"]


@pytest.mark.parametrize("station", [NANCHANG, CHALUKOU])
def test_an_opening_balance_counts_at_once_whichever_station_has_the_paper(town: Flask, station: UUID) -> None:
    chen = member()
    assert outcome_of(book([opening(chen, station_id=station)]))["state"] == "booked"
    assert has(chen) == (8650, 0, 7230)
    assert broken() == {}


def test_it_stands_on_the_statement_as_what_it_is(town: Flask) -> None:
    chen = member()
    fact = opening(chen)
    book([fact])
    (line,) = lines_of(chen)
    assert (line["kind"], line["points"], line["title"]) == ("opening", 8650, "期初结转")
    assert line["reason"].startswith("纸质台账上原有的")
    assert [one["minutes"] for one in lines_of(chen, "minutes")] == [7230]
    undo([undone(fact)])
    assert [one["reason"] for one in lines_of(chen)][1] == "期初结转撤回"


def test_no_board_and_no_month_knows_of_it(town: Flask) -> None:
    chen = member()
    book([opening(chen)])
    assert session().scalar(text("SELECT count(*) FROM standing")) == 0
    assert list_months(acting_for(chen), member_id=chen) == []
    assert balance(chen)["minutes_year"] == 0
    assert list(standings_are_the_fold_of_the_awards()) == []


def test_the_same_fact_twice_books_once_and_another_under_its_key_is_refused(town: Flask) -> None:
    chen = member()
    fact = opening(chen)
    book([fact, fact])
    before = digest()
    assert outcome_of(book([fact]))["state"] == "booked"
    (answer,) = book([opening(chen, points=1, opening_id=fact.opening_id)])
    assert (answer.status, answer.code) == ("refused", "other_content")
    assert digest() == before


@pytest.mark.parametrize(("points", "minutes"), [(0, 0), (-1, 5), (5, -1), (10**9, 0), (0, 10**8)])
def test_nothing_and_what_is_out_of_all_reason_is_refused(town: Flask, points: int, minutes: int) -> None:
    chen = member()
    (answer,) = book([opening(chen, points, minutes)])
    assert (answer.status, answer.code) == ("refused", "invalid")
    assert broken() == {}


def test_undoing_takes_all_back_once(town: Flask) -> None:
    chen = member()
    fact = opening(chen)
    book([fact])
    undo([undone(fact), undone(fact)])
    before = digest()
    undo([undone(fact)])
    assert has(chen) == (0, 0, 0)
    assert digest() == before
    assert broken() == {}


def test_what_was_spent_meanwhile_is_owed_and_paid_by_the_corrected_file(town: Flask) -> None:
    chen = member()
    fact = opening(chen, 1000, 60)
    book([fact])
    spend([redemption(chen, 300)])
    undo([undone(fact)])
    assert has(chen) == (0, 300, 0)
    book([opening(chen, 900, 60)])
    assert has(chen) == (600, 0, 60)
    assert broken() == {}


def test_an_undo_that_comes_first_keeps_the_opening_from_being_booked(town: Flask) -> None:
    chen = member()
    fact = opening(chen)
    undo([undone(fact)])
    assert outcome_of(book([fact]))["state"] == "undone"
    assert has(chen) == (0, 0, 0)
    assert broken() == {}


def test_nobody_undoes_anothers(town: Flask) -> None:
    chen, li = member(), member()
    fact = opening(chen)
    book([fact])
    book([opening(li)])
    (answer,) = undo([OpeningUndone(opening_id=fact.opening_id, member_id=li, station_id=NANCHANG)])
    assert answer.status == "refused"
    assert has(chen) == (8650, 0, 7230)


def test_a_lost_approval_and_a_lost_undo_are_found(town: Flask, settings: Settings) -> None:
    chen = member()
    fact = opening(chen)
    book([fact])
    undo([undone(fact)])
    connection: Any = settings.database("points").connection
    name = "opening balances are what was approved"
    for key in ("opening:", "opening-undo:"):
        connection.execute("CREATE TEMP TABLE kept AS SELECT * FROM idempotency")
        connection.execute("DELETE FROM idempotency WHERE key = %s", (f"{key}{fact.opening_id}",))
        assert name in broken()
        connection.execute("DELETE FROM idempotency; INSERT INTO idempotency SELECT * FROM kept; DROP TABLE kept")
    assert broken() == {}


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("open"), st.integers(0, 2), st.integers(0, 900), st.integers(1, 500)),
        st.tuples(st.just("undo"), st.integers(0, 5), st.none(), st.none()),
        st.tuples(st.just("spend"), st.integers(0, 2), st.integers(1, 700), st.none()),
        st.tuples(st.just("serve"), st.integers(0, 2), st.integers(1, 5), st.none()),
    ),
    max_size=12,
)


@hypothesis_settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_happens_in_between_every_sum_is_right(town: Flask, steps: list[tuple[Any, ...]]) -> None:
    """What came less what was spent and undone is what one has less what one owes; minutes are never spent."""
    people = [member(), member(CHALUKOU), member()]
    points, minutes = [0, 0, 0], [0, 0, 0]
    opened: list[tuple[int, OpeningApproved]] = []
    for verb, who, amount, more in steps:
        if verb == "open":
            fact = opening(people[who], amount, more)
            opened.append((who, fact))
            book([fact])
            points[who] += amount
            minutes[who] += more
        elif verb == "undo" and opened:
            owner, fact = opened.pop(who % len(opened))
            undo([undone(fact)])
            points[owner] -= fact.points
            minutes[owner] -= fact.minutes
        elif verb == "spend":
            if outcome_of(spend([redemption(people[who], amount)]))["state"] == "confirmed":
                points[who] -= amount
        elif verb == "serve":
            before = has(people[who])
            settle([attendance(people[who], amount * 60)])
            after = has(people[who])
            points[who] += after[0] - after[1] - before[0] + before[1]
            minutes[who] += amount * 60
        for member_id, has_points, has_minutes in zip(people, points, minutes, strict=True):
            available, debt, served = has(member_id)
            assert (available - debt, served) == (has_points, has_minutes)
    assert broken() == {}
