"""Routes of rewards."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from services.rewards import schemas
from services.rewards.commands import desk, desk_closes, desk_orders, gifts, redemptions
from services.rewards.commands.desk_closes import Close
from services.rewards.domain.desk import Count, DeskOrder, Line, Paper
from services.rewards.domain.redemption import Order
from services.rewards.queries import day as day_queries
from services.rewards.queries import desk as desk_queries
from services.rewards.queries import gifts as gift_queries
from services.rewards.queries import redemptions as redemption_queries
from services.rewards.queries.desk import Closed, HandedOver, Left, LeftOpen, Missed, Served, ToCount
from services.rewards.queries.gifts import GiftAtStation
from services.rewards.queries.redemptions import Voucher
from services.rewards.store import AtDesk, Gift, Receipt, Redemption, Stock
from shared import web
from shared.principal import Role

routes = web.Routes("rewards", __name__, url_prefix="/api/v1/rewards")


def _refuses(*statuses: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Document the problems a route may answer with besides 400 and 401."""
    return routes.refuses(401, *statuses)


def _at_desk(found: AtDesk) -> dict[str, Any]:
    names = (*schemas.RedemptionSchema().fields, "order_id", "close_id")
    redemption = {name: getattr(found.redemption, name) for name in names}
    return redemption | {"member_name": found.member_name, "station_name": found.station_name}


def _receipt(receipt: Receipt) -> dict[str, Any]:
    names = ("id", "station_id", "member_id", "at", "paper_list", "paper_line", "handed_over_at")
    return {name: getattr(receipt.order, name) for name in names} | {
        "station_name": receipt.station_name,
        "member_name": receipt.member_name,
        "by_name": receipt.by_name,
        "lines": sorted(receipt.lines, key=lambda line: (line.gift_name, line.id)),
    }


def _missed(one: Missed) -> dict[str, Any]:
    of_order = {name: getattr(one.order, name) for name in ("member_id", "paper_list", "paper_line")}
    of_gift = {name: getattr(one.redemption, name) for name in ("order_id", "gift_name", "quantity", "reason")}
    return of_order | of_gift | {"member_name": one.member_name}


def _handed_over(one: HandedOver) -> dict[str, Any]:
    names = ("id", "order_id", "member_id", "gift_name", "quantity", "points", "fulfilled_at")
    return {name: getattr(one.redemption, name) for name in names} | {
        "station_name": one.station_name,
        "by_name": one.by_name,
        "member_name": one.member_name,
    }


def _closed(closed: Closed) -> dict[str, Any]:
    names = ("id", "station_id", "at")
    return {name: getattr(closed.close, name) for name in names} | {
        "station_name": closed.station_name,
        "by_name": closed.by_name,
        "counts": closed.counts,
    }


# --- Gifts --------------------------------------------------------------------------------------------


@routes.route("/gifts", methods=["GET"])
@web.logged_in()
@routes.arguments(schemas.GiftsQuerySchema, location="query")
@routes.response(200, schemas.GiftAtStationSchema(many=True))
@_refuses(403, 404)
def list_gifts(query: dict[str, Any]) -> list[GiftAtStation]:
    """The gifts of a station with their stock."""
    return gift_queries.list_gifts(web.caller(), **query)


@routes.route("/gifts/<uuid:gift_id>", methods=["GET"])
@web.logged_in()
@routes.arguments(schemas.GiftQuerySchema, location="query")
@routes.response(200, schemas.GiftAtStationSchema)
@_refuses(403, 404)
def show_gift(query: dict[str, Any], gift_id: UUID) -> GiftAtStation:
    """One gift at a station."""
    return gift_queries.get_gift(web.caller(), gift_id, **query)


@routes.route("/gifts", methods=["POST"])
@web.holding(Role.STAFF)
@routes.arguments(schemas.NewGiftSchema)
@routes.response(201, schemas.GiftSchema)
@_refuses(403, 404, 409)
def create_gift(gift: dict[str, Any]) -> Gift:
    """Offer a gift at all stations of a node."""
    return gifts.create_gift(web.caller(), gift_id=gift.pop("id"), **gift)


