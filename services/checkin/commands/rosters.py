"""Use case: say of people on a roster that is to be taken back, whom check-in has seen."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.checkin.store import Site, attendance_table
from shared.events import Answer, RosterUndoAsked


def answer_roster_undo(tx: Session, facts: Sequence[RosterUndoAsked]) -> list[Answer]:
    """Handler of RosterUndoAsked: who has an attendance, or leads a site, stays."""
    answers = []
    for fact in facts:
        asked = func.any(list(fact.member_ids))
        served = select(attendance_table.c.member_id).where(attendance_table.c.member_id == asked)
        leading = select(Site.leader_member_id).where(Site.leader_member_id == asked)
        seen = tx.scalars(served.union(leading))
        answers.append(Answer(outcome={"seen": sorted(str(member_id) for member_id in seen)}))
    return answers
