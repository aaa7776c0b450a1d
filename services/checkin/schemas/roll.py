"""The roll call on the wire."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from services.checkin.domain.attendances import State
from services.checkin.domain.roll import Outcome, Wanted, Why
from services.checkin.schemas.kinds import SIGNED_UP_MAX, TICKS_MAX, one_of
from shared.fields import Instant, WholeText, Wire


class RollQuerySchema(Wire):
    limit = WholeText(load_default=SIGNED_UP_MAX, validate=validate.Range(min=1, max=SIGNED_UP_MAX))


class RollLineSchema(Wire):
    """Somebody who is expected or came. Without `attendance_id` they are not there, and never were."""

    member_id = fields.UUID(required=True)
    signed_up = fields.Boolean(required=True)
    site_id = fields.UUID(required=True, allow_none=True, metadata={"description": "Where they came, else meant to"})
    attendance_id = fields.UUID(required=True, allow_none=True)
    state = fields.String(required=True, allow_none=True, validate=one_of(State))
    arrived_at = Instant(required=True, allow_none=True)
    left_at = Instant(required=True, allow_none=True)
    was_ticked = fields.Boolean(required=True, metadata={"description": "Entered by an organizer, not scanned"})
    awaits_nod = fields.Boolean(required=True, metadata={"description": "There by a late scan that waits for a nod"})
    own_case = fields.Boolean(required=True, metadata={"description": "The caller or their household: others tick"})
    name_masked = fields.String(required=True, allow_none=True)
    number_tail = fields.String(required=True, allow_none=True)
    compound_name = fields.String(required=True, allow_none=True)
    building_name = fields.String(required=True, allow_none=True)


class RollSchema(Wire):
    site_ids = fields.List(fields.UUID(), required=True, metadata={"description": "Whose roll the caller calls"})
    as_organizer = fields.Boolean(required=True, metadata={"description": "false: only by leading these sites"})
    may_name = fields.Boolean(
        required=True, metadata={"description": "The caller may be told these people's full names now"}
    )
    lines = fields.List(fields.Nested(RollLineSchema), required=True)


class TickSchema(Wire):
    id = fields.UUID(required=True, metadata={"description": "Made by the client; an arrival's attendance has it"})
    member_id = fields.UUID(required=True)
    wanted = fields.String(required=True, validate=one_of(Wanted))
    seen = fields.UUID(
        allow_none=True,
        load_default=None,
        metadata={"description": "The attendance that the roll showed; when another stands there now, nothing is done"},
    )
    site_id = fields.UUID(
        allow_none=True, load_default=None, metadata={"description": "Where they arrived; else the first site"}
    )


class TicksSchema(Wire):
    ticks = fields.List(fields.Nested(TickSchema), required=True, validate=validate.Length(min=1, max=TICKS_MAX))

    @validates_schema
    def _one_each(self, data: dict[str, Any], **_kwargs: Any) -> None:
        for name in ("id", "member_id"):
            if len({one[name] for one in data["ticks"]}) < len(data["ticks"]):
                raise ValidationError("一次一人只能点一下", "ticks")


class StandingSchema(Wire):
    attendance_id = fields.UUID(required=True)
    site_id = fields.UUID(required=True)
    state = fields.String(required=True, validate=one_of(State))
    arrived_at = Instant(required=True)
    left_at = Instant(required=True, allow_none=True)
    was_ticked = fields.Boolean(required=True)


class TickOutcomeSchema(Wire):
    member_id = fields.UUID(required=True)
    outcome = fields.String(required=True, validate=one_of(Outcome))
    why = fields.String(required=True, allow_none=True, validate=one_of(Why))
    detail = fields.String(required=True)
    standing = fields.Nested(
        StandingSchema, required=True, allow_none=True, metadata={"description": "What is true now"}
    )
    by = fields.String(
        required=True, allow_none=True, metadata={"description": "Who was there before, by the masked name"}
    )
    at = Instant(required=True, allow_none=True)


class TickedSchema(Wire):
    ticks = fields.List(fields.Nested(TickOutcomeSchema), required=True)
