"""Staff's pages on members: what is known of one, who lives together, the same person twice; and one's own details."""

import re
from datetime import timedelta
from typing import Any

import pytest

from shared import clock
from shared.errors import Unavailable
from shared.ids import new_id
from shared.principal import Role
from tests.gateway.real import PASSWORD, Browser, Town, form_fields, token_of, town

__all__ = ["town"]


def add_place(town: Town, name: str, level: str, parent_id: str) -> str:
    content = {"id": str(new_id()), "name": name, "level": level, "parent_id": parent_id}
    return str(town.administrator.api("POST", "/members/nodes", content)["id"])


def add_team(town: Town, name: str, at: str) -> str:
    content = {"id": str(new_id()), "station_id": at, "name": name}
    return str(town.administrator.api("POST", "/members/teams", content)["id"])


def shown(who: Browser, member_id: str) -> dict[str, Any]:
    return dict(who.api("GET", f"/members/members/{member_id}"))


def edit(member_id: str) -> str:
    return f"/staff/members/{member_id}/edit"


def test_staff_changes_all_that_is_known_of_somebody(town: Town) -> None:
    staff, volunteer = town.person("周站长", Role.STAFF), town.person("陈芳")
    building = add_place(town, "3 栋", "building", town.nodes["和谐小区"])
    team, guardian = add_team(town, "夜巡队", town.station_id), shown(staff, town.person("李建国").member_id)
    page = edit(volunteer.member_id)
    saved = staff.post(
        page,
        page,
        name="陈小芳",
        birth_date="1954年3月8日",
        place=f"{town.nodes['和谐小区']}.{building}",
        phone="0715-8123456",
        team_ids=team,
        employer="市一中",
        skills="理发，医生",
        guardian=" ".join(re.findall("....", guardian["volunteer_number"])),
    )
    assert "已保存" in saved.text
    known = shown(staff, volunteer.member_id)
    assert (known["name"], known["birth_date"], known["building_id"]) == ("陈小芳", "1954-03-08", building)
    assert (known["employer_name"], known["skills"], known["guardian_id"]) == (
        "市一中",
        ["理发", "医生"],
        guardian["id"],
    )
    assert [one["id"] for one in known["teams"]] == [team]
    (entry,) = town.administrator.api("GET", "/members/audit?action=member.change")
    assert "name" in entry["detail"]["fields"]
    assert "station_id" not in entry["detail"]["fields"], "what stays as it is is not sent"
    emptied: dict[str, str] = {
        "employer": "",
        "skills": "",
        "guardian": "",
        "place": "",
        "birth_date": "",
        "no_phone": "1",
    }
    filled = form_fields(staff.get(page).text, page)
    del filled["team_ids"]
    assert staff.client.post(page, data=filled | emptied).status_code == 303
    known = shown(staff, volunteer.member_id)
    assert {known[name] for name in ("employer_id", "guardian_id", "compound_id", "birth_date")} == {None}
    assert (known["teams"], known["skills"], known["has_phone"]) == ([], [], False)


def test_saving_what_is_so_already_changes_and_records_nothing(town: Town) -> None:
    staff, volunteer = town.person("周站长", Role.STAFF), town.person("陈芳")
    before = shown(staff, volunteer.member_id)["version"]
    assert "已保存" in staff.post(edit(volunteer.member_id), edit(volunteer.member_id)).text
    assert shown(staff, volunteer.member_id)["version"] == before
    assert town.administrator.api("GET", "/members/audit?action=member.change") == []


def _number_elsewhere(town: Town) -> str:
    """The volunteer number of somebody of another station."""
    here, town.station_id = town.station_id, town.nodes["岔路口社区实践站"]
    guest = town.person("李建国")
    town.station_id = here
    return str(shown(guest, guest.member_id)["volunteer_number"])


