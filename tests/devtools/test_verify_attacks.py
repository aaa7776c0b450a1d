"""What `./dev verify` says between services, of rights and of protection: were it otherwise, it would be noticed."""

import base64
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from redis import Redis

from devtools.verify.checks import all_checks
from devtools.verify.entitled import NEEDED, NEEDS_NONE
from devtools.verify.protected import APPEND_ONLY
from devtools.verify.town import Town as Databases
from services.members.commands import work_imports
from services.points.commands.refresh_boards import refresh
from services.points.commands.seal_transfers import seal_all
from services.points.queries import verify as ledger
from services.rewards.queries import verify as redemptions
from shared import clock, db
from shared.ids import new_id
from shared.principal import Role
from tests.acts import recorded_acts
from tests.devtools.damage import START, attend, damaged, hold_activity
from tests.devtools.test_verify import review
from tests.devtools.test_verify_attacks_households import PARTED
from tests.gateway.real import Browser, Town, town
from tests.support import Settings

__all__ = ["town"]


class Lived(NamedTuple):
    """A town where everything has happened once; members by name."""

    town: Town
    people: dict[str, Browser]


@pytest.fixture
def lived(town: Town) -> Iterator[Lived]:
    """After an afternoon: scans, awards, gifts, one who moved to another station, and a board in Redis."""
    organizer, staff = town.person("李组织", Role.ORGANIZER), town.person("周站长", Role.STAFF)
    people = {name: town.person(name) for name in ("陈芳", "王秀英", "刘国强", "杨静")}
    for who in people.values():
        staff.api("POST", f"/members/members/{who.member_id}/confirm")
        given = [{"kind": kind, "version": "1", "given": True} for kind in ("ranked", "named")]
        who.api("PUT", f"/members/me/members/{who.member_id}/consents", {"consents": given})
    activity = hold_activity(town, organizer)
    sign_up(activity, people.values())
    for direction, moment in (("arrival", START), ("departure", START + timedelta(minutes=110))):
        with town.at(moment):
            scan(organizer, people["陈芳"], activity, direction)
    with town.at(START + timedelta(hours=3)):
        scan(organizer, people["陈芳"], activity, "departure")
        *_, wrong = (attend(organizer, activity, people[name], 110) for name in ("王秀英", "刘国强", "杨静"))
        organizer.api("POST", f"/checkin/activities/{activity['id']}/confirm-all")
        organizer.api("POST", f"/checkin/attendances/{wrong}/annul", {"reason": "记错了人"})
        town.deliver()
        town.administrator.api("PATCH", f"/members/members/{people['刘国强'].member_id}", away_from(town))
        town.deliver()
        redeem_everywhere(town, organizer, people)
        complain_and_answer(town, staff, people["陈芳"])
        export(town, staff, people["陈芳"])
        open_balance(town, staff, people["杨静"])
        enter_the_past(town, staff, people["杨静"])
        call_roll(town, organizer, people)
        merge_and_leave(town, staff)
        staff.api("PUT", f"/checkin/confirm-each/{town.station_id}", {"on": True})
        review(town, organizer, staff)
        board = f"/points/boards?node_id={town.station_id}&period=month&metric=points"
        people["陈芳"].api("GET", board)
        with town.apps["points"].app_context():
            seal_all()
            refresh()
        assert people["陈芳"].api("GET", board)["source"] == "cache"
        yield Lived(town, {"李组织": organizer, "周站长": staff, **people})


def sign_up(activity: dict[str, Any], people: Iterable[Browser]) -> None:
    """All in turn, some minutes apart; the first calls off, and comes again behind the others."""
    path, now = f"/checkin/activities/{activity['id']}/sign-ups", clock.now()
    everybody = [*people]
    for minutes, who in enumerate([*everybody, everybody[0]]):
        content = {"id": str(new_id()), "member_ids": [who.member_id], "site_id": activity["sites"][0]["id"]}
        with clock.travel(now + timedelta(minutes=5 * minutes)):
            (receipt,) = who.api("POST", path, content)["sign_ups"]
            if minutes == 0:
                who.api("POST", f"/checkin/sign-ups/{receipt['id']}/cancel")


def scan(organizer: Browser, who: Browser, activity: dict[str, Any], direction: str) -> None:
    query = f"site_id={activity['sites'][0]['id']}&direction={direction}&minutes=1"
    shown = organizer.api("GET", f"/checkin/activities/{activity['id']}/codes?{query}")
    who.api("POST", "/checkin/scans", {"code": shown["codes"][0]["url"], "member_ids": [who.member_id]})


