"""The station tree: adding, moving, counting, closing."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from devtools.children import wait_until
from services.members.store import db, tree
from shared import clock
from shared.ids import new_id
from shared.principal import Principal, Role
from tests.members.town import ANYBODY, Town


def node(name: str, level: str, parent_id: Any, **fields: Any) -> dict[str, Any]:
    return {"id": str(new_id()), "name": name, "level": level, "parent_id": parent_id and str(parent_id), **fields}


def change(town: Town, which: str, caller: Principal, **changes: Any) -> Any:
    return town.ask("PATCH", f"/nodes/{town.nodes[which]}", caller, changes)


def test_a_node_is_added_below_the_own_and_the_others_are_told(town: Town) -> None:
    form = node("青龙站", "station", town.nodes["咸安区中心"], residents=4000)
    caller = town.official(Role.ADMINISTRATOR, "咸安区中心")
    first, second = (town.post("/nodes", caller, form) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201), first.text
    assert first.json == second.json
    assert first.json["residents"] == 4000
    fact = town.events("StationChanged")[-1]
    assert fact["node_id"] == form["id"]
    assert fact["path"] == town.path("咸安区中心") + form["id"].replace("-", "") + "/"
    assert (fact["version"], fact["level"], fact["closed"]) == (1, "station", False)
    assert town.post("/nodes", caller, form | {"name": "白虎站"}).status_code == 409


@pytest.mark.parametrize(
    ("level", "parent", "role", "at", "status"),
    [
        ("station", "咸安区中心", Role.ADMINISTRATOR, "南昌路站", 403),
        ("station", "咸安区中心", Role.STAFF, "咸宁市", 403),
        ("city", None, Role.ADMINISTRATOR, "咸宁市", 403),
        ("city", None, Role.ADMINISTRATOR, None, 201),
        ("compound", None, Role.ADMINISTRATOR, None, 422),
        ("centre", "南昌路站", Role.ADMINISTRATOR, None, 422),
        ("compound", "咸安区中心", Role.ADMINISTRATOR, None, 201),
        ("planet", None, Role.ADMINISTRATOR, None, 400),
    ],
)
def test_who_may_add_what_where(
    town: Town, level: str, parent: str | None, role: Role, at: str | None, status: int
) -> None:
    form = node("新地方", level, parent and town.nodes[parent])
    assert town.post("/nodes", town.official(role, at), form).status_code == status


def test_one_name_stands_once_below_a_node_also_when_asked_twice_at_once(town: Town) -> None:
    caller = town.official(Role.ADMINISTRATOR, None)
    forms = [node("青龙站", "station", town.nodes["咸安区中心"]) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(lambda form: town.post("/nodes", caller, form).status_code, forms))
    assert answers == [201, 409, 409, 409]


def test_renaming_is_told_and_recorded(town: Town) -> None:
    caller = town.official(Role.ADMINISTRATOR)
    for _ in range(2):
        assert change(town, "南昌路站", caller, name="南昌路社区实践站").json["name"] == "南昌路社区实践站"
    assert [fact["name"] for fact in town.events("StationChanged")].count("南昌路社区实践站") == 1
    detail = {"from": "南昌路站", "to": "南昌路社区实践站", "day": str(clock.today())}
    assert town.audited("node.rename")[0].detail == detail
    assert change(town, "岔路口站", town.official(Role.ADMINISTRATOR, None), name="南昌路社区实践站").status_code == 409


def test_the_others_are_told_what_a_place_was_called_and_where_it_lay_by_day(town: Town) -> None:
    caller = town.official(Role.ADMINISTRATOR, None)
    opened, old, new = clock.today(), str(town.nodes["南昌路站"]), str(town.nodes["岔路口站"])
    days = [opened + timedelta(days=days) for days in (10, 20, 30)]
    with clock.travel(clock.now() + timedelta(days=40)):
        change(town, "和谐小区", caller, name="和美小区", from_day=str(days[0]))
        change(town, "和谐小区", caller, parent_id=new, from_day=str(days[1]))
        change(town, "和谐小区", caller, name="和睦小区", from_day=str(days[2]))
        early = change(town, "和谐小区", caller, name="和平小区", from_day=str(days[1]))
        assert early.json["code"] == "wrong_day", "not before the rename before"
    assert town.events("StationChanged")[-1]["past"] == [
        {"from_day": str(opened), "name": "和谐小区", "parent_id": old},
        {"from_day": str(days[0]), "name": "和美小区", "parent_id": old},
        {"from_day": str(days[1]), "name": "和美小区", "parent_id": new},
        {"from_day": str(days[2]), "name": "和睦小区", "parent_id": new},
    ]


def test_a_place_renamed_twice_in_a_day_had_the_second_name(town: Town) -> None:
    caller = town.official(Role.ADMINISTRATOR)
    for name in ("和美小区", "和睦小区"):
        change(town, "和谐小区", caller, name=name)
    assert [spell["name"] for spell in town.events("StationChanged")[-1]["past"]] == ["和睦小区"]


def test_a_moved_node_takes_its_subtree_along_and_remembers_where_it_lay(town: Town) -> None:
    caller = town.official(Role.ADMINISTRATOR, None)
    opened = clock.today()
    with clock.travel(clock.now() + timedelta(days=30)):
        answer = change(town, "和谐小区", caller, parent_id=str(town.nodes["岔路口站"]))
        moved_on = clock.today()
    assert answer.status_code == 200, answer.text
    assert town.path("3栋").startswith(town.path("和谐小区"))
    assert town.path("和谐小区").startswith(town.path("岔路口站"))
    assert answer.json["parents"] == [
        {"parent_id": str(town.nodes["南昌路站"]), "from_day": str(opened), "until_day": str(moved_on)},
        {"parent_id": str(town.nodes["岔路口站"]), "from_day": str(moved_on), "until_day": None},
    ]
    told = {fact["node_id"]: fact for fact in town.events("StationChanged")}
    assert told[str(town.nodes["3栋"])]["version"] == 2
    assert told[str(town.nodes["3栋"])]["path"] == town.path("3栋")
    assert told[str(town.nodes["东兴小区"])]["version"] == 1


def test_a_node_moved_twice_in_a_day_lay_there_once(town: Town) -> None:
    caller = town.official(Role.ADMINISTRATOR, None)
    change(town, "和谐小区", caller, parent_id=str(town.nodes["岔路口站"]))
    answer = change(town, "和谐小区", caller, parent_id=str(town.nodes["咸安区中心"]))
    assert [entry["parent_id"] for entry in answer.json["parents"]] == [str(town.nodes["咸安区中心"])]


@pytest.mark.parametrize(
    ("days", "status"), [(1, 422), (0, 200), (-1, 422)], ids=["tomorrow", "today", "before it was there"]
)
def test_a_move_counts_from_a_day_that_has_come(town: Town, days: int, status: int) -> None:
    day = clock.today() + timedelta(days=days)
    answer = change(
        town, "和谐小区", town.official(Role.ADMINISTRATOR, None),
        parent_id=str(town.nodes["岔路口站"]), from_day=str(day),
    )  # fmt: skip
    assert answer.status_code == status


def test_what_is_done_with_a_move_is_recorded_where_the_place_lies_now(town: Town) -> None:
    caller, today = town.official(Role.ADMINISTRATOR, None), str(clock.today())
    answer = change(
        town, "东兴小区", caller, parent_id=str(town.nodes["岔路口站"]), residents=900, closed_on=today,
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    for action in ("node.move", "node.count", "node.close"):
        assert [row.path for row in town.audited(action)] == [town.path("东兴小区")], action
    assert town.path("东兴小区").startswith(town.path("岔路口站"))


def test_a_move_needs_the_right_on_both_sides(town: Town) -> None:
    target = str(town.nodes["岔路口站"])
    for at, status in (("南昌路站", 403), ("岔路口站", 403), ("和谐小区", 403), ("咸安区中心", 200)):
        assert change(town, "和谐小区", town.official(Role.ADMINISTRATOR, at), parent_id=target).status_code == status


def test_what_is_added_while_its_station_moves_lies_below_where_that_goes(town: Town) -> None:
    form = node("新小区", "compound", town.nodes["南昌路站"])
    caller = town.official(Role.ADMINISTRATOR, None)
    with town.app.app_context():
        engine = db.engine
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    with ThreadPoolExecutor(1) as pool, engine.connect() as moving, engine.connect() as watching:
        moving.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": tree._TREE_LOCK})
        adding = pool.submit(town.post, "/nodes", caller, form)
        wait_until(lambda: watching.scalar(waiting) == 1 or adding.done(), "the addition to wait", 2)
        moving.execute(
            text("UPDATE node SET path = '/elsewhere/' || id || '/' WHERE id = :id"), {"id": town.nodes["南昌路站"]}
        )
        moving.commit()
        assert adding.result().json["path"].startswith("/elsewhere/")


def test_nothing_is_moved_below_itself_or_its_like(town: Town) -> None:
    caller = town.official(Role.ADMINISTRATOR, None)
    for name in ("南昌路站", "岔路口站", "和谐小区"):
        answer = change(town, "南昌路站", caller, parent_id=str(town.nodes[name]))
        assert answer.json["code"] == "wrong_level"


def test_residents_are_counted_by_day_and_the_newest_count_shows(town: Town) -> None:
    caller = town.official(Role.ADMINISTRATOR)
    change(town, "南昌路站", caller, residents=5000)
    change(town, "南昌路站", caller, residents=3000, from_day="2020-01-01")
    shown = change(town, "南昌路站", caller, residents=5200).json
    assert shown["residents"] == 5200
    assert shown["counts"] == [
        {"residents": 3000, "from_day": "2020-01-01"},
        {"residents": 5200, "from_day": str(clock.today())},
    ]
    shown = town.get(
        f"/nodes?ids={town.nodes['南昌路站']}&residents_on={clock.today() - timedelta(days=1)}", ANYBODY
    ).json
    assert [entry["residents"] for entry in shown] == [3000]
    for wrong in (-1, 3.5, True, "12", 10**12):
        assert change(town, "南昌路站", caller, residents=wrong).status_code == 400


def test_a_closed_node_names_its_successor_and_takes_nothing_in(town: Town) -> None:
    caller, today = town.official(Role.ADMINISTRATOR, None), str(clock.today())
    assert change(town, "南昌路站", caller, closed_on=today).json["code"] == "has_open_children"
    successor = str(town.nodes["和谐小区"])
    assert change(town, "东兴小区", caller, closed_on=today, successor_id=successor).json["successor_id"] == successor
    fact = town.events("StationChanged")[-1]
    assert (fact["closed"], fact["successor_id"]) == (True, successor)
    assert change(town, "东兴小区", caller, closed_on=today).status_code == 200
    assert change(town, "东兴小区", caller, name="新东兴").json["code"] == "node_closed"
    assert town.post("/nodes", caller, node("1栋", "building", town.nodes["东兴小区"])).json["code"] == "node_closed"
    member = {"id": str(new_id()), "name": "陈小芳", "station_id": str(town.nodes["南昌路站"])}
    assert town.post("/members", caller, member | {"compound_id": town.nodes["东兴小区"]}).json["code"] == "node_closed"
    assert town.post("/nodes", caller, node("东兴小区", "compound", town.nodes["南昌路站"])).status_code == 201


def test_a_successor_is_another_of_the_same_level(town: Town) -> None:
    caller, today = town.official(Role.ADMINISTRATOR, None), str(clock.today())
    for name in ("东兴小区", "岔路口站"):
        answer = change(town, "东兴小区", caller, closed_on=today, successor_id=str(town.nodes[name]))
        assert answer.json["code"] == "wrong_level"


def test_the_tree_is_open_to_all(town: Town) -> None:
    stations = town.get("/nodes?level=station", ANYBODY).json
    assert [(entry["name"], entry["parent_name"]) for entry in stations] == [
        ("南昌路站", "咸安区中心"),
        ("岔路口站", "咸安区中心"),
    ]
    below = town.get(f"/nodes?below_id={town.nodes['南昌路站']}", ANYBODY).json
    assert [entry["name"] for entry in below] == ["和谐小区", "东兴小区", "3栋"]
    above = town.get(f"/nodes?above_id={town.nodes['南昌路站']}", ANYBODY).json
    assert [entry["name"] for entry in above] == ["咸宁市", "咸安区中心", "南昌路站"]
    assert [entry["name"] for entry in town.get("/nodes?q=金叶", ANYBODY).json] == ["金叶小区"]
    children = town.get(f"/nodes?parent_id={town.nodes['咸宁市']}", ANYBODY).json
    assert [entry["name"] for entry in children] == ["咸安区中心"]
    ids = f"{town.nodes['3栋']},{town.nodes['咸宁市']}"
    assert len(town.get(f"/nodes?ids={ids}", ANYBODY).json) == 2
    first = town.get(f"/nodes?below_id={town.nodes['南昌路站']}&limit=2", ANYBODY).json
    assert [entry["name"] for entry in first] == ["和谐小区", "东兴小区"], "the place itself takes nobody's room"
    page = town.get("/nodes?limit=5", ANYBODY).json
    assert len(town.get(f"/nodes?after={page[-1]['id']}", ANYBODY).json) == 3
    assert town.get(f"/nodes/{new_id()}", ANYBODY).status_code == 404
    assert town.get(f"/nodes?below_id={new_id()}", ANYBODY).status_code == 404
    assert town.get(f"/nodes?above_id={new_id()}", ANYBODY).status_code == 404


def test_dates_are_shanghais(town: Town) -> None:
    with clock.travel(clock.day_starts(date(2027, 1, 1))):
        form = node("青龙站", "station", town.nodes["咸安区中心"])
        assert town.post("/nodes", town.official(Role.ADMINISTRATOR, None), form).json["opened_on"] == "2027-01-01"
