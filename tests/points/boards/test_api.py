"""The routes, as the gateway calls them."""

from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from services.points.commands.refresh_boards import refresh
from services.points.store import standings
from shared.audit import audit_log
from shared.db import session
from shared.principal import Grant, Role
from tests.points.boards.support import (
    CENTRE,
    CHALUKOU,
    CITY,
    NANCHANG,
    SUB_CENTRE,
    book,
    member,
    path_of,
    served,
    statements,
    station,
    tell_members,
    tell_stations,
)
from tests.support import principal_headers

if TYPE_CHECKING:
    from flask import Flask

ANNA = UUID(int=101)
URL = "/api/v1/points/boards"
STRANGER = UUID(int=0xABCDEF)


def headers(*, role: Role | None = None, node_id: UUID = NANCHANG) -> dict[str, str]:
    grants = (Grant(role, path_of(node_id)),) if role else ()
    return principal_headers("points", login_id=uuid4(), member_ids=(ANNA,), member_id=ANNA, grants=grants)


def get(app: "Flask", query: str, **who: Any) -> Any:
    return app.test_client().get(f"{URL}?{query}", headers=headers(**who))


def put(app: "Flask", target: UUID, body: Any, **who: Any) -> Any:
    return app.test_client().put(f"{URL}/{target}/switch", json=body, headers=headers(**who))


def test_a_board_as_json(boards_app: "Flask") -> None:
    tell_members(member(ANNA, name_public="安娜"))
    book(served(ANNA, 60, points=100))
    answer = get(boards_app, f"node_id={NANCHANG}&period=week&metric=points&member_id={ANNA}")
    assert answer.status_code == 200
    assert answer.json == {
        "period_key": "2026-W47",
        "first_day": "2026-11-16",
        "last_day": "2026-11-22",
        "as_of": answer.json["as_of"],
        "source": "database",
        "switched_on": True,
        "rows": [{"rank": 1, "name": "安娜", "value": 100, "member_id": str(ANNA)}],
        "own": {"rank": 1, "value": 100},
    }
    refresh()
    again = get(boards_app, f"node_id={NANCHANG}&period=week&metric=points&member_id={ANNA}")
    assert again.json == answer.json | {"source": "cache", "as_of": again.json["as_of"]}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("node_id=1", 400),
        (f"node_id={NANCHANG}&period=decade", 400),
        (f"node_id={NANCHANG}&metric=logins", 400),
        (f"node_id={NANCHANG}&day=2026-02-30", 400),
        (f"node_id={NANCHANG}&order=worst", 400),
        (f"node_id={NANCHANG}&or_newest=perhaps", 400),
        (f"node_id={NANCHANG}&member_id={STRANGER}", 403),
        (f"node_id={STRANGER}", 404),
        (f"node_id={NANCHANG}&day=0001-01-01", 400),
        (f"node_id={NANCHANG}&day=9999-12-31&period=week", 400),
    ],
)
def test_what_a_board_is_asked_for_is_judged(boards_app: "Flask", query: str, status: int) -> None:
    answer = get(boards_app, query)
    assert answer.status_code == status
    assert status == 200 or answer.json["status"] == status


def test_only_who_is_logged_in_sees_boards(boards_app: "Flask") -> None:
    assert boards_app.test_client().get(f"{URL}?node_id={NANCHANG}").status_code == 401


def test_a_board_that_is_off_shows_nobody_and_says_so(boards_app: "Flask") -> None:
    tell_members(member(ANNA))
    book(served(ANNA, 60))
    assert put(boards_app, NANCHANG, {"on": False}, role=Role.STAFF).status_code == 204
    answer = get(boards_app, f"node_id={NANCHANG}&member_id={ANNA}").json
    assert (answer["switched_on"], answer["rows"], answer["own"]) == (False, [], None)
    assert get(boards_app, f"node_id={SUB_CENTRE}").json["switched_on"]
    assert put(boards_app, NANCHANG, {"on": True}, role=Role.STAFF).status_code == 204
    answer = get(boards_app, f"node_id={NANCHANG}&member_id={ANNA}").json
    assert (answer["switched_on"], len(answer["rows"])) == (True, 1)


def test_a_switch_is_in_the_audit_log_once_however_often_it_is_set(boards_app: "Flask") -> None:
    for on in (True, False, False, True, True):
        put(boards_app, NANCHANG, {"on": on}, role=Role.STAFF)
    rows = session().execute(audit_log.select().order_by(audit_log.c.id)).all()
    assert [row.action for row in rows] == ["board.switch_off", "board.switch_on"]
    assert {(row.subject_id, row.path) for row in rows} == {(NANCHANG, path_of(NANCHANG))}


