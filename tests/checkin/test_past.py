"""Past services that members tells of: judged, taken in as attendances that were entered later, and annulled."""

from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.checkin.commands import activities, attendances, past
from services.checkin.domain.past import activity_of
from shared import clock
from shared.db import session, transactional
from shared.events import (
    Answer,
    PastService,
    PastServiceApproved,
    PastServicesAsked,
    PastServiceUndone,
    Signer,
)
from shared.principal import Grant, Role
from tests.checkin.support import HERE, START, Station, own, statements
from tests.checkin.test_races import at_once

take = transactional(past.take_past)
undo = transactional(past.undo_past)
ask = transactional(past.answer_asked)
DAY = date(2026, 3, 8)
NINE = datetime(2026, 3, 8, 1, tzinfo=UTC)
IMPORT = uuid4()
BROUGHT, APPROVED, UNDID = (Signer(login_id=uuid4(), member_id=uuid4()) for _ in range(3))


def service(
    station: Station, member_id: UUID, begin: float = 0, minutes: float = 120, **more: Any
) -> PastServiceApproved:
    """Somebody cleaned the stairs for so long, beginning so many minutes after nine."""
    started_at = NINE + timedelta(minutes=begin)
    said: dict[str, Any] = {
        "record_id": uuid4(),
        "member_id": member_id,
        "station_id": station.id,
        "service_day": DAY,
        "started_at": started_at,
        "ended_at": started_at + timedelta(minutes=minutes),
        "timed": True,
        "title": "清扫楼道",
        "category": "environment",
        "import_id": IMPORT,
        "brought_by": BROUGHT,
        "approved_by": APPROVED,
    } | more
    return PastServiceApproved(activity_starts_at=said["started_at"], activity_ends_at=said["ended_at"], **said)


def on(fact: PastServiceApproved, moment: datetime, day: date) -> PastServiceApproved:
    ended_at = moment + (fact.ended_at - fact.started_at)
    shown = replace(fact, service_day=day, started_at=moment, ended_at=ended_at)
    return replace(shown, activity_starts_at=moment, activity_ends_at=ended_at)


def said(answers: list[Answer]) -> list[str]:
    """What became of each: its state, or why it was left out."""
    return [(answer.outcome or {}).get("detail") or (answer.outcome or {})["state"] for answer in answers]


def undone(fact: PastServiceApproved) -> PastServiceUndone:
    return PastServiceUndone(
        record_id=fact.record_id, import_id=fact.import_id, member_id=fact.member_id, undone_by=UNDID
    )


def rows_of(station: Station) -> list[dict[str, Any]]:
    return station.rows("SELECT * FROM attendance ORDER BY member_id, arrived_at")


def test_all_who_were_there_are_of_one_closed_activity_and_confirmed_by_the_second_person(station: Station) -> None:
    first, second = station.member(), station.member()
    facts = [service(station, first, minutes=240), service(station, second, begin=60, minutes=90)]
    assert said(take(facts)) == ["taken", "taken"]
    [activity] = station.rows("SELECT * FROM activity")
    assert (activity["id"], activity["state"], activity["title"]) == (activity_of(facts[0]), "closed", "清扫楼道")
    assert (activity["starts_at"], activity["ends_at"]) == (NINE, NINE + timedelta(hours=4))
    assert activity["created_by"] == BROUGHT.member_id
    for row in rows_of(station):
        assert (row["state"], row["version"], row["evidence"]) == ("confirmed", 1, "entered_later")
        assert row["service_day"] == DAY
    told = {fact["attendance_id"]: fact for fact in station.told()}
    assert {key: (fact["minutes"], fact["activity_minutes"]) for key, fact in told.items()} == {
        str(facts[0].record_id): (240, 240),
        str(facts[1].record_id): (90, 240),
    }
    log = station.rows("SELECT action, member_id, who, path FROM audit_log ORDER BY id")
    assert [(entry["action"], entry["member_id"]) for entry in log] == [
        ("activity.take_over", BROUGHT.member_id),
        ("activity.confirm_all", APPROVED.member_id),
    ]
    assert {entry["path"] for entry in log} == {HERE}


def test_each_list_is_answered_for_by_those_who_signed_it(station: Station) -> None:
    other = Signer(login_id=uuid4(), member_id=uuid4())
    lists: list[dict[str, Any]] = [{}, {"import_id": uuid4(), "brought_by": APPROVED, "approved_by": other}]
    take([service(station, station.member(), **signed) for signed in lists])
    log = station.rows("SELECT member_id FROM audit_log ORDER BY id")
    assert [entry["member_id"] for entry in log] == [
        signer.member_id for signer in (BROUGHT, APPROVED, APPROVED, other)
    ]


