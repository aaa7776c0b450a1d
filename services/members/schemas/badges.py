"""Badges on the wire."""

from marshmallow import fields, validate

from services.members.domain.badges import SERIAL_MAX
from services.members.schemas.people import MemberSchema
from shared.fields import Line, Whole, Wire

CODE_LENGTH_MAX = 100
BADGES_READ_MAX = 60


class BadgesQuerySchema(Wire):
    node_id = fields.UUID(required=True, metadata={"description": "A station, compound or building"})
    team_id = fields.UUID()
    member_id = fields.UUID()


class BadgeSchema(Wire):
    member_id = fields.UUID(required=True)
    name = fields.String(required=True)
    pinyin = fields.String(required=True, metadata={"description": "By which the list is sorted"})
    volunteer_number = fields.String(required=True)
    short_code = fields.String(required=True, metadata={"description": "The number without 0, 1, I and O"})
    confirmed = fields.Boolean(required=True)
    station_name = fields.String(required=True, allow_none=True)
    compound_name = fields.String(required=True, allow_none=True)
    building_name = fields.String(required=True, allow_none=True)
    serial = fields.Integer(required=True)
    badge = fields.String(required=True, metadata={"description": "What stands in the QR"})


class BadgesReadSchema(Wire):
    codes = fields.List(
        Line(length_max=CODE_LENGTH_MAX),
        required=True,
        validate=validate.Length(1, BADGES_READ_MAX, error="一次 {min} 到 {max} 个"),
        metadata={"description": "QR of a badge, short code or volunteer number"},
    )


class BadgeReadSchema(Wire):
    code = fields.String(required=True)
    outcome = fields.String(
        required=True,
        validate=validate.OneOf(["found", "void", "unknown"]),
        metadata={"description": "void: the badge was lost and replaced"},
    )
    member = fields.Nested(MemberSchema, required=True, allow_none=True)


class BadgeReplaceSchema(Wire):
    serial = Whole(
        required=True, validate=validate.Range(1, SERIAL_MAX - 1), metadata={"description": "Of the lost badge"}
    )


class BadgeSerialSchema(Wire):
    member_id = fields.UUID(required=True)
    serial = fields.Integer(required=True)
