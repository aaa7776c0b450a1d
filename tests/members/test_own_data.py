"""A copy of one's own data: what members holds, for whom, and after which password."""

import json
from typing import Any

from shared.principal import Principal, Role
from tests.members.test_claims import again, claim, refusal, token_for
from tests.members.town import PASSWORD, Town, new_phone


def export(town: Town, who: Principal, member_id: Any = None, password: str = PASSWORD) -> Any:
    return town.post(f"/me/members/{member_id or who.own_member_id}/exports", who, {"password": password})


def test_everything_that_members_holds_is_in_it(town: Town) -> None:
    who = town.register("王大明", phone=(phone := new_phone()), birth_date="1960-03-08")
    staff = town.official(Role.STAFF)
    town.ask("PATCH", f"/members/{who.own_member_id}", staff, {"skills": ["理发"], "birth_date": "1961-03-08"})
    town.ask(
        "PUT",
        f"/me/members/{who.own_member_id}/consents",
        who,
        {"consents": [{"kind": "ranked", "version": "1"}]},
    )
    answer = export(town, who)
    assert answer.status_code == 200, answer.text
    content = answer.json
    assert (content["member"]["name"], content["phone"], content["member"]["birth_date"]) == (
        "王大明",
        phone,
        "1961-03-08",
    )
    assert [one["kind"] for one in content["consents"]] == ["terms", "privacy", "ranked"]
    assert [(one["relation"], one["login_id"]) for one in content["logins"]] == [("self", str(who.login_id))]
    (act,) = content["acts"]
    assert (act["action"], act["by_oneself"], act["detail"]) == (
        "member.change",
        False,
        {"fields": ["birth_date", "skills"]},
    )
    assert str(staff.login_id) not in json.dumps(content), "who acted is not this person's data"
    assert [entry.detail for entry in town.audited("login.export")] == [{}]


def test_it_is_for_ones_own_people_alone(town: Town) -> None:
    who, mother = town.register(), town.add("王秀英")
    assert export(town, who, mother).status_code == 403
    assert export(town, town.official(Role.ADMINISTRATOR), mother).status_code == 403
    assert claim(town, who, token_for(town, mother)).status_code == 201
    assert export(town, again(town, who), mother).json["member"]["name"] == "王秀英"


def test_the_password_is_asked_again_and_wrong_ones_slow_down(town: Town) -> None:
    who = town.register()
    assert refusal(export(town, who, password="falsch 1949")) == (422, "wrong_password")
    answers = [export(town, who, password="falsch 1949").status_code for _ in range(7)]
    assert answers[-1] == 429
    assert export(town, who).status_code == 429, "the right one waits as well: passwords can be guessed"
    assert town.audited("login.export") == []
