"""Things made by clients under ids of their own: the same once, something else never."""

from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.members.store.keys import keys
from services.members.store.models import (
    Access,
    Concern,
    Creation,
    Employer,
    Erasure,
    Login,
    Member,
    Merge,
    Node,
    RoleGrant,
    Team,
)
from shared import clock
from shared.errors import Conflict

Made = Access | Concern | Employer | Erasure | Login | Member | Merge | Node | RoleGrant | Team


class IdTaken(Conflict):
    code = "id_taken"
    detail = "这个编号已经用于别的内容，请刷新页面后重新填写"


def is_new(
    tx: Session, model: type[Made], new_id: UUID, kind: str, content: Any, *, member_id: UUID | None = None
) -> bool:
    """Whether this id is asked for the first time; False for a repetition, IdTaken for another content and for what
    was made without a client: by a roster, by a code.

    A second request at the same moment waits here for the first to stand or fall.
    """
    input_hash = keys().input_hash(msgspec.json.encode([kind, content], order="deterministic"))
    row = {"id": new_id, "input_hash": input_hash, "member_id": member_id, "at": clock.now()}
    if tx.execute(insert(Creation).values(row).on_conflict_do_nothing().returning(Creation.id)).first():
        if tx.scalar(select(exists().where(model.id == new_id))):
            raise IdTaken
        return True
    if tx.scalar(select(Creation.input_hash).where(Creation.id == new_id)) != input_hash:
        raise IdTaken
    return False


def member_of(tx: Session, new_id: UUID) -> UUID | None:
    """The member that was answered when this id was first asked for."""
    return tx.scalar(select(Creation.member_id).where(Creation.id == new_id))
