"""Use cases on whom a login acts for: a member who is there already is claimed by a one-time code, and let go of.

The token is long and random, so a right one never waits for others' failures; wrong ones slow down who sends them.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn
from uuid import UUID

from flask import current_app
from sqlalchemy.orm import Session

from services.members.commands import hashing
from services.members.commands.logins import Registered
from services.members.commands.people import require_above_grants
from services.members.domain import claims as rules
from services.members.domain import consents as consent_rules
from services.members.domain import passwords
from services.members.domain.consents import Consent
from services.members.domain.names import is_child, mask
from services.members.domain.people import FAMILY, FAMILY_MAX, FamilyFull
from services.members.store import cards, claims, creations, logins, people
from services.members.store.keys import keys
from services.members.store.models import Login, LoginMember, Member, OneTimeCode
from shared import audit, clock
from shared.db import session, transactional
from shared.errors import Forbidden
from shared.ids import new_id
from shared.principal import Principal, Role, Tried


@dataclass(frozen=True, slots=True)
class ClaimMade:
    """A code to hand over as a QR, shown this once."""

    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Claimed:
    member_id: UUID
    relation: str


# --- The code -------------------------------------------------------------------------------------------


@transactional
def make_claim_code(tx: Session, caller: Principal, member_id: UUID) -> ClaimMade:
    """An organizer of the member's station makes a code with which somebody's login acts for this member.

    Never in the own case, and for somebody with roles only by an administrator of every node they hold at: the login
    that becomes theirs has these roles.
    """
    member = people.get_member(tx, member_id, lock=True)
    path = people.path_of(tx, member)
    if not caller.may(Role.ORGANIZER, path):
        raise people.MemberNotFound
    caller.refuse_own_case(member.id, member.household_id, Tried("login.make_claim", path))
    require_above_grants(tx, caller, member_id)
    if logins.own_login_id(tx, member_id) is not None:
        raise rules.HasLogin
    token = secrets.token_urlsafe(rules.TOKEN_BYTES)
    made = logins.add_code(tx, claims.CLAIM, member_id, token)
    made.made_by = caller.who
    made.expires_at = made.created_at + rules.LIFETIME
    audit.add(tx, caller, "login.make_claim", "member", member_id, path=path)
    return ClaimMade(f"{current_app.config['SETTINGS'].public_url}/c/{token}", made.expires_at)


def read_claim(caller: Principal, token: str, network: str = "") -> dict[str, Any]:
    """Whom a code hands over, as little as tells people apart; one that is over tells it to the login that used it."""
    tx = session()
    code = claims.find_code(tx, token)
    if code is None or code.member_id is None:
        _refuse(caller, network)
    shown = cards.show(tx, code.member_id)
    is_mine = caller.login_id is not None and claims.relation_of(tx, caller.login_id, code.member_id) is not None
    if shown["status"] != "active" or not (claims.is_live(code) or is_mine):
        _refuse(caller, network)
    return {
        "name_masked": mask(shown["name"]),
        "station_name": shown["station_name"],
        "child": is_child(shown["birth_date"], clock.today()),
        "others_acting": bool(claims.list_acting(tx, [code.member_id])),
        "expires_at": code.expires_at,
        "is_over": not claims.is_live(code),
    }


def _refuse(caller: Principal, network: str) -> NoReturn:
    """Count a wrong code against who sent it: SlowDown when it was one of many."""
    _count(keys().attempts_key("claim", str(caller.login_id) if caller.login_id else network))
    raise rules.WrongClaimCode


@transactional
def _count(tx: Session, attempts: bytes) -> None:
    logins.count_attempt(tx, attempts)


# --- Claiming with a login --------------------------------------------------------------------------------


def claim(caller: Principal, *, token: str, relation: str, alone: bool = False, network: str = "") -> Claimed:
    """Let my login act for the member whose code this is: as the person itself, or for somebody of the family.

    `alone`: nobody else's login acts for the member any more; for the person itself to say. The same claim again is
    answered alike.
    """
    claimed = _claim(caller, token, relation, alone)
    return claimed or _refuse(caller, network)


@transactional
def _claim(tx: Session, caller: Principal, token: str, relation: str, alone: bool) -> Claimed | None:
    assert caller.login_id is not None
    claims.lock_login(tx, caller.login_id)
    code, member = _lock_claimed(tx, token)
    if code is None or member is None:
        return None
    present = claims.relation_of(tx, caller.login_id, member.id)
    if present == relation and code.ended_at is not None:
        return Claimed(member.id, relation)
    if not claims.is_live(code):
        return None
    if code.made_by == caller.who:
        raise rules.MadeByOneself
    if present is not None and present != relation and relation != "self":
        raise rules.AlreadyYours
    if present is None and claims.count_members(tx, caller.login_id) >= FAMILY_MAX:
        raise FamilyFull
    if relation == "self":
        _become(tx, caller.login_id, member)
    elif present is None:
        _take_in(tx, caller.login_id, member, relation)
    code.ended_at = clock.now()
    let_go = claims.let_go(tx, member.id, but=caller.login_id) if alone and relation == "self" else 0
    _note(tx, caller, member, relation, let_go)
    return Claimed(member.id, relation)


def _lock_claimed(tx: Session, token: str) -> tuple[OneTimeCode | None, Member | None]:
    """The code and its member, locked, the member first as by who makes codes; nothing for an unknown one and for a
    member who is no longer there.
    """
    known = claims.find_code(tx, token)
    if known is None or known.member_id is None:
        return None, None
    try:
        member = people.get_member(tx, known.member_id, lock=True)
    except people.MemberNotFound:
        return None, None
    return claims.find_code(tx, token, lock=True), member


def _become(tx: Session, login_id: UUID, member: Member) -> None:
    """The login is this member's own from now on."""
    if is_child(member.birth_date, clock.today()):
        raise consent_rules.GuardianNeeded
    own_id = logins.own_member_id(tx, login_id)
    if own_id is not None:
        raise rules.SomebodyAlready
    if logins.own_login_id(tx, member.id) is not None:
        raise rules.HasLogin
    linked = tx.get(LoginMember, (login_id, member.id))
    if linked is not None:
        linked.relation = "self"
    else:
        tx.add(LoginMember(login_id=login_id, member_id=member.id, relation="self", since=clock.now()))
    tx.flush()


