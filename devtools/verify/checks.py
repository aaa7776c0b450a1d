"""The invariants of the architecture, by number. Those of one service live in its `queries/verify*`;
those between services are here, since only a tool may look into two databases at once.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy import text

from devtools.verify.audited import find_silent_acts
from devtools.verify.shown import find_listed_without_consent, find_shown_without_consent
from services.checkin import app as checkin
from services.members import app as members
from services.points import app as points
from services.points.queries import verify as ledger
from services.points.queries import verify_boards as boards
from services.rewards import app as rewards
from services.rewards.queries import verify as redemptions
from shared.db import APPEND_ONLY, session

Find = Callable[[], Iterator[str]]
Check = tuple[int, str, Find]
"""Number of the invariant, what it says, and what finds where it does not hold."""


class Town:
    """All four databases, read with the services' own roles."""

    def __init__(self, apps: dict[str, Flask]) -> None:
        self.apps = apps

    @classmethod
    @contextlib.contextmanager
    def connect(cls) -> "Iterator[Town]":
        apps = {
            "members": members.create_app(),
            "checkin": checkin.create_app(),
            "points": points.create_app(),
            "rewards": rewards.create_app(),
        }
        logging.getLogger().setLevel(logging.WARNING)
        yield cls(apps)

    def rows(self, service: str, statement: str, **values: Any) -> list[Any]:
        with self.apps[service].app_context():
            return list(session().execute(text(statement), values))

    def within(self, service: str, find: Find) -> Find:
        """The same check, inside its service."""

        def found() -> Iterator[str]:
            with self.apps[service].app_context():
                yield from find()

        return found

    def undelivered(self, service: str, name: str, key: str) -> set[str]:
        """Keys of facts that are yet to be told; a dead letter is not on its way any more."""
        rows = self.rows(
            service,
            "SELECT DISTINCT body ->> :key FROM outbox WHERE name = :name AND delivered_at IS NULL AND dead_at IS NULL",
            name=name,
            key=key,
        )
        return {row[0] for row in rows}

    def pending(self) -> Iterator[str]:
        """What is on its way between services."""
        for service in self.apps:
            for destination, name, count in self.rows(
                service,
                """
                SELECT destination, name, count(*) FROM outbox
                WHERE delivered_at IS NULL AND dead_at IS NULL GROUP BY 1, 2 ORDER BY 1, 2
                """,
            ):
                yield f"{count} {name} from {service} to {destination}"
            dead = self.rows(service, "SELECT count(*) FROM outbox WHERE dead_at IS NOT NULL")[0][0]
            if dead:
                yield f"{dead} dead letters in {service}: a person must look"
        for find in (ledger.list_pending, redemptions.list_pending):
            yield from self.within("points" if find is ledger.list_pending else "rewards", find)()


def all_checks(town: Town) -> Iterator[Check]:
    """Every check, in the order of the invariants."""
    for name, find in ledger.CHECKS.items():
        yield _LEDGER_INVARIANTS.get(name, 1), name, town.within("points", find)
    yield 2, "no member is at two places of one activity twice", lambda: _pairs(town)
    yield 2, "every live award has its attendance", lambda: _awards(town)
    yield 3, "every confirmed attendance is settled, or on its way", lambda: _settled(town)
    yield 3, "every service knows each member and station as members does, or will", lambda: _copies(town)
    for name, find in redemptions.CHECKS.items():
        yield (4 if name.startswith(("stock", "limits")) else 5), name, town.within("rewards", find)
    yield 5, "points hold of every redemption what it came to", lambda: _redemptions(town)
    yield 6, "no append-only table can be changed by its service", lambda: _protection(town)
    yield 7, "every privileged act is in the audit log", lambda: find_silent_acts(town.rows)
    for name, find in boards.CHECKS.items():
        yield 8, name, town.within("points", find)
    yield 8, "no copy shows more of a member than was consented to", lambda: find_shown_without_consent(town.rows)
    yield (
        8,
        "no board lists a child, or anybody without consent",
        lambda: find_listed_without_consent(town.rows, town.apps["points"]),
    )


_LEDGER_INVARIANTS = {
    "one live award an attendance": 2, "every transfer is sealed or waits": 6, "chains are whole": 6,
}  # fmt: skip


# --- Between check-in and points ------------------------------------------------------------------------


