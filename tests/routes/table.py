"""Every route of the four services: who is let in, who finds what in the answer, and what it may ask of the database.

A route may have several rows, one for each way of asking. Let in means an answer of 2xx; everybody else gets 401, 403
or, for what one may not know, 404.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from devtools.crowd import GIFT_POINTS, PASSWORD
from shared.ids import new_id
from shared.settings import SERVICES
from tests.routes.town import API, CALLERS, LOGINS, Town

ANYBODY = frozenset(CALLERS)
LOGGED_IN = frozenset(LOGINS)
VOLUNTEER = frozenset({"volunteer"})
EVERYTHING = frozenset({"administrator of everything"})
ADMINISTRATORS = EVERYTHING | {"administrator"}
STAFF = ADMINISTRATORS | {"staff"}
ORGANIZERS = STAFF | {"organizer"}
READERS = ORGANIZERS | {"auditor"}
NOBODY = frozenset[str]()


def elsewhere(who: Iterable[str]) -> frozenset[str]:
    """The same roles at another station, too: a list that holds for them is another one, or empty."""
    return frozenset(who) | ({f"{each} elsewhere" for each in who} & LOGGED_IN)


@dataclass(frozen=True)
class Row:
    route: str
    """Method and rule; `/api/v1` in front of the rule is left out."""
    may: frozenset[str]
    statements: int
    """How many SQL statements the answer may take at most, however many rows there are."""
    body: Callable[[Town], Any] | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    """Arguments of the query; a value in braces is a thing of the town."""
    ids: Mapping[str, str] = field(default_factory=dict)
    """Which thing stands in the path, where it is not called as in the rule."""
    secret: str | None = None
    """A thing that stands in the answer for `knows` alone."""
    knows: frozenset[str] = NOBODY
    refused_with: int = 404
    """How a rule of the route's own refuses, besides 401, 403 and 404."""

    def __str__(self) -> str:
        return " ".join([self.route, *(f"{name}={value}" for name, value in self.query.items()), *self.ids.values()])

    @property
    def rule(self) -> tuple[str, str]:
        """Method and rule as in a service's map of routes."""
        method, rule = self.route.split()
        return method, rule if rule.startswith("/internal/") else API + rule

    def path(self, town: Town) -> str:
        def thing(found: re.Match[str]) -> str:
            return town.things[self.ids.get(found[1], found[1])]

        return re.sub(r"<uuid:(\w+)>", thing, self.rule[1])

    def arguments(self, town: Town) -> dict[str, str]:
        return {name: value.format_map(town.things) for name, value in self.query.items()}


def _with(**content: Any) -> Callable[[Town], Any]:
    """A body; a text in braces is a thing of the town, and `new` makes an id."""

    def fill(value: Any, town: Town) -> Any:
        if isinstance(value, dict):
            return {name: fill(inner, town) for name, inner in value.items()}
        if isinstance(value, list):
            return [fill(inner, town) for inner in value]
        if isinstance(value, str):
            return str(new_id()) if value == "new" else value.format_map(town.things)
        return value

    return lambda town: fill(content, town)


_JOINING = [{"kind": kind, "version": "1"} for kind in ("terms", "privacy")]
_REASON = _with(reason="写错了")
_NO_EVENTS = _with(events=[])


def _kernel(service: str) -> Iterable[Row]:
    acts = {"members": "grant of auditor", "checkin": "waiting", "rewards": "fulfilled"}
    base = f"/{service}"
    letter = {"row_id": f"letter in {service}"}
    yield Row(
        f"GET {base}/dead-letters",
        elsewhere(ADMINISTRATORS),
        1,
        secret="sentence",
        knows=EVERYTHING,
    )
    yield Row(f"POST {base}/dead-letters/<uuid:row_id>/requeue", EVERYTHING, 2, ids=letter)
    yield Row(f"GET {base}/backlog", elsewhere(ADMINISTRATORS | {"auditor"}), 1)
    yield Row(
        f"GET {base}/audit",
        elsewhere(ADMINISTRATORS | {"auditor"}),
        1,
        secret=acts.get(service),
        knows=ADMINISTRATORS | {"auditor"},
    )


