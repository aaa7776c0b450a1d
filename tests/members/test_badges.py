"""Badges: what is in them, who reads them, and what becomes of a lost one."""

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.members.domain.badges import (
    Badge,
    read_badge,
    read_number,
    short_code,
    write_badge,
)
from services.members.domain.volunteer_numbers import complete
from shared.ids import new_id
from shared.principal import Principal, Role
from tests.members.town import Town

KEY = bytes(range(32))


@given(member_id=st.uuids(), serial=st.integers(1, 65535))
def test_a_badge_is_read_as_it_was_written_and_fits_a_small_qr(member_id: Any, serial: int) -> None:
    text = write_badge(KEY, Badge(member_id, serial))
    assert re.fullmatch(r"[A-Z0-9]{48}", text)
    assert read_badge(KEY, f" {text.lower()}\n") == Badge(member_id, serial)
    assert read_badge(bytes(32), text) is None


@given(member_id=st.uuids(), at=st.integers(3, 47), letter=st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
def test_no_changed_letter_makes_another_badge(member_id: Any, at: int, letter: str) -> None:
    text = write_badge(KEY, Badge(member_id, 1))
    changed = text[:at] + letter + text[at + 1 :]
    # The last letter holds three bits that say nothing.
    assert read_badge(KEY, changed) in (None, Badge(member_id, 1))
    if at < 47 and changed != text:
        assert read_badge(KEY, changed) is None


@given(digits=st.from_regex(r"[0-9]{11}", fullmatch=True))
@example("00000000000")
@example("99999999999")
def test_a_short_code_stands_for_the_number_and_has_no_letter_that_looks_like_another(digits: str) -> None:
    number = complete(digits)
    code = short_code(number)
    assert len(code) == 8
    assert not set("01IO") & set(code)
    assert read_number(f"{code[:4]}-{code[4:]}".lower()) == read_number(number) == number


def listed(town: Town, who: Principal, **query: Any) -> Any:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    return town.ask("GET", f"/badges?{asked}", who)


def test_the_badges_of_a_station_come_sorted_as_they_are_read(town: Town) -> None:
    for name in ("王秀英", "陈芳", "李明"):
        town.add(name)
    answer = listed(town, town.official(Role.ORGANIZER), node_id=town.nodes["南昌路站"])
    assert [one["name"] for one in answer.json if one["name"] in ("王秀英", "陈芳", "李明")] == [
        "陈芳",
        "李明",
        "王秀英",
    ]


def test_a_badge_a_short_code_and_a_number_mean_the_same(town: Town) -> None:
    member_id, organizer = town.add("陈芳"), town.official(Role.ORGANIZER)
    (badge,) = listed(town, organizer, node_id=town.nodes["南昌路站"], member_id=member_id).json
    codes = [badge["badge"], badge["short_code"], badge["volunteer_number"], "HZ1XYZ", "陈芳"]
    answers = town.ask("POST", "/badges/read", organizer, {"codes": codes}).json
    assert [one["outcome"] for one in answers] == ["found"] * 3 + ["unknown"] * 2
    assert {one["member"]["id"] for one in answers[:3]} == {str(member_id)}


def test_a_lost_badge_is_void_once_it_is_replaced_and_the_new_one_is_not(town: Town) -> None:
    member_id, organizer, staff = town.add("陈芳"), town.official(Role.ORGANIZER), town.official(Role.STAFF)
    station = {"node_id": town.nodes["南昌路站"], "member_id": member_id}
    (old,) = listed(town, organizer, **station).json
    for _twice in range(2):
        answer = town.ask("POST", f"/members/{member_id}/badge/replace", staff, {"serial": 1})
        assert answer.json == {"member_id": str(member_id), "serial": 2}
    (new,) = listed(town, organizer, **station).json
    codes = [old["badge"], new["badge"], old["short_code"]]
    answers = town.ask("POST", "/badges/read", organizer, {"codes": codes}).json
    assert [one["outcome"] for one in answers] == ["void", "found", "found"]
    assert answers[0]["member"] is None


def test_badges_and_numbers_of_merged_members_mean_the_one_who_stays_until_that_one_is_forgotten(town: Town) -> None:
    first, then, stays = (town.add(name) for name in ("陈芳", "陈小芳", "陈大芳"))
    organizer, here = town.official(Role.ORGANIZER), town.nodes["南昌路站"]
    cards = [listed(town, organizer, node_id=here, member_id=one).json[0] for one in (first, then)]
    merge = "UPDATE member SET status = 'merged', merged_into = :into WHERE id = :id"
    for one, into in ((first, then), (then, stays)):
        town.sql(merge, id=one, into=into)
    codes = [card[name] for card in cards for name in ("badge", "short_code", "volunteer_number")]
    answers = town.ask("POST", "/badges/read", organizer, {"codes": codes}).json
    assert [one["member"] and one["member"]["id"] for one in answers] == [str(stays)] * 6
    town.sql("UPDATE member SET status = 'erased' WHERE id = :id", id=stays)
    answers = town.ask("POST", "/badges/read", organizer, {"codes": codes}).json
    assert {one["outcome"] for one in answers} == {"unknown"}


def test_a_lost_badge_takes_those_of_merged_entries_along_until_they_are_printed_anew(town: Town) -> None:
    first, then, stays, other = (town.add(name) for name in ("陈芳", "陈小芳", "陈大芳", "王秀英"))
    organizer, staff, here = town.official(Role.ORGANIZER), town.official(Role.STAFF), town.nodes["南昌路站"]
    cards = [listed(town, organizer, node_id=here, member_id=one).json[0] for one in (first, then, stays, other)]
    for one, into in ((first, then), (then, stays)):
        town.sql("UPDATE member SET status = 'merged', merged_into = :into WHERE id = :id", id=one, into=into)
    for _twice in range(2):
        assert town.ask("POST", f"/members/{stays}/badge/replace", staff, {"serial": 1}).status_code == 200
    answers = town.ask("POST", "/badges/read", organizer, {"codes": [card["badge"] for card in cards]}).json
    assert [one["outcome"] for one in answers] == ["void", "void", "void", "found"]
    numbers = town.ask("POST", "/badges/read", organizer, {"codes": [card["short_code"] for card in cards]}).json
    assert [one["outcome"] for one in numbers] == ["found"] * 4, "a number is no thing that is lost"
    town.sql("UPDATE member SET status = 'active', merged_into = NULL WHERE id = :id", id=then)
    (anew,) = listed(town, organizer, node_id=here, member_id=then).json
    (answer,) = town.ask("POST", "/badges/read", organizer, {"codes": [anew["badge"]]}).json
    assert (anew["serial"], answer["outcome"]) == (2, "found")


def test_a_lost_badge_of_a_merged_entry_is_void_once_that_of_who_stays_is_replaced(town: Town) -> None:
    first, then, stays = (town.add("陈芳") for _ in range(3))
    organizer, staff = town.official(Role.ORGANIZER), town.official(Role.STAFF)
    here = {"node_id": town.nodes["南昌路站"]}
    old = [listed(town, organizer, **here, member_id=one).json[0]["badge"] for one in (first, then, stays)]
    for goes, into in ((first, then), (then, stays)):
        content = {"id": str(new_id()), "merged_id": str(goes), "reason": "同一人"}
        assert town.post(f"/members/{into}/merge", staff, content).status_code == 200
    outcomes = [one["outcome"] for one in town.post("/badges/read", organizer, {"codes": old}).json]
    assert outcomes == ["found"] * 3
    for _twice in range(2):
        town.post(f"/members/{stays}/badge/replace", staff, {"serial": 1})
    answers = town.post("/badges/read", organizer, {"codes": old}).json
    assert [(one["outcome"], one["member"]) for one in answers] == [("void", None)] * 3
    assert {entry.subject_id for entry in town.audited("member.replace_badge")} == {first, then, stays}
    (new,) = listed(town, organizer, **here, member_id=stays).json
    assert town.post("/badges/read", organizer, {"codes": [new["badge"]]}).json[0]["outcome"] == "found"


def test_who_organizes_elsewhere_reads_a_badge_masked_and_prints_none(town: Town) -> None:
    member_id = town.add("陈芳")
    (badge,) = listed(town, town.official(Role.ORGANIZER), node_id=town.nodes["南昌路站"], member_id=member_id).json
    other = town.official(Role.ORGANIZER, at="岔路口站")
    assert listed(town, other, node_id=town.nodes["南昌路站"]).status_code == 403
    (answer,) = town.ask("POST", "/badges/read", other, {"codes": [badge["badge"]]}).json
    assert (answer["outcome"], answer["member"]["name"]) == ("found", "陈*")
    assert "陈芳" not in str(answer)


def test_nobody_replaces_the_own_badge_and_organizers_replace_none(town: Town) -> None:
    member_id = town.add("陈芳")
    path = f"/members/{member_id}/badge/replace"
    for who in (town.official(Role.ORGANIZER), town.official(Role.STAFF, member_id=member_id)):
        assert town.post(path, who, {"serial": 1}).status_code == 403


@pytest.mark.parametrize("codes", [[], ["x"] * 61, ["x" * 101]])
def test_a_reading_has_bounds(town: Town, codes: list[str]) -> None:
    assert town.ask("POST", "/badges/read", town.official(Role.ORGANIZER), {"codes": codes}).status_code == 400
