"""The gateway's parts, made once a process and found from any request."""

from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app

from gateway.limits import Limits
from gateway.sessions import Sessions
from gateway.settings import GatewaySettings
from gateway.upstreams import Upstreams

_NAME = "huzhu"


@dataclass(frozen=True, slots=True)
class Parts:
    settings: GatewaySettings
    limits: Limits
    upstreams: Upstreams
    sessions: Sessions

    @classmethod
    def assemble(cls, settings: GatewaySettings) -> "Parts":
        limits = Limits(settings.redis_url, settings.requests_per_minute_max)
        upstreams = Upstreams(settings, limits)
        return cls(settings, limits, upstreams, Sessions(settings, upstreams))

    def install(self, app: Flask) -> None:
        app.extensions[_NAME] = self


def parts() -> Parts:
    """Those of the current app."""
    return cast(Parts, current_app.extensions[_NAME])
