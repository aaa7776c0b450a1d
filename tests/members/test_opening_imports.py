"""期初结转 by a file: matched to members, approved by a second person above the station, told to points, taken back."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.members.commands import work_imports
from services.members.store import candidates
from services.members.store import imports as store
from shared import clock
from shared.db import session
from shared.ids import new_id
from shared.principal import Grant, Principal, Role
from tests.members.test_imports import bring, die, die_again_and_again, file_of, look, merge, staff, step, work
from tests.members.town import Town


@pytest.fixture
def three(town: Town) -> dict[str, UUID]:
    """Those of tests/data/opening.xlsx who are members."""
    home = town.nodes["和谐小区"]
    return {
        name: town.add(name, phone=phone, compound_id=home)
        for name, phone in (("王秀英", "13812340001"), ("陈芳", "13812340002"), ("李建国", "13812340003"))
    }


def above(town: Town) -> Principal:
    return staff(town, "咸安区中心")


def brought(town: Town, caller: Principal, content: bytes | None = None, **fields: Any) -> dict[str, Any]:
    body = file_of("opening.xlsx") if content is None else content
    found = bring(town, caller, body, kind="opening", file_name="纸质台账.xlsx", **fields)
    work(town)
    return found


def booked(town: Town) -> list[tuple[str, int, int]]:
    return [(fact["member_id"], fact["points"], fact["minutes"]) for fact in town.events("OpeningApproved")]


def test_the_dry_run_says_whose_each_row_is_and_what_they_come_to(town: Town, three: dict[str, UUID]) -> None:
    caller = staff(town)
    found = look(town, caller, brought(town, caller))
    assert found["counts"] == {"good": 3, "bad": 2}
    assert (found["found"]["points"], found["found"]["minutes"]) == (8650 + 120_000, 7230 + 150 + 240)
    assert found["found"]["half_days"] == 1
    rows = town.get(f"/imports/{found['id']}/rows", caller).json
    assert [row["problems"][0]["sentence"] for row in rows] == [
        "本站没有这位志愿者，请先登记",
        "不是有效的积分，请写数字，最多两位小数",
    ]
    assert booked(town) == []


def test_of_two_of_one_name_the_building_says_which_whatever_offices_call_it(town: Town) -> None:
    home = town.nodes["和谐小区"]
    meant = town.add("王秀英", compound_id=home, building_id=town.nodes["3栋"])
    town.add("王秀英", compound_id=home)
    caller = staff(town)
    found = brought(town, caller, "姓名,小区,楼栋,时长\n王秀英,和谐 小区,三号楼,120\n".encode())
    (good,) = town.get(f"/imports/{found['id']}/rows?state=good", caller).json
    assert good["member_id"] == str(meant)
    # Where both are there, each is meant by its own name alone.
    node = {"id": str(new_id()), "level": "building", "name": "三号楼", "parent_id": str(home)}
    assert town.post("/nodes", town.official(Role.ADMINISTRATOR), node).status_code == 201
    step(town, caller, found, "check", {})
    work(town)
    assert look(town, caller, found)["counts"] == {"bad": 1}


def test_half_a_day_is_as_long_as_the_importer_says(town: Town, three: dict[str, UUID]) -> None:
    caller = staff(town)
    found = brought(town, caller)
    step(town, caller, found, "check", {"half_day_minutes": 180})
    work(town)
    shown = look(town, caller, found)
    assert (shown["half_day_minutes"], shown["found"]["minutes"]) == (180, 7230 + 150 + 180)


def test_nothing_is_told_to_points_before_a_second_person_above_has_approved(
    town: Town, three: dict[str, UUID]
) -> None:
    caller, second = staff(town), above(town)
    found = brought(town, caller)
    assert step(town, caller, found, "start")["state"] == "waiting"
    work(town)
    assert booked(town) == []
    assert "approve" not in look(town, caller, found)["may"]
    step(town, caller, found, "approve", status=403)
    step(town, staff(town), found, "approve", status=403)
    step(town, second, found, "approve")
    step(town, second, found, "approve")
    work(town)
    assert booked(town) == [
        (str(three["王秀英"]), 8650, 7230),
        (str(three["陈芳"]), 120_000, 150),
        (str(three["李建国"]), 0, 240),
    ]
    assert step(town, second, found, "approve")["state"] == "done"
    assert step(town, caller, found, "start")["state"] == "done"
    assert len(booked(town)) == 3
    shown = look(town, caller, found)
    assert (shown["state"], shown["counts"], shown["decided_by_name"]) == ("done", {"added": 3, "bad": 2}, "何站长")
    (entry,) = town.audited("import.approve")
    assert entry.path == town.path("咸安区中心")


def test_who_brought_it_does_not_approve_it_from_above_either(town: Town, three: dict[str, UUID]) -> None:
    caller = above(town)
    found = brought(town, caller)
    step(town, caller, found, "start")
    assert step(town, caller, found, "approve", status=403)["code"] == "second_person_needed"
    with pytest.raises(Exception, match="second_person"):
        town.sql("UPDATE import_file SET decided_by_member_id = created_by_member_id")


def test_who_brought_it_does_not_approve_it_as_another_entry_either(town: Town, three: dict[str, UUID]) -> None:
    first, then = town.add("钱会计"), town.add("钱会计")
    caller = town.official(Role.STAFF, member_id=first)
    found = brought(town, caller)
    step(town, caller, found, "start")
    second = above(town)
    for one, into in ((first, then), (then, second.own_member_id)):
        town.sql("UPDATE member SET status = 'merged', merged_into = :into WHERE id = :id", id=one, into=into)
    assert step(town, second, found, "approve", status=403)["code"] == "second_person_needed"
    step(town, above(town), found, "approve")


def test_nobody_approves_brings_or_takes_back_a_balance_of_their_own(town: Town, three: dict[str, UUID]) -> None:
    caller = town.official(Role.STAFF, member_id=three["陈芳"])
    found = brought(town, caller)
    rows = town.get(f"/imports/{found['id']}/rows", caller).json
    assert any("您本人" in problem["sentence"] for row in rows for problem in row["problems"])
    [kept] = town.audited("import.refuse_own")
    assert (kept.subject_id, kept.member_id, kept.detail["tried"]) == (three["陈芳"], three["陈芳"], "import.bring")
    step(town, caller, found, "start")
    second = town.official(Role.STAFF, "咸安区中心", member_id=three["李建国"])
    assert step(town, second, found, "approve", status=403)["code"] == "own_case"
    step(town, above(town), found, "approve")
    work(town)
    assert step(town, second, found, "undo", status=403)["code"] == "own_case"


def test_a_balance_of_who_is_on_the_same_login_is_left_out_like_ones_own(town: Town, three: dict[str, UUID]) -> None:
    caller = replace(town.register(), grants=(Grant(Role.STAFF, town.path("南昌路站")),))
    town.sql(
        "INSERT INTO login_member (login_id, member_id, relation) VALUES (:login, :member, 'other')",
        login=caller.login_id,
        member=three["王秀英"],
    )
    caller = replace(caller, member_ids=(*caller.member_ids, three["王秀英"]))
    found = brought(town, caller)
    assert look(town, caller, found)["counts"] == {"good": 2, "bad": 3}
    assert [kept.subject_id for kept in town.audited("import.refuse_own")] == [three["王秀英"]]
    assert step(town, caller, found, "start")["state"] == "waiting"


def test_what_was_sent_back_may_come_again(town: Town, three: dict[str, UUID]) -> None:
    caller, second = staff(town), above(town)
    found = brought(town, caller)
    step(town, caller, found, "start")
    shown = step(town, second, found, "reject", {"reason": "和台账对不上"})
    assert (shown["state"], shown["reason"]) == ("rejected", "和台账对不上")
    brought(town, caller)
    assert booked(town) == []


def taken_in(town: Town, content: bytes | None = None) -> dict[str, Any]:
    caller = staff(town)
    found = brought(town, caller, content)
    step(town, caller, found, "start")
    step(town, above(town), found, "approve")
    work(town)
    return found


def test_a_member_has_one_opening_balance_whatever_files_come(town: Town, three: dict[str, UUID]) -> None:
    taken_in(town)
    caller = staff(town)
    other = brought(town, caller, "姓名,手机,积分\n陈芳,13812340002,5\n".encode())
    (row,) = town.get(f"/imports/{other['id']}/rows", caller).json
    assert "只结转一次" in row["problems"][0]["sentence"]


def test_of_two_files_that_wait_at_once_the_second_gives_way(town: Town, three: dict[str, UUID]) -> None:
    caller, second = staff(town), above(town)
    files = [brought(town, caller, f"姓名,手机,积分\n陈芳,13812340002,{n}\n".encode()) for n in (5, 6)]
    for found in files:
        step(town, caller, found, "start")
    for found in files:
        step(town, second, found, "approve")
    work(town)
    assert len(booked(town)) == 1
    taken, given_way = (look(town, caller, found) for found in files)
    assert (taken["counts"], given_way["counts"]) == ({"added": 1}, {"bad": 1})
    (row,) = town.get(f"/imports/{given_way['id']}/rows", caller).json
    assert "只结转一次" in row["problems"][0]["sentence"]
    assert (given_way["found"]["good"], given_way["found"]["points"]) == (0, 0)
    assert [entry.detail["points"] for entry in town.audited("opening.import")] == [500, 0]


def test_the_row_of_who_has_left_by_then_says_so_and_counts_no_more(town: Town, three: dict[str, UUID]) -> None:
    caller = staff(town)
    found = brought(town, caller)
    step(town, caller, found, "start")
    town.sql("UPDATE member SET status = 'left' WHERE id = :id", id=three["陈芳"])
    step(town, above(town), found, "approve")
    work(town)
    assert booked(town) == [(str(three["王秀英"]), 8650, 7230), (str(three["李建国"]), 0, 240)]
    shown = look(town, caller, found)
    assert shown["counts"] == {"added": 2, "bad": 3}
    rows = town.get(f"/imports/{found['id']}/rows", caller).json
    assert "这位志愿者已经不在册" in [row["problems"][0]["sentence"] for row in rows]
    told = {"points": 8650, "minutes": 7230 + 240}
    assert {name: shown["found"][name] for name in told} == told
    (entry,) = town.audited("opening.import")
    assert entry.detail == {"added": 2, **told}


@pytest.mark.parametrize("merged_first", [True, False])
def test_who_was_merged_has_one_opening_balance_with_who_stays(
    town: Town, three: dict[str, UUID], merged_first: bool
) -> None:
    """One that was approved is booked for the entry it names, whatever became of that one meanwhile."""
    caller, twin = staff(town), town.add("陈小芳", phone="13812340009")
    found = brought(town, caller, "姓名,手机,积分\n陈芳,13812340002,5\n".encode())
    if merged_first:
        merge(town, twin, three["陈芳"])
    step(town, caller, found, "start")
    step(town, above(town), found, "approve")
    work(town)
    if not merged_first:
        merge(town, twin, three["陈芳"])
    assert booked(town) == [(str(three["陈芳"]), 500, 0)]
    other = brought(town, caller, "姓名,手机,积分\n陈小芳,13812340009,7\n".encode())
    (row,) = town.get(f"/imports/{other['id']}/rows", caller).json
    assert "只结转一次" in row["problems"][0]["sentence"]


@pytest.mark.parametrize("slice_max", [1, 500])
def test_of_two_entries_of_one_file_that_are_merged_before_it_is_approved_the_first_is_booked(
    town: Town, three: dict[str, UUID], monkeypatch: pytest.MonkeyPatch, slice_max: int
) -> None:
    """Both lines are of one person, who has one balance: which of the two is right, a corrected file says."""
    monkeypatch.setattr(work_imports, "SLICE", slice_max)
    caller = staff(town)
    lines = "陈芳,13812340002,5\n李建国,13812340003,6\n王秀英,13812340001,7\n"
    found = brought(town, caller, f"姓名,手机,积分\n{lines}".encode())
    step(town, caller, found, "start")
    merge(town, three["王秀英"], three["陈芳"])
    step(town, above(town), found, "approve")
    work(town)
    assert booked(town) == [(str(three["陈芳"]), 500, 0), (str(three["李建国"]), 600, 0)]
    assert look(town, caller, found)["counts"] == {"added": 2, "bad": 1}


def test_an_undo_tells_points_of_each_and_frees_the_members_for_a_corrected_file(
    town: Town, three: dict[str, UUID]
) -> None:
    found, second = taken_in(town), above(town)
    step(town, staff(town), found, "undo", status=403)
    step(town, second, found, "undo")
    work(town)
    told = {(fact["opening_id"], fact["member_id"]) for fact in town.events("OpeningUndone")}
    assert told == {(fact["opening_id"], fact["member_id"]) for fact in town.events("OpeningApproved")}
    assert look(town, second, found)["counts"] == {"undone": 3, "bad": 2}
    taken_in(town)
    assert len(booked(town)) == 6


def test_a_killed_worker_tells_nothing_twice(
    town: Town, three: dict[str, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work_imports, "SLICE", 2)
    caller = staff(town)
    found = brought(town, caller)
    step(town, caller, found, "start")
    step(town, above(town), found, "approve")
    assert town.do(work_imports.work)

    def die(*_arguments: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(store, "put_back", die)
        with pytest.raises(KeyboardInterrupt):
            town.do(work_imports.work)
    with clock.travel(clock.now() + timedelta(minutes=1)):
        work(town)
    assert Counter(member for member, *_ in booked(town)) == Counter(map(str, three.values()))


def test_an_undo_that_takes_the_worker_down_again_and_again_ends_and_may_be_tried_again(
    town: Town, three: dict[str, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    found, second = taken_in(town), above(town)
    step(town, second, found, "undo")
    with monkeypatch.context() as patched:
        patched.setattr(store, "list_added", die)
        die_again_and_again(town)
    shown = look(town, second, found)
    assert (shown["state"], shown["reason"]) == ("done", work_imports.NOT_UNDONE)
    step(town, second, found, "undo")
    work(town)
    assert (look(town, second, found)["state"], len(town.events("OpeningUndone"))) == ("undone", 3)


def test_the_source_is_kept(town: Town, three: dict[str, UUID]) -> None:
    from services.members.jobs import _forget

    found = taken_in(town)
    with clock.travel(clock.now() + timedelta(days=400)):
        town.do(_forget)
    auditor = town.official(Role.AUDITOR, "咸安区中心")
    assert town.get(f"/imports/{found['id']}/file", auditor).data == file_of("opening.xlsx")


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(st.integers(0, 9_999), st.integers(0, 900)), min_size=1, max_size=6))
def test_what_points_are_told_is_the_sum_of_the_good_rows(town: Town, rows: list[tuple[int, int]]) -> None:
    tag = str(new_id().int)[-6:]
    lines = ["姓名,手机,积分,时长"]
    for number, (points, minutes) in enumerate(rows):
        phone = f"139{tag}{number:02}"
        town.add(f"陈{chr(0x4E00 + number)}", phone=phone)
        lines.append(f"陈{chr(0x4E00 + number)},{phone},{points / 100:.2f},{minutes}分钟")
    before = booked(town)
    if not any(points or minutes for points, minutes in rows):
        return
    taken_in(town, "\n".join([*lines, "合计,,999999,999999"]).encode())
    told = booked(town)[len(before) :]
    assert sum(points for _, points, _ in told) == sum(points for points, _ in rows)
    assert sum(minutes for *_, minutes in told) == sum(minutes for _, minutes in rows)


def test_a_file_of_a_centre_means_nobody_who_is_at_home_at_a_station_below_it(town: Town) -> None:
    member_id = town.add("陈芳", compound_id=town.nodes["和谐小区"])

    def found(place: str) -> list[UUID]:
        path = town.path(place)
        known = town.do(lambda: candidates.list_candidates(session(), town.nodes[place], path, ["陈芳"], []))
        return [one.id for one in known]

    assert (found("南昌路站"), found("咸安区中心")) == ([member_id], [])
