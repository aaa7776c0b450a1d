"""Files that are taken over by pages: brought, checked, taken in slice by slice, taken back."""

import base64
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from services.members.commands import work_imports
from services.members.jobs import _forget
from services.members.store import imports as imports_store
from services.members.store import imports as store
from shared import clock, outbox, spreadsheets
from shared.db import transactional
from shared.ids import new_id
from shared.principal import Principal, Role
from tests.members.test_tree import change
from tests.members.town import Town

DATA = Path(__file__).parents[1] / "data"


def staff(town: Town, at: str = "南昌路站", **fields: Any) -> Principal:
    """Staff who are members, too."""
    return town.official(Role.STAFF, at, member_id=town.add("何站长", None), **fields)


def file_of(name: str = "roster.xlsx") -> bytes:
    return (DATA / name).read_bytes()


def people_file(count: int) -> bytes:
    return ("姓名,手机\n" + "".join(f"陈{chr(0x4E00 + n)},138{n:08}\n" for n in range(count))).encode()


def bring(
    town: Town, caller: Principal, content: bytes | None = None, *, status: int = 201, **fields: Any
) -> dict[str, Any]:
    body = {
        "id": str(new_id()),
        "kind": "roster",
        "station_id": str(town.nodes["南昌路站"]),
        "file_name": "花名册.xlsx",
        "content": base64.b64encode(file_of() if content is None else content).decode(),
        **fields,
    }
    answer = town.post("/imports", caller, body)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json
    return found


def step(town: Town, caller: Principal, found: dict[str, Any], verb: str, body: Any = None, status: int = 200) -> Any:
    answer = town.post(f"/imports/{found['id']}/{verb}", caller, body)
    assert answer.status_code == status, answer.text
    return answer.json


def look(town: Town, caller: Principal, found: dict[str, Any]) -> dict[str, Any]:
    answer = town.get(f"/imports/{found['id']}", caller)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json
    return shown


def work(town: Town) -> int:
    """The worker's turns, until there is nothing to do."""
    turns = 0
    while town.do(work_imports.work):
        turns += 1
        assert turns < 100
    return turns


def answer_undo(town: Town, *seen: UUID) -> None:
    """Check-in's answer to the question whom it has seen."""

    @transactional
    def take(tx: Any) -> None:
        for row in tx.execute(outbox.outbox.select().where(outbox.outbox.c.name == "RosterUndoAsked")):
            work_imports.take_outcome(tx, row, {"seen": [str(member_id) for member_id in seen]})

    town.do(take)


def members_of(town: Town, status: str = "active") -> set[str]:
    rows = town.sql("SELECT name FROM member WHERE status = :status AND name <> '何站长'", status=status)
    return {row[0] for row in rows}


def test_a_file_is_checked_by_the_worker_and_nothing_is_taken_in_before_one_says_so(town: Town) -> None:
    caller = staff(town)
    found = bring(town, caller)
    assert found["state"] == "reading"
    work(town)
    found = look(town, caller, found)
    assert found["state"] == "checked"
    assert found["counts"] == {"good": 4, "bad": 3}
    assert found["found"]["sheet"] == "名册"
    assert found["found"]["unknown_titles"] == ["序号", "备注"]
    assert found["found"]["teams_added"] == ["平安夜巡队", "楼道队"]
    assert found["may"] == ["check", "start", "drop"]
    assert members_of(town) == set()
    rows = town.get(f"/imports/{found['id']}/rows", caller).json
    assert [(row["number"], row["problems"][0]["title"], row["problems"][0]["value"]) for row in rows] == [
        (9, "手机", "1.38E+10"),
        (10, "出生日期", "2020-06-01"),
        (11, "小区", "没有的小区"),
    ]
    assert rows[2]["cells"][1] == "周九"