@routes.route("/gifts/<uuid:gift_id>", methods=["PATCH"])
@web.holding(Role.STAFF)
@routes.arguments(schemas.GiftChangeSchema)
@routes.response(200, schemas.GiftSchema)
@_refuses(403, 404)
def change_gift(changes: dict[str, Any], gift_id: UUID) -> Gift:
    """Change or withdraw a gift; redemptions made before keep their price."""
    return gifts.change_gift(web.caller(), gift_id=gift_id, changes=changes)


@routes.route("/gifts/<uuid:gift_id>/stock", methods=["POST"])
@web.holding(Role.STAFF)
@routes.arguments(schemas.StockMovementSchema)
@routes.response(201, schemas.GiftStockSchema)
@_refuses(403, 404, 409, 422)
def move_stock(movement: dict[str, Any], gift_id: UUID) -> Stock:
    """Receive gifts at a station or write them off."""
    return gifts.move_stock(web.caller(), gifts.Movement(gift_id=gift_id, **movement))


# --- Redemptions --------------------------------------------------------------------------------------


@routes.route("/redemptions", methods=["POST"])
@web.logged_in()
@routes.arguments(schemas.NewRedemptionSchema)
@routes.response(201, schemas.RedemptionSchema)
@_refuses(403, 404, 409, 422)
def redeem(order: dict[str, Any]) -> Redemption:
    """Redeem points for a gift: confirmed, declined for want of points, or requested while points are away."""
    return redemptions.redeem(web.caller(), Order(**order))


@routes.route("/redemptions", methods=["GET"])
@web.logged_in()
@routes.arguments(schemas.RedemptionsQuerySchema, location="query")
@routes.response(200, schemas.RedemptionSchema(many=True))
@_refuses(403)
def list_redemptions(query: dict[str, Any]) -> list[Redemption]:
    """All redemptions of a member, newest first."""
    return redemption_queries.list_for_member(web.caller(), **{"member_id": None} | query)


@routes.route("/redemptions/<uuid:redemption_id>", methods=["GET"])
@web.logged_in()
@routes.response(200, schemas.RedemptionAtDeskSchema)
@_refuses(403, 404)
def show_redemption(redemption_id: UUID) -> dict[str, Any]:
    """One redemption, for its member and its station's organizers."""
    return _at_desk(redemption_queries.get_redemption(web.caller(), redemption_id))


@routes.route("/redemptions/<uuid:redemption_id>/cancel", methods=["POST"])
@web.logged_in()
@routes.response(200, schemas.RedemptionSchema)
@_refuses(403, 404, 422)
def cancel(redemption_id: UUID) -> Redemption:
    """Give a redemption up before it is issued; the points go back."""
    return redemptions.cancel(web.caller(), redemption_id=redemption_id)


@routes.route("/redemptions/<uuid:redemption_id>/voucher", methods=["GET"])
@web.logged_in()
@routes.response(200, schemas.VoucherSchema)
@_refuses(403, 404, 422)
def show_voucher(redemption_id: UUID) -> Voucher:
    """What the member shows at the desk."""
    return redemption_queries.get_voucher(web.caller(), redemption_id)


# --- The desk -----------------------------------------------------------------------------------------


@routes.route("/vouchers/read", methods=["POST"])
@web.holding(Role.ORGANIZER)
@routes.arguments(schemas.VoucherReadSchema)
@routes.response(200, schemas.RedemptionAtDeskSchema)
@_refuses(403, 404, 422)
def read_voucher(voucher: dict[str, Any]) -> dict[str, Any]:
    """First step at the desk: what a voucher stands for, if it may be issued here and now."""
    return _at_desk(redemption_queries.read_voucher(web.caller(), voucher["code"]))


@routes.route("/redemptions/<uuid:redemption_id>/issue", methods=["POST"])
@web.holding(Role.ORGANIZER)
@routes.arguments(schemas.IssueSchema)
@routes.response(200, schemas.RedemptionAtDeskSchema)
@_refuses(403, 404, 422)
def issue(body: dict[str, Any], redemption_id: UUID) -> dict[str, Any]:
    """Second step at the desk: the gift is handed over."""
    return _at_desk(desk.issue(web.caller(), redemption_id=redemption_id, **body))


