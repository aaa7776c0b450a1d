"""The wire of what becomes of the points of members who are gone. `points` are hundredths."""

from marshmallow import fields, validate

from services.points.domain.leaving import FAMILY_DAYS_MAX
from shared.fields import Line, Whole, Wire


class LeaverRuleSchema(Wire):
    family_days = Whole(
        required=True,
        allow_none=True,
        validate=validate.Range(min=1, max=FAMILY_DAYS_MAX),
        metadata={"description": "For how long they may go to the household; null: they may not"},
    )
    donate = fields.Boolean(required=True, truthy={True}, falsy={False})


class RuleInForceSchema(Wire):
    node_id = fields.UUID(required=True, allow_none=True, metadata={"description": "Whose rule; null: nobody's"})
    family_days = fields.Integer(required=True, allow_none=True)
    donate = fields.Boolean(required=True)


class GiftNewSchema(Wire):
    move_id = fields.UUID(required=True, data_key="id")
    member_id = fields.UUID(required=True)
    to_member_id = fields.UUID(required=True, allow_none=True, metadata={"description": "null: the station's pool"})
    reason = Line(required=True, length_max=200)


class GiftSchema(Wire):
    points = fields.Integer(required=True)
