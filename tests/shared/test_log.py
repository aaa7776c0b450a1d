"""What log lines must not hold."""

import json
import logging
import time
from typing import Any
from uuid import UUID

import pytest

from shared import log
from shared.log import redact

TOKEN = "tWp3R7-xk_Vb1QmZ8sLd0YcNfJ6hGaEu2oTiKq9wBvX"
VOUCHER = "ABCD2345WXYZ"


def line(**fields: Any) -> str:
    record = {"name": "x", "levelname": "INFO", "levelno": 20, "msg": "", **fields}
    return log.JsonLines("test").format(logging.makeLogRecord(record))


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        (f"Authorization: Bearer {TOKEN}", TOKEN),
        (f"{{'Authorization': 'Bearer {TOKEN}', 'Accept': '*/*'}}", TOKEN),
        ("authorization=Basic aHV6aHU6eA==", "aHV6aHU6eA"),
        ("sent Bearer abc-def to members", "abc-def"),
        (f"the token {TOKEN} is unknown", TOKEN),
        ("from +8613712345678", "12345"),
        ("from 008613712345678", "12345"),
        ("from 8613712345678", "12345"),
        ("from +86 137-1234-5678", "1234"),
        ("from 137 1234 5678", "1234"),
        ("电话137-1234-5678", "1234"),
        ("from 137–1234–5678", "1234"),
        ("phone=13712345678&x=1", "123456"),
        ("at 0715-8123456", "81234"),
        ("at (0715) 8123456", "81234"),
        ("at 07158123456", "81234"),
        ("at 010-62345678", "623456"),
        ("at +86 715 8123456", "81234"),
        ("read V1.k1.AbCdEf.GhIjKl.a.123.mAc", "AbCdEf"),
        ("{'code': 'V1.k1.AbCdEf.GhIjKl.a.123.mAc'}", "mAc"),
        ("GET /v/V1.k1.AbCdEf.123.mAc HTTP/1.1", "AbCdEf"),
        (f"code {VOUCHER}", VOUCHER),
        (f"voucher code: {VOUCHER.lower()}", "abcd"),
        ("code=ABCD-2345-WXYZ", "2345"),
        ("voucher ABCD 2345 WXYZ was read", "2345"),
        ("voucher abcd-2345-wxyz was read", "2345"),
        (f"{VOUCHER} is no voucher", VOUCHER),
        ('password="two words"', "words"),
        ("{'password': 'two words', 'phone': None}", "words"),
        ('{"password": "two words"}', "words"),
        ('{"password": "wrong_station"}', "station"),
        ('{"code": "abcdefghjkmn"}', "abcdef"),
        ('{"code": "ABCDEFGH"}', "ABCDEF"),
        ('{"code": "two words"}', "words"),
        (r"{\"password\": \"two words\"}", "words"),
        (r"{\\\"new_password\\\": \\\"two words\\\"}", "words"),
        (r'"password": "with \" a quote"', "quote"),
        ('password="never ended', "ended"),
        ("密码：hunter2", "hunter2"),
        ("Cookie: huzhu_visit=abcdef; huzhu_session=ghijkl", "ghijkl"),
        ("huzhu_session=ghijkl", "ghijkl"),
        ("Set-Cookie: huzhu_session=ghijkl; Secure", "ghijkl"),
        ("principal " + "A" * 30 + "." + "B" * 86, "A" * 30),
    ],
)
def test_a_secret_is_hidden_wherever_it_stands(text: str, hidden: str) -> None:
    assert hidden not in redact(text)
    for record in (
        {"msg": "it was %s", "args": (text,)},
        {"detail": text},
        {"detail": json.dumps({"said": text}, ensure_ascii=False)},
        {"detail": {"said": [text]}},
    ):
        written = line(**record)
        assert hidden not in written
        json.loads(written)


@pytest.mark.parametrize("name", ["password", "new_password", "token", "code", "huzhu_session", "Authorization"])
def test_what_is_named_like_a_secret_is_hidden_whole(name: str) -> None:
    assert "words" not in line(**{name: "two words"})
    assert "words" not in line(detail={"body": {name: ["two words"]}})


@pytest.mark.parametrize(
    "text",
    [
        "no answer from points within 0.2 s",
        "2026-03-08T09:15:00.123+08:00",
        str(UUID("0195b1c4-1381-7234-8678-0123456789ab")),
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "/internal/v1/points/events",
        "revision 0001, 100000 transfers, 1741395600 seconds, 1741395600123 ms",
        "UNAUTHORIZED: SELECT * FROM OUTBOX WHERE DELIVERED",
        "services.points.commands.refresh_boards.RefreshBoards",
        "test_a_name_of_forty_three_letters_is_kept_1",
    ],
)
def test_what_is_no_secret_is_kept(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("code", ["invalid", "wrong_station", "stale_card"])
def test_what_a_problem_is_called_is_kept(code: str) -> None:
    problem = json.dumps({"code": code, "status": 422})
    error = f"HTTP 422: {problem}"
    assert redact(error) == error
    assert json.loads(line(error=error))["error"] == error
    assert json.loads(line(detail={"code": code}))["detail"] == {"code": code}
    assert code in line(detail=json.dumps({"said": problem}))


def test_a_number_that_is_a_phone_is_hidden_and_other_numbers_stay_numbers() -> None:
    written = json.loads(line(phone=13712345678, count=12, ratio=0.5, found=None, is_late=True))
    assert written["phone"] == "137******78"
    assert (written["count"], written["ratio"], written["found"], written["is_late"]) == (12, 0.5, None, True)


def test_a_traceback_is_redacted_too() -> None:
    try:
        raise ValueError('{"password": "two words", "phone": "137 1234 5678"}')
    except ValueError as error:
        written = line(exc_info=(ValueError, error, error.__traceback__))
    assert "words" not in written
    assert "1234" not in written
    assert "ValueError" in written


@pytest.mark.parametrize(
    "part", ['password="', "1", "A", "a-", "V1.", "\\", "code ", "+86 ", "ABCD-", "cookie:", "0715 "]
)
def test_the_time_for_a_line_grows_with_its_length_alone(part: str) -> None:
    """A pattern that tries again from each letter would take a minute for this, not a moment."""
    began = time.process_time()
    redact(part * (200_000 // len(part)))
    assert time.process_time() - began < 15