def test_good_rows_come_in_and_the_act_is_recorded_once(town: Town) -> None:
    caller = staff(town)
    found = bring(town, caller)
    work(town)
    step(town, caller, found, "start")
    step(town, caller, found, "start")
    work(town)
    found = look(town, caller, found)
    assert (found["state"], found["counts"]) == ("done", {"added": 4, "bad": 3})
    assert members_of(town) == {"王秀英", "陈芳", "李建国"}
    (entry,) = town.audited("roster.import")
    assert (entry.member_id, entry.detail) == (caller.own_member_id, {"added": 4})
    assert [
        row.action for row in town.sql("SELECT action FROM audit_log WHERE action LIKE 'import.%' ORDER BY at, id")
    ] == [
        "import.bring",
        "import.start",
    ]


def test_the_same_file_again_says_so_and_doubles_nothing(town: Town) -> None:
    caller = staff(town)
    found = bring(town, caller)
    work(town)
    step(town, caller, found, "start")
    work(town)
    refused = bring(town, caller, status=409)
    assert refused["code"] == "same_file"
    assert refused["errors"]["import_id"] == [found["id"]]
    assert len(town.sql("SELECT id FROM import_file")) == 1


def test_one_click_twice_is_one_import(town: Town) -> None:
    caller, import_id = staff(town), str(new_id())
    first = bring(town, caller, id=import_id)
    assert bring(town, caller, id=import_id) == first
    assert bring(town, caller, people_file(2), id=import_id, status=409)["code"] == "conflict"


def test_an_id_that_another_station_has_used_shows_nothing_of_that_ones_import(town: Town) -> None:
    found = bring(town, staff(town))
    theirs = {"id": found["id"], "station_id": str(town.nodes["岔路口站"])}
    refused = bring(town, staff(town, "岔路口站"), status=409, **theirs)
    assert (refused["code"], "created_by_name" in refused) == ("conflict", False)


def test_who_is_known_already_is_left_as_they_are(town: Town) -> None:
    caller = staff(town)
    town.add("李建国", phone="13812340003")
    found = bring(town, caller)
    work(town)
    assert look(town, caller, found)["counts"] == {"good": 3, "known": 1, "bad": 3}


def test_who_was_added_between_check_and_start_is_not_added_twice(town: Town) -> None:
    caller = staff(town)
    found = bring(town, caller)
    work(town)
    town.add("李建国", phone="13812340003")
    step(town, caller, found, "start")
    work(town)
    assert look(town, caller, found)["counts"] == {"added": 3, "known": 1, "bad": 3}


def test_the_people_of_a_station_that_is_merged_after_the_check_come_to_the_one_that_took_it_over(town: Town) -> None:
    caller, heir = staff(town), str(town.nodes["岔路口站"])
    found = bring(town, caller, people_file(2))
    work(town)
    admin = town.official(Role.ADMINISTRATOR, None)
    assert change(town, "南昌路站", admin, closed_on=str(clock.today()), successor_id=heir).status_code == 200
    step(town, staff(town, "岔路口站"), found, "start")
    work(town)
    assert look(town, staff(town, "岔路口站"), found)["state"] == "done"
    rows = town.sql("SELECT DISTINCT station_id FROM member WHERE name LIKE '陈_' AND name <> '何站长'")
    assert [str(row.station_id) for row in rows] == [heir]


def test_rows_whose_home_has_gone_by_then_come_back_as_bad_ones_and_say_so(town: Town) -> None:
    caller = staff(town)
    found = bring(town, caller, "姓名,手机,小区\n陈甲,13812340011,东兴小区\n陈乙,13812340012,和谐小区\n".encode())
    work(town)
    step(town, caller, found, "start")
    moved = {"parent_id": str(town.nodes["岔路口站"])}
    assert change(town, "东兴小区", town.official(Role.ADMINISTRATOR, None), **moved).status_code == 200
    work(town)
    assert look(town, caller, found)["counts"] == {"added": 1, "bad": 1}
    [row] = town.get(f"/imports/{found['id']}/rows", caller).json
    assert row["problems"][0]["sentence"] == "本站没有这个小区，请先在“实践站和小区”里添加"