def _attendance(town: Town) -> dict[str, Any]:
    return {
        "id": str(new_id()), "member_id": str(town.callers["other volunteer"].own_member_id),
        "site_id": town.things["site_id"], "arrived_at": town.at(-0.4), "left_at": town.at(-0.1),
    }  # fmt: skip


def _correction(town: Town) -> dict[str, Any]:
    return {"version": 1, "arrived_at": town.at(-5.5), "left_at": town.at(-4.5), "reason": "签退时间有误"}


_ACTIVITY, _DRAFT = "/checkin/activities/<uuid:activity_id>", {"activity_id": "draft"}
_ATTENDANCE = "/checkin/attendances/<uuid:attendance_id>"
_IN_REVIEW = {"activity_id": "in_review"}
_SERVED, _LATER = {"activity_id": "served"}, {"activity_id": "later"}
_PERIOD = {"from": "2026-01-01", "to": "2026-12-31"}

CHECKIN = (
    Row("GET /checkin/activities", LOGGED_IN, 2, secret="draft", knows=ORGANIZERS),
    Row("POST /checkin/activities", ORGANIZERS, 7, lambda town: town.new_activity()),
    Row(f"GET {_ACTIVITY}", LOGGED_IN, 2),
    Row(f"GET {_ACTIVITY}", ORGANIZERS, 2, ids=_DRAFT),
    Row(f"PATCH {_ACTIVITY}", ORGANIZERS, 7, _with(title="小扫除")),
    Row(f"POST {_ACTIVITY}/publish", ORGANIZERS, 7, ids=_DRAFT),
    Row(f"POST {_ACTIVITY}/postpone", ORGANIZERS, 8, _with(), ids=_LATER),
    Row(f"POST {_ACTIVITY}/cancel", ORGANIZERS, 12, _REASON),
    Row(f"POST {_ACTIVITY}/close", ORGANIZERS, 11),
    Row(f"GET {_ACTIVITY}/codes", ORGANIZERS, 2, query={"site_id": "{site_id}", "direction": "arrival"}),
    Row(f"GET {_ACTIVITY}/presence", READERS, 3),
    Row(
        "GET /checkin/activities/presence",
        elsewhere(READERS),
        3,
        query={"ids": "{activity_id}"},
        secret="activity_id",
        knows=READERS,
    ),
    Row("GET /checkin/reviews", elsewhere(ORGANIZERS), 2, secret="in_review", knows=STAFF),
    Row(
        "GET /checkin/reviews",
        elsewhere(ORGANIZERS),
        2,
        query={"for": "organizer"},
        secret="in_review",
        knows=ORGANIZERS,
    ),
    Row("GET /checkin/reviews/rules", LOGGED_IN, 2, query={"node_ids": "{node_id}"}),
    Row("GET /checkin/reviews/switches", elsewhere(STAFF), 1, secret="node_id", knows=STAFF),
    Row("PUT /checkin/reviews/switches/<uuid:node_id>", STAFF, 4, _with(on=True)),
    Row(f"GET {_ACTIVITY}", ORGANIZERS, 2, ids=_IN_REVIEW),
    Row(f"POST {_ACTIVITY}/approve", STAFF, 7, _with(asked_at="{asked_at}"), ids=_IN_REVIEW),
    Row(f"POST {_ACTIVITY}/send-back", STAFF, 6, _with(asked_at="{asked_at}", reason="地点没有写清"), ids=_IN_REVIEW),
    Row("GET /checkin/confirm-each", LOGGED_IN, 2, query={"node_ids": "{node_id}"}),
    Row("GET /checkin/confirm-each/switches", elsewhere(STAFF), 1, secret="node_id", knows=STAFF),
    Row("PUT /checkin/confirm-each/<uuid:node_id>", STAFF, 4, _with(on=True)),
    Row(f"GET {_ACTIVITY}/attendances", READERS, 3, ids=_SERVED),
    Row(f"GET {_ACTIVITY}/waiting", READERS, 3, ids=_SERVED),
    Row(f"POST {_ACTIVITY}/attendances", ORGANIZERS, 14, _attendance),
    Row(f"GET {_ACTIVITY}/scans", READERS, 3),
    Row(f"POST {_ACTIVITY}/leave-all", ORGANIZERS, 7, _with()),
    Row(f"POST {_ACTIVITY}/confirm-all", ORGANIZERS, 7, ids={"activity_id": "earlier"}),
    Row("PUT /checkin/activities/<uuid:activity_id>/summary", ORGANIZERS, 6, _with(summary="两车垃圾"), ids=_SERVED),
    Row(f"GET {_ACTIVITY}/file", READERS, 3, ids=_SERVED, secret="member_id", knows=READERS),
    Row("GET /checkin/report", STAFF | {"auditor"}, 2, query=_PERIOD | {"node_id": "{node_id}"}),
    Row("GET /checkin/report", STAFF | {"auditor"}, 2, query=_PERIOD | {"node_id": "{node_id}", "tree": "then"}),
    Row("GET /checkin/report", EVERYTHING, 1, query=_PERIOD),
    Row("POST /checkin/scans", VOLUNTEER, 2, _with(code="{code}", member_ids=["{member_id}"])),
    Row(
        "GET /checkin/attendances",
        elsewhere(READERS) | VOLUNTEER,
        1,
        query={"member_id": "{member_id}"},
        secret="attendance_id",
        knows=READERS | VOLUNTEER,
    ),
    Row(f"GET {_ATTENDANCE}", READERS | VOLUNTEER, 1),
    Row(f"POST {_ATTENDANCE}/leave", ORGANIZERS, 9, ids={"attendance_id": "open"}),
    Row(f"POST {_ATTENDANCE}/confirm", ORGANIZERS, 9, ids={"attendance_id": "waiting"}),
    Row(f"POST {_ATTENDANCE}/reject", ORGANIZERS, 8, _REASON, ids={"attendance_id": "waiting"}),
    Row(f"POST {_ATTENDANCE}/annul", ORGANIZERS, 9, _REASON),
    Row(f"POST {_ATTENDANCE}/correct", ORGANIZERS, 10, _correction),
    Row(f"POST {_ATTENDANCE}/annul-doubled", NOBODY, 7, refused_with=422),
    Row("GET /checkin/doubled", elsewhere(STAFF | {"auditor"}), 2),
    Row(
        "GET /checkin/sign-ups",
        VOLUNTEER,
        1,
        query={"member_ids": "{member_id}"},
        secret="sign_up_id",
        knows=VOLUNTEER,
    ),
    Row(f"GET {_ACTIVITY}/sign-ups", READERS, 3, ids=_LATER, secret="sign_up_id", knows=READERS),
    Row(f"POST {_ACTIVITY}/sign-ups", ORGANIZERS | VOLUNTEER, 8, _with(id="new", member_ids=["{member_id}"])),
    Row("POST /checkin/sign-ups/<uuid:sign_up_id>/cancel", ORGANIZERS | VOLUNTEER, 6),
    Row("POST /checkin/sign-up-lists/read", elsewhere(ORGANIZERS), 0, _with(text="1. 王秀英")),
    Row("POST /internal/v1/checkin/events", frozenset({"worker"}), 0, _NO_EVENTS),
)

