"""What the worker does with files that are taken over: a slice at a time, each in its own transaction.

Whoever dies over a slice leaves nothing of it: after a lease the next worker goes on where the last slice ended.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from services.members.commands import openings, past, roster
from services.members.domain.imports import Kind, Problem, RowState, State
from services.members.domain.places import NodeClosed
from services.members.domain.recognising import OtherKind
from services.members.domain.roster import RosterRow
from services.members.store import imports, people, tree
from services.members.store.imports import Content, ImportFile, Row
from services.members.store.keys import keys
from services.members.store.models import LoginMember, Member
from shared import audit, clock, outbox, spreadsheets
from shared.db import transactional
from shared.errors import Forbidden, Invalid, NotFound, RuleBroken
from shared.events import PastServiceApproved, PastServicesAsked, RosterUndoAsked
from shared.ids import new_id
from shared.principal import Grant, Principal, Role
from shared.principal import Kind as CallerKind
from shared.spreadsheets import Sheet

SLICE = 500
ATTEMPTS_MAX = 5
"""How often a file may take its worker down before it is refused."""
REFUSALS = (Invalid, NotFound, Forbidden, RuleBroken)
"""What no further try changes."""
UNREADABLE = "读这个文件时总是出错，请另存为新的 Excel 文件再试"
NOT_TAKEN = "导入时总是出错，这一行没有导入"
NOT_UNDONE = "撤销时总是出错，没有全部撤销，请再试一次，或者逐条更正"


def work() -> bool:
    """Do one slice of what has been due longest; whether there was anything."""
    found = _take_up()
    if found is None:
        return False
    import_id, state, attempts = found
    if attempts > ATTEMPTS_MAX:
        _give_up(import_id)
    elif state == State.READING:
        _read(import_id)
    elif state == State.IMPORTING:
        _take_in(import_id)
    else:
        _take_back(import_id)
    return True


@transactional
def _take_up(tx: Session) -> tuple[UUID, str, int] | None:
    """The import, where it stands and how often the slice that is due was taken up."""
    found = imports.take_up(tx)
    return None if found is None else (found.id, found.state, found.attempts)


@transactional
def _give_up(tx: Session, import_id: UUID) -> None:
    """Let a file go that takes its worker down: unread, or with the rows that are left not taken in, which say so; what
    could not be taken back stands, and may be tried again.
    """
    found = imports.get(tx, import_id, lock=True)
    if found.state == State.READING:
        _end_unread(found, UNREADABLE, None)
    elif found.state == State.IMPORTING:
        rows = imports.list_rows(tx, import_id, RowState.GOOD)
        imports.blame(tx, found, {row.id: NOT_TAKEN for row in rows}, RowState.GOOD)
        found.reason = NOT_TAKEN
        imports.put_back(found)
    elif found.state == State.UNDOING:
        found.state, found.reason = State.DONE, NOT_UNDONE
        found.undone_by_login_id = found.undone_by_member_id = None


# --- Reading ------------------------------------------------------------------------------------------


def _read(import_id: UUID) -> None:
    """Decode outside of any transaction: it may take half a minute."""
    content = _content_of(import_id)
    if content is None:
        return
    try:
        sheets = spreadsheets.read(content)
        _check(import_id, sheets)
    except (Invalid, NotFound) as refusal:
        _refuse(import_id, refusal.detail, refusal.kind if isinstance(refusal, OtherKind) else None)


@transactional
def _content_of(tx: Session, import_id: UUID) -> bytes | None:
    found = imports.get(tx, import_id)
    if found.state != State.READING or found.content is None:
        return None
    return keys().unseal_bytes(import_id, found.content)


@transactional
def _refuse(tx: Session, import_id: UUID, reason: str, looks_like: Kind | None) -> None:
    found = imports.get(tx, import_id, lock=True)
    if found.state == State.READING:
        _end_unread(found, reason, looks_like)


def _end_unread(found: ImportFile, reason: str, looks_like: Kind | None) -> None:
    found.state, found.reason, found.content = State.REFUSED, reason, None
    found.found = {"looks_like": looks_like} if looks_like else {}


@transactional
def _check(tx: Session, import_id: UUID, sheets: Sequence[Sheet]) -> None:
    """The dry run: every row with what is wrong with it, and nothing else written."""
    found = imports.get(tx, import_id, lock=True)
    if found.state != State.READING:
        return
    _CHECKS[Kind(found.kind)](tx, found, sheets)
    read = next(sheet for sheet in sheets if sheet.name == found.found["sheet"])
    found.found = found.found | {"sheets_unread": spreadsheets.others(sheets, read)}
    if found.found.get("asked"):
        imports.put_off(found, past.ANSWER_WITHIN)
        return
    found.state = State.CHECKED
    imports.put_back(found)


def _check_roster(tx: Session, found: ImportFile, sheets: Sequence[Sheet]) -> None:
    station = tree.get_standing(tx, found.station_id)
    judged = roster.judge(tx, _author_of(tx, found), sheets, station=str(station.id))
    rows = sheets[judged.heads.sheet].rows
    new = {row.number: msgspec.to_builtins(row) for row in judged.rows_new}
    bad = _by_row(judged.report.problems)
    alike = _by_row([_alike(row, judged.report.namesakes[row.number]) for row in _with_namesakes(judged)])
    said = alike | bad
    contents = {number: Content(rows[number - 1], new.get(number), said.get(number, [])) for number in judged.numbers}
    imports.put_rows(
        tx,
        found.id,
        (
            Row(number, new_id(), _state_of(number, new, bad), judged.report.known_ids.get(number), content)
            for number, content in contents.items()
        ),
    )
    found.found = {
        "heads": rows[judged.heads.row],
        "sheet": sheets[judged.heads.sheet].name,
        "unknown_titles": judged.report.unknown_titles,
        "teams_added": judged.report.teams_added,
        "employers_added": judged.report.employers_added,
        "namesakes": [row.number for row in _with_namesakes(judged)],
        "good": len(new),
    }


def _with_namesakes(judged: roster.Judged) -> list[RosterRow]:
    return [row for row in judged.rows_new if row.number in judged.report.namesakes]


def _alike(row: RosterRow, count: int) -> Problem:
    """Of a good row: not for the software to decide, and easily overlooked in a long file."""
    return Problem(row.number, "姓名", row.name, f"本站已有 {count} 位同名的，请先核对是不是同一个人")


def _by_row(problems: Sequence[Problem]) -> dict[int, list[Problem]]:
    found: dict[int, list[Problem]] = {}
    for problem in problems:
        found.setdefault(problem.row, []).append(problem)
    return found


def _state_of(number: int, good: dict[int, object], bad: dict[int, list[Problem]]) -> RowState:
    if number in bad:
        return RowState.BAD
    return RowState.GOOD if number in good else RowState.KNOWN


def _check_openings(tx: Session, found: ImportFile, sheets: Sequence[Sheet]) -> None:
    author = _author_of(tx, found)
    _record_own(tx, author, found, openings.check(tx, author, found, sheets))


def _check_past(tx: Session, found: ImportFile, sheets: Sequence[Sheet]) -> None:
    author = _author_of(tx, found)
    _record_own(tx, author, found, past.check(tx, author, found, sheets))


def _record_own(tx: Session, author: Principal, found: ImportFile, left_out: Iterable[UUID]) -> None:
    """Who brings records of themselves or their household is told so row by row, and others can see it."""
    detail = {"name": found.file_name, "kind": found.kind, "tried": "import.bring"}
    path = tree.path_of(tx, found.station_id)
    audit.add_own_cases(tx, author, "import.refuse_own", dict.fromkeys(left_out, detail), path=path)


_CHECKS: dict[Kind, Callable[[Session, ImportFile, Sequence[Sheet]], None]] = {
    Kind.ROSTER: _check_roster,
    Kind.OPENING: _check_openings,
    Kind.PAST: _check_past,
}


# --- Taking in ----------------------------------------------------------------------------------------


def _take_in(import_id: UUID) -> None:
    try:
        _take_slice(import_id)
    except REFUSALS as refusal:
        _leave_out(import_id, refusal.detail)


@transactional
def _take_slice(tx: Session, import_id: UUID) -> None:
    found = imports.get(tx, import_id, lock=True)
    if found.state != State.IMPORTING:
        return
    rows = imports.list_rows(tx, import_id, RowState.GOOD, limit=SLICE, lock=True)
    if rows:
        _TAKEN[Kind(found.kind)](tx, found, rows)
    elif found.reason is not None and not imports.added(tx, import_id):
        found.state = State.REFUSED
    else:
        found.state, found.done_at = State.DONE, clock.now()
        _ENDED[Kind(found.kind)](tx, found)
    imports.put_back(found)


@transactional
def _leave_out(tx: Session, import_id: UUID, sentence: str) -> None:
    """What stands against a slice stays, however often one tries: its rows are not taken in, and say why."""
    found = imports.get(tx, import_id, lock=True)
    if found.state != State.IMPORTING:
        return
    rows = imports.list_rows(tx, import_id, RowState.GOOD, limit=SLICE)
    imports.blame(tx, found, {row.id: sentence for row in rows}, RowState.GOOD)
    found.reason = sentence
    imports.put_back(found)


def _take_in_roster(tx: Session, found: ImportFile, rows: Sequence[Row]) -> None:
    good = [msgspec.convert(row.content.read, RosterRow) for row in rows]
    # Of a station that was merged since the rows were checked the people are the heir's.
    station = tree.get_standing(tx, found.station_id)
    if station.closed_on is not None:
        raise NodeClosed
    members, left_out = roster.take_in(tx, _author_of(tx, found), station.id, good)
    imports.mark_added(tx, found.id, members)
    sentences = {row.id: left_out[row.number] for row in rows if row.number in left_out}
    imports.blame(tx, found, sentences, RowState.GOOD)
    known = [row.number for row in rows if row.number not in members and row.number not in left_out]
    imports.mark(tx, found.id, known, RowState.KNOWN)


def _end_roster(tx: Session, found: ImportFile) -> None:
    count = len(imports.added(tx, found.id))
    _record(tx, found, "roster.import", {"added": count})


def _end_openings(tx: Session, found: ImportFile) -> None:
    count = len(imports.added(tx, found.id))
    told = {"added": count, "points": found.found["points"], "minutes": found.found["minutes"]}
    _record(tx, found, "opening.import", told)


def _end_past(tx: Session, found: ImportFile) -> None:
    _record(tx, found, "past.import", {"added": len(imports.added(tx, found.id)), "minutes": found.found["minutes"]})


def _record(tx: Session, found: ImportFile, action: str, detail: dict[str, Any]) -> None:
    author, path = _author_of(tx, found), tree.path_of(tx, found.station_id)
    audit.add(tx, author, action, "node", found.station_id, path=path, detail=detail)


_TAKEN: dict[Kind, Callable[[Session, ImportFile, Sequence[Row]], None]] = {
    Kind.ROSTER: _take_in_roster,
    Kind.OPENING: openings.take_in,
    Kind.PAST: past.take_in,
}
_ENDED: dict[Kind, Callable[[Session, ImportFile], None]] = {
    Kind.ROSTER: _end_roster,
    Kind.OPENING: _end_openings,
    Kind.PAST: _end_past,
}
_TAKEN_BACK: dict[Kind, Callable[[Session, ImportFile, int], None]] = {
    Kind.OPENING: openings.take_back,
    Kind.PAST: past.take_back,
}


def _author_of(tx: Session, found: ImportFile) -> Principal:
    """Who brought the file, as staff of its station: the right was looked at when it was brought. With everybody whom
    the login acts for by now: their rows are the own case too.
    """
    family = tx.scalars(select(LoginMember.member_id).where(LoginMember.login_id == found.created_by_login_id))
    return Principal(
        kind=CallerKind.LOGIN,
        audience="members",
        login_id=found.created_by_login_id,
        member_id=found.created_by_member_id,
        own_member_id=found.created_by_member_id,
        member_ids=tuple({found.created_by_member_id, *family}),
        grants=(Grant(Role.STAFF, tree.get_standing(tx, found.station_id).path),),
    )


# --- Taking back --------------------------------------------------------------------------------------


@transactional
def _take_back(tx: Session, import_id: UUID) -> None:
    """The next slice of what was told to others; of a roster, check-in's answers do it."""
    found = imports.get(tx, import_id, lock=True)
    if found.state != State.UNDOING:
        return
    if (take_back := _TAKEN_BACK.get(Kind(found.kind))) is not None:
        take_back(tx, found, SLICE)
        imports.put_back(found)
    else:
        imports.put_off(found, past.ANSWER_WITHIN)
    if not imports.added(tx, import_id):
        found.state, found.undone_at = State.UNDONE, clock.now()


