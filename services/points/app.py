"""The points service."""

from flask import Flask

from services.points.api import boards, leaving, ledger
from services.points.commands.boards import take_members, take_stations
from services.points.commands.book_attendances import book_attendances
from services.points.commands.book_openings import book_openings, undo_openings
from services.points.commands.spend_points import request_spends, void_redemptions
from services.points.store import db
from shared import web
from shared.events import (
    AttendanceSettled,
    Event,
    MemberChanged,
    OpeningApproved,
    OpeningUndone,
    RedemptionVoided,
    SpendRequested,
    StationChanged,
)
from shared.inbox import Handler, events_route
from shared.settings import ServiceSettings


def create_app() -> Flask:
    settings = ServiceSettings.from_environment("points")
    handlers: dict[type[Event], Handler] = {
        MemberChanged: take_members,
        StationChanged: take_stations,
        AttendanceSettled: book_attendances,
        OpeningApproved: book_openings,
        OpeningUndone: undo_openings,
        SpendRequested: request_spends,
        RedemptionVoided: void_redemptions,
    }
    events = events_route("points", handlers, also_from={"rewards": SpendRequested})
    return web.create_service(settings, db, [ledger.routes, boards.routes, leaving.routes, events], title="Points")
