"""The wire of balances, statements, awards, months, rules and seals. `points` are hundredths."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from marshmallow import fields, validate

from shared.fields import Day, WholeText, Wire

IDS_MAX = 200
LIMIT_MAX = 200


class Ids(fields.String):
    """Up to 200 ids in a query, separated by commas."""

    default_error_messages = {"ids": f"应为以逗号分隔的编号，最多 {IDS_MAX} 个"}  # noqa: RUF012 - marshmallow's own protocol

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        pieces = super()._deserialize(value, attr, data, **kwargs).split(",")
        if len(pieces) > IDS_MAX:
            raise self.make_error("ids")
        try:
            return list(dict.fromkeys(UUID(piece) for piece in pieces))
        except ValueError as error:
            raise self.make_error("ids") from error


class BalancesQuerySchema(Wire):
    member_ids = Ids(required=True, metadata={"description": "Comma-separated, at most 200"})


class BalanceSchema(Wire):
    member_id = fields.UUID(required=True)
    points_available = fields.Integer(required=True)
    points_debt = fields.Integer(required=True, metadata={"description": "待抵扣: later awards pay it first"})
    minutes_total = fields.Integer(required=True)
    minutes_year = fields.Integer(required=True, metadata={"description": "Served in this calendar year"})
    points_expiring = fields.Integer(required=True, metadata={"description": "Within 30 days"})


class StationBalancesQuerySchema(Wire):
    member_ids = Ids(load_default=None, metadata={"description": "Comma-separated; everybody when left out"})


class StationBalanceSchema(Wire):
    member_id = fields.UUID(required=True)
    points_available = fields.Integer(required=True)
    minutes_total = fields.Integer(required=True)


class StatementQuerySchema(Wire):
    member_id = fields.UUID(required=True)
    unit = fields.String(load_default="points", validate=validate.OneOf(("points", "minutes")))
    limit = WholeText(load_default=50, validate=validate.Range(min=1, max=LIMIT_MAX))
    before = fields.UUID(metadata={"description": "Only lines older than this transfer"})
    merged = fields.Boolean(
        load_default=False,
        truthy={"1"},
        falsy={"0"},
        metadata={"description": "`1`: with the lines of entries merged into this one, instead of the sums that moved"},
    )


class LineSchema(Wire):
    transfer_id = fields.UUID(required=True)
    at = fields.AwareDateTime(required=True)
    service_day = fields.Date(required=True)
    kind = fields.String(
        required=True,
        validate=validate.OneOf(("award", "opening", "reversal", "debt", "spend", "refund", "expiry", "merge", "gift")),
    )
    points = fields.Integer(metadata={"description": "The change, when unit is points"})
    minutes = fields.Integer(metadata={"description": "The change, when unit is minutes"})
    balance_after = fields.Integer(required=True)
    title = fields.String(required=True)
    reason = fields.String(required=True)
    source_type = fields.String(required=True, validate=validate.OneOf(("attendance", "move", "opening", "redemption")))
    source_id = fields.UUID(required=True)


class AwardsQuerySchema(Wire):
    attendance_ids = Ids(required=True, metadata={"description": "Comma-separated, at most 200"})


class AwardSchema(Wire):
    attendance_id = fields.UUID(required=True)
    version = fields.Integer(required=True)
    state = fields.String(required=True, validate=validate.OneOf(("awarded", "no_points", "reversed")))
    points = fields.Integer(required=True)
    minutes = fields.Integer(required=True)
    reason = fields.String(required=True)
    booked_at = fields.AwareDateTime(required=True)


class DayQuerySchema(Wire):
    member_id = fields.UUID(required=True)
    day = Day(required=True, metadata={"description": "In Shanghai"})


class OutcomeSchema(Wire):
    attendance_id = fields.UUID(required=True)
    version = fields.Integer(required=True)
    state = fields.String(required=True, validate=validate.OneOf(("awarded", "no_points", "annulled", "superseded")))
    title = fields.String(required=True)
    station_name = fields.String(required=True, allow_none=True)
    points = fields.Integer(required=True)
    minutes = fields.Integer(required=True)
    reason = fields.String(required=True)
    note = fields.String(required=True, allow_none=True)
    booked_at = fields.AwareDateTime(required=True)


class DaySchema(Wire):
    member_id = fields.UUID(required=True)
    day = fields.Date(required=True)
    is_whole = fields.Boolean(
        required=True, metadata={"description": "false: only outcomes where the caller has a role, and no lines"}
    )
    outcomes = fields.List(fields.Nested(OutcomeSchema), required=True, metadata={"description": "Of every version"})
    lines = fields.List(
        fields.Nested(LineSchema), required=True, metadata={"description": "Of this service day, or booked on it"}
    )


class MonthsQuerySchema(Wire):
    member_id = fields.UUID(required=True)
    year = WholeText(validate=validate.Range(min=2000, max=2100), metadata={"description": "Every year when left out"})


class MonthSchema(Wire):
    month = fields.String(required=True, metadata={"description": "2026-11"})
    points_earned = fields.Integer(required=True)
    points_spent = fields.Integer(required=True)
    minutes = fields.Integer(required=True)


class RulesQuerySchema(Wire):
    station_id = fields.UUID()
    day = Day(metadata={"description": "The day of the service, in Shanghai; today when left out"})


class RuleSchema(Wire):
    id = fields.UUID(required=True)
    version = fields.Integer(required=True)
    category = fields.String(required=True)
    base = fields.String(required=True, validate=validate.OneOf(("hour", "visit")))
    coefficient_percent = fields.Integer(required=True)
    share_min_percent = fields.Integer(required=True)
    points_daily_max = fields.Integer(required=True, metadata={"description": "Over all categories"})
    category_daily_max = fields.Integer(required=True, allow_none=True)
    evidence = fields.List(fields.String(), required=True)
    points_live_days = fields.Integer(required=True, allow_none=True)
    from_day = fields.Date(required=True)


class SealQuerySchema(Wire):
    station_id = fields.UUID(required=True)


class SealSchema(Wire):
    station_id = fields.UUID(required=True)
    seq = fields.Integer(required=True)
    hash = fields.String(required=True, metadata={"description": "SHA-256 in hex, over everything before"})
    sealed_through = fields.AwareDateTime(required=True)
    is_complete = fields.Boolean(required=True, metadata={"description": "Nothing waits to be sealed"})
