"""Routes of attendances."""

from typing import Any
from uuid import UUID

from services.checkin.api.routes import refuses, routes
from services.checkin.commands import activities, attendances
from services.checkin.queries import attendances as queries
from services.checkin.schemas.activities import ReasonSchema
from services.checkin.schemas.attendances import (
    AttendanceSchema,
    AttendancesQuerySchema,
    ConfirmedAllSchema,
    CorrectionSchema,
    LeaveAllSchema,
    LeftSchema,
    MemberAttendancesQuerySchema,
    NewAttendanceSchema,
    WaitingSchema,
)
from services.checkin.schemas.kinds import SIGNED_UP_MAX
from shared import web
from shared.principal import Role


@routes.route("/attendances", methods=["GET"])
@web.logged_in()
@routes.arguments(MemberAttendancesQuerySchema, location="query")
@routes.response(200, AttendanceSchema(many=True))
@refuses()
def list_attendances(query: dict[str, Any]) -> list[dict[str, Any]]:
    """A member's attendances, newest first."""
    return queries.list_attendances(web.caller(), **query)


@routes.route("/attendances/<uuid:attendance_id>", methods=["GET"])
@web.logged_in()
@routes.response(200, AttendanceSchema)
@refuses(404)
def get_attendance(attendance_id: UUID) -> dict[str, Any]:
    """One attendance: one's own, or for organizers and auditors one below their nodes."""
    return queries.get_attendance(web.caller(), attendance_id=attendance_id)


@routes.route("/activities/<uuid:activity_id>/attendances", methods=["GET"])
@web.holding(Role.ORGANIZER, Role.AUDITOR)
@routes.arguments(AttendancesQuerySchema, location="query")
@routes.response(200, AttendanceSchema(many=True))
@refuses(404)
def list_attendances_at(query: dict[str, Any], activity_id: UUID) -> list[dict[str, Any]]:
    """An activity's attendances, or those of one of its sites, in the order of arrival."""
    return queries.list_attendances_at(web.caller(), activity_id=activity_id, **query)


@routes.route("/activities/<uuid:activity_id>/waiting", methods=["GET"])
@web.holding(Role.ORGANIZER, Role.AUDITOR)
@routes.response(200, WaitingSchema)
@refuses(404)
def list_waiting(activity_id: UUID) -> queries.Waiting:
    """Who waits to be confirmed and stayed for less than the whole activity, the shortest first."""
    return queries.list_waiting(web.caller(), activity_id=activity_id, limit=SIGNED_UP_MAX)


@routes.route("/activities/<uuid:activity_id>/attendances", methods=["POST"])
@web.holding(Role.ORGANIZER)
@routes.arguments(NewAttendanceSchema)
@routes.response(201, AttendanceSchema)
@refuses(404, 409, 422)
def add_attendance(body: dict[str, Any], activity_id: UUID) -> dict[str, Any]:
    """Enter an attendance for a member; without `left_at` it stays open."""
    attendance_id = body.pop("id")
    attendances.add_attendance(web.caller(), activity_id=activity_id, attendance_id=attendance_id, **body)
    return queries.view(attendance_id)


@routes.route("/activities/<uuid:activity_id>/leave-all", methods=["POST"])
@web.logged_in()
@routes.arguments(LeaveAllSchema)
@routes.response(200, LeftSchema)
@refuses(404, 422)
def leave_all(body: dict[str, Any], activity_id: UUID) -> dict[str, int]:
    """Everybody leaves now, at one site or all; who leads sites says so there."""
    return {"left": activities.leave_all(web.caller(), activity_id=activity_id, **body)}


@routes.route("/activities/<uuid:activity_id>/confirm-all", methods=["POST"])
@web.holding(Role.ORGANIZER)
@routes.response(200, ConfirmedAllSchema)
@refuses(404)
def confirm_all(activity_id: UUID) -> attendances.ConfirmedAll:
    """Confirm all that wait; who was left out, and why, is listed."""
    return attendances.confirm_all(web.caller(), activity_id=activity_id)


@routes.route("/attendances/<uuid:attendance_id>/leave", methods=["POST"])
@web.holding(Role.ORGANIZER)
@routes.response(200, AttendanceSchema)
@refuses(404)
def leave_attendance(attendance_id: UUID) -> dict[str, Any]:
    """Sign one member out now."""
    attendances.leave_attendance(web.caller(), attendance_id=attendance_id)
    return queries.view(attendance_id)


@routes.route("/attendances/<uuid:attendance_id>/confirm", methods=["POST"])
@web.holding(Role.ORGANIZER)
@routes.response(200, AttendanceSchema)
@refuses(404, 422)
def confirm_attendance(attendance_id: UUID) -> dict[str, Any]:
    """Confirm one that waits."""
    attendances.confirm_attendance(web.caller(), attendance_id=attendance_id)
    return queries.view(attendance_id)


@routes.route("/attendances/<uuid:attendance_id>/reject", methods=["POST"])
@web.holding(Role.ORGANIZER)
@routes.arguments(ReasonSchema)
@routes.response(200, AttendanceSchema)
@refuses(404, 422)
def reject_attendance(body: dict[str, Any], attendance_id: UUID) -> dict[str, Any]:
    """Refuse one that waits."""
    attendances.reject_attendance(web.caller(), attendance_id=attendance_id, **body)
    return queries.view(attendance_id)


@routes.route("/attendances/<uuid:attendance_id>/annul", methods=["POST"])
@web.holding(Role.ORGANIZER)
@routes.arguments(ReasonSchema)
@routes.response(200, AttendanceSchema)
@refuses(404, 422)
def annul_attendance(body: dict[str, Any], attendance_id: UUID) -> dict[str, Any]:
    """Take a confirmed one back."""
    attendances.annul_attendance(web.caller(), attendance_id=attendance_id, **body)
    return queries.view(attendance_id)


@routes.route("/attendances/<uuid:attendance_id>/correct", methods=["POST"])
@web.holding(Role.ORGANIZER)
@routes.arguments(CorrectionSchema)
@routes.response(200, AttendanceSchema)
@refuses(404, 409, 422)
def correct_attendance(body: dict[str, Any], attendance_id: UUID) -> dict[str, Any]:
    """Put other times in place of the version that the organizer saw."""
    attendances.correct_attendance(web.caller(), attendance_id=attendance_id, **body)
    return queries.view(attendance_id)
