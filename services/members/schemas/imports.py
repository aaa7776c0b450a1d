"""Files that are taken over, on the wire."""

import base64
from typing import Any

from marshmallow import fields, validate

from services.members.domain import imports
from services.members.domain.past import SINCE
from services.members.schemas.kinds import row_limit
from shared.categories import NAMES
from shared.fields import Line, Whole, WholeText, Wire


class Base64(fields.Field[bytes]):
    """Bytes as JSON has them."""

    default_error_messages = {"base64": "应为 base64"}  # noqa: RUF012

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bytes:
        try:
            return base64.b64decode(value, validate=True)
        except (TypeError, ValueError) as error:
            raise self.make_error("base64") from error


def _half_day(**kwargs: Any) -> Whole:
    description = {"description": "How many minutes 半天 stands for"}
    return Whole(validate=validate.Range(min=60, max=600), metadata=description, **kwargs)


def _year() -> Whole:
    return Whole(
        validate=validate.Range(min=SINCE.year, max=2100),
        metadata={"description": "Past services: of dates without a year; else the last such day before today"},
    )


def _category() -> fields.String:
    return fields.String(
        validate=validate.OneOf(list(NAMES)), metadata={"description": "Past services: of rows without a category"}
    )


class ImportNewSchema(Wire):
    import_id = fields.UUID(required=True, data_key="id")
    kind = fields.Enum(imports.Kind, by_value=True, required=True)
    station_id = fields.UUID(required=True)
    file_name = Line(length_max=200, required=True)
    content = Base64(
        required=True, metadata={"type": "string", "format": "byte", "description": "XLSX, XLS or CSV, at most 10 MB"}
    )
    half_day_minutes = _half_day(load_default=imports.HALF_DAY_MINUTES)
    year = _year()
    category = _category()


class ImportCheckSchema(Wire):
    half_day_minutes = _half_day()
    year = _year()
    category = _category()


class ImportReasonSchema(Wire):
    reason = Line(length_max=200, required=True)


class ImportQuerySchema(Wire):
    station_id = fields.UUID()
    state = fields.String(validate=validate.OneOf([state.value for state in imports.State]))
    before = fields.UUID(metadata={"description": "Only imports older than this one"})
    limit = row_limit()


class ImportRowsQuerySchema(Wire):
    state = fields.String(
        load_default=imports.RowState.BAD, validate=validate.OneOf([state.value for state in imports.RowState])
    )
    after = WholeText(load_default=0, validate=validate.Range(min=0, max=1_000_000))
    limit = WholeText(load_default=200, validate=validate.Range(min=1, max=2000))


class ProblemFoundSchema(Wire):
    title = fields.String(required=True)
    value = fields.String(required=True)
    sentence = fields.String(required=True)


class ReadOfRowSchema(Wire):
    """What a row was read as; what its kind of file does not say is null."""

    name = fields.String(required=True)
    minutes = fields.Integer(required=True, allow_none=True)
    points = fields.Integer(required=True, allow_none=True, metadata={"description": "Hundredths"})
    day = fields.String(required=True, allow_none=True)
    title = fields.String(required=True, allow_none=True)
    category = fields.String(required=True, allow_none=True)


class MeantByRowSchema(Wire):
    """Who was found to be meant, by what tells people of one name apart; masked where I may not see more."""

    id = fields.UUID(required=True)
    full = fields.Boolean(required=True)
    name = fields.String(required=True)
    volunteer_number = fields.String(required=True)
    compound_name = fields.String(required=True, allow_none=True)
    building_name = fields.String(required=True, allow_none=True)


class ImportRowSchema(Wire):
    number = fields.Integer(required=True)
    member_id = fields.UUID(allow_none=True)
    read = fields.Nested(ReadOfRowSchema, required=True, allow_none=True)
    member = fields.Nested(MeantByRowSchema, required=True, allow_none=True)
    cells = fields.List(fields.String(), required=True)
    problems = fields.List(fields.Nested(ProblemFoundSchema), required=True)


class ImportSchema(Wire):
    id = fields.UUID(required=True)
    kind = fields.String(required=True)
    state = fields.String(required=True)
    station_id = fields.UUID(required=True)
    station_name = fields.String(required=True)
    file_name = fields.String(required=True)
    size = fields.Integer(required=True)
    has_file = fields.Boolean(required=True)
    half_day_minutes = fields.Integer(required=True)
    year = fields.Integer(allow_none=True)
    category = fields.String(allow_none=True)
    created_at = fields.AwareDateTime(required=True)
    created_by_name = fields.String(required=True)
    decided_at = fields.AwareDateTime(allow_none=True)
    decided_by_name = fields.String(allow_none=True)
    reason = fields.String(allow_none=True)
    done_at = fields.AwareDateTime(allow_none=True)
    undone_at = fields.AwareDateTime(allow_none=True)
    found = fields.Dict(required=True, metadata={"description": "What the check found: heads, new teams, sums"})
    counts = fields.Dict(
        keys=fields.String(), values=fields.Integer(), required=True, metadata={"description": "Rows by state"}
    )
    may = fields.List(fields.String(), required=True, metadata={"description": "Steps that I may take now"})