def complain_and_answer(town: Town, staff: Browser, who: Browser) -> None:
    """One of every kind: answered, taken, said for somebody, and anonymous."""
    concern = {"member_id": who.member_id, "words": "少了一次"}
    ids = [str(new_id()) for _ in range(4)]
    for concern_id, teller in zip(ids, (who, who, staff), strict=False):
        teller.api("POST", "/members/concerns", {"id": concern_id, **concern})
    anonymous = {"id": ids[3], "node_id": town.station_id, "words": "码太小"}
    town.browser().api("POST", "/members/complaints", anonymous)
    staff.api("POST", f"/members/concerns/{ids[0]}/answer", {"answer": "已补上"})
    staff.api("POST", f"/members/concerns/{ids[1]}/take")
    staff.api("POST", f"/members/concerns/{ids[3]}/read")


def call_roll(town: Town, organizer: Browser, people: dict[str, Browser]) -> None:
    """By who leads the site without a role, and by the organizer: slips, a departure, and a try for oneself. Then who
    leads the site types in its sheet.
    """
    begins = clock.now() - timedelta(minutes=30)
    site = {"id": str(new_id()), "name": "东门", "place": "东门", "leader_member_id": people["陈芳"].member_id}
    activity = {
        "id": str(new_id()), "title": "点名的活动", "category": "environment", "station_id": town.station_id,
        "place": "东门", "starts_at": begins.isoformat(), "ends_at": (begins + timedelta(hours=2)).isoformat(),
        "sites": [site],
    }  # fmt: skip
    organizer.api("POST", "/checkin/activities", activity)
    organizer.api("POST", f"/checkin/activities/{activity['id']}/publish")

    def tick(who: Browser, member: Browser, wanted: str, seen: str | None = None) -> Any:
        one = {"id": str(new_id()), "member_id": member.member_id, "wanted": wanted, "seen": seen}
        [answer] = who.api("POST", f"/checkin/activities/{activity['id']}/ticks", {"ticks": [one]})["ticks"]
        return answer

    for caller, member in ((people["陈芳"], people["杨静"]), (organizer, people["王秀英"])):
        slip = tick(caller, member, "arrived")["standing"]["attendance_id"]
        assert tick(caller, member, "not_arrived", slip)["outcome"] == "done"
        came = tick(caller, member, "arrived")["standing"]["attendance_id"]
        for wanted in ("left", "not_left", "left"):
            assert tick(caller, member, wanted, came)["outcome"] == "done"
        assert tick(caller, caller, "arrived")["why"] == "own_case"
    line = {"arrived_at": begins.isoformat(), "left_at": clock.now().isoformat()}
    lines = [{"member_id": people[name].member_id, **line} for name in ("刘国强", "陈芳")]
    sheet = {"id": str(new_id()), "site_id": site["id"], "lines": lines}
    typed = people["陈芳"].api("POST", f"/checkin/activities/{activity['id']}/sheets", sheet)
    assert [one["outcome"] for one in typed["lines"]] == ["taken", "own_case"]


def merge_and_leave(town: Town, staff: Browser) -> None:
    """Two entries that are one person for good, and two that were not; and one who has left, and one who is back."""
    ids = [str(new_id()) for _ in range(4)]
    for member_id in ids:
        staff.api("POST", "/members/members", {"id": member_id, "name": "李大山", "station_id": town.station_id})
    merged = {"id": str(new_id()), "merged_id": ids[1], "reason": "同一人"}
    staff.api("POST", f"/members/members/{ids[0]}/merge", merged)
    staff.api("POST", f"/members/members/{ids[2]}/merge", merged | {"id": str(new_id()), "merged_id": ids[3]})
    staff.api("POST", f"/members/members/{ids[3]}/unmerge", {"reason": "不是同一人"})
    for member_id in ids[2:]:
        gone = {"kind": "moved_away", "day": clock.today().isoformat(), "reason": "搬走"}
        staff.api("POST", f"/members/members/{member_id}/leave", gone)
    staff.api("POST", f"/members/members/{ids[2]}/return", {"reason": "回来了"})
    town.deliver()


def export(town: Town, staff: Browser, who: Browser) -> None:
    about = {"kind": "member", "subject_id": who.member_id, "platform": "izhiyuan", "number": "A-16"}
    staff.api("PUT", "/checkin/outside-numbers", about)
    day = START.date().isoformat()
    span = {"platform": "izhiyuan", "node_id": town.station_id, "from_day": day, "to_day": day}
    staff.api("POST", "/checkin/batches", {"id": str(new_id()), **span})


