"""Every page says who may see it, and every form is protected."""

from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from gateway.pages import BLUEPRINTS


def test_every_page_wears_a_guard(gateway: Flask) -> None:
    bare = [
        rule.rule
        for rule in gateway.url_map.iter_rules()
        if rule.endpoint != "static" and not hasattr(gateway.view_functions[rule.endpoint], "guard")
    ]
    assert bare == []


def test_every_unsafe_route_of_a_page_needs_the_token(gateway: Flask, client: FlaskClient) -> None:
    values: dict[str, Any] = {"service": "members", "step": "publish"}
    tried = 0
    for rule in gateway.url_map.iter_rules():
        if rule.methods and rule.methods & {"POST", "PUT", "PATCH", "DELETE"}:
            with gateway.test_request_context("/"):
                known = {name: values.get(name, "00000000-0000-4000-8000-000000000000") for name in rule.arguments}
                path = gateway.url_for(rule.endpoint, **known)
            assert client.post(path).status_code == 403, rule.rule
            tried += 1
    assert tried > 20


def test_every_module_of_pages_is_registered_once() -> None:
    assert len({blueprint.name for blueprint in BLUEPRINTS}) == len(BLUEPRINTS)
