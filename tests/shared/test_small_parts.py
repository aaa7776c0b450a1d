"""Clock, ids, settings, tokens, wire fields, log lines, retries and kept connections."""

import http.client
import logging
import socket
import threading
from contextlib import suppress
from datetime import UTC, date, datetime
from time import process_time
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError, fields, validate
from sqlalchemy import text
from sqlalchemy.orm import Session

from devtools.servers import admin_connection
from shared import clock, ids, log, settings, tokens
from shared.db import session, transactional
from shared.errors import Unavailable
from shared.fields import Day, Instant, Line, Paragraphs, Whole, WholeText, Wire
from shared.upstream import NoAnswer, Upstream
from tests.support import Settings


def test_the_day_is_shanghais_and_not_greenwichs() -> None:
    late = datetime(2026, 3, 8, 16, 30, tzinfo=UTC)
    assert clock.day_of(late) == date(2026, 3, 9)
    assert clock.day_starts(date(2026, 3, 9)) == datetime(2026, 3, 8, 16, tzinfo=UTC)
    with clock.travel(late):
        assert clock.today() == date(2026, 3, 9)


def test_short_codes_have_no_letters_that_look_like_digits() -> None:
    codes = {ids.new_short_code() for _ in range(200)}
    assert len(codes) == 200
    assert all(len(code) == 12 and not set(code) & set("01OI") for code in codes)
    assert ids.read_short_code(" abcd-2345 wxyz ") == "ABCD2345WXYZ"


def test_a_variable_may_come_from_a_file_and_a_missing_one_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "secret").write_text("from a file\n")
    monkeypatch.setenv("HUZHU_X_FILE", str(tmp_path / "secret"))
    assert settings.get("HUZHU_X") == "from a file"
    with pytest.raises(settings.Misconfigured, match="HUZHU_Y"):
        settings.get("HUZHU_Y")


