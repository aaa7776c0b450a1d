"""The internal listener: who may call what, proven by a signature over exactly this request."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from gateway import routes
from gateway.settings import ISSUERS
from shared import clock, gateway_client, settings
from shared.principal import HEADER, Kind
from tests.gateway.conftest import StandIn

Services = dict[str, StandIn]
BODY = b'{"events":[]}'
PATHS = (
    *routes.INTERNAL,
    "/internal/v1/members/events",
    routes.RESOLVE,
    routes.NAMES,
    routes.SHOWN,
    "/internal/v1/nobody/events",
)


def key_of(issuer: str) -> bytes:
    return settings.secret(f"HUZHU_{issuer.upper()}_SIGNING_KEY")


def signature(issuer: str, path: str, *, key: bytes | None = None, method: str = "POST", body: bytes = BODY) -> str:
    return gateway_client.signed(issuer, key or key_of(issuer), method, path, body)


def post(internal: FlaskClient, path: str, header: str, **headers: str) -> int:
    return internal.post(path, data=BODY, headers={gateway_client.HEADER: header, **headers}).status_code


@pytest.mark.parametrize("issuer", ISSUERS)
@pytest.mark.parametrize("path", PATHS)
def test_an_issuer_may_call_what_the_table_says_and_nothing_else(
    internal: FlaskClient, services: Services, issuer: str, path: str
) -> None:
    route = routes.INTERNAL.get(path)
    expected = 404 if route is None else 200 if issuer in route.callers else 403
    assert post(internal, path, signature(issuer, path)) == expected
    reached = [name for name, service in services.items() if service.seen]
    assert reached == ([route.service] if route is not None and expected == 200 else [])


def test_the_service_sees_a_principal_instead_of_the_signature(internal: FlaskClient, services: Services) -> None:
    path = "/internal/v1/points/events"
    forged = {HEADER: "forged.forged", "Authorization": "Bearer x", "Cookie": "a=b"}
    assert post(internal, path, signature("rewards", path), **forged) == 200
    (seen,) = services["points"].seen
    who = seen.principal("points")
    assert (who.kind, who.issuer, seen.body) == (Kind.SERVICE, "rewards", BODY)
    assert not {gateway_client.HEADER, "Authorization", "Cookie"} & set(seen.headers)


def test_only_the_signer_of_exactly_this_request_is_believed(internal: FlaskClient, services: Services) -> None:
    path = "/internal/v1/points/events"
    other = "/internal/v1/rewards/events"
    wrong = [
        "",
        "x",
        "x.y",
        "WzFd.WzFd",
        "陈",
        signature("worker", path, key=key_of("rewards")),
        signature("gateway", path, key=key_of("gateway")),
        signature("nobody", path, key=key_of("worker")),
        signature("worker", other),
        signature("worker", path, method="GET"),
        signature("worker", path, body=b"{}"),
        signature("worker", path)[:-4],
    ]
    assert [post(internal, path, header) for header in wrong] == [401] * len(wrong)
    assert services["points"].seen == []


def test_a_request_may_be_repeated_for_thirty_seconds_and_not_later(internal: FlaskClient, services: Services) -> None:
    path = "/internal/v1/points/events"
    header = signature("worker", path)
    with clock.travel(clock.now() + timedelta(seconds=25)):
        assert post(internal, path, header) == 200
    for seconds in (32, -32):
        with clock.travel(clock.now() + timedelta(seconds=seconds)):
            assert post(internal, path, header) == 401
    assert len(services["points"].seen) == 1


def test_only_posts_pass(internal: FlaskClient) -> None:
    path = "/internal/v1/points/events"
    header = signature("worker", path, method="PUT", body=b"")
    assert internal.put(path, headers={gateway_client.HEADER: header}).status_code == 405


def test_neither_api_nor_pages_are_served_here(internal: FlaskClient, services: Services) -> None:
    for path in ("/", "/login", "/api/v1/members/nodes", "/api/v1/openapi.json", "/s/x"):
        assert internal.get(path).status_code == 404
    assert internal.get("/health/ready").json == {"status": "ready"}
    assert not any(service.seen for service in services.values())
