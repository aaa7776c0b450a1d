"""Use cases of the first administrator, who stands above every node."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from services.members.commands import hashing
from services.members.commands.logins import CodeMade, Registered
from services.members.commands.operator import OPERATOR
from services.members.commands.people import insert_members
from services.members.domain import consents as consent_rules
from services.members.domain import passwords
from services.members.domain.consents import Consent
from services.members.domain.people import NewMember
from services.members.store import creations, logins
from services.members.store.models import Login, RoleGrant
from shared import audit, clock
from shared.db import session, transactional
from shared.errors import Conflict
from shared.ids import new_id, new_short_code, read_short_code
from shared.principal import Principal, Role

_LIVE = RoleGrant.revoked_at.is_(None), RoleGrant.role == Role.ADMINISTRATOR
_OF_ANY_PLACE = exists().where(*_LIVE)
_OF_EVERYTHING = exists().where(*_LIVE, RoleGrant.node_id.is_(None))


class AlreadyThere(Conflict):
    code = "administrator_exists"
    detail = "已经有管理员了，请由管理员授权"


@dataclass(frozen=True, slots=True)
class Administrators:
    """Open to all, since an empty system must say what comes first."""

    is_there: bool
    """Whether anybody may do everything; until then the machine's code lets the first one in."""
    is_anywhere: bool
    """Whether there is one of any place: nobody else is sent to what only the machine's owner can do."""


def look() -> Administrators:
    return Administrators(*session().execute(select(_OF_EVERYTHING, _OF_ANY_PLACE)).one())


def _is_there(tx: Session) -> bool:
    return bool(tx.scalar(select(_OF_EVERYTHING)))


@transactional
def make_first_code(tx: Session) -> CodeMade:
    """A code for the first administrator, for who can work on the machine; refused once there is one."""
    if _is_there(tx):
        raise AlreadyThere
    code = new_short_code()
    made = logins.add_code(tx, "first_administrator", None, code)
    audit.add(tx, OPERATOR, "administrator.make_code", "code", made.id)
    return CodeMade(code, made.expires_at)


def register_first(
    caller: Principal,
    *,
    login_id: UUID,
    code: str,
    phone: str,
    password: str,
    name: str,
    consents: list[Consent],
) -> Registered:
    """The first administrator: login, confirmed person, and the right everywhere."""
    passwords.check_password(password, phone)
    consent_rules.check(consents)
    registered = _register_first(
        caller, login_id, read_short_code(code), phone, name, consents, hashing.hash_password(password)
    )
    if registered is None:
        raise passwords.WrongCode
    return registered


@transactional
def _register_first(
    tx: Session,
    caller: Principal,
    login_id: UUID,
    code: str,
    phone: str,
    name: str,
    consents: list[Consent],
    password_hash: str,
) -> Registered | None:
    taken = logins.take_code(tx, "first_administrator", None, code)
    content = [code, phone, name, consents]
    if taken is None:
        # A repetition finds its own code used up.
        if creations.member_of(tx, login_id) is None or creations.is_new(tx, Login, login_id, "administrator", content):
            return None
    elif _is_there(tx):
        raise AlreadyThere
    else:
        row = NewMember(id=new_id(), name=name, phone=phone, consents=tuple(consents), confirmed=True)
        if not creations.is_new(tx, Login, login_id, "administrator", content, member_id=row.id):
            raise creations.IdTaken
        insert_members(tx, caller, [row])
        if not logins.add_login(tx, login_id, phone, password_hash, row.id):
            # Whoever holds the code may know it: nobody else could have registered before.
            raise AlreadyThere("这个手机号已经注册过，请换一个手机号")
        tx.flush()
        grant = RoleGrant(
            id=new_id(),
            member_id=row.id,
            role=Role.ADMINISTRATOR,
            node_id=None,
            granted_at=clock.now(),
            granted_by=caller.who,
            revoked_at=None,
            revoked_by=None,
        )
        tx.add(grant)
        audit.add(
            tx,
            caller,
            "grant.add",
            "grant",
            grant.id,
            detail={
                "member_id": str(row.id),
                "role": Role.ADMINISTRATOR,
                "node_id": None,
            },
        )
    member_id = creations.member_of(tx, login_id)
    assert member_id is not None
    return Registered(login_id, member_id)
