"""What holds only between two services, so that only a tool which may look into both can see it.

What is on its way is read first: so nothing that arrives meanwhile is taken for lost.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from devtools.verify.town import Town
from services.members.domain.places import spells
from services.members.store.imports import Content
from services.members.store.keys import keys
from services.rewards.queries import verify as redemptions
from shared import clock

# --- Between check-in and points ------------------------------------------------------------------------

_ATTENDANCES = """
    SELECT attendance.id, attendance.state, version, member_id, activity_id, station_id, category, service_day,
        evidence, CASE WHEN attendance.state = 'annulled' THEN 0 ELSE minutes END AS minutes,
        CASE WHEN attendance.state <> 'annulled' THEN
            sum(minutes) FILTER (WHERE attendance.state <> 'annulled') OVER (PARTITION BY activity_id, member_id)
        END AS minutes_together, attendance.state = 'annulled' AS annulled,
        CASE WHEN attendance.state <> 'annulled' THEN greatest(1, CAST(floor(extract(
            epoch FROM greatest(starts_at, least(ends_at, coalesce(ended_at, ends_at))) - starts_at
        ) / 60) AS integer)) END AS activity_minutes,
        CASE WHEN attendance.state <> 'annulled' THEN minutes > 0 AND 1 = row_number() OVER (
            PARTITION BY activity_id, member_id
            ORDER BY attendance.state = 'annulled', minutes = 0,
                array_position(ARRAY['own_scan', 'organizer', 'entered_later'], evidence), arrived_at, attendance.id
        ) END AS carries_visit
    FROM attendance JOIN activity ON activity.id = activity_id WHERE version > 0
"""
_OUTCOMES = """
    SELECT DISTINCT ON (attendance_id) attendance_id, version, member_id, activity_id, station_id, category,
        service_day, evidence, minutes, award_version, state = 'annulled' AS annulled,
        CASE WHEN state <> 'annulled' THEN minutes_together END AS minutes_together,
        CASE WHEN state <> 'annulled' THEN activity_minutes END AS activity_minutes,
        CASE WHEN state <> 'annulled' THEN carries_visit END AS carries_visit,
        state <> 'annulled' AND carries_visit IS NULL AS is_from_before_visits
    FROM outcome ORDER BY attendance_id, version DESC
"""
_ALIKE = (
    "member_id", "activity_id", "station_id", "category", "service_day", "evidence", "minutes", "minutes_together",
    "annulled", "activity_minutes", "carries_visit",
)  # fmt: skip


def find_unsettled(town: Town) -> Iterator[str]:
    """Attendances whose newest version points do not know, or know otherwise than check-in."""
    on_their_way = town.undelivered("checkin", "AttendanceSettled", "attendance_id")
    booked = {row.attendance_id: row for row in town.rows("points", _OUTCOMES)}
    for attendance in town.rows("checkin", _ATTENDANCES):
        if str(attendance.id) in on_their_way:
            continue
        outcome = booked.get(attendance.id)
        version = None if outcome is None else outcome.version
        if version is None or version < attendance.version:
            yield (
                f"attendance {attendance.id} is {attendance.state} as version {attendance.version},"
                f" points know {version}"
            )
        elif version == attendance.version and (unlike := _unlike(attendance, outcome)):
            yield f"attendance {attendance.id}: points booked another {unlike}"


def _unlike(attendance: Any, outcome: Any) -> str:
    """What the two say differently. Who carried a visit was not said before ADR 34; and of members without a minute an
    activity that ended early is not told anew.
    """
    left_out = {"carries_visit"} if outcome.is_from_before_visits else set()
    if not attendance.minutes_together:
        left_out.add("activity_minutes")
    names = (name for name in _ALIKE if name not in left_out)
    return ", ".join(name for name in names if getattr(attendance, name) != getattr(outcome, name))


def find_unfounded_awards(town: Town) -> Iterator[str]:
    """Outcomes of what check-in never confirmed, and awards that outlived their attendance."""
    on_their_way = town.undelivered("checkin", "AttendanceSettled", "attendance_id")
    outcomes = town.rows("points", _OUTCOMES)
    versions = {
        row.id: (row.state, row.version)
        for row in town.rows("checkin", "SELECT id, state, version FROM attendance WHERE version > 0")
    }
    for row in outcomes:
        state, version = versions.get(row.attendance_id, ("not confirmed", 0))
        if row.version > version:
            yield f"points know version {row.version} of attendance {row.attendance_id}, which is {state}"
        elif row.award_version is not None and state == "annulled" and str(row.attendance_id) not in on_their_way:
            yield f"attendance {row.attendance_id} is annulled and has an award"


# --- Between members and check-in --------------------------------------------------------------------------

_PAST_APPROVED = """
    SELECT import_row.id, member_id FROM import_row JOIN import_file ON import_file.id = import_id
    WHERE kind = 'past' AND import_row.state = 'added'
