"""A service as an HTTP server: guards, principals, argument parsing, health."""

import functools
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, TypeVar, cast

from flask import Flask, Request, Response, current_app, g, request
from flask_smorest import Api, Blueprint
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import HTTPException

from shared import audit, db, errors, http, log, principal
from shared.errors import Forbidden, Unauthenticated
from shared.principal import Kind, OwnCase, Principal, Role
from shared.settings import ServiceSettings

ProblemSchema = http.ProblemSchema  # routes name it beside their guard

P = ParamSpec("P")
R = TypeVar("R")
V = TypeVar("V", bound=Callable[..., Any])

_ANYONE = "anyone"
BODY_BYTES_MAX = 1024 * 1024
VALUES_MAX = 10_000
"""In the JSON of one request, all lists and objects together; a sign-in sheet of 1,000 lines has half as many."""


class Parser(FlaskParser):
    """Wrong shape is 400 everywhere, and unknown fields are refused in queries too."""

    DEFAULT_VALIDATION_STATUS = 400
    DEFAULT_UNKNOWN_BY_LOCATION = {**FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, "query": None, "json": None}  # noqa: RUF012

    def _raw_load_json(self, req: Request) -> Any:
        try:
            content = super()._raw_load_json(req)
        except (RecursionError, ValueError) as error:  # nested a thousand deep, or a number of 5,000 digits
            raise errors.Invalid from error
        _require_few_values(content)
        return content


def _require_few_values(content: Any) -> None:
    """Raise Invalid for lists and objects of very many parts. Not every list has a length at which its schema looks
    first (`Wire`), and each part that is wrong would be told of: seconds of work and megabytes of answer.
    """
    left, inside = VALUES_MAX, [content]
    while inside:
        one = inside.pop()
        parts = list(one.values()) if isinstance(one, dict) else one if isinstance(one, list) else []
        left -= len(parts)
        if left < 0:
            raise errors.Invalid("一次提交的内容太多，请分几次提交")
        inside += parts


class Routes(Blueprint):
    """A blueprint of guarded routes."""

    ARGUMENTS_PARSER = Parser()

    def route(self, rule: str, **options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """As in flask-smorest; a route that is open to anyone says so in its description."""
        register = super().route(rule, **options)

        def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
            if getattr(view, "guard", None) == _ANYONE:
                view = self.doc(security=[])(view)
            return cast(Callable[..., Any], register(view))

        return decorate

    def arguments(self, schema: Any, **kwargs: Any) -> Any:
        """Parse by a schema, which is made once and not for every request."""
        return super().arguments(schema() if isinstance(schema, type) else schema, **kwargs)

    def refuses(self, *statuses: int) -> Callable[[V], V]:
        """Document the statuses with which a route may refuse, each a problem."""

        def decorate(view: V) -> V:
            for status in statuses:
                view = self.alt_response(status, schema=ProblemSchema)(view)
            return view

        return decorate

    def alt_response(self, status_code: int, *args: Any, **kwargs: Any) -> Any:
        """Document another answer; a problem is described with the media type it is sent with.

        The words are hung on the view itself: smorest's wrapper would be one more call on every request.
        """
        if kwargs.get("schema") is ProblemSchema:
            kwargs.setdefault("content_type", http.PROBLEM)
        document = super().alt_response(status_code, *args, **kwargs)

        def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
            cast(Any, view)._apidoc = document(view)._apidoc
            return view

        return decorate


class ServiceApi(Api):
    """flask-smorest's API, with our problem documents instead of its own."""

    ERROR_SCHEMA = ProblemSchema

    def _register_responses(self) -> None:
        # The answers every route may give are problems, which are not plain JSON.
        self.DEFAULT_RESPONSE_CONTENT_TYPE = http.PROBLEM
        super()._register_responses()
        del self.DEFAULT_RESPONSE_CONTENT_TYPE

    def handle_http_exception(self, error: HTTPException) -> Response:
        return http.on_http(error)


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
    return _guard(_ANYONE, lambda _caller: None)


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


def taking(body_bytes_max: int) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A route that takes longer bodies than others; below its guard, above its arguments."""

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(view)
        def taken(*args: P.args, **kwargs: P.kwargs) -> R:
            request.max_content_length = body_bytes_max
            return view(*args, **kwargs)

        return taken

    return decorate


def open_to_all(view: Callable[P, R]) -> Callable[P, R]:
    """No principal at all: health and the description of the API."""
    cast(Any, view).guard = "open"
    return view


class Service(Flask):
    """A service's app. No function of it is a coroutine, so none is asked ten times a request whether it is."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func


def create_service(
    settings: ServiceSettings, database: SQLAlchemy, blueprints: Iterable[Blueprint], *, title: str
) -> Flask:
    """The Flask app of a service; its name is the service's."""
    app = Service(settings.name, static_folder=None)
    log.configure(settings.name)
    app.json = http.Json(app)
    app.config.update(
        SETTINGS=settings,
        MAX_CONTENT_LENGTH=BODY_BYTES_MAX,
        API_TITLE=title,
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        PROPAGATE_EXCEPTIONS=False,
        API_SPEC_OPTIONS={
            "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
            "security": [{"token": []}],
        },
    )
    db.configure(app, database, settings.database_url)
    db.refuse_other_schema(app)
    app.before_request(http.begin_request)
    app.after_request(http.finish_request)
    http.register_errors(app)
    app.register_error_handler(DBAPIError, _on_database)
    app.register_error_handler(OwnCase, _on_own_case)
    api = ServiceApi(app)
    from shared.operations import operations  # noqa: PLC0415 - it builds on this module

    for blueprint in (*blueprints, operations(settings.name)):
        api.register_blueprint(blueprint)
    _add_health(app)
    app.add_url_rule(
        "/openapi.json", view_func=open_to_all(lambda: http.answer(api.spec.to_dict())), endpoint="openapi"
    )
    return app


def _on_database(error: DBAPIError) -> Response:
    if db.is_outage(error):
        return http.on_refusal(errors.Unavailable())
    return http.on_bug(error)


def _on_own_case(refusal: OwnCase) -> Response:
    """Refuse it once it stands in the audit log; while it cannot be written, the caller is asked to try again."""
    if refusal.tried is not None:
        try:
            audit.keep_own_case(caller(), refusal)
        except errors.Unavailable as away:
            return http.on_refusal(away)
    return http.on_refusal(refusal)


def _add_health(app: Flask) -> None:
    @app.get("/health/live")
    @open_to_all
    def live() -> Response:
        return http.answer({"status": "live"})

    @app.get("/health/ready")
    @open_to_all
    def ready() -> Response:
        db.session().execute(text("SELECT 1"))
        return http.answer({"status": "ready"})
