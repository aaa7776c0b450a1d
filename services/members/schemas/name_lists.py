"""Names on a list of an organizer, on the wire."""

from marshmallow import fields, validate

from shared.fields import Wire

NAMES_MAX = 2000
"""As many as check-in has on the roll of one activity."""


class NameListSchema(Wire):
    station_id = fields.UUID(required=True, metadata={"description": "Where the caller organizes"})
    ids = fields.List(fields.UUID(), required=True, validate=validate.Length(min=1, max=NAMES_MAX))


class FullNamesSchema(Wire):
    batch_id = fields.UUID(required=True, metadata={"description": "Of check-in, for which the names are read"})
    ids = fields.List(fields.UUID(), required=True, validate=validate.Length(min=1, max=NAMES_MAX))


class FullNameSchema(Wire):
    id = fields.UUID(required=True)
    name = fields.String(required=True)


class NameOnListSchema(Wire):
    """By which an organizer finds somebody on a list; with `full` false the little that anybody may see."""

    id = fields.UUID(required=True)
    full = fields.Boolean(required=True)
    name = fields.String(required=True)
    pinyin = fields.String(required=True)
    initials = fields.String(required=True)
    volunteer_number = fields.String(required=True)
    phone_tail = fields.String(required=True, allow_none=True, metadata={"description": "The last four digits"})
    compound_name = fields.String(required=True, allow_none=True)
    building_name = fields.String(required=True, allow_none=True)
    has_namesake = fields.Boolean(
        required=True, metadata={"description": "Somebody else of the station is called so, on the list or not"}
    )
