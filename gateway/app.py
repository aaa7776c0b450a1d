"""The two listeners of the gateway, as WSGI apps."""

from uuid import uuid4

import msgspec
from flask import Flask, Response, g, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from gateway import guards, presentation, routes, visitor
from gateway.i18n import _
from gateway.internal import InternalApi
from gateway.pages import BLUEPRINTS
from gateway.parts import Parts, parts
from gateway.proxy import PublicApi
from gateway.settings import GatewaySettings
from shared import http, log
from shared.errors import HuzhuError, Unauthenticated
from shared.principal import Role

# Nothing inline, nothing from elsewhere: what an attacker manages to write into a page stays text.
_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_SECURITY_HEADERS = {
    "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(self), microphone=(), payment=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def create_app() -> Flask:
    """The public listener: API and pages."""
    settings = GatewaySettings.from_environment()
    app = Flask("gateway")
    # A doubled slash is no address of ours; a redirect away from it would repeat the Host that was sent.
    app.url_map.merge_slashes = False
    log.configure("gateway")
    app.config.update(MAX_CONTENT_LENGTH=routes.BODY_BYTES_MAX, MAX_FORM_MEMORY_SIZE=routes.BODY_BYTES_MAX)
    app.json = http.Json(app)
    own = Parts.assemble(settings)
    own.install(app)
    presentation.configure(app)
    app.before_request(_begin_request)
    app.before_request(_check_csrf)
    app.after_request(visitor.finish)
    app.after_request(http.finish_request)
    app.after_request(_add_security_headers)
    app.context_processor(_for_templates)
    for kind in (HuzhuError, HTTPException, Exception):
        app.register_error_handler(kind, _on_error)
    for pages in BLUEPRINTS:
        app.register_blueprint(pages)
    _add_health(app)
    app.wsgi_app = PublicApi(app, settings, own.sessions, own.upstreams, own.limits)  # type: ignore[method-assign]
    return app


def create_internal_app() -> Flask:
    """The internal listener: services and the worker among themselves."""
    settings = GatewaySettings.from_environment()
    app = Flask("gateway-internal", static_folder=None)
    log.configure("gateway-internal")
    own = Parts.assemble(settings)
    app.before_request(_begin_request)
    app.after_request(http.finish_request)
    http.register_errors(app)
    _add_health(app)
    app.wsgi_app = InternalApi(app, settings, own.sessions, own.upstreams)  # type: ignore[method-assign]
    return app


def _add_health(app: Flask) -> None:
    # The gateway is ready as soon as it runs: a service that is down is a panel's matter, not everybody's.
    @app.get("/health/live")
    @guards.open_page
    def live() -> Response:
        return http.answer({"status": "live"})

    @app.get("/health/ready")
    @guards.open_page
    def ready() -> Response:
        return http.answer({"status": "ready"})


def _begin_request() -> None:
    """Here a request gets its id. One that a client brings is not taken: it could be another request's."""
    g.request_id = uuid4().hex
    request.max_content_length = routes.body_bytes_max(request.method, request.path)


def _is_page() -> bool:
    return not request.path.startswith(("/api/", "/internal/", "/health/"))


def _check_csrf() -> None:
    # An address that does not exist is said to be so, whatever was posted there.
    if _is_page() and request.routing_exception is None:
        visitor.check_csrf()


def _add_security_headers(response: Response) -> Response:
    for name, value in _SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _for_templates() -> dict[str, object]:
    return {"holds": _holds, "Role": Role, "is_demo": parts().settings.demo}


def _holds(*roles: Role) -> bool:
    """Whether to show a way into pages for these roles; the pages have their own guards."""
    try:
        session = visitor.session()
    except HuzhuError:
        return False
    return session is not None and session.has(*roles)


def _on_error(error: Exception) -> BaseResponse:
    """A problem document for programs, a page for people; both with the words of the same table."""
    if isinstance(error, Unauthenticated) and _is_page():
        return guards.to_login()
    if isinstance(error, HTTPException) and error.code is not None and 300 <= error.code < 400:
        return error.get_response()
    if isinstance(error, HuzhuError):
        response = http.on_refusal(error)
    elif isinstance(error, HTTPException):
        response = http.on_http(error)
    else:
        response = http.on_bug(error)
    if _is_page():
        problem = msgspec.json.decode(response.get_data())
        words: str = problem["detail"]
        problem |= {"detail": _(words)}
        page = Response(
            render_template("error.html", problem=problem, back=guards.page_of_form()), status=response.status_code
        )
        for name in ("Allow", "Retry-After"):
            if name in response.headers:
                page.headers[name] = response.headers[name]
        return page
    return response
