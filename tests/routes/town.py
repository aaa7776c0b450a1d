"""All four services in this process, with real objects in them, and everybody who might ask for them.

Everything is made by the real commands; who calls is signed as the gateway would sign it. What a request
does is rolled back after it, so that every caller meets the same town.
"""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.orm import Session

from devtools import crowd
from devtools.crowd import Crowd
from devtools.seed.setting import acting_for
from devtools.world import World
from services.checkin.commands import scans
from services.members.commands import grants, logins, people, work_imports
from services.members.commands.operator import OPERATOR
from services.members.domain.people import NewMember
from services.rewards.commands import redemptions
from services.rewards.domain.redemption import Order
from shared import clock, outbox, principal, tokens
from shared.db import transactional
from shared.events import RedemptionVoided
from shared.ids import new_id
from shared.principal import Grant, Kind, Principal, Role
from shared.settings import SERVICES, secret
from tests.support import Settings

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.test import TestResponse

API = "/api/v1"
LOGINS = (
    "volunteer", "other volunteer", "organizer", "staff", "administrator", "auditor", "administrator of everything",
    "organizer elsewhere", "staff elsewhere", "administrator elsewhere", "auditor elsewhere",
)  # fmt: skip
ANONYMOUS = "anonymous"
ISSUERS = (*SERVICES, "worker", "gateway")
"""Whose keys the internal listener knows, and the gateway itself."""
CALLERS = (*LOGINS, ANONYMOUS, *ISSUERS)

# What SQLAlchemy says so that a transaction can be taken back. Not counted.
_FRAME = ("SAVEPOINT", "RELEASE", "ROLLBACK")


class _World(World):
    """On the apps and databases of this worker."""

    def __init__(self, apps: "dict[str, Flask]") -> None:
        self.apps = apps
        self._key = secret("HUZHU_GATEWAY_SIGNING_KEY")


@dataclass(frozen=True)
class Asked:
    """A request that was made and taken back."""

    status: int
    text: str
    statements: list[str]
    changed: list[str]
    """Tables that had other rows afterwards."""
    found: list[Any] = field(default_factory=list)
    """What was looked for before it was taken back."""