_READ_POINTS = STAFF | VOLUNTEER | {"auditor"}

POINTS = (
    Row("GET /points/balances", _READ_POINTS, 1, query={"member_ids": "{member_id}"}),
    Row("GET /points/stations/<uuid:station_id>/balances", READERS, 3, query={"member_ids": "{member_id}"}),
    Row("GET /points/stations/<uuid:station_id>/balances", READERS, 3),
    Row("GET /points/statement", _READ_POINTS, 1, query={"member_id": "{member_id}"}),
    Row("GET /points/awards", READERS | VOLUNTEER, 1, query={"attendance_ids": "{attendance_id}"}),
    Row("GET /points/months", _READ_POINTS, 2, query={"member_id": "{member_id}", "year": "2026"}),
    Row("GET /points/rules", LOGGED_IN, 2, query={"station_id": "{station_id}"}),
    Row("GET /points/seal", LOGGED_IN, 2, query={"station_id": "{station_id}"}),
    Row("GET /points/boards", LOGGED_IN, 2, query={"node_id": "{node_id}"}),
    Row("GET /points/boards", VOLUNTEER, 3, query={"node_id": "{node_id}", "member_id": "{member_id}"}),
    Row("PUT /points/boards/<uuid:node_id>/switch", STAFF, 3, _with(on=False)),
    Row("GET /points/boards/switches", elsewhere(STAFF), 1, secret="node_id", knows=STAFF),
    Row("GET /points/leavers/rule", STAFF, 4, query={"station_id": "{station_id}"}),
    Row("PUT /points/leavers/rules/<uuid:node_id>", STAFF, 4, _with(family_days=90, donate=True)),
    Row(
        "POST /points/leavers/gifts",
        NOBODY,
        9,
        _with(id="new", member_id="{member_id}", to_member_id=None, reason="捐赠"),
        refused_with=422,
    ),
    Row("POST /internal/v1/points/events", frozenset({"worker", "rewards"}), 0, _NO_EVENTS),
)

