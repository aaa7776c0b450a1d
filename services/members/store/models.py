"""The tables of the members service."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db import APPEND_ONLY, create_database

db = create_database(with_copies=False)

if TYPE_CHECKING:
    from shared.db import Model
else:
    Model = db.Model


class Node(Model):
    """A place in the station tree. `path` is derived from the parents and kept here for prefix searches."""

    __tablename__ = "node"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    level: Mapped[str]
    name: Mapped[str]
    path: Mapped[str] = mapped_column(unique=True)
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("node.id"))
    successor_id: Mapped[UUID | None] = mapped_column(ForeignKey("node.id"))
    split_from_id: Mapped[UUID | None] = mapped_column(ForeignKey("node.id"))
    """The station that it was a part of until it opened."""
    opened_on: Mapped[date]
    closed_on: Mapped[date | None]
    version: Mapped[int]
    __table_args__ = (
        CheckConstraint("level IN ('city','centre','sub_centre','station','compound','building')", name="level"),
        CheckConstraint("closed_on >= opened_on", name="closed_after_opened"),
        CheckConstraint("successor_id IS NULL OR closed_on IS NOT NULL", name="successor_of_closed"),
        Index("ix_node_path", "path", postgresql_ops={"path": "text_pattern_ops"}),
        Index("ix_node_parent_id", "parent_id"),
        Index("ix_node_split_from_id", "split_from_id", postgresql_where=text("split_from_id IS NOT NULL")),
        Index(
            "uq_node_name",
            "parent_id",
            "name",
            unique=True,
            postgresql_where=text("closed_on IS NULL"),
            postgresql_nulls_not_distinct=True,
        ),
    )


class NodeName(Model):
    """What a node was called from a day on, until the next name."""

    __tablename__ = "node_name"
    node_id: Mapped[UUID] = mapped_column(ForeignKey("node.id"), primary_key=True)
    from_day: Mapped[date] = mapped_column(primary_key=True)
    name: Mapped[str]


class NodeParent(Model):
    """Under which node a node lay, from a day until before another; the open row is the present."""

    __tablename__ = "node_parent"
    node_id: Mapped[UUID] = mapped_column(ForeignKey("node.id"), primary_key=True)
    from_day: Mapped[date] = mapped_column(primary_key=True)
    until_day: Mapped[date | None]
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("node.id"))
    __table_args__ = (
        CheckConstraint("until_day > from_day", name="until_after_from"),
        Index("uq_node_parent_present", "node_id", unique=True, postgresql_where=text("until_day IS NULL")),
    )


class MovedHome(Model):
    """A place that went to another station, whose people have yet to follow from the station where it was."""

    __tablename__ = "moved_home"
    node_id: Mapped[UUID] = mapped_column(ForeignKey("node.id"), primary_key=True)
    station_id: Mapped[UUID] = mapped_column(ForeignKey("node.id"), primary_key=True)
    at: Mapped[datetime]


class NodeResidents(Model):
    """How many people live there, as counted on a day."""

    __tablename__ = "node_residents"
    node_id: Mapped[UUID] = mapped_column(ForeignKey("node.id"), primary_key=True)
    from_day: Mapped[date] = mapped_column(primary_key=True)
    residents: Mapped[int]
    __table_args__ = (CheckConstraint("residents >= 0", name="residents_not_negative"),)


class Employer(Model):
    __tablename__ = "employer"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


class Team(Model):
    """志愿服务队 of a station."""

    __tablename__ = "team"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    station_id: Mapped[UUID] = mapped_column(ForeignKey("node.id"))
    name: Mapped[str]
    __table_args__ = (Index("uq_team_name", "station_id", "name", unique=True),)


class Member(Model):
    """A person known to the system. Members of one household carry the same household id."""

    __tablename__ = "member"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int]
    status: Mapped[str]
    merged_into: Mapped[UUID | None] = mapped_column(ForeignKey("member.id"))
    volunteer_number: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    pinyin: Mapped[str]
    initials: Mapped[str]
    birth_date: Mapped[date | None]
    station_id: Mapped[UUID | None] = mapped_column(ForeignKey("node.id"))
    compound_id: Mapped[UUID | None] = mapped_column(ForeignKey("node.id"))
    building_id: Mapped[UUID | None] = mapped_column(ForeignKey("node.id"))
    household_id: Mapped[UUID | None]
    employer_id: Mapped[UUID | None] = mapped_column(ForeignKey("employer.id"))
    guardian_id: Mapped[UUID | None] = mapped_column(ForeignKey("member.id"))
    skills: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    phone_encrypted: Mapped[bytes | None]
    phone_hash: Mapped[bytes | None]
    phone_tail_hash: Mapped[bytes | None]
    confirmed_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    __table_args__ = (
        CheckConstraint("status IN ('active','merged','left','erased')", name="status"),
        CheckConstraint("(status = 'merged') = (merged_into IS NOT NULL)", name="merged_into"),
        CheckConstraint("volunteer_number ~ '^[0-9]{12}$'", name="volunteer_number"),
        CheckConstraint("num_nulls(phone_encrypted, phone_hash, phone_tail_hash) IN (0, 3)", name="phone_whole"),
        CheckConstraint("guardian_id <> id", name="guardian_other"),
        Index("ix_member_station_id", "station_id", "id"),
        Index("ix_member_household_id", "household_id", postgresql_where=text("household_id IS NOT NULL")),
        Index("ix_member_phone_hash", "phone_hash", postgresql_where=text("phone_hash IS NOT NULL")),
        Index("ix_member_name", "name"),
        Index("ix_member_merged_into", "merged_into", postgresql_where=text("merged_into IS NOT NULL")),
    )


class MemberTeam(Model):
    __tablename__ = "member_team"
    member_id: Mapped[UUID] = mapped_column(ForeignKey("member.id"), primary_key=True)
    team_id: Mapped[UUID] = mapped_column(ForeignKey("team.id"), primary_key=True)
    __table_args__ = (Index("ix_member_team_team_id", "team_id"),)


class BadgeSerial(Model):
    """The valid badge of who has lost one; everybody else's is the first."""

    __tablename__ = "badge_serial"
    member_id: Mapped[UUID] = mapped_column(ForeignKey("member.id"), primary_key=True)
    serial: Mapped[int]
    changed_at: Mapped[datetime]
    __table_args__ = (CheckConstraint("serial BETWEEN 2 AND 65535", name="serial"),)


