"""Who is calling, as the gateway signed it. Services verify this alone and ask nobody."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from uuid import UUID

import msgspec

from shared import clock, tokens
from shared.errors import Forbidden, Unauthenticated

HEADER = "Huzhu-Principal"
LIFETIME_S = 60
_VERIFIED_MAX = 4096


class Role(StrEnum):
    """A right held at a node and valid for its subtree."""

    VOLUNTEER = "volunteer"
    ORGANIZER = "organizer"
    STAFF = "staff"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


# What a grant carries with it. Auditors read; they never act.
_IMPLIES: dict[Role, frozenset[Role]] = {
    Role.VOLUNTEER: frozenset({Role.VOLUNTEER}),
    Role.ORGANIZER: frozenset({Role.VOLUNTEER, Role.ORGANIZER}),
    Role.STAFF: frozenset({Role.VOLUNTEER, Role.ORGANIZER, Role.STAFF}),
    Role.ADMINISTRATOR: frozenset({Role.VOLUNTEER, Role.ORGANIZER, Role.STAFF, Role.ADMINISTRATOR}),
    Role.AUDITOR: frozenset({Role.AUDITOR}),
}


class Kind(StrEnum):
    ANONYMOUS = "anonymous"
    LOGIN = "login"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Tried:
    """An act as the audit log would have recorded it, had it not been for oneself or the own household."""

    act: str
    path: str
    subject_type: str = "member"
    subject_id: UUID | None = None
    """None: the member for whom it was."""
    told: Mapping[str, str] = field(default_factory=dict)
    """What else the log tells of it: the activity's title."""


class OwnCase(Forbidden):
    """Nobody acts for themselves or their own household: publish, add, confirm, correct, issue.

    What was `tried`, and for whom, goes into the audit log (ADR 128). It is None where nothing was tried yet, and the
    refusal is only shown beforehand.
    """

    code = "own_case"
    detail = "不能为自己或家人办理，请其他负责人代办"

    def __init__(self, detail: str | None = None, *, member_id: UUID | None = None, tried: Tried | None = None) -> None:
        super().__init__(detail)
        self.member_id = member_id
        self.tried = tried


@dataclass(frozen=True, slots=True)
class Grant:
    role: Role
    path: str
    """The node's derived path, `/<id>/<id>/`; the grant holds for every path that begins so."""


@dataclass(frozen=True)
class Principal:
    """The caller of one request.

    A login is not a member: `member_id` is whom it acts for now, `own_member_id` the person who
    holds the password (the grants are that person's), `member_ids` everyone it may act for and
    `household_ids` their households. `grants_of_others` are held by the others of `member_ids`:
    they give this login no right, and what it does for itself may be an own case by them (ADR 157).
    """

    kind: Kind
    audience: str
    expires_at: int = 0
    issuer: str | None = None
    """The calling service, `worker` or `gateway`, when kind is service."""
    login_id: UUID | None = None
    session_id: UUID | None = None
    member_id: UUID | None = None
    own_member_id: UUID | None = None
    member_ids: tuple[UUID, ...] = ()
    household_ids: tuple[UUID, ...] = ()
    grants: tuple[Grant, ...] = ()
    grants_of_others: tuple[Grant, ...] = ()
    read_at: datetime | None = None
    """When the gateway first saw the code that this request carries (the signed scan cookie)."""

    def has(self, role: Role) -> bool:
        """Whether the caller holds this role at any node."""
        return any(role in _IMPLIES[grant.role] for grant in self.grants)

    def may(self, role: Role, path: str) -> bool:
        """Whether the caller holds this role at the node with this path or above it."""
        return _reaches(self.grants, role, path)

    def has_among_its_own(self, role: Role, path: str) -> bool:
        """Whether anybody for whom the login acts holds this role there; it need not be the caller's to use."""
        return self.may(role, path) or _reaches(self.grants_of_others, role, path)

    def require(self, role: Role, path: str) -> None:
        """Raise Forbidden unless the caller holds this role at the node or above it."""
        if not self.may(role, path):
            raise Forbidden

    def require_any(self, roles: Iterable[Role], path: str) -> None:
        if not any(self.may(role, path) for role in roles):
            raise Forbidden

    def paths(self, role: Role) -> tuple[str, ...]:
        """The paths below which the caller holds this role."""
        return tuple(grant.path for grant in self.grants if role in _IMPLIES[grant.role])

    def acts_for(self, member_id: UUID) -> bool:
        """Whether this login may act for the member."""
        return member_id in self.member_ids

    def require_acts_for(self, member_id: UUID) -> None:
        if not self.acts_for(member_id):
            raise Forbidden("这位志愿者不在您的账号下")

    def is_own_case(self, member_id: UUID, household_id: UUID | None) -> bool:
        """Whether the member is the caller's own, or lives in the household of one of them."""
        return member_id in self.member_ids or (household_id is not None and household_id in self.household_ids)

    def refuse_own_case(
        self, member_id: UUID, household_id: UUID | None, tried: Tried, *, detail: str | None = None
    ) -> None:
        """Raise OwnCase, which is written down, when the act is for one's own; `detail`: in other words."""
        if self.is_own_case(member_id, household_id):
            raise OwnCase(detail, member_id=member_id, tried=tried)

    @cached_property
    def who(self) -> str:
        """How the audit log names the caller."""
        return f"service:{self.issuer}" if self.kind is Kind.SERVICE else f"login:{self.login_id}"


def _reaches(grants: Iterable[Grant], role: Role, path: str) -> bool:
    return any(role in _IMPLIES[grant.role] and path.startswith(grant.path) for grant in grants)


_decoder = msgspec.json.Decoder(Principal)
_verified: dict[str, Principal] = {}


def sign(principal: Principal, private_key: bytes, *, lifetime_s: int = LIFETIME_S) -> str:
    """The header value that proves a principal to its audience, for at most 60 seconds."""
    expires_at = int(clock.now().timestamp()) + min(lifetime_s, LIFETIME_S)
    return tokens.sign(private_key, msgspec.json.encode(replace(principal, expires_at=expires_at)))


def verify(token: str, public_key: bytes, audience: str) -> Principal:
    """The principal in a header value; Unauthenticated when forged, expired or meant for another."""
    principal = _verified.get(token)
    if principal is None:
        payload = tokens.unsign(public_key, token)
        if payload is None:
            raise Unauthenticated
        try:
            principal = _decoder.decode(payload)
        except msgspec.MsgspecError as error:
            raise Unauthenticated from error
        if len(_verified) >= _VERIFIED_MAX:
            _verified.clear()
        _verified[token] = principal
    if principal.audience != audience or principal.expires_at < clock.now().timestamp():
        raise Unauthenticated
    return principal