_GIFT, _REDEMPTION = "/rewards/gifts/<uuid:gift_id>", "/rewards/redemptions/<uuid:redemption_id>"
_HERE = {"station_id": "{station_id}"}
_ORDER = _with(id="new", gift_id="{gift_id}", station_id="{station_id}", member_id="{member_id}", quantity=1)
_STATION = "/rewards/stations/<uuid:station_id>"
_DESK_ORDER = _with(
    id="new",
    station_id="{station_id}",
    member_id="{member_id}",
    lines=[{"gift_id": "{gift_id}", "quantity": 1, "points": GIFT_POINTS}],
)
_MOVEMENT = _with(id="new", station_id="{station_id}", kind="receive", quantity=1, reason="捐赠")

REWARDS = (
    Row("GET /rewards/gifts", LOGGED_IN, 2, query=_HERE),
    Row("GET /rewards/gifts", STAFF, 2, query={**_HERE, "everything": "1"}),
    Row("GET /rewards/gifts", VOLUNTEER, 2, query={**_HERE, "member_id": "{member_id}"}),
    Row(f"GET {_GIFT}", LOGGED_IN, 2, query=_HERE),
    Row("POST /rewards/gifts", STAFF, 3, _with(id="new", node_id="{node_id}", name="雨伞", points=900)),
    Row(f"PATCH {_GIFT}", STAFF, 4, _with(points=200)),
    Row(f"POST {_GIFT}/stock", STAFF, 10, _MOVEMENT),
    Row("POST /rewards/redemptions", VOLUNTEER, 5, _ORDER),
    Row("GET /rewards/redemptions", VOLUNTEER, 1, query={"member_id": "{member_id}"}),
    Row(f"GET {_REDEMPTION}", ORGANIZERS | VOLUNTEER, 1),
    Row(f"POST {_REDEMPTION}/cancel", VOLUNTEER, 5),
    Row(f"GET {_REDEMPTION}/voucher", VOLUNTEER, 1),
    Row("POST /rewards/vouchers/read", ORGANIZERS, 1, _with(code="{voucher}"), refused_with=422),
    Row(f"POST {_REDEMPTION}/issue", ORGANIZERS, 5),
    Row(f"POST {_REDEMPTION}/undo", ORGANIZERS, 9, _REASON, ids={"redemption_id": "fulfilled"}),
    Row(f"POST {_REDEMPTION}/undo", ORGANIZERS, 7, _REASON, ids={"redemption_id": "at the desk"}),
    Row(f"GET {_STATION}/desk", ORGANIZERS, 3, query={"member_id": "{member_id}"}),
    Row("POST /rewards/desk-orders", ORGANIZERS, 18, _DESK_ORDER),
    Row("GET /rewards/desk-orders/<uuid:order_id>", ORGANIZERS, 4),
    Row("POST /rewards/desk-orders/<uuid:order_id>/finish", ORGANIZERS, 4),
    Row(f"GET {_STATION}/handed-over", ORGANIZERS, 3, secret="order_id", knows=ORGANIZERS),
    Row(f"GET {_STATION}/missed", ORGANIZERS, 3),
    Row(f"GET {_STATION}/limits", ORGANIZERS, 2),
    Row(f"GET {_STATION}/calls", ORGANIZERS, 2),
    Row(f"POST {_STATION}/calls", ORGANIZERS, 4, _with(id="new")),
    Row(f"GET {_STATION}/to-count", STAFF, 5),
    Row("GET /rewards/desks-left-open", elsewhere(STAFF), 1),
    Row("POST /rewards/desk-closes", STAFF, 14, lambda town: town.new_close()),
    Row("GET /rewards/desk-closes/<uuid:close_id>", STAFF | {"auditor"}, 4),
    Row(f"GET {_STATION}/desk-closes", STAFF | {"auditor"}, 4, secret="close_id", knows=STAFF | {"auditor"}),
    Row("GET /rewards/handed-over", LOGGED_IN, 1, secret="order_id", knows=VOLUNTEER),
    Row(f"GET {_STATION}/redemptions", ORGANIZERS, 3),
    Row("POST /internal/v1/rewards/events", frozenset({"worker"}), 0, _NO_EVENTS),
)

