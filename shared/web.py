"""A service as an HTTP server: problem documents, guards, principals, health, request ids, JSON.

Holds the only table from kinds of error to HTTP.
"""

import functools
import logging
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, TypeVar, cast
from uuid import uuid4

import msgspec
from flask import Flask, Response, current_app, g, request
from flask.json.provider import JSONProvider
from flask_smorest import Api, Blueprint
from flask_sqlalchemy import SQLAlchemy
from marshmallow import Schema, fields
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import HTTPException

from shared import db, errors, log, principal
from shared.errors import Forbidden, HuzhuError, Unauthenticated
from shared.principal import Kind, Principal, Role
from shared.settings import ServiceSettings

P = ParamSpec("P")
R = TypeVar("R")

BODY_BYTES_MAX = 1024 * 1024
PROBLEM = "application/problem+json"
logger = logging.getLogger(__name__)

_HTTP: tuple[tuple[type[HuzhuError], int], ...] = (
    (errors.Invalid, 400),
    (errors.Unauthenticated, 401),
    (errors.Forbidden, 403),
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.RuleBroken, 422),
    (errors.TooMany, 429),
    (errors.Unavailable, 503),
)
_TITLES = {
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    406: "Not Acceptable", 409: "Conflict", 413: "Content Too Large", 415: "Unsupported Media Type",
    422: "Unprocessable Content", 429: "Too Many Requests", 500: "Internal Server Error",
    502: "Bad Gateway", 503: "Service Unavailable",
}
_PLAIN_DETAILS = {
    400: "请求的格式不对", 404: "没有找到这个地址", 405: "这个地址不支持这种操作", 413: "内容太大了",
    415: "请使用 JSON 格式", 500: "系统出错了，我们已经记录下来",
}


class ProblemSchema(Schema):
    """RFC 9457, with the slug a program can act on and the id under which the log knows the request."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    code = fields.String(required=True)
    errors = fields.Dict()
    request_id = fields.String(required=True)


def status_of(error: HuzhuError) -> int:
    return next(status for kind, status in _HTTP if isinstance(error, kind))


def problem(status: int, code: str, detail: str, *, field_errors: Any = None) -> Response:
    """A problem document."""
    body: dict[str, Any] = {
        "type": "about:blank", "title": _TITLES.get(status, "Error"), "status": status, "detail": detail, "code": code,
        "request_id": g.get("request_id", ""),
    }
    if field_errors:
        body["errors"] = field_errors
    response = Response(msgspec.json.encode(body), status=status, content_type=PROBLEM)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if status in (429, 503):
        response.headers["Retry-After"] = "2"
    return response


class Json(JSONProvider):
    """Flask's JSON by msgspec: ten times faster, and it knows UUIDs, dates and dataclasses."""

    def dumps(self, obj: Any, **_kwargs: Any) -> str:
        return msgspec.json.encode(obj).decode("utf-8")

    def loads(self, s: str | bytes, **_kwargs: Any) -> Any:
        try:
            return msgspec.json.decode(s)
        except msgspec.DecodeError as error:
            raise ValueError(str(error)) from error


class Parser(FlaskParser):
    """Wrong shape is 400 everywhere, and unknown fields are refused in queries too."""

    DEFAULT_VALIDATION_STATUS = 400
    DEFAULT_UNKNOWN_BY_LOCATION = {**FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, "query": None, "json": None}  # noqa: RUF012


class Routes(Blueprint):
    """A blueprint of guarded routes."""

    ARGUMENTS_PARSER = Parser()


class ServiceApi(Api):
    ERROR_SCHEMA = ProblemSchema


def caller() -> Principal:
    """The principal of this request, verified."""
    known: Principal | None = g.get("principal")
    if known is None:
        settings: ServiceSettings = current_app.config["SETTINGS"]
        header = request.headers.get(principal.HEADER)
        if header is None:
            raise Unauthenticated
        known = g.principal = principal.verify(header, settings.gateway_public_key, settings.name)
    return known


