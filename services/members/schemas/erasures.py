"""Requests to be forgotten, on the wire."""

from marshmallow import fields

from services.members.domain.passwords import LENGTH_MAX as PASSWORD_LENGTH_MAX
from services.members.schemas.kinds import row_limit
from shared.fields import Line, Wire


class ErasureQuerySchema(Wire):
    after = fields.UUID()
    limit = row_limit()


class ErasureNewSchema(Wire):
    erasure_id = fields.UUID(required=True, data_key="id")
    password = Line(length_max=PASSWORD_LENGTH_MAX, load_default=None, metadata={"description": "Of the own login"})


class ErasureSchema(Wire):
    id = fields.UUID(required=True)
    member_id = fields.UUID(required=True)
    member_name = fields.String(required=True)
    volunteer_number = fields.String(required=True)
    station_id = fields.UUID(required=True, allow_none=True)
    station_name = fields.String(required=True, allow_none=True)
    asked_at = fields.AwareDateTime(required=True)
    due_at = fields.AwareDateTime(required=True, metadata={"description": "When it is done by itself"})
    state = fields.String(required=True)
