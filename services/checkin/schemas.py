"""The wire of check-in."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema
from webargs.fields import DelimitedList

from services.checkin.domain.activities import State as ActivityState
from services.checkin.domain.admission import Outcome, Why
from services.checkin.domain.attendances import Mark, State, Status
from services.checkin.domain.codes import MINUTES_MAX, Direction
from services.checkin.domain.outside import NUMBER_LENGTH_MAX, Platform
from services.checkin.domain.outside import Kind as OutsideKind
from services.checkin.domain.reports import Tree
from services.checkin.domain.sign_up_lists import TEXT_MAX, Reading
from services.checkin.domain.sign_ups import Outcome as SignUpOutcome
from shared.categories import NAMES
from shared.events import Evidence
from shared.fields import Day, Instant, Line, Paragraphs, Whole, WholeText, Wire, YesNo

SITES_MAX = 50
SCAN_MEMBERS_MAX = 10
PRESENCE_MAX = 50
NODES_MAX = 200
SIGN_UPS_MAX = 500
"""As many as one pasted list has lines."""
SIGNED_UP_MAX = 2000


def _one_of(kind: Any) -> validate.OneOf:
    return validate.OneOf([member.value for member in kind])


def _between(least: int, most: int) -> validate.Range:
    return validate.Range(min=least, max=most, error="应在 {min} 到 {max} 之间")


def _limit() -> WholeText:
    return WholeText(load_default=50, validate=validate.Range(min=1, max=200))


def _ids(most: int) -> DelimitedList:
    text = {"description": f"Comma-separated, at most {most}"}
    return DelimitedList(fields.UUID(), required=True, validate=validate.Length(min=1, max=most), metadata=text)


class SiteSchema(Wire):
    id = fields.UUID(required=True)
    name = Line(length_max=60, required=True)
    place = Line(length_max=120, required=True)
    leader_member_id = fields.UUID(allow_none=True, load_default=None)


def _activity_fields(*, required: bool) -> dict[str, fields.Field[Any]]:
    def default(value: Any) -> dict[str, Any]:
        return {"load_default": value} if required else {}

    return {
        "title": Line(length_max=80, required=required),
        "category": fields.String(required=required, validate=validate.OneOf(list(NAMES))),
        "station_id": fields.UUID(required=required),
        "place": Line(length_max=120, required=required),
        "starts_at": Instant(required=required),
        "ends_at": Instant(required=required),
        "window_before_minutes": Whole(**default(60), validate=_between(0, 240)),
        "capacity": Whole(**default(None), allow_none=True, validate=_between(1, 100_000)),
        "confirm_each": YesNo(**default(False)),
        "sites": fields.List(
            fields.Nested(SiteSchema), required=required, validate=validate.Length(min=1, max=SITES_MAX)
        ),
    }


class NewActivitySchema(Wire.from_dict(_activity_fields(required=True), name="NewActivityFields")):  # type: ignore[misc]
    id = fields.UUID(required=True, metadata={"description": "Made by the client; a repeated post is one activity."})


class ChangedActivitySchema(Wire.from_dict(_activity_fields(required=False), name="ChangedActivityFields")):  # type: ignore[misc]
    """Only what is to change. `sites` is the whole list."""


class ActivitySchema(NewActivitySchema):
    state = fields.String(required=True, validate=_one_of(ActivityState))
    reason = fields.String(required=True, allow_none=True)
    ended_at = Instant(
        required=True, allow_none=True, metadata={"description": "When it was closed or cancelled, if it was"}
    )
    station_name = fields.String(required=True, allow_none=True)
    arrival_opens_at = Instant(required=True)
    departure_closes_at = Instant(required=True)
    summary = fields.String(required=True, allow_none=True, metadata={"description": "What to say of it afterwards"})
    created_by = fields.UUID(required=True, allow_none=True)
    signed_up = fields.Integer(required=True, metadata={"description": "How many; more than `capacity` are welcome"})


class ActivityQuerySchema(Wire):
    station_id = fields.UUID(metadata={"description": "This node and all below it"})
    from_ = Instant(data_key="from", metadata={"description": "Only those that end at this moment or later"})
    to = Instant(metadata={"description": "Only those that start before this moment"})
    state = DelimitedList(
        fields.String(validate=_one_of(ActivityState)),
        validate=validate.Length(min=1, max=len(ActivityState)),
        metadata={"description": "Only those in one of these states, comma-separated"},
    )
    order = fields.String(load_default="oldest", validate=validate.OneOf(["oldest", "newest"]))
    after = fields.UUID(metadata={"description": "The last activity of the page before, in the same order"})
    limit = _limit()


class PostponementSchema(Wire):
    """Both times, or none when they are not known yet."""

    starts_at = Instant()
    ends_at = Instant()

    @validates_schema
    def _both_or_none(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if len(data) == 1:
            raise ValidationError("开始和结束时间要一起填", "ends_at" if "starts_at" in data else "starts_at")


class ReasonSchema(Wire):
    reason = Paragraphs(length_max=500, required=True)


class CodesQuerySchema(Wire):
    site_id = fields.UUID(required=True)
    direction = fields.String(required=True, validate=_one_of(Direction))
    minutes = WholeText(load_default=2, validate=validate.Range(min=1, max=MINUTES_MAX))


class CodeSchema(Wire):
    step = fields.Integer(required=True)
    url = fields.String(required=True)
    shown_from = Instant(required=True)
    shown_until = Instant(required=True)


class CodesSchema(Wire):
    server_now = Instant(required=True)
    step_s = fields.Integer(required=True)
    codes = fields.List(fields.Nested(CodeSchema), required=True)


class PresenceQuerySchema(Wire):
    ids = _ids(PRESENCE_MAX)


class PresenceSchema(Wire):
    activity_id = fields.UUID(required=True)
    state = fields.String(
        required=True, validate=_one_of(ActivityState), metadata={"description": "Of the activity; codes end with it"}
    )
    present = fields.Integer(required=True)
    arrived = fields.Integer(required=True)
    left = fields.Integer(required=True)
    waiting = fields.Integer(required=True)
    surplus = fields.Integer(required=True)


class ConfirmEachQuerySchema(Wire):
    node_ids = _ids(NODES_MAX)


class ConfirmEachSchema(Wire):
    node_id = fields.UUID(required=True)
    on = fields.Boolean(required=True, attribute="is_on", metadata={"description": "Here and below"})
    above = fields.Boolean(
        required=True, attribute="is_on_above", metadata={"description": "By a node above, whatever stands here"}
    )


class ConfirmEachSwitchesQuerySchema(Wire):
    after = fields.UUID(metadata={"description": "Only nodes that come after this one"})
    limit = _limit()


class ConfirmEachOfNodeSchema(ConfirmEachSchema):
    name = fields.String(required=True)
    level = fields.String(required=True)
    parent_name = fields.String(required=True, allow_none=True)


class ConfirmEachSwitchSchema(Wire):
    on = YesNo(required=True)


class NewScanSchema(Wire):
    code = Line(length_max=300, required=True, metadata={"description": "The code's text, or the URL it stands in"})
    member_ids = fields.List(fields.UUID(), required=True, validate=validate.Length(min=1, max=SCAN_MEMBERS_MAX))


class WindowSchema(Wire):
    opens_at = Instant(required=True)
    closes_at = Instant(required=True)


class OutcomeSchema(Wire):
    member_id = fields.UUID(required=True)
    outcome = fields.String(required=True, validate=_one_of(Outcome))
    detail = fields.String(required=True)
    why = fields.String(required=True, allow_none=True, validate=_one_of(Why))
    marks = fields.List(fields.String(validate=_one_of(Mark)), required=True)
    waits = fields.Boolean(required=True, metadata={"description": "Somebody must nod before it counts"})
    direction = fields.String(required=True, allow_none=True, validate=_one_of(Direction))
    at = Instant(required=True)
    attendance_id = fields.UUID(required=True, allow_none=True)
    activity_id = fields.UUID(required=True, allow_none=True)
    title = fields.String(required=True, allow_none=True)
    window = fields.Nested(WindowSchema, required=True, allow_none=True)
    reason = fields.String(
        required=True, allow_none=True, metadata={"description": "Why the activity was called off, if it was"}
    )


class OutcomesSchema(Wire):
    outcomes = fields.List(fields.Nested(OutcomeSchema), required=True)


class MemberAttendancesQuerySchema(Wire):
    member_id = fields.UUID(required=True)
    before = fields.UUID(metadata={"description": "The last attendance of the page before"})
    limit = _limit()


class AttendancesQuerySchema(Wire):
    state = fields.String(validate=_one_of(State))
    after = fields.UUID(metadata={"description": "The last attendance of the page before"})
    limit = _limit()


class MemberScansQuerySchema(Wire):
    member_id = fields.UUID(required=True)
    before = fields.UUID(metadata={"description": "The last scan of the page before"})
    limit = _limit()


class ScansQuerySchema(Wire):
    refused = fields.String(load_default="0", validate=validate.OneOf(["0", "1"]))
    before = fields.UUID(metadata={"description": "The last scan of the page before"})
    limit = _limit()


class AttendanceSchema(Wire):
    id = fields.UUID(required=True)
    activity_id = fields.UUID(required=True)
    title = fields.String(required=True)
    category = fields.String(required=True)
    station_id = fields.UUID(required=True)
    station_name = fields.String(required=True, allow_none=True)
    site_id = fields.UUID(required=True)
    site_name = fields.String(required=True)
    member_id = fields.UUID(required=True)
    pair = fields.Integer(required=True)
    state = fields.String(required=True, validate=_one_of(State))
    status = fields.String(required=True, validate=_one_of(Status))
    version = fields.Integer(required=True)
    service_day = fields.Date(required=True)
    arrived_at = Instant(required=True)
    left_at = Instant(required=True, allow_none=True)
    minutes = fields.Integer(required=True, allow_none=True)
    activity_starts_at = Instant(required=True)
    activity_ends_at = Instant(required=True)
    evidence = fields.String(required=True, validate=_one_of(Evidence))
    marks = fields.List(fields.String(validate=_one_of(Mark)), required=True)
    reason = fields.String(required=True, allow_none=True)
    automatic_departure = fields.Boolean(required=True)


class ScanSchema(Wire):
    id = fields.UUID(required=True)
    member_id = fields.UUID(required=True)
    site_id = fields.UUID(required=True, allow_none=True)
    direction = fields.String(required=True, allow_none=True, validate=_one_of(Direction))
    at = Instant(required=True)
    received_at = Instant(required=True)
    outcome = fields.String(required=True, validate=_one_of(Outcome))
    detail = fields.String(required=True)
    why = fields.String(required=True, allow_none=True, validate=_one_of(Why))
    marks = fields.List(fields.String(validate=_one_of(Mark)), required=True)
    waits = fields.Boolean(required=True)
    attendance_id = fields.UUID(required=True, allow_none=True)
    code_digest = fields.String(
        required=True, allow_none=True, metadata={"description": "The same wherever the same code was read"}
    )
    code_readers = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "How many members that code was read for at this activity, in vain or not"},
    )


class OwnScanSchema(ScanSchema):
    activity_id = fields.UUID(required=True, allow_none=True)

    class Meta:
        exclude = ("code_digest", "code_readers")


class NewAttendanceSchema(Wire):
    id = fields.UUID(required=True, metadata={"description": "Made by the client; a repeated post is one attendance."})
    member_id = fields.UUID(required=True)
    site_id = fields.UUID(required=True)
    arrived_at = Instant(required=True)
    left_at = Instant(allow_none=True, load_default=None)


class CorrectionSchema(Wire):
    version = Whole(required=True, validate=validate.Range(min=0, max=1_000_000))
    arrived_at = Instant(required=True)
    left_at = Instant(required=True)
    reason = Paragraphs(length_max=500, required=True)


class LeaveAllSchema(Wire):
    site_id = fields.UUID()


class LeftSchema(Wire):
    left = fields.Integer(required=True)


class LeftOutSchema(Wire):
    attendance_id = fields.UUID(required=True)
    member_id = fields.UUID(required=True)
    reason = fields.String(required=True, validate=validate.OneOf(["open", "own_case", "overlapping"]))


class ConfirmedAllSchema(Wire):
    confirmed = fields.Integer(required=True)
    left_out = fields.List(fields.Nested(LeftOutSchema), required=True)


# --- Sign-ups -----------------------------------------------------------------------------------------


class NewSignUpsSchema(Wire):
    id = fields.UUID(
        required=True,
        attribute="request_id",
        metadata={"description": "Made by the client; a repeated post signs up nobody again."},
    )
    member_ids = fields.List(fields.UUID(), required=True, validate=validate.Length(min=1, max=SIGN_UPS_MAX))
    site_id = fields.UUID(allow_none=True, load_default=None)
    from_list = YesNo(load_default=False, metadata={"description": "They stood on a pasted list; for organizers"})


class SignUpReceiptSchema(Wire):
    member_id = fields.UUID(required=True)
    outcome = fields.String(required=True, validate=_one_of(SignUpOutcome))
    id = fields.UUID(required=True, allow_none=True)
    place = fields.Integer(required=True, allow_none=True, metadata={"description": "In the order of sign-ups, from 1"})
    is_beyond = fields.Boolean(required=True, metadata={"description": "Beyond `capacity`; welcome all the same"})


class SignUpReceiptsSchema(Wire):
    sign_ups = fields.List(fields.Nested(SignUpReceiptSchema), required=True)


class SignedUpQuerySchema(Wire):
    limit = WholeText(load_default=SIGNED_UP_MAX, validate=validate.Range(min=1, max=SIGNED_UP_MAX))


class SignedUpSchema(Wire):
    """Somebody who is signed up or came; without `id`, `at` and `place` who came without signing up."""

    id = fields.UUID(required=True, allow_none=True)
    member_id = fields.UUID(required=True)
    site_id = fields.UUID(required=True, allow_none=True, metadata={"description": "Where they came, else meant to"})
    at = Instant(required=True, allow_none=True)
    by_member_id = fields.UUID(required=True, allow_none=True)
    list_id = fields.UUID(required=True, allow_none=True)
    place = fields.Integer(required=True, allow_none=True)
    is_beyond = fields.Boolean(required=True)
    came = fields.Boolean(required=True)
    is_there = fields.Boolean(required=True)


class SignUpsQuerySchema(Wire):
    member_ids = _ids(SCAN_MEMBERS_MAX)
    activity_id = fields.UUID(metadata={"description": "Only at this one, also when it is over"})
    limit = _limit()


class SignUpSchema(Wire):
    id = fields.UUID(required=True)
    activity_id = fields.UUID(required=True)
    member_id = fields.UUID(required=True)
    site_id = fields.UUID(required=True, allow_none=True)
    site_name = fields.String(required=True, allow_none=True)
    at = Instant(required=True)
    place = fields.Integer(required=True)
    is_beyond = fields.Boolean(required=True)
    title = fields.String(required=True)
    starts_at = Instant(required=True)
    ends_at = Instant(required=True)
    activity_place = fields.String(required=True)
    station_name = fields.String(required=True, allow_none=True)
    state = fields.String(required=True, validate=_one_of(ActivityState))
    reason = fields.String(required=True, allow_none=True)


class ListTextSchema(Wire):
    text = Paragraphs(length_max=TEXT_MAX, required=True, metadata={"description": "Emoji may stand in it"})


class ListLineSchema(Wire):
    number = fields.Integer(required=True)
    text = fields.String(required=True)
    reading = fields.String(required=True, validate=_one_of(Reading))
    name = fields.String(required=True)
    phone = fields.String(required=True, allow_none=True)
    place = fields.String(required=True)
    note = fields.String(required=True)
    companions = fields.Integer(required=True)


class DayQuerySchema(Wire):
    member_id = fields.UUID(required=True)
    day = Day(required=True, metadata={"description": "In Shanghai"})


class ScanOfDaySchema(Wire):
    id = fields.UUID(required=True)
    activity_id = fields.UUID(required=True, allow_none=True)
    title = fields.String(required=True, allow_none=True)
    station_name = fields.String(required=True, allow_none=True)
    site_name = fields.String(required=True, allow_none=True)
    direction = fields.String(required=True, allow_none=True, validate=_one_of(Direction))
    at = Instant(required=True, metadata={"description": "When the code was read"})
    received_at = Instant(required=True)
    outcome = fields.String(required=True, validate=_one_of(Outcome))
    detail = fields.String(required=True, metadata={"description": "What the member was told"})
    why = fields.String(required=True, allow_none=True, validate=_one_of(Why))
    marks = fields.List(fields.String(validate=_one_of(Mark)), required=True)
    waits = fields.Boolean(required=True)
    attendance_id = fields.UUID(required=True, allow_none=True)


class ActOfDaySchema(Wire):
    id = fields.UUID(required=True)
    at = Instant(required=True)
    attendance_id = fields.UUID(required=True)
    action = fields.String(required=True)
    by_member_id = fields.UUID(required=True, allow_none=True)
    detail = fields.Dict(required=True)


class OnItsWaySchema(Wire):
    attendance_id = fields.UUID(required=True)
    version = fields.Integer(required=True)
    created_at = Instant(required=True)
    attempts = fields.Integer(required=True)
    dead_at = Instant(required=True, allow_none=True, metadata={"description": "When it was given up, if it was"})


class DaySchema(Wire):
    member_id = fields.UUID(required=True)
    day = fields.Date(required=True)
    name_masked = fields.String(required=True, allow_none=True)
    station_name = fields.String(required=True, allow_none=True, metadata={"description": "The member's home"})
    is_whole = fields.Boolean(
        required=True, metadata={"description": "false: only what happened where the caller has a role"}
    )
    scans = fields.List(fields.Nested(ScanOfDaySchema), required=True)
    attendances = fields.List(fields.Nested(AttendanceSchema), required=True)
    acts = fields.List(fields.Nested(ActOfDaySchema), required=True)
    on_their_way = fields.List(fields.Nested(OnItsWaySchema), required=True)


BATCH_LINES_MAX = 5000


class OutsideNumbersQuerySchema(Wire):
    kind = fields.String(required=True, validate=_one_of(OutsideKind))
    subject_id = fields.UUID(required=True)


class OutsideNumberSchema(Wire):
    platform = fields.String(required=True, validate=_one_of(Platform))
    number = fields.String(required=True)


class NewOutsideNumberSchema(OutsideNumbersQuerySchema):
    platform = fields.String(required=True, validate=_one_of(Platform))
    number = Line(length_max=NUMBER_LENGTH_MAX, required=True, allow_none=True)


class NewBatchSchema(Wire):
    id = fields.UUID(required=True, metadata={"description": "Made by the client; a repeated post is one batch."})
    platform = fields.String(required=True, validate=_one_of(Platform))
    node_id = fields.UUID(required=True, metadata={"description": "This node and all below it"})
    from_day = Day(required=True)
    to_day = Day(required=True, metadata={"description": "Included"})


class BatchSchema(Wire):
    id = fields.UUID(required=True)
    platform = fields.String(required=True, validate=_one_of(Platform))
    number = fields.Integer(required=True, metadata={"description": "Of the platform's batches"})
    node_id = fields.UUID(required=True)
    node_name = fields.String(required=True)
    from_day = fields.Date(required=True)
    to_day = fields.Date(required=True)
    records = fields.Integer(required=True)
    made_at = Instant(required=True)
    made_by = fields.UUID(required=True, allow_none=True)


class BatchesQuerySchema(Wire):
    after = fields.UUID(metadata={"description": "The last batch of the page before"})
    limit = _limit()


class BatchRecordsQuerySchema(Wire):
    after = WholeText(load_default=0, metadata={"description": "The last line of the page before"})
    limit = WholeText(load_default=50, validate=validate.Range(min=1, max=BATCH_LINES_MAX))


class BatchRecordSchema(Wire):
    line = fields.Integer(required=True)
    attendance_id = fields.UUID(required=True)
    version = fields.Integer(required=True)
    corrects_number = fields.Integer(
        required=True, allow_none=True, metadata={"description": "The batch it came in first, when it is a correction"}
    )
    counts = fields.Boolean(required=True, metadata={"description": "false: annulled since"})
    member_number = fields.String(required=True, metadata={"description": "On the platform"})
    volunteer_number = fields.String(required=True)
    name_masked = fields.String(required=True)
    activity_number = fields.String(required=True, allow_none=True, metadata={"description": "On the platform"})
    title = fields.String(required=True)
    category = fields.String(required=True)
    place = fields.String(required=True)
    station_name = fields.String(required=True)
    service_day = fields.Date(required=True)
    started_at = Instant(required=True)
    ended_at = Instant(required=True)
    minutes = fields.Integer(required=True)
    evidence = fields.String(required=True, validate=_one_of(Evidence))


class LeftForLaterSchema(Wire):
    member_id = fields.UUID(required=True)
    name_masked = fields.String(required=True)
    records = fields.Integer(required=True)


# --- Reports ---------------------------------------------------------------------------------------------


class ReportQuerySchema(Wire):
    node_id = fields.UUID(metadata={"description": "This node and all below it; without it, everything"})
    from_ = Day(required=True, data_key="from", metadata={"description": "The first day of service"})
    to = Day(required=True, metadata={"description": "The last one"})
    category = fields.String(validate=validate.OneOf(list(NAMES)))
    tree = fields.String(
        load_default=Tree.NOW.value,
        validate=_one_of(Tree),
        metadata={"description": "Places as the tree is now, or as it was on the day of service"},
    )


class FiguresSchema(Wire):
    activities = fields.Integer(
        required=True, metadata={"description": "场次: those at which somebody's service counts"}
    )
    visits = fields.Integer(required=True, metadata={"description": "人次: a member at an activity"})
    persons = fields.Integer(
        required=True, metadata={"description": "人数: distinct; parts do not add up to the whole"}
    )
    minutes = fields.Integer(required=True)
    waiting = fields.Integer(required=True, metadata={"description": "Records not confirmed yet, not in the others"})


class FiguresOfCategorySchema(FiguresSchema):
    category = fields.String(required=True)


class FiguresOfMonthSchema(FiguresSchema):
    month = fields.String(required=True)


class FiguresOfNodeSchema(FiguresSchema):
    node_id = fields.UUID(required=True, allow_none=True)
    name = fields.String(required=True, allow_none=True)


class ReportSchema(Wire):
    node_id = fields.UUID(required=True, allow_none=True)
    from_day = fields.Date(required=True)
    to_day = fields.Date(required=True)
    tree = fields.String(required=True, attribute="tree.value", validate=_one_of(Tree))
    complete_until = fields.Date(
        required=True, allow_none=True, metadata={"description": "No confirmation can change the days up to this one"}
    )
    total = fields.Nested(FiguresSchema, required=True)
    categories = fields.List(fields.Nested(FiguresOfCategorySchema), required=True)
    months = fields.List(fields.Nested(FiguresOfMonthSchema), required=True)
    nodes = fields.List(fields.Nested(FiguresOfNodeSchema), required=True)


# --- The file of an activity -----------------------------------------------------------------------------


class SummarySchema(Wire):
    summary = Paragraphs(length_max=300, required=True)


class LineSchema(Wire):
    id = fields.UUID(required=True)
    member_id = fields.UUID(required=True)
    site_name = fields.String(required=True)
    state = fields.String(required=True, validate=_one_of(State))
    arrived_at = Instant(required=True)
    left_at = Instant(required=True, allow_none=True)
    minutes = fields.Integer(required=True, allow_none=True)
    evidence = fields.String(required=True, validate=_one_of(Evidence))
    automatic_departure = fields.Boolean(required=True)
    confirmed_by = fields.UUID(
        required=True, allow_none=True, metadata={"description": "The member who confirmed it; none for own scans"}
    )
    confirmed_at = Instant(required=True, allow_none=True)


class FileSchema(Wire):
    activity = fields.Nested(ActivitySchema, required=True)
    lines = fields.List(fields.Nested(LineSchema), required=True)
