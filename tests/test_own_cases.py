"""Nobody acts for themselves or the own household, on whatever road: refused, nothing changed, and one entry for it.

Walks the table of all routes: each that changes something is refused here or says why nobody can be favoured by it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest
from redis import Redis

from shared import clock
from shared.ids import new_id
from shared.principal import Grant, Kind, Principal, Role
from tests.routes.table import ROWS, Row
from tests.routes.town import API, Town
from tests.support import Settings

EVERYTHING = (Grant(Role.ADMINISTRATOR, "/"),)
SUBJECTS = ("member_id", "other volunteer", "neighbour", "newcomer", "forgetful", "organizer", "auditor")
"""Whom the rows of the table are about, by what the town calls them."""
KEPT = """
    SELECT action, subject_type, subject_id, member_id, path, detail FROM audit_log
    WHERE action LIKE '%.refuse_own'
"""


@dataclass(frozen=True)
class Case:
    row: str
    """A row of the table."""
    act: str
    """What the entry says was tried; for a roll, what was ticked."""
    whose: str = "member_id"
    kept_as: str | None = None
    """The entry's action, where it is not called after the act."""
    is_listed: bool = False
    """The route does the rest and lists who was left out."""
    is_ones_right: bool = False
    """With a login that acts for the member it is done as the member's own."""


_ACTIVITY, _ATTENDANCE = "/checkin/activities/<uuid:activity_id>", "/checkin/attendances/<uuid:attendance_id>"
_MEMBER, _CONCERN = "/members/members/<uuid:member_id>", "/members/concerns/<uuid:concern_id>"
_REDEMPTION, _ERASURE = "/rewards/redemptions/<uuid:redemption_id>", "/members/erasures/<uuid:erasure_id>"
AT_ACTIVITIES = (
    Case(f"POST {_ACTIVITY}/approve in_review", "activity.approve", "organizer"),
    Case(f"POST {_ACTIVITY}/attendances", "attendance.add", "other volunteer"),
    Case(f"POST {_ACTIVITY}/newcomers", "attendance.add", "neighbour"),
    Case(f"POST {_ATTENDANCE}/leave open", "attendance.leave", "neighbour"),
    Case(f"POST {_ATTENDANCE}/confirm waiting", "attendance.confirm", "neighbour"),
    Case(f"POST {_ATTENDANCE}/reject waiting", "attendance.reject", "neighbour"),
    Case(f"POST {_ATTENDANCE}/annul", "attendance.annul"),
    Case(f"POST {_ATTENDANCE}/annul-doubled", "attendance.annul"),
    Case(f"POST {_ATTENDANCE}/correct", "attendance.correct"),
    Case(f"POST {_ACTIVITY}/confirm-all earlier", "activity.confirm_all", "neighbour", "attendance.refuse_own", True),
    Case(f"POST {_ACTIVITY}/ticks", "arrived", "newcomer", "roll.refuse_own", is_listed=True),
    Case(f"POST {_ACTIVITY}/sheets", "attendance.add", "other volunteer", "sheet.refuse_own", is_listed=True),
    Case("PUT /checkin/outside-numbers", "outside_number.set"),
)
AT_THE_DESK = (
    Case("POST /rewards/vouchers/read", "redemption.issue"),
    Case(f"POST {_REDEMPTION}/issue", "redemption.issue"),
    Case(f"POST {_REDEMPTION}/undo fulfilled", "redemption.undo"),
    Case(f"POST {_REDEMPTION}/undo at the desk", "redemption.undo"),
    Case("POST /rewards/desk-orders", "desk.serve"),
    Case("POST /rewards/desk-orders/<uuid:order_id>/finish", "desk.serve"),
    Case("POST /points/leavers/gifts", "leaver.give"),
)
ABOUT_PEOPLE = (
    Case(f"POST {_MEMBER}/reset-codes", "login.make_code"),
    Case(f"POST {_MEMBER}/claim-codes newcomer", "login.make_claim", "newcomer"),
    Case(f"PATCH {_MEMBER}", "member.change", is_ones_right=True),
    Case(f"POST {_MEMBER}/confirm newcomer", "member.confirm", "newcomer"),
    Case(f"PUT {_MEMBER}/household", "member.household"),
    Case(f"POST {_MEMBER}/badge/replace newcomer", "member.replace_badge", "newcomer"),
    Case(f"POST {_MEMBER}/merge", "member.merge"),
    Case(f"POST {_MEMBER}/leave", "member.leave"),
    Case(f"POST {_MEMBER}/return", "member.come_back"),
    Case(f"POST {_MEMBER}/take-in newcomer", "member.take_in", "newcomer"),
    Case(f"POST {_MEMBER}/erasures", "member.ask_erasure", is_ones_right=True),
    Case(f"POST {_ERASURE}/withdraw", "member.withdraw_erasure", "forgetful", is_ones_right=True),
    Case(f"POST {_ERASURE}/confirm", "member.erase", "forgetful"),
    Case("POST /members/grants", "grant.add"),
    Case("DELETE /members/grants/<uuid:grant_id>", "grant.revoke", "auditor"),
    Case("POST /members/imports/<uuid:import_id>/approve import waiting", "import.approve", "neighbour"),
    Case("POST /members/concerns", "concern.add", is_ones_right=True),
    Case(f"POST {_CONCERN}/take", "concern.take"),
    Case(f"POST {_CONCERN}/answer", "concern.answer"),
    Case(f"POST {_CONCERN}/reopen answered", "concern.reopen", is_ones_right=True),
)
CASES = (*AT_ACTIVITIES, *AT_THE_DESK, *ABOUT_PEOPLE)

