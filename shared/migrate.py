"""Migrations: `python -m shared.migrate [service …]` upgrades the databases, before services start.

One Alembic history a service, run by the owner's role under an advisory lock. Afterwards the
application's role gets its rights: on a table marked append-only it may insert and read, and
triggers stop everybody else.

`python -m shared.migrate --make SERVICE "what changes"` drafts the next migration from the models.
"""

import importlib
import sys
from pathlib import Path
from urllib.parse import urlsplit

from alembic import command, context
from alembic.config import Config
from alembic.script import ScriptDirectory
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, create_engine, text

from shared import settings
from shared.db import APPEND_ONLY
from shared.settings import SERVICES

_LOCK = 0x68757A68  # "huzh"
_ROOT = Path(__file__).resolve().parent.parent


def configuration(service: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_ROOT / "services" / service / "migrations"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    return config


def head_of(service: str) -> str | None:
    return ScriptDirectory.from_config(configuration(service)).get_current_head()


def upgrade(service: str, owner_url: str, app_role: str) -> None:
    """Bring one database to the newest revision and grant the application's role its rights."""
    engine = create_engine(owner_url, isolation_level="READ COMMITTED")
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
            connection.commit()
            config = configuration(service)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            # Where there was nothing to do, alembic has only looked, and left its transaction open.
            connection.rollback()
            with connection.begin():
                _protect(connection, app_role)
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
            connection.commit()
    finally:
        engine.dispose()


def run(database: SQLAlchemy) -> None:
    """What every service's migrations/env.py calls."""
    connection: Connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=database.metadata,
        compare_type=True,
        compare_server_default=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def _protect(connection: Connection, app_role: str) -> None:
    role = connection.dialect.identifier_preparer.quote(app_role)
    connection.execute(text(f"GRANT USAGE ON SCHEMA public TO {role}"))
    connection.execute(
        text("""
        CREATE OR REPLACE FUNCTION forbid_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
        END $$
    """)
    )
    tables = connection.execute(
        text("""
        SELECT c.relname, obj_description(c.oid, 'pg_class')
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')
    """)
    ).all()
    for name, comment in tables:
        table = connection.dialect.identifier_preparer.quote(name)
        connection.execute(text(f"REVOKE ALL ON {table} FROM {role}"))
        if name == "alembic_version":
            connection.execute(text(f"GRANT SELECT ON {table} TO {role}"))
        elif comment == APPEND_ONLY:
            connection.execute(text(f"GRANT SELECT, INSERT ON {table} TO {role}"))
            connection.execute(
                text(f"""
                CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
                FOR EACH STATEMENT EXECUTE FUNCTION forbid_change()
            """)
            )
        else:
            connection.execute(text(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {role}"))


def _upgrade_from_environment(service: str) -> None:
    app_role = urlsplit(settings.get(f"HUZHU_{service.upper()}_DATABASE_URL")).username
    if app_role is None:
        raise settings.Misconfigured(f"HUZHU_{service.upper()}_DATABASE_URL names no role")
    upgrade(service, settings.store_url(f"HUZHU_{service.upper()}_OWNER_URL"), app_role)


def _make(service: str, message: str) -> None:
    """Draft a migration against a database that stands at the newest revision (HUZHU_…_OWNER_URL)."""
    importlib.import_module(f"services.{service}.store")
    number = len(list((_ROOT / "services" / service / "migrations" / "versions").glob("*.py"))) + 1
    engine = create_engine(settings.get(f"HUZHU_{service.upper()}_OWNER_URL"))
    with engine.connect() as connection:
        config = configuration(service)
        config.attributes["connection"] = connection
        command.revision(config, message, autogenerate=True, rev_id=f"{number:04d}")


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["--make"]:
        _make(*arguments[1:])
        return
    for service in arguments or SERVICES:
        print(f"migrating {service} …", flush=True)
        _upgrade_from_environment(service)


if __name__ == "__main__":
    main(sys.argv[1:])
