"""The wire of rewards. Points are whole hundredths, times have zones."""

from typing import Any

from marshmallow import ValidationError, fields, validate

from services.rewards.domain.desk import LINES_MAX
from services.rewards.domain.redemption import QUANTITY_MAX, State
from shared.fields import Day, Instant, Line, Paragraphs, Whole, WholeText, Wire, YesNo

POINTS_MAX = 10_000_00
"""Of one piece. Times `QUANTITY_MAX` it is as much as points takes in one spend."""

LIMIT_MAX = 1_000
PIECES_MAX = 1_000_000
"""Of one movement of stock."""
COUNTED_MAX = 999_999_999
"""Of one gift in a daily close: movements add up, and what they came to must always be countable."""
_STATES = [state.value for state in State if state is not State.REFUSED]


def _count(least: int, most: int) -> validate.Range:
    return validate.Range(min=least, max=most, error="应在 {min} 到 {max} 之间")


class NewGiftSchema(Wire):
    id = fields.UUID(required=True)
    node_id = fields.UUID(required=True, metadata={"description": "the station, or node above it, that offers it"})
    name = Line(required=True, length_max=40)
    description = Paragraphs(load_default="", length_max=500, empty=True)
    points = Whole(required=True, validate=_count(1, POINTS_MAX), metadata={"description": "hundredths of a point"})
    limit_per_quarter = Whole(
        load_default=None,
        allow_none=True,
        validate=_count(1, LIMIT_MAX),
        metadata={"description": "pieces for one member; null: no limit"},
    )


class GiftChangeSchema(Wire):
    name = Line(length_max=40)
    description = Paragraphs(length_max=500, empty=True)
    points = Whole(validate=_count(1, POINTS_MAX))
    limit_per_quarter = Whole(allow_none=True, validate=_count(1, LIMIT_MAX))
    withdrawn = YesNo()


class GiftSchema(Wire):
    id = fields.UUID(required=True)
    node_id = fields.UUID(required=True)
    name = fields.String(required=True)
    description = fields.String(required=True)
    points = fields.Integer(required=True)
    limit_per_quarter = fields.Integer(required=True, allow_none=True)
    withdrawn = fields.Boolean(required=True)


class StockSchema(Wire):
    station_id = fields.UUID(required=True)
    received = fields.Integer(required=True)
    written_off = fields.Integer(required=True)
    on_hand = fields.Integer(required=True, metadata={"description": "neither reserved nor issued"})
    reserved = fields.Integer(required=True)
    issued = fields.Integer(required=True)


class GiftStockSchema(StockSchema):
    gift_id = fields.UUID(required=True)


class GiftAtStationSchema(GiftSchema, StockSchema):
    available = fields.Integer(required=True, metadata={"description": "what can be redeemed now"})
    left_for_member = fields.Integer(
        required=True, allow_none=True, metadata={"description": "this quarter; null: no limit"}
    )


class GiftQuerySchema(Wire):
    station_id = fields.UUID(required=True)
    member_id = fields.UUID(metadata={"description": "whose limit is told; else of whom the login acts for"})


class GiftsQuerySchema(GiftQuerySchema):
    limit = WholeText(load_default=100, validate=_count(1, 200))
    after = fields.UUID()
    everything = fields.Boolean(
        load_default=False,
        truthy={"1", "true"},
        falsy={"0", "false"},
        metadata={"description": "also what is withdrawn or never came in; station staff only"},
    )


class StockMovementSchema(Wire):
    id = fields.UUID(required=True)
    station_id = fields.UUID(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(["receive", "write_off"]))
    quantity = Whole(required=True, validate=_count(1, PIECES_MAX))
    reason = Line(required=True, length_max=200)