class Consent(Model):
    """Every giving and every withdrawing; the newest of a kind counts."""

    __tablename__ = "consent"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(ForeignKey("member.id"))
    kind: Mapped[str]
    version: Mapped[str]
    given: Mapped[bool]
    at: Mapped[datetime]
    by: Mapped[str]
    __table_args__ = (
        CheckConstraint("kind IN ('terms','privacy','ranked','named','guardian')", name="kind"),
        Index("ix_consent_newest", "member_id", "kind", "at", "id"),
        {"comment": APPEND_ONLY},
    )


class Login(Model):
    """A phone number and a password. Whom it may act for stands in `login_member`."""

    __tablename__ = "login"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    phone_hash: Mapped[bytes] = mapped_column(unique=True)
    password_hash: Mapped[str]
    created_at: Mapped[datetime]


class LoginMember(Model):
    """A member a login may act for; the one with relation `self` is the person who holds the password."""

    __tablename__ = "login_member"
    login_id: Mapped[UUID] = mapped_column(ForeignKey("login.id"), primary_key=True)
    member_id: Mapped[UUID] = mapped_column(ForeignKey("member.id"), primary_key=True)
    relation: Mapped[str]
    since: Mapped[datetime | None]
    """Of a member who was there before; None for who came in with the login, or was made by it."""
    __table_args__ = (
        CheckConstraint("relation IN ('self','spouse','child','parent','grandparent','other')", name="relation"),
        Index("uq_login_member_self_of_login", "login_id", unique=True, postgresql_where=text("relation = 'self'")),
        Index("uq_login_member_self_of_member", "member_id", unique=True, postgresql_where=text("relation = 'self'")),
        Index("ix_login_member_member_id", "member_id"),
    )


