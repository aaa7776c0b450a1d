"""What news of members and stations mean for the boards and the books: the handlers of both."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.points.commands.follow_merges import follow_merges
from services.points.store import books, moves, standings
from services.points.store.moves import LeaverRule
from shared import audit, clock, copies
from shared.copies import station
from shared.events import Answer, MemberChanged, StationChanged
from shared.principal import Kind, Principal

ITSELF = Principal(kind=Kind.SERVICE, audience="points", issuer="points")
_NOT_YET = Answer(status="later", code="merge_depends", detail="another merge is to be booked or taken back first")


def take_members(tx: Session, facts: Sequence[MemberChanged]) -> list[Answer]:
    """Keep the copies, and have the boards look again: consent, age or status may have changed. Who was merged has
    nothing any more; until that can be booked the news is to be sent again. Of who was erased the salts go: the seal
    holds digests, which lead to nobody then (ADR 35).
    """
    copies.take_members(tx, facts)
    member_ids = sorted({fact.member_id for fact in facts})
    early = follow_merges(tx, member_ids)
    moves.note_gone(tx, member_ids, clock.now())
    if forgotten := [fact.member_id for fact in facts if fact.status in ("erased", "merged")]:
        books.drop_salts(tx, forgotten)
    standings.mark_members(tx, member_ids)
    return [_NOT_YET if fact.member_id in early else Answer() for fact in facts]


def take_stations(tx: Session, facts: Sequence[StationChanged]) -> list[Answer]:
    """Keep the copies; a station that hangs elsewhere in the tree changes the boards above it. One that was split off
    and is new here begins as the one of which it was a part: its people, and who of them is gone, come with it.
    """
    ids = [fact.node_id for fact in facts]
    rows = tx.execute(select(station.c.node_id, station.c.path).where(station.c.node_id.in_(ids)))
    known = {row.node_id: row.path for row in rows}
    answers = copies.take_stations(tx, facts)
    for fact in {fact.node_id: fact for fact in facts if fact.node_id not in known}.values():
        if fact.split_from_id is not None:
            _begin_alike(tx, fact, fact.split_from_id)
    moved = sorted({fact.node_id for fact in facts if known.get(fact.node_id) != fact.path})
    if moved:
        standings.distrust_boards(tx, moved)
    return answers


def _begin_alike(tx: Session, part: StationChanged, whole_id: UUID) -> None:
    """Boards that are switched off stay so, and what becomes of the points of who is gone is as it was."""
    where, detail = ("node", part.node_id), {"split_off": str(part.node_id)}
    if standings.is_off(tx, whole_id) and standings.switch_off(tx, part.node_id, clock.now()):
        audit.add(tx, ITSELF, "board.switch_off", *where, path=part.path, detail=detail)
    if (rule := moves.find_own_rule(tx, whole_id)) is not None:
        own = LeaverRule(node_id=part.node_id, family_days=rule.family_days, donate=rule.donate, at=clock.now())
        moves.set_rule(tx, own)
        said = {"family_days": rule.family_days, "donate": rule.donate}
        audit.add(tx, ITSELF, "leaver.rule", *where, path=part.path, detail=detail | said)
