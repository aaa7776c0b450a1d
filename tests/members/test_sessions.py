"""Sessions and API tokens."""

import re
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from services.members import jobs
from services.members.commands import logins as commands
from services.members.store import db
from shared import clock, principal, tokens
from shared.ids import new_id
from shared.principal import Principal
from tests.members.logging_in import attempt, confirm, grant, make_code, open_session, resolve
from tests.members.town import ANYBODY, Town, consents, new_phone
from tests.support import principal_headers


def test_a_token_says_who_comes_and_is_stored_as_a_hash(town: Town) -> None:
    caller = town.register(phone="13712345678")
    token = open_session(town, "13712345678")
    found = resolve(town, token)
    assert found.status_code == 200
    body = found.json
    assert body["login_id"] == str(caller.login_id)
    assert body["own_member_id"] == str(caller.member_id)
    assert body["member_ids"] == [str(caller.member_id)]
    assert body["kind"] == "session"
    assert body["grants"] == []
    assert body["household_ids"] == []
    member = body["members"][0]
    assert (member["name"], member["station_name"], member["confirmed"]) == ("王大明", "南昌路站", False)
    assert town.sql("SELECT token_hash FROM access") == [(tokens.digest(token),)]


def test_it_is_said_of_each_member_what_must_still_be_agreed_to(town: Town) -> None:
    caller = town.register(phone="13712345678")
    token = open_session(town, "13712345678")
    child = {
        "id": str(new_id()), "name": "王小明", "birth_date": "2016-06-01", "relation": "child",
        "consents": consents("terms", "privacy", "guardian"),
    }  # fmt: skip
    assert town.post("/me/members", caller, child).status_code == 201
    town.sql("INSERT INTO login_member VALUES (:login_id, :id, 'other')", login_id=caller.login_id, id=town.add())
    members = {member["name"]: member for member in resolve(town, token).json["members"]}
    assert {name: member["consents_due"] for name, member in members.items()} == {
        "王大明": [],
        "王小明": [],
        "陈小芳": ["terms", "privacy"],
    }
    assert not {"birth_date", "consents"} & members["王小明"].keys(), "no more of people than pages need"


def test_resolving_is_one_statement(town: Town) -> None:
    town.register(phone="13712345678")
    token = open_session(town, "13712345678")
    with town.statements() as sent:
        assert resolve(town, token).status_code == 200
    assert len(sent) == 1


def test_grants_come_with_the_nodes_path_of_now(town: Town) -> None:
    caller = town.register(phone="13712345678")
    confirm(town, caller)
    grant(town, caller, "organizer")
    found = resolve(town, open_session(town, "13712345678"))
    assert found.json["grants"] == [{"role": "organizer", "path": town.path("南昌路站")}]


def test_what_others_hold_for_whom_a_login_acts_is_told_apart_from_its_own_grants(town: Town) -> None:
    organizer, daughter = town.register(phone="13712345678"), town.register("陈小芳", phone="13712345679")
    confirm(town, organizer)
    grant(town, organizer, "organizer")
    grant(town, organizer, "staff")
    town.sql(
        "INSERT INTO login_member VALUES (:login_id, :id, 'parent')",
        login_id=daughter.login_id,
        id=organizer.own_member_id,
    )
    there = town.path("南昌路站")
    held = [{"role": "organizer", "path": there}, {"role": "staff", "path": there}]
    told = {phone: resolve(town, open_session(town, phone)).json for phone in ("13712345678", "13712345679")}
    assert {phone: (one["grants"], one["grants_of_others"]) for phone, one in told.items()} == {
        "13712345678": (held, []),
        "13712345679": ([], held),
    }
    town.sql("UPDATE role_grant SET revoked_at = granted_at, revoked_by = granted_by")
    assert resolve(town, open_session(town, "13712345679")).json["grants_of_others"] == []


def test_logging_out_revokes_the_session(town: Town) -> None:
    caller = town.register(phone="13712345678")
    token, other = open_session(town, "13712345678"), open_session(town, "13712345678")
    session_id = UUID(resolve(town, token).json["session_id"])
    leaving = principal.Principal(**{**vars(caller), "session_id": session_id})
    assert [town.ask("DELETE", "/sessions/current", leaving).status_code for _ in range(2)] == [204, 204]
    assert (resolve(town, token).status_code, resolve(town, other).status_code) == (404, 200)


def test_nobody_logs_somebody_else_out(town: Town) -> None:
    town.register(phone="13712345678")
    token = open_session(town, "13712345678")
    session_id = UUID(resolve(town, token).json["session_id"])
    intruder = principal.Principal(**{**vars(town.register("别人")), "session_id": session_id})
    town.ask("DELETE", "/sessions/current", intruder)
    assert resolve(town, token).status_code == 200


def test_a_session_in_use_ends_after_90_days(town: Town) -> None:
    town.register(phone="13712345678")
    now = clock.now()
    used = open_session(town, "13712345678")
    for days in range(0, 90, 20):
        with clock.travel(now + timedelta(days=days)):
            assert resolve(town, used).status_code == 200
    with clock.travel(now + timedelta(days=89)):
        assert resolve(town, used).status_code == 200
    with clock.travel(now + timedelta(days=90, seconds=1)):
        assert resolve(town, used).status_code == 404


def test_a_session_not_used_for_30_days_is_over(town: Town) -> None:
    town.register(phone="13712345678")
    now = clock.now()
    token = open_session(town, "13712345678")
    with clock.travel(now + timedelta(days=31)):
        assert resolve(town, token).status_code == 404


