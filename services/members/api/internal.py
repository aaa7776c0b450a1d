"""What only the gateway asks."""

from typing import Annotated
from uuid import UUID

import msgspec
from flask import Response, request

from services.members.commands import logins
from services.members.queries import badges, names
from services.members.schemas.badges import CODE_LENGTH_MAX
from services.members.schemas.name_lists import NAMES_MAX
from shared import http, web
from shared.errors import Invalid

internal = web.Routes("internal", __name__, url_prefix="/internal/v1/members")


class _Asked(msgspec.Struct):
    token_digest: str


class _Named(msgspec.Struct):
    ids: Annotated[list[UUID], msgspec.Meta(max_length=NAMES_MAX)]


class _Shown(msgspec.Struct):
    code: Annotated[str, msgspec.Meta(max_length=CODE_LENGTH_MAX)]


_decoder = msgspec.json.Decoder(_Asked)
_decoder_of_names = msgspec.json.Decoder(_Named)
_decoder_of_codes = msgspec.json.Decoder(_Shown)


# Not documented in OpenAPI and not parsed by marshmallow: every visitor passes here every ten seconds.
@web.service("gateway")
def resolve_session() -> Response:
    """Who comes with a token, of a session or for the API alike."""
    try:
        digest = bytes.fromhex(_decoder.decode(request.get_data()).token_digest)
    except (msgspec.MsgspecError, ValueError) as error:
        raise Invalid from error
    return http.answer(logins.resolve(digest))


@web.service("gateway")
def list_names() -> Response:
    """By what the people of a roll are found, for who has to call it: check-in says who may, and of whom (ADR 145)."""
    try:
        ids = _decoder_of_names.decode(request.get_data()).ids
    except msgspec.MsgspecError as error:
        raise Invalid from error
    return http.answer(names.list_names_called(ids))


@web.service("gateway")
def read_badge() -> Response:
    """Who shows a badge, a short code or a number to whoever leads a site: check-in says who may ask (ADR 162)."""
    try:
        code = _decoder_of_codes.decode(request.get_data()).code
    except msgspec.MsgspecError as error:
        raise Invalid from error
    return http.answer([badges.read_badge_called(code)])


internal.add_url_rule("/badges/read", view_func=read_badge, methods=["POST"], provide_automatic_options=False)
internal.add_url_rule("/name-lists", view_func=list_names, methods=["POST"], provide_automatic_options=False)
internal.add_url_rule("/sessions/resolve", view_func=resolve_session, methods=["POST"], provide_automatic_options=False)
