"""The public and internal routes of the ledger."""

from datetime import date
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask, g
from sqlalchemy import event
from werkzeug.test import TestResponse

from services.points.commands.seal_transfers import seal_all
from services.points.store import db
from shared import events
from shared.categories import NAMES
from shared.events import Event
from shared.principal import Grant, Role
from tests.points.support import (
    CHALUKOU,
    NANCHANG,
    PATHS,
    TOWN,
    annulled,
    attendance,
    corrected,
    make_rule,
    member,
    redemption,
    settle,
    spend,
    void,
    voided,
)
from tests.support import principal_headers


@pytest.fixture
def chen(town: Flask) -> UUID:
    return member()


def _forget_caller() -> None:
    """Requests made inside a pushed app context share its `g`; a server's never do."""
    g.pop("principal", None)


def get(
    town: Flask, path: str, *, own: tuple[UUID, ...] = (), role: tuple[Role, UUID] | None = None, **query: Any
) -> TestResponse:
    grants = (Grant(role[0], PATHS[role[1]]),) if role else ()
    _forget_caller()
    headers = principal_headers("points", login_id=uuid4(), member_ids=own, grants=grants)
    return town.test_client().get(f"/api/v1/points{path}", query_string=query, headers=headers)


def post(town: Flask, facts: list[Event | dict[str, Any]], issuer: str = "worker") -> TestResponse:
    items = [
        fact if isinstance(fact, dict) else {"name": events.name_of(fact), "body": events.dump(fact)} for fact in facts
    ]
    _forget_caller()
    headers = principal_headers("points", issuer=issuer)
    return town.test_client().post("/internal/v1/points/events", json={"events": items}, headers=headers)


# --- Reading ------------------------------------------------------------------------------------------


def test_balances_come_in_the_order_asked_for_and_zero_for_who_has_nothing(town: Flask, chen: UUID) -> None:
    settle([attendance(chen, 130)])
    answer = get(town, "/balances", own=(chen, UUID(int=9)), member_ids=f"{UUID(int=9)},{chen}")
    assert answer.json == [
        {
            "member_id": str(UUID(int=9)),
            "points_available": 0,
            "points_debt": 0,
            "minutes_total": 0,
            "minutes_year": 0,
            "points_expiring": 0,
        },
        {
            "member_id": str(chen),
            "points_available": 217,
            "points_debt": 0,
            "minutes_total": 130,
            "minutes_year": 130,
            "points_expiring": 0,
        },
    ]


@pytest.mark.parametrize("member_ids", ["", "1", "x,y", ",".join(str(UUID(int=n)) for n in range(201)), "a\0b"])
def test_wrong_lists_of_ids_are_refused(town: Flask, member_ids: str) -> None:
    answer = get(town, "/balances", member_ids=member_ids)
    assert (answer.status_code, answer.json and answer.json["code"]) == (400, "invalid")


@pytest.mark.parametrize("path", ["/balances", "/statement", "/months"])
def test_own_members_and_roles_at_their_home_may_look_and_nobody_else(town: Flask, chen: UUID, path: str) -> None:
    query: dict[str, Any] = {"member_ids": str(chen)} if path == "/balances" else {"member_id": str(chen)}
    query |= {"year": "2026"} if path == "/months" else {}
    allowed = [get(town, path, own=(chen,), **query)]
    allowed += [
        get(town, path, role=(role, node), **query)
        for role, node in (
            (Role.STAFF, NANCHANG),
            (Role.STAFF, TOWN),
            (Role.ADMINISTRATOR, TOWN),
            (Role.AUDITOR, NANCHANG),
        )
    ]
    assert [answer.status_code for answer in allowed] == [200] * 5
    refused = [get(town, path, own=(uuid4(),), **query)]
    refused += [
        get(town, path, role=(role, node), **query)
        for role, node in (
            (Role.STAFF, CHALUKOU),
            (Role.AUDITOR, CHALUKOU),
            (Role.ORGANIZER, NANCHANG),
            (Role.VOLUNTEER, TOWN),
        )
    ]
    assert [answer.status_code for answer in refused] == [403] * 5
    _forget_caller()
    assert town.test_client().get(f"/api/v1/points{path}", query_string=query).status_code == 401


