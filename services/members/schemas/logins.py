"""Logins, sessions, one-time codes and tokens on the wire."""

from marshmallow import fields, validate

from services.members.schemas.consents import consent_list
from services.members.schemas.kinds import Mobile, password_line, person_name
from shared.fields import Day, Line, Whole, Wire


class RegistrationSchema(Wire):
    login_id = fields.UUID(required=True, data_key="id")
    phone = Mobile(required=True)
    password = password_line()
    name = person_name(required=True)
    birth_date = Day()
    station_id = fields.UUID(required=True)
    compound_id = fields.UUID()
    building_id = fields.UUID()
    consents = consent_list(required=True)


class RegisteredSchema(Wire):
    login_id = fields.UUID(required=True)
    member_id = fields.UUID(required=True)


class AdministratorThereSchema(Wire):
    is_there = fields.Boolean(
        required=True,
        metadata={"description": "Whether anybody may do everything; else the machine's code lets one in"},
    )
    is_anywhere = fields.Boolean(
        required=True, metadata={"description": "Whether there is an administrator, of whatever place"}
    )


class FirstAdministratorSchema(Wire):
    login_id = fields.UUID(required=True, data_key="id")
    code = Line(length_max=40, required=True)
    phone = Mobile(required=True)
    password = password_line()
    name = person_name(required=True)
    consents = consent_list(load_default=list)


class CredentialsSchema(Wire):
    phone = Mobile(required=True)
    password = password_line()


class SessionOpenedSchema(Wire):
    token = fields.String(required=True)
    login_id = fields.UUID(required=True)
    expires_at = fields.AwareDateTime(required=True)


class PasswordSchema(Wire):
    phone = Mobile(required=True)
    code = Line(length_max=40, required=True)
    password = password_line()


class CodeSchema(Wire):
    code = fields.String(required=True)
    expires_at = fields.AwareDateTime(required=True)


class TokenNewSchema(Wire):
    token_id = fields.UUID(required=True, data_key="id")
    name = Line(length_max=60, required=True)
    days = Whole(load_default=90, validate=validate.Range(min=1, max=366))


class TokenShownSchema(Wire):
    id = fields.UUID(required=True)
    token = fields.String(required=True, metadata={"description": "Shown this once"})
    expires_at = fields.AwareDateTime(required=True)


class TokenSchema(Wire):
    id = fields.UUID(required=True)
    name = fields.String(required=True)
    created_at = fields.AwareDateTime(required=True)
    last_used_at = fields.AwareDateTime(required=True)
    expires_at = fields.AwareDateTime(required=True)
