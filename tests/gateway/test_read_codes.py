"""The road of a code from the camera to the form."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gateway import read_codes
from gateway.read_codes import CodeRead
from shared import clock, tokens

CODE = "V1.1.0a.0b.arrival.118654321.bWFjbWFjbWFj"


def cookie_of(client: FlaskClient, name: str = "huzhu_scan") -> str | None:
    cookie = client.get_cookie(name)
    return cookie.value if cookie else None


def found(gateway: Flask, value: str, purpose: str = read_codes.SCAN) -> CodeRead | None:
    with gateway.test_request_context("/", headers={"Cookie": f"huzhu_{purpose}={value}"}):
        return read_codes.find(purpose)


@pytest.mark.parametrize(
    ("path", "page", "purpose"), [("/s/", "/scan", "scan"), ("/v/", "/desk", "voucher"), ("/c/", "/claim", "claim")]
)
def test_a_code_is_kept_with_the_time_and_leaves_the_address(
    gateway: Flask, client: FlaskClient, path: str, page: str, purpose: str
) -> None:
    moment = clock.now()
    with clock.travel(moment):
        answer = client.get(path + CODE, headers={"Host": "evil.example"})
    assert (answer.status_code, answer.headers["Location"]) == (303, page)
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    cookie = client.get_cookie(f"huzhu_{purpose}", domain="evil.example")
    assert cookie is not None
    kept = found(gateway, cookie.value, purpose)
    assert kept is not None
    assert kept.code == CODE
    assert abs(kept.read_at - moment) < timedelta(milliseconds=1)


@pytest.mark.parametrize("token", ["hello", "12345", "V1.x", f"{CODE}.more", f"{CODE}!", "x" * 5000])
def test_what_cannot_be_a_place_code_is_refused_at_once_and_not_kept(client: FlaskClient, token: str) -> None:
    answer = client.get(f"/s/{token}")
    assert answer.headers["Location"] == "/scan/foreign"
    assert cookie_of(client) is None
    shown = client.get("/scan/foreign").text
    assert "这个码不能用来签到" in shown
    assert "这不是本系统的签到码" in shown


def test_a_code_is_kept_for_ten_minutes(gateway: Flask, client: FlaskClient) -> None:
    client.get(f"/s/{CODE}")
    value = cookie_of(client) or ""
    with clock.travel(clock.now() + timedelta(seconds=595)):
        assert found(gateway, value) is not None
    for seconds in (601, -30):
        with clock.travel(clock.now() + timedelta(seconds=seconds)):
            assert found(gateway, value) is None


def test_a_code_read_twice_keeps_its_first_time_and_another_one_takes_its_place(
    gateway: Flask, client: FlaskClient
) -> None:
    client.get(f"/s/{CODE}")
    first = found(gateway, cookie_of(client) or "")
    with clock.travel(clock.now() + timedelta(minutes=5)):
        client.get(f"/s/{CODE}")
        assert found(gateway, cookie_of(client) or "") == first
        client.get(f"/s/{CODE}x")
        other = found(gateway, cookie_of(client) or "")
    assert first is not None
    assert other is not None
    assert other.code == CODE + "x"
    assert other.read_at > first.read_at


def test_a_forged_or_borrowed_cookie_is_no_code(gateway: Flask, client: FlaskClient) -> None:
    client.get(f"/s/{CODE}")
    value = cookie_of(client) or ""
    payload, _, signature = value.partition(".")
    later = tokens.b64(tokens.unb64(payload).replace(b"V1", b"V2"))
    for forged in (
        "",
        ".",
        "x",
        payload,
        f"{payload}.",
        f"{payload}.x",
        f"{later}.{signature}",
        f".{signature}",
        "ä.ö",
    ):
        assert found(gateway, forged) is None
    assert found(gateway, value, read_codes.VOUCHER) is None


@pytest.mark.parametrize("token", ["x" * 5000, "%00", "%0d%0aSet-Cookie:%20a=b", "陈", "a/b", "%ff"])
def test_whatever_somebody_writes_into_the_address_is_carried_or_dropped_but_never_breaks(
    client: FlaskClient, token: str
) -> None:
    answer = client.get(f"/s/{token}")
    assert answer.status_code in (303, 404)
    assert all("\n" not in value for _, value in answer.headers)
