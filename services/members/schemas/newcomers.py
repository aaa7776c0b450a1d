"""Newcomers on the wire: registered on the spot by an organizer."""

from marshmallow import fields, validate

from services.members.domain.newcomers import LOOK_ALIKES_MAX
from services.members.schemas.consents import consent_list
from services.members.schemas.kinds import Phone, person_name
from services.members.schemas.people import MemberSchema
from shared.fields import Wire


class NewcomerSchema(Wire):
    member_id = fields.UUID(
        required=True, data_key="id", metadata={"description": "Made by the client; a repeated post is one person."}
    )
    name = person_name(required=True)
    station_id = fields.UUID(required=True)
    compound_id = fields.UUID(allow_none=True)
    building_id = fields.UUID(allow_none=True)
    phone = Phone(allow_none=True)
    consents = consent_list(required=True)
    others = fields.List(
        fields.UUID(),
        validate=validate.Length(max=LOOK_ALIKES_MAX),
        metadata={"description": "Look-alikes that the organizer has looked at, and who are somebody else"},
    )


class NewcomerLooksSchema(Wire):
    station_id = fields.UUID(required=True)
    name = person_name(required=True)
    phone = Phone(allow_none=True)


class LookAlikeSchema(MemberSchema):
    same_phone = fields.Boolean(required=True)
