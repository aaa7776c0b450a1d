"""The rewards service: gifts, stock, redemptions, vouchers."""

from flask import Flask

from services.rewards import store
from services.rewards.api import routes
from services.rewards.commands.departures import take_members
from services.rewards.commands.stations import take_stations
from shared import settings, web
from shared.events import MemberChanged, StationChanged
from shared.inbox import events_route
from shared.settings import ServiceSettings


def create_app() -> Flask:
    intake = events_route("rewards", {MemberChanged: take_members, StationChanged: take_stations})
    app = web.create_service(
        ServiceSettings.from_environment("rewards"), store.db, [routes, intake], title="互助 · 礼品兑换"
    )
    app.config["VOUCHER_KEYS"] = settings.keyring("HUZHU_VOUCHER_KEY")
    return app
