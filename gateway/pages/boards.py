"""Leaderboards: a node of the tree, a period, what is compared; the top hundred and the own rank."""

from datetime import date
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gateway import backend, presentation
from gateway.backend import Call
from gateway.forms import uuid_or_none
from gateway.guards import logged_in
from gateway.i18n import _
from gateway.presentation import Viewer, require_viewer
from shared import clock

pages = Blueprint("boards", __name__)


@pages.get("/boards")
@logged_in
def show_board() -> ResponseReturnValue:
    viewer = require_viewer()
    periods = {"week": _("本周"), "month": _("本月"), "quarter": _("本季"), "year": _("今年"), "all": _("累计")}
    metrics = {"hours": _("服务时长"), "points": _("积分"), "attendances": _("次数")}
    period, metric = _chosen("period", periods, "month"), _chosen("metric", metrics, "hours")
    node_id = uuid_or_none(request.args.get("node_id")) or viewer.station_id
    if node_id is None:
        return render_template("boards/no_station.html")
    panels = backend.together(
        board=Call(
            "points",
            "/boards",
            {
                "node_id": node_id,
                "period": period,
                "metric": metric,
                "member_id": viewer.member_id,
                "or_newest": "1",
            },
        ),
        nodes=Call("members", "/nodes", {"above_id": viewer.station_id or node_id}),
    )
    board = _shown(panels["board"].content, metric, viewer)
    found = sorted(panels["nodes"].content or [], key=lambda node: len(node["path"]), reverse=True)
    nodes = [(node["id"], node["name"]) for node in found]
    older = _older(board, period)
    names = dict(nodes)
    return render_template(
        "boards/board.html",
        board=board,
        caption=_(
            "%(node)s · %(period)s · %(metric)s",
            node=names.get(str(node_id), ""),
            period=older or periods[period],
            metric=metrics[metric],
        ),
        instead=older and _("%(period)s还没有人上榜，下面是%(shown)s的。", period=periods[period], shown=older),
        metric_name=metrics[metric],
        nodes_away=panels["nodes"].error is not None,
        nodes=[(name, _url(key, period, metric), key == str(node_id)) for key, name in nodes],
        periods=[(name, _url(node_id, key, metric), key == period) for key, name in periods.items()],
        metrics=[(name, _url(node_id, period, key), key == metric) for key, name in metrics.items()],
    )


def _older(board: dict[str, Any] | None, period: str) -> str | None:
    """The name of the period that is shown when the present one has nobody yet: on the first of a month, say."""
    if board is None or board["last_day"] is None:
        return None
    first, last = (date.fromisoformat(board[name]) for name in ("first_day", "last_day"))
    if last >= clock.today():
        return None
    if period == "week":
        return f"{presentation.day_of_year(first)}–{presentation.day_of_year(last)}"
    if period == "month":
        return presentation.month(board["period_key"])
    if period == "quarter":
        return _("%(year)s 年第 %(quarter)s 季度", year=first.year, quarter=(first.month + 2) // 3)
    return _("%(year)s 年", year=first.year)


def _chosen(name: str, known: dict[str, str], default: str) -> str:
    given = request.args.get(name, default)
    return given if given in known else default


def _url(node_id: str | UUID, period: str, metric: str) -> str:
    return "/boards?" + urlencode({"node_id": node_id, "period": period, "metric": metric})


def _shown(board: dict[str, Any] | None, metric: str, viewer: Viewer) -> dict[str, Any] | None:
    if board is None:
        return None
    own = board.get("own")
    rows = [[row["rank"], _name(row, viewer), _value(metric, row["value"])] for row in board["rows"]]
    return board | {"rows": rows, "own": own and {"rank": own["rank"], "shown": _value(metric, own["value"])}}


def _name(row: dict[str, Any], viewer: Viewer) -> str:
    mine = row.get("member_id") == str(viewer.member_id)
    return _("%(name)s（我）", name=row["name"]) if mine else str(row["name"])


def _value(metric: str, value: int) -> str:
    if metric == "hours":
        return presentation.minutes(value)
    if metric == "points":
        return presentation.points(value)
    return _("%(count)s 次", count=value)
