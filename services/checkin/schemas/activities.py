"""Activities on the wire."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema
from webargs.fields import DelimitedList

from services.checkin.domain.activities import State as ActivityState
from services.checkin.schemas.kinds import (
    PRESENCE_MAX,
    SITE_NAME_MAX,
    SITES_MAX,
    between,
    id_list,
    one_of,
    row_limit,
)
from shared.categories import NAMES
from shared.fields import Instant, Line, Paragraphs, Whole, Wire, YesNo


class SiteSchema(Wire):
    id = fields.UUID(required=True)
    name = Line(length_max=SITE_NAME_MAX, required=True)
    place = Line(length_max=120, required=True)
    leader_member_id = fields.UUID(allow_none=True, load_default=None)


def _activity_fields(*, required: bool) -> dict[str, fields.Field[Any]]:
    def default(value: Any) -> dict[str, Any]:
        return {"load_default": value} if required else {}

    return {
        "title": Line(length_max=80, required=required),
        "category": fields.String(required=required, validate=validate.OneOf(list(NAMES))),
        "station_id": fields.UUID(required=required),
        "place": Line(length_max=120, required=required),
        "starts_at": Instant(required=required),
        "ends_at": Instant(required=required),
        "window_before_minutes": Whole(**default(60), validate=between(0, 240)),
        "capacity": Whole(**default(None), allow_none=True, validate=between(1, 100_000)),
        "confirm_each": YesNo(**default(False)),
        "sites": fields.List(
            fields.Nested(SiteSchema), required=required, validate=validate.Length(min=1, max=SITES_MAX)
        ),
    }


class NewActivitySchema(Wire.from_dict(_activity_fields(required=True), name="NewActivityFields")):  # type: ignore[misc]
    id = fields.UUID(required=True, metadata={"description": "Made by the client; a repeated post is one activity."})


class ChangedActivitySchema(Wire.from_dict(_activity_fields(required=False), name="ChangedActivityFields")):  # type: ignore[misc]
    """Only what is to change. `sites` is the whole list."""


class ActivitySchema(NewActivitySchema):
    state = fields.String(required=True, validate=one_of(ActivityState))
    reason = fields.String(
        required=True, allow_none=True, metadata={"description": "Why it was cancelled, or, of a draft, sent back"}
    )
    asked_at = Instant(
        required=True, allow_none=True, metadata={"description": "When it was last asked for that it be reviewed"}
    )
    asked_by = fields.UUID(required=True, allow_none=True)
    ended_at = Instant(
        required=True, allow_none=True, metadata={"description": "When it was closed or cancelled, if it was"}
    )
    was_starts_at = Instant(
        required=True, allow_none=True, metadata={"description": "When it would have been before it was moved last"}
    )
    was_ends_at = Instant(required=True, allow_none=True)
    station_name = fields.String(required=True, allow_none=True)
    arrival_opens_at = Instant(required=True)
    departure_closes_at = Instant(required=True)
    summary = fields.String(required=True, allow_none=True, metadata={"description": "What to say of it afterwards"})
    created_by = fields.UUID(required=True, allow_none=True)
    signed_up = fields.Integer(required=True, metadata={"description": "How many; more than `capacity` are welcome"})


class AnnouncedSiteSchema(Wire):
    name = fields.String(required=True)
    place = fields.String(required=True)


class AnnouncementSchema(Wire):
    """What stands on a poster. Nobody is named here: not who leads it, and not who comes."""

    id = fields.UUID(required=True)
    title = fields.String(required=True)
    category = fields.String(required=True, validate=validate.OneOf(list(NAMES)))
    station_name = fields.String(required=True, allow_none=True)
    place = fields.String(required=True)
    starts_at = Instant(required=True)
    ends_at = Instant(required=True)
    state = fields.String(required=True, validate=one_of(ActivityState))
    reason = fields.String(required=True, allow_none=True, metadata={"description": "Why it was cancelled"})
    capacity = fields.Integer(required=True, allow_none=True)
    signed_up = fields.Integer(required=True)
    sites = fields.List(fields.Nested(AnnouncedSiteSchema), required=True)


class AnnouncementQuerySchema(Wire):
    activity_id = fields.UUID(required=True)


class ActivityQuerySchema(Wire):
    station_id = fields.UUID(metadata={"description": "This node and all below it"})
    from_ = Instant(data_key="from", metadata={"description": "Only those that end at this moment or later"})
    to = Instant(metadata={"description": "Only those that start before this moment"})
    state = DelimitedList(
        fields.String(validate=one_of(ActivityState)),
        validate=validate.Length(min=1, max=len(ActivityState)),
        metadata={"description": "Only those in one of these states, comma-separated"},
    )
    led = fields.Boolean(metadata={"description": "Only those of which the caller leads a site, wherever they are"})
    order = fields.String(load_default="oldest", validate=validate.OneOf(["oldest", "newest"]))
    after = fields.UUID(metadata={"description": "The last activity of the page before, in the same order"})
    limit = row_limit()


class PostponementSchema(Wire):
    """Both times, or none when they are not known yet."""

    starts_at = Instant()
    ends_at = Instant()

    @validates_schema
    def _both_or_none(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if len(data) == 1:
            raise ValidationError("开始和结束时间要一起填", "ends_at" if "starts_at" in data else "starts_at")


class ReasonSchema(Wire):
    reason = Paragraphs(length_max=500, required=True)


class PresenceQuerySchema(Wire):
    ids = id_list(PRESENCE_MAX)


class PresenceSchema(Wire):
    activity_id = fields.UUID(required=True)
    state = fields.String(
        required=True, validate=one_of(ActivityState), metadata={"description": "Of the activity; codes end with it"}
    )
    present = fields.Integer(required=True)
    arrived = fields.Integer(required=True)
    left = fields.Integer(required=True)
    waiting = fields.Integer(required=True)
    late = fields.Integer(required=True, metadata={"description": "There by a late scan that nobody has nodded to"})
    surplus = fields.Integer(required=True)