def away_from(town: Town) -> dict[str, str]:
    return {"station_id": town.nodes["岔路口社区实践站"]}


def redeem_everywhere(town: Town, organizer: Browser, people: dict[str, Browser]) -> None:
    """Issued, waiting and cancelled: at home, and by who has moved since the points were earned."""
    gift = {"id": str(new_id()), "node_id": town.nodes["咸宁市"], "name": "香皂", "description": "", "points": 50}
    town.administrator.api("POST", "/rewards/gifts", gift)
    for station_id in (town.station_id, away_from(town)["station_id"]):
        movement = {"id": str(new_id()), "station_id": station_id, "kind": "receive", "quantity": 9, "reason": "捐赠"}
        town.administrator.api("POST", f"/rewards/gifts/{gift['id']}/stock", movement)
    for name, station_id in (("陈芳", town.station_id), ("刘国强", away_from(town)["station_id"])):
        who, orders = people[name], []
        for _ in range(3):
            order = {"id": str(new_id()), "gift_id": gift["id"], "station_id": station_id, "member_id": who.member_id}
            orders.append(who.api("POST", "/rewards/redemptions", order))
        assert [order["state"] for order in orders] == ["confirmed"] * 3
        issuer = organizer if name == "陈芳" else town.administrator
        issuer.api("POST", f"/rewards/redemptions/{orders[0]['id']}/issue")
        who.api("POST", f"/rewards/redemptions/{orders[1]['id']}/cancel")
    town.deliver()
    line = {"gift_id": gift["id"], "quantity": 1, "points": 50}
    at_desk = {"id": str(new_id()), "station_id": town.station_id, "member_id": people["陈芳"].member_id}
    organizer.api("POST", "/rewards/desk-orders", at_desk | {"lines": [line]})


def open_balance(town: Town, staff: Browser, who: Browser) -> None:
    """Brought by the station's staff, approved above it."""
    take_over(town, staff, "opening", f"姓名,志愿者编号,时长,积分\n{known_as(town, who)},10,5\n")


def enter_the_past(town: Town, staff: Browser, who: Browser) -> None:
    """One that stays, and one that is taken back."""
    for title in ("清扫", "夜巡"):
        table = f"姓名,志愿者编号,日期,时长,活动,类别\n{known_as(town, who)},2026-3-8,2,{title},环境整治\n"
        import_id = take_over(town, staff, "past", table)
    town.administrator.api("POST", f"/members/imports/{import_id}/undo")
    work(town)


def known_as(town: Town, who: Browser) -> str:
    found = town.administrator.api("GET", f"/members/members/{who.member_id}")
    return f"{found['name']},{found['volunteer_number']}"


def take_over(town: Town, staff: Browser, kind: str, table: str) -> str:
    content = base64.b64encode(table.encode()).decode()
    brought = {"id": str(new_id()), "kind": kind, "station_id": town.station_id, "file_name": "台账.csv"}
    path = f"/members/imports/{brought['id']}"
    staff.api("POST", "/members/imports", brought | {"content": content})
    work(town)
    staff.api("POST", f"{path}/start")
    town.administrator.api("POST", f"{path}/approve")
    work(town)
    return brought["id"]


def work(town: Town) -> None:
    """The worker's turns, and what is told by them."""
    with town.apps["members"].app_context():
        while work_imports.work():
            pass
    town.deliver()


def faults(town: Town, name: str) -> list[str]:
    """What one check finds."""
    (find,) = (find for _, known, find in all_checks(Databases(town.apps)) if known == name)
    return list(find())


def test_nothing_is_broken_in_a_town_that_has_been_lived_in(lived: Lived) -> None:
    found = {name: list(find()) for _, name, find in all_checks(Databases(lived.town.apps))}
    assert {name: lines for name, lines in found.items() if lines} == {}
    assert list(Databases(lived.town.apps).pending()) == []


# --- Attacks -------------------------------------------------------------------------------------------

Damage = Callable[[Settings], AbstractContextManager[None]]


def rows(service: str, table: str, change: str, **more: Any) -> Damage:
    return lambda settings: damaged(settings, service, table, change, **more)


def law(service: str, change: str, undo: str) -> Damage:
    """A change of what protects a table, and what takes it back; `{role}` is the service's."""

    @contextmanager
    def changed(settings: Settings) -> Iterator[None]:
        connection, role = settings.database(service).connection, settings.session.names.role(service)
        connection.execute(change.format(role=role).encode())
        try:
            yield
        finally:
            connection.execute(undo.format(role=role).encode())

    return changed


