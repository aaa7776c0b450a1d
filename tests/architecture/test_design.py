"""The rules of docs/adr and of the architecture that a machine can read off the source."""

import ast
import importlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from shared import events, migrate
from shared.db import newest_revision
from shared.settings import SERVICES
from tests.architecture.reading import CLOCKS, clocks_in_sql, commits, referred
from tests.support import Settings

PROJECT = Path(__file__).parents[2]
DEPLOYED = ("shared", "services", "gateway")
FUNCTION_LINES_MAX = 70


def sources(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    for folder in folders:
        yield from _parsed(folder)


@cache
def _parsed(folder: str) -> list[tuple[str, ast.Module]]:
    paths = [path for path in sorted((PROJECT / folder).rglob("*.py")) if "versions" not in path.parts]
    return [(str(path.relative_to(PROJECT)), ast.parse(path.read_text(encoding="utf-8"))) for path in paths]


def test_only_the_kernels_database_module_commits() -> None:
    found = {path: lines for path, tree in sources(*DEPLOYED) if (lines := commits(tree))}
    assert set(found) == {"shared/db.py", "shared/migrate.py"}, found


def test_only_the_clock_reads_the_time() -> None:
    found = {
        path: lines
        for path, tree in sources(*DEPLOYED)
        if (lines := [line for line, name in referred(tree) if name in CLOCKS])
    }
    assert set(found) == {"shared/clock.py"}, found


def test_no_statement_asks_the_database_for_the_time() -> None:
    migrations = [
        (str(path.relative_to(PROJECT)), ast.parse(path.read_text(encoding="utf-8")))
        for path in sorted((PROJECT / "services").glob("*/migrations/versions/*.py"))
    ]
    assert migrations
    found = {path: lines for path, tree in [*sources(*DEPLOYED), *migrations] if (lines := clocks_in_sql(tree))}
    assert found == {}


def test_only_settings_reads_the_environment() -> None:
    found = [
        path
        for path, tree in sources(*DEPLOYED)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.environ", "os.getenv")
    ]
    assert set(found) <= {"shared/settings.py"}, found


def test_no_function_is_longer_than_a_screen() -> None:
    found = {
        f"{path}:{node.lineno} {node.name}": length
        for path, tree in sources(*DEPLOYED, "devtools")
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES_MAX
    }
    assert found == {}


def test_a_route_of_members_calls_one_command_or_one_query() -> None:
    """A read that leaves a mark is a command that answers with what it read: two would be two transactions."""
    found = {}
    for path, tree in sources("services/members/api"):
        rooms = {
            alias.asname or alias.name
            for node in tree.body
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("services.members")
            for alias in node.names
            if {"commands", "queries"} & {*(node.module or "").split("."), alias.name}
        }
        for function in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
            calls = [ast.unparse(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)]
            asked = [call for call in calls if call.partition(".")[0] in rooms]
            if len(asked) > 1:
                found[f"{path} {function.name}"] = asked
    assert found == {}


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_of_a_service_is_guarded(settings: Settings, service: str) -> None:
    app = settings.app(service)
    bare = [rule.rule for rule in app.url_map.iter_rules() if not hasattr(app.view_functions[rule.endpoint], "guard")]
    assert bare == []


@pytest.mark.parametrize("service", SERVICES)
def test_internal_routes_are_for_services_and_public_ones_are_not(settings: Settings, service: str) -> None:
    app = settings.app(service)
    for rule in app.url_map.iter_rules():
        guard = getattr(app.view_functions[rule.endpoint], "guard", "")
        if rule.rule.startswith("/internal/"):
            assert guard.startswith("service "), rule.rule
        elif rule.rule.startswith(f"/api/v1/{service}/"):
            assert not guard.startswith("service "), rule.rule
            assert guard != "open", rule.rule
        else:
            assert rule.rule in ("/health/live", "/health/ready", "/openapi.json"), rule.rule


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_delivers_and_sweeps(service: str) -> None:
    jobs = importlib.import_module(f"services.{service}.jobs")
    assert callable(jobs.drain)
    assert callable(jobs.sweep)
    schedule = (PROJECT / "services" / "schedule.py").read_text(encoding="utf-8")
    assert f'"{service}"' in schedule


@pytest.mark.parametrize(("name", "destinations"), sorted(events.destinations_of_all().items()))
def test_every_event_is_wanted_where_it_is_sent(settings: Settings, name: str, destinations: tuple[str, ...]) -> None:
    assert destinations, f"{name} is sent to nobody"
    for destination in destinations:
        taken = {kind.__name__ for kind in settings.app(destination).extensions["events_taken"]}
        assert name in taken, f"{destination} does not take {name}"


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_wants_the_migration_that_alembic_calls_the_newest(service: str) -> None:
    assert newest_revision(service) == migrate.head_of(service)


@pytest.mark.parametrize("service", SERVICES)
def test_migrating_what_is_migrated_already_changes_nothing_and_is_no_error(settings: Settings, service: str) -> None:
    database, installation = settings.database(service), settings.installation
    found = "SELECT version_num FROM alembic_version"
    before = database.connection.execute(found).fetchall()
    migrate.upgrade(service, installation.owner_url(service), settings.session.names.role(service))
    assert database.connection.execute(found).fetchall() == before


@pytest.mark.parametrize("service", SERVICES)
def test_the_models_are_what_the_migrations_made(settings: Settings, service: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from sqlalchemy import create_engine

    settings.database(service)
    engine = create_engine(settings.installation.owner_url(service))
    store = importlib.import_module(f"services.{service}.store")
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(
                connection, opts={"compare_type": True, "compare_server_default": True}
            )
            assert compare_metadata(context, store.db.metadata) == []
    finally:
        engine.dispose()