def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(town: Town) -> None:
    staff, volunteer = town.person("周站长", Role.STAFF), town.person("陈芳")
    page = edit(volunteer.member_id)
    for field, typed in (
        ("name", ""),
        ("birth_date", "昨天"),
        ("birth_date", "1800-01-01"),
        ("guardian", "123456789012"),
        ("guardian", "王秀英"),
        ("guardian", "1" * 51),
        ("guardian", _number_elsewhere(town)),
        ("employer", "长" * 61),
    ):
        refused = staff.post(page, page, status=422, **({"skills": "理发"} | {field: typed})).text
        assert f'id="{field}-fault"' in refused, (field, typed)
        assert "理发" in refused
    refused = staff.post(page, page, status=422, phone="12", skills="理发").text
    assert 'id="phone-fault"' in refused
    assert shown(staff, volunteer.member_id)["skills"] == []


def test_a_form_that_lay_open_does_not_overwrite_what_others_saved(town: Town) -> None:
    staff, volunteer = town.person("周站长", Role.STAFF), town.person("陈芳")
    page = edit(volunteer.member_id)
    early = form_fields(staff.get(page).text, page)
    town.administrator.api("PATCH", f"/members/members/{volunteer.member_id}", {"name": "陈大芳"})
    late = staff.client.post(page, data=early | {"skills": "理发"})
    assert late.status_code == 422
    assert "资料刚刚被别人改过" in late.text
    assert "陈大芳" in late.text, "as it is now"
    again = form_fields(late.text, page)
    assert again["skills"] == "理发"
    assert staff.client.post(page, data=again | {"name": "陈大芳"}).status_code == 303
    assert shown(staff, volunteer.member_id)["name"] == "陈大芳"


def test_a_home_that_was_closed_is_not_lost_by_changing_something_else(town: Town) -> None:
    staff, volunteer = town.person("周站长", Role.STAFF), town.person("陈芳")
    volunteer.post("/me/edit", "/me/edit", place=town.nodes["和谐小区"])
    town.administrator.api("PATCH", f"/members/nodes/{town.nodes['和谐小区']}", {"closed_on": str(clock.today())})
    page = edit(volunteer.member_id)
    assert "已保存" in staff.post(page, page, skills="理发").text
    assert "已保存" in volunteer.post("/me/edit", "/me/edit", skills="医生").text
    known = shown(staff, volunteer.member_id)
    assert (known["compound_id"], known["skills"]) == (town.nodes["和谐小区"], ["医生"])


