"""Where every attendance is confirmed by somebody, on the wire."""

from marshmallow import fields

from services.checkin.schemas.kinds import NODES_MAX, id_list, row_limit
from shared.fields import Wire, YesNo


class ConfirmEachQuerySchema(Wire):
    node_ids = id_list(NODES_MAX)


class ConfirmEachSchema(Wire):
    node_id = fields.UUID(required=True)
    on = fields.Boolean(required=True, attribute="is_on", metadata={"description": "Here and below"})
    above = fields.Boolean(
        required=True, attribute="is_on_above", metadata={"description": "By a node above, whatever stands here"}
    )


class ConfirmEachSwitchesQuerySchema(Wire):
    after = fields.UUID(metadata={"description": "Only nodes that come after this one"})
    limit = row_limit()


class ConfirmEachOfNodeSchema(ConfirmEachSchema):
    name = fields.String(required=True)
    level = fields.String(required=True)
    parent_name = fields.String(required=True, allow_none=True)


class ConfirmEachSwitchSchema(Wire):
    on = YesNo(required=True)
