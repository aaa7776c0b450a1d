"""A Saturday with three hundred people, from the list of who comes to the daily close, through all processes.

Three sites, two organizers, 120 people without a phone in their hand, and the public API alone.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from devtools.crowd import Crowd
from devtools.supervisor import System
from tests.town import Client, Clock, at_once, clients, gather, rows, verify, wait_for

SITES = ("东门", "西门", "河边")
WITH_PHONE, WITHOUT_PHONE = 180, 120
LATE = 20
"""So many have no network when they scan: their code arrives a quarter of an hour later."""
STAY = 60
"""So many with a phone forget to sign out, and leave with everybody."""
AT_THE_DESK = 60
SOAP, TOWEL = 100, 50
"""Prices in hundredths of a point."""
TOWELS = 40


@dataclass
class Saturday:
    """Who is there, and what they do. Numbers of people are places in `crowd.members`."""

    system: System
    time: Clock
    crowd: Crowd
    activity_id: str = field(default_factory=lambda: str(uuid4()))
    site_ids: list[str] = field(default_factory=lambda: [str(uuid4()) for _ in SITES])
    newcomer_id: str = field(default_factory=lambda: str(uuid4()))

    def __post_init__(self) -> None:
        self.volunteers = clients(self.system, Crowd(**vars(self.crowd) | {"members": self.crowd.members[:WITH_PHONE]}))
        self.staff = Client(self.system, self.crowd.staff["token"])
        # The second organizer is one of the volunteers, and serves like them.
        self.organizers = [Client(self.system, self.crowd.organizer["token"]), self.volunteers[0]]

    def member_id(self, number: int) -> str:
        return self.crowd.members[number]["member_id"]

    def site_of(self, number: int) -> str:
        return self.site_ids[number % len(SITES)]

    @property
    def activity(self) -> str:
        return f"/checkin/activities/{self.activity_id}"

    # --- Before ---------------------------------------------------------------------------------------

    def publish(self) -> None:
        starts = self.time.now.replace(microsecond=0) + timedelta(hours=1)
        self.organizers[0].post(
            "/checkin/activities",
            {
                "id": self.activity_id,
                "title": "周六大扫除",
                "category": "environment",
                "station_id": self.crowd.station_id,
                "place": "小区里",
                "starts_at": starts.isoformat(),
                "ends_at": (starts + timedelta(hours=2)).isoformat(),
                "capacity": 250,
                "sites": [
                    {"id": each, "name": name, "place": name} for each, name in zip(self.site_ids, SITES, strict=True)
                ],
            },
        ).expect(201)
        self.organizers[0].post(f"{self.activity}/publish").expect(200)

    def share_the_work(self) -> None:
        """The first volunteer becomes an organizer too."""
        grant = {"id": str(uuid4()), "member_id": self.member_id(0), "role": "organizer"}
        grant["node_id"] = self.crowd.station_id
        Client(self.system, self.crowd.administrator["token"]).post("/members/grants", grant).expect(201)
        wait_for(lambda: self.organizers[1].get(f"{self.activity}/presence").status == 200, "the second one's role")

    def sign_up(self) -> None:
        """Who has a phone signs up alone; the others stand on a list, which is pasted twice."""

        def alone(number: int) -> str:
            content = {"id": str(uuid4()), "member_ids": [self.member_id(number)], "site_id": self.site_of(number)}
            (receipt,) = self.volunteers[number].post(f"{self.activity}/sign-ups", content).expect(200)["sign_ups"]
            return str(receipt["outcome"])

        assert Counter(at_once(partial(alone, number) for number in range(WITH_PHONE))) == {"taken": WITH_PHONE}
        listed = [self.member_id(number) for number in range(WITH_PHONE, WITH_PHONE + WITHOUT_PHONE)]
        for outcome in ("taken", "already"):
            content = {"id": str(uuid4()), "member_ids": listed, "from_list": True}
            told = self.organizers[0].post(f"{self.activity}/sign-ups", content).expect(200)["sign_ups"]
            assert Counter(each["outcome"] for each in told) == {outcome: WITHOUT_PHONE}
        shown = self.organizers[0].get(f"{self.activity}/sign-ups", limit=1000).expect(200)
        assert [each["place"] for each in shown] == list(range(1, WITH_PHONE + WITHOUT_PHONE + 1))
        assert sum(each["is_beyond"] for each in shown) == WITH_PHONE + WITHOUT_PHONE - 250, "nobody is turned away"

    def postpone(self) -> None:
        """It rains: half an hour later."""
        shown = self.organizers[0].get(self.activity).expect(200)
        later = {
            name: (datetime.fromisoformat(shown[name]) + timedelta(minutes=30)).isoformat()
            for name in ("starts_at", "ends_at")
        }
        self.organizers[0].post(f"{self.activity}/postpone", later).expect(200)
        to_call = self.organizers[0].get(f"{self.activity}/sign-ups", limit=1000).expect(200)
        assert len(to_call) == WITH_PHONE + WITHOUT_PHONE

    # --- On the day -----------------------------------------------------------------------------------

    def code(self, number: int, direction: str) -> str:
        """What the screen at somebody's site shows now."""
        query = {"site_id": self.site_of(number), "direction": direction, "minutes": 1}
        shown = self.organizers[0].get(f"{self.activity}/codes", **query).expect(200)
        now = shown["server_now"]
        return next(str(each["url"]) for each in shown["codes"] if each["shown_from"] <= now < each["shown_until"])

    def scan(self, number: int, code: str) -> str:
        content = {"code": code, "member_ids": [self.member_id(number)]}
        return str(self.volunteers[number].post("/checkin/scans", content).expect(200)["outcomes"][0]["outcome"])

    def scan_all(self, numbers: range, direction: str) -> Counter[str]:
        codes = {number: self.code(number, direction) for number in range(len(SITES))}
        return Counter(at_once(partial(self.scan, each, codes[each % len(SITES)]) for each in numbers))

    def arrive(self) -> None:
        """Who has a phone scans; some have no network then, and send the code when it is back."""
        seen = {number: self.code(number, "arrival") for number in range(len(SITES))}
        self.time.pass_by(timedelta(minutes=15))
        late = range(WITH_PHONE - LATE, WITH_PHONE)
        assert self.scan_all(range(WITH_PHONE - LATE), "arrival") == {"ok": WITH_PHONE - LATE}
        told = Counter(at_once(partial(self.scan, each, seen[each % len(SITES)]) for each in late))
        assert told == {"late_scan": LATE}

    def tick(self, organizer: int, numbers: Sequence[int], wanted: str) -> Counter[str]:
        """Fifty at a time, as the page sends them when the network is back, on what the roll showed before."""
        roll = self.organizers[organizer].get(f"{self.activity}/roll").expect(200)["lines"]
        seen = {line["member_id"]: line["attendance_id"] for line in roll}
        told: Counter[str] = Counter()
        for part in (numbers[start : start + 50] for start in range(0, len(numbers), 50)):
            ticks = [
                {
                    "id": str(uuid4()),
                    "member_id": self.member_id(number),
                    "wanted": wanted,
                    "seen": seen[self.member_id(number)],
                    "site_id": self.site_of(number),
                }
                for number in part
            ]
            answered = self.organizers[organizer].post(f"{self.activity}/ticks", {"ticks": ticks}).expect(200)["ticks"]
            told += Counter(each["why"] or each["outcome"] for each in answered)
        return told

    def call_the_roll(self) -> None:
        """Two organizers with one list, from both ends: in the middle both tick the same people."""
        first = range(WITH_PHONE, WITH_PHONE + 70)
        second = range(WITH_PHONE + WITHOUT_PHONE - 1, WITH_PHONE + 49, -1)
        told = at_once([partial(self.tick, 0, first, "arrived"), partial(self.tick, 1, second, "arrived")])
        assert sum((each for each in told), Counter()) == {"done": WITHOUT_PHONE, "already": 20}
        # Somebody who has scanned is ticked as well.
        assert self.tick(0, [1], "arrived") == {"already": 1}
        # Nobody ticks themselves: the second organizer is one of the volunteers.
        assert self.tick(1, [0], "left") == {"own_case": 1}

    def take_in_a_newcomer(self) -> None:
        """Registered and signed in on the spot, while their card is still on its way; a second tap changes nothing."""
        consents = [{"kind": kind, "version": "1"} for kind in ("terms", "privacy")]
        person = {"id": self.newcomer_id, "name": "新来的", "station_id": self.crowd.station_id, "consents": consents}
        arrival = {"id": str(uuid4()), "member_id": self.newcomer_id, "site_id": self.site_ids[2]}
        for _ in range(2):
            self.organizers[1].post("/members/newcomers", person).expect(201)
            self.organizers[1].post(f"{self.activity}/newcomers", arrival).expect(201)

    def leave(self) -> None:
        """Some scan, all others leave at once: one site by its leader, then everywhere, twice."""
        self.time.pass_by(timedelta(hours=2))
        leaving = range(WITH_PHONE - LATE - STAY)
        assert self.scan_all(leaving, "departure") == {"ok": len(leaving)}
        at_site = self.organizers[1].post(f"{self.activity}/leave-all", {"site_id": self.site_ids[0]}).expect(200)
        told = at_once([partial(each.post, f"{self.activity}/leave-all") for each in self.organizers])
        everywhere = sum(answer.expect(200)["left"] for answer in told)
        assert at_site["left"] + everywhere == LATE + STAY + WITHOUT_PHONE + 1
        presence = self.organizers[0].get(f"{self.activity}/presence").expect(200)
        assert (presence["present"], presence["arrived"]) == (0, self.served)

    @property
    def served(self) -> int:
        return WITH_PHONE + WITHOUT_PHONE + 1

    # --- Points ---------------------------------------------------------------------------------------

    def confirm(self) -> None:
        """Who scanned twice needs nobody's nod. One tap confirms the others but the own case, left to somebody else."""
        told = self.organizers[1].post(f"{self.activity}/confirm-all").expect(200)
        assert told["confirmed"] == LATE + STAY + WITHOUT_PHONE + 1
        assert [each["reason"] for each in told["left_out"]] == ["own_case"]
        own = told["left_out"][0]["attendance_id"]
        assert self.organizers[1].post(f"/checkin/attendances/{own}/confirm").status == 403
        self.organizers[0].post(f"/checkin/attendances/{own}/confirm").expect(200)
        wait_for(lambda: self.awards()[0] == self.served, "everybody's award")

    def awards(self) -> tuple[int, int]:
        """How many have one, and of how many points in all."""
        where = "activity_id = %s AND award_version IS NOT NULL"
        (found,) = rows(
            self.system,
            "points",
            f"SELECT count(*), coalesce(sum(points), 0) FROM outcome WHERE {where}",
            self.activity_id,
        )
        return int(found[0]), int(found[1])

    def points(self) -> int:
        """Hundredths of a point that all of the station have together."""
        (found,) = rows(
            self.system,
            "points",
            "SELECT sum(credits - debits) FROM account JOIN member_card ON member_id = owner_id"
            " WHERE kind = 'member' AND unit = 'PTS' AND station_id = %s",
            self.crowd.station_id,
        )
        return int(found[0])

    # --- At the desk ----------------------------------------------------------------------------------

    def stock_up(self) -> dict[str, int]:
        """A second gift, of which there is too little, beside the soap that everybody may have once."""
        towel = str(uuid4())
        gift = {"id": towel, "node_id": self.crowd.station_id, "name": "毛巾", "description": "", "points": TOWEL}
        self.staff.post("/rewards/gifts", gift).expect(201)
        goods: dict[str, Any] = {"id": str(uuid4()), "station_id": self.crowd.station_id, "kind": "receive"}
        goods |= {"quantity": TOWELS, "reason": "入库"}
        self.staff.post(f"/rewards/gifts/{towel}/stock", goods).expect(201)
        return {self.crowd.gift_id: SOAP, towel: TOWEL}

    def serve(self, prices: dict[str, int]) -> Counter[str]:
        """Sixty people in two queues; the answer to every fourth is lost, and the same order is sent again."""

        def one(number: int) -> list[tuple[str, str]]:
            order = {
                "id": str(uuid4()),
                "station_id": self.crowd.station_id,
                "member_id": self.member_id(number),
                "lines": [{"gift_id": gift, "quantity": 1, "points": price} for gift, price in prices.items()],
            }
            desk = self.organizers[0]
            for _ in range(2 if number % 4 == 0 else 1):
                receipt = desk.post("/rewards/desk-orders", order).expect(201)
            return [(line["gift_id"], line["state"]) for line in receipt["lines"]]

        people = range(WITH_PHONE - 20, WITH_PHONE - 20 + AT_THE_DESK)
        told = at_once((partial(one, number) for number in people), threads=2)
        return Counter(gift for lines in told for gift, state in lines if state == "fulfilled")

    def close_the_day(self) -> dict[str, int]:
        """Count the shelf, with one piece more than anybody can explain; what was given out, by gift."""
        place = f"/rewards/stations/{self.crowd.station_id}"
        to_count = self.staff.get(f"{place}/to-count").expect(200)
        counts = [
            {name: each[name] for name in ("gift_id", "pieces", "expected")} | {"counted": each["expected"]}
            for each in to_count
        ]
        counts[-1] |= {"counted": counts[-1]["counted"] + 1, "reason": "多出一件，原因不明"}
        content = {"id": str(uuid4()), "station_id": self.crowd.station_id, "counts": counts}
        close = self.staff.post("/rewards/desk-closes", content).expect(201)
        assert self.staff.post("/rewards/desk-closes", content).expect(201) == close, "closed once"
        assert sum(each["points"] for each in close["counts"]) == sum(each["points"] for each in to_count)
        return {each["gift_id"]: each["pieces"] for each in close["counts"]}


@pytest.fixture(scope="module")
def saturday(system: System) -> Saturday:
    time = Clock(system)
    return Saturday(system, time, gather(system, members=WITH_PHONE + WITHOUT_PHONE, stock=100, logins=WITH_PHONE))


def test_three_hundred_people_serve_and_sixty_of_them_take_gifts_home(saturday: Saturday) -> None:
    saturday.publish()
    saturday.share_the_work()
    saturday.sign_up()
    saturday.postpone()
    saturday.time.pass_by(timedelta(hours=1))
    saturday.arrive()
    saturday.call_the_roll()
    saturday.take_in_a_newcomer()
    saturday.leave()
    saturday.confirm()
    before = saturday.points()
    assert before == saturday.awards()[1]
    prices = saturday.stock_up()
    given = saturday.serve(prices)
    assert sum(given.values()) == AT_THE_DESK + TOWELS, "a soap for each, and towels as long as there are some"
    closed = saturday.close_the_day()
    assert closed == given
    assert before - saturday.points() == sum(prices[gift] * pieces for gift, pieces in closed.items())
    verify(saturday.system)
