"""Registering, logging in and out, passwords, API tokens, consent texts."""

from typing import Any
from uuid import UUID

from flask import request

from services.members.commands import administrators
from services.members.commands import logins as commands
from services.members.domain.consents import Text
from services.members.queries import logins as queries
from services.members.schemas.consents import ConsentTextSchema
from services.members.schemas.logins import (
    AdministratorThereSchema,
    CodeSchema,
    CredentialsSchema,
    FirstAdministratorSchema,
    PasswordSchema,
    RegisteredSchema,
    RegistrationSchema,
    SessionOpenedSchema,
    TokenNewSchema,
    TokenSchema,
    TokenShownSchema,
)
from shared import web
from shared.http import NETWORK
from shared.principal import Role

logins = web.Routes("logins", __name__, url_prefix="/api/v1/members")


def _network() -> str:
    """Where this request comes from, as the gateway says."""
    return request.headers.get(NETWORK, "")


@logins.route("/consent-texts", methods=["GET"])
@web.anyone()
@logins.response(200, ConsentTextSchema(many=True))
def list_consent_texts() -> list[Text]:
    """What people are asked to agree to, in the versions of now."""
    return queries.list_consent_texts()


@logins.route("/logins", methods=["POST"])
@web.anyone()
@logins.arguments(RegistrationSchema)
@logins.response(201, RegisteredSchema)
@logins.refuses(404, 409, 422)
def register(registration: dict[str, Any]) -> commands.Registered:
    """Register oneself. The answer is the same when the phone is registered already; then nothing is made."""
    return commands.register(web.caller(), **registration)


@logins.route("/administrators", methods=["GET"])
@web.anyone()
@logins.response(200, AdministratorThereSchema)
def show_administrator_there() -> administrators.Administrators:
    """Whether there is an administrator already; who it is is not told."""
    return administrators.look()


@logins.route("/administrators", methods=["POST"])
@web.anyone()
@logins.arguments(FirstAdministratorSchema)
@logins.response(201, RegisteredSchema)
@logins.refuses(401, 409, 422)
def register_first_administrator(registration: dict[str, Any]) -> commands.Registered:
    """Become the first administrator, with the code that the machine printed."""
    return administrators.register_first(web.caller(), **registration)


@logins.route("/sessions", methods=["POST"])
@web.anyone()
@logins.arguments(CredentialsSchema)
@logins.response(200, SessionOpenedSchema)
@logins.refuses(401, 429)
def open_session(credentials: dict[str, Any]) -> commands.Opened:
    """Log in."""
    return commands.log_in(**credentials, network=_network())


@logins.route("/sessions/current", methods=["DELETE"])
@web.logged_in()
@logins.response(204)
@logins.refuses(401)
def close_session() -> None:
    """Log out."""
    commands.log_out(web.caller())


@logins.route("/passwords", methods=["POST"])
@web.anyone()
@logins.arguments(PasswordSchema)
@logins.response(204)
@logins.refuses(401, 422, 429)
def set_password(content: dict[str, Any]) -> None:
    """Set a password by a one-time code; every session and API token of the login ends."""
    commands.set_password(web.caller(), **content, network=_network())


@logins.route("/members/<uuid:member_id>/reset-codes", methods=["POST"])
@web.holding(Role.STAFF)
@logins.response(201, CodeSchema)
@logins.refuses(401, 403, 404, 422)
def make_reset_code(member_id: UUID) -> commands.CodeMade:
    """Make a one-time code for a member's password, or for the login of one who has none."""
    return commands.make_reset_code(web.caller(), member_id)


@logins.route("/tokens", methods=["GET"])
@web.logged_in()
@logins.response(200, TokenSchema(many=True))
@logins.refuses(401)
def list_tokens() -> list[dict[str, Any]]:
    """My API tokens."""
    return queries.list_tokens(web.caller())


@logins.route("/tokens", methods=["POST"])
@web.logged_in()
@logins.arguments(TokenNewSchema)
@logins.response(201, TokenShownSchema)
@logins.refuses(401, 403, 409, 422)
def add_token(content: dict[str, Any]) -> commands.Opened:
    """Make an API token with the rights of my login, in a session; it is shown this once."""
    return commands.add_token(web.caller(), **content)


@logins.route("/tokens/<uuid:token_id>", methods=["DELETE"])
@web.logged_in()
@logins.response(204)
@logins.refuses(401, 404)
def revoke_token(token_id: UUID) -> None:
    """Revoke an API token."""
    commands.revoke_token(web.caller(), token_id)
