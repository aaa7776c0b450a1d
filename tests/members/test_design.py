"""Append-only tables, who may call which route, the wire's description."""

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


# Every route, with the callers that get further than its guard. A body that is no good shows it: 400, 404 or 2xx.
MEMBER, NODE, THING = str(new_id()), str(new_id()), str(new_id())
ANYONE = {"anonymous", "volunteer", "organizer", "staff", "administrator", "auditor"}
LOGGED_IN = ANYONE - {"anonymous"}
STAFF = {"staff", "administrator"}
ROUTES: dict[tuple[str, str], set[str]] = {
    ("GET", "/consent-texts"): ANYONE,
    ("POST", "/logins"): ANYONE,
    ("POST", "/administrators"): ANYONE,
    ("POST", "/sessions"): ANYONE,
    ("DELETE", "/sessions/current"): LOGGED_IN,
    ("POST", "/passwords"): ANYONE,
    ("POST", f"/members/{MEMBER}/reset-codes"): STAFF,
    ("GET", "/tokens"): LOGGED_IN,
    ("POST", "/tokens"): LOGGED_IN,
    ("DELETE", f"/tokens/{THING}"): LOGGED_IN,
    ("GET", "/me"): LOGGED_IN,
    ("POST", "/me/members"): LOGGED_IN,
    ("PUT", f"/me/members/{MEMBER}/consents"): LOGGED_IN,
    ("GET", f"/members?ids={MEMBER}"): LOGGED_IN,
    ("GET", "/members"): {"organizer", "staff", "administrator", "auditor"},
    ("POST", "/members"): STAFF,
    ("GET", f"/members/{MEMBER}"): LOGGED_IN,
    ("PATCH", f"/members/{MEMBER}"): LOGGED_IN,
    ("POST", f"/members/{MEMBER}/confirm"): STAFF,
    ("PUT", f"/members/{MEMBER}/household"): STAFF,
    ("GET", f"/members/{MEMBER}/look-alikes"): STAFF,
    ("GET", f"/members/{MEMBER}/phone"): LOGGED_IN,
    ("GET", "/nodes"): ANYONE,
    ("POST", "/nodes"): {"administrator"},
    ("GET", f"/nodes/{NODE}"): ANYONE,
    ("PATCH", f"/nodes/{NODE}"): {"administrator"},
    ("GET", "/grants"): {"administrator"},
    ("POST", "/grants"): {"administrator"},
    ("DELETE", f"/grants/{THING}"): {"administrator"},
    ("GET", "/teams"): LOGGED_IN,
    ("POST", "/teams"): STAFF,
    ("GET", "/employers"): LOGGED_IN,
    ("POST", "/employers"): STAFF,
}


def callers(town: Town) -> dict[str, Principal]:
    volunteer = Principal(kind=Kind.LOGIN, audience="members", login_id=new_id(), member_id=new_id())
    officials = {role.value: town.official(role) for role in Role if role is not Role.VOLUNTEER}
    return {"anonymous": ANYBODY, "volunteer": volunteer, **officials}


def test_each_route_lets_in_whom_it_should_and_nobody_else(town: Town) -> None:
    wrong = []
    for (method, path), allowed in ROUTES.items():
        body: Any = None if method in ("GET", "DELETE") else {}
        for name, caller in callers(town).items():
            status = town.ask(method, path, caller, body).status_code
            refused = {401} if name == "anonymous" else {403}
            if (status in refused) == (name in allowed) or status >= 500:
                wrong.append((method, path, name, status))
    # A logged-in stranger's PUT of consents gets through the guard; the command then refuses with 400 or 403.
    assert wrong == []


def test_every_route_is_in_the_matrix(town: Town) -> None:
    known = {
        (method, path.partition("?")[0].replace(MEMBER, "*").replace(NODE, "*").replace(THING, "*"))
        for method, path in ROUTES
    }
    rules = {
        (method, "/".join("*" if part.startswith("<") else part for part in rule.rule.split("/")))
        for rule in town.app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/members")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    kernels = {"/dead-letters", "/dead-letters/*/requeue", "/backlog", "/audit"}
    ours = {(method, path.removeprefix("/api/v1/members")) for method, path in rules}
    assert {route for route in ours if route[1] not in kernels} == known


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


def test_the_description_names_every_status_a_route_gave(town: Town) -> None:
    known, missing = described(town), set()
    for method, path in ROUTES:
        route = method, re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "*", path.partition("?")[0])
        bodies: list[Any] = [None] if method in ("GET", "DELETE") else [{}, {"unknown": 1}, []]
        queries = [path, f"{path}{'&' if '?' in path else '?'}unknown=1"] if method == "GET" else [path]
        for caller in callers(town).values():
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
