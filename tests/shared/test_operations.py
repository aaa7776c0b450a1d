"""Dead letters hold what is somebody's: who learns of them, who reads them, who tries them again."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import audit, clock, outbox
from shared.db import session, transactional
from shared.events import MemberChanged
from shared.ids import new_id
from shared.principal import Grant, Kind, Principal, Role
from tests.support import json_of, principal_headers

CITY = f"/{UUID(int=1).hex}/"
STATION = f"{CITY}{UUID(int=2).hex}/"
OTHER_CITY = f"/{UUID(int=3).hex}/"


def administrator(path: str) -> dict[str, str]:
    return principal_headers("points", login_id=new_id(), grants=(Grant(Role.ADMINISTRATOR, path),))


@pytest.fixture
def letter(kernel_app: Flask) -> UUID:
    """A fact about 陈小芳 that its receiver refused, with a value of it in the reason."""
    fact = MemberChanged(
        member_id=new_id(),
        version=1,
        status="active",
        confirmed=True,
        volunteer_number="100000000001",
        name_masked="陈*芳",
        name_public="陈小芳",
        household_id=new_id(),
    )
    with kernel_app.app_context():
        row_id = transactional(lambda tx: outbox.add(tx, fact))()[0]
        transactional(outbox.mark_dead)(row_id, "invalid: 看不懂 陈小芳")
    return row_id


def listed(app: Flask, path: str) -> Any:
    answer = app.test_client().get("/api/v1/points/dead-letters", headers=administrator(path))
    assert answer.status_code == 200, answer.text
    return json_of(answer)


def requeue(app: Flask, row_id: UUID, path: str) -> int:
    where = f"/api/v1/points/dead-letters/{row_id}/requeue"
    return app.test_client().post(where, headers=administrator(path)).status_code


def test_who_administers_everything_reads_what_is_in_a_dead_letter(kernel_app: Flask, letter: UUID) -> None:
    (found,) = listed(kernel_app, "/")
    assert found["body"]["name_public"] == "陈小芳"
    assert found["error"] == "invalid: 看不懂 陈小芳"
    assert found["may_requeue"] is True


@pytest.mark.parametrize(("path", "may_requeue"), [(STATION, False), (CITY, True), (OTHER_CITY, True)])
def test_an_administrator_of_a_node_learns_that_it_is_there_and_reads_nothing_of_it(
    kernel_app: Flask, letter: UUID, path: str, may_requeue: bool
) -> None:
    (found,) = listed(kernel_app, path)
    assert found["id"] == str(letter)
    assert (found["name"], found["error"], found["body"]) == ("MemberChanged", "invalid", None)
    assert found["may_requeue"] is may_requeue
    assert "陈" not in str(found)


def test_an_administrator_of_one_station_tries_nothing_again(kernel_app: Flask, letter: UUID) -> None:
    assert requeue(kernel_app, letter, STATION) == 403
    with kernel_app.app_context():
        assert outbox.backlog(session()).dead == 1


@pytest.mark.parametrize("path", ["/", CITY])
def test_trying_again_stands_in_the_audit_log_where_the_right_was_held(
    kernel_app: Flask, letter: UUID, path: str
) -> None:
    assert [requeue(kernel_app, letter, path) for _ in range(2)] == [204, 404]
    with kernel_app.app_context():
        assert outbox.backlog(session()).dead == 0
        entries = session().execute(select(audit.audit_log.c.path, audit.audit_log.c.subject_id)).all()
    assert entries == [(path, letter)]


def test_dead_letters_come_in_pages_with_none_left_out_or_told_twice(kernel_app: Flask) -> None:
    def bury() -> UUID:
        fact = MemberChanged(
            member_id=new_id(), version=1, status="active", confirmed=True, volunteer_number="1", name_masked="陈*"
        )
        row_id = transactional(lambda tx: outbox.add(tx, fact))()[0]
        transactional(outbox.mark_dead)(row_id, "invalid")
        return row_id

    with kernel_app.app_context():
        rows = [bury() for _ in range(7)]

    def page(query: str) -> list[str]:
        answer = kernel_app.test_client().get(f"/api/v1/points/dead-letters?{query}", headers=administrator("/"))
        assert answer.status_code == 200, answer.text
        return [found["id"] for found in json_of(answer)]

    newest_first = [str(row_id) for row_id in sorted(rows, reverse=True)]
    first = page("limit=3")
    assert requeue(kernel_app, UUID(first[-1]), "/") == 204, "paging goes on after one that was tried again"
    assert first + page(f"limit=3&before={first[-1]}") + page(f"limit=3&before={newest_first[5]}") == newest_first
    for wrong in ("limit=0", "limit=201", "before=1", "page=2"):
        answer = kernel_app.test_client().get(f"/api/v1/points/dead-letters?{wrong}", headers=administrator("/"))
        assert answer.status_code == 400, wrong


@pytest.mark.parametrize("action", ["%00", "x" * 61, "%E2%80%A8%1F"])
def test_no_text_asked_of_the_audit_log_breaks_it(kernel_app: Flask, action: str) -> None:
    answer = kernel_app.test_client().get(f"/api/v1/points/audit?action={action}", headers=administrator("/"))
    assert (answer.status_code, json_of(answer)["code"]) == (400, "invalid")


def test_the_audit_log_is_asked_for_people_places_and_days(kernel_app: Flask) -> None:
    ann, ben = new_id(), new_id()

    def act(tx: Session, /, action: str, subject_id: UUID, path: str, **detail: str) -> None:
        who = ann if action == "by.ann" else new_id()
        caller = Principal(kind=Kind.LOGIN, audience="points", login_id=new_id(), own_member_id=who)
        audit.add(tx, caller, action, "member", subject_id, path=path, detail=detail)

    with kernel_app.app_context():
        transactional(act)("by.ann", new_id(), STATION)
        transactional(act)("to.ben", ben, OTHER_CITY)
        transactional(act)("about.ben", new_id(), CITY, member_id=str(ben))

    def found(**query: str) -> list[str]:
        answer = kernel_app.test_client().get("/api/v1/points/audit", query_string=query, headers=administrator("/"))
        assert answer.status_code == 200, answer.text
        return [entry["action"] for entry in json_of(answer)]

    assert found(member_ids=str(ann)) == ["by.ann"]
    assert found(member_ids=str(ben)) == ["about.ben", "to.ben"]
    assert found(member_ids=f"{ann},{ben}", node_ids=str(UUID(int=1))) == ["about.ben", "by.ann"]
    assert found(node_ids=str(UUID(int=2))) == ["by.ann"]
    assert found(node_ids=f"{UUID(int=2)},{UUID(int=3)}") == ["to.ben", "by.ann"]
    now = clock.now()
    assert len(found(**{"from": (now - timedelta(minutes=1)).isoformat(), "to": now.isoformat()})) == 3
    assert found(**{"from": (now + timedelta(minutes=1)).isoformat()}) == []
    assert found(to=(now - timedelta(minutes=1)).isoformat()) == []