def test_staff_sees_nobody_whose_home_is_not_known(town: Flask) -> None:
    assert get(town, "/balances", role=(Role.STAFF, TOWN), member_ids=str(uuid4())).status_code == 403


def test_a_desk_is_told_what_those_at_home_there_may_spend_and_of_nobody_else(town: Flask, chen: UUID) -> None:
    settle([attendance(chen, minutes=60)])
    newcomer, elsewhere = member(), member(CHALUKOU)
    path, desk = f"/stations/{NANCHANG}/balances", (Role.ORGANIZER, NANCHANG)
    told = get(town, path, role=desk).json
    assert told is not None
    assert {one.pop("member_id"): one for one in told} == {
        str(chen): {"points_available": 100, "minutes_total": 60},
        str(newcomer): {"points_available": 0, "minutes_total": 0},
    }
    assert get(town, path, role=desk, member_ids=f"{elsewhere},{uuid4()}").json == []
    for role in ((Role.ORGANIZER, CHALUKOU), (Role.VOLUNTEER, NANCHANG), None):
        assert get(town, path, own=(chen,), role=role).status_code == 403
    assert get(town, f"/stations/{uuid4()}/balances", role=desk).status_code == 404


def test_the_statement_pages_backwards_without_gaps(town: Flask, chen: UUID) -> None:
    settle([attendance(chen, 10 + number) for number in range(7)])
    wanted = redemption(chen, 30)
    spend([wanted])
    void([voided(wanted)])
    seen: list[dict[str, Any]] = []
    query: dict[str, Any] = {}
    while page := get(town, "/statement", own=(chen,), member_id=chen, limit=2, **query).json:
        seen += page
        query = {"before": page[-1]["transfer_id"]}
    assert [line["kind"] for line in seen] == ["refund", "spend", *["award"] * 7]
    for newer, older in pairwise(seen):
        assert newer["balance_after"] == older["balance_after"] + newer["points"]
    assert seen[-1]["balance_after"] == seen[-1]["points"]
    minutes = get(town, "/statement", own=(chen,), member_id=chen, unit="minutes").json
    assert minutes is not None
    assert [line["minutes"] for line in minutes] == [16, 15, 14, 13, 12, 11, 10]


def test_awards_show_the_newest_version_and_its_reason(town: Flask, chen: UUID) -> None:
    one, other, third = attendance(chen, 60), attendance(chen, 60), attendance(chen, 60, activity_minutes=120)
    settle([one, other, third])
    settle([corrected(one, 130), annulled(other)])
    ids = ",".join(str(fact.attendance_id) for fact in (one, other, third))
    found = get(town, "/awards", own=(chen,), attendance_ids=ids).json or []
    awards = {award["attendance_id"]: award for award in found}
    first = awards[str(one.attendance_id)]
    assert (first["version"], first["state"], first["points"], first["minutes"]) == (2, "awarded", 217, 130)
    assert first["reason"].startswith("2 小时 10 分钟 × 1.0 = 2.17")
    assert awards[str(other.attendance_id)]["state"] == "reversed"
    assert awards[str(third.attendance_id)]["state"] == "no_points"


def test_an_organizer_sees_awards_of_the_own_station_only(town: Flask) -> None:
    guest = member(CHALUKOU)
    here, there = attendance(guest, station_id=NANCHANG), attendance(guest, station_id=CHALUKOU)
    settle([here, there])
    organizer = (Role.ORGANIZER, NANCHANG)
    assert get(town, "/awards", role=organizer, attendance_ids=str(here.attendance_id)).status_code == 200
    assert get(town, "/awards", role=organizer, attendance_ids=str(there.attendance_id)).status_code == 403
    assert get(town, "/awards", role=organizer, attendance_ids=str(uuid4())).json == []


