"""A lost badge is replaced: what was printed before opens nothing any more, also under entries that were merged."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.members.store import badges, entries, people
from shared import audit, clock
from shared.db import transactional
from shared.principal import Principal, Tried


@transactional
def replace_badge(tx: Session, caller: Principal, member_id: UUID, *, serial: int) -> dict[str, Any]:
    """Void the badge of this serial, if it is still the valid one; another one is left as it is, so that a
    repetition voids no new badge. What was printed for entries that were merged into the member opens the same points,
    and nobody can say which of them was lost: it is void as well. By staff, never for oneself or the own household.
    """
    member, path = people.get_as_staff(tx, caller, member_id)
    caller.refuse_own_case(member.id, member.household_id, Tried("member.replace_badge", path))
    present = badges.serials_of(tx, [member_id])[member_id]
    if serial == present:
        void = badges.serials_of(tx, [member_id, *entries.line_of(tx, member_id)])
        badges.set_serials(tx, {one: serial + 1 for one, serial in void.items()}, clock.now())
        audit.add_all(tx, caller, "member.replace_badge", "member", dict.fromkeys(void, path))
        present += 1
    return {"member_id": member_id, "serial": present}
