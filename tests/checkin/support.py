"""A station with an activity, people who come to it, and those who have no business there."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from sqlalchemy import event, text

from shared import clock, copies
from shared.db import session, transactional
from shared.events import MemberChanged, StationChanged
from shared.principal import Grant, Kind, Principal, Role
from tests.support import principal_headers

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.test import TestResponse

    from services.checkin.commands.scans import Receipt
    from services.checkin.domain.attendances import Attendance
    from services.checkin.store import Activity

SATURDAY = datetime(2026, 11, 21, 0, 0, tzinfo=UTC)
"""Eight in the morning in Shanghai."""
START = SATURDAY + timedelta(hours=1)
END = START + timedelta(hours=3)
HERE, ELSEWHERE = "/town/here/", "/town/elsewhere/"


def after(minutes: float) -> datetime:
    """So many minutes after the activity's start."""
    return START + timedelta(minutes=minutes)


@dataclass
class Station:
    """南昌路站 at `HERE`, with what tests do there. Everything happens through the real commands."""

    app: "Flask"
    id: UUID = field(default_factory=uuid4)
    elsewhere_id: UUID = field(default_factory=uuid4)

    def __post_init__(self) -> None:
        stations = [
            StationChanged(node_id=node_id, version=1, level="station", name=name, path=path)
            for node_id, name, path in ((self.id, "南昌路站", HERE), (self.elsewhere_id, "岔路口站", ELSEWHERE))
        ]
        transactional(copies.take_stations)(stations)
        self.organizer = self.person(Grant(Role.ORGANIZER, HERE))

    def member(self, *, status: str = "active", household_id: UUID | None = None) -> UUID:
        """A member whose card has come."""
        member_id = uuid4()
        card = replace(self.card(member_id), status=status, household_id=household_id)
        transactional(copies.take_members)([card])
        return member_id

    def card(self, member_id: UUID) -> MemberChanged:
        """What members tells of somebody."""
        return MemberChanged(
            member_id=member_id,
            version=1,
            status="active",
            confirmed=True,
            volunteer_number="123456789012",
            name_masked="陈*芳",
            station_id=self.id,
        )

    def person(self, *grants: Grant, household_id: UUID | None = None, family: tuple[UUID, ...] = ()) -> Principal:
        """A login with a member of its own."""
        own = self.member(household_id=household_id)
        return Principal(
            kind=Kind.LOGIN,
            audience="checkin",
            login_id=uuid4(),
            session_id=uuid4(),
            member_id=own,
            own_member_id=own,
            member_ids=(own, *family),
            household_ids=(household_id,) if household_id else (),
            grants=grants,
        )

    def draft(self, **fields: Any) -> "Activity":
        from services.checkin.commands import activities
        from services.checkin.store.activities import SiteDraft

        content: dict[str, Any] = {
            "activity_id": uuid4(),
            "title": "清扫和谐小区",
            "category": "environment",
            "station_id": self.id,
            "place": "和谐小区",
            "starts_at": START,
            "ends_at": END,
            "sites": [SiteDraft(uuid4(), "东门", "东门岗亭")],
        }
        return activities.create_activity(self.organizer, **content | fields)

    def activity(self, **fields: Any) -> "Activity":
        from services.checkin.commands import activities

        made = self.draft(**fields)
        return activities.publish_activity(self.organizer, activity_id=made.id)

    def code(self, activity: "Activity", direction: str, *, site: int = 0, shown_at: datetime | None = None) -> str:
        """The text of a code that was on the screen at this moment."""
        from services.checkin.domain import codes
        from services.checkin.domain.codes import Direction, PlaceCode

        ring = self.app.config["CODE_KEYS"]
        step = codes.step_of(shown_at or clock.now())
        place = PlaceCode(activity.id, activity.sites[site].id, Direction(direction), step)
        return codes.write(place, ring.current, ring.keys[ring.current])

    def scan(
        self,
        who: Principal,
        activity: "Activity",
        direction: str,
        at: datetime,
        *,
        site: int = 0,
        late_minutes: float = 0,
        member_id: UUID | None = None,
    ) -> "Receipt":
        from services.checkin.commands import scans

        with clock.travel(at):
            code = self.code(activity, direction, site=site, shown_at=at - timedelta(minutes=late_minutes))
            return scans.record_scan(who, code=code, member_id=member_id or own(who))

    def attend(
        self, who: Principal, activity: "Activity", arrived: float = 0, left: float = 180, *, site: int = 0
    ) -> "Attendance":
        """Arrive and leave so many minutes after the start, by own scans."""
        self.scan(who, activity, "arrival", after(arrived), site=site)
        receipt = self.scan(who, activity, "departure", after(left), site=site)
        assert receipt.attendance_id is not None, receipt
        return self.find(receipt.attendance_id)

    def find(self, attendance_id: UUID) -> "Attendance":
        from services.checkin.store import attendances

        found = attendances.find_made(session(), attendance_id)
        session().rollback()
        assert found is not None
        return found[0]

    def told(self) -> list[dict[str, Any]]:
        """What points was told, in order."""
        rows = self.rows("SELECT body FROM outbox WHERE name = 'AttendanceSettled' ORDER BY id")
        return [row["body"] for row in rows]

    def rows(self, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        found = [dict(row._mapping) for row in session().execute(text(sql), parameters)]
        session().rollback()
        return found

    def request(
        self, who: Principal, method: str, path: str, at: datetime | None = None, **options: Any
    ) -> "TestResponse":
        """A request to the public API as this caller, at a moment."""
        # A context of its own: within the fixture's, one request's caller would be the next one's.
        with clock.travel(at or clock.now()), self.app.app_context():
            headers = principal_headers("checkin", **{name: getattr(who, name) for name in _SIGNED})
            return self.app.test_client().open(f"/api/v1/checkin{path}", method=method, headers=headers, **options)


_SIGNED = (
    "kind",
    "login_id",
    "session_id",
    "member_id",
    "own_member_id",
    "member_ids",
    "household_ids",
    "grants",
    "grants_of_others",
    "read_at",
)


def own(who: Principal) -> UUID:
    assert who.own_member_id is not None
    return who.own_member_id


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements sent to the database within the block, without BEGIN and COMMIT."""
    from services.checkin.store import db

    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        sent.append(statement)

    engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)
