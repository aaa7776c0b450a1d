"""Names for a list to print, on the wire."""

from marshmallow import fields, validate

from shared.fields import Wire

NAMES_MAX = 1000


class NameListSchema(Wire):
    ids = fields.List(fields.UUID(), required=True, validate=validate.Length(min=1, max=NAMES_MAX))


class NameOnListSchema(Wire):
    id = fields.UUID(required=True)
    name = fields.String(required=True)
    volunteer_number = fields.String(required=True)
    phone_tail = fields.String(required=True, allow_none=True)
    compound_name = fields.String(required=True, allow_none=True)
    building_name = fields.String(required=True, allow_none=True)
