"""The routes: who may, what is answered, what is refused. Every refusal is a problem document."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient

from services.rewards.commands import desk, desk_orders
from services.rewards.domain.desk import DeskOrder, Line
from services.rewards.queries import redemptions as queries
from services.rewards.store import Gift, Redemption
from shared import clock, http
from shared.db import session
from shared.principal import Grant, Principal, Role
from tests.rewards.support import Place, Points, Town, close, close_station, login_of, statements, stock_of
from tests.support import principal_headers

PREFIX = "/api/v1/rewards"


@dataclass
class Desk:
    """A member with a redemption, and a client to look at it with."""

    client: FlaskClient
    town: Town
    gift: Gift
    member: Principal
    redemption: Redemption

    def call(self, who: Principal | None, method: str, path: str, **options: Any) -> Any:
        headers = principal_headers("rewards", **_fields(who)) if who else {}
        # In a context of its own, as in a server: flask.g holds the caller.
        with self.client.application.app_context():
            return self.client.open(f"{PREFIX}{path}", method=method, headers=headers, **options)


def _fields(who: Principal) -> dict[str, Any]:
    names = ("login_id", "member_id", "own_member_id", "member_ids", "household_ids", "grants")
    return {name: getattr(who, name) for name in names}


@pytest.fixture
def desk_(rewards_app: Flask, town: Town, points: Points) -> Desk:
    gift, member = town.gift(stock=5), town.member()
    caller = login_of(member)
    redemption = town.redeemed(gift, member)
    session().rollback()
    return Desk(rewards_app.test_client(), town, gift, caller, redemption)


def order(one: Desk, **changes: Any) -> dict[str, Any]:
    return {
        "id": str(uuid4()), "gift_id": str(one.gift.id), "station_id": str(one.town.station.id),
        "member_id": str(one.redemption.member_id), "quantity": 1, **changes,
    }  # fmt: skip


def assert_problem(response: Any, status: int, code: str | None = None) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.content_type == http.PROBLEM
    body: dict[str, Any] = response.get_json()
    assert body["status"] == status
    assert code is None or body["code"] == code
    return body


# --- Who may ------------------------------------------------------------------------------------------


def _gift_body(one: Desk) -> dict[str, Any]:
    return {"id": str(uuid4()), "node_id": str(one.town.station.id), "name": "香皂", "points": 300}


def _movement(one: Desk) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "station_id": str(one.town.station.id),
        "kind": "receive",
        "quantity": 1,
        "reason": "捐",
    }


def _desk_order(one: Desk) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "station_id": str(one.town.station.id),
        "member_id": str(one.redemption.member_id),
        "lines": [{"gift_id": str(one.gift.id), "quantity": 1, "points": 1000}],
    }


def _served(one: Desk) -> UUID:
    """The id of an order, of another gift, that was served at the desk."""
    gift, member = one.town.gift(name="春联", points=100, stock=5), one.redemption.member_id
    order = DeskOrder(uuid4(), one.town.station.id, member, [Line(gift.id, 1, 100)])
    return desk_orders.serve(one.town.organizer, order).order.id


def _close(one: Desk) -> dict[str, Any]:
    count = {"gift_id": str(one.gift.id), "pieces": 0, "expected": 5, "counted": 4, "reason": "破损"}
    return {"id": str(uuid4()), "station_id": str(one.town.station.id), "counts": [count]}


@dataclass(frozen=True)
class Route:
    method: str
    path: Callable[[Desk], str]
    body: Callable[[Desk], dict[str, Any]] | None
    allowed: frozenset[str]
    status: int = 200

    def __str__(self) -> str:
        return self.method


def _on_redemption(verb: str) -> Callable[[Desk], str]:
    return lambda one: f"/redemptions/{one.redemption.id}{verb}"


def _code(one: Desk) -> dict[str, Any]:
    return {"code": queries.get_voucher(one.member, one.redemption.id).code}


EVERYBODY = frozenset({"member", "other_member", "organizer", "other_organizer", "staff", "other_staff", "auditor"})
STATION = frozenset({"organizer", "staff"})
ROUTES = {
    "list gifts": Route("GET", lambda one: f"/gifts?station_id={one.town.station.id}", None, EVERYBODY),
    "show gift": Route("GET", lambda one: f"/gifts/{one.gift.id}?station_id={one.town.station.id}", None, EVERYBODY),
    "list all gifts": Route(
        "GET", lambda one: f"/gifts?station_id={one.town.station.id}&everything=1", None, frozenset({"staff"})
    ),
    "create gift": Route("POST", lambda _: "/gifts", _gift_body, frozenset({"staff"}), 201),
    "change gift": Route("PATCH", lambda one: f"/gifts/{one.gift.id}", lambda _: {"points": 5}, frozenset({"staff"})),
    "move stock": Route("POST", lambda one: f"/gifts/{one.gift.id}/stock", _movement, frozenset({"staff"}), 201),
    "redeem": Route("POST", lambda _: "/redemptions", order, frozenset({"member"}), 201),
    "list redemptions": Route(
        "GET", lambda one: f"/redemptions?member_id={one.redemption.member_id}", None, frozenset({"member"})
    ),
    "show redemption": Route("GET", _on_redemption(""), None, STATION | {"member"}),
    "show voucher": Route("GET", _on_redemption("/voucher"), None, frozenset({"member"})),
    "cancel": Route("POST", _on_redemption("/cancel"), None, frozenset({"member"})),
    "issue": Route("POST", _on_redemption("/issue"), None, STATION),
    "undo": Route("POST", _on_redemption("/undo"), lambda _: {"reason": "扫错了"}, STATION),
    "list at station": Route("GET", lambda one: f"/stations/{one.town.station.id}/redemptions", None, STATION),
    "show day": Route(
        "GET",
        lambda one: f"/day?member_id={one.redemption.member_id}&day={clock.day_of(one.redemption.requested_at)}",
        None,
        STATION | {"member", "auditor"},
    ),
    "show desk": Route(
        "GET",
        lambda one: f"/stations/{one.town.station.id}/desk?member_id={one.redemption.member_id}",
        None,
        STATION,
    ),
    "serve": Route("POST", lambda _: "/desk-orders", _desk_order, STATION, 201),
    "show desk order": Route("GET", lambda one: f"/desk-orders/{_served(one)}", None, STATION),
    "finish desk order": Route("POST", lambda one: f"/desk-orders/{_served(one)}/finish", None, STATION),
    "list handed over": Route("GET", lambda one: f"/stations/{one.town.station.id}/handed-over", None, STATION),
    "list missed": Route("GET", lambda one: f"/stations/{one.town.station.id}/missed", None, STATION),
    "list limits": Route("GET", lambda one: f"/stations/{one.town.station.id}/limits", None, STATION),
    "show called": Route("GET", lambda one: f"/stations/{one.town.station.id}/calls", None, STATION),
    "call next": Route(
        "POST", lambda one: f"/stations/{one.town.station.id}/calls", lambda _: {"id": str(uuid4())}, STATION, 201
    ),
    "list to count": Route("GET", lambda one: f"/stations/{one.town.station.id}/to-count", None, frozenset({"staff"})),
    "list left open": Route("GET", lambda _: "/desks-left-open", None, frozenset({"staff", "other_staff"})),
    "close desk": Route("POST", lambda _: "/desk-closes", _close, frozenset({"staff"}), 201),
    "show close": Route("GET", lambda one: f"/desk-closes/{close(one.town)}", None, frozenset({"staff", "auditor"})),
    "list closes": Route(
        "GET", lambda one: f"/stations/{one.town.station.id}/desk-closes", None, frozenset({"staff", "auditor"})
    ),
    "list told": Route("GET", lambda _: "/handed-over", None, EVERYBODY),
    "read voucher": Route("POST", lambda _: "/vouchers/read", _code, STATION),
}
WHO = [*sorted(EVERYBODY), "stranger", "points", "worker"]


def caller(one: Desk, who: str) -> Principal | None:
    def with_role(role: Role, place: Place) -> Principal:
        return login_of(one.town.member(), grants=[Grant(role, place.path)])

    match who:
        case "member":
            return one.member
        case "other_member":
            return login_of(one.town.member())
        case "organizer":
            return with_role(Role.ORGANIZER, one.town.station)
        case "other_organizer":
            return with_role(Role.ORGANIZER, one.town.other_station)
        case "staff":
            return with_role(Role.STAFF, one.town.sub_centre)
        case "other_staff":
            return with_role(Role.STAFF, one.town.other_station)
        case "auditor":
            return with_role(Role.AUDITOR, one.town.city)
    return None


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("name", ROUTES)
def test_each_route_is_for_those_it_is_for(desk_: Desk, name: str, who: str) -> None:
    route = ROUTES[name]
    path, body = route.path(desk_), route.body(desk_) if route.body else None
    options: dict[str, Any] = {} if body is None else {"json": body}
    if who in ("points", "worker"):
        headers = principal_headers("rewards", issuer=who)
        response = desk_.client.open(f"{PREFIX}{path}", method=route.method, headers=headers, **options)
        assert_problem(response, 401)
        return
    response = desk_.call(caller(desk_, who), route.method, path, **options)
    if who in route.allowed:
        assert response.status_code == route.status, response.text
    elif who == "stranger":
        assert_problem(response, 401)
    elif name == "read voucher" and who in ("other_organizer", "other_staff"):
        assert_problem(response, 422, "wrong_station")
    else:
        assert_problem(response, 403)
    if who not in route.allowed:
        assert stock_of(desk_.gift, desk_.town.station.id) == (5, 0, 4, 1, 0), "an intruder changes nothing"


def test_the_list_of_routes_above_is_whole(rewards_app: Flask) -> None:
    rules = {
        (method, rule.rule)
        for rule in rewards_app.url_map.iter_rules()
        if rule.rule.startswith(PREFIX) and rule.endpoint.startswith("rewards.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert len(rules) == len(ROUTES) - 1, "listing all gifts shares its rule with listing gifts"


def test_a_principal_for_another_service_is_nobody_here(desk_: Desk) -> None:
    headers = principal_headers("points", **_fields(desk_.member))
    assert_problem(desk_.client.get(f"{PREFIX}/redemptions", headers=headers), 401)


@pytest.mark.parametrize("issuer", ["rewards", "points", "gateway", "members", "worker"])
def test_only_the_worker_tells_rewards_what_happened(rewards_app: Flask, issuer: str) -> None:
    headers = principal_headers("rewards", issuer=issuer)
    response = rewards_app.test_client().post("/internal/v1/rewards/events", json={"events": []}, headers=headers)
    assert response.status_code == (200 if issuer == "worker" else 403)


# --- What is answered ---------------------------------------------------------------------------------


def test_a_redemption_on_the_wire(desk_: Desk) -> None:
    body = order(desk_, points=1000)
    first = desk_.call(desk_.member, "POST", "/redemptions", json=body)
    again = desk_.call(desk_.member, "POST", "/redemptions", json=body)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.get_json() == again.get_json()
    made = first.get_json()
    assert set(made) == {
        "id", "gift_id", "gift_name", "station_id", "member_id", "quantity", "points", "state", "reason_code",
        "reason", "requested_at", "confirmed_at", "expires_at", "fulfilled_at", "undo_until", "ended_at",
    }  # fmt: skip
    assert (made["id"], made["state"], made["points"]) == (body["id"], "confirmed", 1000)
    assert_problem(desk_.call(desk_.member, "POST", "/redemptions", json={**body, "quantity": 2}), 409, "conflict")


def test_a_broken_rule_is_a_problem_and_want_of_points_a_declined_redemption(desk_: Desk, points: Points) -> None:
    body = order(desk_, quantity=5)
    for _ in range(2):
        assert_problem(desk_.call(desk_.member, "POST", "/redemptions", json=body), 422, "limit_reached")
    assert_problem(desk_.call(desk_.member, "GET", f"/redemptions/{body['id']}"), 404)
    points.balances[str(desk_.redemption.member_id)] = 0
    declined = desk_.call(desk_.member, "POST", "/redemptions", json=order(desk_))
    assert declined.status_code == 201
    assert (declined.get_json()["state"], declined.get_json()["reason_code"]) == ("declined", "insufficient_points")


def test_a_member_sees_every_spend_newest_first(desk_: Desk, points: Points) -> None:
    points.balances[str(desk_.redemption.member_id)] = 0
    declined = desk_.call(desk_.member, "POST", "/redemptions", json=order(desk_)).get_json()
    desk_.call(desk_.member, "POST", "/redemptions", json=order(desk_, quantity=9))
    rows = desk_.call(desk_.member, "GET", "/redemptions").get_json()
    assert [row["id"] for row in rows] == [declined["id"], str(desk_.redemption.id)]
    (first,) = desk_.call(desk_.member, "GET", "/redemptions?limit=1").get_json()
    (second,) = desk_.call(desk_.member, "GET", f"/redemptions?limit=1&before={first['id']}").get_json()
    assert second["id"] == str(desk_.redemption.id)
    assert desk_.call(desk_.member, "GET", f"/redemptions?before={second['id']}").get_json() == []


def test_a_station_lists_what_waits_for_pick_up_with_masked_names(desk_: Desk) -> None:
    organizer = desk_.town.organizer
    path = f"/stations/{desk_.town.station.id}/redemptions"
    (row,) = desk_.call(organizer, "GET", f"{path}?state=confirmed").get_json()
    assert (row["id"], row["member_name"], row["station_name"]) == (
        str(desk_.redemption.id), "陈*芳", "岔路口社区实践站"
    )  # fmt: skip
    assert desk_.call(organizer, "GET", f"{path}?state=fulfilled").get_json() == []
    assert_problem(desk_.call(organizer, "GET", f"{path}?state=refused"), 400, "invalid")
    assert_problem(desk_.call(organizer, "GET", f"/stations/{uuid4()}/redemptions"), 404)


def test_vouchers_of_a_closed_station_are_still_handed_over(desk_: Desk) -> None:
    close_station(desk_.town.station)
    assert desk_.call(desk_.town.organizer, "POST", f"/redemptions/{desk_.redemption.id}/issue").status_code == 200


def test_the_desk_in_two_steps_and_back(desk_: Desk) -> None:
    organizer = desk_.town.organizer
    url = desk_.call(desk_.member, "GET", f"/redemptions/{desk_.redemption.id}/voucher").get_json()["url"]
    read = desk_.call(organizer, "POST", "/vouchers/read", json={"code": url}).get_json()
    assert (read["state"], read["gift_name"], read["member_name"]) == ("confirmed", "洗衣液", "陈*芳")
    issuing = f"/redemptions/{read['id']}/issue"
    assert_problem(desk_.call(organizer, "POST", issuing, json={"by": "voucher"}), 400, "invalid")
    assert_problem(desk_.call(organizer, "POST", issuing, json={"code": "ABCDEFGHJKLM"}), 422, "wrong_voucher")
    issued = desk_.call(organizer, "POST", issuing, json={"code": url}).get_json()
    assert (issued["state"], issued["undo_until"] is not None) == ("fulfilled", True)
    assert_problem(desk_.call(organizer, "POST", "/vouchers/read", json={"code": url}), 422, "already_issued")
    assert_problem(desk_.call(desk_.member, "POST", f"/redemptions/{read['id']}/cancel"), 422, "already_issued")
    assert_problem(desk_.call(organizer, "POST", f"/redemptions/{read['id']}/undo", json={}), 400, "invalid")
    undone = desk_.call(organizer, "POST", f"/redemptions/{read['id']}/undo", json={"reason": "扫错了"}).get_json()
    assert (undone["state"], undone["fulfilled_at"]) == ("confirmed", None)
    cancelled = desk_.call(desk_.member, "POST", f"/redemptions/{read['id']}/cancel").get_json()
    assert cancelled["state"] == "cancelled"
    unknown = {"code": "ABCDEFGHJKLM"}
    assert_problem(desk_.call(organizer, "POST", "/vouchers/read", json=unknown), 404, "unknown_voucher")


# --- Bad input ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": 0}, {"quantity": -1}, {"quantity": 101}, {"quantity": 1.5}, {"quantity": True},
        {"quantity": "1"}, {"quantity": None}, {"quantity": 10**30}, {"points": 0}, {"points": "12"},
        {"id": "1"}, {"id": None}, {"id": 7}, {"member_id": "x"}, {"gift_id": []}, {"station_id": {}}, {"price": 1},
    ],
    ids=str,
)  # fmt: skip
def test_a_malformed_order_is_refused_and_changes_nothing(desk_: Desk, change: dict[str, Any]) -> None:
    body = assert_problem(desk_.call(desk_.member, "POST", "/redemptions", json=order(desk_, **change)), 400, "invalid")
    assert set(body["errors"]) == set(change)
    assert stock_of(desk_.gift, desk_.town.station.id) == (5, 0, 4, 1, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"points": 0}, {"points": 1_000_001}, {"points": "3"}, {"limit_per_quarter": 0}, {"name": ""}, {"name": "  "},
        {"name": "米" * 41}, {"name": "a\x00b"}, {"name": "a\ud800"}, {"name": "a\nb"}, {"description": "长" * 501},
        {"withdrawn": "yes"}, {"withdrawn": None}, {"withdrawn": 1}, {"node_id": str(UUID(int=1))},
    ],
    ids=lambda change: ascii(change)[:40],
)  # fmt: skip
def test_a_malformed_change_of_a_gift_is_refused(desk_: Desk, change: dict[str, Any]) -> None:
    import json

    options: dict[str, Any] = {"data": json.dumps(change), "content_type": "application/json"}
    assert_problem(desk_.call(desk_.town.staff, "PATCH", f"/gifts/{desk_.gift.id}", **options), 400)


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+08:00", "9999-12-31T23:59:59-08:00", "2026-11-21T10:00:00"])
def test_a_line_of_paper_out_of_all_time_is_refused_and_serves_nobody(desk_: Desk, at: str) -> None:
    paper = {"list_number": "250101-AB23", "line": 1, "handed_over_at": at}
    body = _desk_order(desk_) | {"paper": paper}
    assert_problem(desk_.call(desk_.town.organizer, "POST", "/desk-orders", json=body), 400, "invalid")
    assert stock_of(desk_.gift, desk_.town.station.id) == (5, 0, 4, 1, 0)


@pytest.mark.parametrize("body", ["", "[]", "null", "{", "7", '"x"', "\x00", "[" * 5000])
def test_what_is_no_json_object_is_refused(desk_: Desk, body: str) -> None:
    for content_type in ("application/json", "text/plain"):
        response = desk_.call(desk_.member, "POST", "/redemptions", data=body, content_type=content_type)
        assert_problem(response, 400)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?station_id=x",
        "?station_id={id}&limit=0",
        "?station_id={id}&limit=201",
        "?station_id={id}&limit=1e3",
        "?station_id={id}&after=1",
        "?station_id={id}&colour=red",
        "?station_id={id}&everything=maybe",
    ],
)
def test_a_malformed_query_is_refused(desk_: Desk, query: str) -> None:
    path = f"/gifts{query.replace('{id}', str(desk_.town.station.id))}"
    assert_problem(desk_.call(desk_.member, "GET", path), 400)


def test_ids_in_paths_must_be_ids(desk_: Desk) -> None:
    assert_problem(desk_.call(desk_.member, "GET", "/redemptions/7"), 404)
    assert_problem(desk_.call(desk_.member, "GET", f"/redemptions/{uuid4()}"), 404)
    assert_problem(desk_.call(desk_.member, "DELETE", f"/redemptions/{desk_.redemption.id}"), 405)


@pytest.mark.parametrize("code", ["", "x" * 301, "\x00", 7, None, ["ABCDEFGHJKLM"]], ids=lambda code: ascii(code)[:20])
def test_a_malformed_code_is_refused(desk_: Desk, code: Any) -> None:
    assert_problem(desk_.call(desk_.town.organizer, "POST", "/vouchers/read", json={"code": code}), 400, "invalid")


# --- Cost ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "most"),
    [("list gifts", 2), ("show gift", 2), ("list redemptions", 1), ("show redemption", 1), ("show voucher", 1),
     ("read voucher", 1), ("list at station", 3), ("cancel", 6), ("issue", 5)],
)  # fmt: skip
def test_each_route_costs_few_statements(desk_: Desk, name: str, most: int) -> None:
    route = ROUTES[name]
    who = desk_.member if "member" in route.allowed else desk_.town.organizer
    path, body = route.path(desk_), route.body(desk_) if route.body else None
    with statements() as seen:
        response = desk_.call(who, route.method, path, **({} if body is None else {"json": body}))
    assert response.status_code == route.status, response.text
    assert len(seen) <= most, seen


def test_reading_lists_costs_the_same_however_long_they_are(desk_: Desk) -> None:
    for _ in range(5):
        desk.issue(desk_.town.organizer, redemption_id=desk_.town.redeemed(desk_.town.gift(stock=1)).id)
    counts: list[int] = []
    station_id: UUID = desk_.town.station.id
    for limit in (1, 6):
        with statements() as seen:
            rows = desk_.call(
                desk_.town.organizer, "GET", f"/stations/{station_id}/redemptions?limit={limit}"
            ).get_json()
        assert len(rows) == limit
        counts.append(len(seen))
    assert counts[0] == counts[1]


def test_a_gift_stands_once_in_an_order_and_in_a_close_and_half_a_line_is_a_fault(desk_: Desk) -> None:
    staff = caller(desk_, "staff")
    for path, body, name in (("/desk-orders", _desk_order(desk_), "lines"), ("/desk-closes", _close(desk_), "counts")):
        wrong: list[list[dict[str, Any]]] = [body[name] * 2, [{"gift_id": None}], [{}]]
        for rows in wrong:
            assert_problem(desk_.call(staff, "POST", path, json=body | {name: rows}), 400)
