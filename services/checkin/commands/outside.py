"""Staff enters numbers of other platforms, and makes batches of service records for them."""

from datetime import date
from uuid import UUID

from sqlalchemy.orm import Session

from services.checkin.domain import outside as rules
from services.checkin.domain.outside import Kind
from services.checkin.store import ExportBatch
from services.checkin.store import outside as store
from services.checkin.store.outside import Scope
from shared import audit, clock, copies
from shared.db import transactional
from shared.errors import Conflict, NotFound
from shared.principal import Principal, Role, Tried


@transactional
def set_number(
    tx: Session, caller: Principal, *, platform: str, kind: str, subject_id: UUID, number: str | None
) -> None:
    """Say under which number another platform knows a member or an activity; None takes it back. Never of the own
    household.
    """
    path = store.path_of_subject(tx, kind, subject_id)
    caller.require(Role.STAFF, path)
    if kind == Kind.MEMBER:
        card = copies.find_card(tx, subject_id)
        tried = Tried("outside_number.set", path, told={"platform": platform})
        copies.refuse_own_case(tx, caller, subject_id, card, tried)
    if number is None:
        changed = store.drop_number(tx, platform, kind, subject_id)
    else:
        changed = store.set_number(tx, platform, kind, subject_id, number, clock.now())
    if changed:
        audit.add(tx, caller, "outside_number.set", kind, subject_id, path=path, detail={"platform": platform})


@transactional
def make_batch(
    tx: Session,
    caller: Principal,
    *,
    batch_id: UUID,
    platform: str,
    node_id: UUID,
    from_day: date,
    to_day: date,
    with_unnumbered: bool = True,
) -> ExportBatch:
    """Take every settled record of a node and span that no batch of the platform has yet, and what was put right
    since it was in one. The same id once more is the same batch. Since nothing comes twice, records of activities that
    the platform has no number of can be left for later: `with_unnumbered` false.
    """
    node = copies.find_station(tx, node_id)
    if node is None:
        raise NotFound("没有找到这个站点")
    caller.require(Role.STAFF, node.path)
    rules.require_period(from_day, to_day)
    store.lock_platform(tx, platform)
    if (known := store.find_batch(tx, batch_id)) is not None:
        if (known.platform, known.node_id, known.from_day, known.to_day) != (platform, node_id, from_day, to_day):
            raise Conflict
        return known
    scope = Scope(platform, node_id, node.path, from_day, to_day)
    batch = store.make(
        tx, batch_id, scope, node.name, with_unnumbered=with_unnumbered, at=clock.now(), by=caller.own_member_id
    )
    if batch is None:
        raise rules.NothingToExport
    detail = {"platform": platform, "quantity": batch.records, "from_day": str(from_day), "to_day": str(to_day)}
    audit.add(tx, caller, "batch.make", "batch", batch_id, path=node.path, detail=detail)
    return batch
