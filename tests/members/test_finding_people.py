"""Who is seen by whom, and how people are found: by name, number, home, and on a roll."""

from uuid import UUID

import pytest

from shared.ids import new_id
from shared.principal import Role
from tests.members.test_people import new_member
from tests.members.town import Town, consents


def test_by_id_everybody_sees_a_masked_name_and_organizers_the_full_one(town: Town) -> None:
    near, far = town.add("陈小芳"), town.add("李建国", "岔路口站")
    path = f"/members?ids={near},{far}"
    assert [entry["name"] for entry in town.get(path, town.official(Role.ORGANIZER)).json] == ["陈小芳", "李*国"]
    stranger = town.register()
    shown = town.get(path, stranger).json
    assert [(entry["name"], entry["full"]) for entry in shown] == [("陈*芳", False), ("李*国", False)]
    assert shown[0]["volunteer_number"].startswith("********")
    assert not {"birth_date", "household_id", "consents", "has_phone", "skills"} & shown[0].keys()
    own = town.get(f"/members?ids={stranger.member_id}", stranger).json
    assert own[0]["full"] is True


def test_one_member_is_seen_by_oneself_and_from_above(town: Town) -> None:
    caller = town.register()
    path = f"/members/{caller.member_id}"
    for who, status in (
        (caller, 200),
        (town.official(Role.ORGANIZER), 200),
        (town.official(Role.AUDITOR, "咸宁市"), 200),
        (town.official(Role.ORGANIZER, "岔路口站"), 404),
        (town.register("别人"), 404),
    ):
        assert town.get(path, who).status_code == status
    assert town.get(f"/members/{new_id()}", caller).status_code == 404


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("小芳", ["陈小芳"]),
        ("chenxiao", ["陈小芳"]),
        ("CXF", ["陈小芳"]),
        ("ceng", []),
        ("zeng", ["曾国强"]),
        ("5678", ["陈小芳"]),
        ("13712345678", ["陈小芳"]),
        ("137-1234", []),
        ("0715", []),
        ("%", []),
        ("_", []),
    ],
)
def test_people_are_found_by_name_reading_and_phone_tail(town: Town, q: str, found: list[str]) -> None:
    town.add("陈小芳", phone="13712345678")
    town.add("曾国强", phone="13700000000")
    town.add("陈小芳", "岔路口站", phone="13712345678")
    answer = town.ask("GET", "/members?q=" + q.replace("%", "%25"), town.official(Role.ORGANIZER))
    assert [entry["name"] for entry in answer.json] == found


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("3栋", ["陈小芳"]),
        ("3 栋", ["陈小芳"]),
        ("3号楼", ["陈小芳"]),
        ("三幢", ["陈小芳"]),
        ("3%23", ["陈小芳"]),
        ("和谐小区3栋", ["陈小芳"]),
        ("和谐 小区 三号楼", ["陈小芳"]),
        ("东兴小区3号楼", []),
        ("和谐小区", ["陈小芳", "曾国强"]),
        ("栋", []),
        ("和", []),
        ("3", []),
    ],
)
def test_people_are_found_by_where_they_live(town: Town, q: str, found: list[str]) -> None:
    organizer, staff, compound_id = town.official(Role.ORGANIZER), town.official(Role.STAFF), town.nodes["和谐小区"]
    far_id, near_id = new_id(), town.nodes["3栋"]
    far = {"id": str(far_id), "level": "building", "name": "13栋", "parent_id": str(compound_id)}
    assert town.post("/nodes", town.official(Role.ADMINISTRATOR, "咸宁市"), far).status_code == 201
    for name, building_id in (("陈小芳", near_id), ("曾国强", far_id)):
        home = {"compound_id": str(compound_id), "building_id": str(building_id)}
        assert town.post("/members", staff, new_member(town, name=name, **home)).status_code == 201
    assert [entry["name"] for entry in town.ask("GET", f"/members?q={q}", organizer).json] == found


def test_people_are_found_by_the_tail_of_the_volunteer_number_and_by_all_of_it_as_a_badge_has_it(town: Town) -> None:
    member_id, organizer = town.add(), town.official(Role.ORGANIZER)
    number = town.get(f"/members/{member_id}", organizer).json["volunteer_number"]
    for q in (number[-6:], number, f"{number[:4]} {number[4:8]} {number[8:]}"):
        assert [entry["id"] for entry in town.get(f"/members?q={q}", organizer).json] == [str(member_id)], q


def test_an_organizer_finds_anybody_by_the_whole_number_and_sees_a_masked_name(town: Town) -> None:
    far, organizer = town.add("李建国", "岔路口站"), town.official(Role.ORGANIZER)
    number = town.get(f"/members/{far}", town.official(Role.ORGANIZER, "岔路口站")).json["volunteer_number"]
    [found] = town.get(f"/members?number={number}", organizer).json
    assert (found["id"], found["name"], found["full"]) == (str(far), "李*国", False)
    [own] = town.get(f"/members?number={number}", town.official(Role.ORGANIZER, "岔路口站")).json
    assert own["name"] == "李建国"
    wrong = f"{number[:-1]}{(int(number[-1]) + 1) % 10}"
    for asked, who, status in (
        (wrong, organizer, 400),
        (number[:-1], organizer, 400),
        ("٣" * 12, organizer, 400),
        (number, town.register(), 403),
    ):
        assert town.get(f"/members?number={asked}", who).status_code == status, asked


