"""Two members who are one person: what they have lies with who stays, and comes back when it was a mistake."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import permutations
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask

from services.points.commands.boards import take_members
from services.points.commands.seal_transfers import seal_all
from services.points.queries import verify_boards
from services.points.queries.awards import list_awards
from services.points.queries.day import show_day
from services.points.queries.months import list_months
from services.points.queries.statement import list_statement
from services.points.store.standings import Standing
from shared import clock
from shared.db import session, transactional
from shared.errors import Forbidden
from shared.events import Answer, MemberChanged
from tests.points.support import (
    CHALUKOU,
    DAY,
    NANCHANG,
    acting_for,
    annulled,
    at_once,
    attendance,
    balance,
    broken,
    corrected,
    digest,
    lines_of,
    make_rule,
    member,
    outcome_of,
    points_of,
    redemption,
    settle,
    spend,
    void,
    voided,
)

take = transactional(take_members)


def card(member_id: UUID, version: int, station_id: UUID = NANCHANG, **fields: Any) -> MemberChanged:
    known: dict[str, Any] = {
        "status": "active", "volunteer_number": "123456789012", "name_masked": "陈*芳", "confirmed": True,
    }  # fmt: skip
    return MemberChanged(member_id=member_id, version=version, station_id=station_id, **known | fields)


def merged(member_id: UUID, into: UUID, version: int = 2, **fields: Any) -> MemberChanged:
    return card(member_id, version, status="merged", merged_into=into, **fields)


def tell(*facts: MemberChanged) -> list[str]:
    return [answer.status for answer in take(list(facts))]


def merge(member_id: UUID, into: UUID, version: int = 2, **fields: Any) -> None:
    assert tell(merged(member_id, into, version, **fields)) == ["done"]


def unmerge(member_id: UUID, version: int = 3, **fields: Any) -> None:
    assert tell(card(member_id, version, **fields)) == ["done"]


def has(member_id: UUID) -> tuple[int, int, int]:
    """Points to spend, points owed, minutes."""
    found = balance(member_id)
    return found["points_available"], found["points_debt"], found["minutes_total"]


def standing(member_id: UUID) -> list[tuple[int, int, int]]:
    session().rollback()
    rows = session().query(Standing).filter_by(member_id=member_id, period="all").all()
    return [(row.points, row.minutes, row.attendances) for row in rows if row.attendances]


def sound() -> None:
    assert broken() == {}
    assert list(verify_boards.standings_are_the_fold_of_the_awards()) == []
    session().rollback()


def test_points_minutes_and_boards_go_over_and_the_statement_says_from_whom(town: Flask) -> None:
    chen, twin = member(), member()
    settle([attendance(chen, 60), attendance(twin, 90, service_day=DAY - timedelta(days=40))])
    merge(twin, chen, volunteer_number="123456784321", name_masked="陈*方")
    assert has(chen) == (250, 0, 150)
    assert has(twin) == (0, 0, 0)
    assert standing(chen) == [(250, 150, 2)]
    assert standing(twin) == []
    line = lines_of(chen)[-1]
    assert (line["kind"], line["points"], line["title"]) == ("merge", 150, "并入自 陈*方（编号尾号 4321）")
    assert lines_of(twin)[-1]["title"] == "并入 陈*芳（编号尾号 9012）"
    assert [month["minutes"] for month in list_months(acting_for(chen), member_id=chen)] == [90, 60]
    sound()
    seal_all()
    sound()


@pytest.mark.parametrize("home", [NANCHANG, CHALUKOU])
def test_what_comes_after_the_merge_is_booked_to_who_stays(town: Flask, home: UUID) -> None:
    chen, twin = member(), member(home)
    before = attendance(twin, 120, station_id=home)
    settle([before])
    merge(twin, chen, station_id=home)
    late = attendance(twin, 60, station_id=home, service_day=DAY - timedelta(days=1))
    assert outcome_of(settle([late])) == {"state": "awarded", "points": 100, "minutes": 60}
    assert has(chen) == (300, 0, 180)
    settle([corrected(before, 90)])
    assert has(chen) == (250, 0, 150)
    settle([annulled(late)])
    assert has(chen) == (150, 0, 90)
    assert standing(chen) == [(150, 90, 1)]
    assert has(twin) == (0, 0, 0)
    sound()


def test_a_reversal_takes_the_awards_own_lot_wherever_it_went(town: Flask) -> None:
    make_rule("repair", points_live_days=35)
    chen, twin = member(), member()
    lasting, expiring = attendance(twin, 60), attendance(twin, 60, category="repair")
    settle([lasting, expiring])
    settle([attendance(chen, 60, category="repair")])
    merge(twin, chen)
    settle([annulled(lasting)])
    with clock.travel(clock.now() + timedelta(days=40)):
        assert points_of(chen) == 0, "what is left expires: the lasting one was taken"
        settle([annulled(expiring)])
        assert has(chen) == (0, 0, 60), "what expired has left already and is not owed"
        sound()


@pytest.mark.parametrize("order", list(permutations(("spend", "merge", "void"))))
def test_a_redemption_of_who_was_merged_ends_alike_in_every_order(town: Flask, order: tuple[str, ...]) -> None:
    chen, twin = member(), member(CHALUKOU)
    settle([attendance(twin, 120, station_id=CHALUKOU), attendance(chen, 60)])
    wanted = redemption(twin, 150)
    acts: dict[str, Callable[[], object]] = {
        "spend": lambda: spend([wanted]),
        "merge": lambda: merge(twin, chen, station_id=CHALUKOU),
        "void": lambda: void([voided(wanted)]),
    }
    for name in order:
        acts[name]()
        sound()
    assert has(chen) == (300, 0, 180)
    assert has(twin) == (0, 0, 0)


def test_a_spend_of_who_was_merged_is_judged_by_who_stays(town: Flask) -> None:
    chen, twin = member(confirmed=False), member()
    settle([attendance(twin, 120)])
    merge(twin, chen)
    assert outcome_of(spend([replace(redemption(twin, 100), card_version=1)]))["code"] == "not_confirmed"
    tell(card(chen, 2))
    assert outcome_of(spend([redemption(twin, 100)])) == {"state": "confirmed", "balance_after": 100}
    sound()


def test_a_spend_waits_until_it_is_known_who_stays(town: Flask) -> None:
    chen, twin = uuid4(), member()
    settle([attendance(twin, 120)])
    merge(twin, chen)
    (answer,) = spend([replace(redemption(twin, 100), card_version=1)])
    assert answer.status == "later"


@pytest.mark.parametrize("owes", ["who stays", "who is merged"])
def test_what_one_owes_is_paid_from_what_the_other_has_and_given_back_by_the_undo(town: Flask, owes: str) -> None:
    chen, twin = member(), member()
    debtor, other = (chen, twin) if owes == "who stays" else (twin, chen)
    false = attendance(debtor, 60)
    settle([false, attendance(other, 120)])
    spend([redemption(debtor, 100)])
    settle([annulled(false)])
    assert has(debtor) == (0, 100, 0)
    merge(twin, chen)
    assert has(chen) == (100, 0, 120)
    sound()
    unmerge(twin)
    assert has(debtor) == (0, 100, 0)
    assert has(other) == (200, 0, 120)
    sound()


def test_the_undo_brings_back_what_was_brought_and_earned_since(town: Flask) -> None:
    chen, twin = member(), member(CHALUKOU)
    old = attendance(twin, 120, station_id=CHALUKOU)
    settle([old, attendance(chen, 60)])
    merge(twin, chen, station_id=CHALUKOU)
    late = attendance(twin, 60, service_day=DAY - timedelta(days=1))
    settle([late])
    unmerge(twin, station_id=CHALUKOU)
    assert has(chen) == (100, 0, 60)
    assert has(twin) == (300, 0, 180)
    sound()
    settle([annulled(late)])
    settle([corrected(old, 90)])
    assert has(twin) == (150, 0, 90)
    assert standing(chen) == [(100, 60, 1)]
    sound()
    merge(twin, chen, 4, station_id=CHALUKOU)
    assert has(chen) == (250, 0, 150)
    sound()


def test_what_was_spent_since_stays_with_who_spent_it(town: Flask) -> None:
    chen, twin = member(), member()
    settle([attendance(twin, 120)])
    merge(twin, chen)
    bought = redemption(chen, 150)
    spend([bought])
    unmerge(twin)
    assert has(twin) == (50, 0, 120)
    assert has(chen) == (0, 0, 0)
    void([voided(bought)])
    assert has(chen) == (150, 0, 0)
    assert has(twin) == (50, 0, 120)
    sound()


def test_a_redemption_that_who_stays_paid_goes_back_there_after_the_undo(town: Flask) -> None:
    chen, twin = member(), member()
    settle([attendance(twin, 120), attendance(chen, 60)])
    wanted = redemption(twin, 150)
    merge(twin, chen)
    spend([wanted])
    unmerge(twin)
    assert outcome_of(void([voided(wanted)])) == {"state": "refunded"}
    assert points_of(chen) + points_of(twin) == 300
    sound()
    other = redemption(chen, 10)
    spend([other])
    (answer,) = void([replace(voided(other), member_id=member())])
    assert answer.code == "other_content"


def test_a_line_of_merges_is_taken_back_from_its_end(town: Flask) -> None:
    first, second, third = member(), member(), member(CHALUKOU)
    settle([attendance(first, 60), attendance(second, 120), attendance(third, 180)])
    merge(first, second)
    merge(second, third)
    assert has(third) == (600, 0, 360)
    settle([attendance(first, 30, service_day=DAY - timedelta(days=1))])
    assert has(third) == (650, 0, 390)
    sound()
    assert tell(card(first, 3)) == ["later"], "who stays is merged further, here"
    assert has(third) == (650, 0, 390)
    unmerge(second)
    assert has(second) == (350, 0, 210)
    assert has(third) == (300, 0, 180)
    assert tell(card(first, 3)) == ["done"]
    assert (has(first), has(second)) == ((150, 0, 90), (200, 0, 120))
    sound()


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_news_may_come_in_any_order_and_twice(town: Flask, order: tuple[int, ...]) -> None:
    chen, twin = member(), member()
    settle([attendance(chen, 60), attendance(twin, 120)])
    # Merged the wrong way round, taken back, and merged the other way.
    news = [merged(twin, chen, 2), card(twin, 3), merged(chen, twin, 2)]
    waiting = [news[number] for number in (*order, *order)]
    for _ in range(3):
        waiting = [fact for fact in waiting if tell(fact) == ["later"]]
    assert waiting == []
    assert has(twin) == (300, 0, 180)
    assert has(chen) == (0, 0, 0)
    sound()
    before = digest()
    assert tell(*news) == ["done"] * 3
    assert digest() == before


def test_who_was_merged_before_anything_was_heard_of_them(town: Flask) -> None:
    chen, twin = uuid4(), uuid4()
    merge(twin, chen)
    settle([attendance(twin, 60)])
    assert has(chen) == (100, 0, 60)
    sound()


def test_the_day_of_who_stays_has_the_lines_of_both_each_with_what_it_left(town: Flask) -> None:
    chen, twin = member(), member()
    settle([attendance(chen, 60)])
    settle([attendance(twin, 120)])
    merge(twin, chen)
    found = show_day(acting_for(chen), member_id=chen, day=DAY)
    assert sorted(outcome["points"] for outcome in found.outcomes) == [100, 200]
    earned = [(line["points"], line["balance_after"]) for line in found.lines if line["kind"] == "award"]
    assert earned == [(100, 100), (200, 200)]
    session().rollback()
    today = show_day(acting_for(chen), member_id=chen, day=clock.today()).lines
    moved = [(line["points"], line["balance_after"], line["title"][:3]) for line in today if line["kind"] == "merge"]
    assert moved == [(-200, 0, "并入 "), (200, 300, "并入自")]
    session().rollback()
    unmerge(twin)
    assert len(show_day(acting_for(chen), member_id=chen, day=DAY).outcomes) == 1


def test_the_persons_own_lines_stand_with_their_days_and_names_instead_of_what_moved(town: Flask) -> None:
    chen, twin, third = member(), member(), member()
    settle([attendance(chen, 60), attendance(twin, 90, service_day=DAY - timedelta(days=40))])
    settle([attendance(third, 30, service_day=DAY - timedelta(days=50))])
    merge(third, twin)
    merge(twin, chen)
    settle([attendance(twin, 15, service_day=DAY)])
    for unit, total in (("points", 325), ("minutes", 195)):
        lines = list_statement(acting_for(chen), member_id=chen, unit=unit, limit=9, merged=True)
        assert {line["kind"] for line in lines} == {"award"}
        assert {line["service_day"] for line in lines} == {DAY - timedelta(days=days) for days in (0, 40, 50)}
        assert all("并入" not in line["title"] for line in lines)
        assert lines[0]["balance_after"] == sum(line[unit] for line in lines) == total
    session().rollback()
    unmerge(twin)
    lines = list_statement(acting_for(twin), member_id=twin, unit="minutes", limit=9, merged=True)
    assert lines[0]["balance_after"] == 135, "with the third's, and what came in meanwhile"
    assert {line["service_day"] for line in lines if line["kind"] == "award"} >= {DAY - timedelta(days=40)}
    with pytest.raises(Forbidden):
        list_statement(acting_for(uuid4()), member_id=chen, unit="minutes", limit=9, merged=True)


def test_who_stays_sees_what_became_of_the_others_attendances(town: Flask) -> None:
    chen, twin = member(), member()
    fact = attendance(twin, 60)
    settle([fact])
    with pytest.raises(Forbidden):
        list_awards(acting_for(chen), attendance_ids=[fact.attendance_id])
    merge(twin, chen)
    session().rollback()
    assert list_awards(acting_for(chen), attendance_ids=[fact.attendance_id])[0]["points"] == 100
    assert list_statement(acting_for(chen), member_id=twin, unit="points", limit=9)[0]["kind"] == "merge"
    with pytest.raises(Forbidden):
        list_awards(acting_for(uuid4()), attendance_ids=[fact.attendance_id])


def test_a_merge_in_the_middle_of_everything_loses_nothing(town: Flask) -> None:
    for _ in range(4):
        chen, twin = member(), member(CHALUKOU)
        settle([attendance(chen, 120), attendance(twin, 120, station_id=CHALUKOU)])
        both = [redemption(chen, 150), redemption(twin, 150)]

        late = attendance(twin, 60, service_day=DAY - timedelta(days=1))
        answers = at_once(
            town,
            [
                partial(spend, both[:1]),
                partial(take, [merged(twin, chen, station_id=CHALUKOU)]),
                partial(spend, both[1:]),
                partial(settle, [late]),
            ],
        )
        assert all(answer.status == "done" for found in answers for answer in found), answers
        spent = sum(150 for fact in both if outcome_of(spend([fact]))["state"] == "confirmed")
        assert has(chen) == (500 - spent, 0, 300)
        assert has(twin) == (0, 0, 0)
        sound()


ATTACKS = {
    "who was merged has nothing": "UPDATE account SET merged_into = '{chen}' WHERE owner_id = '{other}' AND {points}",
    "merges are those of the cards": "UPDATE account SET merged_into = NULL WHERE owner_id = '{twin}'",
    "hours are with who served": "UPDATE account SET credits = credits + 1 WHERE owner_id = '{chen}' AND unit = 'MIN'",
    "moves are their transfers": "UPDATE move SET points = points + 1",
    "parts of lots keep their expiry": "UPDATE lot SET expires_at = now() WHERE origin_id IS NOT NULL",
    "caps count the outcomes": "UPDATE cap_used SET points = points + 1 WHERE points > 0",
}


@pytest.mark.parametrize("check", ATTACKS)
def test_each_check_sees_what_is_wrong_after_a_merge(town: Flask, settings: Any, check: str) -> None:
    chen, twin, other = member(), member(), member()
    settle([attendance(chen, 60), attendance(twin, 120), attendance(other, 60)])
    merge(twin, chen)
    assert broken() == {}
    connection: Any = settings.database("points").connection
    attack = ATTACKS[check].format(chen=chen, twin=twin, other=other, points="kind = 'member' AND unit = 'PTS'")
    assert connection.execute(attack).rowcount
    assert check in broken()


def test_answers_say_nothing_else(town: Flask) -> None:
    chen, twin = member(), member()
    assert take([merged(twin, chen), card(chen, 2)]) == [Answer(), Answer()]


def test_who_moves_keeps_the_accounts_in_their_chain_and_redeems_at_the_new_home(town: Flask) -> None:
    chen = member()
    old = attendance(chen, 120)
    settle([old])
    open_one = redemption(chen, 50)
    spend([open_one])
    tell(card(chen, 2, CHALUKOU))
    settle([attendance(chen, 60, station_id=CHALUKOU, service_day=DAY - timedelta(days=1))])
    assert outcome_of(spend([redemption(chen, 200, station_id=CHALUKOU)])) == {
        "state": "confirmed",
        "balance_after": 50,
    }
    void([voided(open_one)])
    settle([annulled(old)])
    assert has(chen) == (0, 100, 60)
    sound()
    seal_all()
    sound()
    twin = member(CHALUKOU)
    settle([attendance(twin, 120, station_id=CHALUKOU, service_day=DAY - timedelta(days=2))])
    merge(chen, twin, 3, station_id=CHALUKOU)
    assert has(twin) == (100, 0, 180)
    sound()


def test_who_has_left_spends_nothing_but_earlier_service_still_counts(town: Flask) -> None:
    chen = member()
    settle([attendance(chen, 60)])
    tell(card(chen, 2, status="left"))
    assert outcome_of(spend([redemption(chen, 50)]))["code"] == "member_left"
    settle([attendance(chen, 60, service_day=DAY - timedelta(days=1))])
    assert has(chen) == (200, 0, 120)
    tell(card(chen, 3))
    assert outcome_of(spend([redemption(chen, 50)]))["state"] == "confirmed"
    sound()