_MEMBER, _NODE = "/members/members/<uuid:member_id>", "/members/nodes/<uuid:node_id>"
_ME = {"id": "new", "phone": "19200000001", "password": PASSWORD, "name": "赵志远", "consents": _JOINING}

MEMBERS = (
    Row("GET /members/consent-texts", ANYBODY, 0),
    Row("POST /members/logins", ANYBODY, 11, _with(**_ME, station_id="{station_id}")),
    Row("GET /members/administrators", ANYBODY, 1),
    Row("POST /members/administrators", NOBODY, 2, _with(**_ME, code="ABCD2345")),
    Row("POST /members/sessions", ANYBODY, 10, _with(phone="{phone}", password=PASSWORD)),
    Row("POST /members/sessions", NOBODY, 7, _with(phone="{phone}", password="wrong-password")),
    Row("DELETE /members/sessions/current", LOGGED_IN, 2),
    Row("POST /members/passwords", ANYBODY, 15, _with(phone="{phone}", code="{reset_code}", password="新的密码 2026")),
    Row(f"POST {_MEMBER}/reset-codes", STAFF, 7),
    Row("GET /members/tokens", LOGGED_IN, 1, secret="token_id", knows=VOLUNTEER),
    Row("POST /members/tokens", LOGGED_IN, 8, _with(id="new", name="脚本")),
    Row("DELETE /members/tokens/<uuid:token_id>", VOLUNTEER, 3),
    Row("GET /members/me", LOGGED_IN, 3, secret="member_id", knows=VOLUNTEER),
    Row("POST /members/me/members", LOGGED_IN, 19, _with(id="new", name="王小妹", relation="child", consents=_JOINING)),
    Row(
        "PUT /members/me/members/<uuid:member_id>/consents",
        VOLUNTEER,
        7,
        _with(consents=[{"kind": "ranked", "version": "1", "given": False}]),
    ),
    Row(
        "GET /members/members",
        elsewhere(READERS),
        2,
        query={"station_id": "{station_id}"},
        secret="member_id",
        knows=READERS,
    ),
    Row("GET /members/members", LOGGED_IN, 1, query={"ids": "{member_id}"}, secret="name", knows=READERS | VOLUNTEER),
    Row("POST /members/members", STAFF, 11, _with(id="new", name="孙大圣", station_id="{station_id}")),
    Row(f"GET {_MEMBER}", READERS | VOLUNTEER, 2),
    Row(
        "POST /members/look-ups",
        ORGANIZERS,
        3,
        _with(station_id="{station_id}", people=[{"name": "{name}", "phone": "{phone}"}]),
        secret="member_id",
        knows=ORGANIZERS,
    ),
    Row(f"PATCH {_MEMBER}", STAFF | VOLUNTEER, 7, _with(skills=["理发"])),
    Row(f"PATCH {_MEMBER}", STAFF, 9, _with(name="李秀芳"), ids={"member_id": "newcomer"}),
    Row(f"POST {_MEMBER}/confirm", STAFF, 8, ids={"member_id": "newcomer"}),
    Row(f"PUT {_MEMBER}/household", STAFF, 18, _with(with_member_id="{newcomer}")),
    Row(f"GET {_MEMBER}/look-alikes", STAFF, 3),
    Row("GET /members/badges", ORGANIZERS, 3, query={"node_id": "{node_id}"}),
    Row(
        "POST /members/badges/read",
        elsewhere(ORGANIZERS),
        2,
        _with(codes=["{badge}"]),
        secret="name",
        knows=ORGANIZERS,
    ),
    Row(f"POST {_MEMBER}/badge/replace", STAFF, 8, _with(serial=1), ids={"member_id": "newcomer"}),
    Row(f"POST {_MEMBER}/merge", STAFF, 29, _with(id="new", merged_id="{newcomer}", reason="同一人")),
    Row(f"POST {_MEMBER}/unmerge", STAFF, 5, _REASON, ids={"member_id": "parted"}),
    Row(f"GET {_MEMBER}/merges", STAFF, 3),
    Row(f"POST {_MEMBER}/leave", STAFF, 13, _with(kind="stopped", day="2026-11-01", reason="不再参加")),
    Row(f"POST {_MEMBER}/return", STAFF, 3, _REASON),
    Row(
        f"POST {_MEMBER}/take-in",
        STAFF,
        4,
        _with(station_id="{station_id}", number="{newcomer_number}", reason="搬家"),
        ids={"member_id": "newcomer"},
    ),
    Row(f"GET {_MEMBER}/phone", ORGANIZERS | VOLUNTEER, 1),
    Row(
        "GET /members/phones",
        elsewhere(ORGANIZERS),
        3,
        query={"ids": "{member_id}"},
        secret="member_id",
        knows=ORGANIZERS,
    ),
    Row("GET /members/grants", elsewhere(ADMINISTRATORS), 1, secret="grant_id", knows=ADMINISTRATORS),
    Row(
        "POST /members/grants",
        ADMINISTRATORS,
        9,
        _with(id="new", member_id="{member_id}", role="organizer", node_id="{node_id}"),
    ),
    Row("POST /members/grants", EVERYTHING, 8, _with(id="new", member_id="{member_id}", role="auditor", node_id=None)),
    Row("DELETE /members/grants/<uuid:grant_id>", ADMINISTRATORS, 5),
    Row("GET /members/teams", LOGGED_IN, 1, query={"station_id": "{station_id}"}),
    Row("POST /members/teams", STAFF, 7, _with(id="new", station_id="{station_id}", name="护河队")),
    Row("GET /members/employers", LOGGED_IN, 1),
    Row("POST /members/employers", elsewhere(STAFF), 6, _with(id="new", name="市图书馆")),
    Row("GET /members/nodes", ANYBODY, 1),
    Row(
        "POST /members/nodes",
        ADMINISTRATORS,
        16,
        _with(id="new", level="compound", name="和谐小区", parent_id="{node_id}"),
    ),
    Row(f"GET {_NODE}", ANYBODY, 5),
    Row(f"PATCH {_NODE}", ADMINISTRATORS, 14, _with(name="银叶小区"), ids={"node_id": "compound"}),
    Row(f"GET {_NODE}/split", ADMINISTRATORS, 4),
    Row(
        f"POST {_NODE}/split",
        EVERYTHING,
        37,  # nine of them for each compound
        _with(id="new", name="新站", compound_ids=["{compound}"], keep_grants=True),
    ),
    Row("POST /internal/v1/members/badges/read", frozenset({"gateway"}), 1, _with(code="123456789012")),
    Row("POST /internal/v1/members/name-lists", frozenset({"gateway"}), 1, _with(ids=["{member_id}"])),
    Row("POST /internal/v1/members/sessions/resolve", frozenset({"gateway"}), 1, _with(token_digest="{token_digest}")),
)

