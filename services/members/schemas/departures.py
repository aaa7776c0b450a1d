"""Members who are gone, on the wire."""

from marshmallow import fields

from services.members.domain.departures import Kind
from shared.fields import Day, Line, Wire


class DepartureSchema(Wire):
    kind = fields.Enum(Kind, by_value=True, required=True)
    day = Day(required=True, metadata={"description": "Since when; not after today"})
    reason = Line(length_max=200, required=True)
