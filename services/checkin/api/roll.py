"""Routes of the roll call."""

from typing import Any
from uuid import UUID

from services.checkin.api.routes import refuses, routes
from services.checkin.commands import roll
from services.checkin.domain.attendances import Attendance
from services.checkin.domain.roll import Tick, Wanted
from services.checkin.queries import rolls as queries
from services.checkin.schemas.roll import RollQuerySchema, RollSchema, TickedSchema, TicksSchema
from shared import web
from shared.events import Evidence


@routes.route("/activities/<uuid:activity_id>/roll", methods=["GET"])
@web.logged_in()
@routes.arguments(RollQuerySchema, location="query")
@routes.response(200, RollSchema)
@refuses(404)
def list_roll(query: dict[str, Any], activity_id: UUID) -> dict[str, Any]:
    """Who is signed up, in order, and then who came without, each with where they stand; for who leads a site its own
    roll, and that they may know its names is recorded.
    """
    called = queries.list_roll(web.caller(), activity_id=activity_id, **query)
    if called["may_name"] and not called["as_organizer"]:
        roll.note_names(web.caller(), activity_id=activity_id)
    return called


@routes.route("/activities/<uuid:activity_id>/ticks", methods=["POST"])
@web.logged_in()
@routes.arguments(TicksSchema)
@routes.response(200, TickedSchema)
@refuses(404, 409)
def tick(body: dict[str, Any], activity_id: UUID) -> dict[str, Any]:
    """Say of each of these members that they came or left, or did not; each is decided alone.

    Who leads a site says so there.
    """
    ticks = [Tick(**one | {"wanted": Wanted(one["wanted"])}) for one in body["ticks"]]
    ticked = roll.tick(web.caller(), activity_id=activity_id, ticks=ticks)
    return {
        "ticks": [
            {
                "member_id": one.member_id,
                "outcome": one.verdict.outcome.value,
                "why": one.verdict.why and one.verdict.why.value,
                "detail": one.verdict.sentence,
                "standing": one.standing and _stands(one.standing),
                "by": one.by,
                "at": one.at,
            }
            for one in ticked
        ]
    }


def _stands(pair: Attendance) -> dict[str, Any]:
    return {
        "attendance_id": pair.id,
        "site_id": pair.site_id,
        "state": pair.state.value,
        "arrived_at": pair.arrived_at,
        "left_at": pair.left_at,
        "was_ticked": pair.evidence is not Evidence.OWN_SCAN,
    }