def test_lists_are_of_the_own_nodes_bounded_and_paged(town: Town) -> None:
    for number in range(5):
        town.add(f"陈{'一二三四五'[number]}", confirmed=number > 0)
    town.add("李建国", "岔路口站")
    organizer, above = town.official(Role.ORGANIZER), town.official(Role.ORGANIZER, "咸宁市")
    first = town.get("/members?limit=3", organizer).json
    second = town.get(f"/members?limit=3&after={first[-1]['id']}", organizer).json
    assert [entry["name"] for entry in first + second] == ["陈一", "陈二", "陈三", "陈四", "陈五"]
    assert len(town.get("/members", above).json) == 6
    assert len(town.get(f"/members?station_id={town.nodes['岔路口站']}", above).json) == 1
    assert town.get(f"/members?station_id={town.nodes['岔路口站']}", organizer).json == []
    assert [entry["name"] for entry in town.get("/members?confirmed=0", organizer).json] == ["陈一"]
    assert town.get("/members", town.register()).status_code == 403
    for query in ("limit=201", "limit=0", "limit=x", "ids=", "unknown=1", "status=dead", "after=1"):
        assert town.get(f"/members?{query}", organizer).status_code == 400


def test_a_list_of_members_is_one_statement(town: Town) -> None:
    for _ in range(3):
        town.add()
    with town.statements() as sent:
        town.get("/members", town.official(Role.ORGANIZER, None))
    assert len(sent) == 1


def test_who_reads_a_phone_is_recorded(town: Town) -> None:
    member_id = town.add(phone="13712345678")
    path, organizer = f"/members/{member_id}/phone", town.official(Role.ORGANIZER)
    assert town.get(path, organizer).json == {"phone": "13712345678"}
    assert [row.subject_id for row in town.audited("member.read_phone")] == [member_id]
    assert town.get(path, town.official(Role.ORGANIZER, "岔路口站")).status_code == 404
    assert town.get(path, town.register()).status_code == 404
    caller = town.register(phone="13700000000")
    assert town.get(f"/members/{caller.member_id}/phone", caller).json == {"phone": "13700000000"}
    assert len(town.audited("member.read_phone")) == 1


def test_who_has_no_phone_is_called_by_a_relatives_under_the_same_rule(town: Town) -> None:
    daughter = town.register("王大明", phone="13700000000")
    mother = new_id()
    content = {"id": str(mother), "name": "李秀英", "relation": "parent", "consents": consents()}
    assert town.post("/me/members", daughter, content).status_code == 201
    guardian = town.add("赵六", "岔路口站", phone="13712345678")
    child, own = town.add("赵小六", guardian_id=guardian), town.add("陈芳", phone="13787654321")
    nobody = town.add("钱七")
    ids = [mother, child, own, nobody]
    path = f"/phones?ids={','.join(map(str, ids))}"
    answer = town.get(path, town.official(Role.ORGANIZER)).json
    shown = {UUID(one["member_id"]): (one["phone"], one["of"]) for one in answer}
    assert shown == {
        mother: ("13700000000", "王大明"),
        child: (None, "赵*"),  # who lives at another station
        own: ("13787654321", None),
        nobody: (None, None),
    }
    read = {row.subject_id for row in town.audited("member.read_phone")}
    assert read == {daughter.own_member_id, own, nobody}
    above = town.get(path, town.official(Role.ORGANIZER, None)).json
    assert ("13712345678", "赵六") in [(one["phone"], one["of"]) for one in above]


def test_a_sealed_phone_cannot_be_moved_to_another_member(town: Town) -> None:
    one, other = town.add(phone="13712345678"), town.add(phone="13700000000")
    town.sql(
        "UPDATE member SET phone_encrypted = (SELECT phone_encrypted FROM member WHERE id = :one) WHERE id = :other",
        one=one, other=other,
    )  # fmt: skip
    assert town.get(f"/members/{other}/phone", town.official(Role.ORGANIZER)).status_code == 500


def test_an_organizer_is_told_by_what_people_of_a_roll_are_found_and_of_others_the_little_anybody_may_see(
    town: Town,
) -> None:
    staff, organizer = town.official(Role.STAFF), town.official(Role.ORGANIZER)
    home = {"compound_id": str(town.nodes["和谐小区"]), "building_id": str(town.nodes["3栋"])}
    here = new_member(town, name="王秀英", phone="13912340077", **home)
    assert town.post("/members", staff, here).status_code == 201
    stranger = town.add("李建国", station="岔路口站", phone="13912340088")
    nobody = town.add("陈小芳")
    asked = {"station_id": str(town.nodes["南昌路站"]), "ids": [here["id"], str(stranger), str(nobody), str(new_id())]}
    with town.statements() as sent:
        found = {one["name"]: one for one in town.post("/name-lists", organizer, asked).json}
    assert len(sent) == 3
    assert set(found) == {"王秀英", "李*国", "陈小芳"}
    known = found["王秀英"]
    assert (known["pinyin"], known["initials"], known["phone_tail"]) == ("wangxiuying", "wxy", "0077")
    assert (known["compound_name"], known["building_name"], known["full"]) == ("和谐小区", "3栋", True)
    assert found["陈小芳"]["phone_tail"] is None
    masked = found["李*国"]
    assert (masked["pinyin"], masked["phone_tail"], masked["compound_name"], masked["full"]) == ("", None, None, False)
    assert masked["volunteer_number"].startswith("********")
    assert {one["has_namesake"] for one in found.values()} == {False}
    town.add("王秀英", station="岔路口站")
    town.add("李建国")
    assert {one["has_namesake"] for one in town.post("/name-lists", organizer, asked).json} == {False}
    town.add("王秀英")
    again = town.post("/name-lists", organizer, asked).json
    assert {one["name"] for one in again if one["has_namesake"]} == {"王秀英"}
    assert town.audited("member.read_phone") == []
    for who in (town.official(Role.ORGANIZER, "岔路口站"), town.official(Role.AUDITOR), town.register()):
        assert town.post("/name-lists", who, asked).status_code == 403