def test_a_repetition_gets_the_first_answer_and_changes_nothing(station: Station) -> None:
    fact = service(station, station.member())
    first = take([fact])
    assert take([fact, fact]) == [first[0], first[0]]
    assert len(rows_of(station)) == len(station.told()) == 1
    [other] = take([replace(fact, title="别的")])
    assert (other.status, other.code) == ("refused", "other_content")


def test_whose_card_or_station_has_not_come_is_asked_again(station: Station) -> None:
    member_id = station.member()
    facts = [service(station, uuid4()), service(station, member_id, station_id=uuid4()), service(station, member_id)]
    assert [answer.status for answer in take(facts)] == ["later", "later", "done"]
    assert len(rows_of(station)) == 1


@pytest.mark.parametrize(
    ("begin", "minutes", "more", "sentence"),
    [
        (0, 120, {}, "这段时间已有记录：清扫楼道，09:00—11:00"),
        (60, 120, {"title": "别的"}, "这段时间已有记录：清扫楼道，09:00—11:00"),
        (0, 60, {"timed": False}, "这一天已有同一活动的记录：清扫楼道，09:00—11:00"),
        (0, 60, {"timed": False, "title": "别的"}, "taken"),
        (120, 60, {}, "taken"),
        (120, 60, {"title": "别的"}, "taken"),
    ],
)
def test_what_a_list_says_again_is_left_out_with_a_sentence(
    station: Station, begin: float, minutes: float, more: dict[str, Any], sentence: str
) -> None:
    member_id = station.member()
    assert said(take([service(station, member_id)])) == ["taken"]
    again = service(station, member_id, begin, minutes, **more)
    question = PastServicesAsked(import_id=uuid4(), question_id=uuid4(), services=(plain(again),))
    [answered] = ask([question])
    assert answered.outcome == {"left_out": {} if sentence == "taken" else {str(again.record_id): sentence}}
    assert said(take([again])) == [sentence]
    assert len(rows_of(station)) == (2 if sentence == "taken" else 1)


def plain(fact: PastServiceApproved) -> PastService:
    return PastService(**{field.name: getattr(fact, field.name) for field in fields(PastService)})


def test_within_one_batch_too(station: Station) -> None:
    member_id = station.member()
    answers = take([service(station, member_id), service(station, member_id, title="别的", begin=30)])
    assert said(answers) == ["taken", "这段时间已有记录：清扫楼道，09:00—11:00"]


@pytest.mark.parametrize(
    ("begin", "timed", "title", "sentence"),
    [
        (60, True, "别的", "这段时间已有记录：清扫和谐小区，09:00—12:00"),
        (0, False, "别的", "这一行没有写起止时间，分不清是不是同一次"),
        (300, True, "清扫和谐小区", "请在那次活动里补录"),
        (300, True, "别的", "taken"),
    ],
)
def test_what_was_scanned_is_not_entered_again(
    station: Station, begin: float, timed: bool, title: str, sentence: str
) -> None:
    volunteer = station.person()
    station.attend(volunteer, station.activity())
    fact = on(
        service(station, own(volunteer), timed=timed, title=title),
        START + timedelta(minutes=begin),
        START.date(),
    )
    [found] = said(take([fact]))
    assert found.endswith(sentence)


@pytest.mark.parametrize("published", [True, False])
def test_an_activity_of_the_title_stands_in_the_way_only_when_it_was_held(station: Station, *, published: bool) -> None:
    activity = station.activity() if published else station.draft()
    fact = on(service(station, station.member(), title=activity.title), START + timedelta(hours=5), START.date())
    [found] = said(take([fact]))
    assert found.endswith("请在那次活动里补录" if published else "taken")
    activities.cancel_activity(station.organizer, activity_id=activity.id, reason="下雨")
    assert said(take([replace(fact, record_id=uuid4(), member_id=station.member())])) == ["taken"]


def test_who_was_merged_or_has_left_is_left_out_and_what_they_had_counts_for_who_they_are_now(
    station: Station,
) -> None:
    from shared import copies

    old, new = station.member(), station.member()
    assert said(take([service(station, old)])) == ["taken"]
    merged = replace(station.card(old), version=2, status="merged", merged_into=new)
    transactional(copies.take_members)([merged])
    assert "不在册" in said(take([service(station, old, begin=500)]))[0]
    assert said(take([service(station, new, begin=30)])) == ["这段时间已有记录：清扫楼道，09:00—11:00"]


