"""Statements on concerns and complaints."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, Text, bindparam, case, func, or_, select, true, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from services.members.domain.concerns import NUMBER_FIRST, NUMBER_LAST, OPEN, NoSuchConcern
from services.members.domain.names import mask
from services.members.domain.places import ROOT
from services.members.store.models import Concern, Member, Node
from services.members.store.tree import standing_path
from shared import clock
from shared.errors import Unavailable
from shared.ids import new_number
from shared.principal import Principal, Role

_DRAWS_MAX = 20
_handler = aliased(Member)
_OPEN = [state.value for state in OPEN]

# In so many words, for the index of open ones.
_is_open = Concern.state.in_(bindparam("open_states", _OPEN, expanding=True, literal_execute=True))

_path = func.coalesce(standing_path, ROOT)
# As `domain.concerns.path_of_answer`.
_path_of_answer = case((Concern.above, func.regexp_replace(_path, "[^/]+/$", "", type_=Text())), else_=_path)


def add(tx: Session, **values: Any) -> None:
    """Write one down under a number that no other has."""
    statement = insert(Concern).on_conflict_do_nothing(index_elements=["number"]).returning(Concern.id)
    for _ in range(_DRAWS_MAX):
        number = str(new_number(NUMBER_FIRST, NUMBER_LAST))
        if tx.execute(statement, {**values, "number": number}).first() is not None:
            return
    raise Unavailable


def lock(tx: Session, concern_id: UUID) -> tuple[Concern, str, UUID | None]:
    """One, to be changed by us alone, with the path at which it is answered and the household of whose it is."""
    row = tx.execute(
        select(Concern, _path_of_answer, Member.household_id)
        .outerjoin(Node, Node.id == Concern.node_id)
        .outerjoin(Member, Member.id == Concern.member_id)
        .where(Concern.id == concern_id)
        .with_for_update(of=Concern)
        .execution_options(populate_existing=True)
    ).first()
    if row is None:
        raise NoSuchConcern
    return row[0], row[1], row[2]


def give(tx: Session, from_id: UUID, to_id: UUID, of: Sequence[UUID] | None = None) -> Sequence[UUID]:
    """Let what one member has said be the other's; with `of` only of these. Which there were."""
    return _turn(tx, Concern.member_id, from_id, to_id, of)


def hand_over(tx: Session, from_id: UUID, to_id: UUID, of: Sequence[UUID] | None = None) -> Sequence[UUID]:
    """The same for what one member handles."""
    return _turn(tx, Concern.handler_member_id, from_id, to_id, of)


def _turn(
    tx: Session, whose: InstrumentedAttribute[UUID | None], from_id: UUID, to_id: UUID, of: Sequence[UUID] | None
) -> Sequence[UUID]:
    statement = update(Concern).where(whose == from_id)
    if of is not None:
        statement = statement.where(Concern.id == func.any(list(of)))
    turned = statement.values({whose: to_id}).returning(Concern.id)
    return tx.scalars(turned.execution_options(synchronize_session=False)).all()


def count_open(tx: Session, member_id: UUID) -> int:
    return tx.scalar(select(func.count()).where(Concern.member_id == member_id, _is_open)) or 0


def view() -> Select[*tuple[Any, ...]]:
    """Everything the wire shows, one row each; narrow it with `where`."""
    columns = (column for column in Concern.__table__.c if column.name != "contact_encrypted")
    return (
        select(
            *columns,
            Concern.contact_encrypted.is_not(None).label("has_contact"),
            Node.name.label("node_name"),
            _path_of_answer.label("path"),
            Member.name.label("member_name"),
            Member.volunteer_number,
            _handler.name.label("handler_name"),
        )
        .outerjoin(Node, Node.id == Concern.node_id)
        .outerjoin(Member, Member.id == Concern.member_id)
        .outerjoin(_handler, _handler.id == Concern.handler_member_id)
    )


