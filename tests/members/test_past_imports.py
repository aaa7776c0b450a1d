"""过往服务记录 by a file: matched to members, looked up at check-in, approved by a second person, told, taken back."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.members.commands import past, work_imports
from shared import clock, outbox
from shared.db import transactional
from shared.ids import new_id
from shared.principal import Principal, Role
from tests.members.test_imports import bring, file_of, look, merge, staff, step, work
from tests.members.test_opening_imports import above, three
from tests.members.town import Town

__all__ = ["three"]


def brought(town: Town, caller: Principal, content: bytes | None = None, **fields: Any) -> dict[str, Any]:
    body = file_of("past.xlsx") if content is None else content
    found = bring(town, caller, body, kind="past", file_name="三月.xlsx", **fields)
    work(town)
    return found


def answer(town: Town, name: str, outcome: Any) -> int:
    """Check-in's answers to everything of this name that was told and not answered yet; returns how many."""

    @transactional
    def take(tx: Any) -> int:
        columns = outbox.outbox.c
        rows = tx.execute(
            outbox.outbox.select().where(columns.name == name, columns.delivered_at.is_(None)).order_by(columns.id)
        ).all()
        for row in rows:
            work_imports.take_outcome(tx, row, outcome(row.body))
        outbox.mark_delivered(tx, [row.id for row in rows])
        return len(rows)

    return town.do(take)


def nothing_known(_body: Any) -> dict[str, Any]:
    return {"left_out": {}}


def checked(town: Town, caller: Principal, content: bytes | None = None, **fields: Any) -> dict[str, Any]:
    found = brought(town, caller, content, **fields)
    answer(town, "PastServicesAsked", nothing_known)
    return found


def told(town: Town, name: str = "PastServiceApproved") -> list[dict[str, Any]]:
    return town.events(name, "checkin")


def sentences(town: Town, caller: Principal, found: dict[str, Any]) -> list[str]:
    rows = town.get(f"/imports/{found['id']}/rows", caller).json
    return [problem["sentence"] for row in rows for problem in row["problems"]]


def test_the_dry_run_says_whose_each_row_is_and_what_they_come_to(town: Town, three: dict[str, UUID]) -> None:
    caller = staff(town)
    found = look(town, caller, checked(town, caller))
    assert (found["state"], found["counts"]) == ("checked", {"good": 4, "bad": 3})
    assert found["found"]["minutes"] == 240 + 150 + 120 + 150
    assert {name: found["found"][name] for name in ("activities", "half_days", "years_missing", "with_opening")} == {
        "activities": 2,
        "half_days": 1,
        "years_missing": 2,
        "with_opening": 0,
    }
    assert sentences(town, caller, found) == [
        "与第 4 行重复：同一位志愿者这一天已经写了“学雷锋清扫楼道”",
        "不是有效的日期，请写成 2026-03-08 或 3月8日 这样，一行写一天",
        "不是有效的时长，请写成 2.5、2小时、半天 或 9:00-11:30 这样，一次最长 24 小时",
        sentences(town, caller, found)[3],
    ]
    assert "没有这个类别" in sentences(town, caller, found)[3]
    (asked,) = told(town, "PastServicesAsked")
    assert [service["member_id"] for service in asked["services"]] == [
        str(three[name]) for name in ("王秀英", "陈芳", "李建国", "王秀英")
    ]
    times = {(service["activity_starts_at"], service["activity_ends_at"]) for service in asked["services"][:3]}
    assert times == {("2026-03-08T01:00:00Z", "2026-03-08T05:00:00Z")}, "one activity for all who were there"


@pytest.mark.parametrize(("name", "counts"), [("past.xls", {"good": 2}), ("past.csv", {"good": 3})])
def test_the_old_format_and_gb18030_are_read_alike(
    town: Town, three: dict[str, UUID], name: str, counts: dict[str, int]
) -> None:
    caller = staff(town)
    found = checked(town, caller, file_of(name), year=2025, category="environment")
    assert look(town, caller, found)["counts"] == counts


def test_what_the_file_leaves_out_is_chosen_on_the_page_and_checked_again(town: Town, three: dict[str, UUID]) -> None:
    caller = staff(town)
    found = checked(town, caller, file_of("past.csv"))
    assert look(town, caller, found)["counts"] == {"bad": 3}
    step(town, caller, found, "check", {"category": "night_patrol", "year": 2024})
    work(town)
    answer(town, "PastServicesAsked", nothing_known)
    shown = look(town, caller, found)
    assert (shown["counts"], shown["category"], shown["year"]) == ({"good": 3}, "night_patrol", 2024)
    days = [service["service_day"] for service in told(town, "PastServicesAsked")[-1]["services"]]
    assert days == ["2025-12-06", "2025-12-06", "2024-12-07"]
    step(town, caller, found, "check", {"category": "no such"}, status=400)


