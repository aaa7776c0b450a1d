"""Grants, teams and employers on the wire."""

from marshmallow import fields, validate

from services.members.schemas.kinds import PLACE_LENGTH_MAX, row_limit
from services.members.schemas.people import OwnGrantSchema
from shared.fields import Line, Wire
from shared.principal import Role


class GrantQuerySchema(Wire):
    member_id = fields.UUID()
    node_id = fields.UUID()
    after = fields.UUID()
    limit = row_limit()


class GrantNewSchema(Wire):
    grant_id = fields.UUID(required=True, data_key="id")
    member_id = fields.UUID(required=True)
    role = fields.String(required=True, validate=validate.OneOf([role.value for role in Role]))
    node_id = fields.UUID(required=True, allow_none=True, metadata={"description": "null: everywhere"})


class GrantSchema(OwnGrantSchema):
    id = fields.UUID(required=True)
    member_id = fields.UUID(required=True)
    member_name = fields.String(required=True)
    granted_at = fields.AwareDateTime(required=True)
    revoked_at = fields.AwareDateTime(allow_none=True)


class TeamQuerySchema(Wire):
    station_id = fields.UUID()
    after = fields.UUID()
    limit = row_limit()


class TeamNewSchema(Wire):
    team_id = fields.UUID(required=True, data_key="id")
    station_id = fields.UUID(required=True)
    name = Line(length_max=PLACE_LENGTH_MAX, required=True)


class TeamSchema(Wire):
    id = fields.UUID(required=True)
    station_id = fields.UUID(required=True)
    name = Line(length_max=PLACE_LENGTH_MAX, required=True)


class EmployerQuerySchema(Wire):
    q = Line(length_max=PLACE_LENGTH_MAX)
    after = fields.UUID()
    limit = row_limit()


class EmployerNewSchema(Wire):
    employer_id = fields.UUID(required=True, data_key="id")
    name = Line(length_max=PLACE_LENGTH_MAX, required=True)


class EmployerSchema(Wire):
    id = fields.UUID(required=True)
    name = Line(length_max=PLACE_LENGTH_MAX, required=True)
