"""Copies of members, what becomes of stays when two of them turn out to be one person, or two after all, and who is
forgotten.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from services.checkin.commands.attendances import settle
from services.checkin.domain.attendances import State, restore
from services.checkin.store import activities, attendances, doubled, outside
from shared import copies
from shared.events import Answer, MemberChanged


def take_members(tx: Session, facts: Sequence[MemberChanged]) -> list[Answer]:
    """Handler of MemberChanged: the copies. Who was in two places at once under two entries that were merged has to be
    looked at, where nobody has confirmed it yet; what counts twice is for staff to take back, and comes back when the
    merge is undone. Who was erased has no number of another platform any more.
    """
    before = doubled.list_merged(tx, [fact.member_id for fact in facts])
    together = doubled.take_turn(tx, before) if before else []
    answers = copies.take_members(tx, facts)
    erased = {fact.member_id for fact in facts if fact.status == "erased"}
    if merged := [fact.member_id for fact in facts if fact.merged_into is not None]:
        persons = set(copies.who_stays(tx, merged).values())
        # The news of a merge may come after that of who was erased.
        erased |= {card.member_id for card in copies.find_cards(tx, persons).values() if card.status == "erased"}
        attendances.mark_overlapping(tx, attendances.lock_waiting(tx, persons | copies.merged_into(tx, persons).keys()))
    # Also of who was parted from one and merged into another by news that came together.
    if before and doubled.list_merged(tx, before) != before:
        _give_back(tx, together)
    if erased:
        outside.forget_members(tx, [*erased, *copies.merged_into(tx, erased)])
    return answers


def _give_back(tx: Session, member_ids: Iterable[UUID]) -> None:
    """Let stays count again that were taken back as doubled, one after the other, where they are it no more."""
    for row in doubled.list_taken_back(tx, member_ids):
        if doubled.list_doubled_among(tx, [row.id]):
            continue
        pairs = attendances.lock_pairs_beside(tx, row.id)
        pair = next(pair for pair in pairs if pair.id == row.id)
        was = State.CORRECTED if row.was_corrected else State.CONFIRMED
        activity = activities.get_activity(tx, pair.activity_id)
        settle(tx, activity, pairs, {pair.id: restore(pair, was=was)})