class NewRedemptionSchema(Wire):
    id = fields.UUID(required=True, metadata={"description": "not of version 5, which are the desk's"})
    gift_id = fields.UUID(required=True)
    station_id = fields.UUID(required=True)
    member_id = fields.UUID(required=True)
    quantity = Whole(load_default=1, validate=_count(1, QUANTITY_MAX))
    points = Whole(
        load_default=None,
        allow_none=True,
        validate=_count(1, POINTS_MAX * QUANTITY_MAX),
        metadata={"description": "the cost that was shown, of all pieces; refused when it has changed since"},
    )


class RedemptionSchema(Wire):
    id = fields.UUID(required=True)
    gift_id = fields.UUID(required=True)
    gift_name = fields.String(required=True)
    station_id = fields.UUID(required=True)
    member_id = fields.UUID(required=True)
    quantity = fields.Integer(required=True)
    points = fields.Integer(required=True, metadata={"description": "of all pieces"})
    state = fields.String(required=True, validate=validate.OneOf(_STATES))
    reason_code = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)
    requested_at = fields.AwareDateTime(required=True)
    confirmed_at = fields.AwareDateTime(required=True, allow_none=True)
    expires_at = fields.AwareDateTime(required=True)
    fulfilled_at = fields.AwareDateTime(required=True, allow_none=True)
    undo_until = fields.AwareDateTime(required=True, allow_none=True)
    ended_at = fields.AwareDateTime(required=True, allow_none=True)


class RedemptionAtDeskSchema(RedemptionSchema):
    order_id = fields.UUID(required=True, allow_none=True, metadata={"description": "of the desk"})
    close_id = fields.UUID(required=True, allow_none=True, metadata={"description": "the daily close that counted it"})
    member_name = fields.String(required=True, allow_none=True, metadata={"description": "masked"})
    station_name = fields.String(required=True)


class RedemptionsQuerySchema(Wire):
    member_id = fields.UUID(metadata={"description": "else of whom the login acts for"})
    limit = WholeText(load_default=50, validate=_count(1, 200))
    before = fields.UUID(metadata={"description": "only those older than this one"})


class StationRedemptionsQuerySchema(Wire):
    member_id = fields.UUID(metadata={"description": "only those of this member"})
    state = fields.String(load_default=None, validate=validate.OneOf(_STATES))
    limit = WholeText(load_default=50, validate=_count(1, 200))
    before = fields.UUID()


class VoucherSchema(Wire):
    code = fields.String(required=True)
    url = fields.String(required=True)
    expires_at = fields.AwareDateTime(required=True)


class VoucherReadSchema(Wire):
    code = Line(required=True, length_max=300, metadata={"description": "typed code, token, or the link in the QR"})


class IssueSchema(Wire):
    code = Line(
        length_max=300,
        metadata={"description": "of the voucher that was read; none when the member was found on the list"},
    )


class UndoSchema(Wire):
    reason = Line(required=True, length_max=200)


# --- Orders at the desk -----------------------------------------------------------------------------


def _each_gift_once(rows: list[dict[str, Any]]) -> None:
    if len({row["gift_id"] for row in rows}) < len(rows):
        raise ValidationError("同一种礼品请写在一行")


class DeskQuerySchema(Wire):
    member_id = fields.UUID(required=True, metadata={"description": "who stands there"})


class ServedSchema(Wire):
    order_id = fields.UUID(required=True)
    gift_id = fields.UUID(required=True)
    gift_name = fields.String(required=True)
    quantity = fields.Integer(required=True)
    requested_at = fields.AwareDateTime(required=True)


class DeskSchema(Wire):
    station_name = fields.String(required=True)
    obstacle_code = fields.String(required=True, allow_none=True)
    obstacle = fields.String(
        required=True, allow_none=True, metadata={"description": "why this person redeems nothing here now"}
    )
    gifts = fields.List(fields.Nested(GiftAtStationSchema), required=True)
    served = fields.List(
        fields.Nested(ServedSchema),
        required=True,
        metadata={"description": "today, to this person at this desk; what was taken back is not in it"},
    )


