"""What the tests of logins, sessions and codes do: try a password, open a session, ask who comes."""

from typing import Any
from uuid import UUID

from shared import tokens
from shared.ids import new_id
from shared.principal import Principal, Role
from tests.members.town import ANYBODY, GATEWAY, PASSWORD, Town
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


def confirm(town: Town, caller: Principal) -> None:
    assert town.post(f"/members/{caller.member_id}/confirm", town.official(Role.STAFF)).status_code == 200


def grant(town: Town, caller: Principal, role: str, at: str = "南昌路站") -> UUID:
    grant_id = new_id()
    content = {"id": grant_id, "member_id": caller.member_id, "role": role, "node_id": town.nodes[at]}
    assert town.post("/grants", town.official(Role.ADMINISTRATOR, None), content).status_code == 201
    return grant_id


def make_code(town: Town, member_id: UUID | None, by: Principal | None = None) -> Any:
    return town.post(f"/members/{member_id}/reset-codes", by or town.official(Role.STAFF))


def use_code(town: Town, phone: str, code: str, password: str = "a new password") -> Any:
    return town.post("/passwords", ANYBODY, {"phone": phone, "code": code, "password": password}).status_code