@dataclass
class Town:
    world: World
    moment: datetime
    callers: dict[str, Principal] = field(default_factory=dict)
    things: dict[str, str] = field(default_factory=dict)
    """Ids and codes, by what a route calls them or by what they are."""
    digests: dict[str, dict[str, str]] = field(default_factory=dict)
    """Service → table → what its rows come to, before anybody asked."""

    @classmethod
    def found(cls, settings: Settings) -> "Town":
        """Two stations with their officials; at the first, somebody who served, redeemed and took a gift home."""
        # Three in the afternoon: no service meets midnight.
        moment = datetime.now(clock.SHANGHAI).replace(hour=15, minute=0, second=0, microsecond=0)
        world = _World({service: settings.app(service) for service in SERVICES})
        town = cls(world, moment)
        with clock.travel(moment):
            here = crowd.gather(world, members=3, stock=50, served="confirmed")
            elsewhere = crowd.gather(world, members=1, stock=1)
            town._meet(here, elsewhere)
            town._remember(here)
            town._redeem()
            town._organize()
            town._administrate()
            town._complain()
            town._export()
            town._bury_letters()
            world.finish()
        town.note()
        return town

    @property
    def apps(self) -> "dict[str, Flask]":
        return self.world.apps

    # --- Asking -------------------------------------------------------------------------------------------

    def ask(
        self,
        who: str,
        method: str,
        path: str,
        content: Any = None,
        query: Any = None,
        *,
        times: int = 1,
        then: str | None = None,
    ) -> Asked:
        """Ask as somebody, so many times, and take back what it did; `then`: a statement whose rows are found first."""
        service = _service_of(path)
        with clock.travel(self.moment), self._taken_back(service) as (connection, statements):
            for _ in range(times):
                answer = self._open(who, method, path, content, query)
            sent = [statement for statement in statements if not statement.startswith(_FRAME)]
            changed: list[str] = []
            # A transaction that has written nothing has no number; that is quicker than to look everywhere.
            if connection.scalar(text("SELECT pg_current_xact_id_if_assigned()")) is not None:
                now = _digest_of(connection)
                changed = [table for table, digest in self.digests[service].items() if now[table] != digest]
            found = list(connection.execute(text(then))) if then else []
        return Asked(answer.status_code, answer.text, sent, changed, found)

    def make(self, who: str, method: str, path: str, content: Any = None) -> Any:
        """Ask as somebody, and let it stand."""
        with clock.travel(self.moment):
            answer = self._open(who, method, path, content, None)
        assert answer.status_code < 300, (who, method, path, answer.text)
        return answer.json if answer.data else None

    def _open(self, who: str, method: str, path: str, content: Any, query: Any) -> "TestResponse":
        service = _service_of(path)
        caller = self.callers.get(who)
        if who == ANONYMOUS:
            caller = Principal(kind=Kind.ANONYMOUS, audience=service)
        elif caller is None:
            caller = Principal(kind=Kind.SERVICE, audience=service, issuer=who)
        signed = principal.sign(replace(caller, audience=service), secret("HUZHU_GATEWAY_SIGNING_KEY"))
        return self.apps[service].test_client().open(
            path, method=method, json=content, query_string=query, headers={principal.HEADER: signed}
        )  # fmt: skip

    @contextmanager
    def _taken_back(self, service: str) -> Iterator[tuple[Connection, list[str]]]:
        """Within the block the service's sessions join a transaction that is rolled back at its end."""
        engines = self._engines(service)
        engine, sent = engines[None], list[str]()

        def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            sent.append(statement)

        with engine.connect() as connection:
            outer = connection.begin()
            connection.begin_nested()
            event.listen(connection, "before_cursor_execute", note)
            engines[None] = connection
            try:
                yield connection, sent
            finally:
                engines[None] = engine
                outer.rollback()

    def _engines(self, service: str) -> dict[str | None, Any]:
        with self.apps[service].app_context():
            engines: dict[str | None, Any] = self.apps[service].extensions["sqlalchemy"].engines
        return engines

    def note(self) -> None:
        for service in SERVICES:
            engine: Engine = self._engines(service)[None]
            with engine.connect() as connection:
                self.digests[service] = _digest_of(connection)

    # --- Growing ------------------------------------------------------------------------------------------

    def grow(self, count: int) -> None:
        """So much more of everything that a list can show or an act can reach."""
        station_id = UUID(self.things["station_id"])
        neighbours = [NewMember(id=new_id(), name="赵小明", station_id=station_id) for _ in range(count)]
        served, earlier = self.site_of("served"), self.site_of("earlier")
        with clock.travel(self.moment):
            with self.world.inside("members"):
                people.add_members(OPERATOR, neighbours)
            self.world.deliver()
            for number, neighbour in enumerate(neighbours):
                self.attend("", "served", served, str(neighbour.id), -6, -4)
                with self.world.inside("checkin"):
                    scans.record_scan(acting_for(neighbour.id), code=self.things["code"], member_id=neighbour.id)
                self._serve_on_another_day(number + 1)
                self._add_to_lists(number)
                self._bury_letters()
            self.make("organizer", "POST", f"{API}/checkin/activities/{self.things['served']}/confirm-all")
            for neighbour in neighbours:
                self.attend("", "earlier", earlier, str(neighbour.id), -9, -7)
            self._sign_up([str(neighbour.id) for neighbour in neighbours])
            self.world.finish()
        self.note()

    def _sign_up(self, member_ids: list[str]) -> None:
        """These for the later activity, and the volunteer for some more."""
        path = f"{API}/checkin/activities"
        everybody = {"id": str(new_id()), "member_ids": member_ids}
        self.make("organizer", "POST", f"{path}/{self.things['later']}/sign-ups", everybody)
        for _neighbour in member_ids:
            activity = self.new_activity("to come")
            self.make("organizer", "POST", path, activity)
            self.make("organizer", "POST", f"{path}/{activity['id']}/publish")
            mine = {"id": str(new_id()), "member_ids": [self.things["member_id"]]}
            self.make("volunteer", "POST", f"{path}/{activity['id']}/sign-ups", mine)

    def _serve_on_another_day(self, days_ago: int) -> None:
        """The volunteer, who may serve three times a day."""
        activity, hours = self.new_activity("another", hours_ago=24 * days_ago), -24 * days_ago
        path = f"{API}/checkin/activities"
        self.make("organizer", "POST", path, activity)
        self.make("organizer", "POST", f"{path}/{activity['id']}/publish")
        self.attend("", "another", activity["sites"][0]["id"], self.things["member_id"], hours, hours + 2)
        self.make("organizer", "POST", f"{path}/{activity['id']}/confirm-all")

    def _add_to_lists(self, number: int) -> None:
        things, members, rewards = self.things, f"{API}/members", f"{API}/rewards"
        here, mine = {"station_id": things["station_id"]}, {"member_id": things["member_id"]}

        def add(who: str, path: str, **content: Any) -> str:
            new = str(new_id())
            self.make(who, "POST", path, {"id": new, **content})
            return new

        name = f"第{number}"
        add("staff", f"{members}/teams", name=name, **here)
        add("staff", f"{members}/employers", name=name)
        compound = add("administrator", f"{members}/nodes", name=name, level="compound", parent_id=things["node_id"])
        add("administrator", f"{members}/grants", role="volunteer", node_id=compound, member_id=things["neighbour"])
        if number < 8:  # a login has at most twenty tokens and ten people
            add("volunteer", f"{members}/tokens", name=name)
            consents = [{"kind": kind, "version": "1"} for kind in ("terms", "privacy")]
            add("other volunteer", f"{members}/me/members", name="王小妹", relation="child", consents=consents)
        add("staff", f"{members}/concerns", words=name, member_id=things["neighbour"])
        gift = add("staff", f"{rewards}/gifts", name=name, points=1, node_id=things["node_id"])
        add("staff", f"{rewards}/gifts/{gift}/stock", kind="receive", quantity=5, reason="捐赠", **here)
        add("volunteer", f"{rewards}/redemptions", gift_id=gift, **here, **mine)

    def site_of(self, activity: str) -> str:
        path = f"{API}/checkin/activities/{self.things[activity]}"
        return str(self.make("organizer", "GET", path)["sites"][0]["id"])

    # --- Founding -----------------------------------------------------------------------------------------

    def _meet(self, here: Crowd, elsewhere: Crowd) -> None:
        known = {
            "volunteer": here.members[0],
            "other volunteer": here.members[1],
            "organizer": here.organizer,
            "staff": here.staff,
            "administrator": here.administrator,
            "organizer elsewhere": elsewhere.organizer,
            "staff elsewhere": elsewhere.staff,
            "administrator elsewhere": elsewhere.administrator,
        }
        with self.world.inside("members"):
            for name, person in known.items():
                self.callers[name] = _logged_in(person["phone"])
        self._appoint("auditor", "19100000001", Role.AUDITOR, here.station_id)
        self._appoint("auditor elsewhere", "19100000002", Role.AUDITOR, elsewhere.station_id)
        self._appoint("administrator of everything", "19100000003", Role.ADMINISTRATOR, None, here.station_id)
        self.things |= {"phone": known["volunteer"]["phone"], "station_elsewhere": elsewhere.station_id}

    def _appoint(self, name: str, phone: str, role: Role, node_id: str | None, home: str | None = None) -> None:
        joining = [{"kind": kind, "version": "1"} for kind in ("terms", "privacy")]
        person = {
            "id": str(new_id()), "phone": phone, "password": crowd.PASSWORD, "name": "王建国",
            "station_id": home or node_id, "consents": joining,
        }  # fmt: skip
        member_id = UUID(self.make(ANONYMOUS, "POST", f"{API}/members/logins", person)["member_id"])
        with self.apps["members"].app_context():
            people.confirm(OPERATOR, member_id)
            self.things[f"grant of {name}"] = str(grant_id := new_id())
            grants.add_grant(
                OPERATOR,
                grant_id=grant_id,
                member_id=member_id,
                role=role.value,
                node_id=None if node_id is None else UUID(node_id),
            )
            self.callers[name] = _logged_in(phone)

    def _remember(self, here: Crowd) -> None:
        self.things |= {
            "station_id": here.station_id,
            "node_id": here.station_id,
            "activity_id": here.activity_id,
            "site_id": here.site_id,
            "served": str(here.served_activity_id),
            "gift_id": here.gift_id,
            "member_id": here.members[0]["member_id"],
            "name": "群众0",
            "day": self.moment.date().isoformat(),
            "yesterday": (self.moment.date() - timedelta(days=1)).isoformat(),
            "neighbour": here.members[2]["member_id"],
        }
        query = f"node_id={here.station_id}&member_id={self.things['member_id']}"
        (badge,) = self.make("organizer", "GET", f"{API}/members/badges?{query}")
        self.things["badge"] = badge["badge"]
        (token,) = self.make("volunteer", "GET", f"{API}/members/tokens")
        self.things["token_id"] = token["id"]
        path = f"{API}/checkin/activities/{here.served_activity_id}/attendances"
        served = self.make("organizer", "GET", path)
        (own,) = [each["id"] for each in served if each["member_id"] == self.things["member_id"]]
        self.things["attendance_id"] = own

    def _redeem(self) -> None:
        """One that waits to be handed over, one that was, and an order at the desk."""
        member_id = UUID(self.things["member_id"])
        self._serve_on_another_day(1)  # for the order's points
        self.world.deliver()
        for name in ("redemption_id", "fulfilled"):
            order = Order(new_id(), UUID(self.things["gift_id"]), UUID(self.things["station_id"]), member_id, 1)
            with self.world.inside("rewards"):
                redemptions.redeem(acting_for(member_id), order)
            self.things[name] = str(order.id)
        line = {"gift_id": self.things["gift_id"], "quantity": 1, "points": crowd.GIFT_POINTS}
        here = {"station_id": self.things["station_id"], "member_id": str(member_id)}
        desk_order = {"id": str(new_id()), "lines": [line], **here}
        self.make("organizer", "POST", f"{API}/rewards/desk-orders", desk_order)
        with clock.travel(self.moment + redemptions.WORKER_TAKES_OVER):
            self.world.deliver()
        # Before anything is handed over: what is closed cannot be taken back.
        self.things["close_id"] = self.make("staff", "POST", f"{API}/rewards/desk-closes", self.new_close())["id"]
        path = f"{API}/rewards/redemptions"
        self.make("organizer", "POST", f"{path}/{self.things['fulfilled']}/issue")
        served = self.make("organizer", "POST", f"{API}/rewards/desk-orders/{desk_order['id']}/finish")
        self.things |= {"order_id": served["id"], "at the desk": served["lines"][0]["id"]}
        voucher = self.make("volunteer", "GET", f"{path}/{self.things['redemption_id']}/voucher")
        self.things["voucher"] = voucher["code"]

    def new_close(self) -> dict[str, Any]:
        """The daily close of the station as its books stand."""
        station_id = self.things["station_id"]
        to_count = self.make("staff", "GET", f"{API}/rewards/stations/{station_id}/to-count")
        counts = [
            {name: one[name] for name in ("gift_id", "pieces", "expected")} | {"counted": one["expected"]}
            for one in to_count
        ]
        return {"id": str(new_id()), "station_id": station_id, "counts": counts}

    def _organize(self) -> None:
        """A draft, a code on the screen, and attendances in every state that an organizer acts on."""
        api, things = f"{API}/checkin", self.things
        self.make("organizer", "POST", f"{api}/activities", self.new_activity("draft"))
        earlier, later = self.new_activity("earlier", hours_ago=9), self.new_activity("later")
        for published in (earlier, later):
            self.make("organizer", "POST", f"{api}/activities", published)
            self.make("organizer", "POST", f"{api}/activities/{published['id']}/publish")
        self._ask_for_review()
        self.attend("waiting", "earlier", earlier["sites"][0]["id"], things["neighbour"], -9, -7)
        self.attend("open", "activity_id", things["site_id"], things["neighbour"], -0.25, None)
        signing_up = {"id": str(new_id()), "member_ids": [things["member_id"]]}
        made = self.make("volunteer", "POST", f"{api}/activities/{later['id']}/sign-ups", signing_up)
        things["sign_up_id"] = made["sign_ups"][0]["id"]
        shown = self.make(
            "organizer", "GET", f"{api}/activities/{things['activity_id']}/codes?direction=arrival&site_id="
            + things["site_id"],
        )  # fmt: skip
        things["code"] = shown["codes"][0]["url"]
        scan = {"code": things["code"], "member_ids": [str(self.callers["other volunteer"].own_member_id)]}
        self.make("other volunteer", "POST", f"{api}/scans", scan)

    def _ask_for_review(self) -> None:
        """One that waits where activities were reviewed when it was handed in."""
        switch, path = f"{API}/checkin/reviews/switches/{self.things['node_id']}", f"{API}/checkin/activities"
        activity = self.new_activity("in_review")
        self.make("staff", "PUT", switch, {"on": True})
        self.make("organizer", "POST", path, activity)
        self.things["asked_at"] = self.make("organizer", "POST", f"{path}/{activity['id']}/publish")["asked_at"]
        self.make("staff", "PUT", switch, {"on": False})

    def attend(
        self, name: str, activity: str, site_id: str, member_id: str, from_hour: float, to_hour: float | None
    ) -> None:
        """The organizer enters an attendance; hours count from now."""
        self.things[name] = str(new_id())
        content = {
            "id": self.things[name],
            "member_id": member_id,
            "site_id": site_id,
            "arrived_at": self.at(from_hour),
            "left_at": None if to_hour is None else self.at(to_hour),
        }
        path = f"{API}/checkin/activities/{self.things[activity]}/attendances"
        self.make("organizer", "POST", path, content)

    def at(self, hours: float) -> str:
        return (self.moment + timedelta(hours=hours)).isoformat()

    def new_activity(self, name: str | None = None, *, hours_ago: float = -1) -> dict[str, Any]:
        """An activity to be created, of three hours, tomorrow's or earlier; its id is kept by name."""
        activity = {
            "id": str(new_id()), "title": "大扫除", "category": "environment", "place": "门口",
            "station_id": self.things["station_id"], "starts_at": self.at(-hours_ago),
            "ends_at": self.at(3 - hours_ago), "sites": [{"id": str(new_id()), "name": "集合点", "place": "门口"}],
        }  # fmt: skip
        if name is not None:
            self.things[name] = str(activity["id"])
        return activity

    def _administrate(self) -> None:
        """A newcomer nobody has confirmed, a team, an employer, a compound, a grant that can be taken back, a code."""
        things, api = self.things, f"{API}/members"
        for name in ("newcomer", "team", "employer", "compound"):
            things[name] = str(new_id())
        station = {"station_id": things["station_id"]}
        made = self.make("staff", "POST", f"{api}/members", {"id": things["newcomer"], "name": "李秀英", **station})
        things["newcomer_number"] = made["volunteer_number"]
        self.make("staff", "POST", f"{api}/teams", {"id": things["team"], "name": "护绿队", **station})
        self.make("staff", "POST", f"{api}/employers", {"id": things["employer"], "name": "市科协"})
        compound = {"id": things["compound"], "level": "compound", "name": "金叶小区", "parent_id": things["node_id"]}
        self.make("administrator", "POST", f"{api}/nodes", compound)
        things["grant_id"] = things["grant of auditor"]
        self._import_rosters()
        made = self.make("staff", "POST", f"{api}/members/{things['member_id']}/reset-codes")
        things["reset_code"] = made["code"]
        things["forgetful"] = self._add_elder()
        asked = self.make("staff", "POST", f"{api}/members/{things['forgetful']}/erasures", {"id": str(new_id())})
        things["erasure_id"] = asked["id"]
        for name, member_id in (("claim_code", things["newcomer"]), ("claim_code_read", self._add_elder())):
            claim = self.make("organizer", "POST", f"{api}/members/{member_id}/claim-codes")
            things[name] = claim["url"].rpartition("/")[2]
        things["parted"] = self._merge_and_part()
        with self.apps["members"].app_context(), clock.travel(self.moment):
            token = logins.log_in(phone=things["phone"], password=crowd.PASSWORD).token
            things["token_digest"] = tokens.digest(token).hex()

    def _add_elder(self) -> str:
        """Somebody without a login, whom nothing else is about."""
        elder = {"id": str(new_id()), "name": "赵大爷", "station_id": self.things["station_id"]}
        return str(self.make("staff", "POST", f"{API}/members/members", elder)["id"])

    def _merge_and_part(self) -> str:
        """Somebody who was merged into another by mistake, which was taken back."""
        gone, stays = self._add_elder(), self._add_elder()
        merge = {"id": str(new_id()), "merged_id": gone, "reason": "同一人"}
        self.make("staff", "POST", f"{API}/members/members/{stays}/merge", merge)
        self.make("staff", "POST", f"{API}/members/members/{gone}/unmerge", {"reason": "不是同一人"})
        return gone

    def _complain(self) -> None:
        """A concern that waits, one that was answered, a complaint with a contact and one without."""
        api, things = f"{API}/members", self.things
        for name in ("concern_id", "answered", "complaint", "anonymous complaint"):
            things[name] = str(new_id())
        for name in ("concern_id", "answered"):
            content = {"id": things[name], "member_id": things["member_id"], "words": "少了一次"}
            self.make("volunteer", "POST", f"{api}/concerns", content)
        self.make("staff", "POST", f"{api}/concerns/{things['answered']}/answer", {"answer": "已补上"})
        for name, more in (("complaint", {"contact": "孙先生"}), ("anonymous complaint", {})):
            content = {"id": things[name], "node_id": things["node_id"], "words": "码太小", **more}
            self.make(ANONYMOUS, "POST", f"{api}/complaints", content)

    def _export(self) -> None:
        """The volunteer is known to two platforms; a batch for one of them."""
        things, api = self.things, f"{API}/checkin"
        things["batch_id"] = str(new_id())
        for platform in ("izhiyuan", "other"):
            number = {"kind": "member", "subject_id": things["member_id"], "platform": platform, "number": "A-16"}
            self.make("staff", "PUT", f"{api}/outside-numbers", number)
        span = {"platform": "izhiyuan", "from_day": things["yesterday"], "to_day": things["day"]}
        batch = {"id": things["batch_id"], "node_id": things["node_id"], **span}
        self.make("staff", "POST", f"{api}/batches", batch)

    def _import_rosters(self) -> None:
        """A roster that was checked, one that has come in, and opening balances that wait for a second person."""
        for name, who in (("import_id", "赵一鸣"), ("import done", "钱二喜")):
            self._bring(name, "roster", f"姓名\n{who}\n")
        self._start("import done")
        member = self.make("staff", "GET", f"{API}/members/members/{self.things['neighbour']}")
        line = f"{member['name']},{member['volunteer_number']},5"
        self._bring("import waiting", "opening", f"姓名,志愿者编号,积分\n{line}\n")
        self._start("import waiting")

    def _bring(self, name: str, kind: str, text: str) -> None:
        self.things[name] = str(new_id())
        content = {"file_name": "名册.csv", "content": base64.b64encode(text.encode()).decode()}
        known = {"id": self.things[name], "kind": kind, "station_id": self.things["station_id"]}
        self.make("staff", "POST", f"{API}/members/imports", known | content)
        self._work()

    def _start(self, name: str) -> None:
        self.make("staff", "POST", f"{API}/members/imports/{self.things[name]}/start")
        self._work()

    def _work(self) -> None:
        with self.apps["members"].app_context(), clock.travel(self.moment):
            while work_imports.work():
                pass

    def _bury_letters(self) -> None:
        self.things["sentence"] = "没有这次兑换"

        @transactional
        def bury(tx: Session) -> UUID:
            fact = RedemptionVoided(redemption_id=new_id(), member_id=new_id(), reason="本人取消")
            (row_id,) = outbox.add(tx, fact, due_in=timedelta(days=1))
            outbox.mark_dead(tx, row_id, f"unknown: {self.things['sentence']}")
            return row_id

        for service, app in self.apps.items():
            with app.app_context():
                self.things[f"letter in {service}"] = str(bury())


def _service_of(path: str) -> str:
    """The service that a path of either listener leads to."""
    return path.split("/")[3]


def _logged_in(phone: str) -> Principal:
    """The principal of a login, as the gateway would sign it."""
    opened = logins.log_in(phone=phone, password=crowd.PASSWORD)
    found = logins.resolve(tokens.digest(opened.token))
    return Principal(
        kind=Kind.LOGIN,
        audience="",
        login_id=found.login_id,
        session_id=found.session_id,
        member_id=found.own_member_id,
        own_member_id=found.own_member_id,
        member_ids=tuple(found.member_ids),
        household_ids=tuple(found.household_ids),
        grants=tuple(Grant(Role(held["role"]), held["path"]) for held in found.grants),
        grants_of_others=tuple(Grant(Role(held["role"]), held["path"]) for held in found.grants_of_others),
    )


def _digest_of(connection: Connection) -> dict[str, str]:
    tables = connection.scalars(
        text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'")
    ).all()
    columns = ", ".join(
        f"(SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {table} t)" for table in tables
    )
    return dict(zip(tables, connection.execute(text(f"SELECT {columns}")).one(), strict=True))
