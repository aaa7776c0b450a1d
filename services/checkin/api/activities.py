"""Routes of activities: their life, codes and presence."""

from typing import Any
from uuid import UUID

from services.checkin.api.routes import refuses, routes
from services.checkin.commands import activities
from services.checkin.queries import activities as queries
from services.checkin.schemas.activities import (
    ActivityQuerySchema,
    ActivitySchema,
    AnnouncementQuerySchema,
    AnnouncementSchema,
    ChangedActivitySchema,
    NewActivitySchema,
    PostponementSchema,
    PresenceQuerySchema,
    PresenceSchema,
    ReasonSchema,
)
from services.checkin.schemas.codes import CodesQuerySchema, CodesSchema
from services.checkin.store import Activity
from services.checkin.store.activities import SiteDraft
from shared import web
from shared.principal import Role


def _sites(body: dict[str, Any]) -> list[SiteDraft]:
    return [SiteDraft(**site) for site in body.pop("sites")]


@routes.route("/activities", methods=["GET"])
@web.logged_in()
@routes.arguments(ActivityQuerySchema, location="query")
@routes.response(200, ActivitySchema(many=True))
@refuses()
def list_activities(query: dict[str, Any]) -> list[Activity]:
    """Activities by start; drafts only for organizers of their station."""
    return queries.list_activities(web.caller(), **query)


@routes.route("/activities", methods=["POST"])
@web.holding(Role.ORGANIZER)
@routes.arguments(NewActivitySchema)
@routes.response(201, ActivitySchema)
@refuses(404, 409, 422)
def create_activity(body: dict[str, Any]) -> Activity:
    """Make a draft."""
    return activities.create_activity(web.caller(), activity_id=body.pop("id"), sites=_sites(body), **body)


@routes.route("/activities/<uuid:activity_id>", methods=["GET"])
@web.logged_in()
@routes.response(200, ActivitySchema)
@refuses(404)
def get_activity(activity_id: UUID) -> Activity:
    """One activity with its sites."""
    return queries.get_activity(web.caller(), activity_id=activity_id)


@routes.route("/announcement", methods=["GET"])
@web.anyone()
@routes.arguments(AnnouncementQuerySchema, location="query")
@routes.response(200, AnnouncementSchema)
@refuses(404)
def get_announcement(query: dict[str, Any]) -> Activity:
    """What everybody may know of an activity that was published; open to all."""
    return queries.get_announcement(**query)


@routes.route("/activities/<uuid:activity_id>", methods=["PATCH"])
@web.holding(Role.ORGANIZER)
@routes.arguments(ChangedActivitySchema)
@routes.response(200, ActivitySchema)
@refuses(404, 409, 422)
def change_activity(body: dict[str, Any], activity_id: UUID) -> Activity:
    """Change some fields."""
    sites = _sites(body) if "sites" in body else None
    return activities.change_activity(web.caller(), activity_id=activity_id, sites=sites, changes=body)


@routes.route("/activities/<uuid:activity_id>/publish", methods=["POST"])
@web.holding(Role.ORGANIZER)
@routes.response(200, ActivitySchema)
@refuses(404, 422)
def publish_activity(activity_id: UUID) -> Activity:
    """Open it to scans; where activities are reviewed first, ask for that: its state is `in_review` then."""
    return activities.publish_activity(web.caller(), activity_id=activity_id)


@routes.route("/activities/<uuid:activity_id>/postpone", methods=["POST"])
@web.holding(Role.ORGANIZER)
@routes.arguments(PostponementSchema)
@routes.response(200, ActivitySchema)
@refuses(404, 422)
def postpone_activity(body: dict[str, Any], activity_id: UUID) -> Activity:
    """Move it to new times; without times it is off until they are known."""
    return activities.postpone_activity(web.caller(), activity_id=activity_id, **body)


@routes.route("/activities/<uuid:activity_id>/cancel", methods=["POST"])
@web.holding(Role.ORGANIZER)
@routes.arguments(ReasonSchema)
@routes.response(200, ActivitySchema)
@refuses(404, 422)
def cancel_activity(body: dict[str, Any], activity_id: UUID) -> Activity:
    """Call it off; what was served waits to be confirmed."""
    return activities.cancel_activity(web.caller(), activity_id=activity_id, **body)


@routes.route("/activities/<uuid:activity_id>/close", methods=["POST"])
@web.holding(Role.ORGANIZER)
@routes.response(200, ActivitySchema)
@refuses(404, 422)
def close_activity(activity_id: UUID) -> Activity:
    """End it: no more scans; who is still there leaves now."""
    return activities.close_activity(web.caller(), activity_id=activity_id)


@routes.route("/activities/<uuid:activity_id>/codes", methods=["GET"])
@web.logged_in()
@routes.arguments(CodesQuerySchema, location="query")
@routes.response(200, CodesSchema)
@refuses(404, 422)
def list_codes(query: dict[str, Any], activity_id: UUID) -> queries.Codes:
    """The codes of the coming minutes for one site and direction; for who leads the site while people come and go."""
    return queries.list_codes(web.caller(), activity_id=activity_id, **query)


@routes.route("/activities/<uuid:activity_id>/presence", methods=["GET"])
@web.logged_in()
@routes.response(200, PresenceSchema)
@refuses(404)
def count_presence(activity_id: UUID) -> queries.Presence:
    """How many are there now."""
    return queries.count_presence(web.caller(), activity_id=activity_id)


@routes.route("/activities/presence", methods=["GET"])
@web.holding(Role.ORGANIZER, Role.AUDITOR)
@routes.arguments(PresenceQuerySchema, location="query")
@routes.response(200, PresenceSchema(many=True))
@refuses()
def list_presence(query: dict[str, Any]) -> list[queries.Presence]:
    """How many are at each of these activities; those the caller may not see are left out."""
    return queries.list_presence(web.caller(), **query)
