"""The public routes of check-in."""

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from flask import Response

from services.checkin import queries, schemas
from services.checkin.commands import activities, attendances, confirm_each, outside, scans, sign_ups
from services.checkin.domain import sign_up_lists
from services.checkin.store import Activity, ExportBatch
from services.checkin.store.activities import SiteDraft
from shared import http, web
from shared.principal import Role

routes = web.Routes("checkin", __name__, url_prefix="/api/v1/checkin")

View = TypeVar("View", bound=Callable[..., Any])


def refuses(*statuses: int) -> Callable[[View], View]:
    """Document the refusals of a route beside those that every route has."""

    def decorate(view: View) -> View:
        for status in (400, 401, 403, *statuses):
            view = routes.alt_response(status, schema=http.ProblemSchema)(view)
        return view

    return decorate


def _sites(body: dict[str, Any]) -> list[SiteDraft]:
    return [SiteDraft(**site) for site in body.pop("sites")]


@routes.route("/activities", methods=["GET"])
@web.logged_in()
@routes.arguments(schemas.ActivityQuerySchema, location="query")
@routes.response(200, schemas.ActivitySchema(many=True))
@refuses()
def list_activities(query: dict[str, Any]) -> list[Activity]:
    """Activities by start; drafts only for organizers of their station."""
    return queries.list_activities(web.caller(), **query)


@routes.route("/activities", methods=["POST"])
@web.holding(Role.ORGANIZER)
@routes.arguments(schemas.NewActivitySchema)
@routes.response(201, schemas.ActivitySchema)
@refuses(404, 409, 422)
def create_activity(body: dict[str, Any]) -> Activity:
    """Make a draft."""
    return activities.create_activity(web.caller(), activity_id=body.pop("id"), sites=_sites(body), **body)


@routes.route("/activities/<uuid:activity_id>", methods=["GET"])
@web.logged_in()
@routes.response(200, schemas.ActivitySchema)
@refuses(404)
def get_activity(activity_id: UUID) -> Activity:
    """One activity with its sites."""
    return queries.get_activity(web.caller(), activity_id=activity_id)


@routes.route("/activities/<uuid:activity_id>", methods=["PATCH"])
@web.holding(Role.ORGANIZER)
@routes.arguments(schemas.ChangedActivitySchema)
@routes.response(200, schemas.ActivitySchema)
@refuses(404, 409, 422)
def change_activity(body: dict[str, Any], activity_id: UUID) -> Activity:
    """Change some fields."""
    sites = _sites(body) if "sites" in body else None
    return activities.change_activity(web.caller(), activity_id=activity_id, sites=sites, changes=body)


@routes.route("/activities/<uuid:activity_id>/publish", methods=["POST"])
@web.holding(Role.ORGANIZER)
@routes.response(200, schemas.ActivitySchema)
@refuses(404, 422)
def publish_activity(activity_id: UUID) -> Activity:
    """Open it to scans."""
    return activities.publish_activity(web.caller(), activity_id=activity_id)


@routes.route("/activities/<uuid:activity_id>/postpone", methods=["POST"])
@web.holding(Role.ORGANIZER)
@routes.arguments(schemas.PostponementSchema)
@routes.response(200, schemas.ActivitySchema)
@refuses(404, 422)
def postpone_activity(body: dict[str, Any], activity_id: UUID) -> Activity:
    """Move it to new times; without times it is off until they are known."""
    return activities.postpone_activity(web.caller(), activity_id=activity_id, **body)


@routes.route("/activities/<uuid:activity_id>/cancel", methods=["POST"])
@web.holding(Role.ORGANIZER)
@routes.arguments(schemas.ReasonSchema)
@routes.response(200, schemas.ActivitySchema)
@refuses(404, 422)
def cancel_activity(body: dict[str, Any], activity_id: UUID) -> Activity:
    """Call it off; what was served waits to be confirmed."""
    return activities.cancel_activity(web.caller(), activity_id=activity_id, **body)


@routes.route("/activities/<uuid:activity_id>/close", methods=["POST"])
@web.holding(Role.ORGANIZER)
@routes.response(200, schemas.ActivitySchema)
@refuses(404, 422)
def close_activity(activity_id: UUID) -> Activity:
    """End it: no more scans; who is still there leaves now."""
    return activities.close_activity(web.caller(), activity_id=activity_id)


