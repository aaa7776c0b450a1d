"""All four services in one process, on databases that nobody else uses yet.

History is made by the real commands under a clock that travels; what the worker and the gateway would
carry between services is carried here, by the real outbox into the real inbox, at the time it happened.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPMessage
from typing import Any

import msgspec
from flask import Flask

from services.checkin import app as checkin
from services.members import app as members
from services.points import app as points
from services.points.commands.refresh_boards import refresh
from services.points.commands.seal_transfers import seal_all
from services.rewards import app as rewards
from services.rewards.commands import redemptions
from shared import delivery, principal, settings
from shared.principal import Kind, Principal
from shared.upstream import Response


class World:
    """The services, and the road between them."""

    def __init__(self) -> None:
        self.apps: dict[str, Flask] = {
            "members": members.create_app(),
            "checkin": checkin.create_app(),
            "points": points.create_app(),
            "rewards": rewards.create_app(),
        }
        logging.getLogger().setLevel(logging.ERROR)  # that points cannot be asked at once is no news here
        self._key = settings.secret("HUZHU_GATEWAY_SIGNING_KEY")

    @contextmanager
    def inside(self, service: str) -> Iterator[Flask]:
        """Within the block, commands and queries are this service's."""
        with self.apps[service].app_context():
            yield self.apps[service]

    def deliver(self) -> None:
        """Carry everything that is due to where it belongs."""
        for service in ("members", "checkin", "rewards"):
            with self.inside(service):
                delivery.drain(redemptions.take_outcome if service == "rewards" else None, post=self._post)

    def finish(self) -> None:
        """Seal the ledger and fill the boards."""
        self.deliver()
        with self.inside("points"):
            seal_all()
            refresh()

    def _post(self, path: str, content: Any) -> Response:
        destination = path.split("/")[3]
        caller = Principal(kind=Kind.SERVICE, audience=destination, issuer="worker")
        taken = (
            self.apps[destination]
            .test_client()
            .post(
                path,
                data=msgspec.json.encode(content),
                headers={principal.HEADER: principal.sign(caller, self._key)},
            )
        )
        return Response(taken.status_code, HTTPMessage(), taken.get_data())
