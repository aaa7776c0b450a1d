"""What only the gateway asks."""

import msgspec
from flask import Response, request

from services.members.commands import logins
from shared import http, web
from shared.errors import Invalid

internal = web.Routes("internal", __name__, url_prefix="/internal/v1/members")


class _Asked(msgspec.Struct):
    token_digest: str


_decoder = msgspec.json.Decoder(_Asked)


# Not documented in OpenAPI and not parsed by marshmallow: every visitor passes here every ten seconds.
@web.service("gateway")
def resolve_session() -> Response:
    """Who comes with a token, of a session or for the API alike."""
    try:
        digest = bytes.fromhex(_decoder.decode(request.get_data()).token_digest)
    except (msgspec.MsgspecError, ValueError) as error:
        raise Invalid from error
    return http.answer(logins.resolve(digest))


internal.add_url_rule("/sessions/resolve", view_func=resolve_session, methods=["POST"], provide_automatic_options=False)