@routes.route("/activities/<uuid:activity_id>/codes", methods=["GET"])
@web.holding(Role.ORGANIZER)
@routes.arguments(schemas.CodesQuerySchema, location="query")
@routes.response(200, schemas.CodesSchema)
@refuses(404, 422)
def list_codes(query: dict[str, Any], activity_id: UUID) -> queries.Codes:
    """The codes of the coming minutes for one site and direction."""
    return queries.list_codes(web.caller(), activity_id=activity_id, **query)


@routes.route("/activities/<uuid:activity_id>/presence", methods=["GET"])
@web.holding(Role.ORGANIZER, Role.AUDITOR)
@routes.response(200, schemas.PresenceSchema)
@refuses(404)
def count_presence(activity_id: UUID) -> queries.Presence:
    """How many are there now."""
    return queries.count_presence(web.caller(), activity_id=activity_id)


@routes.route("/activities/presence", methods=["GET"])
@web.holding(Role.ORGANIZER, Role.AUDITOR)
@routes.arguments(schemas.PresenceQuerySchema, location="query")
@routes.response(200, schemas.PresenceSchema(many=True))
@refuses()
def list_presence(query: dict[str, Any]) -> list[queries.Presence]:
    """How many are at each of these activities; those the caller may not see are left out."""
    return queries.list_presence(web.caller(), **query)


@routes.route("/confirm-each", methods=["GET"])
@web.logged_in()
@routes.arguments(schemas.ConfirmEachQuerySchema, location="query")
@routes.response(200, schemas.ConfirmEachSchema(many=True))
@refuses()
def list_confirm_each(query: dict[str, Any]) -> Any:
    """At which of these nodes every attendance is confirmed by somebody."""
    return queries.list_confirm_each(**query)


@routes.route("/confirm-each/switches", methods=["GET"])
@web.holding(Role.STAFF)
@routes.arguments(schemas.ConfirmEachSwitchesQuerySchema, location="query")
@routes.response(200, schemas.ConfirmEachOfNodeSchema(many=True))
@refuses()
def list_switches(query: dict[str, Any]) -> Any:
    """The nodes for which the caller may switch it, each after the one it lies under."""
    return queries.list_switches(web.caller(), **query)


@routes.route("/confirm-each/<uuid:node_id>", methods=["PUT"])
@web.holding(Role.STAFF)
@routes.arguments(schemas.ConfirmEachSwitchSchema)
@routes.response(204)
@refuses(404)
def switch_confirm_each(body: dict[str, Any], node_id: UUID) -> None:
    """Switch it on or off for a node and all below it."""
    confirm_each.switch_confirm_each(web.caller(), node_id=node_id, **body)


@routes.route("/activities/<uuid:activity_id>/summary", methods=["PUT"])
@web.holding(Role.ORGANIZER)
@routes.arguments(schemas.SummarySchema)
@routes.response(200, schemas.ActivitySchema)
@refuses(404, 422)
def summarize_activity(body: dict[str, Any], activity_id: UUID) -> Activity:
    """Say in two lines what came of it, when it is over."""
    return activities.summarize_activity(web.caller(), activity_id=activity_id, **body)


@routes.route("/activities/<uuid:activity_id>/file", methods=["GET"])
@web.holding(Role.ORGANIZER, Role.AUDITOR)
@routes.response(200, schemas.FileSchema)
@refuses(404)
def get_file(activity_id: UUID) -> dict[str, Any]:
    """What is filed of an activity: its plan and its summary, and the sign-in sheet with who confirmed each line."""
    return queries.get_file(web.caller(), activity_id=activity_id)


@routes.route("/report", methods=["GET"])
@web.holding(Role.STAFF, Role.AUDITOR)
@routes.arguments(schemas.ReportQuerySchema, location="query")
@routes.response(200, schemas.ReportSchema)
@refuses(404, 422)
def report(query: dict[str, Any]) -> Any:
    """Activities, visits, persons and hours of a node and all below it, by category, month and place."""
    return queries.report(web.caller(), **query)


