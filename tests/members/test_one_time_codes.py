"""One-time codes."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from services.members.domain import passwords
from services.members.store import logins
from services.members.store.models import OneTimeCode
from shared import clock
from shared.principal import Role
from tests.members.logging_in import attempt, confirm, grant, make_code, open_session, resolve, use_code
from tests.members.town import ANYBODY, PASSWORD, Town


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
