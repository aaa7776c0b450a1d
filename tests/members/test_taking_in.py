"""A station takes in who has moved there and shows the whole volunteer number."""

from typing import Any
from uuid import UUID

from shared.ids import new_id
from shared.principal import Role
from tests.members.town import Town


def number_of(town: Town, member_id: UUID) -> str:
    return str(town.sql("SELECT volunteer_number FROM member WHERE id = :id", id=member_id)[0][0])


def take_in(town: Town, who: Any, member_id: UUID, **fields: Any) -> Any:
    content = {
        "station_id": str(town.nodes["岔路口站"]),
        "number": number_of(town, member_id),
        "reason": "搬到本社区",
        **fields,
    }
    return town.post(f"/members/{member_id}/take-in", who, content)


def test_the_new_stations_staff_takes_in_who_shows_the_number(town: Town) -> None:
    team_id, city_team = str(new_id()), str(new_id())
    old, new = town.official(Role.STAFF), town.official(Role.STAFF, "岔路口站")
    above = town.official(Role.STAFF, "咸安区中心")
    for key, at, name in ((team_id, "南昌路站", "楼道队"), (city_team, "咸安区中心", "讲师队")):
        content = {"id": key, "station_id": str(town.nodes[at]), "name": name}
        assert town.post("/teams", above, content).status_code == 201
    chen = town.add(compound_id=town.nodes["和谐小区"], team_ids=(UUID(team_id), UUID(city_team)))
    answer = take_in(town, new, chen)
    assert answer.status_code == 200, answer.text
    assert (answer.json["station_name"], answer.json["compound_name"]) == ("岔路口站", None)
    assert [team["name"] for team in answer.json["teams"]] == ["讲师队"]
    assert town.events("MemberChanged")[-1]["station_id"] == str(town.nodes["岔路口站"])
    (entry,) = town.audited("member.take_in")
    assert (entry.path, entry.detail["from"]) == (town.path("岔路口站"), str(town.nodes["南昌路站"]))
    assert take_in(town, new, chen).status_code == 200
    assert len(town.audited("member.take_in")) == 1
    assert town.get(f"/members/{chen}", old).status_code == 404


def test_who_may_not(town: Town) -> None:
    chen = town.add()
    new = town.official(Role.STAFF, "岔路口站")
    assert take_in(town, town.official(Role.STAFF), chen).status_code == 403
    assert take_in(town, town.official(Role.ORGANIZER, "岔路口站"), chen).status_code == 403
    assert take_in(town, new, chen, number=number_of(town, town.add("李建国"))).status_code == 404
    assert take_in(town, new, chen, number="123456789012").status_code == 400
    own = town.official(Role.STAFF, "岔路口站", member_id=chen)
    assert take_in(town, own, chen).json["code"] == "own_case"


def test_who_has_roles_is_moved_from_above_them(town: Town) -> None:
    above = town.official(Role.ADMINISTRATOR, "咸安区中心")
    chen = town.add(confirmed=True)
    grant = {"id": str(new_id()), "member_id": str(chen), "role": "organizer", "node_id": str(town.nodes["南昌路站"])}
    assert town.post("/grants", above, grant).status_code == 201
    assert take_in(town, town.official(Role.STAFF, "岔路口站"), chen).status_code == 403
    assert take_in(town, above, chen).status_code == 200