class DeskLineSchema(Wire):
    gift_id = fields.UUID(required=True)
    quantity = Whole(required=True, validate=_count(1, QUANTITY_MAX))
    points = Whole(
        required=True,
        validate=_count(1, POINTS_MAX * QUANTITY_MAX),
        metadata={"description": "the cost that was shown, of all pieces; refused when it has changed since"},
    )


class PaperSchema(Wire):
    list_number = Line(required=True, length_max=40)
    line = Whole(required=True, validate=_count(1, 10_000))
    handed_over_at = Instant(required=True)


class DeskOrderSchema(Wire):
    id = fields.UUID(required=True)
    station_id = fields.UUID(required=True)
    member_id = fields.UUID(required=True)
    lines = fields.List(
        fields.Nested(DeskLineSchema),
        required=True,
        validate=[validate.Length(1, LINES_MAX, error="一次兑换 {min} 到 {max} 种礼品"), _each_gift_once],
        metadata={"description": "each gift once"},
    )
    paper = fields.Nested(
        PaperSchema,
        load_default=None,
        allow_none=True,
        metadata={"description": "where it was written down while the network was away"},
    )


class DeskReceiptLineSchema(RedemptionSchema):
    state = fields.String(
        required=True,
        validate=validate.OneOf([state.value for state in State]),
        metadata={"description": "refused: it broke a rule; requested: points did not answer, not to be handed over"},
    )
    close_id = fields.UUID(required=True, allow_none=True, metadata={"description": "the daily close that counted it"})


class DeskReceiptSchema(Wire):
    id = fields.UUID(required=True)
    station_id = fields.UUID(required=True)
    station_name = fields.String(required=True)
    member_id = fields.UUID(required=True)
    member_name = fields.String(required=True, allow_none=True, metadata={"description": "masked, like by_name"})
    by_name = fields.String(required=True, allow_none=True)
    at = fields.AwareDateTime(required=True)
    paper_list = fields.String(required=True, allow_none=True)
    paper_line = fields.Integer(required=True, allow_none=True)
    handed_over_at = fields.AwareDateTime(required=True, allow_none=True, metadata={"description": "by the paper"})
    lines = fields.List(fields.Nested(DeskReceiptLineSchema), required=True)


class DeskServedSchema(DeskReceiptSchema):
    repeated = fields.Boolean(
        required=True,
        metadata={"description": "it was known already: nothing new was booked but what points had not answered"},
    )


class DeskDayQuerySchema(Wire):
    day = Day(load_default=None, metadata={"description": "in Shanghai; today when left out"})


class HandedOverSchema(Wire):
    id = fields.UUID(required=True, metadata={"description": "of the redemption"})
    order_id = fields.UUID(required=True)
    member_id = fields.UUID(required=True)
    member_name = fields.String(required=True, allow_none=True)
    gift_name = fields.String(required=True)
    quantity = fields.Integer(required=True)
    points = fields.Integer(required=True)
    fulfilled_at = fields.AwareDateTime(required=True)
    station_name = fields.String(required=True)
    by_name = fields.String(required=True, allow_none=True, metadata={"description": "who gave it out"})


class MissedSchema(Wire):
    order_id = fields.UUID(required=True)
    member_id = fields.UUID(required=True)
    member_name = fields.String(required=True, allow_none=True, metadata={"description": "masked"})
    paper_list = fields.String(required=True)
    paper_line = fields.Integer(required=True)
    gift_name = fields.String(required=True)
    quantity = fields.Integer(required=True)
    reason = fields.String(required=True, allow_none=True)


class LeftSchema(Wire):
    member_id = fields.UUID(required=True)
    gift_id = fields.UUID(required=True)
    left = fields.Integer(required=True, metadata={"description": "pieces, this quarter"})


class CallSchema(Wire):
    id = fields.UUID(required=True)


class CalledSchema(Wire):
    number = fields.Integer(required=True, metadata={"description": "called last today; 0 before the first"})


# --- Daily closes -------------------------------------------------------------------------------------


