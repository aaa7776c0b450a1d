"""Builders, a stand-in for points at the HTTP boundary, and ways to count and to race."""

import inspect
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from uuid import UUID, uuid4

from flask import Flask
from sqlalchemy import Table, event, select, update

from services.rewards import store
from services.rewards.commands import desk_closes, gifts, redemptions
from services.rewards.commands.stations import take_stations
from services.rewards.domain.desk import Count
from services.rewards.domain.redemption import Order
from services.rewards.queries import desk as desk_queries
from services.rewards.store import Gift, Redemption, Stock
from shared import copies, outbox
from shared.db import session, transactional
from shared.events import MemberChanged, StationChanged
from shared.principal import Grant, Kind, Principal, Role

T = TypeVar("T")


# --- Points, at the HTTP boundary -------------------------------------------------------------------


class _Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True


@dataclass
class Points:
    """Answers spends and voids as the points service does: each redemption once, voids for ever."""

    url: str = ""
    mood: str = "well"
    """well; deaf: books nothing and answers 503; mute: books and breaks the line; refusing: dead letters;
    late: has not heard of the member yet.
    """
    balances: dict[str, int] = field(default_factory=dict)
    """By member; who is not listed has enough of everything."""
    spends: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By redemption: the outcome that was answered first."""
    spent: dict[str, int] = field(default_factory=dict)
    """By redemption: hundredths taken and not given back."""
    voided: set[str] = field(default_factory=set)
    issuers: list[str] = field(default_factory=list)
    before_answer: Callable[[], None] = lambda: None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    @contextmanager
    def serve(cls) -> "Iterator[Points]":
        points = cls()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one packet, else each answer waits 40 ms for an acknowledgement

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                points.answer(self, body)

            def log_message(self, *_: Any) -> None:
                pass

        server = _Server(("127.0.0.1", 0), Handler)
        points.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield points
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def answer(self, request: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        assert request.path == "/internal/v1/points/events"
        if self.mood == "deaf":
            return self._send(request, 503, {"status": 503})
        with self.lock:
            self.issuers.append(_issuer(request.headers["Huzhu-Service"]))
            answers = [self.take_in(event["name"], event["body"]) for event in body["events"]]
        if self.mood == "mute":
            request.close_connection = True
            return None
        self.before_answer()
        return self._send(request, 200, {"answers": answers})

    def take_in(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        if self.mood == "refusing":
            return {"status": "refused", "code": "different_input", "detail": "known with other content"}
        if self.mood == "late":
            return {"status": "later", "code": "stale_card", "detail": "rewards judged by a newer card"}
        key = body["redemption_id"]
        if name == "RedemptionVoided":
            self.voided.add(key)
            back = self.spent.pop(key, 0)
            if body["member_id"] in self.balances:
                self.balances[body["member_id"]] += back
            return {"status": "done"}
        if key not in self.spends:
            self.spends[key] = self._spend(key, body)
        return {"status": "done", "outcome": self.spends[key]}

    def _spend(self, key: str, body: dict[str, Any]) -> dict[str, Any]:
        if key in self.voided:
            return {"state": "declined", "code": "voided", "detail": "兑换已取消"}
        balance = self.balances.get(body["member_id"], 10**9)
        if balance < body["points"]:
            return {"state": "declined", "code": "insufficient_points", "detail": "可用积分不足"}
        if body["member_id"] in self.balances:
            self.balances[body["member_id"]] -= body["points"]
        self.spent[key] = body["points"]
        return {"state": "confirmed", "balance_after": balance - body["points"]}

    def _send(self, request: BaseHTTPRequestHandler, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)


def _issuer(header: str) -> str:
    from shared.gateway_client import issuer_of

    return str(issuer_of(header))


# --- A town -----------------------------------------------------------------------------------------


@transactional
def take_copies(tx: Any, *facts: MemberChanged | StationChanged) -> None:
    copies.take_members(tx, [fact for fact in facts if isinstance(fact, MemberChanged)] or [_nobody()])
    take_stations(tx, [fact for fact in facts if isinstance(fact, StationChanged)] or [_nowhere()])


def _nobody() -> MemberChanged:
    return MemberChanged(
        member_id=UUID(int=1), version=1, status="left", confirmed=False, volunteer_number="0", name_masked="无*"
    )


def _nowhere() -> StationChanged:
    return StationChanged(node_id=UUID(int=1), version=1, level="city", name="无", path=f"/{UUID(int=1).hex}/")


@dataclass(frozen=True)
class Place:
    id: UUID
    path: str


@dataclass(frozen=True)
class Town:
    """A city with a sub-centre and two stations; one of them has a compound."""

    city: Place
    sub_centre: Place
    station: Place
    other_station: Place
    compound: Place

    @classmethod
    def build(cls) -> "Town":
        city = _place("city", "咸宁市")
        sub_centre = _place("sub_centre", "温泉街道实践所", city)
        station = _place("station", "岔路口社区实践站", sub_centre)
        other = _place("station", "南昌路社区实践站", sub_centre)
        return cls(city, sub_centre, station, other, _place("compound", "金叶小区", station))

    def member(self, *, household_id: UUID | None = None, **fields: Any) -> UUID:
        """A member whom staff has confirmed, unless told otherwise."""
        member_id = uuid4()
        known: dict[str, Any] = {
            "status": "active",
            "confirmed": True,
            "name_masked": "陈*芳",
            "volunteer_number": "12345678901",
        }
        known |= {"version": 1, "station_id": self.station.id}
        take_copies(MemberChanged(member_id=member_id, household_id=household_id, **{**known, **fields}))
        return member_id

    def moves(self, member_id: UUID, place: Place) -> None:
        """A confirmed member belongs to another station from now on."""
        take_copies(
            MemberChanged(
                member_id=member_id, version=2, status="active", confirmed=True, name_masked="陈*芳",
                volunteer_number="12345678901", station_id=place.id,
            )
        )  # fmt: skip

    def gift(self, *, stock: int = 0, **changes: Any) -> Gift:
        """A gift of 10 points, two a quarter, with this many pieces at the first station."""
        values = {"name": "洗衣液", "description": "", "points": 1000, "limit_per_quarter": 2, **changes}
        gift = gifts.create_gift(self.staff, gift_id=uuid4(), **{"node_id": self.station.id, **values})
        if stock:
            self.receive(gift, stock)
        return gift

    def receive(self, gift: Gift, quantity: int) -> None:
        gifts.move_stock(
            self.staff, gifts.Movement(uuid4(), gift.id, self.station.id, "receive", quantity, "爱心商家捐赠")
        )

    @property
    def staff(self) -> Principal:
        return holder(Role.STAFF, self.city)

    @property
    def organizer(self) -> Principal:
        return holder(Role.ORGANIZER, self.station)

    def order(self, gift: Gift, member_id: UUID, **changes: Any) -> Order:
        return replace(Order(uuid4(), gift.id, self.station.id, member_id, 1), **changes)

    def redeemed(self, gift: Gift | None = None, member_id: UUID | None = None, **changes: Any) -> Redemption:
        """A redemption as the points server of the moment makes it."""
        gift = gift or self.gift(stock=10)
        member_id = member_id or self.member()
        return redemptions.redeem(login_of(member_id), self.order(gift, member_id, **changes))


def _place(level: str, name: str, above: Place | None = None) -> Place:
    node_id = uuid4()
    place = Place(node_id, f"{above.path if above else '/'}{node_id.hex}/")
    parent_id = above.id if above else None
    take_copies(
        StationChanged(node_id=node_id, version=1, level=level, name=name, path=place.path, parent_id=parent_id)
    )
    return place


def close_station(place: Place) -> None:
    take_copies(StationChanged(node_id=place.id, version=2, level="station", name="旧站", path=place.path, closed=True))


# --- Callers ----------------------------------------------------------------------------------------


def login_of(*member_ids: UUID, household_ids: Sequence[UUID] = (), grants: Sequence[Grant] = ()) -> Principal:
    """A login that acts for these members; the first holds the password."""
    return Principal(
        kind=Kind.LOGIN,
        audience="rewards",
        login_id=uuid4(),
        member_id=member_ids[0],
        own_member_id=member_ids[0],
        member_ids=member_ids,
        household_ids=tuple(household_ids),
        grants=tuple(grants),
    )


def holder(role: Role, place: Place) -> Principal:
    """Somebody with a role at a node, related to nobody."""
    return login_of(uuid4(), grants=[Grant(role, place.path)])


def close(town: Town, at: Place | None = None, /, **counted: int) -> UUID:
    """Close a desk as it stands, the first station's; `counted` by gift's name, otherwise what the books say."""
    station_id = (at or town.station).id
    to_count = desk_queries.list_to_count(town.staff, station_id)
    session().rollback()
    counts = [
        Count(one.gift_id, one.expected, one.pieces, counted.get(one.gift_name, one.expected), "盘点差异")
        for one in to_count
    ]
    return desk_closes.close_desk(town.staff, desk_closes.Close(uuid4(), station_id, counts))


# --- Looking ----------------------------------------------------------------------------------------


def stock_of(gift: Gift, station_id: UUID) -> tuple[int, int, int, int, int]:
    """received, written off, on hand, reserved, issued."""
    row = (
        session()
        .execute(
            select(Stock.received, Stock.written_off, Stock.on_hand, Stock.reserved, Stock.issued).where(
                Stock.gift_id == gift.id, Stock.station_id == station_id
            )
        )
        .one()
    )
    session().rollback()
    return (row.received, row.written_off, row.on_hand, row.reserved, row.issued)


def fresh(redemption_id: UUID) -> Redemption:
    found = store.find_redemption(session(), redemption_id)
    session().rollback()
    assert found is not None
    return found


def taken_by(member_id: UUID, gift: Gift) -> int:
    rows = (
        session()
        .scalars(select(store.Taken.quantity).where(store.Taken.member_id == member_id, store.Taken.gift_id == gift.id))
        .all()
    )
    session().rollback()
    return sum(rows)


def waiting() -> list[str]:
    """Names of the facts points has not been told."""
    table: Table = outbox.outbox
    names = (
        session()
        .scalars(
            select(table.c.name).where(table.c.delivered_at.is_(None), table.c.dead_at.is_(None)).order_by(table.c.id)
        )
        .all()
    )
    session().rollback()
    return list(names)


@transactional
def make_due(tx: Any) -> None:
    """Let the seconds pass until everything in the outbox may be sent."""
    from shared import clock

    tx.execute(update(outbox.outbox).values(due_at=clock.now(), leased_until=None))


def run(job: Callable[..., T]) -> T:
    """A job in the app of the test, instead of the one the worker would make for itself."""
    result: T = inspect.unwrap(job)()
    return result


# --- Counting and racing ----------------------------------------------------------------------------


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is sent to PostgreSQL inside the block."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    engine = store.db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def at_once(app: Flask, *acts: Callable[[], T], threads_max: int = 64) -> list[T | Exception]:
    """Run acts in threads that start together, each in its own app context; results and errors in order."""
    gate = threading.Barrier(min(len(acts), threads_max))

    def run(number: int) -> T | Exception:
        with app.app_context():
            if number < gate.parties:
                gate.wait(20)
            try:
                return acts[number]()
            except Exception as error:
                return error

    with ThreadPoolExecutor(gate.parties) as pool:
        return list(pool.map(run, range(len(acts))))
