"""Members on the wire."""

from typing import Any

from marshmallow import fields, validate

from services.members.domain.lists import Meaning
from services.members.schemas.consents import ConsentShownSchema, consent_list
from services.members.schemas.kinds import (
    NAME_LENGTH_MAX,
    RELATIONS,
    Phone,
    VolunteerNumber,
    id_list,
    person_name,
    row_limit,
)
from shared.fields import Day, Line, Whole, Wire

PLACE_LENGTH_MAX = 100


class NamedSchema(Wire):
    id = fields.UUID(required=True)
    name = fields.String(required=True)


class MemberSchema(Wire):
    """With `full` false only what anybody may see: a masked name, in full for who works where they hold a role, and
    the number's last four digits.
    """

    id = fields.UUID(required=True)
    full = fields.Boolean(required=True)
    status = fields.String(required=True)
    name = fields.String(required=True)
    name_masked = fields.String(required=True)
    volunteer_number = fields.String(required=True)
    station_id = fields.UUID(allow_none=True)
    station_name = fields.String(allow_none=True)
    version = fields.Integer()
    merged_into = fields.UUID(allow_none=True)
    confirmed = fields.Boolean()
    birth_date = fields.Date(allow_none=True)
    compound_id = fields.UUID(allow_none=True)
    compound_name = fields.String(allow_none=True)
    building_id = fields.UUID(allow_none=True)
    building_name = fields.String(allow_none=True)
    household_id = fields.UUID(allow_none=True)
    employer_id = fields.UUID(allow_none=True)
    employer_name = fields.String(allow_none=True)
    guardian_id = fields.UUID(allow_none=True)
    skills = fields.List(fields.String())
    teams = fields.List(fields.Nested(NamedSchema))
    consents = fields.List(fields.Nested(ConsentShownSchema))
    has_phone = fields.Boolean()
    has_login = fields.Boolean()
    created_at = fields.AwareDateTime()
    relation = fields.String(metadata={"description": "To the login that asks; only in /me"})


class MemberQuerySchema(Wire):
    ids = id_list()
    station_id = fields.UUID(metadata={"description": "A node of any level: members of it and below it"})
    household_id = fields.UUID()
    number = VolunteerNumber(
        metadata={"description": "A whole volunteer number, of whichever station; masked where I may not see more"}
    )
    q = Line(length_max=NAME_LENGTH_MAX)
    status = fields.String(validate=validate.OneOf(["active", "merged", "left", "erased"]))
    confirmed = fields.Boolean(truthy={"1", "true"}, falsy={"0", "false"})
    order = fields.String(
        load_default="id",
        validate=validate.OneOf(["id", "name"]),
        metadata={"description": "Of lists of stations: `name` by its reading; `after` goes on in the same order"},
    )
    after = fields.UUID()
    limit = row_limit()


class _PlacesSchema(Wire):
    birth_date = Day(allow_none=True)
    compound_id = fields.UUID(allow_none=True)
    building_id = fields.UUID(allow_none=True)


class FamilyMemberSchema(_PlacesSchema):
    member_id = fields.UUID(required=True, data_key="id")
    name = person_name(required=True)
    relation = fields.String(required=True, validate=validate.OneOf(RELATIONS))
    station_id = fields.UUID()
    consents = consent_list(required=True)


def _skills(**kwargs: Any) -> fields.List[Any]:
    return fields.List(Line(length_max=20), validate=validate.Length(max=20), **kwargs)


def _team_ids(**kwargs: Any) -> fields.List[Any]:
    return fields.List(fields.UUID(), validate=validate.Length(max=20), **kwargs)


class MemberNewSchema(_PlacesSchema):
    id = fields.UUID(required=True)
    name = person_name(required=True)
    station_id = fields.UUID(required=True)
    phone = Phone()
    employer_id = fields.UUID()
    guardian_id = fields.UUID()
    team_ids = _team_ids()
    skills = _skills()
    consents = consent_list()


class MemberChangeSchema(_PlacesSchema):
    name = person_name()
    station_id = fields.UUID()
    phone = Phone(allow_none=True)
    employer_id = fields.UUID(allow_none=True)
    guardian_id = fields.UUID(allow_none=True)
    team_ids = _team_ids()
    skills = _skills()
    version = Whole(metadata={"description": "The version that was seen; 409 when it is no longer the present one"})


class HouseholdSchema(Wire):
    with_member_id = fields.UUID(required=True, allow_none=True)


class TakeInSchema(Wire):
    station_id = fields.UUID(required=True, metadata={"description": "One of mine, the new home"})
    number = VolunteerNumber(
        required=True, metadata={"description": "The whole volunteer number, as the member shows it"}
    )
    reason = Line(length_max=200, required=True)


class PhoneSchema(Wire):
    phone = fields.String(required=True, allow_none=True)


class OwnGrantSchema(Wire):
    role = fields.String(required=True)
    node_id = fields.UUID(required=True, allow_none=True)
    node_name = fields.String(required=True, allow_none=True)
    path = fields.String(required=True)


class ActingSchema(Wire):
    login_id = fields.UUID(required=True)
    name = fields.String(required=True, allow_none=True)
    relation = fields.String(required=True)


class MemberWithActingSchema(MemberSchema):
    acting = fields.List(
        fields.Nested(ActingSchema),
        required=True,
        metadata={"description": "Whose logins act for this member besides the own one; by masked names to officials"},
    )


class MeSchema(Wire):
    login_id = fields.UUID(required=True)
    own_member_id = fields.UUID(required=True, allow_none=True)
    members = fields.List(fields.Nested(MemberWithActingSchema), required=True)
    grants = fields.List(fields.Nested(OwnGrantSchema), required=True)


class WantedSchema(Wire):
    name = Line(
        length_max=NAME_LENGTH_MAX,
        required=True,
        empty=True,
        metadata={"description": "Empty: the phone alone says who is meant"},
    )
    phone = Line(length_max=20, allow_none=True, load_default=None)
    place = Line(
        length_max=PLACE_LENGTH_MAX,
        empty=True,
        load_default="",
        metadata={"description": "The home as it was written: 和谐小区3栋, 3号楼"},
    )


class LookUpSchema(Wire):
    station_id = fields.UUID(required=True)
    people = fields.List(
        fields.Nested(WantedSchema), required=True, attribute="named", validate=validate.Length(min=1, max=500)
    )


class FoundSchema(Wire):
    """Who is meant by the line, or may be."""

    name = fields.String(required=True)
    comes_to = fields.Enum(
        Meaning,
        by_value=True,
        required=True,
        metadata={"description": "`one` beyond doubt, somebody to `choose`, or `unknown`"},
    )
    members = fields.List(fields.Nested(MemberSchema), required=True)
    elsewhere = fields.Boolean(
        required=True, metadata={"description": "Nobody of this station: these are of the caller's other ones"}
    )


class PhonesQuerySchema(Wire):
    ids = id_list()


class MemberPhoneSchema(PhoneSchema):
    member_id = fields.UUID(required=True)
    of = fields.String(
        required=True, allow_none=True, metadata={"description": "Whose phone it is, when the member has none"}
    )
