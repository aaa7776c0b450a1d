"""The tables.

Activities and sites are models. Scans and attendances are plain tables: they are the hot path, and
commands work on frozen `domain.attendances.Attendance` copies of their rows.
"""

from datetime import date, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    literal_column,
    select,
    text,
)
from sqlalchemy.orm import Mapped, column_property, mapped_column, relationship

from services.checkin.domain import activities
from services.checkin.domain.schedule import Schedule
from shared import copies
from shared.db import APPEND_ONLY, create_database

db = create_database()

if TYPE_CHECKING:
    from shared.db import Model
else:
    Model = db.Model


sign_up_table = Table(
    "sign_up",
    db.metadata,
    Column("id", Uuid, primary_key=True),
    Column("activity_id", Uuid, ForeignKey("activity.id"), nullable=False),
    # Where the person wants to help; nowhere named means wherever they are needed.
    Column("site_id", Uuid),
    Column("member_id", Uuid, nullable=False),
    # The order in which they came, which decides who is beyond the capacity. A time could be shared.
    Column("number", Integer, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("by_member_id", Uuid),
    # The pasted list it stood on, if it was one.
    Column("list_id", Uuid),
    Column("cancelled_at", DateTime(timezone=True)),
    Column("cancelled_by_member_id", Uuid),
    ForeignKeyConstraint(["activity_id", "site_id"], ["site.activity_id", "site.id"]),
    UniqueConstraint("activity_id", "number"),
    Index("uq_sign_up_live", "activity_id", "member_id", unique=True, postgresql_where=text("cancelled_at IS NULL")),
    Index("ix_sign_up_member_id", "member_id", postgresql_where=text("cancelled_at IS NULL")),
)


# Correlated, so that it counts for the activities of a statement alone. A card that has not come yet hides nobody.
_SIGNED_UP = """(
    WITH RECURSIVE who (person_id, merged_into) AS (
        SELECT member_id, merged_into FROM sign_up LEFT JOIN member_card USING (member_id)
        WHERE activity_id = activity.id AND cancelled_at IS NULL
        UNION
        SELECT who.merged_into, card.merged_into
        FROM who LEFT JOIN member_card card ON card.member_id = who.merged_into WHERE who.merged_into IS NOT NULL
    )
    SELECT count(*) FROM who WHERE merged_into IS NULL
)"""


class Activity(Model):
    """An activity of a station. `digest` is of the content it was made with, so that a repeated post is known."""

    __tablename__ = "activity"
    __table_args__ = (
        CheckConstraint(
            "state IN ('draft', 'in_review', 'published', 'postponed', 'cancelled', 'closed')", name="state"
        ),
        CheckConstraint("starts_at < ends_at AND ends_at <= starts_at + interval '24 hours'", name="times"),
        CheckConstraint("num_nulls(was_starts_at, was_ends_at) IN (0, 2)", name="was"),
        CheckConstraint("capacity > 0", name="capacity"),
        CheckConstraint("state <> 'in_review' OR asked_at IS NOT NULL", name="asked_at"),
        Index("ix_activity_station_id_starts_at", "station_id", "starts_at"),
        Index("ix_activity_starts_at", "starts_at"),
        # Few at any time: what waits to be reviewed, and what was sent back.
        Index(
            "ix_activity_reviewed",
            "starts_at",
            postgresql_where=text("state = 'in_review' OR (state = 'draft' AND reason IS NOT NULL)"),
        ),
        # What the sweep looks for: activities that nobody has closed.
        Index("ix_activity_running", "ends_at", postgresql_where=text("state = 'published'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    state: Mapped[str]
    title: Mapped[str]
    category: Mapped[str]
    station_id: Mapped[UUID] = mapped_column()
    place: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    was_starts_at: Mapped[datetime | None]
    """When it would have been before it was moved last, as people were told."""
    was_ends_at: Mapped[datetime | None]
    window_before_minutes: Mapped[int]
    capacity: Mapped[int | None]
    confirm_each: Mapped[bool]
    reason: Mapped[str | None]
    """Why it was cancelled; of a draft, why it was sent back."""
    asked_at: Mapped[datetime | None]
    """When it was last asked for that it be reviewed, and by whom."""
    asked_by: Mapped[UUID | None]
    published_at: Mapped[datetime | None]
    """When everybody could see it first. What was called off before is for the organizers alone."""
    ended_at: Mapped[datetime | None]
    """When it was closed or cancelled; of one that nobody closed, its planned end."""
    summary: Mapped[str | None]
    """What the organizer writes of it when it is over."""
    digest: Mapped[bytes]
    created_by: Mapped[UUID | None]
    created_at: Mapped[datetime]
    station_path: Mapped[str | None] = column_property(
        select(copies.station.c.path)
        .where(copies.station.c.node_id == station_id)
        .correlate_except(copies.station)
        .scalar_subquery()
    )
    station_name: Mapped[str | None] = column_property(
        select(copies.station.c.name)
        .where(copies.station.c.node_id == station_id)
        .correlate_except(copies.station)
        .scalar_subquery()
    )
    signed_up: Mapped[int] = column_property(literal_column(_SIGNED_UP, Integer))
    """How many people have signed up, under however many entries of theirs that were merged."""
    sites: Mapped[list["Site"]] = relationship(order_by="Site.number", cascade="all, delete-orphan", lazy="selectin")

    @property
    def schedule(self) -> Schedule:
        return Schedule(self.starts_at, self.ends_at, self.window_before_minutes, self.ended_at)

    @property
    def leaders(self) -> dict[UUID, UUID | None]:
        """Who leads each of its sites."""
        return {site.id: site.leader_member_id for site in self.sites}

    @property
    def path(self) -> str:
        """Where it lies in the tree; the empty path of a station that is not known here is below no grant."""
        return self.station_path or ""

    @property
    def arrival_opens_at(self) -> datetime:
        return self.schedule.arrival_opens_at

    @property
    def departure_closes_at(self) -> datetime:
        return self.schedule.departure_closes_at

    @property
    def stands(self) -> activities.State:
        return activities.State(self.state)


class ConfirmEachOn(Model):
    """A node at and below which every attendance is confirmed by somebody, since when."""

    __tablename__ = "confirm_each_on"

    node_id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]


class ReviewOn(Model):
    """A node at and below which activities are reviewed before they are published, since when."""

    __tablename__ = "review_on"

    node_id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]


class Site(Model):
    """A place of an activity with its own codes (点位). For now it is also its only post."""

    __tablename__ = "site"
    __table_args__ = (
        UniqueConstraint("activity_id", "id"),
        Index("ix_site_leader_member_id", "leader_member_id", postgresql_where=text("leader_member_id IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    activity_id: Mapped[UUID] = mapped_column(ForeignKey("activity.id"))
    number: Mapped[int] = mapped_column(SmallInteger)
    name: Mapped[str]
    place: Mapped[str]
    leader_member_id: Mapped[UUID | None]


station_past = Table(
    "station_past",
    db.metadata,
    Column("node_id", Uuid, primary_key=True),
    Column("from_day", Date, primary_key=True),
    Column("until_day", Date),
    Column("name", Text, nullable=False),
    Column("parent_id", Uuid),
    CheckConstraint("until_day > from_day", name="until_after_from"),
    Index("ix_station_past_parent_id", "parent_id"),
    comment="What members tells of the names and parents that stations had, by day.",
)

attendance_table = Table(
    "attendance",
    db.metadata,
    Column("id", Uuid, primary_key=True),
    Column("activity_id", Uuid, nullable=False),
    Column("site_id", Uuid, nullable=False),
    Column("member_id", Uuid, nullable=False),
    Column("pair", SmallInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("version", Integer, nullable=False, server_default=text("0")),
    Column("service_day", Date, nullable=False),
    Column("arrived_at", DateTime(timezone=True), nullable=False),
    Column("left_at", DateTime(timezone=True)),
    Column("minutes", Integer),
    Column("minutes_in_time", Integer),
    Column("evidence", Text, nullable=False),
    Column("marks", ARRAY(Text), nullable=False),
    Column("automatic_departure", Boolean, nullable=False, server_default=text("false")),
    Column("reason", Text),
    Column("digest", Text),
    ForeignKeyConstraint(["activity_id", "site_id"], ["site.activity_id", "site.id"]),
    CheckConstraint("state IN ('open', 'left', 'confirmed', 'corrected', 'annulled', 'rejected')", name="state"),
    CheckConstraint("(state = 'open') = (left_at IS NULL)", name="left_at"),
    CheckConstraint("(state = 'open') = (minutes IS NULL)", name="minutes"),
    CheckConstraint("left_at >= arrived_at AND minutes >= 0", name="times"),
    CheckConstraint("(version > 0) = (state IN ('confirmed', 'corrected', 'annulled'))", name="version"),
    UniqueConstraint("site_id", "member_id", "pair"),
    Index("uq_attendance_open", "site_id", "member_id", unique=True, postgresql_where=text("state = 'open'")),
    # Presence counts from this index alone, and never beyond one activity.
    Index("ix_attendance_activity_id_member_id_state", "activity_id", "member_id", "state"),
    Index("ix_attendance_member_id_arrived_at", "member_id", "arrived_at"),
)

scan_table = Table(
    "scan",
    db.metadata,
    Column("id", Uuid, primary_key=True),
    Column("member_id", Uuid, nullable=False),
    Column("login_id", Uuid),
    Column("activity_id", Uuid),
    Column("site_id", Uuid),
    Column("direction", Text),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("outcome", Text, nullable=False),
    Column("marks", ARRAY(Text), nullable=False),
    Column("why", Text),
    Column("waits", Boolean, nullable=False),
    Column("attendance_id", Uuid),
    # One code read by many people was passed on; the code itself is not kept.
    Column("code_digest", LargeBinary),
    Index("ix_scan_activity_id_received_at", "activity_id", "received_at"),
    Index("ix_scan_member_id_received_at", "member_id", "received_at"),
    # One person, one day.
    Index("ix_scan_member_id_at", "member_id", "at"),
    comment=APPEND_ONLY,
)

# What was done with an attendance is asked for by it.
Index("ix_audit_log_subject_id", db.metadata.tables["audit_log"].c.subject_id)


class OutsideNumber(Model):
    """Under which number another platform knows a member or an activity."""

    __tablename__ = "outside_number"
    __table_args__ = (
        UniqueConstraint("platform", "kind", "number"),
        CheckConstraint("kind IN ('member', 'activity')", name="kind"),
    )

    platform: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str]
    at: Mapped[datetime]


class ExportBatch(Model):
    """Records of service that were handed to another platform together; never changed."""

    __tablename__ = "export_batch"
    __table_args__ = (
        UniqueConstraint("platform", "number"),
        CheckConstraint("records > 0", name="records"),
        {"comment": APPEND_ONLY},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    platform: Mapped[str]
    number: Mapped[int]
    node_id: Mapped[UUID]
    node_name: Mapped[str]
    path: Mapped[str]
    from_day: Mapped[date]
    to_day: Mapped[date]
    records: Mapped[int]
    made_at: Mapped[datetime]
    made_by: Mapped[UUID | None]


class ExportRecord(Model):
    """A record of service as it stood when its batch was made. A version of an attendance is in one batch of a
    platform at most; a later one that says something else is a correction of the first. Whose it was stands apart.
    """

    __tablename__ = "export_record"
    __table_args__ = (
        UniqueConstraint("platform", "attendance_id", "version"),
        {"comment": APPEND_ONLY},
    )

    batch_id: Mapped[UUID] = mapped_column(ForeignKey("export_batch.id"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    platform: Mapped[str]
    attendance_id: Mapped[UUID]
    version: Mapped[int]
    corrects: Mapped[UUID | None]
    """The batch in which the record came first."""
    counts: Mapped[bool]
    """Not annulled."""
    activity_number: Mapped[str | None]
    title: Mapped[str]
    category: Mapped[str]
    place: Mapped[str]
    station_name: Mapped[str]
    service_day: Mapped[date]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    minutes: Mapped[int]
    evidence: Mapped[str]


class ExportPerson(Model):
    """Whose a record of a batch was when the batch was made. It goes when the member is forgotten; the record stays."""

    __tablename__ = "export_person"
    __table_args__ = (
        ForeignKeyConstraint(["batch_id", "line"], ["export_record.batch_id", "export_record.line"]),
        Index("ix_export_person_member_id", "member_id"),
    )

    batch_id: Mapped[UUID] = mapped_column(primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[UUID]
    """The entry that was there, though it may have been merged."""
    member_number: Mapped[str]
    volunteer_number: Mapped[str]
    name_masked: Mapped[str]


class PastRecord(Model):
    """A line of a list of past services that was approved, and what became of it. One that was taken in is an
    attendance of the same id.
    """

    __tablename__ = "past_record"
    __table_args__ = (
        CheckConstraint("state IN ('taken', 'left_out', 'undone')", name="state"),
        # Entered later means: by two.
        CheckConstraint(
            "state <> 'taken' OR num_nulls(activity_id, brought_by, approved_by) = 0 AND brought_by <> approved_by",
            name="second_person",
        ),
        Index("ix_past_record_activity_id", "activity_id", postgresql_where=text("activity_id IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    import_id: Mapped[UUID]
    member_id: Mapped[UUID]
    activity_id: Mapped[UUID | None] = mapped_column(ForeignKey("activity.id"))
    state: Mapped[str]
    timed: Mapped[bool]
    reason: Mapped[str | None]
    """Why it was left out."""
    digest: Mapped[bytes | None]
    """Of what was told; nothing where it was undone before it was heard of."""
    brought_by: Mapped[UUID | None]
    approved_by: Mapped[UUID | None]
    at: Mapped[datetime]
