"""Statements on logins, sessions, API tokens, one-time codes, grants and failed attempts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, exists, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.members.domain import consents, passwords
from services.members.domain.places import ROOT
from services.members.store.keys import keys
from services.members.store.models import (
    Access,
    FailedAttempts,
    Login,
    LoginMember,
    Member,
    Node,
    OneTimeCode,
    RoleGrant,
)
from shared import clock
from shared.ids import new_id
from shared.principal import Grant, Role

SESSION_LIFETIME = timedelta(days=90)
SESSION_IDLE = timedelta(days=30)
TOUCHED_EVERY = timedelta(minutes=5)
"""How exactly the last use is known; not every request writes."""
FORGOTTEN_AFTER = timedelta(days=30)


# --- Logins ------------------------------------------------------------------------------------------


def add_login(
    tx: Session,
    login_id: UUID,
    phone: str,
    password_hash: str,
    own_member_id: UUID,
    *,
    since: datetime | None = None,
) -> bool:
    """Make a login; False when one with this phone exists already, also when it was made this very moment. `since` as
    in `LoginMember`.
    """
    made = tx.execute(
        insert(Login)
        .values(id=login_id, phone_hash=keys().phone_hash(phone), password_hash=password_hash, created_at=clock.now())
        .on_conflict_do_nothing(index_elements=[Login.phone_hash])
        .returning(Login.id)
    ).first()
    if made is None:
        return False
    tx.flush()  # the member must be there first
    tx.add(LoginMember(login_id=login_id, member_id=own_member_id, relation="self", since=since))
    return True


def find_login_by_phone(tx: Session, phone: str) -> Login | None:
    return tx.scalars(
        select(Login).where(Login.phone_hash == keys().phone_hash(phone)).execution_options(populate_existing=True)
    ).first()


def is_there(tx: Session, login_id: UUID) -> bool:
    """Whether this login is there still; until the end of the transaction it is, then."""
    found = select(Login.id).where(Login.id == login_id).with_for_update(key_share=True)
    return tx.scalar(found) is not None


def own_login_id(tx: Session, member_id: UUID) -> UUID | None:
    """The login whose password this member holds."""
    return tx.scalar(
        select(LoginMember.login_id).where(LoginMember.member_id == member_id, LoginMember.relation == "self")
    )


def own_member_id(tx: Session, login_id: UUID) -> UUID | None:
    return tx.scalar(
        select(LoginMember.member_id).where(LoginMember.login_id == login_id, LoginMember.relation == "self")
    )


def grants_of(tx: Session, member_ids: Sequence[UUID]) -> list[Grant]:
    """The live grants of these members."""
    rows = tx.execute(
        select(RoleGrant.role, func.coalesce(Node.path, ROOT))
        .outerjoin(Node, Node.id == RoleGrant.node_id)
        .where(RoleGrant.member_id == func.any(list(member_ids)), RoleGrant.revoked_at.is_(None))
    )
    return [Grant(Role(role), path) for role, path in rows]


# --- Sessions and API tokens -------------------------------------------------------------------------

# One statement on the way of every request that the gateway has not seen within ten seconds.
_RESOLVE = text("""
    SELECT a.id, a.kind, a.login_id, a.expires_at, a.created_at, a.last_used_at,
        (SELECT coalesce(json_agg(json_build_object(
                'member_id', m.id, 'name', m.name, 'household_id', m.household_id, 'own', lm.relation = 'self',
                'station_id', m.station_id, 'station_name', coalesce(s.name, ''),
                'confirmed', m.confirmed_at IS NOT NULL, 'birth_date', m.birth_date, 'consents', (
                    SELECT coalesce(json_object_agg(newest.kind, newest.version), '{}')
                    FROM (SELECT DISTINCT ON (c.kind) c.kind, c.version, c.given FROM consent c
                        WHERE c.member_id = m.id ORDER BY c.kind, c.at DESC, c.id DESC) newest
                    WHERE newest.given)
            ) ORDER BY lm.relation <> 'self', m.id), '[]')
         FROM login_member lm JOIN member m ON m.id = lm.member_id AND m.status = 'active'
         LEFT JOIN node s ON s.id = m.station_id
         WHERE lm.login_id = a.login_id) AS members,
        (SELECT coalesce(json_agg(json_build_object(
                'own', lm.relation = 'self', 'role', g.role, 'path', coalesce(n.path, '/')
            ) ORDER BY g.id), '[]')
         FROM login_member lm
         JOIN member m ON m.id = lm.member_id AND m.status = 'active'
         JOIN role_grant g ON g.member_id = lm.member_id AND g.revoked_at IS NULL
         LEFT JOIN node n ON n.id = g.node_id
         WHERE lm.login_id = a.login_id) AS grants
    FROM access a
    WHERE a.token_hash = :token_hash AND a.revoked_at IS NULL AND a.expires_at > :now
        AND (a.kind = 'token' OR a.last_used_at > :idle_since)
