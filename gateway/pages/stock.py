"""Gifts of the stations: offering, changing, withdrawing, receiving and writing off."""

from typing import Any
from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend, presentation, visitor
from gateway.forms import Form, uuid_or_none
from gateway.guards import holding
from gateway.i18n import _
from gateway.pages import done
from gateway.pages.places import chosen_station, stations_of
from shared.errors import HuzhuError, Unavailable
from shared.principal import Role

ROWS = 200
POINTS_MAX = 10_000_00
"""Of one piece, in hundredths; rewards takes no more."""

pages = Blueprint("stock", __name__)


def read_points(filled: Form, name: str, message: str) -> int:
    """Points as people write them, 3 or 2.5, in hundredths."""
    whole, _dot, rest = filled.text(name).replace("。", ".").partition(".")
    if not (whole.isascii() and whole.isdigit() and len(whole) <= 7 and len(rest) <= 2):
        filled.fail(name, message)
        return 0
    if rest and not (rest.isascii() and rest.isdigit()):
        filled.fail(name, message)
        return 0
    found = int(whole) * 100 + int(rest.ljust(2, "0"))
    if not 1 <= found <= POINTS_MAX:
        filled.fail(name, _("积分应在 0.01 到 %(most)s 之间", most=presentation.points(POINTS_MAX)))
    return found


@pages.get("/staff/gifts")
@holding(Role.STAFF)
def list_gifts() -> ResponseReturnValue:
    stations = stations_of(Role.STAFF)
    station = chosen_station(stations, request.args.get("station_id"))
    station_id = station["id"] if station else None
    after = uuid_or_none(request.args.get("after"))
    query = {"station_id": station_id, "everything": "1", "limit": ROWS, "after": after}
    gifts = backend.call("rewards", "GET", "/gifts", query=query) if station_id else []
    more = f"/staff/gifts?station_id={station_id}&after={gifts[-1]['id']}" if len(gifts) == ROWS else None
    return render_template(
        "staff/gifts.html",
        gifts=sorted(gifts, key=lambda gift: (gift["withdrawn"], gift["name"])),
        station_id=station_id,
        stations=[(one["name"], f"/staff/gifts?station_id={one['id']}", one["id"] == station_id) for one in stations],
        more=more,
    )


@pages.get("/staff/gifts/new")
@holding(Role.STAFF)
def new_gift() -> ResponseReturnValue:
    return _new_page(Form())


@pages.post("/staff/gifts/new")
@holding(Role.STAFF)
def create_gift() -> ResponseReturnValue:
    filled = Form.posted()
    content = {
        "id": filled.uuid("id", _("页面不完整，请刷新再试")),
        "node_id": filled.uuid("node_id", _("请选择实践站")),
        **_read_gift(filled),
    }
    if filled:
        try:
            made = backend.call("rewards", "POST", "/gifts", json=content)
            return done.back(f"/staff/gifts/{made['id']}?station_id={made['node_id']}", "added")
        except HuzhuError as refusal:
            filled.blame(refusal)
    return _new_page(filled), 422


def _new_page(filled: Form) -> str:
    stations = stations_of(Role.STAFF)
    return render_template(
        "staff/new_gift.html",
        filled=filled,
        stations=[(one["id"], one["name"]) for one in stations],
        kept=next((str(one) for one in visitor.station_wanted(None)), ""),
    )


def _read_gift(filled: Form) -> dict[str, Any]:
    limit = filled.text("limit_per_quarter")
    return {
        "name": filled.required("name", _("请填写礼品名称"), length_max=40),
        "description": filled.text("description"),
        "points": read_points(filled, "points", _("积分请写成 3 或 2.5 这样")),
        "limit_per_quarter": filled.whole("limit_per_quarter", _("件数应为整数")) if limit else None,
    }


@pages.get("/staff/gifts/<uuid:gift_id>")
@holding(Role.STAFF)
def show_gift(gift_id: UUID) -> ResponseReturnValue:
    return _gift_page(gift_id, Form())


@pages.post("/staff/gifts/<uuid:gift_id>")
@holding(Role.STAFF)
def change_gift(gift_id: UUID) -> ResponseReturnValue:
    """Save the fields, withdraw it or offer it again, as the pressed button says."""
    filled = Form.posted()
    action = filled.text("action")
    changes = {"withdrawn": action == "withdraw"} if action in ("withdraw", "offer") else _read_gift(filled)
    if filled:
        try:
            backend.call("rewards", "PATCH", f"/gifts/{gift_id}", json=changes)
            said = {"withdraw": "withdrawn", "offer": "offered"}.get(action, "saved")
            return done.back(_here(gift_id, filled), said)
        except HuzhuError as refusal:
            filled.blame(refusal)
    return _gift_page(gift_id, filled), 422


@pages.get("/staff/gifts/<uuid:gift_id>/withdraw")
@holding(Role.STAFF)
def ask_withdraw(gift_id: UUID) -> ResponseReturnValue:
    station_id = uuid_or_none(request.args.get("station_id"))
    gift = backend.call("rewards", "GET", f"/gifts/{gift_id}", query={"station_id": station_id})
    here = f"/staff/gifts/{gift_id}"
    follows = _("下架以后谁也不能再兑换；已经兑换的照常领取。以后可以重新上架。")
    fields = {"action": "withdraw", "station_id": str(station_id or "")}
    back = f"{here}?station_id={station_id or ''}"
    return done.ask(_("下架这件礼品？"), gift["name"], follows, here, _("下架"), back, **fields)


@pages.post("/staff/gifts/<uuid:gift_id>/stock")
@holding(Role.STAFF)
def move_stock(gift_id: UUID) -> ResponseReturnValue:
    filled = Form.posted()
    content = {
        "id": filled.uuid("id", _("页面不完整，请刷新再试")),
        "station_id": filled.uuid("station_id", _("请选择实践站")),
        "kind": filled.required("kind", _("请选择入库还是核减")),
        "quantity": filled.whole("quantity", _("数量应为整数")),
        "reason": filled.required("reason", _("请写明来源或原因"), length_max=200),
    }
    if filled:
        try:
            backend.call("rewards", "POST", f"/gifts/{gift_id}/stock", json=content)
            return done.back(_here(gift_id, filled), "stocked")
        except HuzhuError as refusal:
            filled.blame(refusal, {"not_enough_stock": "quantity"})
            # What may have been done after all keeps its id, so that posting it again is the same movement.
            if isinstance(refusal, Unavailable):
                return _gift_page(gift_id, filled), 503
            filled.renew()
    return _gift_page(gift_id, filled), 422


def _here(gift_id: UUID, filled: Form) -> str:
    return f"/staff/gifts/{gift_id}?station_id={uuid_or_none(filled.text('station_id')) or ''}"


def _gift_page(gift_id: UUID, filled: Form) -> str:
    station_id = uuid_or_none(filled.text("station_id")) or uuid_or_none(request.args.get("station_id"))
    gift = backend.call("rewards", "GET", f"/gifts/{gift_id}", query={"station_id": station_id})
    return render_template(
        "staff/gift.html",
        gift=gift,
        price=presentation.points(gift["points"]),
        filled=filled,
        told=done.said(),
    )
