"""Use cases on logins: registering, logging in and out, API tokens, passwords by one-time code.

Whoever asks must not learn whether a phone number is known here (ADR 10). So every path does the
same work, whatever it finds, and answers in the same words.
"""

import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.members.commands import hashing
from services.members.commands.people import insert_members, require_above_grants
from services.members.domain import consents as consent_rules
from services.members.domain import passwords
from services.members.domain.consents import Consent
from services.members.domain.people import NewMember, check_birth_date
from services.members.store import creations, logins, people
from services.members.store.keys import keys
from services.members.store.models import Access, Login, Member
from shared import audit, clock, tokens
from shared.db import transactional
from shared.errors import Forbidden, NotFound, RuleBroken
from shared.ids import new_id, new_short_code, read_short_code
from shared.principal import Principal, Tried

TOKENS_MAX = 20
_TOKEN_BYTES = 32


class TooManyTokens(RuleBroken):
    code = "too_many_tokens"
    detail = f"最多同时有 {TOKENS_MAX} 个有效的接口令牌，请先撤销不用的"


class ByTokenNever(Forbidden):
    code = "by_token_never"
    detail = "不能用接口令牌创建令牌，请登录后在网页上创建"


class NoPhone(RuleBroken):
    code = "no_phone"
    detail = "这位志愿者没有登记手机号，请先登记"


class PhoneHasLogin(RuleBroken):
    code = "phone_has_login"
    detail = "这个手机号已是另一位志愿者的登录账号，请由对方登录后代管，或先改登记的手机号"


@dataclass(frozen=True, slots=True)
class Registered:
    login_id: UUID
    member_id: UUID


@dataclass(frozen=True, slots=True)
class Opened:
    """A token, shown this once."""

    id: UUID
    token: str
    login_id: UUID
    expires_at: datetime


# --- Registering -------------------------------------------------------------------------------------


def register(
    caller: Principal,
    *,
    login_id: UUID,
    phone: str,
    password: str,
    name: str,
    consents: list[Consent],
    station_id: UUID | None = None,
    compound_id: UUID | None = None,
    building_id: UUID | None = None,
    birth_date: date | None = None,
) -> Registered:
    """Make a login and its person, not yet confirmed by staff.

    For a phone that has a login already nothing is made, and the answer looks the same.
    """
    passwords.check_password(password, phone)
    check_birth_date(birth_date, clock.today())
    consent_rules.check_joining(consents, birth_date, clock.today(), by_guardian=False)
    password_hash = hashing.hash_password(password)
    row = NewMember(
        id=new_id(),
        name=name,
        phone=phone,
        birth_date=birth_date,
        station_id=station_id,
        compound_id=compound_id,
        building_id=building_id,
        consents=tuple(consents),
    )
    return _register(caller, login_id, row, password_hash)


@transactional
def _register(tx: Session, caller: Principal, login_id: UUID, row: NewMember, password_hash: str) -> Registered:
    # Not the password: what is kept of it is argon2's alone. The first one stands; who repeats the form with
    # another is told so by the log-in that follows, like anybody else (ADR 10).
    content = [
        row.name,
        row.phone,
        row.birth_date,
        row.station_id,
        row.compound_id,
        row.building_id,
        row.consents,
    ]
    assert row.phone is not None
    if not creations.is_new(tx, Login, login_id, "login", content, member_id=row.id):
        member_id = creations.member_of(tx, login_id)
        assert member_id is not None
        return Registered(login_id, member_id)
    _make(tx, caller, login_id, row, password_hash)
    return Registered(login_id, row.id)


def _make(tx: Session, caller: Principal, login_id: UUID, row: NewMember, password_hash: str) -> None:
    """Person and login. Neither stands when the phone has a login, but then too all is written first: looking
    before would answer sooner for known phones.
    """
    assert row.phone is not None
    with tx.begin_nested() as savepoint:
        insert_members(tx, caller, [row])
        if logins.add_login(tx, login_id, row.phone, password_hash, row.id):
            tx.flush()
        else:
            savepoint.rollback()


# --- Attempts ------------------------------------------------------------------------------------------


@transactional
def _forgive(tx: Session, *attempts: bytes) -> None:
    for key in attempts:
        logins.forgive(tx, key)


# --- Sessions and API tokens -------------------------------------------------------------------------


