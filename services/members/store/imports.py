"""Files that are taken over and their rows: tables and statements. Both are sealed, since phones stand in them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    case,
    exists,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from services.members.domain.imports import (
    AT_WORK,
    KEPT_FOR,
    OVER,
    Kind,
    Problem,
    RowState,
    State,
)
from services.members.store.keys import keys
from services.members.store.models import LoginMember, Member, RoleGrant, db
from shared import clock
from shared.errors import NotFound

if TYPE_CHECKING:
    from shared.db import Model
else:
    Model = db.Model

_OVER = ",".join(f"'{state}'" for state in OVER)
_LOCK = 0x696D7074
_LEASE_S = 20
"""Longer than a slice takes; whoever died over it is followed by another after that."""
_LEASE_READING_S = 60
_LEASE_S_MAX = 600


class ImportFile(Model):
    """A spreadsheet somebody brought, and how far it has come."""

    __tablename__ = "import_file"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    state: Mapped[str]
    station_id: Mapped[UUID] = mapped_column(ForeignKey("node.id"))
    file_name: Mapped[str]
    file_hash: Mapped[bytes]
    size: Mapped[int]
    content: Mapped[bytes | None]
    """Sealed; nothing once it has been forgotten."""
    half_day_minutes: Mapped[int]
    year: Mapped[int | None]
    """Of dates without one."""
    category: Mapped[str | None]
    """Of rows without one."""
    created_at: Mapped[datetime]
    created_by_login_id: Mapped[UUID]
    created_by_member_id: Mapped[UUID] = mapped_column(ForeignKey("member.id"))
    decided_at: Mapped[datetime | None]
    decided_by_member_id: Mapped[UUID | None] = mapped_column(ForeignKey("member.id"))
    decided_by_login_id: Mapped[UUID | None]
    reason: Mapped[str | None]
    """Why the file could not be read or taken in, or why the second person would not have it."""
    done_at: Mapped[datetime | None]
    undone_at: Mapped[datetime | None]
    undone_by_member_id: Mapped[UUID | None] = mapped_column(ForeignKey("member.id"))
    undone_by_login_id: Mapped[UUID | None]
    found: Mapped[dict[str, Any]]
    """What the check found: heads, titles nobody knows, groups to be founded, how often half days were counted."""
    attempts: Mapped[int]
    due_at: Mapped[datetime]
    """When work on it is due; what a worker has taken up is due again after a lease."""
    __table_args__ = (
        CheckConstraint("kind IN ('roster','opening','past')", name="kind"),
        CheckConstraint(
            "state IN ('reading','refused','checked','dropped','waiting','rejected','importing','done','undoing',"
            "'undone')",
            name="state",
        ),
        CheckConstraint("decided_by_member_id <> created_by_member_id", name="second_person"),
        Index(
            "uq_import_file_live",
            "kind",
            "station_id",
            "file_hash",
            unique=True,
            postgresql_where=text(f"state NOT IN ({_OVER})"),
        ),
        Index("ix_import_file_station_id", "station_id", "id"),
        Index("ix_import_file_due_at", "due_at", postgresql_where=text("state IN ('reading','importing','undoing')")),
    )


class ImportRow(Model):
    """A row of such a file, by its number there, and what became of it."""

    __tablename__ = "import_row"
    import_id: Mapped[UUID] = mapped_column(ForeignKey("import_file.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(unique=True)
    state: Mapped[str]
    member_id: Mapped[UUID | None] = mapped_column(ForeignKey("member.id"))
    content: Mapped[bytes | None]
    """Sealed `Content`; nothing once it has been forgotten."""
    __table_args__ = (
        CheckConstraint("state IN ('good','known','bad','added','undone','kept')", name="state"),
        Index("ix_import_row_state", "import_id", "state", "number"),
        Index("ix_import_row_member_id", "member_id", postgresql_where=text("member_id IS NOT NULL")),
        Index("ix_import_row_kept", "import_id", postgresql_where=text("content IS NOT NULL")),
    )


class Content(msgspec.Struct):
    """What stands in a row: its cells as they came, what was read of them, and what is wrong."""

    cells: list[str]
    read: dict[str, Any] | None = None
    problems: list[Problem] = []


@dataclass(frozen=True, slots=True)
class Row:
    number: int
    id: UUID
    state: str
    member_id: UUID | None
    content: Content


class ImportNotFound(NotFound):
    code = "import_not_found"
    detail = "没有找到这次导入"


# --- Files --------------------------------------------------------------------------------------------


def get(tx: Session, import_id: UUID, *, lock: bool = False) -> ImportFile:
    found = tx.get(ImportFile, import_id, populate_existing=True, with_for_update=True if lock else None)
    if found is None:
        raise ImportNotFound
    return found


def wait_for_others(tx: Session) -> None:
    """Files are brought one after the other: of two clicks, the second finds what the first one brought."""
    tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def find_live(tx: Session, kind: Kind, station_id: UUID, file_hash: bytes) -> ImportFile | None:
    """The import by which the same file stands at a station, unless it was dropped, refused or undone."""
    return tx.scalars(
        select(ImportFile).where(
            ImportFile.kind == kind,
            ImportFile.station_id == station_id,
            ImportFile.file_hash == file_hash,
            ImportFile.state.not_in(OVER),
        )
    ).first()


def take_up(tx: Session) -> ImportFile | None:
    """The import whose work has been due longest, leased: nobody else takes it up before the lease ends, and each try
    that came to nothing makes the next lease longer.
    """
    found = tx.scalars(
        select(ImportFile)
        .where(ImportFile.state.in_(AT_WORK), ImportFile.due_at <= clock.now())
        .order_by(ImportFile.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).first()
    if found is not None:
        found.attempts += 1
        lease_s = _LEASE_READING_S if found.state == State.READING else _LEASE_S
        found.due_at = clock.now() + timedelta(seconds=min(lease_s * found.attempts, _LEASE_S_MAX))
    return found


def put_back(found: ImportFile) -> None:
    """A slice is done: the next one is due."""
    found.attempts, found.due_at = 0, clock.now()


def put_off(found: ImportFile, wait: timedelta) -> None:
    """Others have been asked: nothing is due unless they do not answer."""
    found.attempts, found.due_at = 0, clock.now() + wait


def forget_old(tx: Session) -> None:
    """Rosters are not kept: the people are members now, and the others are nobody's business. One that was checked and
    never started is dropped: without its rows it could only end with nobody taken in.
    """
    # An erasure takes the file away at once, and leaves the other people's rows.
    has_rows = exists(select(ImportRow.id).where(ImportRow.import_id == ImportFile.id, ImportRow.content.is_not(None)))
    old = (
        select(ImportFile)
        .where(
            or_(ImportFile.content.is_not(None), has_rows),
            ImportFile.state.not_in(AT_WORK),
            ImportFile.created_at < clock.now() - KEPT_FOR,
            or_(ImportFile.kind == Kind.ROSTER, ImportFile.state.in_(OVER)),
        )
        .limit(20)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    for found in tx.scalars(old).all():
        found.content = None
        if found.state == State.CHECKED:
            found.state = State.DROPPED
            put_rows(tx, found.id, ())
        tx.execute(update(ImportRow).where(ImportRow.import_id == found.id).values(content=None))
    tx.flush()


def forget_members(tx: Session, member_ids: Sequence[UUID]) -> None:
    """Blank the rows that came to these members. The file of a roster that names one of them goes, too; what service
    and balances were taken over from is kept with the books (ADR 113), less what had still to be taken in.
    """
    theirs = ImportRow.member_id == func.any(list(member_ids))
    waiting = theirs & (ImportRow.state == RowState.GOOD) & ImportRow.content.is_not(None)
    files = select(ImportFile).where(ImportFile.id.in_(select(ImportRow.import_id).where(waiting)))
    locked = files.order_by(ImportFile.id).with_for_update().execution_options(populate_existing=True)
    for found in tx.scalars(locked).all():
        gone = tx.scalars(select(ImportRow).where(ImportRow.import_id == found.id, waiting))
        _take_off(found, [_unseal(row) for row in gone])
    tx.flush()
    rosters = select(ImportRow.import_id).where(theirs)
    tx.execute(
        update(ImportFile)
        .where(ImportFile.id.in_(rosters), ImportFile.kind == Kind.ROSTER, ImportFile.state != State.READING)
        .values(content=None)
    )
    left = case((ImportRow.state == RowState.GOOD, RowState.KNOWN.value), else_=ImportRow.state)
    tx.execute(update(ImportRow).where(theirs).values(content=None, state=left))


# --- Rows ---------------------------------------------------------------------------------------------


def put_rows(tx: Session, import_id: UUID, rows: Iterable[Row]) -> None:
    """Write all rows of a file anew."""
    tx.execute(text("DELETE FROM import_row WHERE import_id = :id"), {"id": import_id})
    values = [
        {
            "import_id": import_id,
            "number": row.number,
            "id": row.id,
            "state": row.state,
            "member_id": row.member_id,
            "content": keys().seal_bytes(import_id, msgspec.json.encode(row.content)),
        }
        for row in rows
    ]
    if values:
        tx.execute(insert(ImportRow), values)


def list_rows(
    tx: Session, import_id: UUID, state: str, *, limit: int | None = None, after: int = 0, lock: bool = False
) -> list[Row]:
    """Rows in one state by number; those whose content was forgotten are left out."""
    statement = (
        select(ImportRow)
        .where(
            ImportRow.import_id == import_id,
            ImportRow.state == state,
            ImportRow.number > after,
            ImportRow.content.is_not(None),
        )
        .order_by(ImportRow.number)
        .limit(limit)
    )
    rows = tx.scalars(statement.with_for_update() if lock else statement)
    return [Row(row.number, row.id, row.state, row.member_id, _unseal(row)) for row in rows]


def _unseal(row: ImportRow) -> Content:
    assert row.content is not None
    return msgspec.json.decode(keys().unseal_bytes(row.import_id, row.content), type=Content)


def mark(tx: Session, import_id: UUID, numbers: Sequence[int], state: RowState) -> None:
    if numbers:
        tx.execute(
            update(ImportRow)
            .where(ImportRow.import_id == import_id, ImportRow.number == func.any(list(numbers)))
            .values(state=state)
        )


def blame(tx: Session, found: ImportFile, sentences: Mapping[UUID, str], state: RowState) -> None:
    """Say of rows of a locked file, by id, why they are not taken in; of those that are still in this state. What the
    check found is of the others from then on.
    """
    rows = tx.scalars(
        select(ImportRow)
        .where(ImportRow.import_id == found.id, ImportRow.id == func.any(list(sentences)), ImportRow.state == state)
        .order_by(ImportRow.number)
        .with_for_update()
    ).all()
    blamed = []
    for row in rows:
        if row.content is not None:
            content = _unseal(row)
            blamed.append(content)
            content.problems.append(Problem(row.number, "", "", sentences[row.id]))
            row.content = keys().seal_bytes(found.id, msgspec.json.encode(content))
        row.state = RowState.BAD
    _take_off(found, blamed)
    tx.flush()


_SUMS = {"points": "points", "minutes": "minutes", "half_days": "by_half_days", "years_missing": "year_missing"}
"""What the check adds up of good rows, by the field of the row."""


def _take_off(found: ImportFile, gone: Sequence[Content]) -> None:
    """Take rows that were good off what the check found."""
    less = {name: sum(int((row.read or {}).get(field, 0)) for row in gone) for name, field in _SUMS.items()}
    less["good"] = len(gone)
    found.found = found.found | {name: found.found[name] - less[name] for name in less if name in found.found}


def mark_added(tx: Session, import_id: UUID, members: Mapping[int, UUID]) -> None:
    """Say by row which member came of it."""
    if members:
        tx.execute(
            text(
                "UPDATE import_row SET state = 'added', member_id = made.member_id FROM"
                " unnest(CAST(:numbers AS integer[]), CAST(:members AS uuid[])) AS made (number, member_id)"
                " WHERE import_id = :id AND import_row.number = made.number"
            ),
            {"id": import_id, "numbers": list(members), "members": list(members.values())},
        )


def added(tx: Session, import_id: UUID) -> list[tuple[int, UUID]]:
    """Row and member of everything that was added and still stands."""
    rows = tx.execute(
        select(ImportRow.number, ImportRow.member_id)
        .where(ImportRow.import_id == import_id, ImportRow.state == RowState.ADDED, ImportRow.member_id.is_not(None))
        .order_by(ImportRow.number)
    )
    return [(number, member_id) for number, member_id in rows if member_id is not None]


def find_own_case(
    tx: Session, import_id: UUID, member_ids: Sequence[UUID], household_ids: Sequence[UUID]
) -> tuple[UUID, UUID | None] | None:
    """The first of these people, or of these households, who stands in the file: id and household."""
    own = (
        select(Member.id, Member.household_id)
        .join(ImportRow, Member.id == ImportRow.member_id)
        .where(
            ImportRow.import_id == import_id,
            ImportRow.state != RowState.BAD,
            or_(Member.id == func.any(list(member_ids)), Member.household_id == func.any(list(household_ids))),
        )
        .order_by(ImportRow.number)
        .limit(1)
    )
    row = tx.execute(own).first()
    return None if row is None else (row.id, row.household_id)


def untouched(tx: Session, member_ids: Sequence[UUID]) -> set[UUID]:
    """Those of these members who are as a roster brought them: nothing changed, not merged, no login, no role, nobody's
    guardian, nothing taken over for them. Locked, so that nothing of it happens meanwhile.
    """
    other = aliased(Member)
    rows = tx.scalars(
        select(Member.id)
        .where(
            Member.id == func.any(list(member_ids)),
            Member.status == "active",
            Member.version == 1,
            ~exists().where(LoginMember.member_id == Member.id),
            ~exists().where(RoleGrant.member_id == Member.id),
            ~exists().where(other.guardian_id == Member.id),
            ~exists().where(
                ImportRow.member_id == Member.id,
                ImportRow.state == RowState.ADDED,
                ImportRow.import_id == ImportFile.id,
                ImportFile.kind == Kind.OPENING,
            ),
        )
        .order_by(Member.id)
        .with_for_update(of=Member)
    )
    return set(rows)


def list_added(tx: Session, import_id: UUID, *, limit: int) -> list[tuple[int, UUID, UUID]]:
    """Number, id and member of rows that were added and still stand."""
    rows = tx.execute(
        select(ImportRow.number, ImportRow.id, ImportRow.member_id)
        .where(ImportRow.import_id == import_id, ImportRow.state == RowState.ADDED, ImportRow.member_id.is_not(None))
        .order_by(ImportRow.number)
        .limit(limit)
    )
    return [(number, row_id, member_id) for number, row_id, member_id in rows if member_id is not None]
