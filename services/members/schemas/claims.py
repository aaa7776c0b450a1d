"""Claims of who is there already, on the wire."""

from marshmallow import fields, validate

from services.members.schemas.consents import consent_list
from services.members.schemas.kinds import RELATIONS, Mobile, password_line
from shared.fields import Line, Wire


def _token() -> Line:
    return Line(length_max=100, required=True, data_key="code")


def _alone() -> fields.Boolean:
    return fields.Boolean(
        load_default=False,
        truthy={True},
        falsy={False},
        metadata={"description": "Nobody else's login acts for the member any more; by the person itself"},
    )


class ClaimCodeSchema(Wire):
    url = fields.String(required=True, metadata={"description": "For a QR; shown this once"})
    expires_at = fields.AwareDateTime(required=True)


class ClaimReadSchema(Wire):
    token = _token()


class ClaimShownSchema(Wire):
    name_masked = fields.String(required=True)
    station_name = fields.String(required=True, allow_none=True)
    child = fields.Boolean(required=True)
    others_acting = fields.Boolean(required=True)
    expires_at = fields.AwareDateTime(required=True)
    is_over = fields.Boolean(required=True, metadata={"description": "Used, and my login acts for the member"})


class ClaimSchema(Wire):
    token = _token()
    relation = fields.String(required=True, validate=validate.OneOf(("self", *RELATIONS)))
    alone = _alone()


class ClaimedSchema(Wire):
    member_id = fields.UUID(required=True)
    relation = fields.String(required=True)


class ClaimLoginSchema(Wire):
    login_id = fields.UUID(required=True, data_key="id")
    token = _token()
    phone = Mobile(required=True)
    password = password_line()
    consents = consent_list(required=True)
    alone = _alone()
