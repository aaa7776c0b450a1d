"""Rotating codes on the wire."""

from marshmallow import fields, validate

from services.checkin.domain.codes import MINUTES_MAX, Direction
from services.checkin.schemas.kinds import one_of
from shared.fields import Instant, WholeText, Wire


class CodesQuerySchema(Wire):
    site_id = fields.UUID(required=True)
    direction = fields.String(required=True, validate=one_of(Direction))
    minutes = WholeText(load_default=2, validate=validate.Range(min=1, max=MINUTES_MAX))


class CodeSchema(Wire):
    step = fields.Integer(required=True)
    url = fields.String(required=True)
    shown_from = Instant(required=True)
    shown_until = Instant(required=True)


class CodesSchema(Wire):
    server_now = Instant(required=True)
    step_s = fields.Integer(required=True)
    codes = fields.List(fields.Nested(CodeSchema), required=True)