def _pairs(town: Town) -> Iterator[str]:
    for row in town.rows(
        "checkin",
        """
        SELECT site_id, member_id, pair, count(*) FROM attendance GROUP BY 1, 2, 3 HAVING count(*) > 1
        UNION ALL
        SELECT site_id, member_id, NULL, count(*) FROM attendance WHERE state = 'open' GROUP BY 1, 2 HAVING count(*) > 1
        """,
    ):
        yield f"member {row.member_id} has {row.count} attendances at site {row.site_id}"


def _versions(town: Town) -> dict[UUID, tuple[str, int]]:
    """Attendances that are confirmed, corrected or annulled: their state and version."""
    rows = town.rows("checkin", "SELECT id, state, version FROM attendance WHERE version > 0")
    return {row.id: (row.state, row.version) for row in rows}


def _settled(town: Town) -> Iterator[str]:
    on_their_way = town.undelivered("checkin", "AttendanceSettled", "attendance_id")
    booked = dict(town.rows("points", "SELECT attendance_id, max(version) FROM outcome GROUP BY 1"))
    for attendance_id, (state, version) in _versions(town).items():
        if str(attendance_id) not in on_their_way and booked.get(attendance_id, 0) < version:
            yield f"attendance {attendance_id} is {state} as version {version}, points know {booked.get(attendance_id)}"


def _awards(town: Town) -> Iterator[str]:
    on_their_way = town.undelivered("checkin", "AttendanceSettled", "attendance_id")
    versions = _versions(town)
    for row in town.rows(
        "points",
        """
        SELECT DISTINCT ON (attendance_id) attendance_id, version, award_version FROM outcome
        ORDER BY attendance_id, version DESC
        """,
    ):
        state, version = versions.get(row.attendance_id, ("not confirmed", 0))
        if row.version > version:
            yield f"points know version {row.version} of attendance {row.attendance_id}, which is {state}"
        elif row.award_version is not None and state == "annulled" and str(row.attendance_id) not in on_their_way:
            yield f"attendance {row.attendance_id} is annulled and has an award"


# --- Between members and everybody ------------------------------------------------------------------------


def _copies(town: Town) -> Iterator[str]:
    for name, key, table, copy, copy_key in (
        ("MemberChanged", "member_id", "member", "member_card", "member_id"),
        ("StationChanged", "node_id", "node", "station", "node_id"),
    ):
        on_their_way = town.undelivered("members", name, key)
        truth = dict(town.rows("members", f"SELECT id, version FROM {table}"))
        for service in ("checkin", "points", "rewards"):
            known = dict(town.rows(service, f"SELECT {copy_key}, version FROM {copy}"))
            for row_id, version in truth.items():
                if known.get(row_id) != version and str(row_id) not in on_their_way:
                    yield f"{service} knows {known.get(row_id)} of {table} {row_id}, whose version is {version}"


# --- Between rewards and points ------------------------------------------------------------------------


def _redemptions(town: Town) -> Iterator[str]:
    on_their_way = {
        redemption_id
        for name in ("SpendRequested", "RedemptionVoided")
        for redemption_id in town.undelivered("rewards", name, "redemption_id")
    }
    booked = {
        row.source_id: row.points
        for row in town.rows(
            "points",
            """
            SELECT source_id, sum(CASE kind WHEN 'spend' THEN amount ELSE -amount END) AS points FROM transfer
            WHERE source_type = 'redemption' AND kind IN ('spend', 'refund') GROUP BY 1
            """,
        )
    }
    with town.apps["rewards"].app_context():
        dues = list(redemptions.list_dues())
    for due in dues:
        held = booked.pop(due.redemption_id, 0)
        if held != due.points and str(due.redemption_id) not in on_their_way:
            yield f"redemption {due.redemption_id} should have taken {due.points} of {due.member_id}, and took {held}"


# --- Protection ----------------------------------------------------------------------------------------


def _protection(town: Town) -> Iterator[str]:
    for service in town.apps:
        found = town.rows(
            service,
            """
            SELECT c.relname, has_table_privilege(c.oid, 'UPDATE') OR has_table_privilege(c.oid, 'DELETE')
                OR has_table_privilege(c.oid, 'TRUNCATE') AS may_change,
                EXISTS (
                    SELECT FROM pg_trigger t
                    WHERE t.tgrelid = c.oid AND t.tgname = 'append_only' AND t.tgenabled = 'O'
                ) AS guarded
            FROM pg_class c WHERE c.relkind = 'r' AND obj_description(c.oid, 'pg_class') = :append_only
            """,
            append_only=APPEND_ONLY,
        )
        if not found:
            yield f"{service} has no append-only table at all"
        for row in found:
            if row.may_change or not row.guarded:
                yield f"{service}.{row.relname} can be changed"