@contextmanager
def forged_board(settings: Settings) -> Iterator[None]:
    redis = Redis.from_url(settings.redis_url)
    key = next(iter(redis.scan_iter(match="board:*:points")))
    redis.zadd(key, {b"m" * 16: 900})
    try:
        yield
    finally:
        redis.zrem(key, b"m" * 16)


_TRIGGER = "CREATE OR REPLACE TRIGGER append_only BEFORE {} ON transfer FOR EACH STATEMENT EXECUTE FUNCTION {}()"
_WHOLE = _TRIGGER.format("UPDATE OR DELETE OR TRUNCATE", "forbid_change")
_FUNCTION = "CREATE OR REPLACE FUNCTION forbid_change() RETURNS trigger LANGUAGE plpgsql AS $$ {} $$"
_RAISES = _FUNCTION.format(
    "BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END"
)
_AGAIN = """
    INSERT INTO {0} SELECT (jsonb_populate_record({0}, jsonb_build_object('id', gen_random_uuid()))).* FROM {0}
"""
_PAIR = "CONSTRAINT uq_attendance_site_id_member_id_pair"
_NUMBERS = "CONSTRAINT uq_sign_up_activity_id_number"
_OTHER_CONTENT = (
    "member_id = gen_random_uuid()", "activity_id = gen_random_uuid()", "station_id = gen_random_uuid()",
    "category = 'repair'", "service_day = service_day - 1", "evidence = 'entered_later'", "minutes = minutes + 1",
    "minutes_together = minutes_together + 1", "activity_minutes = activity_minutes + 1",
    "carries_visit = NOT carries_visit", "state = 'annulled'", "version = 0",
)  # fmt: skip
_FOR_ONESELF = """
    UPDATE audit_log SET member_id = (SELECT member_id FROM {} WHERE id = subject_id) WHERE action = '{}'
"""