ABOUT_NOBODY = {
    "POST /members/nodes", "PATCH /members/nodes/<uuid:node_id>", "POST /members/nodes/<uuid:node_id>/split",
    "POST /members/teams", "POST /members/employers", "PUT /checkin/reviews/switches/<uuid:node_id>",
    "PUT /checkin/confirm-each/<uuid:node_id>", "PUT /points/boards/<uuid:node_id>/switch",
    "PUT /points/leavers/rules/<uuid:node_id>", "POST /rewards/gifts", "PATCH /rewards/gifts/<uuid:gift_id>",
    "POST /rewards/gifts/<uuid:gift_id>/stock", "POST /rewards/desk-closes", "POST /checkin/batches",
    "POST /rewards/stations/<uuid:station_id>/calls", f"POST {_CONCERN}/read", "POST /members/complaints",
    *(f"POST /{service}/dead-letters/<uuid:row_id>/requeue" for service in ("members", "checkin", "points", "rewards")),
}  # fmt: skip
ONES_OWN = {
    "POST /members/logins", "POST /members/administrators", "POST /members/sessions", "POST /members/passwords",
    "DELETE /members/sessions/current", "POST /members/tokens", "DELETE /members/tokens/<uuid:token_id>",
    "POST /members/me/members", "PUT /members/me/members/<uuid:member_id>/consents", "POST /members/claims",
    "POST /members/claims/logins", "DELETE /members/me/members/<uuid:member_id>",
    "DELETE /members/me/members/<uuid:member_id>/logins/<uuid:login_id>",
    "POST /members/me/members/<uuid:member_id>/exports", "POST /checkin/scans", "POST /rewards/redemptions",
    f"POST {_REDEMPTION}/cancel", f"POST {_ACTIVITY}/sign-ups", "POST /checkin/sign-ups/<uuid:sign_up_id>/cancel",
}  # fmt: skip
"""What people do with their login, for whomever it acts."""
LOOKS = {
    "POST /members/look-ups", "POST /members/name-lists", "POST /members/full-names",
    "POST /members/newcomers/look-alikes",
    "POST /members/badges/read", "POST /members/claims/read", "POST /checkin/sign-up-lists/read",
}  # fmt: skip
GIVES_NOBODY_ANYTHING = {
    # By whoever of the station: what comes of it waits for somebody else (ADR 25).
    "POST /checkin/activities", f"PATCH {_ACTIVITY}", f"POST {_ACTIVITY}/publish", f"POST {_ACTIVITY}/postpone",
    f"POST {_ACTIVITY}/cancel", f"POST {_ACTIVITY}/close", f"POST {_ACTIVITY}/leave-all",
    f"POST {_ACTIVITY}/send-back", "PUT /checkin/activities/<uuid:activity_id>/summary",
    # Somebody new, of whom nobody knows with whom they live; staff has yet to confirm them.
    "POST /members/members", "POST /members/newcomers",
    # One's own rows are left out when the file is read, and nothing is taken over before somebody else approves.
    # The table's own start and undo are of rosters, which bring people and no records; the others have their own tests.
    "POST /members/imports",
    *(f"POST /members/imports/<uuid:import_id>/{step}" for step in ("check", "start", "reject", "drop", "undo")),
    # Of who was merged; see below.
    f"POST {_MEMBER}/unmerge",
}  # fmt: skip


def _rows() -> dict[str, Row]:
    changing = ("POST", "PUT", "PATCH", "DELETE")
    return {str(row): row for row in ROWS if row.route.startswith(changing) and "/internal/" not in row.route}


@pytest.fixture(scope="module")
def town(settings: Settings) -> Iterator[Town]:
    """Everybody whom the rows are about lives with one official of another station, who may do everything."""
    Redis.from_url(settings.redis_url).flushdb()
    town = Town.found(settings)
    town.things["organizer"] = str(town.callers["organizer"].own_member_id)
    for name in ("other volunteer", "auditor"):
        town.things[name] = str(town.callers[name].own_member_id)
    kin = town.callers["staff elsewhere"]
    for name in SUBJECTS:
        _move_in(town, town.things[name], str(kin.own_member_id))
    town.callers["kin"] = replace(kin, household_ids=(_home_of(town, str(kin.own_member_id)),), grants=EVERYTHING)
    _settle(town)
    yield town
    for database in settings.databases.values():
        database.clean()
    Redis.from_url(settings.redis_url).flushdb()


def _move_in(town: Town, member_id: str, with_member_id: str) -> None:
    path = f"{API}/members/members/{member_id}/household"
    town.make("administrator of everything", "PUT", path, {"with_member_id": with_member_id})


