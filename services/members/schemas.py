"""The wire of the members service: shape only."""

import base64
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates_schema
from webargs.fields import DelimitedList

from services.members.domain import concerns, imports
from services.members.domain.consents import Consent, Kind
from services.members.domain.passwords import LENGTH_MAX as PASSWORD_LENGTH_MAX
from services.members.domain.phones import read_mobile, read_phone
from services.members.domain.places import Level
from services.members.domain.volunteer_numbers import LENGTH, is_volunteer_number
from shared.fields import Day, Line, Paragraphs, Whole, WholeText, Wire, YesNo
from shared.principal import Role

NAME_LENGTH_MAX = 50
PLACE_LENGTH_MAX = 60
IDS_MAX = 200
RELATIONS = ("spouse", "child", "parent", "grandparent", "other")


class Phone(Line):
    """A telephone number as people write it; digits alone inside."""

    default_error_messages = {"phone": "请填写正确的手机号码"}  # noqa: RUF012 - marshmallow's own protocol
    mobile_only = False

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(length_max=25, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        digits = read_mobile(text) if self.mobile_only else read_phone(text)
        if digits is None:
            raise self.make_error("phone")
        return digits


class Mobile(Phone):
    mobile_only = True


class VolunteerNumber(Line):
    """A whole volunteer number, whose check digit is right."""

    default_error_messages = {"number": "志愿者编号不对，请核对 12 位数字"}  # noqa: RUF012

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(length_max=LENGTH, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not is_volunteer_number(text):
            raise self.make_error("number")
        return text


def _name(**kwargs: Any) -> Line:
    return Line(length_max=NAME_LENGTH_MAX, **kwargs)


def _password() -> Line:
    return Line(length_max=PASSWORD_LENGTH_MAX, required=True)


def _limit() -> WholeText:
    return WholeText(load_default=200, validate=validate.Range(min=1, max=200))


def _ids() -> DelimitedList:
    return DelimitedList(fields.UUID(), validate=validate.Length(min=1, max=IDS_MAX))


# --- Consents -----------------------------------------------------------------------------------------


class ConsentSchema(Wire):
    kind = fields.Enum(Kind, by_value=True, required=True)
    version = Line(length_max=20, required=True)
    given = fields.Boolean(load_default=True, truthy={True}, falsy={False})

    @post_load
    def make(self, content: dict[str, Any], **_kwargs: Any) -> Consent:
        return Consent(**content)


def _consents(**kwargs: Any) -> fields.List[Any]:
    return fields.List(fields.Nested(ConsentSchema), validate=validate.Length(max=len(Kind)), **kwargs)


class ConsentsSchema(Wire):
    consents = _consents(required=True)


class ConsentShownSchema(Wire):
    kind = fields.String(required=True)
    version = fields.String(required=True)
    given = fields.Boolean(required=True)
    at = fields.String(required=True, metadata={"format": "date-time"})


class ConsentTextSchema(Wire):
    kind = fields.String(required=True)
    version = fields.String(required=True)
    title = fields.String(required=True)
    required = fields.Boolean(required=True)


# --- Logins -------------------------------------------------------------------------------------------


class RegistrationSchema(Wire):
    login_id = fields.UUID(required=True, data_key="id")
    phone = Mobile(required=True)
    password = _password()
    name = _name(required=True)
    birth_date = Day()
    station_id = fields.UUID(required=True)
    compound_id = fields.UUID()
    building_id = fields.UUID()
    consents = _consents(required=True)


class RegisteredSchema(Wire):
    login_id = fields.UUID(required=True)
    member_id = fields.UUID(required=True)


class AdministratorThereSchema(Wire):
    is_there = fields.Boolean(required=True, metadata={"description": "Whether anybody may do everything"})


class FirstAdministratorSchema(Wire):
    login_id = fields.UUID(required=True, data_key="id")
    code = Line(length_max=40, required=True)
    phone = Mobile(required=True)
    password = _password()
    name = _name(required=True)
    consents = _consents(load_default=list)


class CredentialsSchema(Wire):
    phone = Mobile(required=True)
    password = _password()


class SessionOpenedSchema(Wire):
    token = fields.String(required=True)
    login_id = fields.UUID(required=True)
    expires_at = fields.AwareDateTime(required=True)


class PasswordSchema(Wire):
    phone = Mobile(required=True)
    code = Line(length_max=40, required=True)
    password = _password()


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


# --- Claims -------------------------------------------------------------------------------------------


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
    password = _password()
    consents = _consents(required=True)
    alone = _alone()


# --- The tree ------------------------------------------------------------------------------------------


def _level(**kwargs: Any) -> fields.String:
    return fields.String(validate=validate.OneOf([level.value for level in Level]), **kwargs)


def _residents() -> Whole:
    return Whole(validate=validate.Range(min=0, max=50_000_000))


class NodeQuerySchema(Wire):
    parent_id = fields.UUID()
    below_id = fields.UUID(metadata={"description": "Everything below this node, itself not"})
    above_id = fields.UUID(metadata={"description": "This node and everything above it"})
    level = _level()
    q = Line(length_max=PLACE_LENGTH_MAX)
    ids = _ids()
    residents_on = Day(metadata={"description": "`residents` as counted last up to this day, not the newest count"})
    after = fields.UUID()
    limit = _limit()


class NodeNewSchema(Wire):
    node_id = fields.UUID(required=True, data_key="id")
    level = _level(required=True)
    name = Line(length_max=PLACE_LENGTH_MAX, required=True)
    parent_id = fields.UUID(load_default=None, allow_none=True)
    opened_on = Day()
    residents = _residents()


class NodeChangeSchema(Wire):
    name = Line(length_max=PLACE_LENGTH_MAX)
    parent_id = fields.UUID(allow_none=True)
    residents = _residents()
    from_day = Day(metadata={"description": "Since when name, parent_id or residents count; today if not given"})
    closed_on = Day()
    successor_id = fields.UUID()


class NodeSchema(Wire):
    id = fields.UUID(required=True)
    level = fields.String(required=True)
    name = fields.String(required=True)
    path = fields.String(required=True)
    parent_id = fields.UUID(required=True, allow_none=True)
    parent_name = fields.String(allow_none=True)
    successor_id = fields.UUID(allow_none=True)
    opened_on = fields.Date(required=True)
    closed_on = fields.Date(allow_none=True)
    version = fields.Integer(required=True)
    residents = fields.Integer(allow_none=True)


class NameSinceSchema(Wire):
    name = fields.String(required=True)
    from_day = fields.Date(required=True)


class FormerParentSchema(Wire):
    parent_id = fields.UUID(allow_none=True)
    from_day = fields.Date(required=True)
    until_day = fields.Date(allow_none=True)


class CountSchema(Wire):
    residents = fields.Integer(required=True)
    from_day = fields.Date(required=True)


class NodeWholeSchema(NodeSchema):
    names = fields.List(
        fields.Nested(NameSinceSchema), required=True, metadata={"description": "The last is the present"}
    )
    parents = fields.List(fields.Nested(FormerParentSchema), required=True)
    counts = fields.List(fields.Nested(CountSchema), required=True)


# --- Members -------------------------------------------------------------------------------------------


class NamedSchema(Wire):
    id = fields.UUID(required=True)
    name = fields.String(required=True)


class MemberSchema(Wire):
    """With `full` false only what anybody may see: a masked name and the number's last four digits."""

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
    ids = _ids()
    station_id = fields.UUID(metadata={"description": "A node of any level: members of it and below it"})
    household_id = fields.UUID()
    number = VolunteerNumber(
        metadata={"description": "A whole volunteer number, of whichever station; masked where I may not see more"}
    )
    q = Line(length_max=NAME_LENGTH_MAX)
    status = fields.String(validate=validate.OneOf(["active", "merged", "left", "erased"]))
    confirmed = fields.Boolean(truthy={"1", "true"}, falsy={"0", "false"})
    after = fields.UUID()
    limit = _limit()


class _PlacesSchema(Wire):
    birth_date = Day(allow_none=True)
    compound_id = fields.UUID(allow_none=True)
    building_id = fields.UUID(allow_none=True)


class FamilyMemberSchema(_PlacesSchema):
    member_id = fields.UUID(required=True, data_key="id")
    name = _name(required=True)
    relation = fields.String(required=True, validate=validate.OneOf(RELATIONS))
    station_id = fields.UUID()
    consents = _consents(required=True)


def _skills(**kwargs: Any) -> fields.List[Any]:
    return fields.List(Line(length_max=20), validate=validate.Length(max=20), **kwargs)


def _team_ids(**kwargs: Any) -> fields.List[Any]:
    return fields.List(fields.UUID(), validate=validate.Length(max=20), **kwargs)


class MemberNewSchema(_PlacesSchema):
    id = fields.UUID(required=True)
    name = _name(required=True)
    station_id = fields.UUID(required=True)
    phone = Phone()
    employer_id = fields.UUID()
    guardian_id = fields.UUID()
    team_ids = _team_ids()
    skills = _skills()
    consents = _consents()


class MemberChangeSchema(_PlacesSchema):
    name = _name()
    station_id = fields.UUID()
    phone = Phone(allow_none=True)
    employer_id = fields.UUID(allow_none=True)
    guardian_id = fields.UUID(allow_none=True)
    team_ids = _team_ids()
    skills = _skills()
    version = Whole(metadata={"description": "The version that was seen; 409 when it is no longer the present one"})


class HouseholdSchema(Wire):
    with_member_id = fields.UUID(required=True, allow_none=True)


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


# --- One's own data -------------------------------------------------------------------------------------


class PasswordAgainSchema(Wire):
    password = _password()


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


class ErasureQuerySchema(Wire):
    after = fields.UUID()
    limit = _limit()


class ErasureNewSchema(Wire):
    erasure_id = fields.UUID(required=True, data_key="id")
    password = Line(length_max=PASSWORD_LENGTH_MAX, load_default=None, metadata={"description": "Of the own login"})


class ErasureSchema(Wire):
    id = fields.UUID(required=True)
    member_id = fields.UUID(required=True)
    member_name = fields.String(required=True)
    volunteer_number = fields.String(required=True)
    station_id = fields.UUID(required=True, allow_none=True)
    station_name = fields.String(required=True, allow_none=True)
    asked_at = fields.AwareDateTime(required=True)
    due_at = fields.AwareDateTime(required=True, metadata={"description": "When it is done by itself"})
    state = fields.String(required=True)


# --- Grants, teams, employers ---------------------------------------------------------------------------


class GrantQuerySchema(Wire):
    member_id = fields.UUID()
    node_id = fields.UUID()
    after = fields.UUID()
    limit = _limit()


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
    limit = _limit()


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
    limit = _limit()


class EmployerNewSchema(Wire):
    employer_id = fields.UUID(required=True, data_key="id")
    name = Line(length_max=PLACE_LENGTH_MAX, required=True)


class EmployerSchema(Wire):
    id = fields.UUID(required=True)
    name = Line(length_max=PLACE_LENGTH_MAX, required=True)


class WantedSchema(Wire):
    name = Line(length_max=NAME_LENGTH_MAX, required=True)
    phone = Line(length_max=20, allow_none=True, load_default=None)


class LookUpSchema(Wire):
    station_id = fields.UUID(required=True)
    people = fields.List(fields.Nested(WantedSchema), required=True, validate=validate.Length(min=1, max=500))


class FoundSchema(Wire):
    """Who has the name, or the phone; which of them has the phone stands in `by_phone`."""

    name = fields.String(required=True)
    members = fields.List(fields.Nested(MemberSchema), required=True)
    by_phone = fields.List(fields.UUID(), required=True)


class PhonesQuerySchema(Wire):
    ids = _ids()


class MemberPhoneSchema(PhoneSchema):
    member_id = fields.UUID(required=True)


# --- Concerns and complaints --------------------------------------------------------------------------


def _words() -> Paragraphs:
    return Paragraphs(length_max=concerns.TEXT_LENGTH_MAX, required=True)


def _one_of(kind: Any, **kwargs: Any) -> fields.String:
    return fields.String(validate=validate.OneOf([member.value for member in kind]), **kwargs)


class ConcernNewSchema(Wire):
    id = fields.UUID(required=True, metadata={"description": "Made by the client; a repeated post is one concern."})
    member_id = fields.UUID(required=True, metadata={"description": "Whose it is: of this login, or of my stations"})
    words = _words()
    above = YesNo(load_default=False, metadata={"description": "To be answered above the member's station"})
    about_type = _one_of(concerns.About, load_default=None, allow_none=True)
    about_id = fields.UUID(load_default=None, allow_none=True)
    about_day = Day(load_default=None, allow_none=True)

    @validates_schema
    def _whole(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if (data["about_type"] is None) != (data["about_id"] is None):
            raise ValidationError("请指明是哪一条记录", "about_id")


class ComplaintNewSchema(Wire):
    id = fields.UUID(required=True, metadata={"description": "Made by the client; a repeated post is one complaint."})
    node_id = fields.UUID(required=True, metadata={"description": "The station or a node above stations"})
    words = _words()
    above = YesNo(
        load_default=False, metadata={"description": "About the people who work there: answered at the node above"}
    )
    member_id = fields.UUID(
        load_default=None, allow_none=True, metadata={"description": "null: not under the name of a member"}
    )
    contact = Line(
        length_max=concerns.CONTACT_LENGTH_MAX,
        load_default=None,
        allow_none=True,
        metadata={"description": "Name and telephone of somebody without a login; without it nobody is answered"},
    )

    @validates_schema
    def _one_name(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if data["member_id"] is not None and data["contact"] is not None:
            raise ValidationError("署名的不用再留联系方式", "contact")


class ReceiptSchema(Wire):
    id = fields.UUID(required=True)
    number = fields.String(required=True)
    due_on = fields.Date(required=True)


class ConcernsQuerySchema(Wire):
    member_id = fields.UUID(metadata={"description": "Of this member of the login; else those that I answer"})
    state = fields.String(load_default="open", validate=validate.OneOf(["open", "closed"]))
    kind = _one_of(concerns.Kind)
    after = fields.UUID(metadata={"description": "The last one of the page before"})
    limit = _limit()


class ConcernSchema(ReceiptSchema):
    kind = _one_of(concerns.Kind, required=True)
    state = _one_of(concerns.State, required=True)
    member_id = fields.UUID(required=True, allow_none=True)
    member_name = fields.String(required=True, allow_none=True)
    volunteer_number = fields.String(required=True, allow_none=True, metadata={"description": "Its last four digits"})
    has_contact = fields.Boolean(required=True)
    node_id = fields.UUID(required=True, allow_none=True)
    node_name = fields.String(required=True, allow_none=True)
    above = fields.Boolean(required=True)
    words = fields.String(required=True)
    about_type = _one_of(concerns.About, required=True, allow_none=True)
    about_id = fields.UUID(required=True, allow_none=True)
    about_day = fields.Date(required=True, allow_none=True)
    by_staff = fields.Boolean(required=True)
    created_at = fields.AwareDateTime(required=True)
    is_overdue = fields.Boolean(required=True)
    handler_member_id = fields.UUID(required=True, allow_none=True)
    handler_name = fields.String(required=True, allow_none=True)
    answer = fields.String(required=True, allow_none=True)
    answered_at = fields.AwareDateTime(required=True, allow_none=True)
    corrected_id = fields.UUID(
        required=True, allow_none=True, metadata={"description": "The attendance that was put right"}
    )
    reopened_at = fields.AwareDateTime(required=True, allow_none=True)
    reopened_because = fields.String(required=True, allow_none=True)
    answer_before = fields.String(required=True, allow_none=True)


class AnswerSchema(Wire):
    answer = _words()
    corrected_id = fields.UUID(load_default=None, allow_none=True)


class ReopeningSchema(Wire):
    because = _words()


class ContactSchema(Wire):
    contact = fields.String(required=True, allow_none=True)


# --- Imports --------------------------------------------------------------------------------------------


class Base64(fields.Field[bytes]):
    """Bytes as JSON has them."""

    default_error_messages = {"base64": "应为 base64"}  # noqa: RUF012

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bytes:
        try:
            return base64.b64decode(value, validate=True)
        except (TypeError, ValueError) as error:
            raise self.make_error("base64") from error


def _half_day(**kwargs: Any) -> Whole:
    description = {"description": "How many minutes 半天 stands for"}
    return Whole(validate=validate.Range(min=60, max=600), metadata=description, **kwargs)


class ImportNewSchema(Wire):
    import_id = fields.UUID(required=True, data_key="id")
    kind = fields.Enum(imports.Kind, by_value=True, required=True)
    station_id = fields.UUID(required=True)
    file_name = Line(length_max=200, required=True)
    content = Base64(
        required=True, metadata={"type": "string", "format": "byte", "description": "XLSX, XLS or CSV, at most 10 MB"}
    )
    half_day_minutes = _half_day(load_default=imports.HALF_DAY_MINUTES)


class ImportCheckSchema(Wire):
    half_day_minutes = _half_day()


class ImportReasonSchema(Wire):
    reason = Line(length_max=200, required=True)


class ImportQuerySchema(Wire):
    station_id = fields.UUID()
    before = fields.UUID(metadata={"description": "Only imports older than this one"})
    limit = _limit()


class ImportRowsQuerySchema(Wire):
    state = fields.String(
        load_default=imports.RowState.BAD, validate=validate.OneOf([state.value for state in imports.RowState])
    )
    after = WholeText(load_default=0, validate=validate.Range(min=0, max=1_000_000))
    limit = WholeText(load_default=200, validate=validate.Range(min=1, max=2000))


class ProblemFoundSchema(Wire):
    title = fields.String(required=True)
    value = fields.String(required=True)
    sentence = fields.String(required=True)


class ImportRowSchema(Wire):
    number = fields.Integer(required=True)
    member_id = fields.UUID(allow_none=True)
    cells = fields.List(fields.String(), required=True)
    problems = fields.List(fields.Nested(ProblemFoundSchema), required=True)


class ImportSchema(Wire):
    id = fields.UUID(required=True)
    kind = fields.String(required=True)
    state = fields.String(required=True)
    station_id = fields.UUID(required=True)
    station_name = fields.String(required=True)
    file_name = fields.String(required=True)
    size = fields.Integer(required=True)
    has_file = fields.Boolean(required=True)
    half_day_minutes = fields.Integer(required=True)
    created_at = fields.AwareDateTime(required=True)
    created_by_name = fields.String(required=True)
    decided_at = fields.AwareDateTime(allow_none=True)
    decided_by_name = fields.String(allow_none=True)
    reason = fields.String(allow_none=True)
    done_at = fields.AwareDateTime(allow_none=True)
    undone_at = fields.AwareDateTime(allow_none=True)
    found = fields.Dict(required=True, metadata={"description": "What the check found: heads, new teams, sums"})
    counts = fields.Dict(
        keys=fields.String(), values=fields.Integer(), required=True, metadata={"description": "Rows by state"}
    )
    may = fields.List(fields.String(), required=True, metadata={"description": "Steps that I may take now"})