@routes.route("/scans", methods=["POST"])
@web.logged_in()
@routes.arguments(schemas.NewScanSchema)
@routes.response(200, schemas.OutcomesSchema)
@refuses(422)
def record_scans(body: dict[str, Any]) -> dict[str, Any] | Response:
    """Scan a place code for oneself and others of the same login; each is decided on its own.

    When nobody's scan was accepted the answer is a problem: its `code` is the first outcome, and
    `errors.outcomes` has them all.
    """
    receipts = scans.record_scans(web.caller(), **body)
    if any(receipt.outcome.accepted for receipt in receipts):
        return {"outcomes": receipts}
    refused = schemas.OutcomesSchema().dump({"outcomes": receipts})
    return http.problem(422, receipts[0].outcome.value, receipts[0].detail, field_errors=refused)


@routes.route("/attendances", methods=["GET"])
@web.logged_in()
@routes.arguments(schemas.MemberAttendancesQuerySchema, location="query")
@routes.response(200, schemas.AttendanceSchema(many=True))
@refuses()
def list_attendances(query: dict[str, Any]) -> list[dict[str, Any]]:
    """A member's attendances, newest first."""
    return queries.list_attendances(web.caller(), **query)


@routes.route("/attendances/<uuid:attendance_id>", methods=["GET"])
@web.logged_in()
@routes.response(200, schemas.AttendanceSchema)
@refuses(404)
def get_attendance(attendance_id: UUID) -> dict[str, Any]:
    """One attendance: one's own, or for organizers and auditors one below their nodes."""
    return queries.get_attendance(web.caller(), attendance_id=attendance_id)


@routes.route("/activities/<uuid:activity_id>/attendances", methods=["GET"])
@web.holding(Role.ORGANIZER, Role.AUDITOR)
@routes.arguments(schemas.AttendancesQuerySchema, location="query")
@routes.response(200, schemas.AttendanceSchema(many=True))
@refuses(404)
def list_attendances_at(query: dict[str, Any], activity_id: UUID) -> list[dict[str, Any]]:
    """An activity's attendances in the order of arrival."""
    return queries.list_attendances_at(web.caller(), activity_id=activity_id, **query)


@routes.route("/activities/<uuid:activity_id>/attendances", methods=["POST"])
@web.holding(Role.ORGANIZER)
@routes.arguments(schemas.NewAttendanceSchema)
@routes.response(201, schemas.AttendanceSchema)
@refuses(404, 409, 422)
def add_attendance(body: dict[str, Any], activity_id: UUID) -> dict[str, Any]:
    """Enter an attendance for a member; without `left_at` it stays open."""
    attendance_id = body.pop("id")
    attendances.add_attendance(web.caller(), activity_id=activity_id, attendance_id=attendance_id, **body)
    return queries.view(attendance_id)


@routes.route("/scans", methods=["GET"])
@web.logged_in()
@routes.arguments(schemas.MemberScansQuerySchema, location="query")
@routes.response(200, schemas.OwnScanSchema(many=True))
@refuses()
def list_own_scans(query: dict[str, Any]) -> list[dict[str, Any]]:
    """All scans of a member of mine, refused ones too, newest first."""
    return queries.list_own_scans(web.caller(), **query)


@routes.route("/activities/<uuid:activity_id>/scans", methods=["GET"])
@web.holding(Role.ORGANIZER, Role.AUDITOR)
@routes.arguments(schemas.ScansQuerySchema, location="query")
@routes.response(200, schemas.ScanSchema(many=True))
@refuses(404)
def list_scans(query: dict[str, Any], activity_id: UUID) -> list[dict[str, Any]]:
    """An activity's scans, newest first; with `refused=1` only those."""
    refused = query.pop("refused") == "1"
    return queries.list_scans(web.caller(), activity_id=activity_id, refused=refused, **query)


@routes.route("/activities/<uuid:activity_id>/leave-all", methods=["POST"])
@web.holding(Role.ORGANIZER)
@routes.arguments(schemas.LeaveAllSchema)
@routes.response(200, schemas.LeftSchema)
@refuses(404, 422)
def leave_all(body: dict[str, Any], activity_id: UUID) -> dict[str, int]:
    """Everybody leaves now, at one site or all."""
    return {"left": activities.leave_all(web.caller(), activity_id=activity_id, **body)}