def _home_of(town: Town, member_id: str) -> UUID:
    shown = town.make("administrator of everything", "GET", f"{API}/members/members/{member_id}")
    return UUID(shown["household_id"])


def _settle(town: Town) -> None:
    with clock.travel(town.moment):  # else what was told at that hour is due only when it comes
        town.world.finish()
    town.note()


def _somebody(*member_ids: str, home: UUID | None = None) -> Principal:
    """The login of the first of these, which acts for all of them and may do everything."""
    ids = tuple(UUID(member_id) for member_id in member_ids)
    return Principal(
        kind=Kind.LOGIN,
        audience="",
        login_id=new_id(),
        member_id=ids[0],
        own_member_id=ids[0],
        member_ids=ids,
        household_ids=() if home is None else (home,),
        grants=EVERYTHING,
    )


def _wrong(town: Town, case: Case, who: Principal) -> list[str]:
    """What is not as it should be when somebody asks twice for the same."""
    row, member_id = _rows()[case.row], town.things[case.whose]
    town.callers["who tries"] = who
    body = row.body and row.body(town)
    asked = town.ask("who tries", row.rule[0], row.path(town), body, row.arguments(town), times=2, then=KEPT)
    wrong = []
    if case.is_listed != (asked.status < 300) or not (case.is_listed or '"code":"own_case"' in asked.text):
        wrong.append(f"{asked.status} {asked.text[:200]}")
    if asked.changed != ["audit_log"]:
        wrong.append(f"changed {asked.changed}")
    told = [
        (
            entry.action,
            entry.detail.get("tried") or entry.detail.get("wanted"),
            entry.detail.get("member_id") or str(entry.subject_id),
            entry.member_id,
            town.things["node_id"].replace("-", "") in entry.path or entry.path == "/",
        )
        for entry in asked.found
    ]
    action = case.kept_as or case.act.partition(".")[0] + ".refuse_own"
    if told != [(action, case.act, member_id, who.own_member_id, True)]:
        wrong.append(f"kept {told}")
    return wrong


def test_every_route_that_changes_something_has_a_case_or_a_reason_for_none() -> None:
    cases = {_rows()[case.row].route for case in CASES}
    reasons = [cases, ABOUT_NOBODY, ONES_OWN, LOOKS, GIVES_NOBODY_ANYTHING]
    assert set().union(*reasons) == {row.route for row in _rows().values()}
    assert sum(len(each) for each in reasons) == len(set().union(*reasons))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.row)
def test_nobody_acts_for_themselves_or_the_household_and_who_tries_is_seen_once(town: Town, case: Case) -> None:
    member_id, stranger = town.things[case.whose], str(new_id())
    tries = {"lives there": town.callers["kin"]}
    if not case.is_ones_right:
        tries |= {"is it": _somebody(member_id), "acts for them": _somebody(stranger, member_id)}
    assert {how: wrong for how, who in tries.items() if (wrong := _wrong(town, case, who))} == {}


def test_the_refusal_is_a_documented_answer_of_every_route(town: Town) -> None:
    described: dict[str, Any] = {
        service: app.test_client().get("/openapi.json").json for service, app in town.apps.items()
    }
    undocumented = []
    for case in CASES:
        method, rule = _rows()[case.row].rule
        path = rule.replace("<uuid:", "{").replace(">", "}")
        answers = described[rule.split("/")[3]]["paths"][path][method.lower()]["responses"]
        if not case.is_listed and "application/problem+json" not in answers["403"]["content"]:
            undocumented.append(case.row)
    assert undocumented == []


def test_who_was_registered_twice_acts_for_neither_entry(town: Town) -> None:
    """Last in this file: the volunteer goes into another entry, and that one into one that lives with somebody else."""
    stays, between, other, api = str(new_id()), str(new_id()), str(new_id()), f"{API}/members/members"
    for member_id, name in ((stays, "群众零"), (between, "群众零"), (other, "钱三多")):
        town.make("staff", "POST", api, {"id": member_id, "name": name, "station_id": town.things["station_id"]})
    _move_in(town, stays, other)
    for goes, into in ((town.things["member_id"], between), (between, stays)):
        form = {"id": str(new_id()), "merged_id": goes, "reason": "同一人"}
        town.make("administrator of everything", "POST", f"{api}/{into}/merge", form)
    _settle(town)
    who = _somebody(stays, home=_home_of(town, stays))
    about_the_other = [case for case in (*AT_ACTIVITIES, *AT_THE_DESK) if case.whose == "member_id"]
    assert len(about_the_other) == 11
    assert {case.row: wrong for case in about_the_other if (wrong := _wrong(town, case, who))} == {}
    unmerge = ("POST", f"{api}/{town.things['member_id']}/unmerge", {"reason": "不是同一人"})
    asked = town.ask("who tries", *unmerge, times=2, then=KEPT)
    assert (asked.status, asked.changed) == (403, ["audit_log"])
    assert [(entry.action, entry.detail["tried"]) for entry in asked.found] == [("member.refuse_own", "member.unmerge")]
