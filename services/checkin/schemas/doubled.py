"""Stays of one person that count twice, on the wire."""

from marshmallow import fields

from services.checkin.schemas.attendances import AttendanceSchema
from services.checkin.schemas.kinds import row_limit
from shared.fields import Wire


class DoubledQuerySchema(Wire):
    member_id = fields.UUID(metadata={"description": "Only of this one, by the entry that stays"})
    limit = row_limit()


class DoubledStaySchema(AttendanceSchema):
    may_annul = fields.Boolean(required=True, metadata={"description": "The caller organizes where it was"})


class DoubledSchema(Wire):
    member_id = fields.UUID(required=True, metadata={"description": "The entry that stays"})
    name_masked = fields.String(required=True, allow_none=True)
    number_tail = fields.String(required=True, allow_none=True)
    minutes = fields.Integer(required=True, metadata={"description": "For how long both run together"})
    stays = fields.List(fields.Nested(DoubledStaySchema), required=True, metadata={"description": "Two, by arrival"})
