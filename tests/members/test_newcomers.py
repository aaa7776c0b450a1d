"""Registered on the spot by an organizer: one person however often, and nobody taken for somebody else."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from services.members.commands import newcomers, people
from services.members.commands.operator import OPERATOR
from services.members.domain.consents import Consent, Kind
from services.members.domain.newcomers import LooksAlike
from services.members.queries import names as queries
from shared.ids import new_id
from shared.principal import Role
from tests.members.town import Town, consents, new_phone


def newcomer(town: Town, **fields: Any) -> dict[str, Any]:
    home = {"station_id": town.nodes["南昌路站"], "compound_id": town.nodes["和谐小区"]}
    return {"id": str(new_id()), "name": "王秀英", "consents": consents(), **home, **fields}


def members(town: Town) -> int:
    return int(town.sql("SELECT count(*) FROM member")[0][0])


def test_an_organizer_registers_a_newcomer_whom_staff_has_yet_to_confirm(town: Town) -> None:
    organizer, content = town.official(Role.ORGANIZER), newcomer(town, phone=new_phone())
    made = town.post("/newcomers", organizer, content)
    assert made.status_code == 201, made.text
    assert (made.json["confirmed"], made.json["has_login"], made.json["compound_name"]) == (False, False, "和谐小区")
    assert {one["kind"] for one in made.json["consents"]} == {"terms", "privacy"}
    [entry] = town.audited("member.register")
    assert (str(entry.subject_id), entry.path) == (content["id"], town.path("南昌路站"))
    assert town.audited("member.confirm") == []
    assert town.events("MemberChanged", "checkin")[-1]["member_id"] == content["id"]


def test_the_same_form_posted_three_times_is_one_person(town: Town) -> None:
    organizer, content = town.official(Role.ORGANIZER), newcomer(town)
    answers = [town.post("/newcomers", organizer, content) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert len({answer.json["volunteer_number"] for answer in answers}) == 1
    assert members(town) == 1
    assert len(town.audited("member.register")) == 1
    assert town.post("/newcomers", organizer, content | {"name": "王大明"}).status_code == 409


@pytest.mark.parametrize(
    "same", [{}, {"name": "王绣英"}, {"name": "赵志远", "phone": "13812345678"}], ids=["name", "reading", "phone"]
)
def test_a_second_organizer_is_shown_who_may_be_the_same(town: Town, same: dict[str, str]) -> None:
    first, second = town.official(Role.ORGANIZER), town.official(Role.ORGANIZER)
    known = town.post("/newcomers", first, newcomer(town, phone="13812345678")).json
    content = newcomer(town, **same)
    refused = town.post("/newcomers", second, content)
    assert (refused.status_code, refused.json["code"]) == (409, "looks_alike")
    assert members(town) == 1
    asked = {name: content[name] for name in ("station_id", "name", "phone") if name in content}
    [alike] = town.post("/newcomers/look-alikes", second, asked).json
    assert (alike["id"], alike["same_phone"]) == (known["id"], "phone" in same)
    other = town.post("/newcomers", second, content | {"others": [known["id"]]})
    assert other.status_code == 201, other.text
    assert members(town) == 2


def test_who_came_in_while_the_organizer_looked_is_shown_too(town: Town) -> None:
    organizer = town.official(Role.ORGANIZER)
    seen = town.post("/newcomers", organizer, newcomer(town)).json["id"]
    town.post("/newcomers", organizer, newcomer(town, others=[seen]))
    assert town.post("/newcomers", organizer, newcomer(town, others=[seen])).status_code == 409
    assert members(town) == 2


def test_who_lives_at_another_station_or_has_left_is_nobody_who_may_be_meant(town: Town) -> None:
    town.add("王秀英", station="岔路口站")
    gone = town.add("王秀英")
    town.sql("UPDATE member SET status = 'left' WHERE id = :id", id=gone)
    assert town.post("/newcomers", town.official(Role.ORGANIZER), newcomer(town)).status_code == 201


def test_two_organizers_at_once_do_not_make_one_person_two(town: Town) -> None:
    def register(_nth: int) -> str:
        try:
            town.do(
                newcomers.register_newcomer,
                OPERATOR,
                member_id=new_id(),
                name="王秀英",
                station_id=town.nodes["南昌路站"],
                consents=[Consent(Kind.TERMS, "1"), Consent(Kind.PRIVACY, "1")],
            )
        except LooksAlike:
            return "shown"
        return "registered"

    with ThreadPoolExecutor(6) as pool:
        outcomes = sorted(pool.map(register, range(6)))
    assert outcomes == ["registered", *["shown"] * 5]


def test_nobody_is_registered_without_having_agreed_or_where_one_has_no_role(town: Town) -> None:
    organizer = town.official(Role.ORGANIZER)
    assert town.post("/newcomers", organizer, newcomer(town, consents=[])).json["code"] == "consent_missing"
    elsewhere = newcomer(town, station_id=town.nodes["岔路口站"], compound_id=None)
    assert town.post("/newcomers", organizer, elsewhere).status_code == 403
    asked = {"station_id": town.nodes["岔路口站"], "name": "王秀英"}
    assert town.post("/newcomers/look-alikes", organizer, asked).status_code == 403
    assert members(town) == 0


def test_a_repetition_tells_nobody_of_who_has_moved_since(town: Town) -> None:
    organizer, content = town.official(Role.ORGANIZER), newcomer(town)
    town.post("/newcomers", organizer, content)
    moved = {"station_id": town.nodes["岔路口站"], "compound_id": None}
    town.do(people.change, OPERATOR, content["id"], moved)
    assert town.post("/newcomers", organizer, content).status_code == 403


def test_of_those_who_may_be_meant_the_one_with_the_phone_stands_first(town: Town) -> None:
    namesake = town.add("王秀英")
    with_phone = town.add("李建国", phone="13812345678")
    found = town.do(
        queries.list_newcomer_look_alikes,
        town.official(Role.ORGANIZER),
        station_id=town.nodes["南昌路站"],
        name="王秀英",
        phone="13812345678",
    )
    assert [one["id"] for one in found] == [with_phone, namesake]
