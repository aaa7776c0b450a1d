"""Sign-ups on the wire."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from services.checkin.domain.activities import State as ActivityState
from services.checkin.domain.sign_up_lists import TEXT_MAX, Reading
from services.checkin.domain.sign_ups import Outcome as SignUpOutcome
from services.checkin.schemas.kinds import (
    SCAN_MEMBERS_MAX,
    SIGN_UPS_MAX,
    SIGNED_UP_MAX,
    SITE_NAME_MAX,
    SITES_MAX,
    id_list,
    one_of,
    row_limit,
)
from shared.fields import Instant, Line, Paragraphs, WholeText, Wire, YesNo


class NewSignUpsSchema(Wire):
    id = fields.UUID(
        required=True,
        attribute="request_id",
        metadata={"description": "Made by the client; a repeated post signs up nobody again."},
    )
    member_ids = fields.List(fields.UUID(), required=True, validate=validate.Length(min=1, max=SIGN_UPS_MAX))
    site_id = fields.UUID(allow_none=True, load_default=None)
    site_ids = fields.List(
        fields.UUID(allow_none=True),
        load_default=None,
        metadata={"description": "The site of each of `member_ids`, in their order, where they differ"},
    )
    from_list = YesNo(load_default=False, metadata={"description": "They stood on a pasted list; for organizers"})

    @validates_schema
    def _one_site_each(self, content: dict[str, Any], **_kwargs: Any) -> None:
        if content.get("site_ids") is not None and len(content["site_ids"]) != len(content.get("member_ids") or ()):
            raise ValidationError("每个人一个点位", "site_ids")


class SignUpReceiptSchema(Wire):
    member_id = fields.UUID(required=True)
    outcome = fields.String(required=True, validate=one_of(SignUpOutcome))
    id = fields.UUID(required=True, allow_none=True)
    place = fields.Integer(required=True, allow_none=True, metadata={"description": "In the order of sign-ups, from 1"})
    is_beyond = fields.Boolean(required=True, metadata={"description": "Beyond `capacity`; welcome all the same"})


class SignUpReceiptsSchema(Wire):
    sign_ups = fields.List(fields.Nested(SignUpReceiptSchema), required=True)


class SignedUpQuerySchema(Wire):
    limit = WholeText(load_default=SIGNED_UP_MAX, validate=validate.Range(min=1, max=SIGNED_UP_MAX))


class SignedUpSchema(Wire):
    """Somebody who is signed up or came; without `id`, `at` and `place` who came without signing up."""

    id = fields.UUID(required=True, allow_none=True)
    member_id = fields.UUID(required=True)
    site_id = fields.UUID(required=True, allow_none=True, metadata={"description": "Where they came, else meant to"})
    at = Instant(required=True, allow_none=True)
    by_member_id = fields.UUID(required=True, allow_none=True)
    list_id = fields.UUID(required=True, allow_none=True)
    place = fields.Integer(required=True, allow_none=True)
    is_beyond = fields.Boolean(required=True)
    came = fields.Boolean(required=True)
    is_there = fields.Boolean(required=True)


class SignUpsQuerySchema(Wire):
    member_ids = id_list(SCAN_MEMBERS_MAX)
    activity_id = fields.UUID(metadata={"description": "Only at this one, also when it is over"})
    limit = row_limit()


class SignUpSchema(Wire):
    id = fields.UUID(required=True)
    came = fields.Boolean(required=True, metadata={"description": "There, or there already"})
    activity_id = fields.UUID(required=True)
    member_id = fields.UUID(required=True)
    site_id = fields.UUID(required=True, allow_none=True)
    site_name = fields.String(required=True, allow_none=True)
    at = Instant(required=True)
    place = fields.Integer(required=True)
    is_beyond = fields.Boolean(required=True)
    title = fields.String(required=True)
    starts_at = Instant(required=True)
    ends_at = Instant(required=True)
    activity_place = fields.String(required=True)
    station_name = fields.String(required=True, allow_none=True)
    state = fields.String(required=True, validate=one_of(ActivityState))
    reason = fields.String(required=True, allow_none=True)


class ListTextSchema(Wire):
    text = Paragraphs(length_max=TEXT_MAX, required=True, metadata={"description": "Emoji may stand in it"})
    sites = fields.List(
        Line(length_max=SITE_NAME_MAX),
        load_default=list,
        validate=validate.Length(max=SITES_MAX),
        metadata={"description": "What the activity's sites are called, which lines may name"},
    )


class ListLineSchema(Wire):
    number = fields.Integer(
        required=True, metadata={"description": "Of the line, from 1; several people on one line have the same"}
    )
    text = fields.String(required=True)
    reading = fields.String(required=True, validate=one_of(Reading))
    name = fields.String(required=True)
    phone = fields.String(required=True, allow_none=True)
    place = fields.String(required=True)
    note = fields.String(required=True, metadata={"description": "What else stands on the line, not understood"})
    companions = fields.Integer(required=True)
    site = fields.String(required=True, allow_none=True, metadata={"description": "The site that the line names"})