@routes.route("/redemptions/<uuid:redemption_id>/undo", methods=["POST"])
@web.holding(Role.ORGANIZER)
@routes.arguments(schemas.UndoSchema)
@routes.response(200, schemas.RedemptionAtDeskSchema)
@_refuses(403, 404, 422)
def undo(body: dict[str, Any], redemption_id: UUID) -> dict[str, Any]:
    """Take an issue back until 24:00 of its day."""
    return _at_desk(desk.undo(web.caller(), redemption_id=redemption_id, **body))


@routes.route("/stations/<uuid:station_id>/redemptions", methods=["GET"])
@web.holding(Role.ORGANIZER)
@routes.arguments(schemas.StationRedemptionsQuerySchema, location="query")
@routes.response(200, schemas.RedemptionAtDeskSchema(many=True))
@_refuses(403, 404)
def list_station_redemptions(query: dict[str, Any], station_id: UUID) -> list[dict[str, Any]]:
    """What was redeemed at a station, newest first."""
    return [_at_desk(found) for found in redemption_queries.list_for_station(web.caller(), station_id, **query)]


# --- Orders at the desk -------------------------------------------------------------------------------


@routes.route("/stations/<uuid:station_id>/desk", methods=["GET"])
@web.holding(Role.ORGANIZER)
@routes.arguments(schemas.DeskQuerySchema, location="query")
@routes.response(200, schemas.DeskSchema)
@_refuses(403, 404)
def show_desk(query: dict[str, Any], station_id: UUID) -> Served:
    """What one person could redeem at this desk now, with what is left of each limit and of the stock."""
    return desk_queries.show_desk(web.caller(), station_id, **query)


@routes.route("/desk-orders", methods=["POST"])
@web.holding(Role.ORGANIZER)
@routes.arguments(schemas.DeskOrderSchema)
@routes.response(201, schemas.DeskServedSchema)
@_refuses(403, 404, 409)
def serve(order: dict[str, Any]) -> dict[str, Any]:
    """Redeem several gifts for the person at the desk and hand them over; each line says what became of it.

    The same order again is answered with what was booked then; a line of paper also when its time or the prices differ.
    """
    lines = tuple(Line(**line) for line in order.pop("lines"))
    paper = order.pop("paper")
    wanted = DeskOrder(**order, lines=lines, paper=Paper(**paper) if paper else None)
    receipt = desk_orders.serve(web.caller(), wanted)
    return _receipt(receipt) | {"repeated": receipt.repeated}


@routes.route("/desk-orders/<uuid:order_id>", methods=["GET"])
@web.holding(Role.ORGANIZER)
@routes.response(200, schemas.DeskReceiptSchema)
@_refuses(403, 404)
def show_desk_order(order_id: UUID) -> dict[str, Any]:
    """An order and what became of each of its lines."""
    return _receipt(desk_queries.show_order(web.caller(), order_id))


@routes.route("/desk-orders/<uuid:order_id>/finish", methods=["POST"])
@web.holding(Role.ORGANIZER)
@routes.response(200, schemas.DeskReceiptSchema)
@_refuses(403, 404)
def finish(order_id: UUID) -> dict[str, Any]:
    """Ask points again for the lines that they had not answered."""
    return _receipt(desk_orders.finish(web.caller(), order_id))


@routes.route("/stations/<uuid:station_id>/handed-over", methods=["GET"])
@web.holding(Role.ORGANIZER)
@routes.arguments(schemas.DeskDayQuerySchema, location="query")
@routes.response(200, schemas.HandedOverSchema(many=True))
@_refuses(403, 404)
def list_handed_over(query: dict[str, Any], station_id: UUID) -> list[dict[str, Any]]:
    """What was handed over by order on one day, oldest first: the lines to sign."""
    return [_handed_over(one) for one in desk_queries.list_day(web.caller(), station_id, **query)]


@routes.route("/stations/<uuid:station_id>/missed", methods=["GET"])
@web.holding(Role.ORGANIZER)
@routes.arguments(schemas.DeskDayQuerySchema, location="query")
@routes.response(200, schemas.MissedSchema(many=True))
@_refuses(403, 404)
def list_missed(query: dict[str, Any], station_id: UUID) -> list[dict[str, Any]]:
    """What paper of one day says was handed over, and what was refused when it was typed in: at most 200."""
    return [_missed(one) for one in desk_queries.list_missed(web.caller(), station_id, **query)]