def test_nobody_has_more_records_of_a_day_than_the_day_allows(station: Station) -> None:
    member_id = station.member()
    facts = [service(station, member_id, begin=60 * n, minutes=60, title=f"第{n}次") for n in range(4)]
    assert said(take(facts)) == ["taken"] * 3 + ["这一天已有 3 次记录，每人每天最多 3 次"]


def test_what_merged_entries_had_counts_at_whatever_remove(station: Station) -> None:
    from shared import copies

    first, then, stays = (station.member() for _ in range(3))
    assert said(take([service(station, first)])) == ["taken"]
    merged = [replace(station.card(one), version=2, status="merged", merged_into=into)
              for one, into in ((first, then), (then, stays))]  # fmt: skip
    transactional(copies.take_members)(merged)
    assert said(take([service(station, stays, begin=30)])) == ["这段时间已有记录：清扫楼道，09:00—11:00"]


def test_no_day_of_anybody_has_more_than_24_hours(station: Station) -> None:
    member_id = station.member()
    facts = [service(station, member_id, minutes=12 * 60, timed=False, title=f"第{n}次") for n in range(3)]
    refused = "这一天已有 1440 分钟的记录，加上这一行超过 24 小时"
    assert said(take(facts)) == ["taken", "taken", refused]
    [asked] = ask([PastServicesAsked(import_id=IMPORT, question_id=uuid4(), services=tuple(_as_asked(facts[2:])))])
    assert [*(asked.outcome or {})["left_out"].values()] == [refused]


def _as_asked(facts: list[PastServiceApproved]) -> list[PastService]:
    names = [field.name for field in fields(PastService)]
    return [PastService(**{name: getattr(fact, name) for name in names}) for fact in facts]


def test_a_later_list_of_the_same_activity_joins_it_and_rates_the_others_by_its_length(station: Station) -> None:
    first = service(station, station.member())
    take([first])
    later = service(station, station.member(), begin=-60, minutes=360)
    assert said(take([later])) == ["taken"]
    [activity] = station.rows("SELECT * FROM activity")
    assert (activity["starts_at"], activity["ended_at"]) == (NINE - timedelta(hours=1), NINE + timedelta(hours=5))
    newest = {fact["attendance_id"]: fact for fact in station.told()}
    assert {(fact["version"], fact["minutes"], fact["activity_minutes"]) for fact in newest.values()} == {
        (2, 120, 360),
        (1, 360, 360),
    }


def test_what_would_make_an_activity_longer_than_a_day_is_left_out(station: Station) -> None:
    take([service(station, station.member(), begin=-9 * 60)])
    answers = take([service(station, station.member(), begin=14 * 60, minutes=120)])
    assert said(answers) == ["和同一次活动已有的记录相差超过 24 小时，请核对起止时间"]


def test_an_undo_annuls_and_the_same_list_may_come_again(station: Station) -> None:
    fact, other = service(station, station.member()), service(station, station.member(), minutes=60)
    take([fact, other])
    undo([undone(fact)])
    undo([undone(fact)])
    states = {row["id"]: row["state"] for row in rows_of(station)}
    assert states == {fact.record_id: "annulled", other.record_id: "confirmed"}
    [told] = [one for one in station.told() if one["version"] == 2]
    assert (told["attendance_id"], told["state"], told["minutes"]) == (str(fact.record_id), "annulled", 0)
    assert station.rows("SELECT state FROM activity") == [{"state": "closed"}]
    undo([undone(other)])
    assert station.rows("SELECT state, reason FROM activity") == [{"state": "cancelled", "reason": "导入已撤销"}]
    again = replace(fact, record_id=uuid4())
    assert said(take([again])) == ["taken"]
    assert station.rows("SELECT state, reason FROM activity") == [{"state": "closed", "reason": None}]
    acts = station.rows("SELECT action, member_id FROM audit_log WHERE action LIKE '%.annul' OR action LIKE '%.cancel'")
    assert sorted(act["action"] for act in acts) == ["activity.cancel", "attendance.annul", "attendance.annul"]
    assert {act["member_id"] for act in acts} == {UNDID.member_id}


def test_an_undo_that_comes_first_uses_the_record_up(station: Station) -> None:
    fact = service(station, station.member())
    undo([undone(fact)])
    assert said(take([fact])) == ["undone"]
    assert rows_of(station) == []