def log_in(*, phone: str, password: str, network: str = "") -> Opened:
    """Open a session. Wrong passwords and unknown phones cost the same time, say the same, and slow down alike.

    Who keeps failing from one network waits there, and keeps out nobody who comes from another.
    """
    attempts = _login_attempts(phone, network)
    login_id, password_hash = _begin_log_in(attempts, phone)
    if not hashing.is_right(password_hash, password):
        raise passwords.WrongLogin
    assert login_id is not None
    assert password_hash is not None
    renewed = hashing.hash_password(password) if hashing.is_outdated(password_hash) else None
    return _open_session(login_id, attempts, renewed)


@dataclass(frozen=True, slots=True)
class _LoginAttempts:
    """The keys of the two counters: of the phone from this network, and of the phone from everywhere, today.

    The second begins anew every day, so that one network, which waits 15 minutes between two guesses, never fills it.
    """

    here: bytes
    everywhere: bytes


def _login_attempts(phone: str, network: str) -> _LoginAttempts:
    return _LoginAttempts(
        here=keys().attempts_key("login", phone, network),
        everywhere=keys().attempts_key("login", phone, "everywhere", clock.today().isoformat()),
    )


@transactional
def _begin_log_in(tx: Session, attempts: _LoginAttempts, phone: str) -> tuple[UUID | None, str | None]:
    logins.count_attempt(tx, attempts.here)
    logins.count_attempt(tx, attempts.everywhere, passwords.PHONE_FREE_FAILURES)
    login = logins.find_login_by_phone(tx, phone)
    return (None, None) if login is None else (login.id, login.password_hash)


@transactional
def _open_session(tx: Session, login_id: UUID, attempts: _LoginAttempts, renewed: str | None) -> Opened:
    logins.forgive(tx, attempts.here)
    logins.forgive(tx, attempts.everywhere)
    if renewed is not None:
        tx.get_one(Login, login_id).password_hash = renewed
    return _add_access(tx, login_id, "session", clock.now() + logins.SESSION_LIFETIME)


def _add_access(
    tx: Session,
    login_id: UUID,
    kind: str,
    expires_at: datetime,
    *,
    name: str | None = None,
    access_id: UUID | None = None,
) -> Opened:
    token, now = secrets.token_urlsafe(_TOKEN_BYTES), clock.now()
    opened = Opened(id=access_id or new_id(), token=token, login_id=login_id, expires_at=expires_at)
    tx.add(
        Access(
            id=opened.id,
            kind=kind,
            token_hash=tokens.digest(token),
            login_id=login_id,
            name=name,
            created_at=now,
            last_used_at=now,
            expires_at=expires_at,
            revoked_at=None,
        )
    )
    tx.flush()
    return opened


@transactional
def log_out(tx: Session, caller: Principal) -> None:
    """End the session, or the API token, that this very request came with."""
    access = tx.get(Access, caller.session_id, with_for_update=True) if caller.session_id else None
    if access is not None and access.login_id == caller.login_id and access.revoked_at is None:
        access.revoked_at = clock.now()
        if access.kind == "token":
            audit.add(tx, caller, "token.revoke", "token", access.id, detail={"name": access.name})


@transactional
def resolve(tx: Session, token_hash: bytes) -> logins.Resolved:
    """Who comes with a token; for the gateway."""
    found = logins.resolve(tx, token_hash)
    if found is None:
        raise NotFound
    return found


@transactional
def add_token(tx: Session, caller: Principal, *, token_id: UUID, name: str, days: int) -> Opened:
    """Make an API token with the login's rights. It is shown once: a repetition is refused as IdTaken.

    Only who logged in makes one: with a token one could make the next, and none would ever end.
    """
    assert caller.login_id is not None
    if caller.session_id is not None and logins.is_token(tx, caller.session_id):
        raise ByTokenNever
    tx.scalars(select(Login.id).where(Login.id == caller.login_id).with_for_update()).one()
    if tx.get(Access, token_id) is not None or not creations.is_new(
        tx, Access, token_id, f"token of {caller.login_id}", [name, days]
    ):
        raise creations.IdTaken("这个令牌已经创建过，令牌只显示一次；没有记下请撤销后重新创建")
    live = tx.scalar(
        select(func.count()).where(
            Access.login_id == caller.login_id,
            Access.kind == "token",
            Access.revoked_at.is_(None),
            Access.expires_at > clock.now(),
        )
    )
    if (live or 0) >= TOKENS_MAX:
        raise TooManyTokens
    opened = _add_access(
        tx, caller.login_id, "token", clock.now() + timedelta(days=days), name=name, access_id=token_id
    )
    audit.add(tx, caller, "token.add", "token", token_id, detail={"name": name, "days": days})
    return opened