_MINE = "/members/me/members/<uuid:member_id>"
_CLAIM = _with(code="{claim_code}", relation="other")
_JOIN = {name: value for name, value in _ME.items() if name != "name"}

PEOPLE = (
    Row(f"POST {_MEMBER}/claim-codes", ORGANIZERS, 8, ids={"member_id": "newcomer"}),
    Row("POST /members/claims/read", ANYBODY, 4, _with(code="{claim_code_read}")),
    Row("POST /members/claims", LOGGED_IN - {"organizer"}, 14, _CLAIM),
    Row("POST /members/claims/logins", ANYBODY, 16, _with(**_JOIN, code="{claim_code}")),
    # Of whom one's login does not act for nothing is let go, and nothing told; of oneself nobody lets go.
    Row(f"DELETE {_MINE}", LOGGED_IN - VOLUNTEER, 4, refused_with=422),
    Row(f"DELETE {_MINE}/logins/<uuid:login_id>", VOLUNTEER, 4, ids={"login_id": "token_id"}),
)

OWN_DATA = (
    Row(f"POST {_MINE}/exports", VOLUNTEER, 14, _with(password=PASSWORD)),
    Row("GET /checkin/scans", VOLUNTEER, 1, query={"member_id": "{member_id}"}),
)

_ERASURE = "/members/erasures/<uuid:erasure_id>"

