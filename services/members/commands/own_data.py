"""Use cases on one's own data: taking a copy away."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.members.commands import hashing
from services.members.domain import passwords
from services.members.store import cards, claims, groups, logins, own_data, people
from services.members.store.keys import keys
from services.members.store.models import Login
from shared import audit, clock
from shared.db import transactional
from shared.principal import Principal


def require_password(caller: Principal, password: str) -> None:
    """Who sits at a browser that is logged in may be somebody else: the password again, before what cannot be undone.
    Wrong ones slow down like those at logging in.
    """
    assert caller.login_id is not None
    attempts = keys().attempts_key("again", str(caller.login_id))
    if not hashing.is_right(_begin(attempts, caller.login_id), password):
        raise passwords.WrongPassword
    _forgive(attempts)


@transactional
def _begin(tx: Session, attempts: bytes, login_id: UUID) -> str | None:
    logins.count_attempt(tx, attempts)
    login = tx.get(Login, login_id)
    return None if login is None else login.password_hash


@transactional
def _forgive(tx: Session, attempts: bytes) -> None:
    logins.forgive(tx, attempts)


def export(caller: Principal, member_id: UUID, password: str) -> dict[str, Any]:
    """All that members holds of somebody this login acts for, after the password was entered again."""
    caller.require_acts_for(member_id)
    require_password(caller, password)
    return _export(caller, member_id)


@transactional
def _export(tx: Session, caller: Principal, member_id: UUID) -> dict[str, Any]:
    member = people.get_member(tx, member_id)
    since = own_data.list_logins(tx, member_id)
    acting = claims.list_acting(tx, [member_id]).get(member_id, [])
    own_id = logins.own_login_id(tx, member_id)
    if own_id is not None:
        acting.append({"login_id": own_id, "name": member.name, "relation": "self"})
    exported = {
        "exported_at": clock.now(),
        "member": cards.show(tx, member_id),
        "phone": people.unseal_phone(member),
        "consents": own_data.list_consents(tx, member_id),
        "logins": [one | {"since": since.get(one["login_id"])} for one in acting],
        "grants": groups.list_grants(tx, member_id=member_id),
        "acts": own_data.list_acts(tx, member_id, set(since)),
    }
    audit.add(tx, caller, "login.export", "member", member_id, path=people.path_of(tx, member))
    return exported