""")


@dataclass(frozen=True, slots=True)
class Resolved:
    session_id: UUID
    kind: str
    login_id: UUID
    expires_at: datetime
    own_member_id: UUID | None
    member_ids: list[UUID]
    household_ids: list[UUID]
    members: list[dict[str, Any]]
    grants: list[dict[str, str]]
    grants_of_others: list[dict[str, str]]
    """Of those it acts for besides the person who holds the password."""


def resolve(tx: Session, token_hash: bytes) -> Resolved | None:
    """Who comes with this token; None when it is unknown, expired, idle for too long or revoked."""
    now = clock.now()
    row = tx.execute(_RESOLVE, {"token_hash": token_hash, "now": now, "idle_since": now - SESSION_IDLE}).first()
    if row is None:
        return None
    # Whether a token was ever used is shown: its first use counts at once.
    is_first = row.kind == "token" and row.last_used_at == row.created_at
    if is_first or row.last_used_at < now - TOUCHED_EVERY:
        tx.execute(update(Access).where(Access.id == row.id).values(last_used_at=now))
    own = [UUID(member["member_id"]) for member in row.members if member["own"]]
    households = {member["household_id"] for member in row.members if member["household_id"]}
    return Resolved(
        session_id=row.id,
        kind=row.kind,
        login_id=row.login_id,
        expires_at=row.expires_at,
        own_member_id=own[0] if own else None,
        member_ids=[UUID(member["member_id"]) for member in row.members],
        household_ids=[UUID(household) for household in sorted(households)],
        members=[_with_consents_due(member) for member in row.members],
        grants=_held(row.grants, own=True),
        grants_of_others=_held(row.grants, own=False),
    )


def _held(grants: list[dict[str, Any]], *, own: bool) -> list[dict[str, str]]:
    return [{"role": grant["role"], "path": grant["path"]} for grant in grants if grant["own"] is own]


def _with_consents_due(member: dict[str, Any]) -> dict[str, Any]:
    """What the pages show of a member, and what the person must still be asked."""
    born = member.pop("birth_date")
    birth_date = None if born is None else date.fromisoformat(born)
    return member | {"consents_due": consents.due(member.pop("consents"), birth_date, clock.today())}


def is_token(tx: Session, session_id: UUID) -> bool:
    """Whether a request that comes with this came with an API token, not a session."""
    return tx.scalar(select(Access.kind).where(Access.id == session_id)) == "token"


def revoke_all(tx: Session, login_id: UUID) -> None:
    """End every session and API token of a login."""
    tx.execute(
        update(Access)
        .where(Access.login_id == login_id, Access.revoked_at.is_(None))
        .values(revoked_at=clock.now())
        .execution_options(synchronize_session=False)
    )


# --- One-time codes ----------------------------------------------------------------------------------


def add_code(tx: Session, purpose: str, member_id: UUID | None, code: str) -> OneTimeCode:
    """Make a code; an earlier one for the same ends."""
    end_codes(tx, member_id, purpose)
    now = clock.now()
    made = OneTimeCode(
        id=new_id(),
        purpose=purpose,
        member_id=member_id,
        code_hash=keys().code_hash(code),
        created_at=now,
        expires_at=now + passwords.CODE_LIFETIME,
        failures=0,
        ended_at=None,
    )
    tx.add(made)
    tx.flush()
    return made


def end_codes(tx: Session, member_id: UUID | None, *purposes: str) -> None:
    """End the live codes of a member for these, or the first administrator's."""
    tx.execute(
        update(OneTimeCode)
        .where(
            OneTimeCode.purpose == func.any(list(purposes)),
            OneTimeCode.member_id.is_not_distinct_from(member_id),
            OneTimeCode.ended_at.is_(None),
        )
        .values(ended_at=clock.now())
        .execution_options(synchronize_session=False)
    )


