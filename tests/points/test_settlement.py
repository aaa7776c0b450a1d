"""Attendances become awards, each once, by the rule and the caps of their service day."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

from flask import Flask
from sqlalchemy import select

from services.points.store.ledger import Account
from shared import events
from shared.db import session
from shared.events import Evidence
from tests.points.support import (
    CHALUKOU,
    DAY,
    NANCHANG,
    annulled,
    at_once,
    attendance,
    balance,
    broken,
    corrected,
    digest,
    lines_of,
    member,
    outcome_of,
    points_account,
    points_of,
    redemption,
    settle,
    spend,
)


def test_two_hours_and_ten_minutes_bring_217_hundredths_and_130_minutes(town: Flask) -> None:
    chen = member()
    assert outcome_of(settle([attendance(chen, 130)])) == {"state": "awarded", "points": 217, "minutes": 130}
    assert balance(chen) | {"member_id": None} == {
        "member_id": None,
        "points_available": 217,
        "points_debt": 0,
        "minutes_total": 130,
        "minutes_year": 130,
        "points_expiring": 0,
    }
    (line,) = lines_of(chen)
    assert line["reason"] == "2 小时 10 分钟 × 1.0 = 2.17，未到当日上限，规则 1"
    assert (line["kind"], line["points"], line["balance_after"], line["title"]) == ("award", 217, 217, "周六楼道大扫除")
    assert broken() == {}


def test_the_same_fact_again_gets_the_same_answer_and_changes_nothing(town: Flask) -> None:
    fact = attendance(member(), 90)
    first = settle([fact])
    before = digest()
    assert settle([fact, fact]) == first * 2
    assert digest() == before


def test_other_content_under_the_same_version_is_refused(town: Flask) -> None:
    fact = attendance(member(), 90)
    settle([fact])
    before = digest()
    (answer,) = settle([replace(fact, minutes=91)])
    assert (answer.status, answer.code) == ("refused", "other_content")
    assert digest() == before


def test_four_points_a_day_are_the_most_whatever_the_order_of_delivery(town: Flask) -> None:
    chen = member()
    start = attendance(chen).started_at
    morning = attendance(chen, 180, started_at=start, ended_at=start + timedelta(hours=3))
    noon = attendance(chen, 120, ended_at=start + timedelta(hours=6), category="repair")
    evening = attendance(chen, 60, ended_at=start + timedelta(hours=9))
    settle([evening, noon, morning])
    assert [line["points"] for line in lines_of(chen)] == [300, 100]
    assert lines_of(chen)[1]["reason"] == "2 小时 × 1.0 = 2，当日上限 4 已用 3，计 1，规则 1"
    assert balance(chen)["minutes_total"] == 360
    next_day = attendance(chen, 60, service_day=DAY + timedelta(days=1))
    assert outcome_of(settle([next_day]))["points"] == 100
    assert broken() == {}


def test_two_door_visits_a_day_bring_a_fifth_of_a_point_each(town: Flask) -> None:
    chen = member()
    settle([attendance(chen, 10, category="door_visit") for _ in range(3)])
    assert [line["points"] for line in lines_of(chen)] == [20, 20]
    assert lines_of(chen)[0]["reason"] == "1 次 × 0.2 = 0.2，未到当日上限，规则 1"


def test_scanning_out_and_in_again_does_not_double_the_visit(town: Flask) -> None:
    chen = member()
    first = attendance(chen, 10, category="door_visit", minutes_together=20, activity_minutes=20)
    second = replace(first, attendance_id=uuid4(), carries_visit=False)
    settle([first, second])
    assert [line["points"] for line in lines_of(chen)] == [20]
    assert balance(chen)["minutes_total"] == 20
    assert broken() == {}


def test_a_fact_from_before_visits_were_counted_once_is_still_the_same_fact(town: Flask) -> None:
    fact = attendance(member(), 10, category="door_visit")
    first = settle([fact])
    stored = events.dump(fact)
    del stored["carries_visit"]
    assert settle([cast(events.AttendanceSettled, events.load("AttendanceSettled", stored))]) == first


def test_a_visit_that_passes_to_another_pair_finds_the_cap_free(town: Flask) -> None:
    chen = member()
    later = attendance(chen, 10, category="door_visit")
    settle([attendance(chen, 10, category="door_visit"), later])
    earlier = replace(later, attendance_id=uuid4(), minutes_together=20, ended_at=later.ended_at - timedelta(hours=1))
    settle([earlier, replace(later, version=2, minutes_together=20, carries_visit=False)])
    assert points_of(chen) == 40
    assert broken() == {}


def test_below_the_minimum_share_hours_count_and_points_do_not(town: Flask) -> None:
    chen = member()
    short = attendance(chen, 71, activity_minutes=120)
    assert outcome_of(settle([short])) == {"state": "no_points", "points": 0, "minutes": 71}
    later_pair = replace(short, version=2, minutes_together=72)
    assert outcome_of(settle([later_pair]))["points"] == 118
    assert balance(chen)["minutes_total"] == 71
    assert broken() == {}


def test_what_was_entered_later_brings_hours_only(town: Flask) -> None:
    outcome = outcome_of(settle([attendance(member(), 60, evidence=Evidence.ENTERED_LATER)]))
    assert outcome == {"state": "no_points", "points": 0, "minutes": 60}


def test_a_correction_reverses_and_books_anew(town: Flask) -> None:
    chen = member()
    first = attendance(chen, 60)
    settle([first])
    settle([corrected(first, 120)])
    assert [(line["kind"], line["points"]) for line in lines_of(chen)] == [
        ("award", 100),
        ("reversal", -100),
        ("award", 200),
    ]
    assert lines_of(chen)[1]["reason"] == "签退时间有误"
    assert [line["minutes"] for line in lines_of(chen, "minutes")] == [60, -60, 120]
    assert broken() == {}


def test_a_correction_that_comes_to_the_same_keeps_the_award(town: Flask) -> None:
    chen = member()
    first = attendance(chen, 60)
    settle([first])
    again = corrected(first, 60)
    assert outcome_of(settle([again])) == {"state": "awarded", "points": 100, "minutes": 60}
    assert len(lines_of(chen)) == 1
    settle([annulled(again)])
    assert points_of(chen) == 0
    assert broken() == {}


def test_a_lower_version_after_a_higher_one_is_recorded_and_books_nothing(town: Flask) -> None:
    chen = member()
    first = attendance(chen, 60)
    settle([corrected(first, 90)])
    assert outcome_of(settle([first])) == {"state": "superseded", "points": 0, "minutes": 0}
    assert points_of(chen) == 150
    assert broken() == {}


def test_all_versions_in_one_batch_leave_the_last(town: Flask) -> None:
    chen = member()
    first = attendance(chen, 60)
    second = corrected(first, 120)
    answers = settle([second, annulled(second), first])
    assert [answer.status for answer in answers] == ["done"] * 3
    assert points_of(chen) == balance(chen)["minutes_total"] == 0
    assert broken() == {}


def test_an_annulled_attendance_frees_the_days_cap(town: Flask) -> None:
    chen = member()
    first = attendance(chen, 240)
    settle([first])
    settle([annulled(first)])
    assert outcome_of(settle([attendance(chen, 240)]))["points"] == 400
    assert broken() == {}


def test_an_award_from_elsewhere_passes_the_clearing_accounts(town: Flask) -> None:
    chen = member(CHALUKOU)
    fact = attendance(chen, 60, station_id=NANCHANG)
    settle([fact])
    assert points_of(chen) == 100
    assert broken() == {}
    settle([annulled(fact)])
    assert points_of(chen) == 0
    assert broken() == {}


def test_who_moves_keeps_the_account_in_its_chain_and_earns_and_spends_on(town: Flask) -> None:
    chen = member(NANCHANG)
    first = attendance(chen, 60)
    settle([first])

    def chain() -> UUID | None:
        session().rollback()
        return session().scalar(select(Account.chain_id).where(Account.id == points_account(chen)))

    assert chain() == NANCHANG
    member(CHALUKOU, member_id=chen, version=2)
    settle([attendance(chen, 60, station_id=CHALUKOU), annulled(first)])
    assert points_of(chen) == 100
    assert outcome_of(spend([redemption(chen, 100, station_id=CHALUKOU)]))["state"] == "confirmed"
    assert (points_of(chen), chain()) == (0, NANCHANG)
    assert broken() == {}


def test_a_member_nobody_told_of_yet_belongs_where_the_service_was(town: Flask) -> None:
    stranger = uuid4()
    settle([attendance(stranger, 60, station_id=CHALUKOU)])
    assert points_of(stranger) == 100
    assert broken() == {}


def test_a_bad_fact_does_not_take_the_others_with_it(town: Flask) -> None:
    chen = member()
    good, unknown = attendance(chen), attendance(chen, category="alchemy")
    nonsense = [
        replace(attendance(chen), **wrong)
        for wrong in (
            {"minutes": -1},
            {"version": 0},
            {"state": "dreamt"},
            {"minutes": 10**9},
            {"activity_title": "a\0b"},
            {"ended_at": datetime(2026, 11, 21, 12)},  # noqa: DTZ001 - no zone is what is wrong with it
        )
    ]
    answers = settle([unknown, *nonsense, good])
    assert [answer.code for answer in answers] == ["no_rule", *["invalid"] * 6, None]
    assert points_of(chen) == 100


def test_an_attendance_cannot_move_to_another_member(town: Flask) -> None:
    first = attendance(member(), 60)
    settle([first])
    (answer,) = settle([replace(corrected(first, 60), member_id=member())])
    assert answer.code == "member_changed"


def test_two_workers_with_the_same_facts_book_each_once(town: Flask) -> None:
    members = [member(), member(CHALUKOU), uuid4()]
    places = (NANCHANG, CHALUKOU)
    facts = [attendance(members[number % 3], 30 + number, station_id=places[number % 2]) for number in range(30)]
    answers = at_once(town, [lambda: settle(facts), lambda: settle(facts[::-1]), lambda: settle(facts)])
    assert answers[0] == answers[1][::-1] == answers[2]
    assert sum(balance(one)["minutes_total"] for one in members) == sum(fact.minutes for fact in facts)
    assert broken() == {}


def test_a_field_that_the_event_gets_later_does_not_make_an_old_fact_another() -> None:
    from dataclasses import dataclass

    from services.points.commands.book_attendances import hash_of
    from shared.events import RedemptionVoided

    @dataclass(frozen=True, kw_only=True)
    class Later(RedemptionVoided):
        by: str = "member"

    content: dict[str, Any] = {"redemption_id": uuid4(), "member_id": uuid4(), "reason": "本人取消"}
    assert hash_of(RedemptionVoided(**content)) == hash_of(Later(**content))
    assert hash_of(Later(**content)) != hash_of(Later(**content, by="staff"))
