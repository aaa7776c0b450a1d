"""What migrations wrote."""

import importlib.util
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pytest

from services.members.store import db
from shared import clock, events
from shared.events import StationChanged
from shared.principal import Role
from tests.members.test_tree import change
from tests.members.town import Town

VERSIONS = Path(__file__).parents[2] / "services" / "members" / "migrations" / "versions"


def migration(name: str) -> ModuleType:
    (path,) = VERSIONS.glob(f"*{name}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_all_places_were_told_anew_with_where_they_lay(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    with clock.travel(clock.now() + timedelta(days=30)):
        change(town, "和谐小区", town.official(Role.ADMINISTRATOR, None), parent_id=str(town.nodes["岔路口站"]))
    before = {fact["node_id"]: fact for fact in town.events("StationChanged", "checkin")}
    told = len(town.events("StationChanged", "checkin"))
    module = migration("node_names")
    with town.app.app_context(), db.engine.begin() as connection:
        monkeypatch.setattr(module.op, "get_bind", lambda: connection)
        module._tell_of_all()
    after = town.events("StationChanged", "checkin")[told:]
    assert {fact["node_id"] for fact in after} == set(before)
    for body in after:
        known = events.load("StationChanged", before[body["node_id"]])
        assert isinstance(known, StationChanged)
        assert events.load("StationChanged", body) == replace(known, version=known.version + 1)
    for destination in ("points", "rewards"):
        assert town.events("StationChanged", destination)[told:] == after