ERASURES = (
    Row("GET /members/erasures", elsewhere(STAFF), 1, secret="erasure_id", knows=STAFF),
    Row("GET /members/members/<uuid:member_id>/erasure", STAFF, 1, ids={"member_id": "forgetful"}),
    Row(f"POST {_MEMBER}/erasures", STAFF | VOLUNTEER, 16, _with(id="new", password=PASSWORD)),
    Row(f"POST {_MEMBER}/erasures", STAFF, 14, _with(id="new"), ids={"member_id": "newcomer"}),
    Row(f"POST {_ERASURE}/withdraw", STAFF, 6),
    Row(f"POST {_ERASURE}/confirm", STAFF, 31),
    Row("GET /rewards/stations/<uuid:station_id>/redemptions", ORGANIZERS, 3, query={"member_id": "{member_id}"}),
)

# --- One person, one day; concerns; records for another platform ---
_OF_DAY = {"member_id": "{member_id}", "day": "{day}"}
_READ_DAY = READERS | VOLUNTEER
DAYS = (
    Row("GET /checkin/day", _READ_DAY, 6, query=_OF_DAY),
    Row("GET /points/day", _READ_DAY, 3, query=_OF_DAY),
    Row("GET /rewards/day", _READ_DAY, 3, query=_OF_DAY),
)

_CONCERN = "/members/concerns/<uuid:concern_id>"
_WORDS = {"words": "少了一次积分"}
CONCERNS = (
    Row("POST /members/concerns", STAFF | VOLUNTEER, 8, _with(id="new", member_id="{member_id}", **_WORDS)),
    Row("GET /members/concerns", VOLUNTEER, 1, query={"member_id": "{member_id}"}),
    Row(
        "GET /members/concerns",
        elsewhere(STAFF | {"auditor"}),
        1,
        secret="concern_id",
        knows=STAFF | {"auditor"},
    ),
    Row("GET /members/concerns/unseen", LOGGED_IN, 1, secret="answered", knows=VOLUNTEER),
    Row(f"GET {_CONCERN}", STAFF | VOLUNTEER | {"auditor"}, 2),
    Row(f"POST {_CONCERN}/take", STAFF, 4),
    Row(f"POST {_CONCERN}/answer", STAFF, 4, _with(answer="已补上")),
    Row(f"POST {_CONCERN}/reopen", STAFF | VOLUNTEER, 4, _with(because="还不对"), ids={"concern_id": "answered"}),
    Row(f"POST {_CONCERN}/read", STAFF, 4, ids={"concern_id": "anonymous complaint"}),
    Row(f"GET {_CONCERN}/contact", STAFF, 2, ids={"concern_id": "complaint"}),
    Row("POST /members/complaints", ANYBODY, 5, _with(id="new", node_id="{node_id}", **_WORDS)),
)

ROLL = (
    Row(f"GET {_ACTIVITY}/roll", ORGANIZERS, 3, ids=_SERVED, secret="member_id", knows=ORGANIZERS),
    Row(
        f"POST {_ACTIVITY}/ticks",
        ORGANIZERS,
        12,
        _with(ticks=[{"id": "new", "member_id": "{newcomer}", "wanted": "arrived"}]),
    ),
    Row(
        "POST /members/name-lists",
        ORGANIZERS,
        3,
        _with(station_id="{station_id}", ids=["{member_id}"]),
        secret="name",
        knows=ORGANIZERS,
    ),
)