def test_what_was_corrected_or_annulled_by_hand_meanwhile_is_undone_as_well(station: Station) -> None:
    corrected, annulled = service(station, station.member()), service(station, station.member())
    take([corrected, annulled])
    organizer = station.person(Grant(Role.ORGANIZER, HERE))
    attendances.correct_attendance(
        organizer,
        attendance_id=corrected.record_id,
        version=1,
        arrived_at=NINE,
        left_at=NINE + timedelta(hours=1),
        reason="早走",
    )
    attendances.annul_attendance(organizer, attendance_id=annulled.record_id, reason="记错了人")
    undo([undone(corrected), undone(annulled)])
    assert {row["state"] for row in rows_of(station)} == {"annulled"}
    [mine] = station.rows("SELECT reason FROM attendance WHERE reason <> '导入已撤销'")
    assert mine["reason"] == "记错了人"


def test_the_database_wants_two_signers(station: Station) -> None:
    fact = service(station, station.member(), approved_by=BROUGHT)
    with pytest.raises(Exception, match="second_person"):
        take([fact])
    session().rollback()


def test_a_batch_takes_as_many_statements_for_one_as_for_twenty_of_an_activity(station: Station) -> None:
    members = [station.member() for _ in range(21)]
    counts = []
    for some in (members[:1], members[1:]):
        with statements() as sent:
            take([service(station, member_id, title=f"{len(some)} 人") for member_id in some])
        counts.append(len(sent))
    assert counts[0] == counts[1] <= 25


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 8), st.integers(1, 4), st.booleans(), st.sampled_from("甲乙")),
        min_size=1,
        max_size=12,
    )
)
def test_whatever_lists_say_no_minute_is_counted_twice_and_an_undo_leaves_nothing(
    station: Station, lines: list[tuple[int, int, int, bool, str]]
) -> None:
    members = [station.member() for _ in range(3)]
    facts = [
        service(station, members[who], begin * 60, hours * 60, timed=timed, title=title)
        for who, begin, hours, timed, title in lines
    ]
    half = len(facts) // 2
    for some in (facts[:half], facts[half:], facts):
        take(some)
    counted = station.rows(
        "SELECT member_id, arrived_at, left_at, minutes, timed FROM attendance JOIN past_record USING (id, member_id)"
        " WHERE attendance.state = 'confirmed' AND member_id = ANY(:members)",
        members=members,
    )
    for one in counted:
        assert one["minutes"] == (one["left_at"] - one["arrived_at"]).total_seconds() / 60
        for other in counted:
            if one is not other and one["member_id"] == other["member_id"] and one["timed"] and other["timed"]:
                assert one["left_at"] <= other["arrived_at"] or other["left_at"] <= one["arrived_at"]
    undo([undone(fact) for fact in facts])
    live = station.rows("SELECT id FROM attendance WHERE state IN ('left', 'confirmed', 'corrected')")
    assert live == []
    newest = {fact["attendance_id"]: fact for fact in station.told()}
    assert {fact["minutes"] for fact in newest.values()} <= {0}


def test_two_lists_that_reach_too_far_for_one_activity_do_not_spoil_a_batch(station: Station) -> None:
    early, late = service(station, station.member(), begin=-8 * 60), service(station, station.member(), begin=15 * 60)
    assert said(take([early, late])) == ["taken", "和同一次活动已有的记录相差超过 24 小时，请核对起止时间"]


def test_lists_that_come_at_once_take_each_service_once_and_share_one_activity(station: Station) -> None:
    members = [station.member() for _ in range(3)]
    lists = [
        [service(station, member_id, title=f"第 {number} 份名单") for member_id in members[:: 1 if number % 2 else -1]]
        for number in range(6)
    ]
    at_once(station, clock.now(), [partial(take, facts) for facts in lists])
    assert sorted(row["member_id"] for row in rows_of(station)) == sorted(members)
    others = [station.member() for _ in range(6)]
    joined = [[service(station, member_id, minutes=60 * n, title="清扫")] for n, member_id in enumerate(others, 1)]
    assert at_once(station, clock.now(), [partial(take, facts) for facts in joined])
    [activity] = station.rows("SELECT * FROM activity WHERE title = '清扫'")
    assert activity["ends_at"] == NINE + timedelta(hours=6)
    newest = {fact["attendance_id"]: fact for fact in station.told() if fact["activity_title"] == "清扫"}
    assert [len(newest), {fact["activity_minutes"] for fact in newest.values()}] == [6, {360}]
