"""What is kept of somebody who tries to act for themselves: once, in a transaction of its own, before the answer."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from devtools.children import wait_until
from shared import audit, clock, web
from shared.db import session, transactional
from shared.errors import Unavailable
from shared.principal import Grant, Kind, OwnCase, Principal, Role, Tried

WAITS = text("SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)")
MEMBER, STATION = uuid4(), f"/{UUID(int=2).hex}/"
WHO = Principal(
    kind=Kind.LOGIN,
    audience="points",
    login_id=uuid4(),
    own_member_id=MEMBER,
    member_ids=(MEMBER,),
    grants=(Grant(Role.STAFF, STATION),),
)


def tried(act: str = "leaver.give", **told: str) -> OwnCase:
    with pytest.raises(OwnCase) as refused:
        WHO.refuse_own_case(MEMBER, None, Tried(act, STATION, told=told))
    return refused.value


def kept(app: Flask) -> list[Any]:
    with app.app_context():
        log = audit.audit_log.c
        return list(session().execute(select(log.action, log.subject_id, log.path, log.detail).order_by(log.id)))


def test_a_repetition_is_not_kept_and_another_try_or_a_later_one_is(kernel_app: Flask) -> None:
    now = clock.now()
    minutes_and_tries = [(0, tried()), (1, tried()), (2, tried(title="大扫除")), (9, tried()), (11, tried())]
    with kernel_app.app_context():
        for minutes, refused in minutes_and_tries:
            with clock.travel(now + timedelta(minutes=minutes)):
                audit.keep_own_case(WHO, refused)
    entry = ("leaver.refuse_own", MEMBER, STATION)
    same, titled = {"tried": "leaver.give"}, {"tried": "leaver.give", "title": "大扫除"}
    assert [tuple(row) for row in kept(kernel_app)] == [(*entry, same), (*entry, titled), (*entry, same)]


def test_the_same_try_twice_at_once_is_one_entry(kernel_app: Flask) -> None:
    def again() -> None:
        with kernel_app.app_context():
            audit.keep_own_case(WHO, tried())

    @transactional
    def keep(tx: Session) -> None:
        audit.add_own_cases(tx, WHO, "leaver.refuse_own", {MEMBER: {"tried": "leaver.give"}}, path=STATION)
        second = threads.submit(again)
        wait_until(lambda: second.done() or tx.scalar(WAITS), "somebody who tries the same", 10)

    with ThreadPoolExecutor(1) as threads, kernel_app.app_context():
        keep()
    assert len(kept(kernel_app)) == 1


def test_while_it_cannot_be_kept_the_caller_is_asked_to_try_again(
    kernel_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_args: Any) -> None:
        raise Unavailable

    monkeypatch.setattr(web, "caller", lambda: WHO)
    with kernel_app.test_request_context("/"):

        def status(refused: OwnCase) -> int:
            return kernel_app.make_response(kernel_app.handle_user_exception(refused)).status_code

        assert (status(tried()), status(OwnCase())) == (403, 403)
        monkeypatch.setattr(audit, "keep_own_case", away)
        assert status(tried()) == 503
    assert len(kept(kernel_app)) == 1
