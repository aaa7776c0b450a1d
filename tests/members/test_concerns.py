"""What people report and complain of: who may, who answers, until when, and what follows."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from services.members.domain.concerns import NEWS_DAYS, OPEN_MAX, REOPEN_DAYS, due_on, path_of_answer
from shared import clock
from shared.ids import new_id
from shared.principal import Principal, Role
from tests.members.test_tree import change
from tests.members.town import ANYBODY, Town

FRIDAY = datetime(2026, 11, 20, 4, tzinfo=UTC)


def concern(member_id: Any, **fields: Any) -> dict[str, Any]:
    return {"id": str(new_id()), "member_id": str(member_id), "words": "周六的积分没有到账", **fields}


def complaint(town: Town, **fields: Any) -> dict[str, Any]:
    return {"id": str(new_id()), "node_id": str(town.nodes["南昌路站"]), "words": "签到码太小", **fields}


def report(town: Town, who: Principal, **fields: Any) -> dict[str, Any]:
    answer = town.post("/concerns", who, concern(fields.pop("member_id", who.own_member_id), **fields))
    assert answer.status_code == 201, answer.text
    return dict(answer.json)


def seen(town: Town, who: Principal, made: dict[str, Any]) -> dict[str, Any]:
    answer = town.get(f"/concerns/{made['id']}", who)
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


def official(town: Town, at: str | None = "南昌路站", **fields: Any) -> Principal:
    """Somebody of the staff, whom members knows."""
    return town.official(Role.STAFF, at, member_id=town.add("周站长"), **fields)


def do(town: Town, who: Principal, made: dict[str, Any], verb: str, status: int = 200, **content: Any) -> Any:
    answer = town.post(f"/concerns/{made['id']}/{verb}", who, content or None)
    assert answer.status_code == status, answer.text
    return answer.json


@pytest.mark.parametrize(
    ("said", "due"),
    [
        ("2026-11-16", "2026-11-23"),
        ("2026-11-20", "2026-11-27"),
        ("2026-11-21", "2026-11-27"),
        ("2026-11-22", "2026-11-27"),
    ],
)
def test_an_answer_is_due_after_five_days_from_monday_to_friday(said: str, due: str) -> None:
    assert due_on(date.fromisoformat(said)) == date.fromisoformat(due)


@pytest.mark.parametrize(
    ("path", "above"), [("/a/b/c/", "/a/b/"), ("/a/", "/"), ("/", "/")]
)  # fmt: skip
def test_what_is_about_the_people_of_a_place_is_answered_above_it(path: str, above: str) -> None:
    assert path_of_answer(path, is_above=True) == above
    assert path_of_answer(path, is_above=False) == path


def test_a_concern_goes_from_received_to_answered_and_each_step_is_recorded(town: Town) -> None:
    who, staff = town.register(), official(town)
    with clock.travel(FRIDAY):
        made = report(town, who, about_type="attendance", about_id=str(new_id()), about_day="2026-11-14")
        assert (len(made["number"]), made["due_on"]) == (6, "2026-11-27")
        assert seen(town, who, made)["state"] == "received"
        do(town, staff, made, "take")
        do(town, staff, made, "take")
        taken = seen(town, who, made)
        assert (taken["state"], taken["handler_name"]) == ("in_progress", "周*长")
        corrected = str(new_id())
        for _ in range(2):
            do(town, staff, made, "answer", answer="已补上", corrected_id=corrected)
        answered = seen(town, who, made)
        assert (answered["state"], answered["answer"], answered["corrected_id"]) == ("answered", "已补上", corrected)
        assert do(town, staff, made, "answer", 422, answer="另一个答复")["code"] == "already_answered"
        assert do(town, staff, made, "take", 422)["code"] == "already_answered"
    acts = town.sql("SELECT action, path, detail FROM audit_log WHERE subject_id = :id ORDER BY id", id=made["id"])
    assert [act.action for act in acts] == ["concern.take", "concern.answer"]
    assert {act.path for act in acts} == {town.path("南昌路站")}
    assert {act.detail["number"] for act in acts} == {made["number"]}


def test_the_same_report_twice_is_one_and_other_words_under_its_id_are_refused(town: Town) -> None:
    who = town.register()
    form = concern(who.own_member_id)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: town.post("/concerns", who, form), range(4)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json["number"] for answer in answers}) == 1
    assert town.post("/concerns", who, form | {"words": "别的"}).status_code == 409
    assert town.sql("SELECT count(*) FROM concern")[0][0] == 1


def test_staff_writes_down_what_somebody_without_a_phone_says_and_nobody_else_does(town: Town) -> None:
    elder = town.add("王奶奶")
    staff = official(town)
    made = report(town, staff, member_id=elder)
    assert seen(town, staff, made)["by_staff"] is True
    [act] = town.audited("concern.add")
    assert (act.subject_id.hex, act.path) == (made["id"].replace("-", ""), town.path("南昌路站"))
    for other, status in (
        (town.register(), 404),
        (town.official(Role.ORGANIZER), 403),
        (town.official(Role.AUDITOR), 404),
        (official(town, "岔路口站"), 404),
    ):
        assert town.post("/concerns", other, concern(elder)).status_code == status


def test_nobody_handles_or_writes_down_a_concern_of_their_own_household(town: Town) -> None:
    household = new_id()
    mother = town.add("王奶奶")
    town.sql("UPDATE member SET household_id = :household WHERE id = :id", household=household, id=mother)
    daughter = official(town, household_ids=(household,))
    assert town.post("/concerns", daughter, concern(mother)).json["code"] == "own_case"
    made = report(town, official(town), member_id=mother)
    for verb, content in (("take", {}), ("answer", {"answer": "好"}), ("reopen", {"because": "不对"})):
        assert do(town, daughter, made, verb, 403, **content)["code"] == "own_case"
    own = official(town)
    mine = report(town, own)
    assert do(town, own, mine, "answer", 403, answer="好")["code"] == "own_case"
    assert seen(town, own, mine)["state"] == "received"


def test_staff_elsewhere_and_the_staff_it_is_about_neither_see_nor_answer_it(town: Town) -> None:
    who = town.register()
    about_them = report(town, who, above=True)
    here, above, elsewhere = (official(town, at) for at in ("南昌路站", "咸安区中心", "岔路口站"))
    for stranger in (here, elsewhere, town.register()):
        assert town.get(f"/concerns/{about_them['id']}", stranger).status_code == 404
    do(town, here, about_them, "answer", 404, answer="没有这事")
    assert town.get("/concerns", here).json == []
    assert [one["number"] for one in town.get("/concerns", above).json] == [about_them["number"]]
    do(town, above, about_them, "answer", answer="已了解")


def test_a_root_is_answered_for_by_who_stands_above_all_nodes(town: Town) -> None:
    form = complaint(town, node_id=str(town.nodes["咸宁市"]), above=True)
    made = town.post("/complaints", ANYBODY, form).json
    assert town.get("/concerns", official(town, "咸宁市")).json == []
    assert [one["id"] for one in town.get("/concerns", official(town, None)).json] == [made["id"]]


def test_what_is_overdue_stands_first_and_says_so(town: Town) -> None:
    who, staff, auditor = town.register(), official(town), town.official(Role.AUDITOR)
    made = []
    for days in (3, 0, 9):
        with clock.travel(FRIDAY + timedelta(days=days)):
            made.append(report(town, who, words=f"第 {days} 天")["id"])
    with clock.travel(FRIDAY + timedelta(days=9)):
        listed = town.get("/concerns", staff).json
        assert [one["id"] for one in listed] == [made[1], made[0], made[2]]
        assert [one["is_overdue"] for one in listed] == [True, False, False]
        pages = [town.get(f"/concerns?limit=1{after}", auditor).json for after in ("", f"&after={made[1]}")]
        assert [one["id"] for page in pages for one in page] == [made[1], made[0]]
        do(town, staff, {"id": made[1]}, "answer", answer="好了")
        assert [one["id"] for one in town.get("/concerns", staff).json] == [made[0], made[2]]
        assert [one["is_overdue"] for one in town.get("/concerns?state=closed", staff).json] == [False]


def test_an_answer_may_be_questioned_once_and_within_ten_days(town: Town) -> None:
    who, staff = town.register(), official(town)
    with clock.travel(FRIDAY):
        made, late = report(town, who), report(town, who, words="另一件")
        assert do(town, who, made, "reopen", 422, because="还不对")["code"] == "not_answered"
        for one in (made, late):
            do(town, staff, one, "answer", answer="查过了，没有问题")
    with clock.travel(FRIDAY + timedelta(days=REOPEN_DAYS)):
        for _ in range(2):
            do(town, who, made, "reopen", because="还不对")
        again = seen(town, who, made)
        assert (again["state"], again["answer"], again["answer_before"]) == ("received", None, "查过了，没有问题")
        assert (again["reopened_because"], again["due_on"]) == ("还不对", "2026-12-07")
        do(town, staff, made, "answer", answer="补上了")
        assert do(town, who, made, "reopen", 422, because="又不对")["code"] == "reopened_before"
        do(town, town.register("李四"), late, "reopen", 404, because="不对")
    with clock.travel(FRIDAY + timedelta(days=REOPEN_DAYS, seconds=1)):
        assert do(town, who, late, "reopen", 422, because="还不对")["code"] == "too_late_to_reopen"


def test_an_anonymous_complaint_keeps_nothing_of_who_it_was_and_is_read(town: Town) -> None:
    who, staff = town.register(), official(town)
    made = town.post("/complaints", who, complaint(town)).json
    [row] = town.sql("SELECT * FROM concern")
    assert (row.member_id, row.contact_encrypted, row.by_staff) == (None, None, False)
    assert town.sql("SELECT member_id FROM creation WHERE id = :id", id=made["id"])[0][0] is None
    for verb, content in (("take", {}), ("answer", {"answer": "好"})):
        assert do(town, staff, made, verb, 422, **content)["code"] == "nobody_to_answer"
    do(town, staff, made, "read")
    assert seen(town, staff, made)["state"] == "read"
    do(town, staff, made, "read")
    assert len(town.audited("concern.read")) == 1
    named = town.post("/complaints", who, complaint(town, member_id=str(who.own_member_id))).json
    assert do(town, staff, named, "read", 422)["code"] == "not_anonymous"
    assert [one["id"] for one in town.get(f"/concerns?member_id={who.own_member_id}", who).json] == [named["id"]]


def test_a_contact_is_sealed_and_reading_it_is_recorded(town: Town) -> None:
    made = town.post("/complaints", ANYBODY, complaint(town, contact="孙先生 13812345678")).json
    [row] = town.sql("SELECT * FROM concern")
    assert "孙先生".encode() not in row.contact_encrypted
    staff = official(town)
    assert "孙先生" not in town.get(f"/concerns/{made['id']}", staff).text
    assert town.audited("concern.read_contact") == []
    assert town.get(f"/concerns/{made['id']}/contact", staff).json == {"contact": "孙先生 13812345678"}
    assert len(town.audited("concern.read_contact")) == 1
    assert town.get(f"/concerns/{made['id']}/contact", official(town, "岔路口站")).status_code == 404
    do(town, staff, made, "answer", answer="已打电话")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"words": ""}, 400),
        ({"words": "长" * 1001}, 400),
        ({"contact": "长" * 81}, 400),
        ({"about_id": str(new_id())}, 400),
        ({"member_id": str(new_id())}, 403),
        ({"node_id": str(new_id())}, 404),
    ],
)
def test_a_complaint_that_is_not_one_is_refused(town: Town, fields: dict[str, Any], status: int) -> None:
    assert town.post("/complaints", ANYBODY, complaint(town) | fields).status_code == status
    assert town.post("/complaints", ANYBODY, complaint(town, node_id=str(town.nodes["和谐小区"]))).status_code == 400


def test_a_member_has_so_many_open_ones_at_a_time(town: Town) -> None:
    who = town.register()
    forms = [concern(who.own_member_id, words=f"第 {number} 件") for number in range(OPEN_MAX + 1)]
    answers = [town.post("/concerns", who, form) for form in forms]
    assert [answer.status_code for answer in answers] == [201] * OPEN_MAX + [422]
    assert town.post("/concerns", who, forms[0]).status_code == 201
    do(town, official(town), answers[0].json, "answer", answer="好了")
    assert town.post("/concerns", who, concern(who.own_member_id)).status_code == 201


def test_numbers_of_all_are_different_also_when_one_is_drawn_twice(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    from services.members.store import concerns as store

    drawn = iter((123456, 123456, 123457))
    monkeypatch.setattr(store, "new_number", lambda _first, _last: next(drawn))
    who = town.register()
    assert [report(town, who, words=words)["number"] for words in ("一", "二")] == ["123456", "123457"]


def test_an_answer_is_news_until_somebody_of_the_login_opens_it_and_for_thirty_days(town: Town) -> None:
    who, staff, stranger = town.register(), official(town), town.register()

    def news(reader: Principal, at: datetime = FRIDAY) -> list[str]:
        with clock.travel(at):
            return [one["id"] for one in town.get("/concerns/unseen", reader).json]

    with clock.travel(FRIDAY):
        made, other = report(town, who), report(town, who)
        assert news(who) == []
        seen(town, who, made)  # before there is an answer
        for one in (made, other):
            do(town, staff, one, "answer", answer="已补上")
    assert sorted(news(who)) == sorted([made["id"], other["id"]])
    assert news(stranger) == news(staff) == []
    seen(town, staff, made)
    assert made["id"] in news(who)
    seen(town, who, made)
    assert news(who) == [other["id"]]
    assert news(who, FRIDAY + timedelta(days=NEWS_DAYS - 1)) == [other["id"]]
    assert news(who, FRIDAY + timedelta(days=NEWS_DAYS, seconds=1)) == []
    with clock.travel(FRIDAY + timedelta(days=1)):
        do(town, who, made, "reopen", because="还少半小时")
        assert news(who, FRIDAY + timedelta(days=1)) == [other["id"]]
        do(town, staff, made, "answer", answer="又补了半小时")
    assert made["id"] in news(who, FRIDAY + timedelta(days=2))


def test_what_is_to_be_answered_above_a_station_is_so_when_it_was_merged(town: Town) -> None:
    """A merged station lies below the one that took it over, where the people work now whom it is about."""
    chen, admin = town.register("陈芳"), town.official(Role.ADMINISTRATOR, None)
    made = [report(town, chen, above=True)]
    answer = town.post("/complaints", ANYBODY, complaint(town, above=True))
    made.append(answer.json)
    merged = {"closed_on": str(clock.today()), "successor_id": str(town.nodes["岔路口站"])}
    assert change(town, "南昌路站", admin, **merged).status_code == 200
    colleague, above = town.official(Role.STAFF, "岔路口站"), town.official(Role.STAFF, "咸安区中心")
    for one in made:
        assert town.get(f"/concerns/{one['id']}", colleague).status_code == 404
        assert town.get(f"/concerns/{one['id']}", above).status_code == 200
    assert town.get("/concerns", colleague).json == []
    assert {one["id"] for one in town.get("/concerns", above).json} == {one["id"] for one in made}
