"""Copies of members and stations, kept by every service that decides something about them.

Members tells them by events; the higher version wins, so events may come twice and in any order.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Date,
    Index,
    Row,
    Select,
    Table,
    Text,
    Uuid,
    func,
    literal,
    literal_column,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.db import copies_metadata
from shared.events import Answer, MemberChanged, StationChanged
from shared.principal import Principal, Tried

member_card = Table(
    "member_card",
    copies_metadata,
    Column("member_id", Uuid, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("confirmed", Boolean, nullable=False),
    Column("merged_into", Uuid),
    Column("volunteer_number", Text, nullable=False),
    Column("name_masked", Text, nullable=False),
    Column("name_public", Text),
    Column("ranked", Boolean, nullable=False),
    Column("station_id", Uuid),
    Column("compound_id", Uuid),
    Column("building_id", Uuid),
    Column("household_id", Uuid),
    Column("team_ids", ARRAY(Uuid), nullable=False),
    Column("employer_id", Uuid),
    Column("birth_date", Date),
    Index("ix_member_card_station_id", "station_id"),
    Index("ix_member_card_merged_into", "merged_into", postgresql_where=text("merged_into IS NOT NULL")),
)

station = Table(
    "station",
    copies_metadata,
    Column("node_id", Uuid, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("level", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("parent_id", Uuid),
    Column("successor_id", Uuid),
    Column("closed", Boolean, nullable=False),
    Index("ix_station_path", "path", postgresql_ops={"path": "text_pattern_ops"}),
)


def take_members(tx: Session, facts: Sequence[MemberChanged]) -> list[Answer]:
    """Handler of MemberChanged."""
    _take(tx, member_card, "member_id", facts)
    return [Answer() for _ in facts]


def take_stations(tx: Session, facts: Sequence[StationChanged]) -> list[Answer]:
    """Handler of StationChanged."""
    _take(tx, station, "node_id", facts)
    return [Answer() for _ in facts]


def _take(tx: Session, table: Table, key: str, facts: Sequence[MemberChanged | StationChanged]) -> None:
    # One statement may not touch a row twice: only the newest version of each counts anyway. Sorted,
    # so that two batches lock rows in the same order.
    rows = [{column.name: getattr(fact, column.name) for column in table.columns} for fact in facts]
    newest: dict[UUID, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: (row[key], row["version"])):
        newest[row[key]] = row
    statement = insert(table).values(list(newest.values()))
    tx.execute(
        statement.on_conflict_do_update(
            index_elements=[key],
            set_={column.name: statement.excluded[column.name] for column in table.columns if column.name != key},
            where=statement.excluded.version > table.c.version,
        )
    )


def find_card(tx: Session, member_id: UUID) -> Row[Any] | None:
    """The copy of one member; columns as `member_card`."""
    return tx.execute(select(member_card).where(member_card.c.member_id == member_id)).first()


def find_cards(tx: Session, member_ids: Iterable[UUID]) -> dict[UUID, Row[Any]]:
    """The copies of several members by id, so far as they have come."""
    rows = tx.execute(select(member_card).where(member_card.c.member_id == func.any(list(member_ids))))
    return {row.member_id: row for row in rows}


def find_station(tx: Session, node_id: UUID) -> Row[Any] | None:
    """The copy of one node; columns as `station`."""
    return tx.execute(select(station).where(station.c.node_id == node_id)).first()


# --- Who turned out to be the same person -----------------------------------------------------------


def list_merged(tx: Session, member_id: UUID) -> list[UUID]:
    """A member and all who were merged into the member, at whatever remove; the member first."""
    return [member_id, *(one for one in tx.scalars(merged_line(literal(member_id, Uuid))) if one != member_id)]


def merged_line(member_id: ColumnElement[Any]) -> Select[UUID]:
    """The same as a part of a statement: the ids, for an IN."""
    return select(_line(select(member_id.label("member_id"))).c.member_id)


def _line(start: Select[Any]) -> CTE:
    """Members and all who were merged into them, who have what else `start` says of these.

    Looked up one by one, which OFFSET 0 sees to: where hardly anybody was merged PostgreSQL guesses that one in two
    hundred went into each member, and would read all cards for every redemption.
    """
    line = start.cte("line", recursive=True)
    theirs = select(member_card.c.member_id).where(member_card.c.merged_into == line.c.member_id)
    one_by_one = theirs.offset(literal_column("0")).lateral("theirs")
    also = [column for column in line.c if column.name != "member_id"]
    return line.union(select(one_by_one.c.member_id, *also).select_from(line.join(one_by_one, true())))


def who_stays(tx: Session, member_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Of each member the one who stays after merges: mostly the member."""
    card, wanted = member_card.c, list(member_ids)
    up = (
        select(card.member_id, card.merged_into)
        .where(card.member_id == func.any(wanted), card.merged_into.is_not(None))
        .cte("up", recursive=True)
    )
    further = select(card.member_id, card.merged_into).join(up, card.member_id == up.c.merged_into)
    above = up.union(further.where(card.merged_into.is_not(None)))
    into: dict[UUID, UUID] = {row.member_id: row.merged_into for row in tx.execute(select(above))}
    return {member_id: _end_of(into, member_id) for member_id in wanted}


