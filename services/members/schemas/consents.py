"""Consents on the wire."""

from typing import Any

from marshmallow import fields, post_load, validate

from services.members.domain.consents import Consent, Kind
from shared.fields import Line, Wire


class ConsentSchema(Wire):
    kind = fields.Enum(Kind, by_value=True, required=True)
    version = Line(length_max=20, required=True)
    given = fields.Boolean(load_default=True, truthy={True}, falsy={False})

    @post_load
    def make(self, content: dict[str, Any], **_kwargs: Any) -> Consent:
        return Consent(**content)


def consent_list(**kwargs: Any) -> fields.List[Any]:
    return fields.List(fields.Nested(ConsentSchema), validate=validate.Length(max=len(Kind)), **kwargs)


class ConsentsSchema(Wire):
    consents = consent_list(required=True)


class ConsentShownSchema(Wire):
    kind = fields.String(required=True)
    version = fields.String(required=True)
    given = fields.Boolean(required=True)
    at = fields.String(required=True, metadata={"format": "date-time"})


class ConsentTextSchema(Wire):
    kind = fields.String(required=True)
    version = fields.String(required=True)
    title = fields.String(required=True)
    required = fields.Boolean(required=True)