@routes.route("/handed-over", methods=["GET"])
@web.logged_in()
@routes.response(200, schemas.HandedOverSchema(many=True))
@_refuses()
def list_told() -> list[dict[str, Any]]:
    """What desks gave in the last seven days to whom my login acts for, newest first."""
    return [_handed_over(one) for one in desk_queries.list_told(web.caller())]


@routes.route("/stations/<uuid:station_id>/limits", methods=["GET"])
@web.holding(Role.ORGANIZER)
@routes.response(200, schemas.LeftSchema(many=True))
@_refuses(403, 404)
def list_limits(station_id: UUID) -> list[Left]:
    """Of those at home at a station, what is left of limits that are not whole any more."""
    return desk_queries.list_limits(web.caller(), station_id)


@routes.route("/stations/<uuid:station_id>/calls", methods=["GET"])
@web.holding(Role.ORGANIZER)
@routes.response(200, schemas.CalledSchema)
@_refuses(403, 404)
def show_called(station_id: UUID) -> dict[str, int]:
    """Which queue number was called last today."""
    return {"number": desk_queries.last_called(web.caller(), station_id)}


@routes.route("/stations/<uuid:station_id>/calls", methods=["POST"])
@web.holding(Role.ORGANIZER)
@routes.arguments(schemas.CallSchema)
@routes.response(201, schemas.CalledSchema)
@_refuses(403, 404, 409)
def call_next(call: dict[str, Any], station_id: UUID) -> dict[str, int]:
    """Call the next queue number; two desks call two."""
    return {"number": desk_orders.call_next(web.caller(), call_id=call["id"], station_id=station_id)}


@routes.route("/stations/<uuid:station_id>/to-count", methods=["GET"])
@web.holding(Role.STAFF)
@routes.response(200, schemas.ToCountSchema(many=True))
@_refuses(403, 404)
def list_to_count(station_id: UUID) -> list[ToCount]:
    """What the next daily close of a station would hold now."""
    return desk_queries.list_to_count(web.caller(), station_id)


@routes.route("/desks-left-open", methods=["GET"])
@web.holding(Role.STAFF)
@routes.response(200, schemas.LeftOpenSchema(many=True))
@_refuses(403)
def list_left_open() -> list[LeftOpen]:
    """Merged and closed stations of mine with hand-overs that no close holds."""
    return desk_queries.list_left_open(web.caller())


@routes.route("/desk-closes", methods=["POST"])
@web.holding(Role.STAFF)
@routes.arguments(schemas.NewCloseSchema)
@routes.response(201, schemas.CloseSchema)
@_refuses(403, 404, 409, 422)
def close_desk(close: dict[str, Any]) -> dict[str, Any]:
    """Sign off everything that was handed over since the last close, with what was counted on the shelf."""
    counts = tuple(Count(**count) for count in close.pop("counts"))
    close_id = desk_closes.close_desk(web.caller(), Close(**close, counts=counts))
    return _closed(desk_queries.show_close(web.caller(), close_id))


@routes.route("/desk-closes/<uuid:close_id>", methods=["GET"])
@web.holding(Role.STAFF, Role.AUDITOR)
@routes.response(200, schemas.CloseSchema)
@_refuses(403, 404)
def show_close(close_id: UUID) -> dict[str, Any]:
    """A close with its counts."""
    return _closed(desk_queries.show_close(web.caller(), close_id))


@routes.route("/stations/<uuid:station_id>/desk-closes", methods=["GET"])
@web.holding(Role.STAFF, Role.AUDITOR)
@routes.arguments(schemas.ClosesQuerySchema, location="query")
@routes.response(200, schemas.CloseSchema(many=True))
@_refuses(403, 404)
def list_closes(query: dict[str, Any], station_id: UUID) -> list[dict[str, Any]]:
    """The closes of a station, newest first."""
    return [_closed(closed) for closed in desk_queries.list_closes(web.caller(), station_id, **query)]


# --- One person, one day ------------------------------------------------------------------------------


@routes.route("/day", methods=["GET"])
@web.logged_in()
@routes.arguments(schemas.DayQuerySchema, location="query")
@routes.response(200, schemas.DaySchema)
@_refuses(403)
def show_day(query: dict[str, Any]) -> day_queries.Day:
    """One member on one day: what was redeemed, handed over, taken back or given up, and by whom."""
    return day_queries.show_day(web.caller(), **query)