@pytest.mark.parametrize(
    ("who", "node_id", "status"),
    [
        ({}, NANCHANG, 403),
        ({"role": Role.ORGANIZER}, NANCHANG, 403),
        ({"role": Role.AUDITOR}, NANCHANG, 403),
        ({"role": Role.STAFF}, CHALUKOU, 403),
        ({"role": Role.STAFF}, SUB_CENTRE, 403),
        ({"role": Role.STAFF}, UUID(int=99), 404),
        ({"role": Role.STAFF, "node_id": SUB_CENTRE}, CHALUKOU, 204),
        ({"role": Role.ADMINISTRATOR}, NANCHANG, 204),
    ],
)
def test_only_staff_of_the_node_switches(boards_app: "Flask", who: dict[str, Any], node_id: UUID, status: int) -> None:
    assert put(boards_app, node_id, {"on": False}, **who).status_code == status
    known = standings.find_board_node(session(), node_id)
    assert known is None or known.switched_on == (status != 204)


@pytest.mark.parametrize("body", [{}, {"on": 1}, {"on": "yes"}, {"on": None}, {"on": True, "for": "all"}, []])
def test_a_malformed_switch_changes_nothing(boards_app: "Flask", body: Any) -> None:
    assert put(boards_app, NANCHANG, body, role=Role.STAFF).status_code == 400


# --- All switches together ----------------------------------------------------------------------------


def switches(app: "Flask", query: str = "", **who: Any) -> Any:
    return app.test_client().get(f"{URL}/switches?{query}", headers=headers(**who))


def test_staff_sees_the_switches_of_its_node_and_of_all_below_it_in_one_answer(boards_app: "Flask") -> None:
    tell_stations(
        station(UUID(int=6), level="compound", parent_id=NANCHANG, path=path_of(NANCHANG) + f"{UUID(int=6).hex}/"),
        station(UUID(int=7), closed=True, parent_id=SUB_CENTRE, path=path_of(SUB_CENTRE) + f"{UUID(int=7).hex}/"),
    )
    put(boards_app, CHALUKOU, {"on": False}, role=Role.STAFF, node_id=CITY)
    with statements(boards_app) as seen:
        found = switches(boards_app, role=Role.STAFF, node_id=CITY).json
    assert len(seen) == 1
    assert [(one["node_id"], one["level"], one["on"]) for one in found] == [
        (str(CITY), "city", True),
        (str(CENTRE), "centre", True),
        (str(SUB_CENTRE), "sub_centre", True),
        (str(NANCHANG), "station", True),
        (str(CHALUKOU), "station", False),
    ]
    assert [one["parent_name"] for one in found] == [None, *["站"] * 4]


@pytest.mark.parametrize(
    ("role", "node_id", "nodes"),
    [
        (Role.STAFF, NANCHANG, [NANCHANG]),
        (Role.STAFF, SUB_CENTRE, [SUB_CENTRE, NANCHANG, CHALUKOU]),
        (Role.ADMINISTRATOR, CENTRE, [CENTRE, SUB_CENTRE, NANCHANG, CHALUKOU]),
    ],
)
def test_nobody_is_offered_the_switch_of_a_node_above_or_beside(
    boards_app: "Flask", role: Role, node_id: UUID, nodes: list[UUID]
) -> None:
    assert [one["node_id"] for one in switches(boards_app, role=role, node_id=node_id).json] == list(map(str, nodes))


def test_switches_come_in_pages(boards_app: "Flask") -> None:
    whole = switches(boards_app, role=Role.STAFF, node_id=CITY).json
    first = switches(boards_app, "limit=2", role=Role.STAFF, node_id=CITY).json
    rest = switches(boards_app, f"after={first[-1]['node_id']}", role=Role.STAFF, node_id=CITY).json
    assert first + rest == whole
    for query in ("limit=0", "limit=201", "after=1", "node_id=1"):
        assert switches(boards_app, query, role=Role.STAFF).status_code == 400


@pytest.mark.parametrize("role", [None, Role.ORGANIZER, Role.AUDITOR])
def test_switches_are_for_staff(boards_app: "Flask", role: Role | None) -> None:
    assert switches(boards_app, role=role).status_code == 403
