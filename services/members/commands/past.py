"""Past services out of a file: whose they are, what check-in knows of them already, and telling it once approved."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.orm import Session

from services.members.commands.match_rows import match
from services.members.domain import past
from services.members.domain.imports import GONE, Kind, Problem, RowState, State
from services.members.domain.past import PastRow
from services.members.domain.recognising import check_kind
from services.members.store import entries, imports
from services.members.store.candidates import with_opening
from services.members.store.imports import Content, ImportFile, Row
from shared import cells, clock, outbox
from shared.categories import NAMES
from shared.events import PastService, PastServiceApproved, PastServicesAsked, PastServiceUndone, Signer
from shared.ids import new_id
from shared.principal import Principal
from shared.spreadsheets import Sheet

ASKED_AT_ONCE = 200
ANSWER_WITHIN = timedelta(minutes=10)
"""After which a check that check-in has not answered begins anew."""
_SLUGS = {name: slug for slug, name in NAMES.items()}


def check(tx: Session, caller: Principal, found: ImportFile, sheets: Sequence[Sheet]) -> set[UUID]:
    """The dry run: whose each row is, what is wrong with the others, and asking check-in what it knows already. Returns
    who was left out as the caller's own.
    """
    check_kind(Kind.PAST, [sheet.rows for sheet in sheets])
    heads = past.find_titles([sheet.rows for sheet in sheets])
    rows = sheets[heads.sheet].rows
    reading = past.Reading(found.half_day_minutes, found.year, found.category, _SLUGS, clock.today())
    read = {number: past.read_row(number, row, heads.columns, reading) for number, row in cells.body(rows, heads)}
    problems: dict[int, list[Problem]] = {number: row for number, row in read.items() if isinstance(row, list)}
    good = [row for row in read.values() if isinstance(row, PastRow)]
    matched, own = match(tx, caller, found.station_id, good, problems)
    _blame_repeated(good, matched, problems)
    for row in good:
        if row.number not in problems and _moment(row, row.begin + row.minutes) > clock.now():
            problems[row.number] = [Problem(row.number, "", "", "还没有到结束的时候")]
    taken, apart = past.put_together(row for row in good if row.number not in problems)
    for problem in apart:
        problems[problem.row] = [problem]
    placed = {row.number: row for row in taken}
    imports.put_rows(
        tx,
        found.id,
        (
            Row(
                number,
                new_id(),
                RowState.BAD if number in problems else RowState.GOOD,
                matched.get(number),
                Content(rows[number - 1], _as_read(placed.get(number)), problems.get(number, [])),
            )
            for number in read
        ),
    )
    found.found = {
        "heads": rows[heads.row],
        "sheet": sheets[heads.sheet].name,
        "unknown_titles": heads.unknown,
        "to_look_up": len(taken),
        "looked_up": 0,
        **_sums(tx, taken, [matched[row.number] for row in taken]),
    }
    _ask(tx, found, 0)
    return own


def _sums(tx: Session, rows: Sequence[PastRow], member_ids: Sequence[UUID]) -> dict[str, int]:
    """What whoever decides should know of the good rows."""
    opened = with_opening(tx, member_ids)
    return {
        "good": len(rows),
        "minutes": sum(row.minutes for row in rows),
        "activities": len({row.activity for row in rows}),
        "half_days": sum(row.by_half_days for row in rows),
        "years_missing": sum(row.year_missing for row in rows),
        "with_opening": sum(member_id in opened for member_id in member_ids),
    }


def _as_read(row: PastRow | None) -> dict[str, Any] | None:
    read: dict[str, Any] | None = msgspec.to_builtins(row)
    return read


def _blame_repeated(rows: Sequence[PastRow], matched: Mapping[int, UUID], problems: dict[int, list[Problem]]) -> None:
    by_member: dict[UUID, list[PastRow]] = {}
    for row in rows:
        if row.number not in problems:
            by_member.setdefault(matched[row.number], []).append(row)
    for theirs in by_member.values():
        for problem in past.find_repeated(theirs):
            problems[problem.row] = [problem]


def _service(found: ImportFile, record_id: UUID, member_id: UUID, row: PastRow) -> PastService:
    return PastService(
        record_id=record_id,
        member_id=member_id,
        station_id=found.station_id,
        service_day=row.day,
        started_at=_moment(row, row.begin),
        ended_at=_moment(row, row.begin + row.minutes),
        timed=row.timed,
        title=row.title,
        category=row.category,
        activity_starts_at=_moment(row, row.activity_begin),
        activity_ends_at=_moment(row, row.activity_end),
    )


def _moment(row: PastRow, minutes: int) -> datetime:
    return clock.day_starts(row.day) + timedelta(minutes=minutes)


# --- What check-in says -----------------------------------------------------------------------------------


def _ask(tx: Session, found: ImportFile, after: int) -> bool:
    """Ask check-in what it knows of the next good rows; whether there were any. One question is under way at a time:
    all rows at once would be more than a service takes in a request.
    """
    rows = imports.list_rows(tx, found.id, RowState.GOOD, limit=ASKED_AT_ONCE, after=after)
    question_id = new_id()
    services = [
        _service(found, row.id, row.member_id, msgspec.convert(row.content.read, PastRow))
        for row in rows
        if row.member_id is not None
    ]
    if not services:
        return False
    outbox.add(tx, PastServicesAsked(import_id=found.id, question_id=question_id, services=tuple(services)))
    found.found = found.found | {"asked": str(question_id), "asked_until": rows[-1].number}
    return True


def take_answer(tx: Session, asked: PastServicesAsked, left_out: Mapping[str, str]) -> None:
    """Check-in has said which of some rows it knows already; when it has said so of all, the check is done."""
    found = imports.get(tx, asked.import_id, lock=True)
    if found.state != State.READING or found.found.get("asked") != str(asked.question_id):
        return  # of a check that was begun anew since
    told = {UUID(record_id): sentence for record_id, sentence in left_out.items()}
    imports.blame(tx, found, told, RowState.GOOD)
    looked_up = found.found["looked_up"] + len(asked.services)
    found.found = found.found | {"asked": None, "looked_up": looked_up}
    if _ask(tx, found, found.found["asked_until"]):
        imports.put_off(found, ANSWER_WITHIN)
    else:
        found.state = State.CHECKED
        if found.found["good"] < found.found["to_look_up"]:
            found.found = found.found | {"activities": _count_activities(tx, found)}
        imports.put_back(found)


def _count_activities(tx: Session, found: ImportFile) -> int:
    """Of the rows that are good still: what a second person signs for."""
    rows = imports.list_rows(tx, found.id, RowState.GOOD, limit=found.found["to_look_up"])
    return len({msgspec.convert(row.content.read, PastRow).activity for row in rows})


def take_outcome(tx: Session, approved: PastServiceApproved, outcome: Mapping[str, Any]) -> None:
    """Check-in has taken a service in, or has known it by then: that row was not taken in, and says why."""
    if outcome["state"] != "left_out":
        return
    found = imports.get(tx, approved.import_id, lock=True)
    imports.blame(tx, found, {approved.record_id: outcome["detail"]}, RowState.ADDED)


# --- Taking in, and back ----------------------------------------------------------------------------------


def take_in(tx: Session, found: ImportFile, rows: Sequence[Row]) -> None:
    """Tell check-in of approved rows; of who was merged since by who stays, and of who has left the row says so."""
    assert found.decided_by_login_id is not None
    assert found.decided_by_member_id is not None
    brought_by = Signer(login_id=found.created_by_login_id, member_id=found.created_by_member_id)
    approved_by = Signer(login_id=found.decided_by_login_id, member_id=found.decided_by_member_id)
    stays = entries.who_is_there(tx, {row.member_id for row in rows if row.member_id is not None})
    taken = {row.number: stays[row.member_id] for row in rows if row.member_id in stays}
    facts = [
        PastServiceApproved(
            **_fields(_service(found, row.id, taken[row.number], msgspec.convert(row.content.read, PastRow))),
            import_id=found.id,
            brought_by=brought_by,
            approved_by=approved_by,
        )
        for row in rows
        if row.number in taken
    ]
    if facts:
        outbox.add(tx, *facts)
    imports.mark_added(tx, found.id, taken)
    imports.blame(tx, found, {row.id: GONE for row in rows if row.number not in taken}, RowState.GOOD)


def _fields(service: PastService) -> dict[str, Any]:
    return {name: getattr(service, name) for name in PastService.__dataclass_fields__}


def take_back(tx: Session, found: ImportFile, slice_max: int) -> None:
    """Tell check-in to annul the next of them."""
    assert found.undone_by_login_id is not None
    assert found.undone_by_member_id is not None
    undone_by = Signer(login_id=found.undone_by_login_id, member_id=found.undone_by_member_id)
    rows = imports.list_added(tx, found.id, limit=slice_max)
    facts = [
        PastServiceUndone(record_id=record_id, import_id=found.id, member_id=member_id, undone_by=undone_by)
        for _number, record_id, member_id in rows
    ]
    if facts:
        outbox.add(tx, *facts)
    imports.mark(tx, found.id, [number for number, _record_id, _member_id in rows], RowState.UNDONE)
