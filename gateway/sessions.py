"""Who is calling: a token from cookie or bearer, resolved by members, signed for each service.

What members said is believed for ten seconds, so a revoked session is out within ten seconds.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import msgspec

from gateway import routes
from gateway.settings import GatewaySettings
from gateway.upstreams import Upstreams
from shared import clock, principal, tokens
from shared.errors import Forbidden, Unavailable
from shared.principal import Grant, Kind, Principal, Role

BELIEVED_S = 10.0
UNKNOWN_BELIEVED_S = 2.0
SIGNED_S = 30.0
_CACHED_MAX = 10_000

T = TypeVar("T")


class Named(msgspec.Struct, frozen=True):
    """A member of the login, with what most pages show of one."""

    member_id: UUID
    name: str
    station_id: UUID | None = None
    station_name: str = ""
    confirmed: bool = False
    consents_due: tuple[str, ...] = ()
    """Kinds of what this person must still agree to, or must agree to anew."""


class _Resolved(msgspec.Struct, frozen=True):
    """The answer of members to `sessions/resolve`; fields not named here are ignored."""

    session_id: UUID
    login_id: UUID
    own_member_id: UUID | None
    member_ids: tuple[UUID, ...]
    household_ids: tuple[UUID, ...]
    grants: tuple[Grant, ...]
    members: tuple[Named, ...]
    expires_at: datetime
    kind: str
    grants_of_others: tuple[Grant, ...] = ()
    """Not said by a members that is older than this gateway."""


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """A login that is there, as members knew it at `resolved_at`."""

    digest: str
    """SHA-256 of the token in hex: names the session without giving it away."""
    resolved_at: float
    known: _Resolved
    signed: dict[tuple[str, UUID | None], str] = field(default_factory=dict)
    """Signed principals by audience and acting member; they live as long as this object."""

    @property
    def members(self) -> tuple[Named, ...]:
        """Everybody this login may act for, with names for the pages."""
        return self.known.members

    @property
    def asks_consent(self) -> bool:
        return any(member.consents_due for member in self.known.members)

    @property
    def own_member_id(self) -> UUID | None:
        return self.known.own_member_id

    @property
    def default_member_id(self) -> UUID | None:
        return self.known.own_member_id or next(iter(self.known.member_ids), None)

    def acts_for(self, member_id: UUID) -> bool:
        return member_id in self.known.member_ids

    def has(self, *roles: Role) -> bool:
        """Whether this login holds one of the roles somewhere."""
        caller = self.principal("", None)
        return any(caller.has(role) for role in roles)

    def may(self, role: Role, path: str) -> bool:
        return self.principal("", None).may(role, path)

    def principal(self, audience: str, member_id: UUID | None, read_at: datetime | None = None) -> Principal:
        return Principal(
            kind=Kind.LOGIN,
            audience=audience,
            login_id=self.known.login_id,
            session_id=self.known.session_id,
            member_id=member_id,
            own_member_id=self.known.own_member_id,
            member_ids=self.known.member_ids,
            household_ids=self.known.household_ids,
            grants=self.known.grants,
            grants_of_others=self.known.grants_of_others,
            read_at=read_at,
        )


class Sessions:
    """Resolves tokens and signs principals."""

    def __init__(self, settings: GatewaySettings, upstreams: Upstreams) -> None:
        self._key = settings.signing_key
        self._upstreams = upstreams
        self._cached: dict[str, Session] = {}
        self._unknown: dict[str, float] = {}
        self._system: dict[tuple[str, str | None], tuple[float, str]] = {}

    def find(self, token: str, *, request_id: str, newer_than: float = 0.0) -> Session | None:
        """The session of a token, or None; Unavailable when members does not answer.

        `newer_than` (seconds since 1970) refuses what members said before: the caller has changed something since.
        """
        digest = tokens.digest(token).hex()
        now = clock.now().timestamp()
        session = self._cached.get(digest)
        # Tests move the clock, back too: what seems to come from the future is not believed either.
        if session is not None and 0 <= now - session.resolved_at < BELIEVED_S and session.resolved_at >= newer_than:
            return session
        refused_at = self._unknown.get(digest)
        if refused_at is not None and 0 <= now - refused_at < UNKNOWN_BELIEVED_S:
            return None
        return self._resolve(digest, now, request_id)

    def forget(self, session: Session) -> None:
        """Ask members again the next time."""
        self._cached.pop(session.digest, None)

    def sign(self, session: Session, audience: str, member_id: UUID | None, read_at: datetime | None = None) -> str:
        """The header that proves a login to a service; Forbidden for a member who is not the login's."""
        if member_id is not None and not session.acts_for(member_id):
            raise Forbidden("这位志愿者不在您的账号下")
        if read_at is not None:
            return principal.sign(session.principal(audience, member_id, read_at), self._key)
        signed = session.signed.get((audience, member_id))
        if signed is None:
            signed = principal.sign(session.principal(audience, member_id), self._key)
            session.signed[audience, member_id] = signed
        return signed

    def sign_anonymous(self, audience: str) -> str:
        return self._sign_system(audience, None)

    def sign_service(self, audience: str, issuer: str) -> str:
        """The header of a service, the worker or the gateway itself."""
        return self._sign_system(audience, issuer)

    def _sign_system(self, audience: str, issuer: str | None) -> str:
        now = clock.now().timestamp()
        known = self._system.get((audience, issuer))
        if known is None or not 0 <= now - known[0] < SIGNED_S:
            kind = Kind.ANONYMOUS if issuer is None else Kind.SERVICE
            signed = principal.sign(Principal(kind=kind, audience=audience, issuer=issuer), self._key)
            known = self._system[audience, issuer] = (now, signed)
        return known[1]

    def _resolve(self, digest: str, now: float, request_id: str) -> Session | None:
        answer = self._upstreams.send(
            "members",
            "POST",
            routes.RESOLVE,
            signed_principal=self.sign_service("members", "gateway"),
            request_id=request_id,
            address="",
            headers={"Content-Type": "application/json"},
            body=msgspec.json.encode({"token_digest": digest}),
        )
        if answer.status == 404:
            self._cached.pop(digest, None)
            _put(self._unknown, digest, now)
            return None
        if answer.status != 200:
            raise Unavailable
        session = Session(digest, now, msgspec.json.decode(answer.body, type=_Resolved))
        _put(self._cached, digest, session)
        return session


def _put(cache: dict[str, T], key: str, value: T) -> None:
    if len(cache) >= _CACHED_MAX:
        cache.clear()
    cache[key] = value
