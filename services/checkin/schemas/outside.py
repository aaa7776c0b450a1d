"""Numbers of other platforms and batches of records for them, on the wire."""

from marshmallow import fields, validate

from services.checkin.domain.outside import NUMBER_LENGTH_MAX, Platform
from services.checkin.domain.outside import Kind as OutsideKind
from services.checkin.schemas.kinds import one_of, row_limit
from shared.events import Evidence
from shared.fields import Day, Instant, Line, WholeText, Wire, YesNo

BATCH_LINES_MAX = 5000


class OutsideNumbersQuerySchema(Wire):
    kind = fields.String(required=True, validate=one_of(OutsideKind))
    subject_id = fields.UUID(required=True)


class OutsideNumberSchema(Wire):
    platform = fields.String(required=True, validate=one_of(Platform))
    number = fields.String(required=True)


class NewOutsideNumberSchema(OutsideNumbersQuerySchema):
    platform = fields.String(required=True, validate=one_of(Platform))
    number = Line(length_max=NUMBER_LENGTH_MAX, required=True, allow_none=True)


class ScopeSchema(Wire):
    platform = fields.String(required=True, validate=one_of(Platform))
    node_id = fields.UUID(required=True, metadata={"description": "This node and all below it"})
    from_day = Day(required=True)
    to_day = Day(required=True, metadata={"description": "Included"})


class NewBatchSchema(ScopeSchema):
    id = fields.UUID(required=True, metadata={"description": "Made by the client; a repeated post is one batch."})
    with_unnumbered = YesNo(
        load_default=True,
        metadata={
            "description": "false: records of activities without a number of the platform wait for a later batch"
        },
    )


class BatchSchema(Wire):
    id = fields.UUID(required=True)
    platform = fields.String(required=True, validate=one_of(Platform))
    number = fields.Integer(required=True, metadata={"description": "Of the platform's batches"})
    node_id = fields.UUID(required=True)
    node_name = fields.String(required=True)
    from_day = fields.Date(required=True)
    to_day = fields.Date(required=True)
    records = fields.Integer(required=True)
    made_at = Instant(required=True)
    made_by = fields.UUID(required=True, allow_none=True)


class BatchesQuerySchema(Wire):
    after = fields.UUID(metadata={"description": "The last batch of the page before"})
    limit = row_limit()


class BatchRecordsQuerySchema(Wire):
    after = WholeText(load_default=0, metadata={"description": "The last line of the page before"})
    limit = WholeText(load_default=50, validate=validate.Range(min=1, max=BATCH_LINES_MAX))


class BatchRecordSchema(Wire):
    line = fields.Integer(required=True)
    attendance_id = fields.UUID(required=True)
    member_id = fields.UUID(required=True, metadata={"description": "Whose it is now, also after a merge"})
    version = fields.Integer(required=True)
    corrects_number = fields.Integer(
        required=True, allow_none=True, metadata={"description": "The batch it came in first, when it is a correction"}
    )
    counts = fields.Boolean(required=True, metadata={"description": "false: annulled since"})
    member_number = fields.String(required=True, metadata={"description": "On the platform"})
    volunteer_number = fields.String(required=True)
    name_masked = fields.String(required=True)
    activity_number = fields.String(required=True, allow_none=True, metadata={"description": "On the platform"})
    title = fields.String(required=True)
    category = fields.String(required=True)
    place = fields.String(required=True)
    station_name = fields.String(required=True)
    service_day = fields.Date(required=True)
    started_at = Instant(required=True)
    ended_at = Instant(required=True)
    minutes = fields.Integer(required=True)
    evidence = fields.String(required=True, validate=one_of(Evidence))


class LeftForLaterSchema(Wire):
    member_id = fields.UUID(required=True)
    name_masked = fields.String(required=True)
    records = fields.Integer(required=True)