"""
_PAST_UNFOUNDED = """
    SELECT past.id, past.state, attendance.state AS stands FROM past_record past
    LEFT JOIN attendance ON (attendance.id, attendance.member_id, attendance.activity_id, evidence)
        = (past.id, past.member_id, past.activity_id, 'entered_later')
    WHERE past.state = 'taken' AND coalesce(attendance.state, '') NOT IN ('confirmed', 'corrected', 'annulled')
        OR past.state = 'undone' AND coalesce(attendance.state, 'annulled') <> 'annulled'
"""


def find_wrong_past_services(town: Town) -> Iterator[str]:
    """Past services that were approved and not taken in, such as nobody approved, and such as have no attendance that
    was entered later.
    """
    on_their_way = {
        record_id
        for name in ("PastServiceApproved", "PastServiceUndone")
        for record_id in town.undelivered("members", name, "record_id")
    }
    taken = dict(town.rows("checkin", "SELECT id, member_id FROM past_record WHERE state = 'taken'"))
    approved = dict(town.rows("members", _PAST_APPROVED))
    for record_id in approved.keys() | taken.keys():
        one, other = approved.get(record_id), taken.get(record_id)
        if one != other and str(record_id) not in on_their_way:
            yield f"past service {record_id} was approved for {one}, and was taken in for {other}"
    for row in town.rows("checkin", _PAST_UNFOUNDED):
        yield f"past service {row.id} is {row.state}, and its attendance is {row.stands}"


# --- Between members and everybody ------------------------------------------------------------------------


_COPIED = {
    "member": (
        "status", "merged_into", "station_id", "compound_id", "building_id", "household_id", "employer_id",
        "birth_date", "volunteer_number", "confirmed_at IS NOT NULL AS confirmed",
    ),
    "node": ("level", "name", "path", "parent_id", "successor_id", "closed_on IS NOT NULL AS closed"),
}  # fmt: skip
"""What the others copy, as members has it; a name behind AS is the copy's. What may be shown is for `shown` to see."""


def find_stale_copies(town: Town) -> Iterator[str]:
    for name, key, table, copy, copy_key in (
        ("MemberChanged", "member_id", "member", "member_card", "member_id"),
        ("StationChanged", "node_id", "node", "station", "node_id"),
    ):
        on_their_way = town.undelivered("members", name, key)
        columns = _COPIED[table]
        names = [column.rpartition(" ")[2] for column in columns]
        truth = {row.id: row for row in town.rows("members", f"SELECT id, version, {', '.join(columns)} FROM {table}")}
        for service in ("checkin", "points", "rewards"):
            rows = town.rows(service, f"SELECT {copy_key} AS id, version, {', '.join(names)} FROM {copy}")
            known = {row.id: row for row in rows}
            for row_id, row in truth.items():
                version = known[row_id].version if row_id in known else None
                if version != row.version and str(row_id) not in on_their_way:
                    yield f"{service} knows {version} of {table} {row_id}, whose version is {row.version}"
                elif version == row.version and known[row_id] != row:
                    others = [name for name in names if getattr(known[row_id], name) != getattr(row, name)]
                    yield f"{service} knows another {', '.join(others)} of {table} {row_id}"


_NAMED = "SELECT node_id, from_day, name FROM node_name"
_LAY = "SELECT node_id, from_day, parent_id FROM node_parent"
_PAST = "SELECT node_id, from_day, name, parent_id FROM station_past ORDER BY node_id, from_day"


def find_stale_past(town: Town) -> Iterator[str]:
    """Places of which check-in knows other names or parents by day than members does."""
    on_their_way = town.undelivered("members", "StationChanged", "node_id")
    names, parents, known = (defaultdict[UUID, dict[date, Any]](dict) for _ in range(3))
    for row in town.rows("members", _NAMED):
        names[row.node_id][row.from_day] = row.name
    for row in town.rows("members", _LAY):
        parents[row.node_id][row.from_day] = row.parent_id
    for row in town.rows("checkin", _PAST):
        known[row.node_id][row.from_day] = (row.name, row.parent_id)
    for node_id, named in names.items():
        first, *later = spells(named, parents[node_id])
        # What was before a place was opened is of that place, too.
        past = {date.min: first} | {spell.from_day: spell for spell in later}
        there = {day: (spell.name, spell.parent_id) for day, spell in past.items()}
        if known[node_id] != there and str(node_id) not in on_their_way:
            yield f"checkin knows another past of node {node_id}"


