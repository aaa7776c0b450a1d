"""The wire of the boards."""

from marshmallow import fields, validate

from services.points.domain.boards import NODE_LEVELS, ROWS_MAX, Metric, Period
from shared.fields import Day, Whole, WholeText, Wire, YesNo


class BoardQuerySchema(Wire):
    node_id = fields.UUID(required=True)
    period = fields.Enum(Period, by_value=True, load_default=Period.MONTH)
    day = Day(metadata={"description": "Any day of the period, in Shanghai; today when left out"})
    metric = fields.Enum(Metric, by_value=True, load_default=Metric.HOURS)
    member_id = fields.UUID(metadata={"description": "Whose own rank to tell: a member the caller acts for"})
    or_newest = fields.Boolean(
        load_default=False,
        metadata={"description": "When nobody is on the board, the newest one before it that has somebody"},
    )


class BoardRowSchema(Wire):
    rank = Whole(required=True, metadata={"description": "Equals share a rank: 1, 2, 2, 4"})
    name = fields.String(required=True, metadata={"description": "Masked without the consent to be named"})
    value = Whole(required=True)
    member_id = fields.UUID(allow_none=True)


class OwnRankSchema(Wire):
    rank = Whole(required=True)
    value = Whole(required=True)


class BoardSchema(Wire):
    """Values are minutes (hours), hundredths (points) or a count (attendances)."""

    period_key = fields.String(required=True, metadata={"description": "2026-W48, 2026-11, 2026-Q4, 2026 or all"})
    first_day = fields.Date(required=True, allow_none=True, metadata={"description": "Of the period; null for all"})
    last_day = fields.Date(required=True, allow_none=True)
    as_of = fields.AwareDateTime(required=True)
    source = fields.String(required=True, validate=validate.OneOf(["cache", "database"]))
    switched_on = fields.Boolean(required=True)
    rows = fields.List(fields.Nested(BoardRowSchema), required=True, validate=validate.Length(max=ROWS_MAX))
    own = fields.Nested(OwnRankSchema, allow_none=True)


class BoardSwitchSchema(Wire):
    on = YesNo(required=True)


class BoardSwitchesQuerySchema(Wire):
    after = fields.UUID(metadata={"description": "Only nodes that come after this one"})
    limit = WholeText(load_default=200, validate=validate.Range(min=1, max=200))


class BoardSwitchStateSchema(Wire):
    node_id = fields.UUID(required=True)
    name = fields.String(required=True)
    level = fields.String(required=True, validate=validate.OneOf(NODE_LEVELS))
    parent_name = fields.String(required=True, allow_none=True)
    on = fields.Boolean(required=True)
