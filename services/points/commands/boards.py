"""What news of members and stations mean for the boards and the books: the handlers of both."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.points.commands.follow_merges import follow_merges
from services.points.store import books, moves, standings
from shared import clock, copies
from shared.copies import station
from shared.events import Answer, MemberChanged, StationChanged

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
    """Keep the copies; a station that hangs elsewhere in the tree changes the boards above it."""
    ids = [fact.node_id for fact in facts]
    rows = tx.execute(select(station.c.node_id, station.c.path).where(station.c.node_id.in_(ids)))
    known = {row.node_id: row.path for row in rows}
    answers = copies.take_stations(tx, facts)
    moved = sorted({fact.node_id for fact in facts if known.get(fact.node_id) != fact.path})
    if moved:
        standings.distrust_boards(tx, moved)
    return answers
