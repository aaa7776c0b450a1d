"""Opening balances out of a file: whose they are, and telling points of them once they are approved."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.orm import Session

from services.members.commands.match_rows import match
from services.members.domain import openings
from services.members.domain.imports import GONE, Kind, Problem, RowState
from services.members.domain.openings import OpeningRow
from services.members.domain.recognising import check_kind
from services.members.store import entries, imports
from services.members.store.candidates import with_opening
from services.members.store.imports import Content, ImportFile, Row
from shared import cells, outbox
from shared.events import OpeningApproved, OpeningUndone
from shared.ids import new_id
from shared.principal import Principal
from shared.spreadsheets import Sheet

TWICE = "已经有期初结转了，一位志愿者只结转一次"


def check(tx: Session, caller: Principal, found: ImportFile, sheets: Sequence[Sheet]) -> set[UUID]:
    """The dry run: whose each row is, what it comes to, and everything that is wrong with the others. Returns who was
    left out as the caller's own.
    """
    check_kind(Kind.OPENING, [sheet.rows for sheet in sheets])
    heads = openings.find_titles([sheet.rows for sheet in sheets])
    rows = sheets[heads.sheet].rows
    read = {
        number: openings.read_row(number, row, heads.columns, found.half_day_minutes)
        for number, row in cells.body(rows, heads)
    }
    good = [row for row in read.values() if isinstance(row, OpeningRow)]
    problems: dict[int, list[Problem]] = {number: row for number, row in read.items() if isinstance(row, list)}
    matched, own = match(tx, caller, found.station_id, good, problems)
    _blame_twice(tx, matched, problems)
    imports.put_rows(
        tx,
        found.id,
        (
            Row(
                number,
                new_id(),
                RowState.BAD if number in problems else RowState.GOOD,
                None if number in problems else matched[number],
                Content(rows[number - 1], None if number in problems else _as_read(row), problems.get(number, [])),
            )
            for number, row in read.items()
        ),
    )
    taken = [row for row in good if row.number not in problems]
    found.found = {
        "heads": rows[heads.row],
        "sheet": sheets[heads.sheet].name,
        "unknown_titles": heads.unknown,
        "good": len(taken),
        "points": sum(row.points for row in taken),
        "minutes": sum(row.minutes for row in taken),
        "half_days": sum(row.by_half_days for row in taken),
    }
    return own


def _as_read(row: OpeningRow | list[Problem]) -> dict[str, Any]:
    read: dict[str, Any] = msgspec.to_builtins(row)
    return read


def _blame_twice(tx: Session, matched: Mapping[int, UUID], problems: dict[int, list[Problem]]) -> None:
    """Who stands in the file a second time, or has an opening balance, goes among the problems."""
    have = with_opening(tx, matched.values())
    first: dict[UUID, int] = {}
    for number, member_id in matched.items():
        if first.setdefault(member_id, number) != number:
            problems[number] = [Problem(number, "", "", f"与第 {first[member_id]} 行是同一位志愿者")]
        elif member_id in have:
            problems[number] = [Problem(number, "", "", TWICE)]


def take_in(tx: Session, found: ImportFile, rows: Sequence[Row]) -> None:
    """Tell points of approved rows; of who has left or got an opening balance meanwhile, also by another row of this
    file whose entry turned out to be the same person, the row says so. Who was merged since is told as before: points
    knows who has what they have.
    """
    imports.wait_for_others(tx)
    member_ids = [row.member_id for row in rows if row.member_id is not None]
    there, have = entries.who_is_there(tx, member_ids), with_opening(tx, member_ids)
    left_out: dict[UUID, str] = {}
    taken: set[UUID] = set()
    for row in rows:
        if row.member_id is None or row.member_id not in there:
            left_out[row.id] = GONE
        elif row.member_id in have or there[row.member_id] in taken:
            left_out[row.id] = TWICE
        else:
            taken.add(there[row.member_id])
    facts = []
    for row in rows:
        if row.id not in left_out and row.member_id is not None:
            read = msgspec.convert(row.content.read, OpeningRow)
            facts.append(
                OpeningApproved(
                    opening_id=row.id,
                    import_id=found.id,
                    member_id=row.member_id,
                    station_id=found.station_id,
                    points=read.points,
                    minutes=read.minutes,
                    description=found.file_name,
                )
            )
    if facts:
        outbox.add(tx, *facts)
    imports.mark(tx, found.id, [row.number for row in rows if row.id not in left_out], RowState.ADDED)
    imports.blame(tx, found, left_out, RowState.GOOD)


def take_back(tx: Session, found: ImportFile, slice_max: int) -> None:
    """Tell points to reverse the next of them."""
    rows = imports.list_added(tx, found.id, limit=slice_max)
    facts = [
        OpeningUndone(opening_id=opening_id, member_id=member_id, station_id=found.station_id)
        for _number, opening_id, member_id in rows
    ]
    if facts:
        outbox.add(tx, *facts)
    imports.mark(tx, found.id, [number for number, _opening_id, _member_id in rows], RowState.UNDONE)