@routes.route("/activities/<uuid:activity_id>/confirm-all", methods=["POST"])
@web.holding(Role.ORGANIZER)
@routes.response(200, schemas.ConfirmedAllSchema)
@refuses(404)
def confirm_all(activity_id: UUID) -> attendances.ConfirmedAll:
    """Confirm all that wait; who was left out, and why, is listed."""
    return attendances.confirm_all(web.caller(), activity_id=activity_id)


@routes.route("/attendances/<uuid:attendance_id>/leave", methods=["POST"])
@web.holding(Role.ORGANIZER)
@routes.response(200, schemas.AttendanceSchema)
@refuses(404)
def leave_attendance(attendance_id: UUID) -> dict[str, Any]:
    """Sign one member out now."""
    attendances.leave_attendance(web.caller(), attendance_id=attendance_id)
    return queries.view(attendance_id)


@routes.route("/attendances/<uuid:attendance_id>/confirm", methods=["POST"])
@web.holding(Role.ORGANIZER)
@routes.response(200, schemas.AttendanceSchema)
@refuses(404, 422)
def confirm_attendance(attendance_id: UUID) -> dict[str, Any]:
    """Confirm one that waits."""
    attendances.confirm_attendance(web.caller(), attendance_id=attendance_id)
    return queries.view(attendance_id)


@routes.route("/attendances/<uuid:attendance_id>/reject", methods=["POST"])
@web.holding(Role.ORGANIZER)
@routes.arguments(schemas.ReasonSchema)
@routes.response(200, schemas.AttendanceSchema)
@refuses(404, 422)
def reject_attendance(body: dict[str, Any], attendance_id: UUID) -> dict[str, Any]:
    """Refuse one that waits."""
    attendances.reject_attendance(web.caller(), attendance_id=attendance_id, **body)
    return queries.view(attendance_id)


@routes.route("/attendances/<uuid:attendance_id>/annul", methods=["POST"])
@web.holding(Role.ORGANIZER)
@routes.arguments(schemas.ReasonSchema)
@routes.response(200, schemas.AttendanceSchema)
@refuses(404, 422)
def annul_attendance(body: dict[str, Any], attendance_id: UUID) -> dict[str, Any]:
    """Take a confirmed one back."""
    attendances.annul_attendance(web.caller(), attendance_id=attendance_id, **body)
    return queries.view(attendance_id)


@routes.route("/attendances/<uuid:attendance_id>/correct", methods=["POST"])
@web.holding(Role.ORGANIZER)
@routes.arguments(schemas.CorrectionSchema)
@routes.response(200, schemas.AttendanceSchema)
@refuses(404, 409, 422)
def correct_attendance(body: dict[str, Any], attendance_id: UUID) -> dict[str, Any]:
    """Put other times in place of the version that the organizer saw."""
    attendances.correct_attendance(web.caller(), attendance_id=attendance_id, **body)
    return queries.view(attendance_id)


# --- Sign-ups -----------------------------------------------------------------------------------------


@routes.route("/sign-ups", methods=["GET"])
@web.logged_in()
@routes.arguments(schemas.SignUpsQuerySchema, location="query")
@routes.response(200, schemas.SignUpSchema(many=True))
@refuses()
def list_sign_ups(query: dict[str, Any]) -> list[dict[str, Any]]:
    """What my members are signed up for and is not over, by start; or at one activity, whenever it was."""
    return queries.list_sign_ups(web.caller(), **query)


@routes.route("/sign-ups/<uuid:sign_up_id>/cancel", methods=["POST"])
@web.logged_in()
@routes.response(204)
@refuses(404, 422)
def cancel_sign_up(sign_up_id: UUID) -> None:
    """Call off one's own, or for organizers anybody's."""
    sign_ups.cancel_sign_up(web.caller(), sign_up_id=sign_up_id)


@routes.route("/activities/<uuid:activity_id>/sign-ups", methods=["GET"])
@web.holding(Role.ORGANIZER, Role.AUDITOR)
@routes.arguments(schemas.SignedUpQuerySchema, location="query")
@routes.response(200, schemas.SignedUpSchema(many=True))
@refuses(404)
def list_signed_up(query: dict[str, Any], activity_id: UUID) -> list[dict[str, Any]]:
    """Who is signed up, in order, with who came; then who came without signing up."""
    return queries.list_signed_up(web.caller(), activity_id=activity_id, **query)