ATTACKS: dict[str, list[Damage]] = {
    "no member is at two places of one activity twice": [
        rows("checkin", "attendance", _AGAIN.format("attendance"),
             guards=(f"ALTER TABLE attendance DROP {_PAIR}",
                     f"ALTER TABLE attendance ADD {_PAIR} UNIQUE (site_id, member_id, pair)")),
    ],
    "every accepted scan has its attendance": [
        rows("checkin", "scan", "UPDATE scan SET attendance_id = NULL WHERE direction = 'arrival'"),
        rows("checkin", "scan", "UPDATE scan SET member_id = gen_random_uuid() WHERE outcome = 'duplicate'"),
        rows("checkin", "attendance", "DELETE FROM attendance WHERE evidence = 'own_scan'"),
    ],
    "nobody arrives or leaves twice in one attendance": [
        rows("checkin", "scan", _AGAIN.format("scan") + "WHERE outcome = 'ok' AND direction = 'departure'"),
        rows("checkin", "scan", "UPDATE scan SET outcome = 'late_scan' WHERE outcome = 'duplicate'"),
    ],
    "sign-ups are one order, and nobody has lost their place": [
        rows("checkin", "sign_up", "DELETE FROM sign_up WHERE number = 2"),
        rows("checkin", "sign_up", "UPDATE sign_up SET number = number + 100"),
        rows("checkin", "sign_up", "UPDATE sign_up SET number = 1 WHERE number = 2",
             guards=(f"ALTER TABLE sign_up DROP {_NUMBERS}",
                     f"ALTER TABLE sign_up ADD {_NUMBERS} UNIQUE (activity_id, number)")),
        rows("checkin", "sign_up", "UPDATE sign_up SET at = at + interval '1 day' WHERE number = 1"),
        rows("checkin", "sign_up", "UPDATE sign_up SET cancelled_at = NULL WHERE cancelled_at IS NOT NULL",
             guards=("DROP INDEX uq_sign_up_live",
                     "CREATE UNIQUE INDEX uq_sign_up_live ON sign_up (activity_id, member_id)"
                     " WHERE cancelled_at IS NULL")),
    ],
    "every sign-up is for what was open, where it was held": [
        rows("checkin", "sign_up", "UPDATE sign_up SET site_id = gen_random_uuid()"),
        rows("checkin", "sign_up", "UPDATE sign_up SET at = at - interval '9 days'"),
        rows("checkin", "sign_up", "UPDATE sign_up SET cancelled_at = at - interval '1 day' WHERE number = 1"),
        rows("checkin", "activity", "UPDATE activity SET published_at = NULL"),
    ],
    "what was handed to other platforms is what was served": [
        rows("checkin", "export_record", "DELETE FROM export_record"),
        rows("checkin", "export_record", "UPDATE export_record SET minutes = minutes + 60"),
        rows("checkin", "export_record", "UPDATE export_record SET attendance_id = gen_random_uuid()"),
        rows("checkin", "export_record", "UPDATE export_record SET version = version + 1"),
        rows("checkin", "export_batch", "UPDATE export_batch SET records = records + 1"),
    ],
    "every live award has its attendance": [
        rows("checkin", "attendance", "DELETE FROM attendance WHERE state = 'annulled'"),
        rows("checkin", "attendance", "UPDATE attendance SET version = 1 WHERE version = 2"),
        rows("checkin", "attendance", "UPDATE attendance SET state = 'annulled' WHERE state = 'confirmed'"),
    ],
    "every confirmed attendance is settled as it is, or on its way": [
        rows("points", "outcome", "DELETE FROM outcome WHERE version = 2"),
        *(rows("points", "outcome", f"UPDATE outcome SET {other} WHERE state = 'awarded'") for other in _OTHER_CONTENT),
        rows("checkin", "attendance", "UPDATE attendance SET minutes = 1 WHERE evidence = 'own_scan'"),
    ],
    "every service knows each member and station as members does, or will": [
        *(rows(service, table, f"{change} {table} {how}")
          for service in ("checkin", "points", "rewards") for table in ("member_card", "station")
          for change, how in (("DELETE FROM", ""), ("UPDATE", "SET version = version - 1"))),
        *(rows(service, "member_card", f"UPDATE member_card SET {other}")
          for service in ("checkin", "points", "rewards")
          for other in ("household_id = gen_random_uuid()", "status = 'left', merged_into = NULL",
                        "station_id = gen_random_uuid()", "confirmed = NOT confirmed")),
        *(rows("checkin", "station", f"UPDATE station SET {other}")
          for other in ("path = '/'", "closed = NOT closed", "successor_id = gen_random_uuid()", "name = '别处'")),
    ],
    "check-in knows what places were called and where they lay, or will": [
        rows("checkin", "station_past", "DELETE FROM station_past"),
        rows("checkin", "station_past", "UPDATE station_past SET name = '别的名称'"),
        rows("checkin", "station_past", "UPDATE station_past SET parent_id = gen_random_uuid()"),
        rows("checkin", "station_past", "UPDATE station_past SET from_day = from_day + 1"),
    ],
    "every opening balance is booked as it was approved, or will be": [
        rows("points", "idempotency", "DELETE FROM idempotency WHERE key LIKE 'opening:%'"),
        rows("members", "import_row", "DELETE FROM import_row WHERE state = 'added'"),
        rows("members", "import_row", "UPDATE import_row SET id = gen_random_uuid()"),
    ],
    "every past service is taken in as it was approved, or will be": [
        rows("checkin", "past_record", "DELETE FROM past_record WHERE state = 'taken'"),
        rows("checkin", "past_record", "UPDATE past_record SET member_id = gen_random_uuid() WHERE state = 'taken'"),
        rows("checkin", "past_record", "UPDATE past_record SET state = 'taken' WHERE state = 'undone'"),
        rows("checkin", "attendance",
             "DELETE FROM attendance WHERE id IN (SELECT id FROM past_record WHERE state = 'taken')"),
        rows("checkin", "attendance",
             "UPDATE attendance SET evidence = 'organizer' WHERE id IN (SELECT id FROM past_record)"),
        rows("checkin", "attendance",
             "UPDATE attendance SET state = 'confirmed' WHERE id IN (SELECT id FROM past_record)"),
        rows("members", "import_row",
             "UPDATE import_row SET state = 'undone' WHERE id IN (SELECT CAST(body ->> 'record_id' AS uuid)"
             " FROM outbox WHERE name = 'PastServiceApproved')"),
    ],
    "points hold of every redemption what it came to": [
        rows("points", "transfer", "DELETE FROM transfer WHERE kind = 'spend'"),
        rows("points", "transfer", "DELETE FROM transfer WHERE kind = 'refund'"),
        rows("points", "transfer", "UPDATE transfer SET amount = amount + 1 WHERE kind = 'spend'"),
        rows("rewards", "redemption", "DELETE FROM redemption WHERE state = 'fulfilled'"),
        rows("rewards", "redemption", "DELETE FROM redemption WHERE state = 'cancelled'"),
        rows("rewards", "redemption", "UPDATE redemption SET member_id = gen_random_uuid()"),
        rows("rewards", "redemption",
             "UPDATE redemption SET state = 'refused', ended_at = requested_at WHERE state = 'confirmed'"),
    ],
    "no append-only table can be changed by its service": [
        *(law(service, f"GRANT {right} ON {tables[-1]} TO {{role}}", f"REVOKE {right} ON {tables[-1]} FROM {{role}}")
          for service, tables in APPEND_ONLY.items() for right in ("UPDATE", "DELETE", "TRUNCATE")),
        law("points", "GRANT UPDATE (amount) ON transfer TO {role}", "REVOKE UPDATE (amount) ON transfer FROM {role}"),
        *(law("points", f"ALTER TABLE transfer {way} TRIGGER append_only",
              "ALTER TABLE transfer ENABLE TRIGGER append_only") for way in ("DISABLE", "ENABLE REPLICA")),
        law("points", "DROP TRIGGER append_only ON transfer; COMMENT ON TABLE transfer IS NULL",
            f"{_WHOLE}; COMMENT ON TABLE transfer IS 'append-only'"),
        *(law("points", _TRIGGER.format(some, "forbid_change"), _WHOLE)
          for some in ("UPDATE OR DELETE", "DELETE OR TRUNCATE", "UPDATE OF amount OR DELETE OR TRUNCATE")),
        law("points", _WHOLE.replace("BEFORE", "AFTER"), _WHOLE),
        law("points", _FUNCTION.format("BEGIN RETURN NULL; END"), _RAISES),
        law("rewards", "ALTER TABLE stock_movement RENAME TO moved", "ALTER TABLE moved RENAME TO stock_movement"),
        law("members", "GRANT SET ON PARAMETER session_replication_role TO {role}",
            "REVOKE SET ON PARAMETER session_replication_role FROM {role}"),
    ],
    "every privileged act is in the audit log": [
        rows("rewards", "audit_log", "DELETE FROM audit_log WHERE action = 'redemption.issue'"),
        *(rows("members", "audit_log", f"DELETE FROM audit_log WHERE action = 'concern.{act}'")
          for act in ("add", "take", "answer", "read")),
        *(rows("checkin", "audit_log", f"DELETE FROM audit_log WHERE action = '{act}'")
          for act in ("outside_number.set", "batch.make", "activity.ask_review", "activity.approve",
                      "activity.send_back", "activity.take_over", "review.switch_on")),
        # Published past a review that was wanted.
        rows("checkin", "activity",
             "UPDATE activity SET published_at = now() + interval '9 days' WHERE asked_at IS NULL"),
        *(rows("members", "audit_log", f"DELETE FROM audit_log WHERE action = 'member.{act}'")
          for act in ("merge", "unmerge", "leave", "come_back")),
        rows("members", "member",
             "UPDATE member SET status = 'merged', merged_into = (SELECT id FROM member WHERE name = '陈芳')"
             " WHERE name = '杨静'"),
        *(rows("members", "audit_log", f"DELETE FROM audit_log WHERE action = 'import.{step}'")
          for step in ("bring", "approve")),
        rows("rewards", "audit_log", "DELETE FROM audit_log WHERE action = 'desk.serve'"),
        rows("points", "move", "INSERT INTO move (id, kind, from_member_id, to_station_id, points, minutes, debt, at)"
             " VALUES (gen_random_uuid(), 'donation', gen_random_uuid(), gen_random_uuid(), 1, 0, 0, now())"),
        rows("points", "leaver_rule", "INSERT INTO leaver_rule VALUES (gen_random_uuid(), 90, true, now())"),
    ],
    "nobody acts for themselves or the own household": [
        rows("checkin", "audit_log", _FOR_ONESELF.format("attendance", "attendance.add")),
        rows("checkin", "audit_log", _FOR_ONESELF.format("attendance", "attendance.annul")),
        rows("checkin", "audit_log", "UPDATE audit_log SET member_id = (SELECT member_id FROM past_record LIMIT 1)"
             " WHERE action = 'activity.take_over'"),
        rows("checkin", "audit_log", "UPDATE audit_log SET member_id = subject_id WHERE action = 'outside_number.set'"),
        rows("checkin", "audit_log",
             "UPDATE audit_log SET member_id = (SELECT asked_by FROM activity WHERE id = audit_log.subject_id)"
             " WHERE action = 'activity.approve'"),
        rows("rewards", "audit_log", _FOR_ONESELF.format("redemption", "redemption.issue")),
        rows("rewards", "audit_log", _FOR_ONESELF.format("desk_order", "desk.serve")),
        rows("members", "audit_log", "UPDATE audit_log SET member_id = subject_id WHERE action = 'member.confirm'"),
        rows("members", "audit_log", _FOR_ONESELF.format("role_grant", "grant.add")),
        rows("members", "audit_log", _FOR_ONESELF.format("concern", "concern.answer")),
        rows("members", "audit_log", "UPDATE audit_log SET member_id = (SELECT id FROM member WHERE name = '杨静')"
             " WHERE action = 'import.approve'"),
        rows("checkin", "audit_log",
             "UPDATE audit_log SET member_id = (SELECT member_id FROM attendance WHERE evidence = 'organizer' LIMIT 1)"
             " WHERE action = 'activity.confirm_all'"),
        rows("members", "login_member",
             "INSERT INTO login_member SELECT login_id, member.id, 'other' FROM login_member, member"
             " WHERE name = '王秀英' AND member_id <> member.id"),
        rows("members", "member",
             f"UPDATE member SET household_id = '{UUID(int=1)}' WHERE name IN ('李组织', '王秀英')"),
    ],
    "nobody acts without a right that reaches so far": [
        rows("checkin", "audit_log",
             "UPDATE audit_log SET member_id = (SELECT asked_by FROM activity WHERE id = audit_log.subject_id)"
             " WHERE action = 'activity.send_back'"),
        rows("members", "role_grant", "DELETE FROM role_grant WHERE role = 'organizer'"),
        rows("members", "role_grant", "UPDATE role_grant SET role = 'auditor' WHERE role = 'staff'"),
        rows("members", "role_grant", "UPDATE role_grant SET role = 'organizer' WHERE role = 'administrator'"),
        rows("members", "role_grant", "UPDATE role_grant SET granted_at = granted_at + interval '9 days'"),
        rows("members", "role_grant", "UPDATE role_grant SET revoked_at = granted_at, revoked_by = 'nobody'"),
        rows("members", "role_grant",
             "UPDATE role_grant SET node_id = node.id FROM node WHERE name LIKE '岔路口%' AND node_id IS NOT NULL"),
        rows("checkin", "audit_log",
             "UPDATE audit_log SET member_id = (SELECT member_id FROM audit_log WHERE action = 'activity.confirm_all'"
             " ORDER BY id LIMIT 1) WHERE action = 'confirm_each.switch_on'"),
        # Leading a site allows its roll and its sheet, at that site and in time, and nothing else.
        rows("checkin", "site", "UPDATE site SET leader_member_id = NULL"),
        rows("checkin", "audit_log",
             "UPDATE audit_log SET detail = detail || jsonb_build_object('evidence', 'entered_later')"
             " WHERE action = 'attendance.add' AND detail ->> 'as' = 'site_leader'"),
        rows("checkin", "audit_log",
             "UPDATE audit_log SET member_id = (SELECT member_id FROM audit_log WHERE action = 'activity.confirm_all'"
             " ORDER BY id LIMIT 1) WHERE action = 'sheet.enter'"),
        rows("checkin", "audit_log",
             "UPDATE audit_log SET detail = detail || jsonb_build_object('as', 'site_leader')"
             " WHERE action = 'attendance.annul'"),
    ],
    "standings are the fold of the awards": [
        *(rows("points", "standing", f"UPDATE standing SET {metric} = {metric} + 1 WHERE period = 'all'")
          for metric in ("points", "minutes", "attendances")),
        rows("points", "standing", "DELETE FROM standing"),
    ],
    "whole boards in Redis are the standings": [forged_board],
    "no copy shows more of a member than was consented to": [
        rows("rewards", "member_card", "UPDATE member_card SET name_public = '李组织' WHERE name_masked = '李*织'"),
    ],
    "nobody knows who somebody was who was erased": [
        rows("members", "member", "UPDATE member SET status = 'erased' WHERE name = '杨静'"),
        rows("checkin", "member_card", "UPDATE member_card SET status = 'erased' WHERE name_masked = '杨*'"),
        rows("points", "member_card",
             "UPDATE member_card SET status = 'erased', name_masked = '已注销', name_public = NULL, ranked = false,"
             " station_id = NULL, household_id = NULL WHERE name_masked = '杨*'"),
        rows("checkin", "member_card",
             "WITH gone AS (UPDATE member_card SET status = 'erased', name_masked = '已注销', name_public = NULL,"
             " ranked = false, station_id = NULL, household_id = NULL WHERE name_masked = '杨*' RETURNING member_id)"
             " UPDATE member_card SET status = 'merged', merged_into = gone.member_id FROM gone"
             " WHERE name_masked = '陈*'"),
        rows("checkin", "member_card",
             "UPDATE member_card SET status = 'erased', name_masked = '已注销', name_public = NULL, ranked = false,"
             " station_id = NULL, household_id = NULL WHERE name_masked = '陈*'"),
    ],
    "no board lists a child, or anybody without consent": [
        rows("members", "consent", "DELETE FROM consent WHERE kind = 'ranked'"),
        rows("members", "member", "UPDATE member SET birth_date = current_date - 4000 WHERE name = '陈芳'"),
    ],
}  # fmt: skip

