"""The file of an activity on the wire."""

from marshmallow import fields

from services.checkin.domain.attendances import State
from services.checkin.schemas.activities import ActivitySchema
from services.checkin.schemas.kinds import one_of
from shared.events import Evidence
from shared.fields import Instant, Paragraphs, Wire


class SummarySchema(Wire):
    summary = Paragraphs(length_max=300, required=True)


class LineSchema(Wire):
    id = fields.UUID(required=True)
    member_id = fields.UUID(required=True)
    site_name = fields.String(required=True)
    state = fields.String(required=True, validate=one_of(State))
    arrived_at = Instant(required=True)
    left_at = Instant(required=True, allow_none=True)
    minutes = fields.Integer(required=True, allow_none=True)
    evidence = fields.String(required=True, validate=one_of(Evidence))
    automatic_departure = fields.Boolean(required=True)
    confirmed_by = fields.UUID(
        required=True, allow_none=True, metadata={"description": "The member who confirmed it; none for own scans"}
    )
    confirmed_at = Instant(required=True, allow_none=True)


class FileSchema(Wire):
    activity = fields.Nested(ActivitySchema, required=True)
    lines = fields.List(fields.Nested(LineSchema), required=True)