class ToCountSchema(Wire):
    gift_id = fields.UUID(required=True)
    gift_name = fields.String(required=True)
    pieces = fields.Integer(required=True, metadata={"description": "handed over since the last close"})
    points = fields.Integer(required=True, metadata={"description": "what these cost, hundredths of a point"})
    expected = fields.Integer(required=True, metadata={"description": "on the shelf by the books"})
    carried = fields.Integer(
        required=True,
        metadata={"description": "of these by the books of merged stations; below zero: own ones on the successor's"},
    )


class LeftOpenSchema(Wire):
    station_id = fields.UUID(required=True)
    station_name = fields.String(required=True)
    pieces = fields.Integer(required=True, metadata={"description": "handed over since its last close"})


class CountSchema(Wire):
    gift_id = fields.UUID(required=True)
    pieces = Whole(required=True, validate=_count(0, COUNTED_MAX), metadata={"description": "as it was shown"})
    expected = Whole(required=True, validate=_count(0, COUNTED_MAX), metadata={"description": "as it was shown"})
    counted = Whole(required=True, validate=_count(0, COUNTED_MAX))
    reason = Line(load_default="", length_max=200, empty=True, metadata={"description": "of a difference"})


class NewCloseSchema(Wire):
    id = fields.UUID(required=True)
    station_id = fields.UUID(required=True)
    counts = fields.List(
        fields.Nested(CountSchema),
        required=True,
        validate=[validate.Length(0, 500, error="最多 {max} 种礼品"), _each_gift_once],
        metadata={"description": "every gift that the station has to count, once"},
    )


class CountedSchema(ToCountSchema):
    counted = fields.Integer(required=True)
    reason = fields.String(required=True, allow_none=True)
    received = fields.Integer(required=True, metadata={"description": "ever, as of this close"})
    written_off = fields.Integer(required=True, metadata={"description": "ever, as of this close"})
    issued = fields.Integer(required=True, metadata={"description": "ever, as of this close"})


class CloseSchema(Wire):
    id = fields.UUID(required=True)
    station_id = fields.UUID(required=True)
    station_name = fields.String(required=True)
    at = fields.AwareDateTime(required=True)
    by_name = fields.String(required=True, allow_none=True, metadata={"description": "who signed, masked"})
    counts = fields.List(fields.Nested(CountedSchema), required=True)


class ClosesQuerySchema(Wire):
    limit = WholeText(load_default=20, validate=_count(1, 100))


# --- One person, one day ------------------------------------------------------------------------------


class DayQuerySchema(Wire):
    member_id = fields.UUID(required=True)
    day = Day(required=True, metadata={"description": "in Shanghai"})


class RedemptionOfDaySchema(Wire):
    id = fields.UUID(required=True)
    gift_name = fields.String(required=True)
    station_name = fields.String(required=True, allow_none=True)
    quantity = fields.Integer(required=True)
    points = fields.Integer(required=True, metadata={"description": "of all pieces"})
    state = fields.String(required=True, validate=validate.OneOf(_STATES))
    reason = fields.String(required=True, allow_none=True)
    requested_at = fields.AwareDateTime(required=True)
    confirmed_at = fields.AwareDateTime(required=True, allow_none=True)
    fulfilled_at = fields.AwareDateTime(required=True, allow_none=True)
    ended_at = fields.AwareDateTime(required=True, allow_none=True)


class ActAtDeskSchema(Wire):
    id = fields.UUID(required=True)
    at = fields.AwareDateTime(required=True)
    what = fields.String(required=True, metadata={"description": "gifts and pieces, as read to a person"})
    action = fields.String(required=True)
    by_member_id = fields.UUID(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)


class DaySchema(Wire):
    member_id = fields.UUID(required=True)
    day = fields.Date(required=True)
    is_whole = fields.Boolean(
        required=True, metadata={"description": "false: only what was redeemed where the caller has a role"}
    )
    redemptions = fields.List(fields.Nested(RedemptionOfDaySchema), required=True)
    acts = fields.List(fields.Nested(ActAtDeskSchema), required=True)