def take_outcome(tx: Session, row: outbox.Row, outcome: dict[str, Any]) -> None:
    """What another service said to a question or a fact about an import."""
    if row.name == RosterUndoAsked.__name__:
        _leave_again(tx, msgspec.convert(row.body, RosterUndoAsked), outcome)
    elif row.name == PastServicesAsked.__name__:
        past.take_answer(tx, msgspec.convert(row.body, PastServicesAsked), outcome["left_out"])
    elif row.name == PastServiceApproved.__name__:
        past.take_outcome(tx, msgspec.convert(row.body, PastServiceApproved), outcome)
    # What points booked of an opening balance is no news.


def _leave_again(tx: Session, asked: RosterUndoAsked, outcome: dict[str, Any]) -> None:
    """Check-in has said whom it has seen of a roster that is to be undone: the others leave again.

    Who has served, logged in, got a role or was changed since stays: something has happened to them.
    """
    found = imports.get(tx, asked.import_id, lock=True)
    seen = {UUID(text) for text in outcome["seen"]}
    numbers = {member_id: number for number, member_id in imports.added(tx, found.id)}
    here = [member_id for member_id in asked.member_ids if member_id in numbers]
    leaving = imports.untouched(tx, here) - seen
    tx.execute(update(Member).where(Member.id == func.any(list(leaving))).values(status="left"))
    people.tell(tx, list(leaving))
    imports.mark(tx, found.id, [numbers[member_id] for member_id in here if member_id in leaving], RowState.UNDONE)
    imports.mark(tx, found.id, [numbers[member_id] for member_id in here if member_id not in leaving], RowState.KEPT)
    if found.state == State.UNDOING and not imports.added(tx, found.id):
        found.state, found.undone_at = State.UNDONE, clock.now()