def test_only_the_gateway_asks_who_comes(town: Town) -> None:
    town.register(phone="13712345678")
    token = open_session(town, "13712345678")
    worker = Principal(kind=principal.Kind.SERVICE, audience="members", issuer="worker")
    assert resolve(town, token, worker).status_code == 403
    assert resolve(town, token, ANYBODY).status_code == 401
    assert resolve(town, "unknown").status_code == 404


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"token_digest": 5}', b'{"token_digest": "xyz"}', b"\xff"])
def test_a_malformed_question_who_comes_is_refused(town: Town, body: bytes) -> None:
    answer = town.app.test_client().post(
        "/internal/v1/members/sessions/resolve", data=body, headers=principal_headers("members", issuer="gateway")
    )
    assert answer.status_code == 400


def test_members_who_are_gone_are_acted_for_no_more(town: Town) -> None:
    caller = town.register(phone="13712345678")
    confirm(town, caller)
    grant(town, caller, "organizer")
    token = open_session(town, "13712345678")
    town.sql("UPDATE member SET status = 'left'")
    body = resolve(town, token).json
    assert (body["member_ids"], body["own_member_id"], body["grants"]) == ([], None, [])


def test_an_api_token_works_is_listed_and_revoked(town: Town) -> None:
    caller, token_id = town.register(), new_id()
    made = town.post("/tokens", caller, {"id": token_id, "name": "报表", "days": 30})
    assert made.status_code == 201
    assert resolve(town, made.json["token"]).json["kind"] == "token"
    assert [entry["name"] for entry in town.get("/tokens", caller).json] == ["报表"]
    assert "token" not in town.get("/tokens", caller).json[0]
    assert [town.ask("DELETE", f"/tokens/{token_id}", caller).status_code for _ in range(2)] == [204, 204]
    assert resolve(town, made.json["token"]).status_code == 404
    assert town.get("/tokens", caller).json == []
    assert len(town.audited("token.revoke")) == 1


def test_logging_out_with_an_api_token_revokes_it_and_is_written_down(town: Town) -> None:
    caller, token_id = town.register(), new_id()
    made = town.post("/tokens", caller, {"id": token_id, "name": "报表"})
    by_token = principal.Principal(**{**vars(caller), "session_id": token_id})
    assert [town.ask("DELETE", "/sessions/current", by_token).status_code for _ in range(2)] == [204, 204]
    assert resolve(town, made.json["token"]).status_code == 404
    assert [entry.subject_id for entry in town.audited("token.revoke")] == [token_id]


def test_an_api_token_is_shown_once(town: Town) -> None:
    caller, content = town.register(), {"id": str(new_id()), "name": "报表"}
    assert [town.post("/tokens", caller, content).status_code for _ in range(2)] == [201, 409]


def test_nobody_sees_or_revokes_another_logins_token(town: Town) -> None:
    caller, intruder, token_id = town.register(), town.register("别人"), new_id()
    made = town.post("/tokens", caller, {"id": token_id, "name": "报表"})
    assert town.ask("DELETE", f"/tokens/{token_id}", intruder).status_code == 404
    assert town.get("/tokens", intruder).json == []
    assert town.post("/tokens", intruder, {"id": token_id, "name": "报表"}).status_code == 409
    assert resolve(town, made.json["token"]).status_code == 200


def test_a_token_makes_no_tokens(town: Town) -> None:
    """Else one could make the next before it ends, and none would ever end."""
    caller = town.register(phone="13712345678")
    made = town.post("/tokens", caller, {"id": str(new_id()), "name": "报表"}).json["token"]
    for token, status in ((open_session(town, "13712345678"), 201), (made, 403)):
        comes = principal.Principal(**{**vars(caller), "session_id": UUID(resolve(town, token).json["session_id"])})
        answer = town.post("/tokens", comes, {"id": str(new_id()), "name": "另一个"})
        assert answer.status_code == status
    assert answer.json["code"] == "by_token_never"
    assert len(town.get("/tokens", caller).json) == 2


def test_twenty_tokens_are_enough(town: Town) -> None:
    caller = town.register()
    for _ in range(20):
        town.do(commands.add_token, caller, token_id=new_id(), name="报表", days=1)
    answer = town.post("/tokens", caller, {"id": str(new_id()), "name": "报表"})
    assert (answer.status_code, answer.json["code"]) == (422, "too_many_tokens")


def test_the_sweep_finds_what_is_over_by_indexes(town: Town) -> None:
    with town.statements() as sent:
        town.do(jobs._forget)
    for table in ("access", "one_time_code", "failed_attempts"):
        (statement,) = [one for one in sent if one.startswith(f"DELETE FROM {table}")]
        literal = re.sub(r"%\(\w+\)s(::TIMESTAMP WITH TIME ZONE)?", "now()", statement)
        with town.app.app_context(), db.engine.begin() as connection:
            connection.execute(text("SET LOCAL enable_seqscan = off"))
            plan = "\n".join(connection.scalars(text(f"EXPLAIN {literal}")))
        assert "Seq Scan" not in plan, plan


def test_the_sweep_forgets_what_is_long_over(town: Town) -> None:
    caller = town.register(phone="13712345678")
    open_session(town, "13712345678")
    make_code(town, caller.member_id)
    attempt(town, new_phone())
    town.do(jobs._forget)
    assert [len(town.sql(f"SELECT 1 FROM {table}")) for table in ("access", "one_time_code", "failed_attempts")] == [
        1,
        1,
        2,
    ]
    with clock.travel(clock.now() + timedelta(days=130)):
        town.do(jobs._forget)
    assert [len(town.sql(f"SELECT 1 FROM {table}")) for table in ("access", "one_time_code", "failed_attempts")] == [
        0,
        0,
        0,
    ]