# --- Between members and points ---------------------------------------------------------------------------

_APPROVED = """
    SELECT import_row.id, member_id FROM import_row JOIN import_file ON import_file.id = import_id
    WHERE kind = 'opening' AND import_row.state = 'added'
"""
_BOOKED = """
    SELECT CAST(substring(key FROM 9) AS uuid) AS id, CAST(outcome ->> 'member_id' AS uuid) AS member_id
    FROM idempotency opening WHERE key LIKE 'opening:%' AND outcome ->> 'state' = 'booked'
        AND NOT EXISTS (SELECT FROM idempotency WHERE key = 'opening-undo:' || substring(opening.key FROM 9))
"""


def find_wrong_openings(town: Town) -> Iterator[str]:
    """Opening balances that were approved and not booked, and such as stand in the books of nobody's approval."""
    on_their_way = {
        opening_id
        for name in ("OpeningApproved", "OpeningUndone")
        for opening_id in town.undelivered("members", name, "opening_id")
    }
    booked = {row.id: row.member_id for row in town.rows("points", _BOOKED)}
    approved = {row.id: row.member_id for row in town.rows("members", _APPROVED)}
    for opening_id in approved.keys() | booked.keys():
        one, other = approved.get(opening_id), booked.get(opening_id)
        if one != other and str(opening_id) not in on_their_way:
            yield f"opening {opening_id} was approved for {one}, and is booked for {other}"


# --- Between rewards and points ------------------------------------------------------------------------

# A member's own leg alone: where the gift is of another station than the account, the transaction has a second.
_TAKEN = """
    SELECT source_id AS redemption_id, owner_id AS member_id,
        CAST(sum(CASE WHEN account.id = debit_id THEN amount ELSE -amount END) AS bigint) AS points
    FROM transfer JOIN account ON account.id IN (debit_id, credit_id) AND account.kind = 'member'
    WHERE source_type = 'redemption' AND transfer.kind IN ('spend', 'refund') GROUP BY 1, 2
"""


def find_wrong_spends(town: Town) -> Iterator[str]:
    """Redemptions whose member did not pay what they came to, and spends of what rewards never confirmed."""
    on_their_way = {
        redemption_id
        for name in ("SpendRequested", "RedemptionVoided")
        for redemption_id in town.undelivered("rewards", name, "redemption_id")
    }
    # Who was merged since may have paid from the accounts of who stays, also when the merge was taken back.
    person = _persons(town)
    taken: dict[tuple[UUID, UUID], int] = {}
    for row in town.rows("points", _TAKEN):
        key = (row.redemption_id, person.get(row.member_id, row.member_id))
        taken[key] = taken.get(key, 0) + row.points
    with town.apps["rewards"].app_context():
        dues = list(redemptions.list_dues())
    for due in dues:
        held = taken.pop((due.redemption_id, person.get(due.member_id, due.member_id)), 0)
        if held != due.points and str(due.redemption_id) not in on_their_way:
            yield f"redemption {due.redemption_id} should have taken {due.points} of {due.member_id}, and took {held}"
    for (redemption_id, member_id), points in taken.items():
        if str(redemption_id) not in on_their_way:
            yield f"points took {points} of {member_id} for redemption {redemption_id}, which rewards never confirmed"


def _persons(town: Town) -> dict[UUID, UUID]:
    """Of everybody who was ever merged, or stayed in such a merge, one member who stands for all of them."""
    stands_for: dict[UUID, UUID] = {}

    def end(member_id: UUID) -> UUID:
        while (further := stands_for.get(member_id, member_id)) != member_id:
            member_id = further
        return member_id

    for row in town.rows("points", "SELECT DISTINCT from_member_id, to_member_id FROM move WHERE kind = 'merge'"):
        stands_for[end(row.from_member_id)] = end(row.to_member_id)
    return {member_id: end(member_id) for member_id in stands_for}


# --- What was approved, as it was approved ----------------------------------------------------------------

