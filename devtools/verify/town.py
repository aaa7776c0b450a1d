"""The four databases, as the checks read them."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Any

from flask import Flask
from redis.exceptions import RedisError
from sqlalchemy import text

from services.checkin import app as checkin
from services.checkin.store.doubled import list_doubled
from services.members import app as members
from services.points import app as points
from services.points.queries import verify as ledger
from services.points.queries import verify_boards as boards
from services.rewards import app as rewards
from services.rewards.queries import verify as redemptions
from shared.db import session

DOUBLED_MAX = 200
Find = Callable[[], Iterator[str]]


class NotChecked(Exception):
    """What a check needs is not there just now; the message says what."""


class Town:
    """All four databases, read with the services' own roles."""

    def __init__(self, apps: dict[str, Flask]) -> None:
        self.apps = apps

    @classmethod
    @contextlib.contextmanager
    def connect(cls) -> "Iterator[Town]":
        apps = {
            "members": members.create_app(),
            "checkin": checkin.create_app(),
            "points": points.create_app(),
            "rewards": rewards.create_app(),
        }
        logging.getLogger().setLevel(logging.WARNING)
        yield cls(apps)

    def rows(self, service: str, statement: str, **values: Any) -> list[Any]:
        with self.apps[service].app_context():
            return list(session().execute(text(statement), values))

    def within(self, service: str, find: Find) -> Find:
        """The same check, inside its service. Without Redis nothing is wrong, and what is only there cannot be seen."""

        def found() -> Iterator[str]:
            with self.apps[service].app_context():
                try:
                    yield from find()
                except RedisError as error:
                    raise NotChecked("Redis does not answer") from error

        return found

    def undelivered(self, service: str, name: str, key: str) -> set[str]:
        """Keys of facts that are yet to be told; a dead letter is not on its way any more."""
        rows = self.rows(
            service,
            "SELECT DISTINCT body ->> :key FROM outbox WHERE name = :name AND delivered_at IS NULL AND dead_at IS NULL",
            name=name,
            key=key,
        )
        return {row[0] for row in rows}

    def pending(self) -> Iterator[str]:
        """What is on its way between services."""
        for service in self.apps:
            for destination, name, count in self.rows(
                service,
                """
                SELECT destination, name, count(*) FROM outbox
                WHERE delivered_at IS NULL AND dead_at IS NULL GROUP BY 1, 2 ORDER BY 1, 2
                """,
            ):
                yield f"{count} {name} from {service} to {destination}"
            dead = self.rows(service, "SELECT count(*) FROM outbox WHERE dead_at IS NOT NULL")[0][0]
            if dead:
                yield f"{dead} dead letters in {service}: a person must look"
        with self.apps["checkin"].app_context():
            doubled = list_doubled(session(), ["/"], limit=DOUBLED_MAX)
        if doubled:
            many = " or more" if len(doubled) == DOUBLED_MAX else ""
            yield f"hours that count twice since entries were merged, {len(doubled)} times{many}: staff must look"
        for service, find in (
            ("points", ledger.list_pending),
            ("points", boards.list_pending),
            ("rewards", redemptions.list_pending),
        ):
            yield from self.within(service, find)()