def test_months_count_points_when_booked_and_hours_when_served(town: Flask, chen: UUID) -> None:
    from datetime import UTC, date, datetime

    from shared import clock

    with clock.travel(datetime(2026, 10, 31, 16, 30, tzinfo=UTC)):  # the first of November in Shanghai
        settle([attendance(chen, 60, service_day=date(2026, 10, 31))])
        spend([redemption(chen, 40)])
    assert get(town, "/months", own=(chen,), member_id=chen, year=2026).json == [
        {"month": "2026-10", "points_earned": 0, "points_spent": 0, "minutes": 60},
        {"month": "2026-11", "points_earned": 100, "points_spent": 40, "minutes": 0},
    ]
    assert get(town, "/months", own=(chen,), member_id=chen, year=2025).json == []
    with clock.travel(datetime(2027, 2, 1, 4, tzinfo=UTC)):
        settle([attendance(chen, 30, service_day=date(2027, 2, 1))])
    ever = get(town, "/months", own=(chen,), member_id=chen).json
    assert [found["month"] for found in ever or []] == ["2026-10", "2026-11", "2027-02"]


def test_there_is_a_rule_for_every_category(town: Flask) -> None:
    rules = {rule["category"]: rule for rule in get(town, "/rules", station_id=NANCHANG).json or []}
    assert set(rules) == set(NAMES)
    assert {
        (rule["base"], rule["coefficient_percent"], rule["points_daily_max"], rule["share_min_percent"])
        for category, rule in rules.items()
        if category != "door_visit"
    } == {("hour", 100, 400, 60)}
    visit = rules["door_visit"]
    assert (visit["base"], visit["coefficient_percent"], visit["category_daily_max"]) == ("visit", 20, 40)
    assert get(town, "/rules", station_id=uuid4()).status_code == 404


def test_a_service_is_rated_by_the_rule_of_its_day(town: Flask) -> None:
    make_rule("repair", from_day=date(2026, 11, 21), share_min_percent=80)

    def share(**query: Any) -> int:
        rules = get(town, "/rules", **query).json or []
        return next(int(rule["share_min_percent"]) for rule in rules if rule["category"] == "repair")

    assert (share(day="2026-11-20"), share(day="2026-11-21"), share()) == (60, 80, 80)


def test_the_seal_shows_how_far_it_reaches(town: Flask, chen: UUID) -> None:
    assert get(town, "/seal", station_id=NANCHANG).status_code == 404
    settle([attendance(chen)])
    seal_all()
    first = get(town, "/seal", station_id=NANCHANG).json or {}
    assert (first["seq"], first["is_complete"], len(first["hash"])) == (2, True, 64)
    settle([attendance(chen)])
    assert (get(town, "/seal", station_id=NANCHANG).json or {})["is_complete"] is False


# --- The internal route -------------------------------------------------------------------------------


def test_a_batch_of_everything_is_answered_item_by_item(town: Flask, chen: UUID) -> None:
    wanted = redemption(chen, 60)
    facts: list[Event | dict[str, Any]] = [
        attendance(chen),
        {"name": "Gossip", "body": {}},
        attendance(chen, category="alchemy"),
        wanted,
        voided(wanted),
        {"name": "SpendRequested", "body": {"redemption_id": "x"}},
    ]
    answer = post(town, facts)
    assert answer.json is not None
    states = [item["status"] for item in answer.json["answers"]]
    assert states == ["done", "refused", "refused", "done", "done", "refused"]
    assert post(town, facts).json == answer.json


def test_rewards_may_ask_for_a_spend_and_nobody_else_may(town: Flask, chen: UUID) -> None:
    settle([attendance(chen)])
    answer = post(town, [redemption(chen, 60)], issuer="rewards")
    assert answer.json == {
        "answers": [
            {"status": "done", "code": None, "detail": None, "outcome": {"state": "confirmed", "balance_after": 40}}
        ]
    }
    assert post(town, [redemption(chen, 10)], issuer="checkin").status_code == 403
    _forget_caller()
    people = principal_headers("points", login_id=uuid4())
    assert town.test_client().post("/internal/v1/points/events", json={"events": []}, headers=people).status_code == 401


def test_a_batch_costs_a_fixed_number_of_statements(town: Flask) -> None:
    def count(facts: list[Any]) -> int:
        seen: list[str] = []
        engine = db.engine
        event.listen(engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
        settle(facts)
        return len(seen)

    settle([attendance(member())])
    assert count([attendance(member())]) == count([attendance(member()) for _ in range(40)]) <= 14
