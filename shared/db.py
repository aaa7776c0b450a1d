"""The database of a service: engine, transactions, and the only place that commits.

Stores declare their models on `create_database().Model`; commands are functions whose first
argument is the session and which `transactional` wraps:

    @transactional
    def annul(tx: Session, *, attendance_id: AttendanceId, ...) -> Attendance: ...

    annul(attendance_id=...)          # one transaction, repeated when PostgreSQL asks for it
"""

import functools
import random
import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar, cast
from uuid import UUID

import psycopg
from flask import Flask, current_app
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import DateTime, MetaData, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError, DisconnectionError, InterfaceError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session, registry

from shared.errors import Unavailable
from shared.settings import Misconfigured

P = ParamSpec("P")
R = TypeVar("R")

APPEND_ONLY = "append-only"
"""As a table's comment: `shared.migrate` forbids UPDATE, DELETE and TRUNCATE on it, by trigger and by role."""

ATTEMPTS_MAX = 6
_SERIALIZATION, _DEADLOCK, _LOCK_TIMEOUT = "40001", "40P01", "55P03"
_SETTINGS = (
    "-c timezone=UTC -c lock_timeout=3000 -c statement_timeout=30000 -c idle_in_transaction_session_timeout=60000"
)

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

kernel_metadata = MetaData(naming_convention=NAMING)
"""Tables every service has: outbox, audit. Statements on them run in any service's session."""

copies_metadata = MetaData(naming_convention=NAMING)
"""Tables of the services that keep copies of members and stations."""


_TYPES: dict[Any, Any] = {
    datetime: DateTime(timezone=True),
    str: Text(),
    UUID: Uuid(),
    dict[str, Any]: JSONB(),
    list[Any]: JSONB(),
}


class Model(DeclarativeBase):
    """What a store's models are to the type checker; at run time they derive from `db.Model`."""


def create_database(*, with_copies: bool = True) -> SQLAlchemy:
    """A service's Flask-SQLAlchemy object with metadata of its own and the kernel's tables in it."""
    # The kernel's modules declare their tables on import.
    from shared import audit, copies, outbox  # noqa: F401, PLC0415

    metadata = MetaData(naming_convention=NAMING)
    base = type("Base", (DeclarativeBase,), {"registry": registry(metadata=metadata, type_annotation_map=_TYPES)})
    database = SQLAlchemy(model_class=cast(Any, base), session_options={"expire_on_commit": False})
    for source in (kernel_metadata, copies_metadata) if with_copies else (kernel_metadata,):
        for table in source.tables.values():
            table.to_metadata(database.metadata)
    return database


def configure(app: Flask, database: SQLAlchemy, url: str, *, pool_size: int = 8) -> None:
    """Bind a service's database object to an app."""
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {
        "connect_args": {"options": _SETTINGS, "connect_timeout": 3},
        "pool_size": pool_size,
        "max_overflow": pool_size,
        "pool_timeout": 10,
        "isolation_level": "READ COMMITTED",
        "pool_events": [(_refuse_hung_up, "checkout")],
        # Values of statements are names, birth dates and hashes; they have no place in a log.
        "hide_parameters": True,
    }
    database.init_app(app)


def _refuse_hung_up(connection: "psycopg.Connection[Any]", _record: object, _proxy: object) -> None:
    """Take another connection in place of one that the server ended while it lay idle.

    A command is tried again anyway; a query would tell its reader of an outage that is over. An idle connection with
    something to read has been hung up: seen without asking the server, as `pool_pre_ping` would before each request.
    """
    idle = select.poll()
    idle.register(connection.fileno(), select.POLLIN)
    if idle.poll(0):
        raise DisconnectionError


def newest_revision(service: str) -> str:
    """The migration that this code was written for; migrations are numbered."""
    folder = Path(__file__).parent.parent / "services" / service / "migrations" / "versions"
    return max(path.name.partition("_")[0] for path in folder.glob("[0-9]*.py"))


def refuse_other_schema(app: Flask) -> None:
    """Stop unless the database stands exactly at this code's newest migration."""
    wanted, found = newest_revision(app.name), None
    with app.app_context():
        if session().scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL")):
            found = session().scalar(text("SELECT version_num FROM alembic_version"))
    if found != wanted:
        raise Misconfigured(f"the database of {app.name} is at migration {found}, this code needs {wanted}")


def session() -> Session:
    """The session of the current app context; for queries. Writes go through `transactional`."""
    database = cast(SQLAlchemy, current_app.extensions["sqlalchemy"])
    return cast(Session, database.session())


def transactional(command: Callable[Concatenate[Session, P], R]) -> Callable[P, R]:
    """Run a command in one transaction and commit it.

    Deadlocks, lock time-outs and lost connections are tried again, at most five times: commands are
    idempotent, so a commit whose answer was lost may be repeated. What still fails is Unavailable.
    Any other exception rolls back and leaves nothing behind.
    """

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        tx = session()
        for attempt in range(1, ATTEMPTS_MAX + 1):
            tx.info["after_commit"] = {}
            try:
                result = command(tx, *args, **kwargs)
                tx.commit()
            except DBAPIError as error:
                tx.rollback()
                if not _may_pass(error):
                    raise
                if attempt == ATTEMPTS_MAX:
                    raise Unavailable from error
                time.sleep(random.uniform(0.005, 0.02) * 2**attempt)  # noqa: S311 - jitter, no secret
            except BaseException:
                tx.rollback()
                raise
            else:
                for action in tx.info.pop("after_commit").values():
                    action()
                return result
        raise AssertionError("unreachable")

    return run


def after_commit(tx: Session, name: str, action: Callable[[], None]) -> None:
    """Do something once the transaction stands; a name is done once, however often it is asked for."""
    tx.info.setdefault("after_commit", {})[name] = action


@contextmanager
def planned_anew(tx: Session) -> Iterator[None]:
    """Have PostgreSQL plan the statements inside for the tables as they are now, not by a plan that it keeps.

    For lists of work, which are empty as a rule and long after an outage or an import: a plan for the empty
    table compares every row with every other. What was counted while it was empty misleads even a new plan of a
    join or a subquery, so such lists are worked by arrays of ids, which PostgreSQL looks up or hashes.
    """
    driver: psycopg.Connection[Any] | None = tx.connection().connection.driver_connection
    assert driver is not None
    kept, driver.prepare_threshold = driver.prepare_threshold, None
    try:
        yield
    finally:
        driver.prepare_threshold = kept


def violated(error: DBAPIError) -> str | None:
    """The name of the constraint that a statement broke, so that stores can raise a named error."""
    return getattr(getattr(error.orig, "diag", None), "constraint_name", None)


def is_outage(error: BaseException) -> bool:
    """Whether the database could not be reached, as opposed to refusing a statement."""
    return isinstance(error, InterfaceError | OperationalError) and (
        error.connection_invalidated or getattr(error.orig, "sqlstate", None) in (None, "57P01", "57P02", "57P03")
    )


def _may_pass(error: DBAPIError) -> bool:
    if getattr(error.orig, "sqlstate", None) in (_SERIALIZATION, _DEADLOCK, _LOCK_TIMEOUT):
        return True
    return is_outage(error)
