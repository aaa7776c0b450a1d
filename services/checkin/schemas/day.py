"""One person, one day, on the wire."""

from marshmallow import fields

from services.checkin.domain.admission import Outcome, Why
from services.checkin.domain.attendances import Mark
from services.checkin.domain.codes import Direction
from services.checkin.schemas.attendances import AttendanceSchema
from services.checkin.schemas.kinds import one_of
from shared.fields import Day, Instant, Wire


class DayQuerySchema(Wire):
    member_id = fields.UUID(required=True)
    day = Day(required=True, metadata={"description": "In Shanghai"})


class ScanOfDaySchema(Wire):
    id = fields.UUID(required=True)
    activity_id = fields.UUID(required=True, allow_none=True)
    title = fields.String(required=True, allow_none=True)
    station_name = fields.String(required=True, allow_none=True)
    site_name = fields.String(required=True, allow_none=True)
    direction = fields.String(required=True, allow_none=True, validate=one_of(Direction))
    at = Instant(required=True, metadata={"description": "When the code was read"})
    received_at = Instant(required=True)
    outcome = fields.String(required=True, validate=one_of(Outcome))
    detail = fields.String(required=True, metadata={"description": "What the member was told"})
    why = fields.String(required=True, allow_none=True, validate=one_of(Why))
    marks = fields.List(fields.String(validate=one_of(Mark)), required=True)
    waits = fields.Boolean(required=True)
    attendance_id = fields.UUID(required=True, allow_none=True)


class ActOfDaySchema(Wire):
    id = fields.UUID(required=True)
    at = Instant(required=True)
    attendance_id = fields.UUID(required=True)
    action = fields.String(required=True)
    by_member_id = fields.UUID(required=True, allow_none=True)
    detail = fields.Dict(required=True)


class OnItsWaySchema(Wire):
    attendance_id = fields.UUID(required=True)
    version = fields.Integer(required=True)
    created_at = Instant(required=True)
    attempts = fields.Integer(required=True)
    dead_at = Instant(required=True, allow_none=True, metadata={"description": "When it was given up, if it was"})


class DaySchema(Wire):
    member_id = fields.UUID(required=True)
    day = fields.Date(required=True)
    name_masked = fields.String(required=True, allow_none=True)
    station_name = fields.String(required=True, allow_none=True, metadata={"description": "The member's home"})
    is_whole = fields.Boolean(
        required=True, metadata={"description": "false: only what happened where the caller has a role"}
    )
    scans = fields.List(fields.Nested(ScanOfDaySchema), required=True)
    attendances = fields.List(fields.Nested(AttendanceSchema), required=True)
    acts = fields.List(fields.Nested(ActOfDaySchema), required=True)
    on_their_way = fields.List(fields.Nested(OnItsWaySchema), required=True)
    doubled = fields.List(
        fields.UUID(),
        required=True,
        metadata={"description": "Attendances at whose hours another entry of the person, merged since, counts too"},
    )
