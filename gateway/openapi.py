"""One description of the whole API out of the four that the services give."""

import threading
from typing import Any

import msgspec
from flask import g

from gateway import routes
from gateway.parts import Parts
from shared import clock
from shared.errors import Unavailable
from shared.http import PROBLEM, TITLES

CACHED_S = 60
_OWN_REFUSALS = (400, 401, 403, 404, 411, 413, 429, 503)
"""What the gateway itself may answer to any request."""

Document = dict[str, Any]


class Description:
    """The merged document, asked for anew every minute; an old one is better than none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._merged: Document | None = None
        self._merged_at = 0.0

    def get(self, parts: Parts) -> Document:
        """The OpenAPI 3.1 document; Unavailable when a service has never answered."""
        with self._lock:
            if self._merged is None or not 0 <= clock.now().timestamp() - self._merged_at < CACHED_S:
                try:
                    self._merged = merge(parts.settings.public_url, _fetch(parts))
                    self._merged_at = clock.now().timestamp()
                except Unavailable:
                    if self._merged is None:
                        raise
            return self._merged


def _fetch(parts: Parts) -> dict[str, Document]:
    documents = {}
    for service in routes.PUBLIC.values():
        answer = parts.upstreams.send(
            service,
            "GET",
            "/openapi.json",
            signed_principal=parts.sessions.sign_anonymous(service),
            request_id=g.request_id,
            address="",
        )
        if answer.status != 200:
            raise Unavailable
        documents[service] = msgspec.json.decode(answer.body)
    return documents


def merge(public_url: str, documents: dict[str, Document]) -> Document:
    """All public paths; components keep apart by a prefix, `rewards.Gift`."""
    merged: Document = {
        "openapi": "3.1.0",
        "info": {"title": "Huzhu 互助", "version": "v1", "description": _INTRODUCTION},
        "servers": [{"url": public_url}],
        "security": [{"token": []}],
        "tags": [{"name": service} for service in documents],
        "paths": {},
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}, "schemas": {}},
    }
    components = merged["components"]
    for service, document in documents.items():
        renamed = _rename(document, service)
        for kind, named in renamed.get("components", {}).items():
            if kind != "securitySchemes":
                own = {f"{service}.{name}": content for name, content in named.items()}
                components.setdefault(kind, {}).update(own)
        for path, operations in renamed["paths"].items():
            if path.startswith(routes.API):
                merged["paths"][path] = _operations(operations, service)
    components["schemas"]["Problem"] = _PROBLEM_SCHEMA
    return merged


def _operations(operations: Document, service: str) -> Document:
    refusals = {str(status): _refusal(status) for status in _OWN_REFUSALS}
    return {
        method: {**operation, "tags": [service], "responses": refusals | operation.get("responses", {})}
        if method != "parameters"
        else operation
        for method, operation in operations.items()
    }


def _refusal(status: int) -> Document:
    return {
        "description": TITLES[status],
        "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def _rename(node: Any, service: str) -> Any:
    """The document with every reference pointing to the service's own components."""
    if isinstance(node, dict):
        return {
            key: _prefixed(value, service) if key == "$ref" and isinstance(value, str) else _rename(value, service)
            for key, value in node.items()
        }
    return [_rename(item, service) for item in node] if isinstance(node, list) else node


def _prefixed(reference: str, service: str) -> str:
    place, _, name = reference.rpartition("/")
    return f"{place}/{service}.{name}"


_INTRODUCTION = (
    "Authorization: Bearer <token>, from POST /api/v1/members/sessions or from the page of API tokens. "
    "`Huzhu-Member` names the member of your login to act for. Points are whole hundredths, times carry a zone. "
    "Whoever creates something makes its UUID, so that a repetition changes nothing. "
    "Refusals are problem documents (RFC 9457) with a `code` to act on."
)
_PROBLEM_SCHEMA: Document = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "errors": {"type": "object"},
        "request_id": {"type": "string"},
    },
}
