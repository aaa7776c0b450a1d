"""What news of stations means for check-in: the copies, their past, and how a part that was split off begins."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from services.checkin.store import places as store
from services.checkin.store.switches import CONFIRM_EACH, REVIEW
from shared import audit, clock, copies
from shared.events import Answer, StationChanged
from shared.principal import Kind, Principal

ITSELF = Principal(kind=Kind.SERVICE, audience="checkin", issuer="checkin")


def take_stations(tx: Session, facts: Sequence[StationChanged]) -> list[Answer]:
    """Handler of StationChanged: the copy, and the past of those whose copy is of this very version. A station that was
    split off and is new here begins with the rules that are switched on at the one of which it was a part.
    """
    ids = [fact.node_id for fact in facts]
    known = store.list_versions(tx, ids)
    answers = copies.take_stations(tx, facts)
    for fact in {fact.node_id: fact for fact in facts if fact.node_id not in known}.values():
        if fact.split_from_id is not None:
            _begin_alike(tx, fact, fact.split_from_id)
    stands = store.list_versions(tx, ids)
    newest = {fact.node_id: fact for fact in facts if fact.version == stands.get(fact.node_id)}
    store.keep_past(tx, list(newest.values()))
    return answers


def _begin_alike(tx: Session, part: StationChanged, whole_id: UUID) -> None:
    for name, switches in (("confirm_each", CONFIRM_EACH), ("review", REVIEW)):
        if switches.is_on(tx, whole_id) and switches.switch_on(tx, part.node_id, clock.now()):
            detail = {"split_off": str(part.node_id)}
            audit.add(tx, ITSELF, f"{name}.switch_on", "node", part.node_id, path=part.path, detail=detail)