@routes.route("/activities/<uuid:activity_id>/sign-ups", methods=["POST"])
@web.logged_in()
@routes.arguments(schemas.NewSignUpsSchema)
@routes.response(200, schemas.SignUpReceiptsSchema)
@refuses(404, 422)
def sign_up(body: dict[str, Any], activity_id: UUID) -> dict[str, Any]:
    """Sign up one's own members, or for organizers anybody; each is decided on its own."""
    return {"sign_ups": sign_ups.sign_up(web.caller(), activity_id=activity_id, **body)}


@routes.route("/sign-up-lists/read", methods=["POST"])
@web.holding(Role.ORGANIZER)
@routes.arguments(schemas.ListTextSchema)
@routes.response(200, schemas.ListLineSchema(many=True))
@refuses()
def read_list(body: dict[str, Any]) -> list[sign_up_lists.Line]:
    """Read a pasted 接龙 list line by line. Nothing is kept, and nobody is looked up."""
    return sign_up_lists.read(body["text"])


@routes.route("/day", methods=["GET"])
@web.logged_in()
@routes.arguments(schemas.DayQuerySchema, location="query")
@routes.response(200, schemas.DaySchema)
@refuses()
def show_day(query: dict[str, Any]) -> queries.Day:
    """One member on one day: scans with refusals, attendances, who did what with them, what points is not told yet."""
    return queries.show_day(web.caller(), **query)


@routes.route("/outside-numbers", methods=["GET"])
@web.holding(Role.STAFF, Role.AUDITOR)
@routes.arguments(schemas.OutsideNumbersQuerySchema, location="query")
@routes.response(200, schemas.OutsideNumberSchema(many=True))
@refuses(404)
def list_outside_numbers(query: dict[str, Any]) -> Any:
    """Under which numbers other platforms know a member or an activity."""
    return queries.list_outside_numbers(web.caller(), **query)


@routes.route("/outside-numbers", methods=["PUT"])
@web.holding(Role.STAFF)
@routes.arguments(schemas.NewOutsideNumberSchema)
@routes.response(204)
@refuses(404, 409)
def set_outside_number(body: dict[str, Any]) -> None:
    """Enter such a number, or take it back."""
    outside.set_number(web.caller(), **body)


@routes.route("/batches", methods=["GET"])
@web.holding(Role.STAFF, Role.AUDITOR)
@routes.arguments(schemas.BatchesQuerySchema, location="query")
@routes.response(200, schemas.BatchSchema(many=True))
@refuses()
def list_batches(query: dict[str, Any]) -> list[ExportBatch]:
    """Batches of service records for other platforms, newest first."""
    return queries.list_batches(web.caller(), **query)


@routes.route("/batches", methods=["POST"])
@web.holding(Role.STAFF)
@routes.arguments(schemas.NewBatchSchema)
@routes.response(201, schemas.BatchSchema)
@refuses(404, 409, 422)
def make_batch(body: dict[str, Any]) -> ExportBatch:
    """Take what no batch of the platform has yet, and what was put right since."""
    return outside.make_batch(web.caller(), batch_id=body.pop("id"), **body)


@routes.route("/batches/<uuid:batch_id>", methods=["GET"])
@web.holding(Role.STAFF, Role.AUDITOR)
@routes.response(200, schemas.BatchSchema)
@refuses(404)
def get_batch(batch_id: UUID) -> ExportBatch:
    """One batch."""
    return queries.get_batch(web.caller(), batch_id=batch_id)


@routes.route("/batches/<uuid:batch_id>/records", methods=["GET"])
@web.holding(Role.STAFF, Role.AUDITOR)
@routes.arguments(schemas.BatchRecordsQuerySchema, location="query")
@routes.response(200, schemas.BatchRecordSchema(many=True))
@refuses(404)
def list_batch_records(query: dict[str, Any], batch_id: UUID) -> Any:
    """Its records, the same whenever they are asked for."""
    return queries.list_records(web.caller(), batch_id=batch_id, **query)


@routes.route("/batches/<uuid:batch_id>/left-out", methods=["GET"])
@web.holding(Role.STAFF, Role.AUDITOR)
@routes.response(200, schemas.LeftForLaterSchema(many=True))
@refuses(404)
def list_left_out(batch_id: UUID) -> Any:
    """Whose records of its node and span wait for a number of the platform, at most 200."""
    return queries.list_left_out(web.caller(), batch_id=batch_id)
