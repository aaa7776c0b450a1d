"""Entries of one person, on the wire."""

from marshmallow import fields

from shared.fields import Line, Whole, Wire


class MergeNewSchema(Wire):
    merge_id = fields.UUID(required=True, data_key="id")
    merged_id = fields.UUID(
        required=True, metadata={"description": "Which goes; the member in the path stays, with all that it had"}
    )
    reason = Line(length_max=200, required=True)
    version = Whole(metadata={"description": "Of who stays, as it was seen; 409 when it is no longer the present one"})
    merged_version = Whole(metadata={"description": "Of the one that goes, likewise"})


class ReasonSchema(Wire):
    reason = Line(length_max=200, required=True)


class MergeSchema(Wire):
    id = fields.UUID(required=True)
    member_id = fields.UUID(required=True)
    name = fields.String(required=True)
    volunteer_number = fields.String(required=True)
    reason = fields.String(required=True)
    at = fields.AwareDateTime(required=True)
    undo_until = fields.AwareDateTime(required=True)