def merged_into(tx: Session, member_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Of everybody who was merged into one of these, at whatever remove, that one."""
    wanted = func.unnest(literal(list(member_ids), ARRAY(Uuid))).column_valued("wanted")
    line = _line(select(wanted.label("member_id"), wanted.label("stays")))
    rows = tx.execute(select(line).where(line.c.member_id != line.c.stays))
    return {row.member_id: row.stays for row in rows}


def _end_of(into: dict[UUID, UUID], member_id: UUID) -> UUID:
    seen = {member_id}
    while (further := into.get(member_id)) is not None and further not in seen:
        seen.add(further)
        member_id = further
    return member_id


def acts_for(tx: Session, caller: Principal, member_id: UUID) -> bool:
    """Whether a login may act for a member, or for whom the member was merged into."""
    return caller.acts_for(member_id) or caller.acts_for(who_stays(tx, [member_id])[member_id])


def require_acts_for(tx: Session, caller: Principal, member_id: UUID) -> None:
    """Raise Forbidden unless `acts_for`."""
    if not acts_for(tx, caller, member_id):
        caller.require_acts_for(member_id)


def own_cases(tx: Session, caller: Principal, cards: Mapping[UUID, Row[Any]]) -> set[UUID]:
    """Those of these cards' members who are the caller's own or of their households, or whose entry was merged into
    such a one: it may be news yet to come that they live together.
    """
    merged = [member_id for member_id, card in cards.items() if card.merged_into is not None]
    stays = who_stays(tx, merged) if merged else {}
    known = {**cards, **(find_cards(tx, stays.values()) if stays else {})}

    def is_own(member_id: UUID) -> bool:
        card = known.get(member_id)
        return caller.is_own_case(member_id, None if card is None else card.household_id)

    return {member_id for member_id in cards if is_own(member_id) or is_own(stays.get(member_id, member_id))}


class Home(Protocol):
    """Of a member's card what an own case is known by."""

    @property
    def household_id(self) -> UUID | None: ...

    @property
    def merged_into(self) -> UUID | None: ...


def refuse_own_case(
    tx: Session,
    caller: Principal,
    member_id: UUID,
    card: Home | Row[Any] | None,
    tried: Tried,
    *,
    detail: str | None = None,
) -> None:
    """Raise OwnCase as by `own_cases`; `card` is None when it has not come yet."""
    caller.refuse_own_case(member_id, None if card is None else card.household_id, tried, detail=detail)
    if card is not None and card.merged_into is not None:
        stays = who_stays(tx, [member_id])[member_id]
        theirs = find_card(tx, stays)
        caller.refuse_own_case(stays, None if theirs is None else theirs.household_id, tried, detail=detail)


PERSONS = """
merged (member_id, person_id) AS (
    SELECT member_id, merged_into FROM member_card WHERE merged_into IS NOT NULL
    UNION
    SELECT merged.member_id, card.merged_into
    FROM merged JOIN member_card card ON card.member_id = merged.person_id WHERE card.merged_into IS NOT NULL
), person AS (
    SELECT member_id, person_id FROM merged WHERE NOT EXISTS (
        SELECT FROM member_card gone WHERE gone.member_id = merged.person_id AND gone.merged_into IS NOT NULL
    )
)
"""
"""Of everybody who was merged who stays, at whatever remove: part of a WITH RECURSIVE. It reads no other cards than
theirs, by an index.
"""
