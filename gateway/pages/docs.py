"""The description of the API, for programs and for people."""

from typing import Any

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from gateway.guards import open_page
from gateway.openapi import Description
from gateway.parts import parts
from shared import http

METHODS = ("get", "post", "put", "patch", "delete")

pages = Blueprint("docs", __name__)
_description = Description()


@pages.get("/api/v1/openapi.json")
@open_page
def document() -> ResponseReturnValue:
    response = http.answer(_description.get(parts()))
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


@pages.get("/api/docs")
@open_page
def show() -> ResponseReturnValue:
    described = _description.get(parts())
    schemas = described["components"]["schemas"]
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, operations in described["paths"].items():
        for method in METHODS:
            if method in operations:
                operation = operations[method]
                shown = _shown(path, method, operation, operations.get("parameters", []), schemas)
                groups.setdefault(operation["tags"][0], []).append(shown)
    return render_template("docs/api.html", groups=groups, introduction=described["info"]["description"])


def _shown(
    path: str, method: str, operation: dict[str, Any], shared: list[dict[str, Any]], schemas: dict[str, Any]
) -> dict[str, Any]:
    parameters = [given for given in (*shared, *operation.get("parameters", [])) if "name" in given]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    return {
        "method": method.upper(),
        "path": path,
        "summary": operation.get("summary", ""),
        "description": operation.get("description", ""),
        "parameters": [(given["name"], given["in"], _kind(given.get("schema", {}))) for given in parameters],
        "body": _fields(body, schemas) if body else [],
        "answers": [
            (status, answer.get("description", ""), _fields(_answer_schema(answer), schemas))
            for status, answer in operation["responses"].items()
            if status.startswith("2")
        ],
    }


def _answer_schema(answer: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = answer.get("content", {}).get("application/json", {}).get("schema", {})
    return schema


def _fields(schema: dict[str, Any], schemas: dict[str, Any]) -> list[tuple[str, str, bool]]:
    """Name, type and whether required of each field of an object, or of the objects in a list."""
    schema = schema.get("items", schema)
    if "$ref" in schema:
        schema = schemas.get(schema["$ref"].rpartition("/")[2], {})
    required = schema.get("required", [])
    return [(name, _kind(content), name in required) for name, content in schema.get("properties", {}).items()]


def _kind(schema: dict[str, Any]) -> str:
    """A type in a word or two: `string uuid`, `list of rewards.Gift`."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    kind = schema.get("type", "")
    kinds = " or ".join(kind) if isinstance(kind, list) else str(kind)
    if kinds.startswith("array"):
        return f"list of {_kind(schema.get('items', {}))}"
    chosen = " | ".join(str(choice) for choice in schema.get("enum", []))
    return chosen or f"{kinds} {schema.get('format', '')}".strip()
