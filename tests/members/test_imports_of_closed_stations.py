"""Files whose station is merged or closed before they are taken in: the heir answers, or the file says why not."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.members.commands import work_imports
from shared import clock
from shared.ids import new_id
from shared.principal import Role
from tests.members.test_imports import bring, look, people_file, staff, step, work
from tests.members.test_merging import follow
from tests.members.test_merging import merge as merge_stations
from tests.members.test_opening_imports import above, booked, three
from tests.members.test_opening_imports import brought as opening_brought
from tests.members.test_past_imports import checked as past_checked
from tests.members.test_past_imports import told
from tests.members.test_splitting import content, split
from tests.members.test_tree import change
from tests.members.town import Town, consents

__all__ = ["three"]

CLOSED = "这个站点（小区、楼栋）已经撤销"


def close(town: Town, *names: str) -> None:
    admin = town.official(Role.ADMINISTRATOR, None)
    for name in names:
        answer = change(town, name, admin, closed_on=str(clock.today()))
        assert answer.status_code == 200, answer.text


def sentences(town: Town, caller: Any, found: dict[str, Any]) -> set[str]:
    rows = town.get(f"/imports/{found['id']}/rows", caller).json
    return {problem["sentence"] for row in rows for problem in row["problems"]}


def test_a_roster_of_a_station_that_was_closed_after_the_check_ends_and_says_why(town: Town) -> None:
    caller, station_id = staff(town, "岔路口站"), str(town.nodes["岔路口站"])
    found = bring(town, caller, people_file(3), station_id=station_id)
    work(town)
    close(town, "金叶小区", "岔路口站")
    step(town, caller, found, "start")
    work(town)
    shown = look(town, caller, found)
    assert (shown["state"], shown["reason"], shown["counts"]) == ("refused", CLOSED, {"bad": 3})
    assert sentences(town, caller, found) == {CLOSED}
    with clock.travel(clock.now() + timedelta(hours=1)):
        assert work(town) == 0, "nobody tries it again"
    assert town.audited("roster.import") == []


def test_a_roster_of_a_station_that_is_closed_half_way_keeps_what_came_in_and_can_be_undone(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work_imports, "SLICE", 1)
    caller, station_id = staff(town, "岔路口站"), str(town.nodes["岔路口站"])
    found = bring(town, caller, people_file(3), station_id=station_id)
    work(town)
    step(town, caller, found, "start")
    assert town.do(work_imports.work)
    close(town, "金叶小区", "岔路口站")
    work(town)
    shown = look(town, caller, found)
    assert (shown["state"], shown["counts"]) == ("done", {"added": 1, "bad": 2})
    assert "undo" in shown["may"]


def test_an_opening_that_waits_while_its_station_is_merged_is_approved_above_the_one_that_took_it_over(
    town: Town, three: dict[str, UUID]
) -> None:
    found = opening_brought(town, staff(town))
    assert merge_stations(town).status_code == 200
    follow(town)
    heirs = staff(town, "岔路口站")
    assert look(town, heirs, found)["may"] == ["check", "start", "drop"]
    bring(town, heirs, people_file(1), status=422)
    step(town, heirs, found, "start")
    other = staff(town, "岔路口站")
    assert "approve" not in look(town, other, found)["may"]
    (listed,) = town.get("/imports", other).json
    assert "approve" not in listed["may"]
    step(town, other, found, "approve", status=403)
    step(town, above(town), found, "approve")
    work(town)
    shown = look(town, heirs, found)
    assert (shown["state"], shown["counts"]) == ("done", {"added": 3, "bad": 2})
    assert {member_id for member_id, _points, _minutes in booked(town)} == {str(each) for each in three.values()}
    (entry,) = town.audited("import.approve")
    assert entry.path == town.path("咸安区中心")
    step(town, other, found, "undo", status=403)
    step(town, above(town), found, "undo")
    work(town)
    assert look(town, heirs, found)["counts"] == {"undone": 3, "bad": 2}
    assert len(town.events("OpeningUndone")) == 3


def test_past_services_that_wait_while_their_station_is_merged_are_told_of_where_they_were_done(
    town: Town, three: dict[str, UUID]
) -> None:
    found = past_checked(town, staff(town))
    assert merge_stations(town).status_code == 200
    follow(town)
    step(town, staff(town, "岔路口站"), found, "start")
    step(town, staff(town, "岔路口站"), found, "approve", status=403)
    step(town, above(town), found, "approve")
    work(town)
    assert look(town, above(town), found)["counts"] == {"added": 4, "bad": 3}
    assert {fact["station_id"] for fact in told(town)} == {str(town.nodes["南昌路站"])}
    step(town, above(town), found, "undo")
    work(town)
    assert len(told(town, "PastServiceUndone")) == 4


@pytest.mark.parametrize("kind", ["opening", "past"])
def test_what_the_people_of_a_closed_station_had_on_paper_is_theirs_all_the_same(town: Town, kind: str) -> None:
    town.add("陈芳", "岔路口站", phone="13812340002")
    caller, station_id = staff(town, "岔路口站"), str(town.nodes["岔路口站"])
    if kind == "opening":
        content = "姓名,手机,积分\n陈芳,13812340002,5\n".encode()
        found = opening_brought(town, caller, content, station_id=station_id)
    else:
        content = "姓名,手机,日期,活动,类别,时长\n陈芳,13812340002,2026-03-08,清扫,环境整治,2小时\n".encode()
        found = past_checked(town, caller, content, station_id=station_id)
    close(town, "金叶小区", "岔路口站")
    step(town, caller, found, "start")
    step(town, above(town), found, "approve")
    work(town)
    assert look(town, caller, found)["counts"] == {"added": 1}


@pytest.mark.parametrize("have_followed", [False, True])
@pytest.mark.parametrize("how", ["merged", "split"])
def test_who_is_on_their_way_to_another_station_is_known_there(town: Town, how: str, have_followed: bool) -> None:
    """Neither has a phone: nothing but the name and the home says that they are the same."""
    home, name = town.nodes["和谐小区"], "岔路口站" if how == "merged" else "新站"
    member_id = town.add("陈芳", compound_id=home)
    answer = merge_stations(town) if how == "merged" else split(town, content(town, "和谐小区"))
    assert answer.status_code in (200, 201), answer.text
    if have_followed:
        follow(town)
    heir, caller = str(town.nodes[name]), staff(town, name)
    found = bring(town, caller, "姓名,小区\n陈芳,和谐小区\n".encode(), station_id=heir)
    opening = opening_brought(town, caller, "姓名,小区,积分\n陈芳,和谐小区,5\n".encode(), station_id=heir)
    work(town)
    assert look(town, caller, found)["counts"] == {"known": 1}
    assert look(town, caller, opening)["counts"] == {"good": 1}
    organizer = town.official(Role.ORGANIZER, name)
    here = {"id": str(new_id()), "station_id": heir, "compound_id": str(home), "consents": consents()}
    assert town.post("/newcomers", organizer, here | {"name": "陈芳"}).json["code"] == "looks_alike"
    alike = town.post("/newcomers/look-alikes", organizer, {"station_id": heir, "name": "陈芳"}).json
    assert [one["id"] for one in alike] == [str(member_id)]