@transactional
def revoke_token(tx: Session, caller: Principal, token_id: UUID) -> None:
    """Revoke one of my API tokens. Revoking it again changes nothing."""
    access = tx.get(Access, token_id, with_for_update=True)
    if access is None or access.login_id != caller.login_id or access.kind != "token":
        raise NotFound
    if access.revoked_at is None:
        access.revoked_at = clock.now()
        audit.add(tx, caller, "token.revoke", "token", token_id, detail={"name": access.name})


# --- Passwords by one-time code ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CodeMade:
    """A code to hand over, shown this once."""

    code: str
    expires_at: datetime


@transactional
def make_reset_code(tx: Session, caller: Principal, member_id: UUID) -> CodeMade:
    """Staff makes a code with which this person sets a password, or gets a login in the first place.

    Who could take over a login of more rights than the own could give them to themselves: so a code for
    somebody with grants is made only by an administrator of every node these hold at.
    """
    member, path = people.get_as_staff(tx, caller, member_id)
    caller.refuse_own_case(member.id, member.household_id, Tried("login.make_code", path))
    require_above_grants(tx, caller, member_id)
    if logins.own_login_id(tx, member_id) is None:
        _check_may_claim(tx, member)
    code = new_short_code(passwords.CODE_LENGTH)
    made = logins.add_code(tx, "password", member_id, code)
    audit.add(tx, caller, "login.make_code", "member", member_id, path=path)
    return CodeMade(code, made.expires_at)


def _check_may_claim(tx: Session, member: Member) -> None:
    phone = people.unseal_phone(member)
    if phone is None:
        raise NoPhone
    if logins.find_login_by_phone(tx, phone) is not None:
        raise PhoneHasLogin


def set_password(caller: Principal, *, phone: str, code: str, password: str, network: str = "") -> None:
    """Set a password by a one-time code. All sessions and API tokens of the login end."""
    passwords.check_password(password, phone)
    attempts = keys().attempts_key("code", phone)
    short_code = read_short_code(code)
    wait = _begin_set_password(attempts, phone, short_code)
    if wait is not None:
        raise wait
    password_hash = hashing.hash_password(password)
    was_set = _set_password(caller, phone, short_code, password_hash)
    # A repetition finds its own code used up: it is answered alike when the password is the one set by it. Whatever
    # was found, the same is done, so that nobody learns of it by the time it takes.
    if not was_set and not hashing.is_right(_password_just_set(phone, short_code), password):
        raise passwords.WrongCode
    login_attempts = _login_attempts(phone, network)
    _forgive(attempts, login_attempts.here, login_attempts.everywhere)


@transactional
def _begin_set_password(tx: Session, attempts: bytes, phone: str, code: str) -> passwords.SlowDown | None:
    """Count the attempt; how long to wait, if so.

    The right code need not wait: else strangers who keep guessing would keep its owner out.
    """
    try:
        logins.count_attempt(tx, attempts)
    except passwords.SlowDown as wait:
        candidates = _who_may_set(tx, phone, logins.find_login_by_phone(tx, phone))
        return None if logins.passes_queue(tx, candidates, code) else wait
    return None


def _who_may_set(tx: Session, phone: str, login: Login | None) -> list[UUID]:
    """Whose codes count for this phone."""
    if login is None:
        return logins.claimable_member_ids(tx, phone)
    own_id = logins.own_member_id(tx, login.id)
    return [] if own_id is None else [own_id]


@transactional
def _set_password(tx: Session, caller: Principal, phone: str, code: str, password_hash: str) -> bool:
    login = logins.find_login_by_phone(tx, phone)
    taken = logins.take_code(tx, "password", _who_may_set(tx, phone, login), code)
    if taken is None:
        return False
    assert taken.member_id is not None
    if login is None:
        login_id = new_id()
        if not logins.add_login(tx, login_id, phone, password_hash, taken.member_id):
            return False
    else:
        login_id = login.id
        login.password_hash = password_hash
        logins.revoke_all(tx, login_id)
    audit.add(tx, caller, "login.set_password", "login", login_id, path=_path_of(tx, taken.member_id))
    return True


@transactional
def _password_just_set(tx: Session, phone: str, code: str) -> str | None:
    """The hash that stands for this phone, when this very code was used up a moment ago."""
    login = logins.find_login_by_phone(tx, phone)
    own_id = None if login is None else logins.own_member_id(tx, login.id)
    was_used = logins.was_used(tx, "password", own_id, code)
    return login.password_hash if login is not None and was_used else None


def _path_of(tx: Session, member_id: UUID) -> str:
    return people.path_of(tx, people.get_member(tx, member_id))