def test_a_worker_that_dies_over_a_slice_leaves_nothing_of_it_and_the_next_one_goes_on(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = staff(town)
    monkeypatch.setattr(work_imports, "SLICE", 10)
    found = bring(town, caller, people_file(25))
    work(town)
    step(town, caller, found, "start")
    assert town.do(work_imports.work)

    def die(*_arguments: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(store, "mark_added", die)
        with pytest.raises(KeyboardInterrupt):
            town.do(work_imports.work)
    assert len(members_of(town)) == 10
    assert not town.do(work_imports.work), "what somebody has taken up is not taken up by another"
    with clock.travel(clock.now() + timedelta(seconds=30)):
        work(town)
    assert len(members_of(town)) == 25
    assert look(town, caller, found)["counts"] == {"added": 25}
    assert len(town.audited("roster.import")) == 1


def die_again_and_again(town: Town) -> None:
    """The worker, as often as it is tried, and then once more: that one goes on to other files."""
    for hours in range(work_imports.ATTEMPTS_MAX):
        with clock.travel(clock.now() + timedelta(hours=hours)), pytest.raises(RuntimeError):
            town.do(work_imports.work)
    with clock.travel(clock.now() + timedelta(hours=9)):
        assert town.do(work_imports.work)


def die(*_arguments: Any, **_named: Any) -> None:
    raise RuntimeError


def test_a_file_that_takes_its_worker_down_again_and_again_is_refused(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = staff(town)
    found = bring(town, caller)
    monkeypatch.setattr(spreadsheets, "read", die)
    die_again_and_again(town)
    shown = look(town, caller, found)
    assert (shown["state"], shown["reason"], shown["has_file"]) == ("refused", work_imports.UNREADABLE, False)


@pytest.mark.parametrize("slices", [0, 1])
def test_rows_that_take_the_worker_down_again_and_again_are_not_taken_in_and_say_so(
    town: Town, monkeypatch: pytest.MonkeyPatch, slices: int
) -> None:
    caller = staff(town)
    monkeypatch.setattr(work_imports, "SLICE", 10)
    found = bring(town, caller, people_file(25))
    work(town)
    step(town, caller, found, "start")
    for _ in range(slices):
        town.do(work_imports.work)
    with monkeypatch.context() as patched:
        patched.setattr(store, "mark_added", die)
        die_again_and_again(town)
        assert look(town, caller, found)["state"] == "importing"
    with clock.travel(clock.now() + timedelta(hours=9)):
        work(town)
    shown, added = look(town, caller, found), 10 * slices
    assert shown["counts"] == ({"added": added} if added else {}) | {"bad": 25 - added}
    assert (shown["state"], shown["reason"]) == ("done" if added else "refused", work_imports.NOT_TAKEN)
    rows = town.get(f"/imports/{found['id']}/rows", caller).json
    assert {row["problems"][0]["sentence"] for row in rows} == {work_imports.NOT_TAKEN}


def test_an_undo_waits_for_check_in_as_long_as_it_takes(town: Town) -> None:
    caller = staff(town)
    found = taken_in(town, caller)
    step(town, caller, found, "undo")
    for hours in range(2 * work_imports.ATTEMPTS_MAX):
        with clock.travel(clock.now() + timedelta(hours=hours)):
            work(town)
    assert look(town, caller, found)["state"] == "undoing"
    answer_undo(town)
    assert look(town, caller, found)["state"] == "undone"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\x89PNG\r\n\x1a\n\x00", "不是能读的表格"),
        ("手机\n13812345678\n".encode(), "没有找到标题行"),
        (b"", "文件是空的"),
    ],
)
def test_a_file_that_is_none_is_refused_with_a_sentence_and_not_kept(town: Town, content: bytes, sentence: str) -> None:
    caller = staff(town)
    found = bring(town, caller, content)
    work(town)
    shown = look(town, caller, found)
    assert shown["state"] == "refused"
    assert sentence in shown["reason"]
    assert not shown["has_file"]
    bring(town, caller, content)


def test_a_letter_that_no_text_holds_keeps_no_file_from_being_read(town: Town) -> None:
    """In a title that nobody knows: PostgreSQL takes no text with a zero in it."""
    caller = staff(town)
    broken = file_of("roster.xls").replace("楼栋".encode("utf-16-le"), "楼\0".encode("utf-16-le"))
    found = bring(town, caller, broken, file_name="花名册.xls")
    work(town)
    shown = look(town, caller, found)
    assert (shown["state"], shown["found"]["unknown_titles"]) == ("checked", ["楼"])


def test_checking_again_sees_what_was_added_meanwhile(town: Town) -> None:
    caller = staff(town)
    found = bring(town, caller, "姓名,小区\n陈芳,北门小区\n".encode())
    work(town)
    assert look(town, caller, found)["counts"] == {"bad": 1}
    administrator = town.official(Role.ADMINISTRATOR)
    node = {"id": str(new_id()), "level": "compound", "name": "北门小区", "parent_id": str(town.nodes["南昌路站"])}
    assert town.post("/nodes", administrator, node).status_code == 201
    step(town, caller, found, "check", {})
    work(town)
    assert look(town, caller, found)["counts"] == {"good": 1}


def test_a_file_without_good_rows_cannot_be_started_and_may_be_dropped(town: Town) -> None:
    caller = staff(town)
    found = bring(town, caller, "姓名,手机\n陈芳,12\n".encode())
    work(town)
    assert step(town, caller, found, "start", status=422)["code"] == "nothing_to_import"
    assert step(town, caller, found, "drop")["state"] == "dropped"
    assert town.sql("SELECT number FROM import_row") == []
    assert step(town, caller, found, "start", status=409)["code"] == "import_not_now"


# --- Undo -------------------------------------------------------------------------------------------------


def taken_in(town: Town, caller: Principal) -> dict[str, Any]:
    found = bring(town, caller)
    work(town)
    step(town, caller, found, "start")
    work(town)
    return found


def id_of(town: Town, name: str) -> UUID:
    member_id: UUID = town.sql("SELECT id FROM member WHERE name = :name", name=name)[0][0]
    return member_id


def log_in(town: Town, name: str) -> None:
    town.sql("INSERT INTO login VALUES (:id, '\\x00', 'x', now())", id=new_id())
    town.sql("INSERT INTO login_member SELECT id, :member, 'self' FROM login", member=id_of(town, name))


def merge(town: Town, stays: UUID, goes: UUID) -> None:
    content = {"id": str(new_id()), "merged_id": str(goes), "reason": "同一人登记两次"}
    answer = town.post(f"/members/{stays}/merge", town.official(Role.STAFF), content)
    assert answer.status_code == 200, answer.text


HAPPENED: dict[str, Callable[[Town], object]] = {
    "changed": lambda town: town.ask(
        "PATCH", f"/members/{id_of(town, '陈芳')}", town.official(Role.STAFF), {"skills": ["理发"]}
    ),
    "merged": lambda town: merge(town, town.add("何阿姨"), id_of(town, "陈芳")),
    "another entry merged into this one": lambda town: merge(town, id_of(town, "陈芳"), town.add("何阿姨")),
    "a login": lambda town: log_in(town, "陈芳"),
    "a role": lambda town: town.post(
        "/grants",
        town.official(Role.ADMINISTRATOR),
        {
            "id": str(new_id()),
            "member_id": str(id_of(town, "陈芳")),
            "role": "organizer",
            "node_id": str(town.nodes["南昌路站"]),
        },
    ),
}


@pytest.mark.parametrize("what", [*HAPPENED, "a visit"])
def test_an_import_is_taken_back_but_for_whom_something_has_happened_to(town: Town, what: str) -> None:
    caller = staff(town)
    found = taken_in(town, caller)
    seen: tuple[UUID, ...] = ()
    if what == "a visit":
        seen = (id_of(town, "陈芳"),)
    else:
        HAPPENED[what](town)
    assert step(town, caller, found, "undo")["state"] == "undoing"
    asked = town.events("RosterUndoAsked", "checkin")
    assert len(asked) == 1
    assert len(asked[0]["member_ids"]) == 4
    answer_undo(town, *seen)
    answer_undo(town, *seen)
    shown = look(town, caller, found)
    assert (shown["state"], shown["counts"]) == ("undone", {"undone": 3, "kept": 1, "bad": 3})
    ((status,),) = town.sql("SELECT status FROM member WHERE name = '陈芳'")
    assert status == ("merged" if what == "merged" else "active")
    assert members_of(town, "left") == {"王秀英", "李建国"}
    assert [fact["status"] for fact in town.events("MemberChanged")][-3:] == ["left"] * 3


def test_what_was_undone_may_be_brought_again(town: Town) -> None:
    caller = staff(town)
    found = taken_in(town, caller)
    step(town, caller, found, "undo")
    answer_undo(town)
    again = taken_in(town, caller)
    assert look(town, caller, again)["counts"] == {"added": 4, "bad": 3}
    assert members_of(town) == {"王秀英", "陈芳", "李建国"}


def test_after_a_day_nothing_is_undone_as_a_whole(town: Town) -> None:
    caller = staff(town)
    found = taken_in(town, caller)
    with clock.travel(clock.now() + timedelta(hours=24, seconds=1)):
        assert step(town, caller, found, "undo", status=422)["code"] == "too_late_to_undo"
        assert "undo" not in look(town, caller, found)["may"]


# --- Who ------------------------------------------------------------------------------------------------


def test_a_step_whose_answer_was_lost_says_what_became_of_it_and_is_taken_once(town: Town) -> None:
    caller = staff(town)
    found = bring(town, caller)
    work(town)
    step(town, caller, found, "start")
    work(town)
    assert step(town, caller, found, "start")["state"] == "done"
    step(town, caller, found, "undo")
    assert step(town, caller, found, "undo")["state"] == "undoing"
    answer_undo(town)
    assert step(town, caller, found, "undo")["state"] == "undone"
    step(town, caller, found, "start", status=409)
    assert [len(town.audited(f"import.{verb}")) for verb in ("start", "undo")] == [1, 1]
    step(town, town.official(Role.AUDITOR, "咸安区中心"), found, "undo", status=403)


def test_staff_of_another_station_see_and_do_nothing(town: Town) -> None:
    caller, other = staff(town), staff(town, "岔路口站")
    found = bring(town, caller)
    work(town)
    bring(town, other, status=403)
    assert town.get(f"/imports/{found['id']}", other).status_code == 404
    assert town.get(f"/imports/{found['id']}/rows", other).status_code == 404
    assert town.get("/imports", other).json == []
    step(town, other, found, "start", status=404)


def test_auditors_see_and_read_the_file_which_is_recorded_and_act_on_nothing(town: Town) -> None:
    caller, auditor = staff(town), town.official(Role.AUDITOR, "咸安区中心")
    found = bring(town, caller)
    work(town)
    shown = look(town, auditor, found)
    assert shown["may"] == []
    answer = town.get(f"/imports/{found['id']}/file", auditor)
    assert answer.data == file_of()
    assert len(town.audited("import_file.read")) == 1
    step(town, auditor, found, "start", status=403)


# --- What is kept -----------------------------------------------------------------------------------------


def test_neither_the_file_nor_its_rows_can_be_read_in_the_database(town: Town) -> None:
    caller = staff(town)
    bring(town, caller)
    work(town)
    ((content,),) = town.sql("SELECT content FROM import_file")
    assert file_of()[:50] not in bytes(content)
    for (row,) in town.sql("SELECT content FROM import_row"):
        assert b"1381234" not in bytes(row)


def test_a_roster_is_forgotten_after_thirty_days(town: Town) -> None:
    caller = staff(town)
    found = taken_in(town, caller)
    with clock.travel(clock.now() + timedelta(days=31)):
        town.do(_forget)
    shown = look(town, caller, found)
    assert (shown["has_file"], shown["counts"]) == (False, {"added": 4, "bad": 3})
    assert town.get(f"/imports/{found['id']}/rows", caller).json == []
    assert town.get(f"/imports/{found['id']}/file", caller).status_code == 404


def test_the_other_rows_of_a_roster_whose_file_went_with_somebody_erased_are_forgotten_too(town: Town) -> None:
    taken_in(town, staff(town))
    (somebody,) = town.sql("SELECT member_id FROM import_row WHERE state = 'added' LIMIT 1")
    town.do(transactional(imports_store.forget_members), [somebody.member_id])
    kept = "SELECT count(*) FROM import_row WHERE content IS NOT NULL"
    assert (town.sql("SELECT content FROM import_file"), town.sql(kept)) == ([(None,)], [(6,)])
    with clock.travel(clock.now() + timedelta(days=31)):
        town.do(_forget)
    assert town.sql(kept) == [(0,)]


def test_a_roster_that_was_checked_and_never_started_is_dropped_by_then_and_may_come_again(town: Town) -> None:
    caller = staff(town)
    found = bring(town, caller)
    work(town)
    with clock.travel(clock.now() + timedelta(days=31)):
        town.do(_forget)
        shown = look(town, caller, found)
        assert (shown["state"], shown["counts"], shown["has_file"], shown["may"]) == ("dropped", {}, False, [])
        step(town, caller, found, "start", status=409)
        again = taken_in(town, caller)
    assert look(town, caller, again)["counts"] == {"added": 4, "bad": 3}


def test_a_long_roster_asks_the_database_by_slices_and_not_by_people(town: Town) -> None:
    caller = staff(town)
    found = bring(town, caller, people_file(1000))
    with town.statements() as sent:
        work(town)
        step(town, caller, found, "start")
        work(town)
    assert look(town, caller, found)["counts"] == {"added": 1000}
    assert len(sent) < 120


def test_a_roster_founds_many_teams_and_employers_in_as_many_statements_as_one(town: Town) -> None:
    caller, counts = staff(town), []
    for count, phone in ((1, 13800000000), (12, 13900000000)):
        rows = (f"陈{chr(0x4E00 + n)},{phone + n},{count}队{n},{count}单位{n}\n" for n in range(count))
        found = bring(town, caller, ("姓名,手机,队伍,单位\n" + "".join(rows)).encode())
        work(town)
        step(town, caller, found, "start")
        with town.statements() as sent:
            work(town)
        counts.append(len(sent))
    assert counts[0] == counts[1]
    assert [len(town.audited(f"{what}.add")) for what in ("team", "employer")] == [13, 13]


def test_a_hundred_percent_of_the_cells_come_back_with_the_bad_rows(town: Town) -> None:
    caller = staff(town)
    found = bring(town, caller, "姓名,手机,别的\n陈芳,12,原样\n".encode())
    work(town)
    (row,) = town.get(f"/imports/{found['id']}/rows", caller).json
    assert row["cells"] == ["陈芳", "12", "原样"]


PAST = "姓名,手机尾号,日期,时长,活动名称\n陈芳,5678,2026-03-08,2小时,清扫\n"
OFFERED = "姓名,电话,服务项目,服务时间,特长\n陈芳,13712345678,理发,周六,理发\n"
"""A roster that says when and with what somebody would help."""
BALANCES = "姓名,手机,累计时长,积分\n陈芳,13712345678,120,88\n"


@pytest.mark.parametrize(
    ("kind", "content", "looks_like"),
    [
        ("roster", PAST, "past"),
        ("opening", PAST, "past"),
        ("past", OFFERED, "roster"),
        ("past", "姓名,手机,出生日期\n陈芳,13712345678,1956-03-21\n", "roster"),
        ("opening", "姓名,手机,单位\n陈芳,13712345678,市一中\n", "roster"),
        ("past", BALANCES, "opening"),
    ],
)
def test_a_file_of_another_kind_is_known_by_its_columns(town: Town, kind: str, content: str, looks_like: str) -> None:
    caller = staff(town)
    found = bring(town, caller, content.encode(), kind=kind)
    work(town)
    shown = look(town, caller, found)
    assert (shown["state"], shown["counts"], shown["found"]) == ("refused", {}, {"looks_like": looks_like})
    assert shown["reason"].startswith("这像是")
    bring(town, caller, content.encode(), kind=looks_like)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("roster", OFFERED),
        ("roster", BALANCES),  # people come in with hours written beside them
        ("opening", BALANCES),
        ("roster", "姓名,日期\n陈芳,2026-03-08\n"),
    ],
)
def test_a_file_that_may_be_what_it_was_brought_as_is_read(town: Town, kind: str, content: str) -> None:
    caller = staff(town)
    found = bring(town, caller, content.encode(), kind=kind)
    work(town)
    assert look(town, caller, found)["state"] == "checked"
