"""What is held of a person, on the wire."""

from marshmallow import fields

from services.members.schemas.consents import ConsentShownSchema
from services.members.schemas.kinds import password_line
from services.members.schemas.people import ActingSchema, MemberSchema, OwnGrantSchema
from shared.fields import Wire


class PasswordAgainSchema(Wire):
    password = password_line()


class ExportedLoginSchema(ActingSchema):
    since = fields.AwareDateTime(required=True, allow_none=True)


class ExportedActSchema(Wire):
    at = fields.AwareDateTime(required=True)
    action = fields.String(required=True)
    by_oneself = fields.Boolean(required=True, metadata={"description": "By a login that acts for the member"})
    detail = fields.Dict(required=True)


class ExportSchema(Wire):
    exported_at = fields.AwareDateTime(required=True)
    member = fields.Nested(MemberSchema, required=True)
    phone = fields.String(required=True, allow_none=True)
    consents = fields.List(fields.Nested(ConsentShownSchema), required=True, metadata={"description": "Every one ever"})
    logins = fields.List(fields.Nested(ExportedLoginSchema), required=True)
    grants = fields.List(fields.Nested(OwnGrantSchema), required=True)
    acts = fields.List(fields.Nested(ExportedActSchema), required=True)
