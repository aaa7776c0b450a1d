"""Logging in, slowing down, sessions, API tokens, one-time codes."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from services.members import jobs
from services.members.commands import hashing
from services.members.commands import logins as commands
from services.members.domain import passwords
from services.members.store import db, logins
from services.members.store.models import OneTimeCode
from shared import clock, principal, tokens
from shared.ids import new_id
from shared.principal import Principal, Role
from tests.members.town import ANYBODY, GATEWAY, PASSWORD, Town, consents, new_phone
from tests.support import principal_headers

WRONG = "wrong password"


def attempt(town: Town, phone: str, password: str = WRONG, network: str = "10.0.0.1") -> Any:
    return town.app.test_client().post(
        "/api/v1/members/sessions",
        json={"phone": phone, "password": password},
        headers=principal_headers("members", kind=ANYBODY.kind) | {"Huzhu-Network": network},
    )


def resolve(town: Town, token: str, caller: Principal = GATEWAY) -> Any:
    return town.app.test_client().post(
        "/internal/v1/members/sessions/resolve",
        json={"token_digest": tokens.digest(token).hex()},
        headers=principal_headers(audience="members", kind=caller.kind, issuer=caller.issuer),
    )


def open_session(town: Town, phone: str) -> str:
    answer = attempt(town, phone, PASSWORD)
    assert answer.status_code == 200, answer.text
    token: str = answer.json["token"]
    return token


# --- No account enumeration ----------------------------------------------------------------------------


def test_unknown_phones_and_wrong_passwords_are_refused_in_the_same_words(town: Town) -> None:
    town.register(phone="13712345678")
    known, unknown = attempt(town, "13712345678"), attempt(town, "13787654321")
    assert known.status_code == unknown.status_code == 401
    assert {**known.json, "request_id": ""} == {**unknown.json, "request_id": ""}
    assert known.json["code"] == "wrong_login"


def test_unknown_phones_cost_the_same_statements_and_hashing(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    town.register(phone="13712345678")
    verified: list[str] = []
    real = hashing._hasher.verify

    class Counting:
        check_needs_rehash = hashing._hasher.check_needs_rehash

        def verify(self, stored: str, password: str) -> bool:
            verified.append(stored.rpartition("$")[0].rpartition("$")[0])  # parameters
            return real(stored, password)

    monkeypatch.setattr(hashing, "_hasher", Counting())
    seen = []
    for phone in ("13712345678", "13787654321"):
        with town.statements() as sent:
            attempt(town, phone)
        seen.append(sent)
    assert seen[0] == seen[1]
    assert len(verified) == 2
    assert len(set(verified)) == 1


# --- Slow-down ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("known", [True, False])
def test_after_five_failures_everybody_waits_also_for_unknown_phones(town: Town, known: bool) -> None:
    phone = new_phone()
    if known:
        town.register(phone=phone)
    now = clock.now()
    with clock.travel(now):
        assert [attempt(town, phone).status_code for _ in range(5)] == [401] * 5
        refused = attempt(town, phone, PASSWORD)
        assert (refused.status_code, refused.json["code"]) == (429, "slow_down")
        assert refused.headers["Retry-After"] == "2"
    with clock.travel(now + timedelta(seconds=3)):
        assert attempt(town, phone).status_code == 401
        assert attempt(town, phone).headers["Retry-After"] == "4"


@pytest.mark.parametrize("known", [True, False])
def test_who_keeps_failing_for_somebody_elses_phone_waits_alone(town: Town, known: bool) -> None:
    phone, status = new_phone(), 401
    if known:
        town.register(phone=phone)
        status = 200
    began = clock.now()
    for day in range(3):
        for quarter in range(12):
            with clock.travel(began + timedelta(days=day, minutes=15 * quarter)):
                while attempt(town, phone).status_code != 429:
                    pass
    with clock.travel(began + timedelta(days=2, minutes=15 * 11)):
        assert attempt(town, phone, PASSWORD).status_code == 429
        assert attempt(town, phone, PASSWORD, network="10.0.0.2").status_code == status


@pytest.mark.parametrize("known", [True, False])
def test_guesses_from_everywhere_are_slowed_down_by_phone_until_the_next_day(
    town: Town, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "PHONE_FREE_FAILURES", 20)  # of 200: each costs a hash
    phone = new_phone()
    if known:
        town.register(phone=phone)
    today = clock.day_starts(clock.today())
    with clock.travel(today):
        for number in range(passwords.PHONE_FREE_FAILURES):
            assert attempt(town, phone, network=f"10.0.{number // 4}.1").status_code == 401
        refused = attempt(town, phone, PASSWORD, network="10.1.0.1")
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "2")
    with clock.travel(today + timedelta(days=1)):
        assert attempt(town, phone, PASSWORD, network="10.1.0.1").status_code == (200 if known else 401)


def test_one_network_alone_never_fills_what_a_phone_has_for_a_day() -> None:
    now = failures = 0
    while now < timedelta(days=1).total_seconds():
        failures += 1
        now += round(passwords.delay_after(failures).total_seconds())
    assert failures < passwords.PHONE_FREE_FAILURES


def test_a_right_password_forgets_the_failures(town: Town) -> None:
    town.register(phone="13712345678")
    for _ in range(3):
        assert [attempt(town, "13712345678").status_code for _ in range(4)] == [401] * 4
        assert attempt(town, "13712345678", PASSWORD).status_code == 200


def test_failures_of_yesterday_do_not_count(town: Town) -> None:
    phone = new_phone()
    assert [attempt(town, phone).status_code for _ in range(4)] == [401] * 4
    with clock.travel(clock.now() + timedelta(hours=25)):
        assert [attempt(town, phone).status_code for _ in range(5)] == [401] * 5


def test_twenty_guesses_at_once_are_five(town: Town) -> None:
    town.register(phone="13712345678")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: attempt(town, "13712345678").status_code, range(20)))
    assert answers.count(401) == 5
    assert answers.count(429) == 15


# --- Sessions ------------------------------------------------------------------------------------------


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


def confirm(town: Town, caller: Principal) -> None:
    assert town.post(f"/members/{caller.member_id}/confirm", town.official(Role.STAFF)).status_code == 200


def grant(town: Town, caller: Principal, role: str, at: str = "南昌路站") -> UUID:
    grant_id = new_id()
    content = {"id": grant_id, "member_id": caller.member_id, "role": role, "node_id": town.nodes[at]}
    assert town.post("/grants", town.official(Role.ADMINISTRATOR, None), content).status_code == 201
    return grant_id


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


# --- API tokens ------------------------------------------------------------------------------------------


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


# --- One-time codes --------------------------------------------------------------------------------------


def make_code(town: Town, member_id: UUID | None, by: Principal | None = None) -> Any:
    return town.post(f"/members/{member_id}/reset-codes", by or town.official(Role.STAFF))


def use_code(town: Town, phone: str, code: str, password: str = "a new password") -> Any:
    return town.post("/passwords", ANYBODY, {"phone": phone, "code": code, "password": password}).status_code


def test_a_code_sets_a_new_password_once_and_ends_all_sessions(town: Town) -> None:
    caller = town.register(phone="13712345678")
    token = open_session(town, "13712345678")
    code = make_code(town, caller.member_id).json["code"]
    assert use_code(town, "13712345678", f"{code[:4].lower()} {code[4:]}") == 204
    assert resolve(town, token).status_code == 404
    assert attempt(town, "13712345678", "a new password").status_code == 200
    assert attempt(town, "13712345678", PASSWORD).status_code == 401
    assert use_code(town, "13712345678", code, "yet another one") == 401
    assert len(town.audited("login.make_code")) == len(town.audited("login.set_password")) == 1
    assert code not in str(town.audited("login.make_code"))


def test_a_code_whose_answer_was_lost_is_answered_alike_for_a_moment(town: Town) -> None:
    caller = town.register(phone="13712345678")
    code = make_code(town, caller.member_id).json["code"]
    assert use_code(town, "13712345678", code) == 204
    token = attempt(town, "13712345678", "a new password").json["token"]
    assert use_code(town, "13712345678", code) == 204
    assert resolve(town, token).status_code == 200, "nothing is done twice"
    assert len(town.audited("login.set_password")) == 1
    assert use_code(town, "13712345678", code, "yet another one") == 401
    assert use_code(town, "13712345678", "WRNGCODE") == 401
    assert use_code(town, "13787654321", code) == 401
    with clock.travel(clock.now() + timedelta(minutes=11)):
        assert use_code(town, "13712345678", code) == 401


@pytest.mark.parametrize("known", [True, False])
def test_a_password_is_set_though_the_commits_answer_is_lost(
    town: Town, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    if known:
        member_id = town.register(phone="13712345678").member_id
    else:
        member_id = town.add("陈小芳", phone="13712345678", confirmed=True)
    code = make_code(town, member_id).json["code"]
    through, take, taken = Session.commit, logins.take_code, []

    def take_code(*arguments: Any) -> OneTimeCode | None:
        taken.append(take(*arguments))
        return taken[-1]

    def commit(self: Session) -> None:
        through(self)
        if len(taken) == 1:
            raise OperationalError("COMMIT", None, Exception("the server closed the connection"))

    monkeypatch.setattr(logins, "take_code", take_code)
    monkeypatch.setattr(Session, "commit", commit)
    assert use_code(town, "13712345678", code) == 204
    assert [one is not None for one in taken] == [True, False]
    assert attempt(town, "13712345678", "a new password").status_code == 200


def test_a_code_lasts_a_day(town: Town) -> None:
    caller = town.register(phone="13712345678")
    code = make_code(town, caller.member_id).json["code"]
    with clock.travel(clock.now() + timedelta(hours=24, minutes=1)):
        assert use_code(town, "13712345678", code) == 401


@pytest.mark.parametrize("known", [True, False])
def test_strangers_who_guess_neither_end_a_code_nor_keep_its_owner_waiting(town: Town, known: bool) -> None:
    fields: dict[str, Any] = {"phone": "13712345678"}
    member_id = town.register(**fields).member_id if known else town.add(**fields)
    code = make_code(town, member_id).json["code"]
    with clock.travel(clock.now()):
        answers = [use_code(town, "13712345678", "WRNGCODE") for _ in range(20)]
        assert answers == [401] * 5 + [429] * 15
        assert use_code(town, "13712345678", code) == 204
    assert attempt(town, "13712345678", "a new password").status_code == 200


def test_guesses_while_waiting_are_bounded_and_then_the_right_code_waits_too(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "CODE_FAILURES_MAX", 3)
    caller = town.register(phone="13712345678")
    code = make_code(town, caller.member_id).json["code"]
    now = clock.now()
    with clock.travel(now):
        assert [use_code(town, "13712345678", "WRNGCODE") for _ in range(8)] == [401] * 5 + [429] * 3
        assert use_code(town, "13712345678", code) == 429
    with clock.travel(now + timedelta(seconds=3)):
        assert use_code(town, "13712345678", code) == 204


def test_a_grant_ends_the_code_that_was_made_before_it(town: Town) -> None:
    """Else staff would make a code for a plain member, and come in as the administrator that one becomes."""
    caller = town.register(phone="13712345678")
    confirm(town, caller)
    before = make_code(town, caller.member_id).json["code"]
    grant(town, caller, "administrator")
    assert use_code(town, "13712345678", before) == 401
    assert attempt(town, "13712345678", PASSWORD).status_code == 200
    after = make_code(town, caller.member_id, town.official(Role.ADMINISTRATOR)).json["code"]
    assert use_code(town, "13712345678", after) == 204


def test_codes_of_unknown_phones_are_refused_in_the_same_words_and_slowed_down_alike(town: Town) -> None:
    caller = town.register(phone="13712345678")
    make_code(town, caller.member_id)
    bodies = []
    for phone in ("13712345678", "13787654321"):
        content = {"phone": phone, "code": "WRNGCODE", "password": "a new password"}
        answers = [town.post("/passwords", ANYBODY, content) for _ in range(6)]
        assert [answer.status_code for answer in answers] == [401] * 5 + [429]
        bodies.append({**answers[0].json, "request_id": ""})
    assert bodies[0] == bodies[1]


def test_another_ones_code_is_of_no_use(town: Town) -> None:
    town.register(phone="13712345678")
    other = town.register("别人")
    code = make_code(town, other.member_id).json["code"]
    assert use_code(town, "13712345678", code) == 401


def test_a_member_without_a_login_claims_one_by_a_code(town: Town) -> None:
    member_id = town.add("陈小芳", phone="13712345678", confirmed=True)
    assert attempt(town, "13712345678", PASSWORD).status_code == 401
    code = make_code(town, member_id).json["code"]
    assert use_code(town, "13712345678", code, PASSWORD) == 204
    found = resolve(town, open_session(town, "13712345678")).json
    assert found["own_member_id"] == str(member_id)


def test_who_has_no_phone_or_shares_a_logins_phone_gets_no_code(town: Town) -> None:
    town.register(phone="13712345678")
    for fields, code in (({}, "no_phone"), ({"phone": "13712345678"}, "phone_has_login")):
        answer = make_code(town, town.add(**fields))
        assert (answer.status_code, answer.json["code"]) == (422, code)


def test_nobody_makes_a_code_for_the_own_household(town: Town) -> None:
    caller = town.register(phone="13712345678")
    staff = town.official(Role.STAFF, member_id=caller.member_id)
    assert make_code(town, caller.member_id, staff).json["code"] == "own_case"


def test_staff_cannot_take_over_the_login_of_somebody_with_more_rights(town: Town) -> None:
    boss = town.register(phone="13712345678")
    confirm(town, boss)
    grant(town, boss, "organizer", "咸安区中心")
    assert make_code(town, boss.member_id).status_code == 403
    assert make_code(town, boss.member_id, town.official(Role.ADMINISTRATOR, "南昌路站")).status_code == 403
    assert make_code(town, boss.member_id, town.official(Role.ADMINISTRATOR, "咸宁市")).status_code == 201


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