def _take_in(tx: Session, login_id: UUID, member: Member, relation: str) -> None:
    """The login acts for this member from now on. Family shares a household where one of the two has none yet: to
    move somebody from one household to another is for staff.
    """
    own_id = logins.own_member_id(tx, login_id)
    own = None if own_id is None else people.get_member(tx, own_id, lock=True)
    changed = set[UUID]()
    if own is not None and relation in FAMILY and None in (own.household_id, member.household_id):
        shared = own.household_id or member.household_id or new_id()
        changed = {one.id for one in (own, member) if one.household_id != shared}
        own.household_id = member.household_id = shared
    if own is not None and member.guardian_id is None and is_child(member.birth_date, clock.today()):
        member.guardian_id = own.id
        changed.add(member.id)
    tx.add(LoginMember(login_id=login_id, member_id=member.id, relation=relation, since=clock.now()))
    tx.flush()
    if changed:
        people.tell(tx, sorted(changed))


def _note(tx: Session, caller: Principal, member: Member, relation: str, let_go: int) -> None:
    detail = {"relation": relation} | ({"let_go": let_go} if let_go else {})
    audit.add(tx, caller, "login.claim", "member", member.id, path=people.path_of(tx, member), detail=detail)


# --- Claiming by registering --------------------------------------------------------------------------------


def register_by_claim(
    caller: Principal,
    *,
    login_id: UUID,
    token: str,
    phone: str,
    password: str,
    consents: list[Consent],
    alone: bool = False,
    network: str = "",
) -> Registered:
    """Make a login whose person is the member that the code hands over: the one there is, no new one.

    For a phone that has a login already nothing is made, the code stays, and the answer looks the same (ADR 10).
    """
    passwords.check_password(password, phone)
    password_hash = hashing.hash_password(password)
    registered = _register_by_claim(caller, login_id, token, phone, password_hash, consents, alone)
    return registered or _refuse(caller, network)


@transactional
def _register_by_claim(
    tx: Session,
    caller: Principal,
    login_id: UUID,
    token: str,
    phone: str,
    password_hash: str,
    consents: list[Consent],
    alone: bool,
) -> Registered | None:
    code, member = _lock_claimed(tx, token)
    if code is None or member is None:
        return None
    if not claims.is_live(code) and creations.member_of(tx, login_id) != member.id:
        return None
    if not creations.is_new(tx, Login, login_id, "claim", [token, phone, consents, alone], member_id=member.id):
        return Registered(login_id, member.id)
    consent_rules.check_joining(consents, member.birth_date, clock.today(), by_guardian=False)
    if logins.own_login_id(tx, member.id) is not None:
        raise rules.HasLogin
    if not logins.add_login(tx, login_id, phone, password_hash, member.id, since=clock.now()):
        return Registered(login_id, member.id)
    code.ended_at = clock.now()
    if member.phone_hash is None:
        for column, value in people.phone_columns(member.id, phone).items():
            setattr(member, column, value)
    people.add_consents(tx, ((member.id, consent) for consent in consents), f"login:{login_id}")
    people.tell(tx, [member.id])
    let_go = claims.let_go(tx, member.id, but=login_id) if alone else 0
    _note(tx, caller, member, "self", let_go)
    return Registered(login_id, member.id)


# --- Letting go -----------------------------------------------------------------------------------------


@transactional
def release(tx: Session, caller: Principal, member_id: UUID, login_id: UUID | None = None) -> None:
    """My login no longer acts for this member, who stays; with `login_id`, somebody else's login no longer acts for me.
    Doing it again changes nothing. A child is never left without anybody.
    """
    assert caller.login_id is not None
    from_login = login_id or caller.login_id
    claims.lock_login(tx, caller.login_id)
    if from_login != caller.login_id and logins.own_member_id(tx, caller.login_id) != member_id:
        raise Forbidden("只能由本人决定谁不再代管")
    relation = claims.relation_of(tx, from_login, member_id)
    if relation is None:
        return
    member = people.get_member(tx, member_id, lock=True)
    if relation == "self":
        raise rules.NotYourself
    others = claims.others_acting(tx, member_id, from_login)
    if is_child(member.birth_date, clock.today()):
        if not others:
            raise rules.ChildNeedsSomebody
        if member.guardian_id == logins.own_member_id(tx, from_login):
            member.guardian_id = others[0]
            people.tell(tx, [member_id])
    claims.let_go(tx, member_id, login_id=from_login)
    audit.add(
        tx,
        caller,
        "login.release",
        "member",
        member_id,
        path=people.path_of(tx, member),
        detail={"relation": relation},
    )
