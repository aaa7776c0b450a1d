"""The station tree on the wire."""

from typing import Any

from marshmallow import fields, validate

from services.members.domain.places import Level
from services.members.domain.residents import Tree
from services.members.schemas.kinds import PLACE_LENGTH_MAX, id_list, row_limit
from shared.fields import Day, Line, Whole, Wire, YesNo


def _level(**kwargs: Any) -> fields.String:
    return fields.String(validate=validate.OneOf([level.value for level in Level]), **kwargs)


def _residents() -> Whole:
    return Whole(validate=validate.Range(min=0, max=50_000_000))


class NodeQuerySchema(Wire):
    parent_id = fields.UUID()
    below_id = fields.UUID(
        metadata={"description": "Everything below this node, or the one it was merged into; itself not"}
    )
    above_id = fields.UUID(metadata={"description": "This node and everything above it"})
    level = _level()
    q = Line(length_max=PLACE_LENGTH_MAX)
    ids = id_list()
    residents_on = Day(
        metadata={
            "description": "`residents` as counted last up to this day, else first after it; not the newest count. "
            "Where a place itself was not counted, those of the nearest places below that were, where each was"
        }
    )
    residents_by = fields.Enum(
        Tree,
        by_value=True,
        metadata={"description": "Of places as they are `now`, with what was merged since; or as they were `then`"},
    )
    residents_until = Day(
        metadata={
            "description": "With `then`: of all that lay below on a day from `residents_on` up to this one, each as "
            "counted on the first"
        }
    )
    after = fields.UUID()
    limit = row_limit()


class NodeNewSchema(Wire):
    node_id = fields.UUID(required=True, data_key="id")
    level = _level(required=True)
    name = Line(length_max=PLACE_LENGTH_MAX, required=True)
    parent_id = fields.UUID(load_default=None, allow_none=True)
    opened_on = Day()
    residents = _residents()


class NodeChangeSchema(Wire):
    name = Line(length_max=PLACE_LENGTH_MAX)
    parent_id = fields.UUID(allow_none=True)
    residents = _residents()
    from_day = Day(metadata={"description": "Since when name, parent_id or residents count; today if not given"})
    closed_on = Day()
    successor_id = fields.UUID()


class NodeSchema(Wire):
    id = fields.UUID(required=True)
    level = fields.String(required=True)
    name = fields.String(required=True)
    path = fields.String(required=True)
    parent_id = fields.UUID(required=True, allow_none=True)
    parent_name = fields.String(allow_none=True)
    successor_id = fields.UUID(allow_none=True)
    opened_on = fields.Date(required=True)
    closed_on = fields.Date(allow_none=True)
    version = fields.Integer(required=True)
    residents = fields.Integer(allow_none=True)


class NameSinceSchema(Wire):
    name = fields.String(required=True)
    from_day = fields.Date(required=True)


class FormerParentSchema(Wire):
    parent_id = fields.UUID(allow_none=True)
    from_day = fields.Date(required=True)
    until_day = fields.Date(allow_none=True)


class CountSchema(Wire):
    residents = fields.Integer(required=True)
    from_day = fields.Date(required=True)


class SplitOffSchema(Wire):
    id = fields.UUID(required=True)
    name = fields.String(required=True)
    opened_on = fields.Date(required=True)


class NodeWholeSchema(NodeSchema):
    names = fields.List(
        fields.Nested(NameSinceSchema), required=True, metadata={"description": "The last is the present"}
    )
    parents = fields.List(fields.Nested(FormerParentSchema), required=True)
    counts = fields.List(fields.Nested(CountSchema), required=True)
    split_from = fields.Nested(
        SplitOffSchema,
        required=True,
        allow_none=True,
        metadata={"description": "What it was a part of until it opened"},
    )
    split_off = fields.List(
        fields.Nested(SplitOffSchema), required=True, metadata={"description": "Stations that were parts of it"}
    )


COMPOUNDS_MAX = 100


class SplitSchema(Wire):
    new_id = fields.UUID(required=True, data_key="id", metadata={"description": "Of the new station"})
    name = Line(length_max=PLACE_LENGTH_MAX, required=True)
    compound_ids = fields.List(
        fields.UUID(),
        required=True,
        validate=validate.Length(min=1, max=COMPOUNDS_MAX),
        metadata={"description": "Which compounds of the station become the new one's"},
    )
    from_day = Day(metadata={"description": "Since when they are; today if not given"})
    keep_grants = YesNo(load_default=False, metadata={"description": "Who acts at the station acts at both"})


class CompoundOfSplitSchema(Wire):
    id = fields.UUID(required=True)
    name = fields.String(required=True)
    people = fields.Integer(required=True, metadata={"description": "Members of the station who live there"})
    since = fields.Date(required=True, metadata={"description": "Since when it is the station's: no split before"})


class SplitPlanSchema(Wire):
    id = fields.UUID(required=True)
    name = fields.String(required=True)
    parent_name = fields.String(required=True, allow_none=True)
    level = fields.String(required=True)
    closed_on = fields.Date(required=True, allow_none=True)
    may_split = fields.Boolean(required=True, metadata={"description": "Whether the caller acts above it, and so may"})
    people = fields.Integer(required=True, metadata={"description": "All members of the station"})
    grants = fields.Integer(required=True, metadata={"description": "Roles held at the station itself"})
    compounds = fields.List(fields.Nested(CompoundOfSplitSchema), required=True)