def _guard(name: str, allows: Callable[[Principal], None]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            allows(caller())
            return view(*args, **kwargs)

        cast(Any, guarded).guard = name
        return guarded

    return decorate


def anyone() -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Everybody who came through the gateway, logged in or not."""
    return _guard("anyone", lambda _caller: None)


def logged_in() -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Any login. Whose things it may see is for the command or query to say."""

    def allows(who: Principal) -> None:
        if who.kind is not Kind.LOGIN:
            raise Unauthenticated

    return _guard("logged_in", allows)


def holding(*roles: Role) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A login that holds one of the roles somewhere; where it must hold is for the command to say."""

    def allows(who: Principal) -> None:
        if who.kind is not Kind.LOGIN:
            raise Unauthenticated
        if not any(who.has(role) for role in roles):
            raise Forbidden

    return _guard("holding " + " or ".join(roles), allows)


def service(*issuers: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """One of the named services, through the internal listener."""

    def allows(who: Principal) -> None:
        if who.kind is not Kind.SERVICE:
            raise Unauthenticated
        if who.issuer not in issuers:
            raise Forbidden

    return _guard("service " + " or ".join(issuers), allows)


def open_to_all(view: Callable[P, R]) -> Callable[P, R]:
    """No principal at all: health and the description of the API."""
    cast(Any, view).guard = "open"
    return view


def create_service(
    settings: ServiceSettings, database: SQLAlchemy, blueprints: Iterable[Blueprint], *, title: str
) -> Flask:
    """The Flask app of a service; its name is the service's."""
    app = Flask(settings.name, static_folder=None)
    log.configure(settings.name)
    app.json = Json(app)
    app.config.update(
        SETTINGS=settings, MAX_CONTENT_LENGTH=BODY_BYTES_MAX, API_TITLE=title, API_VERSION="v1",
        OPENAPI_VERSION="3.1.0", PROPAGATE_EXCEPTIONS=False,
        API_SPEC_OPTIONS={
            "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
            "security": [{"token": []}],
        },
    )
    db.configure(app, database, settings.database_url)
    app.before_request(_begin)
    app.after_request(_finish)
    register_errors(app)
    api = ServiceApi(app)
    from shared.operations import operations  # noqa: PLC0415 - it builds on this module

    for blueprint in (*blueprints, operations(settings.name)):
        api.register_blueprint(blueprint)
    _add_health(app)
    app.add_url_rule("/openapi.json", view_func=open_to_all(lambda: app.json.response(api.spec.to_dict())),
                     endpoint="openapi")
    return app


def register_errors(app: Flask) -> None:
    """Turn everything that can be raised into a problem document."""
    app.register_error_handler(HuzhuError, _on_refusal)
    app.register_error_handler(HTTPException, _on_http)
    app.register_error_handler(DBAPIError, _on_database)
    app.register_error_handler(Exception, _on_bug)


def _begin() -> None:
    given = request.headers.get("Huzhu-Request-Id", "")
    g.request_id = given if given.isalnum() and len(given) <= 32 else uuid4().hex


def _finish(response: Response) -> Response:
    response.headers["Huzhu-Request-Id"] = g.get("request_id", "")
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _on_refusal(error: HuzhuError) -> Response:
    return problem(status_of(error), error.code, error.detail, field_errors=error.errors)


def _on_http(error: HTTPException) -> Response:
    status = error.code or 500
    messages = getattr(error, "data", {}).get("messages")
    if messages:
        # webargs says in which part of the request a field stood; people want only the field.
        location, found = next(iter(messages.items()))
        fields_wrong = found if isinstance(found, dict) else {location: found}
        return problem(400, "invalid", errors.Invalid.detail, field_errors=fields_wrong)
    response = problem(status, _TITLES.get(status, "error").lower().replace(" ", "_"), _PLAIN_DETAILS.get(status, "出错了"))
    if (allowed := getattr(error, "valid_methods", None)) is not None:
        response.headers["Allow"] = ", ".join(sorted(allowed))
    return response


def _on_database(error: DBAPIError) -> Response:
    if db.is_outage(error):
        return _on_refusal(errors.Unavailable())
    return _on_bug(error)


def _on_bug(error: Exception) -> Response:
    logger.error("request failed", exc_info=error)
    return problem(500, "internal_error", _PLAIN_DETAILS[500])


def _add_health(app: Flask) -> None:
    @app.get("/health/live")
    @open_to_all
    def live() -> Response:
        return app.json.response({"status": "live"})

    @app.get("/health/ready")
    @open_to_all
    def ready() -> Response:
        db.session().execute(text("SELECT 1"))
        return app.json.response({"status": "ready"})
