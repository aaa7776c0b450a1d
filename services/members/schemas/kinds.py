"""Kinds of fields that the schemas of members share."""

from typing import Any

from marshmallow import fields, validate
from webargs.fields import DelimitedList

from services.members.domain.passwords import LENGTH_MAX as PASSWORD_LENGTH_MAX
from services.members.domain.phones import read_mobile, read_phone
from services.members.domain.volunteer_numbers import LENGTH, is_volunteer_number
from shared.fields import Line, WholeText

NAME_LENGTH_MAX = 50


PLACE_LENGTH_MAX = 60


IDS_MAX = 200


RELATIONS = ("spouse", "child", "parent", "grandparent", "other")


class Phone(Line):
    """A telephone number as people write it; digits alone inside."""

    default_error_messages = {"phone": "请填写正确的手机号码"}  # noqa: RUF012 - marshmallow's own protocol
    mobile_only = False

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(length_max=25, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        digits = read_mobile(text) if self.mobile_only else read_phone(text)
        if digits is None:
            raise self.make_error("phone")
        return digits


class Mobile(Phone):
    mobile_only = True


class VolunteerNumber(Line):
    """A whole volunteer number, whose check digit is right."""

    default_error_messages = {"number": "志愿者编号不对，请核对 12 位数字"}  # noqa: RUF012

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(length_max=LENGTH, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not is_volunteer_number(text):
            raise self.make_error("number")
        return text


def person_name(**kwargs: Any) -> Line:
    return Line(length_max=NAME_LENGTH_MAX, **kwargs)


def password_line() -> Line:
    return Line(length_max=PASSWORD_LENGTH_MAX, required=True)


def row_limit() -> WholeText:
    return WholeText(load_default=200, validate=validate.Range(min=1, max=200))


def id_list() -> DelimitedList:
    return DelimitedList(fields.UUID(), validate=validate.Length(min=1, max=IDS_MAX))
