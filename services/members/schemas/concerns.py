"""What people report and complain of, on the wire."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from services.members.domain import concerns
from services.members.schemas.kinds import row_limit
from shared.fields import Day, Line, Paragraphs, Wire, YesNo


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
    limit = row_limit()


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