def take_code(tx: Session, purpose: str, member_ids: Sequence[UUID] | None, code: str) -> OneTimeCode | None:
    """Use up the live code of one of these members; None stands for the first administrator's.

    Wrong ones never end a code: strangers must not be able to.
    """
    whose: ColumnElement[bool] = OneTimeCode.member_id.is_(None)
    if member_ids is not None:
        whose = OneTimeCode.member_id == func.any(list(member_ids))
    wanted = keys().code_hash(code)
    for candidate in _live_codes(tx, purpose, whose):
        if candidate.code_hash == wanted:
            candidate.ended_at = clock.now()
            return candidate
    return None


def passes_queue(tx: Session, member_ids: Sequence[UUID], code: str) -> bool:
    """Whether this is the live code of one of these members, with which one need not wait after others' failures.

    A wrong one counts against each of them: past the limit the right one waits like all others, so that what is
    guessed while waiting is bounded.
    """
    wanted = keys().code_hash(code)
    live = [
        candidate
        for candidate in _live_codes(tx, "password", OneTimeCode.member_id == func.any(list(member_ids)))
        if candidate.failures < passwords.CODE_FAILURES_MAX
    ]
    if any(candidate.code_hash == wanted for candidate in live):
        return True
    for candidate in live:
        candidate.failures += 1
    return False


def _live_codes(tx: Session, purpose: str, whose: ColumnElement[bool]) -> Sequence[OneTimeCode]:
    return tx.scalars(
        select(OneTimeCode)
        .where(
            OneTimeCode.purpose == purpose,
            whose,
            OneTimeCode.ended_at.is_(None),
            OneTimeCode.expires_at > clock.now(),
        )
        .order_by(OneTimeCode.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def was_used(tx: Session, purpose: str, member_id: UUID | None, code: str) -> bool:
    """Whether this member's code ended within the last minutes."""
    return bool(
        tx.scalar(
            select(
                exists().where(
                    OneTimeCode.purpose == purpose,
                    OneTimeCode.member_id == member_id,
                    OneTimeCode.code_hash == keys().code_hash(code),
                    OneTimeCode.ended_at > clock.now() - passwords.CODE_REPEATED_WITHIN,
                )
            )
        )
    )


def claimable_member_ids(tx: Session, phone: str) -> list[UUID]:
    """Members with this phone who have no login of their own."""
    has_login = (
        select(LoginMember.login_id).where(LoginMember.member_id == Member.id, LoginMember.relation == "self").exists()
    )
    return list(
        tx.scalars(
            select(Member.id).where(
                Member.phone_hash == keys().phone_hash(phone), Member.status == "active", ~has_login
            )
        )
    )


# --- Failed attempts ---------------------------------------------------------------------------------


def count_attempt(tx: Session, key: bytes, free: int = passwords.FREE_FAILURES) -> None:
    """Count an attempt as failed before its outcome is known, so that a thousand at once are counted too.

    Raises SlowDown, and counts nothing, while people have to wait: after `free` failures. Unknown phones are counted
    like known ones.
    """
    now = clock.now()
    # Made or locked in one statement: between two of them a right attempt might remove the row.
    statement = insert(FailedAttempts).values(key=key, failures=0, last_at=now, blocked_until=now)
    kept = statement.on_conflict_do_update(index_elements=["key"], set_={"failures": FailedAttempts.failures})
    row = tx.scalars(kept.returning(FailedAttempts), execution_options={"populate_existing": True}).one()
    if row.blocked_until > now:
        raise passwords.SlowDown(row.blocked_until - now)
    if row.last_at < now - passwords.FORGOTTEN_AFTER:
        row.failures = 0
    row.failures += 1
    row.last_at = now
    row.blocked_until = now + passwords.delay_after(row.failures, free)


def forgive(tx: Session, key: bytes) -> None:
    """The attempt was right: forget the failures before it."""
    tx.execute(delete(FailedAttempts).where(FailedAttempts.key == key))


def forget_old(tx: Session) -> None:
    """Remove sessions, tokens, codes and counters that ended more than 30 days ago; the audit log keeps the acts."""
    now = clock.now()
    before = now - FORGOTTEN_AFTER
    tx.execute(delete(Access).where(or_(Access.expires_at < before, Access.revoked_at < before)))
    tx.execute(delete(OneTimeCode).where(OneTimeCode.expires_at < before))
    tx.execute(
        delete(FailedAttempts).where(
            FailedAttempts.last_at < now - passwords.FORGOTTEN_AFTER, FailedAttempts.blocked_until < now
        )
    )
