"""Newcomers on the wire: signed in by an organizer."""

from marshmallow import fields

from shared.fields import Wire


class NewcomerSchema(Wire):
    id = fields.UUID(
        required=True,
        attribute="attendance_id",
        metadata={"description": "Made by the client; a repeated post is one attendance."},
    )
    member_id = fields.UUID(required=True)
    site_id = fields.UUID(required=True)