_ONE_EACH = """
    SELECT import_row.id, member_id, decided_at FROM import_row JOIN import_file ON import_file.id = import_id
    WHERE kind = 'opening' AND import_row.state = 'added' AND member_id IS NOT NULL ORDER BY decided_at, number
"""
_MERGES = "SELECT member_id, into_id, at FROM merge WHERE undone_at IS NULL"
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def find_double_openings(town: Town) -> Iterator[str]:
    """People with two opening balances, the later one approved when both entries were known to be one person. Who was
    merged after both keeps both: each was somebody's paper.
    """
    merges = {row.member_id: (row.into_id, row.at) for row in town.rows("members", _MERGES)}
    by_person: dict[UUID, list[tuple[Any, dict[UUID, datetime]]]] = defaultdict(list)
    for row in town.rows("members", _ONE_EACH):
        line = _line_of(row.member_id, merges)
        by_person[[*line][-1]].append((row, line))
    for theirs in by_person.values():
        for (first, one), (second, other) in itertools.combinations(theirs, 2):
            met = next(member_id for member_id in one if member_id in other)
            if max(one[met], other[met]) <= second.decided_at:
                yield f"openings {first.id} and {second.id} were both taken in for member {met}"


def _line_of(member_id: UUID, merges: Mapping[UUID, tuple[UUID, datetime]]) -> dict[UUID, datetime]:
    """A member and everybody whom they are by merges, in that order, each with since when."""
    line = {member_id: _LONG_AGO}
    while member_id in merges and merges[member_id][0] not in line:
        since, (member_id, at) = line[member_id], merges[member_id]
        line[member_id] = max(since, at)
    return line


_APPROVED_ROWS = """
    SELECT import_row.id, import_id, kind, import_row.content
    FROM import_row JOIN import_file ON import_file.id = import_id
    WHERE kind IN ('opening', 'past') AND import_row.state = 'added' AND import_row.content IS NOT NULL
"""
_BOOKED_AMOUNTS = """
    SELECT CAST(substring(key FROM 9) AS uuid) AS id, CAST(outcome ->> 'points' AS bigint) AS points,
        CAST(outcome ->> 'minutes' AS bigint) AS minutes
    FROM idempotency WHERE key LIKE 'opening:%' AND outcome ->> 'state' = 'booked'
"""
_TAKEN_TIMES = """
    SELECT attendance.id, arrived_at, left_at FROM attendance JOIN past_record past ON past.id = attendance.id
    WHERE past.state = 'taken' AND attendance.state = 'confirmed'
"""


def find_changed_amounts(town: Town) -> Iterator[str]:
    """Opening balances and past services that arrived with other points, minutes or times than were approved. What was
    forgotten of a row, and what was corrected since, is not compared.
    """
    rows = town.rows("members", _APPROVED_ROWS)
    with town.apps["members"].app_context():
        approved = {row.id: (row.kind, read) for row in rows if (read := _read(row)) is not None}
    for row in town.rows("points", _BOOKED_AMOUNTS):
        kind, read = approved.get(row.id, ("", {}))
        if kind == "opening" and (row.points, row.minutes) != (read["points"], read["minutes"]):
            yield (
                f"opening {row.id} was approved with {read['points']} points and {read['minutes']} minutes,"
                f" and is booked with {row.points} and {row.minutes}"
            )
    for row in town.rows("checkin", _TAKEN_TIMES):
        kind, read = approved.get(row.id, ("", {}))
        if kind == "past" and (row.arrived_at, row.left_at) != _times(read):
            yield f"past service {row.id} was approved for other times than {row.arrived_at} to {row.left_at}"


def _read(row: Any) -> dict[str, Any] | None:
    return msgspec.json.decode(keys().unseal_bytes(row.import_id, row.content), type=Content).read


def _times(read: Mapping[str, Any]) -> tuple[datetime, datetime]:
    begins = clock.day_starts(date.fromisoformat(read["day"])) + timedelta(minutes=read["begin"])
    return begins, begins + timedelta(minutes=read["minutes"])


# --- What is kept for nobody ------------------------------------------------------------------------------

_KEPT_FOR_GONE = """
    WITH RECURSIVE line AS (
        SELECT member_id, status AS became FROM member_card WHERE status IN ('left', 'erased')
        UNION
        SELECT card.member_id, line.became FROM member_card card JOIN line ON card.merged_into = line.member_id
    )
    SELECT redemption.id, member_id, became FROM redemption JOIN line USING (member_id)
    WHERE state = 'confirmed' AND (became = 'left' OR expires_at > :now)
"""


def find_kept_for_gone(town: Town) -> Iterator[str]:
    """Vouchers of people who have left or were erased, also under an entry that was merged into theirs."""
    for row in town.rows("rewards", _KEPT_FOR_GONE, now=clock.now()):
        yield f"redemption {row.id} is kept for member {row.member_id}, who is {row.became}"