class RoleGrant(Model):
    """A right held at a node and below it; without a node, everywhere."""

    __tablename__ = "role_grant"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(ForeignKey("member.id"))
    role: Mapped[str]
    node_id: Mapped[UUID | None] = mapped_column(ForeignKey("node.id"))
    granted_at: Mapped[datetime]
    granted_by: Mapped[str]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None]
    __table_args__ = (
        CheckConstraint("role IN ('volunteer','organizer','staff','administrator','auditor')", name="role"),
        CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name="revoked_whole"),
        Index(
            "uq_role_grant_live",
            "member_id",
            "role",
            "node_id",
            unique=True,
            postgresql_where=text("revoked_at IS NULL"),
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_role_grant_node_id", "node_id", postgresql_where=text("revoked_at IS NULL")),
    )


class Access(Model):
    """A session of a browser or an API token: a random secret, of which only the hash is kept."""

    __tablename__ = "access"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    login_id: Mapped[UUID] = mapped_column(ForeignKey("login.id"))
    name: Mapped[str | None]
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    __table_args__ = (
        CheckConstraint("kind IN ('session','token')", name="kind"),
        CheckConstraint("(kind = 'token') = (name IS NOT NULL)", name="named_token"),
        Index("ix_access_login_id", "login_id"),
        # What the sweep forgets, every few seconds.
        Index("ix_access_expires_at", "expires_at"),
        Index("ix_access_revoked_at", "revoked_at", postgresql_where=text("revoked_at IS NOT NULL")),
    )


class OneTimeCode(Model):
    """A code handed over in person: for a member's password, to claim a member, or for the first administrator."""

    __tablename__ = "one_time_code"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    purpose: Mapped[str]
    member_id: Mapped[UUID | None] = mapped_column(ForeignKey("member.id"))
    code_hash: Mapped[bytes]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    failures: Mapped[int]
    ended_at: Mapped[datetime | None]
    made_by: Mapped[str | None]
    """Who made a code to claim a member, and may not use it."""
    __table_args__ = (
        CheckConstraint("purpose IN ('password','claim','first_administrator')", name="purpose"),
        CheckConstraint("(purpose = 'first_administrator') = (member_id IS NULL)", name="member_known"),
        Index(
            "uq_one_time_code_live",
            "purpose",
            "member_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_one_time_code_expires_at", "expires_at"),
        Index("ix_one_time_code_claim", "code_hash", postgresql_where=text("purpose = 'claim'")),
    )


class Erasure(Model):
    """That a member asked to be forgotten: to be done once due, or when staff says so; the member may think again.

    `path` is that of the station at the time: who was erased belongs to none.
    """

    __tablename__ = "erasure"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(ForeignKey("member.id"))
    path: Mapped[str]
    asked_at: Mapped[datetime]
    asked_by: Mapped[str]
    due_at: Mapped[datetime]
    state: Mapped[str]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]
    __table_args__ = (
        CheckConstraint("state IN ('asked','withdrawn','done')", name="state"),
        CheckConstraint(
            "(state = 'asked') = (ended_at IS NULL) AND (ended_at IS NULL) = (ended_by IS NULL)", name="ended_whole"
        ),
        Index("uq_erasure_open", "member_id", unique=True, postgresql_where=text("state = 'asked'")),
        Index("ix_erasure_due_at", "due_at", postgresql_where=text("state = 'asked'")),
    )


class FailedAttempts(Model):
    """How often a login or an address went wrong lately. Keys are keyed hashes, of known and unknown phones alike."""

    __tablename__ = "failed_attempts"
    key: Mapped[bytes] = mapped_column(primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[datetime]
    blocked_until: Mapped[datetime]
    __table_args__ = (Index("ix_failed_attempts_last_at", "last_at"),)


class Merge(Model):
    """Two entries of one person made one. `kept` holds what is needed to take it back."""

    __tablename__ = "merge"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(ForeignKey("member.id"))
    into_id: Mapped[UUID] = mapped_column(ForeignKey("member.id"))
    reason: Mapped[str]
    kept: Mapped[dict[str, Any]]
    at: Mapped[datetime]
    by: Mapped[str]
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str | None]
    __table_args__ = (
        CheckConstraint("member_id <> into_id", name="two"),
        CheckConstraint("(undone_at IS NULL) = (undone_by IS NULL)", name="undone_whole"),
        Index("uq_merge_live", "member_id", unique=True, postgresql_where=text("undone_at IS NULL")),
        Index("ix_merge_into_id", "into_id"),
    )