def as_shown(row: Row[Any], *, to_officials: bool) -> dict[str, Any]:
    """A row of `view()` as the wire has it; names stand whole only for who answers for the place."""
    shown = dict(row._mapping)
    for name in ("member_name", "handler_name"):
        if shown[name] is not None and not to_officials:
            shown[name] = mask(shown[name])
    if shown["volunteer_number"] is not None:
        shown["volunteer_number"] = "*" * 8 + shown["volunteer_number"][-4:]
    return shown | {"is_overdue": row.state in _OPEN and row.due_on < clock.today()}


def find(tx: Session, concern_id: UUID) -> Row[*tuple[Any, ...]] | None:
    return tx.execute(view().where(Concern.id == concern_id)).first()


def show(tx: Session, caller: Principal, concern_id: UUID) -> dict[str, Any]:
    """One of the own members, or answered at the own nodes; NoSuchConcern also when the caller may not know of it."""
    row = find(tx, concern_id)
    if row is None:
        raise NoSuchConcern
    answers = caller.may(Role.STAFF, row.path) or caller.may(Role.AUDITOR, row.path)
    if not answers and (row.member_id is None or not caller.acts_for(row.member_id)):
        raise NoSuchConcern
    return as_shown(row, to_officials=answers)


def show_receipt(tx: Session, concern_id: UUID) -> dict[str, Any]:
    """The number, for whoever has just said it."""
    row = find(tx, concern_id)
    assert row is not None
    return {"id": row.id, "number": row.number, "due_on": row.due_on}


def list_of_member(tx: Session, member_id: UUID, *, limit: int, after: UUID | None) -> Sequence[Row[Any]]:
    """A member's own, newest first; ids are ordered by time."""
    statement = view().where(Concern.member_id == member_id).order_by(Concern.id.desc()).limit(limit)
    if after is not None:
        statement = statement.where(Concern.id < after)
    return tx.execute(statement).all()


def list_unseen(tx: Session, member_ids: Sequence[UUID], since: datetime, *, limit: int) -> Sequence[Row[Any]]:
    """Answers to these members that were given after a moment and that nobody has opened, the newest first."""
    mine = Concern.member_id == func.any(list(member_ids))
    statement = view().where(mine, Concern.answered_at > since, Concern.answer_seen_at.is_(None))
    return tx.execute(statement.order_by(Concern.answered_at.desc(), Concern.id).limit(limit)).all()


def note_seen(tx: Session, concern_id: UUID, member_ids: Sequence[UUID]) -> None:
    """Write down that the answer to one of these members was opened, the first time that it is."""
    mine = Concern.member_id == func.any(list(member_ids))
    unseen = update(Concern).where(
        Concern.id == concern_id, mine, Concern.answer.is_not(None), Concern.answer_seen_at.is_(None)
    )
    tx.execute(unseen.values(answer_seen_at=clock.now()).execution_options(synchronize_session=False))


def list_below(
    tx: Session, paths: Sequence[str], *, is_open: bool, kind: str | None, limit: int, after: UUID | None
) -> Sequence[Row[Any]]:
    """Those answered at or below one of the paths: open ones by the day they are due, others newest first."""
    order = (Concern.due_on, Concern.id)
    statement = view().where(below(paths), _is_open if is_open else ~_is_open).limit(limit)
    statement = statement.order_by(*(order if is_open else (Concern.id.desc(),)))
    if kind is not None:
        statement = statement.where(Concern.kind == kind)
    if after is not None:
        seen = aliased(Concern)
        last = select(seen.due_on, seen.id).where(seen.id == after).scalar_subquery()
        statement = statement.where(tuple_(*order) > last if is_open else Concern.id < after)
    return tx.execute(statement).all()


def below(paths: Sequence[str]) -> ColumnElement[bool]:
    return or_(*(true() if path == ROOT else _path_of_answer.startswith(path, autoescape=True) for path in paths))
