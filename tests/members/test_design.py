"""Append-only tables, whose principals are none, the wire's description."""

import re
from typing import Any

import pytest
from sqlalchemy.exc import ProgrammingError

from shared.ids import new_id
from shared.principal import Kind, Principal, Role
from tests.members.town import ANYBODY, GATEWAY, Town
from tests.support import principal_headers


@pytest.mark.parametrize("statement", ["DELETE FROM consent", "UPDATE consent SET given = true", "TRUNCATE consent"])
def test_consents_cannot_be_changed(town: Town, statement: str) -> None:
    town.register()
    with pytest.raises(ProgrammingError, match="permission denied"):
        town.sql(statement)


def test_principals_of_others_open_nothing(town: Town) -> None:
    client = town.app.test_client()
    for headers in (
        {},
        {"Huzhu-Principal": "forged.signature"},
        principal_headers("points", login_id=new_id()),
        principal_headers("members", issuer="checkin"),
    ):
        assert client.get("/api/v1/members/me", headers=headers).status_code == 401
    for issuer in ("worker", "points", "members"):
        answer = client.post(
            "/internal/v1/members/sessions/resolve", data=b"{}", headers=principal_headers("members", issuer=issuer)
        )
        assert answer.status_code == 403
    assert GATEWAY.issuer == "gateway"


def described(town: Town) -> dict[tuple[str, str], set[str]]:
    """The statuses that the description names, by method and path with * for ids."""
    answer = town.app.test_client().get("/openapi.json", headers=principal_headers("members", kind=Kind.ANONYMOUS))
    paths: dict[str, Any] = answer.json["paths"]  # type: ignore[index]
    return {
        (method.upper(), re.sub(r"{\w+}", "*", path.removeprefix("/api/v1/members"))): set(about["responses"])
        for path, methods in paths.items()
        for method, about in methods.items()
        if method != "parameters"
    }


KERNELS = ("/dead-letters", "/backlog", "/audit")
"""Routes that every service has; what they answer is the kernel's."""


def test_the_description_names_every_status_a_route_gave(town: Town) -> None:
    known, missing = described(town), set()
    volunteer = Principal(kind=Kind.LOGIN, audience="members", login_id=new_id(), member_id=new_id())
    callers = [ANYBODY, volunteer, *(town.official(role) for role in Role if role is not Role.VOLUNTEER)]
    for method, pattern in known:
        if pattern.startswith(("/internal/", *KERNELS)):
            continue
        route, path = (method, pattern), pattern.replace("*", str(new_id()))
        bodies: list[Any] = [None] if method in ("GET", "DELETE") else [{}, {"unknown": 1}, []]
        queries = [path, f"{path}?unknown=1"] if method == "GET" else [path]
        for caller in callers:
            for asked, body in ((asked, body) for asked in queries for body in bodies):
                status = str(town.ask(method, asked, caller, body).status_code)
                if status not in known[route]:
                    missing.add((*route, status))
    assert missing == set()


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b'"x"', b'{"phone": 5}', b'{"phone": "\\ud800"}', b"\xff"])
def test_malformed_bodies_are_refused(town: Town, body: bytes) -> None:
    for path in ("/sessions", "/logins", "/passwords", "/administrators"):
        answer = town.app.test_client().post(
            f"/api/v1/members{path}",
            data=body,
            content_type="application/json",
            headers=principal_headers("members", kind=Kind.ANONYMOUS),
        )
        assert answer.status_code == 400, (path, answer.text)
        assert answer.content_type == "application/problem+json"
