"""Attendances on the wire."""

from marshmallow import fields, validate

from services.checkin.domain.attendances import Mark, State, Status
from services.checkin.schemas.kinds import one_of, row_limit
from shared.events import Evidence
from shared.fields import Instant, Paragraphs, Whole, Wire


def _slips() -> fields.Boolean:
    return fields.Boolean(
        load_default=True,
        truthy={"1", "true"},
        falsy={"0", "false"},
        metadata={"description": "0: without arrivals that a roll call ticked by a slip and took back"},
    )


class MemberAttendancesQuerySchema(Wire):
    member_id = fields.UUID(required=True)
    before = fields.UUID(metadata={"description": "The last attendance of the page before"})
    slips = _slips()
    limit = row_limit()


class AttendancesQuerySchema(Wire):
    state = fields.String(validate=one_of(State))
    site_id = fields.UUID(metadata={"description": "Only of this site"})
    after = fields.UUID(metadata={"description": "The last attendance of the page before"})
    slips = _slips()
    limit = row_limit()


class AttendanceSchema(Wire):
    id = fields.UUID(required=True)
    activity_id = fields.UUID(required=True)
    title = fields.String(required=True)
    category = fields.String(required=True)
    station_id = fields.UUID(required=True)
    station_name = fields.String(required=True, allow_none=True)
    site_id = fields.UUID(required=True)
    site_name = fields.String(required=True)
    member_id = fields.UUID(required=True)
    pair = fields.Integer(required=True)
    state = fields.String(required=True, validate=one_of(State))
    status = fields.String(required=True, validate=one_of(Status))
    version = fields.Integer(required=True)
    service_day = fields.Date(required=True)
    arrived_at = Instant(required=True)
    left_at = Instant(required=True, allow_none=True)
    minutes = fields.Integer(required=True, allow_none=True)
    activity_starts_at = Instant(required=True)
    activity_ends_at = Instant(required=True)
    evidence = fields.String(required=True, validate=one_of(Evidence))
    marks = fields.List(fields.String(validate=one_of(Mark)), required=True)
    reason = fields.String(required=True, allow_none=True)
    automatic_departure = fields.Boolean(required=True)
    awaits_nod = fields.Boolean(required=True, metadata={"description": "There by a late scan that waits for a nod"})


class StayWaitingSchema(Wire):
    member_id = fields.UUID(required=True)
    minutes = fields.Integer(required=True, metadata={"description": "Of all stays here that count or wait"})


class WaitingSchema(Wire):
    service_day = fields.Date(required=True, metadata={"description": "Whose rules say what it earns"})
    activity_minutes = fields.Integer(required=True, metadata={"description": "How long the activity really was"})
    members = fields.List(fields.Nested(StayWaitingSchema), required=True)


class NewAttendanceSchema(Wire):
    id = fields.UUID(required=True, metadata={"description": "Made by the client; a repeated post is one attendance."})
    member_id = fields.UUID(required=True)
    site_id = fields.UUID(required=True)
    arrived_at = Instant(required=True)
    left_at = Instant(allow_none=True, load_default=None)


class CorrectionSchema(Wire):
    version = Whole(required=True, validate=validate.Range(min=0, max=1_000_000))
    arrived_at = Instant(required=True)
    left_at = Instant(required=True)
    reason = Paragraphs(length_max=500, required=True)


class LeaveAllSchema(Wire):
    site_id = fields.UUID()


class LeftSchema(Wire):
    left = fields.Integer(required=True)


class LeftOutSchema(Wire):
    attendance_id = fields.UUID(required=True)
    member_id = fields.UUID(required=True)
    reason = fields.String(required=True, validate=validate.OneOf(["open", "own_case", "overlapping", "unknown"]))


class ConfirmedAllSchema(Wire):
    confirmed = fields.Integer(required=True)
    left_out = fields.List(fields.Nested(LeftOutSchema), required=True)
