"""The one table of the roads through the gateway: prefix → service, and who may call.

On the public listener everybody may call `/api/v1/<service>/…`; the service judges by the principal.
On the internal listener only the issuers named here may call, and only these paths.
"""

from dataclasses import dataclass

API = "/api/v1/"

PUBLIC = {
    "members": "members",
    "checkin": "checkin",
    "points": "points",
    "rewards": "rewards",
}
"""First segment after /api/v1/ → service; it is also the principal's audience."""


@dataclass(frozen=True, slots=True)
class Internal:
    """A path of the internal listener; POST alone."""

    service: str
    callers: frozenset[str]


INTERNAL = {
    "/internal/v1/checkin/events": Internal("checkin", frozenset({"worker"})),
    "/internal/v1/points/events": Internal("points", frozenset({"worker", "rewards"})),
    "/internal/v1/rewards/events": Internal("rewards", frozenset({"worker"})),
}

BODY_BYTES_MAX = 1024 * 1024
LONG_BODIES = {
    ("POST", "/api/v1/members/imports"): 14 * 1024 * 1024,  # 10 MB of a spreadsheet in base64
    ("POST", "/staff/imports"): 11 * 1024 * 1024,
}
"""What may be longer than other requests, by method and path."""

RESOLVE = "/internal/v1/members/sessions/resolve"
NAMES = "/internal/v1/members/name-lists"
SHOWN = "/internal/v1/members/badges/read"
"""Called by the gateway itself, straight at members; on neither listener."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A route where some answers are counted, by address and by login: those to a guess, and those that cost much
    to give."""

    kind: str
    statuses: frozenset[int]
    codes: frozenset[str]
    """Of the problem document; empty: every one of these statuses."""
    why: str | None = None
    """Of the outcomes in the problem document: only a scan refused for this reason counts."""
    at_once_max: int | None = None
    """How many requests of one address a process sends on at the same time; None: as many as come."""


CLAIM_REFUSED = ("wrong_claim_code", "slow_down")

WATCHED = {
    # Anybody may register, and each time members hash a password: no one address gets all of its threads.
    ("POST", "/api/v1/members/logins"): Watched("registration", frozenset({201}), frozenset(), at_once_max=6),
    ("POST", "/api/v1/members/sessions"): Watched("login", frozenset({401}), frozenset()),
    # Also those told to wait: members looks at their codes.
    ("POST", "/api/v1/members/passwords"): Watched("login", frozenset({401, 403, 404, 422, 429}), frozenset()),
    ("POST", "/api/v1/members/administrators"): Watched("login", frozenset({401, 403, 404, 422}), frozenset()),
    # Also reading one: a token that somebody has, or tries to guess.
    **{
        ("POST", f"/api/v1/members/claims{of}"): Watched("login", frozenset({422, 429}), frozenset(CLAIM_REFUSED))
        for of in ("", "/read")
    },
    ("POST", "/api/v1/members/claims/logins"): Watched(
        "login", frozenset({422, 429}), frozenset(CLAIM_REFUSED), at_once_max=6
    ),
    ("POST", "/api/v1/checkin/scans"): Watched(
        # A code that a slow clock says is not shown yet is genuine.
        "code",
        frozenset({422}),
        frozenset({"invalid_code"}),
        why="forged",
    ),
    # Read by whoever scans a poster, a hall behind one address among them: nothing is counted, but scans keep a thread.
    ("GET", "/api/v1/checkin/announcement"): Watched("announcement", frozenset(), frozenset(), at_once_max=3),
    # Anybody may complain without a login: what was taken in is counted, so that nobody floods those who must read it.
    ("POST", "/api/v1/members/complaints"): Watched("complaint", frozenset({201}), frozenset()),
    ("POST", "/api/v1/rewards/vouchers/read"): Watched("voucher", frozenset({404}), frozenset({"unknown_voucher"})),
}


def body_bytes_max(method: str, path: str) -> int:
    return LONG_BODIES.get((method, path), BODY_BYTES_MAX)


def service_of(path: str) -> str | None:
    """The service that answers a path of the public API."""
    if not path.startswith(API):
        return None
    return PUBLIC.get(path[len(API) :].partition("/")[0])
