"""The description of the whole API."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gateway.openapi import merge
from shared.settings import SERVICES
from tests.gateway.conftest import StandIn, problem_answer
from tests.support import Settings


@pytest.fixture
def merged(settings: Settings) -> dict[str, Any]:
    """Of the real services."""
    documents = {service: settings.app(service).test_client().get("/openapi.json").json for service in SERVICES}
    return merge("http://huzhu.test", documents)  # type: ignore[arg-type]


def references(node: Any) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*(references(value) for value in node.values()))
    return set().union(*(references(item) for item in node)) if isinstance(node, list) else set()


def test_every_path_of_every_service_is_there_and_no_internal_one(merged: dict[str, Any]) -> None:
    for service in SERVICES:
        assert any(path.startswith(f"/api/v1/{service}/") for path in merged["paths"])
    assert not any("/internal/" in path for path in merged["paths"])


def test_every_reference_leads_somewhere(merged: dict[str, Any]) -> None:
    for reference in references(merged):
        node = merged
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
        assert node


def test_the_viewer_shows_every_operation_and_asks_nobody_else(
    client: FlaskClient, gateway: Flask, merged: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.openapi.Description.get", lambda *_arguments: merged)
    page = client.get("/api/docs")
    assert page.status_code == 200
    for path in merged["paths"]:
        assert f"<code>{path}</code>" in page.text
    assert "https://" not in page.text
    assert client.get("/api/v1/openapi.json").json == merged


def test_while_a_service_is_down_there_is_no_description_but_a_problem(
    client: FlaskClient, services: dict[str, StandIn]
) -> None:
    services["members"].answering = lambda _request: problem_answer(503, "unavailable")
    answer = client.get("/api/v1/openapi.json")
    assert (answer.status_code, answer.content_type) == (503, "application/problem+json")