OF_PERSONS = (
    "a person has one opening balance", "what was approved came with the amounts that were approved",
    "nothing is kept for who is gone", "every login acts for whom it came with, added or claimed",
    "every merge is into whom the entry names",
)  # fmt: skip
"""These have their attacks in test_verify_attacks_of_persons.py."""

_THEIR_OWN = (*ledger.CHECKS, *redemptions.CHECKS, *OF_PERSONS, PARTED)
"""These have their attacks in tests/points/test_seal.py and tests/rewards/test_verify.py, and beside this file."""


def test_every_check_has_an_attack() -> None:
    """A check that nothing can make fail proves nothing."""
    names = [name for _, name, _ in all_checks(Databases({}))]
    assert sorted(names) == sorted([*ATTACKS, *_THEIR_OWN])


def test_every_attack_is_found_by_its_check(lived: Lived, settings: Settings) -> None:
    missed = []
    for name, damages in ATTACKS.items():
        find = partial(faults, lived.town, name)
        assert find() == []
        for number, damage in enumerate(damages):
            with damage(settings):
                if not find():
                    missed.append((name, number))
        assert find() == [], f"{name}: an attack was not taken back"
    assert missed == []


def test_every_act_that_is_recorded_needs_a_right_or_is_known_to_need_none() -> None:
    known = {service: set().union(*recorded_acts(service)) for service in NEEDED}
    unknown = {
        act
        for service, acts in known.items()
        for act in acts - NEEDS_NONE
        if not act.startswith(tuple(NEEDED[service]))
    }
    assert unknown == set()
    for service, needed in NEEDED.items():
        assert {name for name in needed if not any(act.startswith(name) for act in known[service])} == set()
    assert set().union(*known.values()) >= NEEDS_NONE


