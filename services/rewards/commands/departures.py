"""What news of members mean for redemptions: the handler of MemberChanged."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from services.rewards import store
from services.rewards.commands.redemptions import cancel_of_gone
from shared import clock, copies
from shared.events import Answer, MemberChanged


def take_members(tx: Session, facts: Sequence[MemberChanged]) -> list[Answer]:
    """Keep the copies; what somebody who has left did not collect is cancelled and given back. Nobody comes for what
    somebody redeemed who was erased since: its time is over now, and the sweep does the same. That an entry was merged
    may be learned after what became of who stays.
    """
    answers = copies.take_members(tx, facts)
    stay = copies.who_stays(tx, [fact.member_id for fact in facts if fact.status == "merged"]).values()
    if gone := {*stay, *(fact.member_id for fact in facts if fact.status == "left")}:
        cancel_of_gone(tx, sorted(gone))
    if erased := {*stay, *(fact.member_id for fact in facts if fact.status == "erased")}:
        store.end_time_of_erased(tx, sorted(erased), clock.now())
    return answers
