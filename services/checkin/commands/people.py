"""Copies of members, what becomes of stays when two of them turn out to be one person, and who is forgotten."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from services.checkin.store import attendances, outside
from shared import copies
from shared.events import Answer, MemberChanged


def take_members(tx: Session, facts: Sequence[MemberChanged]) -> list[Answer]:
    """Handler of MemberChanged: the copies. Who was in two places at once under two entries that were merged has to be
    looked at, where nobody has confirmed it yet. Who was erased has no number of another platform any more.
    """
    answers = copies.take_members(tx, facts)
    if merged := [fact.member_id for fact in facts if fact.merged_into is not None]:
        persons = set(copies.who_stays(tx, merged).values())
        attendances.mark_overlapping(tx, attendances.lock_waiting(tx, persons | copies.merged_into(tx, persons).keys()))
    if erased := [fact.member_id for fact in facts if fact.status == "erased"]:
        outside.forget_members(tx, [*erased, *copies.merged_into(tx, erased)])
    return answers