class Departure(Model):
    """Why and since when a member is gone; ended when the member came back, or had never gone."""

    __tablename__ = "departure"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(ForeignKey("member.id"))
    kind: Mapped[str]
    day: Mapped[date]
    reason: Mapped[str]
    at: Mapped[datetime]
    by: Mapped[str]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]
    __table_args__ = (
        CheckConstraint("kind IN ('moved_away','stopped','deceased')", name="kind"),
        CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended_whole"),
        Index("uq_departure_live", "member_id", unique=True, postgresql_where=text("ended_at IS NULL")),
    )


class Creation(Model):
    """Every id that a client made, with a keyed hash of what was asked: a repetition is told from a clash."""

    __tablename__ = "creation"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    input_hash: Mapped[bytes]
    member_id: Mapped[UUID | None]
    at: Mapped[datetime]


class Concern(Model):
    """What somebody reports (反映问题) or complains of and proposes (投诉建议), who handles it, and the answer.

    Without a member it is a complaint of somebody who is not logged in, or of nobody. Not append-only: words of
    people who leave must be removable.
    """

    __tablename__ = "concern"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    state: Mapped[str]
    member_id: Mapped[UUID | None] = mapped_column(ForeignKey("member.id"))
    node_id: Mapped[UUID | None] = mapped_column(ForeignKey("node.id"))
    above: Mapped[bool]
    """Answered by the node above this one: it is about the people who work here."""
    words: Mapped[str]
    about_type: Mapped[str | None]
    about_id: Mapped[UUID | None]
    about_day: Mapped[date | None]
    contact_encrypted: Mapped[bytes | None]
    by_staff: Mapped[bool]
    created_at: Mapped[datetime]
    due_on: Mapped[date]
    handler_member_id: Mapped[UUID | None] = mapped_column(ForeignKey("member.id"))
    answer: Mapped[str | None]
    answered_at: Mapped[datetime | None]
    answer_seen_at: Mapped[datetime | None]
    """When a login that acts for the member first opened the answer."""
    corrected_id: Mapped[UUID | None]
    """The attendance that was put right because of it."""
    reopened_at: Mapped[datetime | None]
    reopened_because: Mapped[str | None]
    answer_before: Mapped[str | None]
    __table_args__ = (
        CheckConstraint("kind IN ('concern','complaint')", name="kind"),
        CheckConstraint("state IN ('received','in_progress','answered','read')", name="state"),
        CheckConstraint("number ~ '^[1-9][0-9]{5}$'", name="number"),
        CheckConstraint("kind = 'complaint' OR member_id IS NOT NULL", name="member_of_concern"),
        CheckConstraint("(about_type IS NULL) = (about_id IS NULL)", name="about_whole"),
        CheckConstraint("(state = 'answered') = (answer IS NOT NULL)", name="answered"),
        CheckConstraint("(answer IS NULL) = (answered_at IS NULL)", name="answer_whole"),
        CheckConstraint("answer_seen_at IS NULL OR answer IS NOT NULL", name="seen_answered"),
        CheckConstraint("(reopened_at IS NULL) = (answer_before IS NULL)", name="reopened_whole"),
        CheckConstraint("state <> 'read' OR (member_id IS NULL AND contact_encrypted IS NULL)", name="read"),
        Index("ix_concern_member_id", "member_id", "id", postgresql_where=text("member_id IS NOT NULL")),
        Index("ix_concern_open", "due_on", "id", postgresql_where=text("state IN ('received', 'in_progress')")),
        Index("ix_concern_node_id", "node_id"),
    )