def test_what_was_refused_as_the_own_case_is_no_act(lived: Lived) -> None:
    organizer, staff, administrator = lived.people["李组织"], lived.people["周站长"], lived.town.administrator
    found = administrator.api("GET", f"/checkin/activities?station_id={lived.town.station_id}&state=published")
    [activity_id] = [activity["id"] for activity in found if activity["title"] == "点名的活动"]
    site_id = administrator.api("GET", f"/checkin/activities/{activity_id}")["sites"][0]["id"]
    came = {"id": str(new_id()), "member_id": organizer.member_id, "site_id": site_id}
    administrator.api("POST", f"/checkin/activities/{activity_id}/newcomers", came)
    concern = {"id": str(new_id()), "member_id": staff.member_id, "words": "少了一次"}
    staff.api("POST", "/members/concerns", concern)
    for who, path, content in (
        (organizer, f"/checkin/attendances/{came['id']}/confirm", None),
        (staff, f"/members/concerns/{concern['id']}/answer", {"answer": "好"}),
        (staff, f"/members/members/{staff.member_id}/reset-codes", None),
    ):
        assert who.refused("POST", path, content)["code"] == "own_case"
    for name in ("nobody acts for themselves or the own household", "nobody acts without a right that reaches so far"):
        assert faults(lived.town, name) == []


def test_who_moves_in_together_later_did_nothing_wrong_before(lived: Lived) -> None:
    organizer, confirmed = (lived.people[name] for name in ("李组织", "王秀英"))
    together = {"with_member_id": organizer.member_id}
    lived.town.administrator.api("PUT", f"/members/members/{confirmed.member_id}/household", together)
    lived.town.deliver()
    assert faults(lived.town, "nobody acts for themselves or the own household") == []


def test_the_list_of_append_only_tables_is_the_models() -> None:
    from importlib import import_module

    for service, tables in APPEND_ONLY.items():
        metadata = import_module(f"services.{service}.store").db.metadata
        marked = {name for name, table in metadata.tables.items() if table.comment == db.APPEND_ONLY}
        assert set(tables) == marked
