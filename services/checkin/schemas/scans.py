"""Scans and their outcomes on the wire."""

from marshmallow import fields, validate

from services.checkin.domain.admission import Outcome, Why
from services.checkin.domain.attendances import Mark
from services.checkin.domain.codes import Direction
from services.checkin.schemas.kinds import SCAN_MEMBERS_MAX, one_of, row_limit
from shared.fields import Instant, Line, Wire


class NewScanSchema(Wire):
    code = Line(length_max=300, required=True, metadata={"description": "The code's text, or the URL it stands in"})
    member_ids = fields.List(fields.UUID(), required=True, validate=validate.Length(min=1, max=SCAN_MEMBERS_MAX))


class WindowSchema(Wire):
    opens_at = Instant(required=True)
    closes_at = Instant(required=True)


class OutcomeSchema(Wire):
    member_id = fields.UUID(required=True)
    outcome = fields.String(required=True, validate=one_of(Outcome))
    detail = fields.String(required=True)
    why = fields.String(required=True, allow_none=True, validate=one_of(Why))
    marks = fields.List(fields.String(validate=one_of(Mark)), required=True)
    waits = fields.Boolean(required=True, metadata={"description": "Somebody must nod before it counts"})
    direction = fields.String(required=True, allow_none=True, validate=one_of(Direction))
    at = Instant(required=True)
    attendance_id = fields.UUID(required=True, allow_none=True)
    activity_id = fields.UUID(required=True, allow_none=True)
    title = fields.String(required=True, allow_none=True)
    window = fields.Nested(WindowSchema, required=True, allow_none=True)
    reason = fields.String(
        required=True, allow_none=True, metadata={"description": "Why the activity was called off, if it was"}
    )


class OutcomesSchema(Wire):
    outcomes = fields.List(fields.Nested(OutcomeSchema), required=True)


class MemberScansQuerySchema(Wire):
    member_id = fields.UUID(required=True)
    before = fields.UUID(metadata={"description": "The last scan of the page before"})
    limit = row_limit()


class ScansQuerySchema(Wire):
    refused = fields.String(load_default="0", validate=validate.OneOf(["0", "1"]))
    before = fields.UUID(metadata={"description": "The last scan of the page before"})
    limit = row_limit()


class ScanSchema(Wire):
    id = fields.UUID(required=True)
    member_id = fields.UUID(required=True)
    site_id = fields.UUID(required=True, allow_none=True)
    direction = fields.String(required=True, allow_none=True, validate=one_of(Direction))
    at = Instant(required=True)
    received_at = Instant(required=True)
    outcome = fields.String(required=True, validate=one_of(Outcome))
    detail = fields.String(required=True)
    why = fields.String(required=True, allow_none=True, validate=one_of(Why))
    marks = fields.List(fields.String(validate=one_of(Mark)), required=True)
    waits = fields.Boolean(required=True)
    attendance_id = fields.UUID(required=True, allow_none=True)
    code_digest = fields.String(
        required=True, allow_none=True, metadata={"description": "The same wherever the same code was read"}
    )
    code_readers = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "How many members that code was read for at this activity, in vain or not"},
    )


class OwnScanSchema(ScanSchema):
    activity_id = fields.UUID(required=True, allow_none=True)

    class Meta:
        exclude = ("code_digest", "code_readers")
