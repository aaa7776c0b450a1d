"""Kinds of fields that the schemas of check-in share."""

from typing import Any

from marshmallow import fields, validate
from webargs.fields import DelimitedList

from shared.fields import WholeText

SITES_MAX = 50


SITE_NAME_MAX = 60


SCAN_MEMBERS_MAX = 10


PRESENCE_MAX = 50


NODES_MAX = 200


SIGN_UPS_MAX = 500
"""As many as one pasted list has lines."""


SIGNED_UP_MAX = 2000


TICKS_MAX = 50
"""As many as a phone sends at once when its network is back."""


def one_of(kind: Any) -> validate.OneOf:
    return validate.OneOf([member.value for member in kind])


def between(least: int, most: int) -> validate.Range:
    return validate.Range(min=least, max=most, error="应在 {min} 到 {max} 之间")


def row_limit() -> WholeText:
    return WholeText(load_default=50, validate=validate.Range(min=1, max=200))


def id_list(most: int) -> DelimitedList:
    text = {"description": f"Comma-separated, at most {most}"}
    return DelimitedList(fields.UUID(), required=True, validate=validate.Length(min=1, max=most), metadata=text)
