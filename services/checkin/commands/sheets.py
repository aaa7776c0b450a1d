"""Use case: an organizer, or who leads the site, types in a sign-in sheet that was kept on paper."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID, uuid5

from sqlalchemy.orm import Session

from services.checkin.commands.activities import sites_called
from services.checkin.commands.attendances import as_added, digest_of
from services.checkin.domain import activities, sheets
from services.checkin.domain.activities import ActivityInWrongState
from services.checkin.domain.attendances import Attendance
from services.checkin.domain.entering import Entry
from services.checkin.domain.roll import AS_SITE_LEADER
from services.checkin.domain.schedule import service_day
from services.checkin.domain.sheets import Outcome, Standing
from services.checkin.store import Activity
from services.checkin.store import activities as activity_store
from services.checkin.store import attendances as attendance_store
from services.checkin.store import sheets as store
from shared import audit, clock, copies
from shared.db import transactional
from shared.errors import Conflict
from shared.events import Evidence
from shared.principal import Principal


@dataclass(frozen=True, slots=True)
class LineReceipt:
    """What became of a line, and the attendance that it made or that stood there before."""

    member_id: UUID
    outcome: Outcome
    attendance: Attendance | None


@dataclass(frozen=True, slots=True)
class SheetReceipt:
    """`evidence`: what the sheet counts as when it is typed in now. The lines in their order."""

    evidence: Evidence
    lines: list[LineReceipt]


@transactional
def enter_sheet(
    tx: Session,
    caller: Principal,
    *,
    sheet_id: UUID,
    activity_id: UUID,
    site_id: UUID,
    lines: Sequence[sheets.Line],
    number: str | None = None,
    only_check: bool = False,
) -> SheetReceipt:
    """Take a sheet in, each line decided by itself; `only_check` writes nothing and says what would become of them.

    What is taken waits to be confirmed. The same sheet again, under whatever id, takes nothing twice. The number of
    statements does not depend on that of the lines. Who leads a site types in its sheet, and no other, until the end
    of the next day, without a role.
    """
    activity = activity_store.hold_activity(tx, activity_id)
    led = sites_called(caller, activity)
    activity_store.get_site(activity, site_id)
    sheets.require_called(site_id, led, activity.schedule, clock.now())
    if not activities.takes_records(activity.stands):
        raise ActivityInWrongState
    entries = [
        Entry(uuid5(sheet_id, line.member_id.hex), activity_id, site_id, line.member_id, line.arrived_at, line.left_at)
        for line in lines
    ]
    receipts, new = _judge(tx, caller, activity, entries)
    if not only_check:
        named = {"title": activity.title} | ({"number": number} if number else {})
        numbers = {entry.attendance_id: line.number for entry, line in zip(entries, lines, strict=True)}
        about = named | ({} if led is None else {"as": AS_SITE_LEADER})
        _write(tx, caller, activity, about, receipts, new, numbers)
    if led is not None:
        receipts = [_without_other_sites(receipt, site_id) for receipt in receipts]
    in_time = activity.schedule.counts_as_entered_in_time(clock.now())
    return SheetReceipt(Evidence.ORGANIZER if in_time else Evidence.ENTERED_LATER, receipts)


def _without_other_sites(receipt: LineReceipt, site_id: UUID) -> LineReceipt:
    """The same without where somebody was else, which is not a leader's to know."""
    stands = receipt.attendance
    return receipt if stands is None or stands.site_id == site_id else replace(receipt, attendance=None)


def _judge(
    tx: Session, caller: Principal, activity: Activity, entries: Sequence[Entry]
) -> tuple[list[LineReceipt], list[Attendance]]:
    """A receipt for each line, and the attendances that are new."""
    now, schedule = clock.now(), activity.schedule
    wanted = list({entry.member_id for entry in entries})
    cards = copies.find_cards(tx, wanted)
    activity_store.lock_each(tx, wanted)
    merged = copies.merged_into(tx, wanted)
    pairs = store.list_pairs(tx, activity.id, wanted, merged)
    days = {service_day(entry.arrived_at) for entry in entries}
    counts = attendance_store.count_pairs(tx, wanted, merged, days)
    receipts: list[LineReceipt] = []
    new: list[Attendance] = []
    seen: set[UUID] = set()
    for entry in entries:
        member_id = entry.member_id
        if member_id in seen:
            receipts.append(LineReceipt(member_id, Outcome.TWICE, None))
            continue
        seen.add(member_id)
        card = cards.get(member_id)
        standing = Standing(
            is_active=card is not None and card.status == "active",
            is_own_case=caller.is_own_case(member_id, None if card is None else card.household_id),
            pairs=pairs.get(member_id, ()),
            pairs_of_day=counts[member_id, service_day(entry.arrived_at)],
        )
        outcome, attendance = sheets.judge(entry, standing, activity.stands, schedule, now)
        receipts.append(LineReceipt(member_id, outcome, attendance))
        if outcome is Outcome.TAKEN and attendance is not None and attendance not in standing.pairs:
            new.append(attendance)
    return receipts, new


def _write(
    tx: Session,
    caller: Principal,
    activity: Activity,
    about: Mapping[str, str],
    receipts: Sequence[LineReceipt],
    new: Sequence[Attendance],
    numbers: Mapping[UUID, int | None],
) -> None:
    """`numbers`: of which line of the paper an attendance is, which tells a later typing of it who was meant."""
    if new:
        if len(attendance_store.add_several(tx, [(pair, _digest(pair)) for pair in new])) < len(new):
            raise Conflict
        attendance_store.mark_overlapping(tx, [pair.id for pair in new if pair.left_at is not None])
        lines = {pair_id: {"line": number} for pair_id, number in numbers.items() if number is not None}
        details = {pair.id: {**about, **as_added(pair), **lines.get(pair.id, {})} for pair in new}
        audit.add_each(tx, caller, "attendance.add", "attendance", details, path=activity.path)
        added = {**about, "added": len(new)}
        audit.add(tx, caller, "sheet.enter", "activity", activity.id, path=activity.path, detail=added)
    tried = {**about, "tried": "attendance.add"}
    own = {one.member_id: tried for one in receipts if one.outcome is Outcome.OWN_CASE}
    audit.add_own_cases(tx, caller, "sheet.refuse_own", own, path=activity.path)


def _digest(pair: Attendance) -> str:
    return digest_of(pair.activity_id, pair.member_id, pair.site_id, pair.arrived_at, pair.left_at)
