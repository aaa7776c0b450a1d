"""Registering by oneself, the family, and the first administrator."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from services.members.commands import administrators, hashing
from services.members.domain.volunteer_numbers import is_volunteer_number
from shared.ids import new_id
from shared.principal import Role
from tests.members.town import ANYBODY, PASSWORD, Town, consents, new_phone


def wanted(town: Town, **fields: Any) -> dict[str, Any]:
    return {
        "id": str(new_id()),
        "phone": new_phone(),
        "password": PASSWORD,
        "name": "欧阳娜娜",
        "station_id": str(town.nodes["南昌路站"]),
        "consents": consents(),
        **fields,
    }


def log_in(town: Town, phone: str, password: str = PASSWORD) -> Any:
    return town.post("/sessions", ANYBODY, {"phone": phone, "password": password}).status_code


def test_who_registers_has_a_number_and_the_others_are_told(town: Town) -> None:
    caller = town.register(
        "欧阳娜娜", compound_id=str(town.nodes["和谐小区"]), consents=consents("terms", "privacy", "ranked")
    )
    fact = town.events("MemberChanged")[-1]
    assert fact["member_id"] == str(caller.member_id)
    assert is_volunteer_number(fact["volunteer_number"])
    assert fact["volunteer_number"][0] != "0"
    shown = {key: fact[key] for key in ("version", "status", "confirmed", "name_masked", "name_public", "ranked")}
    assert shown == {
        "version": 1, "status": "active", "confirmed": False, "name_masked": "欧阳*娜", "name_public": None,
        "ranked": True,
    }  # fmt: skip
    assert fact["compound_id"] == str(town.nodes["和谐小区"])
    assert [len(town.events("MemberChanged", service)) for service in ("checkin", "points", "rewards")] == [1, 1, 1]


def test_registering_twice_by_one_form_makes_one_login_with_one_answer(town: Town) -> None:
    form = wanted(town)
    first, second = (town.post("/logins", ANYBODY, form) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json == second.json
    assert len(town.events("MemberChanged")) == 1


def test_the_same_form_twice_at_once_makes_one_login(town: Town) -> None:
    form = wanted(town)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: town.post("/logins", ANYBODY, form), range(4)))
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.text for answer in answers}) == 1
    assert len(town.sql("SELECT id FROM login")) == 1


def test_one_form_with_another_content_is_a_conflict(town: Town) -> None:
    form = wanted(town)
    town.post("/logins", ANYBODY, form)
    answer = town.post("/logins", ANYBODY, form | {"name": "别人"})
    assert (answer.status_code, answer.json["code"]) == (409, "id_taken")


def test_no_fast_hash_of_a_password_is_kept_to_tell_repetitions(town: Town) -> None:
    """So a form that comes again with another password is the same one; the first password stands."""
    phone, other = new_phone(), "another password"
    form = wanted(town, phone=phone)
    first, second = (town.post("/logins", ANYBODY, form | {"password": one}) for one in (PASSWORD, other))
    assert (first.status_code, first.json) == (second.status_code, second.json)
    assert (log_in(town, phone), log_in(town, phone, other)) == (200, 401)
    form = administrator(town.do(administrators.make_first_code).code)
    first, second = (town.post("/administrators", ANYBODY, form | {"password": one}) for one in (PASSWORD, other))
    assert (first.status_code, first.json) == (201, second.json)
    assert (log_in(town, form["phone"]), log_in(town, form["phone"], other)) == (200, 401)


def test_a_known_phone_gets_the_answer_of_an_unknown_one_and_nothing_is_made(town: Town) -> None:
    phone = new_phone()
    stranger = town.post("/logins", ANYBODY, wanted(town, phone=phone))
    form = wanted(town, phone=phone, password="another password")
    again = town.post("/logins", ANYBODY, form)
    assert again.status_code == stranger.status_code == 201
    assert again.json.keys() == stranger.json.keys()
    assert again.json["login_id"] == form["id"]
    assert len(town.sql("SELECT id FROM login")) == len(town.sql("SELECT id FROM member")) == 1
    assert (log_in(town, phone), log_in(town, phone, "another password")) == (200, 401)


def test_repetitions_and_clashes_look_alike_for_known_and_unknown_phones(town: Town) -> None:
    town.register(phone="13712345678")
    for phone in ("13712345678", new_phone()):
        form = wanted(town, phone=phone)
        first, second = (town.post("/logins", ANYBODY, form) for _ in range(2))
        assert first.json == second.json
        assert town.post("/logins", ANYBODY, form | {"name": "别人"}).status_code == 409


def test_a_known_phone_costs_the_work_of_an_unknown_one(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    town.register(phone="13712345678")
    hashed: list[str] = []
    real = hashing.hash_password

    def counting(password: str) -> str:
        hashed.append(password)
        return real(password)

    monkeypatch.setattr(hashing, "hash_password", counting)
    seen = []
    for phone in ("13712345678", new_phone()):
        with town.statements() as sent:
            assert town.post("/logins", ANYBODY, wanted(town, phone=phone)).status_code == 201
        seen.append([statement.partition(" VALUES")[0] for statement in sent])
    assert len(hashed) == 2
    known, unknown = seen
    assert any(statement.startswith("INSERT INTO outbox") for statement in known)
    kept = [statement for statement in unknown if "login_member" not in statement]
    assert known == ["ROLLBACK TO SAVEPOINT sa_savepoint_1" if one.startswith("RELEASE") else one for one in kept]


@pytest.mark.parametrize("known", [True, False])
def test_the_id_of_a_login_made_by_a_code_is_taken_whatever_the_phone(town: Town, known: bool) -> None:
    town.register(phone="13712345678")
    code = town.post(f"/members/{town.add(phone='13787654321')}/reset-codes", town.official(Role.STAFF)).json["code"]
    town.post("/passwords", ANYBODY, {"phone": "13787654321", "code": code, "password": PASSWORD})
    (login_id,) = town.sql("SELECT id FROM login WHERE id NOT IN (SELECT id FROM creation)")[0]
    form = wanted(town, id=str(login_id), phone="13712345678" if known else new_phone())
    answer = town.post("/logins", ANYBODY, form)
    assert (answer.status_code, answer.json["code"]) == (409, "id_taken")
    assert len(town.sql("SELECT id FROM login")) == 2
    assert town.sql("SELECT id FROM creation WHERE id = :id", id=login_id) == []


def test_the_id_of_somebody_who_is_there_makes_no_family(town: Town) -> None:
    caller, member_id = town.register(), town.add()
    for taken in (member_id, caller.member_id):
        answer = town.post("/me/members", caller, child(id=str(taken)))
        assert (answer.status_code, answer.json["code"]) == (409, "id_taken")
    assert len(town.get("/me", caller).json["members"]) == 1


def test_one_phone_registered_twice_at_once_has_one_login(town: Town) -> None:
    phone = new_phone()
    forms = [wanted(town, phone=phone) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda form: town.post("/logins", ANYBODY, form).status_code, forms))
    assert answers == [201] * 6
    assert len(town.sql("SELECT id FROM login")) == len(town.sql("SELECT id FROM member")) == 1


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"consents": consents("terms")}, 422, "consent_missing"),
        (
            {"consents": [{"kind": "terms", "version": "0"}, {"kind": "privacy", "version": "1"}]},
            422,
            "consent_outdated",
        ),
        ({"birth_date": "2015-05-05"}, 422, "guardian_needed"),
        ({"birth_date": "2015-05-05", "consents": consents("terms", "privacy", "guardian")}, 422, "guardian_needed"),
        ({"birth_date": "2099-05-05"}, 422, "birth_date_wrong"),
        ({"password": "12345678"}, 422, "weak_password"),
        ({"phone": "12345"}, 400, "invalid"),
        ({"phone": "0715-8123456"}, 400, "invalid"),
        ({"name": "陈\u0000芳"}, 400, "invalid"),
        ({"name": ""}, 400, "invalid"),
        ({"admin": True}, 400, "invalid"),
        ({"station_id": str(new_id())}, 404, "not_found"),
    ],
)
def test_a_registration_that_breaks_a_rule_changes_nothing(
    town: Town, fields: dict[str, Any], status: int, code: str
) -> None:
    answer = town.post("/logins", ANYBODY, wanted(town, **fields))
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert (
        town.sql(
            "SELECT id FROM login UNION SELECT id FROM member UNION SELECT id FROM creation WHERE member_id IS NOT NULL"
        )
        == []
    )


def test_nobody_lives_in_a_compound_of_another_station(town: Town) -> None:
    answer = town.post("/logins", ANYBODY, wanted(town, compound_id=str(town.nodes["金叶小区"])))
    assert (answer.status_code, answer.json["code"]) == (422, "not_below")


def test_phones_are_nowhere_readable(town: Town, capfd: pytest.CaptureFixture[str]) -> None:
    town.register(phone="13712345678")
    town.post("/sessions", ANYBODY, {"phone": "13712345678", "password": "wrong password"})
    town.post("/sessions", ANYBODY, {"phone": "13712345678", "password": PASSWORD})
    for (table,) in town.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        assert (
            town.sql(
                f"SELECT 1 FROM {table} AS t WHERE t::text LIKE '%13712345678%' OR t::text LIKE :pw", pw=f"%{PASSWORD}%"
            )
            == []
        )
    printed = capfd.readouterr()
    assert "13712345678" not in printed.err + printed.out


# --- The family --------------------------------------------------------------------------------------


def child(**fields: Any) -> dict[str, Any]:
    return {
        "id": str(new_id()),
        "name": "王小明",
        "birth_date": "2016-06-01",
        "relation": "child",
        "consents": consents("terms", "privacy", "guardian"),
        **fields,
    }


def test_a_child_joins_through_a_parent_and_shares_the_household(town: Town) -> None:
    parent = town.register()
    answer = town.post("/me/members", parent, child())
    assert answer.status_code == 201, answer.text
    me = town.get("/me", parent).json
    own, added = me["members"]
    assert (own["relation"], added["relation"]) == ("self", "child")
    assert own["household_id"] == added["household_id"] is not None
    assert added["guardian_id"] == own["id"] == me["own_member_id"]
    assert added["station_id"] == own["station_id"]
    assert me["grants"] == []
    assert town.events("MemberChanged")[-1]["household_id"] == own["household_id"]


def test_adding_one_form_twice_makes_one_member(town: Town) -> None:
    parent, form = town.register(), child()
    assert [town.post("/me/members", parent, form).status_code for _ in range(2)] == [201, 201]
    assert len(town.get("/me", parent).json["members"]) == 2
    stranger = town.register("别人")
    assert town.post("/me/members", stranger, form).status_code == 409


def test_a_child_needs_the_guardians_consent(town: Town) -> None:
    answer = town.post("/me/members", town.register(), child(consents=consents()))
    assert (answer.status_code, answer.json["code"]) == (422, "guardian_needed")


def test_a_login_acts_for_ten_at_most(town: Town) -> None:
    parent = town.register()
    assert [town.post("/me/members", parent, child()).status_code for _ in range(9)] == [201] * 9
    answer = town.post("/me/members", parent, child())
    assert (answer.status_code, answer.json["code"]) == (422, "family_full")


def test_consents_are_given_withdrawn_and_kept(town: Town) -> None:
    caller = town.register()
    path = f"/me/members/{caller.member_id}/consents"
    town.ask("PUT", path, caller, {"consents": consents("ranked", "named")})
    assert town.events("MemberChanged")[-1]["name_public"] == "王大明"
    withdrawn = {"consents": [{"kind": "named", "version": "1", "given": False}]}
    answers = [town.ask("PUT", path, caller, withdrawn) for _ in range(2)]
    assert {entry["kind"]: entry["given"] for entry in answers[1].json["consents"]}["named"] is False
    fact = town.events("MemberChanged")[-1]
    assert (fact["name_public"], fact["ranked"], fact["version"]) == (None, True, 3)
    assert len(town.sql("SELECT id FROM consent WHERE kind = 'named'")) == 2


def test_nobody_consents_for_somebody_else(town: Town) -> None:
    other = town.add()
    answer = town.ask("PUT", f"/me/members/{other}/consents", town.register(), {"consents": consents("named")})
    assert answer.status_code == 403


# --- The first administrator ---------------------------------------------------------------------------


def administrator(code: str, **fields: Any) -> dict[str, Any]:
    form = {"id": str(new_id()), "code": code, "phone": new_phone(), "password": PASSWORD, "name": "李站长"}
    return form | fields


def test_the_first_administrator_comes_in_by_the_code_once(town: Town) -> None:
    made = town.do(administrators.make_first_code)
    form = administrator(f" {made.code[:4].lower()}-{made.code[4:]} ")
    first, second = (town.post("/administrators", ANYBODY, form) for _ in range(2))
    assert first.status_code == 201, first.text
    assert first.json == second.json
    assert town.sql("SELECT role, node_id FROM role_grant") == [("administrator", None)]
    assert town.post("/administrators", ANYBODY, administrator(made.code)).status_code == 401
    with pytest.raises(administrators.AlreadyThere):
        town.do(administrators.make_first_code)
    assert len(town.audited("grant.add")) == 1


def test_strangers_cannot_end_the_first_administrators_code_by_guessing(town: Town) -> None:
    made = town.do(administrators.make_first_code)
    for _ in range(12):
        assert town.post("/administrators", ANYBODY, administrator("ABCDEFGHJKLM")).status_code == 401
    assert town.post("/administrators", ANYBODY, administrator(made.code)).status_code == 201


def test_a_newer_code_ends_the_older_one(town: Town) -> None:
    older, newer = (town.do(administrators.make_first_code).code for _ in range(2))
    assert town.post("/administrators", ANYBODY, administrator(older)).status_code == 401
    assert town.post("/administrators", ANYBODY, administrator(newer)).status_code == 201


def test_a_known_phone_does_not_become_the_administrator(town: Town) -> None:
    made = town.do(administrators.make_first_code)
    town.register(phone="13712345678")
    answer = town.post("/administrators", ANYBODY, administrator(made.code, phone="13712345678"))
    assert answer.status_code == 409
    assert town.sql("SELECT id FROM role_grant") == []
    assert town.post("/administrators", ANYBODY, administrator(made.code)).status_code == 201


def test_a_system_says_whether_it_has_an_administrator_of_everything_and_of_any_place(town: Town) -> None:
    def told() -> tuple[bool, bool]:
        answer = town.get("/administrators", ANYBODY).json
        return answer["is_there"], answer["is_anywhere"]

    assert told() == (False, False)
    here = town.add("罗静")
    grant = {"id": str(new_id()), "member_id": str(here), "role": "administrator", "node_id": str(town.nodes["咸宁市"])}
    assert town.post(f"/members/{here}/confirm", town.official(Role.STAFF)).status_code == 200
    assert town.post("/grants", town.official(Role.ADMINISTRATOR, None), grant).status_code == 201
    assert told() == (False, True), "the machine's code still lets somebody in who may do everything"
    made = town.do(administrators.make_first_code)
    assert town.post("/administrators", ANYBODY, administrator(made.code)).status_code == 201
    assert told() == (True, True)
