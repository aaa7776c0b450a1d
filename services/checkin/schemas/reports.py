"""Reports on the wire."""

from marshmallow import fields, validate

from services.checkin.domain.reports import Tree
from services.checkin.schemas.kinds import one_of
from shared.categories import NAMES
from shared.fields import Day, Wire


class ReportQuerySchema(Wire):
    node_id = fields.UUID(metadata={"description": "This node and all below it; without it, everything"})
    from_ = Day(required=True, data_key="from", metadata={"description": "The first day of service"})
    to = Day(required=True, metadata={"description": "The last one"})
    category = fields.String(validate=validate.OneOf(list(NAMES)))
    tree = fields.String(
        load_default=Tree.NOW.value,
        validate=one_of(Tree),
        metadata={"description": "Places as the tree is now, or as it was on the day of service"},
    )


class FiguresSchema(Wire):
    activities = fields.Integer(
        required=True, metadata={"description": "场次: those at which somebody's service counts"}
    )
    visits = fields.Integer(required=True, metadata={"description": "人次: a member at an activity"})
    persons = fields.Integer(
        required=True, metadata={"description": "人数: distinct; parts do not add up to the whole"}
    )
    minutes = fields.Integer(required=True)
    waiting = fields.Integer(required=True, metadata={"description": "Records not confirmed yet, not in the others"})


class FiguresOfCategorySchema(FiguresSchema):
    category = fields.String(required=True)


class FiguresOfMonthSchema(FiguresSchema):
    month = fields.String(required=True)


class FiguresOfNodeSchema(FiguresSchema):
    node_id = fields.UUID(required=True, allow_none=True)
    name = fields.String(required=True, allow_none=True)


class ReportSchema(Wire):
    node_id = fields.UUID(required=True, allow_none=True)
    from_day = fields.Date(required=True)
    to_day = fields.Date(required=True)
    tree = fields.String(required=True, attribute="tree.value", validate=one_of(Tree))
    complete_until = fields.Date(
        required=True, allow_none=True, metadata={"description": "No confirmation can change the days up to this one"}
    )
    total = fields.Nested(FiguresSchema, required=True)
    categories = fields.List(fields.Nested(FiguresOfCategorySchema), required=True)
    months = fields.List(fields.Nested(FiguresOfMonthSchema), required=True)
    nodes = fields.List(fields.Nested(FiguresOfNodeSchema), required=True)