_BATCH = "/checkin/batches/<uuid:batch_id>"
_SPAN = {"platform": "izhiyuan", "from_day": "{yesterday}", "to_day": "{day}"}
_ABOUT_MEMBER = {"kind": "member", "subject_id": "{member_id}"}
PLATFORMS = (
    Row("GET /checkin/outside-numbers", STAFF | {"auditor"}, 3, query=_ABOUT_MEMBER),
    Row("PUT /checkin/outside-numbers", STAFF, 6, _with(**_ABOUT_MEMBER, platform="other", number="A-17")),
    Row("GET /checkin/batches", elsewhere(STAFF | {"auditor"}), 1, secret="batch_id", knows=STAFF | {"auditor"}),
    Row("POST /checkin/batches", STAFF, 6, _with(id="new", node_id="{node_id}", **_SPAN | {"platform": "other"})),
    Row("GET /checkin/batches/waiting", STAFF | {"auditor"}, 2, query=_SPAN | {"node_id": "{node_id}"}),
    Row(f"GET {_BATCH}", STAFF | {"auditor"}, 1),
    Row(f"GET {_BATCH}/records", STAFF | {"auditor"}, 3),
    Row(
        "POST /members/full-names",
        elsewhere(STAFF),
        2,
        _with(batch_id="{batch_id}", ids=["{member_id}"]),
        secret="name",
        knows=STAFF,
    ),
    Row(f"GET {_BATCH}/left-out", STAFF | {"auditor"}, 2),
)

_IMPORT = "/members/imports/<uuid:import_id>"
_FILE = _with(
    id="new", kind="roster", station_id="{station_id}", file_name="名册.csv", content="5aeT5ZCNCumZiOiKswo="
)  # fmt: skip

IMPORTS = (
    Row("GET /members/imports", elsewhere(STAFF | {"auditor"}), 1, secret="import_id", knows=STAFF | {"auditor"}),
    Row("POST /members/imports", STAFF, 8, _FILE),
    Row(f"GET {_IMPORT}", STAFF | {"auditor"}, 1),
    Row(f"GET {_IMPORT}/rows", STAFF, 4),
    Row(f"GET {_IMPORT}/file", STAFF | {"auditor"}, 3),
    Row(f"POST {_IMPORT}/check", STAFF, 5, _with()),
    Row(f"POST {_IMPORT}/start", STAFF, 6),
    Row(f"POST {_IMPORT}/approve", EVERYTHING, 7, ids={"import_id": "import waiting"}),
    Row(f"POST {_IMPORT}/reject", EVERYTHING, 6, _REASON, ids={"import_id": "import waiting"}),
    Row(f"POST {_IMPORT}/drop", STAFF, 7),
    Row(f"POST {_IMPORT}/undo", STAFF, 8, ids={"import_id": "import done"}),
)


# --- Newcomers, and the printed sign-in sheet ---
def _sheet(town: Town) -> dict[str, Any]:
    entered = _attendance(town)
    return {name: entered.pop(name) for name in ("id", "site_id")} | {"lines": [entered]}


_LOOKS = _with(station_id="{station_id}", name="{name}")
PAPER = (
    Row(
        "POST /members/newcomers",
        ORGANIZERS,
        14,
        _with(id="new", name="孙大圣", station_id="{station_id}", consents=_JOINING),
    ),
    Row("POST /members/newcomers/look-alikes", ORGANIZERS, 2, _LOOKS, secret="member_id", knows=ORGANIZERS),
    Row(f"GET {_ACTIVITY}/sheet", ORGANIZERS, 3, query={"site_id": "{site_id}"}),
    Row(f"POST {_ACTIVITY}/sheets", ORGANIZERS, 12, _sheet),
    Row("GET /checkin/announcement", ANYBODY, 2, query={"activity_id": "{activity_id}"}),
    Row("GET /checkin/announcement", NOBODY, 2, query={"activity_id": "{draft}"}),
    Row("GET /checkin/announcement", NOBODY, 2, query={"activity_id": "{in_review}"}),
    Row(f"POST {_ACTIVITY}/newcomers", ORGANIZERS, 10, _with(id="new", member_id="{neighbour}", site_id="{site_id}")),
)

ROWS = (
    *PEOPLE,
    *PAPER,
    *OWN_DATA,
    *ERASURES,
    *DAYS,
    *CONCERNS,
    *PLATFORMS,
    *ROLL,
    *MEMBERS,
    *IMPORTS,
    *CHECKIN,
    *POINTS,
    *REWARDS,
    *(row for service in SERVICES for row in _kernel(service)),
)
