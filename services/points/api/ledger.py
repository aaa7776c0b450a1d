"""Routes of the ledger."""

from typing import Any
from uuid import UUID

from services.points.queries.awards import list_awards
from services.points.queries.balances import list_at_station, list_balances
from services.points.queries.day import Day, show_day
from services.points.queries.months import list_months
from services.points.queries.rules import list_rules_of_day
from services.points.queries.seals import get_seal
from services.points.queries.statement import list_statement
from services.points.schemas.ledger import (
    AwardSchema,
    AwardsQuerySchema,
    BalanceSchema,
    BalancesQuerySchema,
    DayQuerySchema,
    DaySchema,
    LineSchema,
    MonthSchema,
    MonthsQuerySchema,
    RuleSchema,
    RulesQuerySchema,
    SealQuerySchema,
    SealSchema,
    StatementQuerySchema,
    StationBalanceSchema,
    StationBalancesQuerySchema,
)
from shared import web

routes = web.Routes("points", __name__, url_prefix="/api/v1/points")


@routes.route("/balances", methods=["GET"])
@web.logged_in()
@routes.arguments(BalancesQuerySchema, location="query")
@routes.response(200, BalanceSchema(many=True))
@routes.refuses(403)
def show_balances(query: dict[str, Any]) -> list[dict[str, Any]]:
    """What members have: points to spend, points owed, minutes served."""
    return list_balances(web.caller(), **query)


@routes.route("/stations/<uuid:station_id>/balances", methods=["GET"])
@web.logged_in()
@routes.arguments(StationBalancesQuerySchema, location="query")
@routes.response(200, StationBalanceSchema(many=True))
@routes.refuses(403, 404)
def show_station_balances(query: dict[str, Any], station_id: UUID) -> list[dict[str, Any]]:
    """What those who are at home at a station may spend, for its desk."""
    return list_at_station(web.caller(), station_id, **query)


@routes.route("/statement", methods=["GET"])
@web.logged_in()
@routes.arguments(StatementQuerySchema, location="query")
@routes.response(200, LineSchema(many=True))
@routes.refuses(403)
def show_statement(query: dict[str, Any]) -> list[dict[str, Any]]:
    """Every change with its reason, newest first."""
    return list_statement(web.caller(), **query)


@routes.route("/awards", methods=["GET"])
@web.logged_in()
@routes.arguments(AwardsQuerySchema, location="query")
@routes.response(200, AwardSchema(many=True))
@routes.refuses(403)
def show_awards(query: dict[str, Any]) -> list[dict[str, Any]]:
    """What attendances came to, and why."""
    return list_awards(web.caller(), **query)


@routes.route("/day", methods=["GET"])
@web.logged_in()
@routes.arguments(DayQuerySchema, location="query")
@routes.response(200, DaySchema)
@routes.refuses(403)
def show_one_day(query: dict[str, Any]) -> Day:
    """One member on one day: what every version of each attendance came to, and the lines it wrote."""
    return show_day(web.caller(), **query)


@routes.route("/months", methods=["GET"])
@web.logged_in()
@routes.arguments(MonthsQuerySchema, location="query")
@routes.response(200, MonthSchema(many=True))
@routes.refuses(403)
def show_months(query: dict[str, Any]) -> list[dict[str, Any]]:
    """Points and hours of a year by month."""
    return list_months(web.caller(), **query)


@routes.route("/rules", methods=["GET"])
@web.logged_in()
@routes.arguments(RulesQuerySchema, location="query")
@routes.response(200, RuleSchema(many=True))
@routes.refuses(404)
def show_rules(query: dict[str, Any]) -> list[dict[str, Any]]:
    """The earning rule of each category, for services of today or of a day."""
    return list_rules_of_day(**query)


@routes.route("/seal", methods=["GET"])
@web.logged_in()
@routes.arguments(SealQuerySchema, location="query")
@routes.response(200, SealSchema)
@routes.refuses(404)
def show_seal(query: dict[str, Any]) -> dict[str, Any]:
    """How far a station's ledger is sealed, and the hash to compare with one written down outside."""
    return get_seal(**query)