@pytest.mark.parametrize("value", ["", "short", "A" * 43, "not base64!", tokens.b64(b"x" * 31)])
def test_what_is_no_secret_stops_the_start(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("HUZHU_X", value)
    with pytest.raises(settings.Misconfigured, match="HUZHU_X"):
        settings.secret("HUZHU_X")


def test_a_keyring_signs_with_its_first_key_and_knows_the_old_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    new, old = bytes(range(32)), bytes(range(32, 64))
    monkeypatch.setenv("HUZHU_X", f"b:{tokens.b64(new)},a:{tokens.b64(old)}")
    ring = settings.keyring("HUZHU_X")
    assert (ring.current, ring.keys) == ("b", {"b": new, "a": old})


@given(st.lists(st.binary(max_size=8), max_size=4), st.lists(st.binary(max_size=8), max_size=4))
def test_two_lists_of_parts_never_share_a_mac(one: list[bytes], other: list[bytes]) -> None:
    assert (tokens.mac(b"k" * 32, *one) == tokens.mac(b"k" * 32, *other)) is (one == other)


@pytest.mark.parametrize("value", [True, "3860", 3860.5, float("nan"), float("inf"), 2**53 + 1, None, [], {}])
def test_what_is_no_whole_number_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        Whole().deserialize(value)


def test_a_whole_number_may_be_written_as_json_writes_it() -> None:
    assert Whole().deserialize(3860.0) == 3860
    assert WholeText().deserialize("-12") == -12
    for wrong in ("1_000", "١٢", "0x1", "1" * 17, ""):
        with pytest.raises(ValidationError):
            WholeText().deserialize(wrong)


@pytest.mark.parametrize(
    "value", ["", "  ", "a\x00b", "a\nb", "\ud800", "x" * 11, "\u200b", "\ufeff", "\u202e张三", "a\u2028b", "\u200d"]
)
def test_a_line_has_no_control_characters_and_an_end(value: str) -> None:
    with pytest.raises(ValidationError):
        Line(length_max=10).deserialize(value)


def test_text_is_trimmed_and_normalized() -> None:
    assert Line(length_max=10).deserialize(" 陈芳 ") == "陈芳"
    assert Line(length_max=10).deserialize("e\u0301") == "\u00e9"
    assert Line(length_max=10).deserialize("\U0001f469\u200d\U0001f33e") == "\U0001f469\u200d\U0001f33e"
    assert Paragraphs(length_max=10).deserialize("a\nb") == "a\nb"


@pytest.mark.parametrize("text", ["长" * 500_000, "e" + "\u0301\u0316" * 250_000, "e" + "\u0301\u0316" * 20_000])
def test_text_that_takes_long_to_put_in_order_is_refused_before_it_is(text: str) -> None:
    since = process_time()
    for field in (Line(length_max=10), Paragraphs(length_max=20_000)):
        with pytest.raises(ValidationError):
            field.deserialize(text)
    assert process_time() - since < 1


def test_a_time_without_zone_is_refused() -> None:
    assert Instant().deserialize("2026-03-08T09:00:00+08:00") == datetime(2026, 3, 8, 1, tzinfo=UTC)
    for value in ("2026-03-08T09:00:00", "2026-03-08", "soon", 12, None):
        with pytest.raises(ValidationError):
            Instant().deserialize(value)


@pytest.mark.parametrize("value", ["\ufe0f", "\u034f", "\u115f\u1160", "\u3164", "\u2800 \u2800"])
def test_a_name_that_shows_nothing_is_none(value: str) -> None:
    with pytest.raises(ValidationError):
        Line(length_max=10).deserialize(value)


@pytest.mark.parametrize("value", ["9999-12-31T23:30:00Z", "9999-12-31T20:00:00-05:00", "0001-01-01T00:00:00+14:00"])
def test_a_time_at_the_ends_of_the_calendar_is_refused(value: str) -> None:
    with pytest.raises(ValidationError):
        Instant().deserialize(value)
    with pytest.raises(ValidationError):
        Day().deserialize(value[:10])


def test_a_list_that_is_too_long_is_refused_before_its_entries_are_read() -> None:
    read: list[Any] = []

    class Entry(Wire):
        points = fields.Function(deserialize=read.append)

    class Order(Wire):
        lines = fields.List(fields.Nested(Entry), data_key="rows", validate=validate.Length(1, 3, error="1–3"))
        codes = fields.List(fields.String(), validate=[validate.Length(max=2)])

    schema = Order()
    entry: dict[str, int] = {"points": 1}
    wrong: list[list[dict[str, int]]] = [[entry] * 4, [{}] * 300_000, []]
    for rows in wrong:
        with pytest.raises(ValidationError) as refused:
            schema.load({"rows": rows})
        assert refused.value.messages == {"rows": ["1–3"]}
    with pytest.raises(ValidationError, match="codes"):
        schema.load({"codes": ["a"] * 3})
    assert read == []
    schema.load({"rows": [{"points": 1}] * 3, "codes": ["a"]})
    assert read == [1, 1, 1]
    for odd in (None, 1, "a", [1]):
        with pytest.raises(ValidationError):
            schema.load({"rows": odd})
    with pytest.raises(ValidationError):
        schema.load([])


def test_log_lines_hold_no_phone_password_token_or_code() -> None:
    record = logging.makeLogRecord(
        {
            "name": "x",
            "levelname": "INFO",
            "levelno": 20,
            "msg": "phone 13812345678 password=hunter2 GET /s/V1.1.abc.def?x token: abcdef",
            "principal": "A" * 30 + "." + "B" * 86,
            "cookie": "huzhu_session=abcdef",
        }
    )
    line = log.JsonLines("test").format(record)
    for hidden in ("13812345678", "hunter2", "V1.1.abc", "abcdef", "A" * 30):
        assert hidden not in line
    assert "138******78" in line


def test_a_deadlock_is_tried_again_and_everything_else_is_not(kernel_app: Flask) -> None:
    attempts: list[int] = []

    @transactional
    def deadlocks_twice(tx: Session) -> str:
        attempts.append(1)
        if len(attempts) < 3:
            tx.execute(text("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = 'deadlock_detected'; END $$"))
        return "done"

    @transactional
    def never_passes(tx: Session) -> None:
        attempts.append(1)
        tx.execute(text("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = 'lock_not_available'; END $$"))

    with kernel_app.app_context():
        assert deadlocks_twice() == "done"
        assert len(attempts) == 3
        attempts.clear()
        with pytest.raises(Unavailable):
            never_passes()
        assert len(attempts) == 6


def test_a_lost_connection_is_replaced_and_the_command_repeated(kernel_app: Flask) -> None:
    attempts: list[int] = []

    @transactional
    def loses_its_connection_once(tx: Session) -> str:
        attempts.append(1)
        if len(attempts) == 1:
            tx.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return str(tx.scalar(text("SELECT 'here'")))

    with kernel_app.app_context():
        assert loses_its_connection_once() == "here"
    assert len(attempts) == 2


def test_a_query_after_the_database_came_back_is_told_of_no_outage(kernel_app: Flask, settings: Settings) -> None:
    idle: list[int] = []
    with kernel_app.app_context():
        idle.append(session().scalar(text("SELECT pg_backend_pid()")) or 0)
    with admin_connection(settings.installation.admin_url) as admin:
        ended = admin.execute("SELECT pg_terminate_backend(%s, 5000)", idle).fetchone()
    assert ended == (True,)
    with kernel_app.app_context():
        assert session().scalar(text("SELECT pg_backend_pid()")) != idle[0]


def test_a_connection_that_went_stale_is_replaced_without_the_caller_noticing() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    served: list[bytes] = []

    def serve() -> None:
        for _ in range(2):  # each connection serves one request and is closed without a word
            connection, _ = listener.accept()
            served.append(connection.recv(65536))
            connection.sendall(answer)
            connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    upstream = Upstream(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout_s=5)
    for _ in range(2):
        assert upstream.request("POST", "/x", headers={}, body=b"{}").body == b"ok"
    thread.join(5)
    listener.close()
    assert len(served) == 2
    with pytest.raises(NoAnswer):
        upstream.request("GET", "/x", headers={})


def test_an_answer_that_nobody_waited_for_is_not_taken_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job's time limit strikes while an answer is awaited; the worker's next question gets its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    asked = threading.Event()

    def serve() -> None:
        for number in (1, 2):
            connection, _ = listener.accept()
            with suppress(ConnectionError):
                while head := connection.recv(65536):
                    if b"/slow" in head:
                        asked.set()
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number)
            connection.close()

    threading.Thread(target=serve, daemon=True).start()
    upstream = Upstream(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout_s=5)
    assert upstream.request("GET", "/x", headers={}).body == b"1"

    class TimeIsUp(Exception):
        pass

    def cut(*_arguments: object, **_options: object) -> None:
        asked.wait(5)
        raise TimeIsUp

    with monkeypatch.context() as patched:
        patched.setattr(http.client.HTTPResponse, "begin", cut)
        with pytest.raises(TimeIsUp):
            upstream.request("GET", "/slow", headers={})
    assert upstream.request("GET", "/x", headers={}).body == b"2", "another connection's answer"
    listener.close()


def test_a_line_break_in_a_header_is_never_sent() -> None:
    with pytest.raises(ValueError, match="line break"):
        Upstream("http://127.0.0.1:1").request("GET", "/x", headers={"Accept": "a\r\nHuzhu-Principal: forged"})