def test_the_check_waits_for_what_check_in_knows_already(
    town: Town, three: dict[str, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past, "ASKED_AT_ONCE", 3)
    caller = staff(town)
    found = brought(town, caller)
    (first,) = told(town, "PastServicesAsked")
    assert look(town, caller, found)["state"] == "reading"
    known = {first["services"][1]["record_id"]: "这段时间已有记录"}

    def know(body: Any) -> dict[str, Any]:
        return {"left_out": known if body["question_id"] == first["question_id"] else {}}

    assert answer(town, "PastServicesAsked", know) == 1
    shown = look(town, caller, found)
    assert (shown["state"], shown["found"]["looked_up"], shown["found"]["to_look_up"]) == ("reading", 3, 4)
    assert answer(town, "PastServicesAsked", know) == 1
    _first, second = told(town, "PastServicesAsked")
    shown = look(town, caller, found)
    assert (shown["state"], shown["counts"]) == ("checked", {"good": 3, "bad": 4})
    assert (shown["found"]["good"], shown["found"]["minutes"]) == (3, 240 + 120 + 150)
    assert "这段时间已有记录" in sentences(town, caller, found)
    assert len(second["services"]) == 1


def test_an_activity_all_of_whose_rows_are_known_is_none_of_those_that_are_signed_for(
    town: Town, three: dict[str, UUID]
) -> None:
    caller = staff(town)
    found = brought(town, caller)
    (asked,) = told(town, "PastServicesAsked")
    known = {asked["services"][3]["record_id"]: "这段时间已有记录"}
    answer(town, "PastServicesAsked", lambda _body: {"left_out": known})
    shown = look(town, caller, found)["found"]
    assert (shown["good"], shown["activities"]) == (3, 1)


def test_a_check_that_is_not_answered_begins_anew_and_old_answers_change_nothing(
    town: Town, three: dict[str, UUID]
) -> None:
    caller = staff(town)
    found = brought(town, caller)
    (asked,) = told(town, "PastServicesAsked")
    assert work(town) == 0, "nothing is due while the answer is on its way"
    with clock.travel(clock.now() + past.ANSWER_WITHIN):
        work(town)

    def know(body: Any) -> dict[str, Any]:
        first = body["question_id"] == asked["question_id"]
        return {"left_out": {body["services"][0]["record_id"]: "旧的"} if first else {}}

    assert answer(town, "PastServicesAsked", know) == 2
    assert look(town, caller, found)["counts"] == {"good": 4, "bad": 3}


def approved(town: Town, content: bytes | None = None, **fields: Any) -> dict[str, Any]:
    caller = staff(town)
    found = checked(town, caller, content, **fields)
    step(town, caller, found, "start")
    step(town, above(town), found, "approve")
    work(town)
    return found


def test_nothing_is_told_before_a_second_person_above_has_approved(town: Town, three: dict[str, UUID]) -> None:
    caller, second = staff(town), above(town)
    found = checked(town, caller)
    assert step(town, caller, found, "start")["state"] == "waiting"
    work(town)
    assert told(town) == []
    step(town, caller, found, "approve", status=403)
    step(town, staff(town), found, "approve", status=403)
    for _ in range(2):
        step(town, second, found, "approve")
    work(town)
    facts = told(town)
    assert [(fact["member_id"], fact["service_day"], fact["timed"]) for fact in facts] == [
        (str(three["王秀英"]), "2026-03-08", False),
        (str(three["陈芳"]), "2026-03-08", True),
        (str(three["李建国"]), "2026-03-08", False),
        (str(three["王秀英"]), "2026-03-14", False),
    ]
    assert facts[0]["brought_by"] == {"login_id": str(caller.login_id), "member_id": str(caller.own_member_id)}
    assert facts[0]["approved_by"] == {"login_id": str(second.login_id), "member_id": str(second.own_member_id)}
    assert look(town, caller, found)["counts"] == {"added": 4, "bad": 3}
    (entry,) = town.audited("past.import")
    assert entry.detail == {"added": 4, "minutes": 660}


def test_who_brought_it_does_not_approve_it_and_nobody_a_record_of_their_own(
    town: Town, three: dict[str, UUID]
) -> None:
    caller = above(town)
    found = checked(town, caller)
    step(town, caller, found, "start")
    assert step(town, caller, found, "approve", status=403)["code"] == "second_person_needed"
    own = town.official(Role.STAFF, "咸安区中心", member_id=three["李建国"])
    assert step(town, own, found, "approve", status=403)["code"] == "own_case"
    step(town, above(town), found, "approve")
    work(town)
    assert step(town, own, found, "undo", status=403)["code"] == "own_case"
    other = brought(town, town.official(Role.STAFF, member_id=three["陈芳"]), file_of("past.xls"))
    assert "您本人" in sentences(town, staff(town), other)[0]
    assert [kept.detail["tried"] for kept in town.audited("import.refuse_own")] == [
        "import.approve", "import.undo", "import.bring"
    ]  # fmt: skip


def test_what_check_in_has_known_by_then_comes_back_as_a_bad_row(town: Town, three: dict[str, UUID]) -> None:
    found, caller = approved(town), staff(town)
    known = told(town)[1]["record_id"]

    def know(body: Any) -> dict[str, Any]:
        left_out = body["record_id"] == known
        return {"state": "left_out" if left_out else "taken", "detail": "这段时间已有记录" if left_out else None}

    answer(town, "PastServiceApproved", know)
    shown = look(town, caller, found)
    assert (shown["counts"], shown["found"]["minutes"]) == ({"added": 3, "bad": 4}, 660 - 150)
    assert "这段时间已有记录" in sentences(town, caller, found)
    step(town, above(town), found, "undo")
    work(town)
    assert known not in {fact["record_id"] for fact in told(town, "PastServiceUndone")}


def test_who_was_merged_between_check_and_approval_has_served_as_who_stays(town: Town, three: dict[str, UUID]) -> None:
    caller, twin = staff(town), town.add("王绣英")
    found = checked(town, caller)
    merge(town, twin, three["王秀英"])
    step(town, caller, found, "start")
    step(town, above(town), found, "approve")
    work(town)
    facts = told(town)
    assert [fact["member_id"] for fact in facts] == [str(who) for who in (twin, three["陈芳"], three["李建国"], twin)]
    assert look(town, caller, found)["counts"] == {"added": 4, "bad": 3}
    rows = town.get(f"/imports/{found['id']}/rows?state=added", caller).json
    assert [row["member_id"] for row in rows] == [fact["member_id"] for fact in facts]


def test_the_row_of_who_has_left_by_then_says_so_and_counts_no_more(town: Town, three: dict[str, UUID]) -> None:
    caller = staff(town)
    found = checked(town, caller)
    step(town, caller, found, "start")
    town.sql("UPDATE member SET status = 'left' WHERE id = :id", id=three["陈芳"])
    step(town, above(town), found, "approve")
    work(town)
    assert str(three["陈芳"]) not in {fact["member_id"] for fact in told(town)}
    shown = look(town, caller, found)
    assert (shown["counts"], shown["found"]["good"], shown["found"]["minutes"]) == ({"added": 3, "bad": 4}, 3, 510)
    assert "这位志愿者已经不在册" in sentences(town, caller, found)
    (entry,) = town.audited("past.import")
    assert entry.detail == {"added": 3, "minutes": 510}


def test_an_undo_within_a_day_tells_of_each_with_who_undid_it(town: Town, three: dict[str, UUID]) -> None:
    found, second = approved(town), above(town)
    step(town, staff(town), found, "undo", status=403)
    with clock.travel(clock.now() + timedelta(days=1, minutes=1)):
        assert step(town, second, found, "undo", status=422)["code"] == "too_late_to_undo"
    step(town, second, found, "undo")
    work(town)
    undone = told(town, "PastServiceUndone")
    assert {fact["record_id"] for fact in undone} == {fact["record_id"] for fact in told(town)}
    assert undone[0]["undone_by"]["login_id"] == str(second.login_id)
    assert look(town, second, found)["counts"] == {"undone": 4, "bad": 3}
    assert look(town, second, found)["state"] == "undone"
    approved(town)
    assert len(told(town)) == 8


def test_who_decides_is_told_of_members_whose_balance_may_hold_these_hours(town: Town, three: dict[str, UUID]) -> None:
    caller = staff(town)
    opening = bring(town, caller, "姓名,手机,时长\n陈芳,13812340002,5\n".encode(), kind="opening")
    work(town)
    step(town, caller, opening, "start")
    step(town, above(town), opening, "approve")
    work(town)
    assert look(town, caller, checked(town, caller))["found"]["with_opening"] == 1


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(st.integers(1, 28), st.integers(1, 600)), min_size=1, max_size=6))
def test_what_is_told_is_the_sum_of_the_good_rows(town: Town, rows: list[tuple[int, int]]) -> None:
    tag = str(new_id().int)[-6:]
    lines = ["姓名,手机,日期,时长,活动,类别"]
    for number, (day, minutes) in enumerate(rows):
        phone = f"139{tag}{number:02}"
        town.add(f"陈{chr(0x4E00 + number)}", phone=phone)
        lines.append(f"陈{chr(0x4E00 + number)},{phone},2026-3-{day},{minutes}分钟,清扫{number},环境整治")
    before = len(told(town))
    approved(town, "\n".join([*lines, "合计,,,999999,,"]).encode())
    spans = [(fact["started_at"], fact["ended_at"]) for fact in told(town)[before:]]
    lengths = [datetime.fromisoformat(ended) - datetime.fromisoformat(started) for started, ended in spans]
    assert lengths == [timedelta(minutes=minutes) for _, minutes in rows]


def test_a_building_is_known_by_whatever_offices_call_it(town: Town) -> None:
    meant = town.add("王秀英", compound_id=town.nodes["和谐小区"], building_id=town.nodes["3栋"])
    town.add("王秀英", compound_id=town.nodes["和谐小区"])
    caller = staff(town)
    content = "姓名,小区,楼栋,日期,时长,活动名称,类别\n王秀英,和谐小区,3号楼,2026-03-08,2小时,清扫,环境整治\n"
    found = checked(town, caller, content.encode())
    (good,) = town.get(f"/imports/{found['id']}/rows?state=good", caller).json
    assert good["member_id"] == str(meant)
