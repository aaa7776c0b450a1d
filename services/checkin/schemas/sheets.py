"""Sign-in sheets on the wire."""

from typing import Any

from marshmallow import fields, post_load, validate

from services.checkin.domain import sheets
from services.checkin.domain.attendances import State
from services.checkin.domain.sheets import LINES_MAX, Outcome
from services.checkin.schemas.activities import ActivitySchema
from services.checkin.schemas.kinds import one_of
from shared.events import Evidence
from shared.fields import Instant, Line, Wire, YesNo

_NUMBER_LENGTH_MAX = 30


class SheetQuerySchema(Wire):
    site_id = fields.UUID(required=True)
    number = Line(
        length_max=_NUMBER_LENGTH_MAX, metadata={"description": "As printed on it; without one, the sheet as of now"}
    )


class PrintedLineSchema(Wire):
    """Somebody on the sheet, with the record they have at the activity by now, if any."""

    number = fields.Integer(required=True)
    member_id = fields.UUID(required=True)
    site_id = fields.UUID(required=True, allow_none=True, metadata={"description": "None: wherever needed"})
    attendance_id = fields.UUID(required=True, allow_none=True)
    site_name = fields.String(required=True, allow_none=True)
    arrived_at = Instant(required=True, allow_none=True)
    left_at = Instant(required=True, allow_none=True)
    evidence = fields.String(required=True, allow_none=True, validate=one_of(Evidence))
    name_masked = fields.String(required=True, allow_none=True)
    number_tail = fields.String(required=True, allow_none=True)
    compound_name = fields.String(required=True, allow_none=True)
    building_name = fields.String(required=True, allow_none=True)


class EnteredLineSchema(Wire):
    number = fields.Integer(required=True)
    member_id = fields.UUID(required=True)


class SheetSchema(Wire):
    number = fields.String(required=True)
    as_organizer = fields.Boolean(required=True, metadata={"description": "false: only by leading the site"})
    may_name = fields.Boolean(
        required=True, metadata={"description": "The caller may be told these people's full names now"}
    )
    at = Instant(required=True, metadata={"description": "When it was printed"})
    activity = fields.Nested(ActivitySchema, required=True)
    lines = fields.List(fields.Nested(PrintedLineSchema), required=True)
    entered = fields.List(
        fields.Nested(EnteredLineSchema),
        required=True,
        metadata={"description": "Whom lines of the paper of this number were typed in as, and still are there"},
    )


class WrittenLineSchema(Wire):
    member_id = fields.UUID(required=True)
    arrived_at = Instant(required=True)
    left_at = Instant(allow_none=True)
    number = fields.Integer(
        allow_none=True,
        validate=validate.Range(min=1, max=LINES_MAX),
        metadata={"description": "Which line of the paper it is"},
    )

    @post_load
    def make(self, content: dict[str, Any], **_kwargs: Any) -> sheets.Line:
        return sheets.Line(**content)


class WrittenSheetSchema(Wire):
    id = fields.UUID(
        required=True,
        attribute="sheet_id",
        metadata={"description": "Made by the client; a repeated post takes nothing in again."},
    )
    site_id = fields.UUID(required=True)
    number = Line(length_max=_NUMBER_LENGTH_MAX, allow_none=True)
    only_check = YesNo(load_default=False, metadata={"description": "Write nothing, and say what would become of it"})
    lines = fields.List(fields.Nested(WrittenLineSchema), required=True, validate=validate.Length(min=1, max=LINES_MAX))


class RecordThereSchema(Wire):
    id = fields.UUID(required=True)
    site_id = fields.UUID(required=True)
    state = fields.String(required=True, validate=one_of(State))
    arrived_at = Instant(required=True)
    left_at = Instant(required=True, allow_none=True)
    evidence = fields.String(required=True, validate=one_of(Evidence))


class LineReceiptSchema(Wire):
    member_id = fields.UUID(required=True)
    outcome = fields.String(required=True, validate=one_of(Outcome))
    attendance = fields.Nested(
        RecordThereSchema,
        required=True,
        allow_none=True,
        metadata={"description": "What the line made, or what stood there before"},
    )


class SheetReceiptSchema(Wire):
    evidence = fields.String(
        required=True, validate=one_of(Evidence), metadata={"description": "What a sheet typed in now counts as"}
    )
    lines = fields.List(fields.Nested(LineReceiptSchema), required=True)