def test_a_page_that_cannot_offer_what_stands_is_not_shown_at_all(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway.upstreams import Upstreams

    staff, volunteer = town.person("周站长", Role.STAFF), town.person("陈芳")
    through = Upstreams.send

    def without(silent: str) -> None:
        def send(self: Any, service: str, method: str, target: str, **fields: Any) -> Any:
            if silent in target:
                raise Unavailable
            return through(self, service, method, target, **fields)

        monkeypatch.setattr(Upstreams, "send", send)

    for silent, page in (("below_id", edit(volunteer.member_id)), ("/teams", edit(volunteer.member_id))):
        without(silent)
        staff.get(page, status=503)
    without("below_id")
    volunteer.get("/me/edit", status=503)


def test_a_new_employer_is_added_once_though_the_form_is_sent_twice(town: Town) -> None:
    staff, volunteer = town.person("周站长", Role.STAFF), town.person("陈芳")
    page = edit(volunteer.member_id)
    filled = form_fields(staff.get(page).text, page) | {"employer": "市科协"}
    assert [staff.client.post(page, data=filled).status_code for _ in range(2)] == [303, 303]
    other = edit(town.person("王秀英").member_id)
    staff.post(other, other, employer="市科协")
    assert [one["name"] for one in staff.api("GET", "/members/employers")] == ["市科协"]


def test_what_is_refused_leaves_no_employer_behind_or_finds_it_again(town: Town) -> None:
    staff, volunteer = town.person("周站长", Role.STAFF), town.person("陈芳")
    page = edit(volunteer.member_id)
    early = form_fields(staff.get(page).text, page) | {"employer": "市科协"}
    town.administrator.api("PATCH", f"/members/members/{volunteer.member_id}", {"name": "陈大芳"})
    late = staff.client.post(page, data=early)
    assert (late.status_code, "资料刚刚被别人改过" in late.text) == (422, True)
    assert staff.api("GET", "/members/employers") == []
    refused = staff.post(page, page, status=422, employer="市科协", phone="12").text
    again = form_fields(refused, page) | {"phone": ""}
    assert staff.client.post(page, data=again).status_code == 303
    assert [one["name"] for one in staff.api("GET", "/members/employers")] == ["市科协"]
    assert shown(staff, volunteer.member_id)["employer_name"] == "市科协"


def test_who_moves_is_offered_the_new_stations_places_and_teams(town: Town) -> None:
    staff, volunteer = town.administrator, town.person("陈芳")
    there = town.nodes["岔路口社区实践站"]
    compound = add_place(town, "金叶小区", "compound", there)
    old, new = add_team(town, "夜巡队", town.station_id), add_team(town, "清洁队", there)
    page = edit(volunteer.member_id)
    staff.post(page, page, team_ids=old, place=town.nodes["和谐小区"])
    form = staff.get(f"{page}?station_id={there}").text
    assert "金叶小区" in form
    assert "夜巡队" not in form
    saved = staff.client.post(page, data=form_fields(form, page) | {"place": compound, "team_ids": new})
    assert saved.status_code == 303
    known = shown(staff, volunteer.member_id)
    assert (known["station_id"], known["compound_id"]) == (there, compound)
    assert [one["id"] for one in known["teams"]] == [new]


def test_nobody_changes_the_own_household_by_the_role(town: Town) -> None:
    staff, spouse = town.person("周站长", Role.STAFF), town.person("李建国")
    together = {"with_member_id": staff.member_id}
    town.administrator.api("PUT", f"/members/members/{spouse.member_id}/household", together)
    with town.at(clock.now() + timedelta(seconds=11)):  # what members said of a login is believed for ten
        page = edit(spouse.member_id)
        assert "不能为自己或家人办理" in staff.post(page, page, status=422, name="别人").text
        page = f"/staff/members/{spouse.member_id}/household"
        assert "不能为自己或家人办理" in staff.post(page, page, status=422, action="leave").text
        page = edit(staff.member_id)
        assert "身份已经核实" in staff.post(page, page, status=422, name="别人").text


def test_households_are_joined_and_left_on_a_page(town: Town) -> None:
    staff, one, other = town.person("周站长", Role.STAFF), town.person("陈芳"), town.person("李建国")
    page = f"/staff/members/{one.member_id}/household"
    assert "没有登记同住家人" in staff.get(page).text
    assert "没有找到“没有这个人”" in staff.get(f"{page}?q=没有这个人").text
    assert "请选一位志愿者" in staff.post(f"{page}?q=李建国", page, status=422, with_member_id="").text
    joined = staff.post(f"{page}?q=李建国", page).text  # the only one there is was chosen
    assert f'href="/staff/members/{other.member_id}"' in joined
    assert f'href="/staff/members/{one.member_id}"' in staff.get(f"/staff/members/{other.member_id}").text
    left = staff.post(page, page, action="leave").text
    assert f'href="/staff/members/{other.member_id}"' not in left
    assert shown(staff, one.member_id)["household_id"] is None


def test_who_is_confirmed_is_compared_with_others_of_the_name(town: Town) -> None:
    staff, known = town.person("周站长", Role.STAFF), town.person("王秀英")
    staff.api("PATCH", f"/members/members/{known.member_id}", {"birth_date": "1950-03-08"})
    for born, is_alike in (("1950-03-08", True), ("1950-03-09", False)):
        member_id = str(new_id())
        content = {"id": member_id, "name": "王秀英", "station_id": town.station_id, "birth_date": born}
        staff.api("POST", "/members/members", content)
        page = staff.get(f"/staff/members/{member_id}").text
        assert ("可能是同一个人" in page) == is_alike
        assert (f'href="/staff/members/{member_id}/merge?with={known.member_id}"' in page) == is_alike


def test_people_change_their_own_home_and_skills_and_less_once_confirmed(town: Town) -> None:
    volunteer = town.person("陈芳")
    building = add_place(town, "3 栋", "building", town.nodes["和谐小区"])
    home = f"{town.nodes['和谐小区']}.{building}"
    saved = volunteer.post("/me/edit", "/me/edit", name="陈小芳", birth_date="1954-03-08", place=home, skills="理发")
    assert "已保存" in saved.text
    assert "和谐小区 3 栋" in saved.text
    assert 'id="birth_date-fault"' in volunteer.post("/me/edit", "/me/edit", status=422, birth_date="明天").text
    there = town.nodes["岔路口社区实践站"]
    form = volunteer.get(f"/me/edit?station_id={there}").text
    assert volunteer.client.post("/me/edit", data=form_fields(form, "/me/edit")).status_code == 303
    known = shown(volunteer, volunteer.member_id)
    assert (known["name"], known["station_id"], known["compound_id"]) == ("陈小芳", there, None)
    town.administrator.api("POST", f"/members/members/{volunteer.member_id}/confirm")
    form = volunteer.get("/me/edit").text
    assert not re.search(r'name="(name|birth_date|station_id)"', form)
    assert "已保存" in volunteer.post("/me/edit", "/me/edit", skills="理发、医生").text
    assert shown(volunteer, volunteer.member_id)["skills"] == ["理发", "医生"]


def test_ones_own_form_that_lay_open_does_not_put_back_what_staff_corrected(town: Town) -> None:
    volunteer = town.person("陈芳")
    early = form_fields(volunteer.get("/me/edit").text, "/me/edit")
    town.administrator.api("PATCH", f"/members/members/{volunteer.member_id}", {"name": "陈大芳"})
    late = volunteer.client.post("/me/edit", data=early | {"skills": "理发"})
    assert late.status_code == 422
    assert "资料刚刚被别人改过" in late.text
    assert "现在的内容" in late.text
    assert "陈大芳" in late.text
    again = form_fields(late.text, "/me/edit")
    assert (again["name"], again["skills"]) == ("陈芳", "理发")
    assert volunteer.client.post("/me/edit", data=again | {"name": "陈大芳"}).status_code == 303
    known = shown(volunteer, volunteer.member_id)
    assert (known["name"], known["skills"]) == ("陈大芳", ["理发"])


def test_relatives_are_changed_by_who_acts_for_them(town: Town) -> None:
    daughter = town.person("李红梅")
    mother = {
        "id": str(new_id()), "name": "王秀英", "relation": "parent",
        "consents": [{"kind": kind, "version": "1"} for kind in ("terms", "privacy")],
    }  # fmt: skip
    daughter.api("POST", "/members/me/members", mother)
    daughter.post("/choose", "/choose", member_id=mother["id"])
    daughter.post("/me/edit", "/me/edit", place=town.nodes["和谐小区"])
    assert shown(daughter, str(mother["id"]))["compound_id"] == town.nodes["和谐小区"]
    assert shown(daughter, daughter.member_id)["compound_id"] is None


def test_the_first_administrator_chooses_a_station_once_and_then_no_other(town: Town) -> None:
    administrator, other = town.administrator, town.nodes["岔路口社区实践站"]
    assert 'href="/me/edit"' in administrator.get("/gifts").text
    chosen = administrator.post(f"/me/edit?station_id={town.station_id}", "/me/edit")
    assert "南昌路社区实践站" in chosen.text
    assert 'name="station_id"' not in administrator.get("/me/edit").text
    administrator.member_id = administrator.api("GET", "/members/me")["own_member_id"]
    content, headers = {"station_id": other}, {"Huzhu-Csrf": token_of(administrator.client)}
    here = f"/api/v1/members/members/{administrator.member_id}"
    assert administrator.client.patch(here, json=content, headers=headers).status_code == 422
    assert shown(administrator, administrator.member_id)["station_id"] == town.station_id


def test_another_administrator_gives_the_first_one_a_station(town: Town) -> None:
    first = town.administrator.api("GET", "/members/me")["own_member_id"]
    appointed, other = town.person("罗静", Role.STAFF), town.browser()
    grant = {"id": str(new_id()), "member_id": appointed.member_id, "role": Role.ADMINISTRATOR, "node_id": None}
    town.administrator.api("POST", "/members/grants", grant)
    other.post("/login", "/login", phone="13800000001", password=PASSWORD)
    page = f"{edit(first)}?station_id={town.station_id}"
    assert "选这个站" in other.get(page).text
    assert "已保存" in other.post(page, edit(first)).text
    assert shown(other, first)["station_id"] == town.station_id
