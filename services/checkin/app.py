"""The check-in service."""

from flask import Flask

from services.checkin import store
from services.checkin.api import routes
from services.checkin.commands import people, places
from services.checkin.commands.past import answer_asked, take_past, undo_past
from services.checkin.commands.rosters import answer_roster_undo
from shared import settings, web
from shared.events import (
    MemberChanged,
    PastServiceApproved,
    PastServicesAsked,
    PastServiceUndone,
    RosterUndoAsked,
    StationChanged,
)
from shared.inbox import events_route
from shared.settings import ServiceSettings


def create_app() -> Flask:
    events = events_route(
        "checkin",
        {
            MemberChanged: people.take_members,
            StationChanged: places.take_stations,
            RosterUndoAsked: answer_roster_undo,
            PastServicesAsked: answer_asked,
            PastServiceApproved: take_past,
            PastServiceUndone: undo_past,
        },
    )
    app = web.create_service(
        ServiceSettings.from_environment("checkin"), store.db, [routes, events], title="互助 · 签到"
    )
    app.config["CODE_KEYS"] = settings.keyring("HUZHU_CODE_KEY")
    return app
