"""A station with its people on the running system, and somebody who uses its pages as a browser does."""

import functools
import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import urlencode, urlsplit

from devtools.children import wait_until
from devtools.supervisor import PROJECT, System
from shared.ids import new_id
from tests.gateway.real import form_fields
from tests.support import move_clock

PASSWORD = "梅花三弄 1949"


@dataclass
class Shown:
    """A page as it came, after redirects."""

    status: int
    text: str
    path: str
    headers: Any

    @property
    def title(self) -> str:
        found = re.search(r"<title>(.*?)</title>", self.text, re.DOTALL)
        return found[1].strip() if found else ""

    @property
    def words(self) -> str:
        """What is read on the page: no markup, no spaces."""
        body = self.text.partition("<main")[2].partition("</main>")[0]
        return re.sub(r"\s+", "", re.sub(r"<[^>]*>", " ", "<" + body))


class Visitor:
    """Somebody at the pages: keeps cookies, follows redirects, fills in forms as they stand. No scripts."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.cookies = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))
        self.member_id = ""

    def open(self, path: str, content: dict[str, Any] | None = None, headers: dict[str, str] | None = None) -> Shown:
        target = path if path.startswith("http") else self.address + path
        body = None if content is None else urlencode(content, doseq=True).encode()
        request = urllib.request.Request(target, data=body, headers=headers or {})  # noqa: S310 - our own address
        try:
            answer = self._opener.open(request, timeout=15)
        except urllib.error.HTTPError as refused:
            answer = refused
        with answer:
            parts = urlsplit(answer.url)
            path_shown = parts.path + (f"?{parts.query}" if parts.query else "")
            return Shown(answer.status, answer.read().decode(), path_shown, answer.headers)

    def post(self, page: str, to: str, /, **typed: Any) -> Shown:
        """Open a page and send its form that goes to `to`, as it stands there but for what is typed."""
        return self.open(to, form_fields(self.open(page).text, to) | typed)

    def log_in(self, phone: str) -> Shown:
        return self.post("/login", "/login", phone=phone, password=PASSWORD)

    def cookie(self, name: str) -> str | None:
        return next((cookie.value for cookie in self.cookies if cookie.name == name), None)


@dataclass
class Town:
    """One station; everything in it was made through the public API."""

    system: System
    address: str
    station_id: str = field(default_factory=lambda: str(new_id()))
    compound_id: str = field(default_factory=lambda: str(new_id()))
    building_id: str = field(default_factory=lambda: str(new_id()))
    administrator: str = ""
    organizer: str = ""
    hours_gone: float = 0
    people: int = 0

    # --- People and places -------------------------------------------------------------------------------

    @classmethod
    def found(cls, system: System) -> "Town":
        town = cls(system, system.public_url)
        made = subprocess.run(
            [sys.executable, "-m", "flask", "--app", "services.members.app:create_app", "first-admin-code"],
            env=system.installation.service("members"),
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=True,
        )
        town.api(
            "POST",
            "/members/administrators",
            {
                "id": str(new_id()),
                "code": made.stdout.strip(),
                "phone": "13700000001",
                "password": PASSWORD,
                "name": "管理员",
                "consents": [{"kind": kind, "version": "1"} for kind in ("terms", "privacy")],
            },
        )
        town.administrator = town.token("13700000001")
        sub_centre = str(new_id())
        for node_id, level, name, parent_id in (
            (sub_centre, "sub_centre", "温泉街道实践所", None),
            (town.station_id, "station", "南昌路社区实践站", sub_centre),
            (town.compound_id, "compound", "和谐小区", town.station_id),
            (town.building_id, "building", "1 栋", town.compound_id),
        ):
            node = {"id": node_id, "level": level, "name": name, "parent_id": parent_id}
            town.api("POST", "/members/nodes", node, town.administrator)
        phone, organizer_id = town.register("李建国")
        town.confirm(organizer_id)
        grant = {"id": str(new_id()), "member_id": organizer_id, "role": "staff", "node_id": town.station_id}
        town.api("POST", "/members/grants", grant, town.administrator)
        town.organizer = town.token(phone)
        town.wait_for_station()
        return town

    def visitor(self) -> Visitor:
        return Visitor(self.address)

    def register(self, name: str) -> tuple[str, str]:
        """A new person with a login: phone and member id."""
        self.people += 1
        phone = f"139{self.people:08}"
        made = self.api(
            "POST",
            "/members/logins",
            {
                "id": str(new_id()),
                "phone": phone,
                "password": PASSWORD,
                "name": name,
                "station_id": self.station_id,
                "consents": [{"kind": kind, "version": "1"} for kind in ("terms", "privacy")],
            },
        )
        return phone, made["member_id"]

    def confirm(self, member_id: str) -> None:
        self.api("POST", f"/members/members/{member_id}/confirm", None, self.administrator)

    def volunteer(self, name: str, *, confirmed: bool = True) -> Visitor:
        """Somebody registered and logged in at the pages."""
        who = self.visitor()
        phone, who.member_id = self.register(name)
        if confirmed:
            self.confirm(who.member_id)
        assert who.log_in(phone).status == 200
        return who

    # --- Activities, gifts and time ----------------------------------------------------------------------

    def publish(
        self, title: str = "楼道大扫除", *, starts_in_h: float = -0.1, lasts_h: float = 2.5, **changes: Any
    ) -> dict[str, Any]:
        begins = self.now() + timedelta(hours=starts_in_h)
        activity = {
            "id": str(new_id()),
            "title": title,
            "category": "stairwell",
            "station_id": self.station_id,
            "place": "东门",
            "starts_at": begins.isoformat(),
            "ends_at": (begins + timedelta(hours=lasts_h)).isoformat(),
            "sites": [{"id": str(new_id()), "name": "东门", "place": "东门岗亭"}],
            **changes,
        }
        self.wait_for_station()
        ask = functools.partial(self.ask, "POST", "/checkin/activities", activity, self.organizer)
        wait_until(lambda: ask()[0] != 404, "check-in to hear of the station", 20)
        assert ask()[0] < 300
        return dict(self.api("POST", f"/checkin/activities/{activity['id']}/publish", None, self.organizer))

    def wait_for_station(self) -> None:
        """Until the other services have heard of the station."""
        if self.people > 1:
            return
        rules = f"/points/rules?station_id={self.station_id}"
        gifts = f"/rewards/gifts?station_id={self.station_id}"
        for path in (rules, gifts):
            wait_until(lambda path=path: self.ask("GET", path, None, self.organizer)[0] == 200, path, 20)  # type: ignore[misc]

    def code(self, activity: dict[str, Any], direction: str) -> str:
        """The address in the QR that the organizer's screen shows now."""
        query = f"site_id={activity['sites'][0]['id']}&direction={direction}&minutes=1"
        codes = self.api("GET", f"/checkin/activities/{activity['id']}/codes?{query}", None, self.organizer)
        return str(codes["codes"][0]["url"])

    def offer(self, name: str, *, hundredths: int, pieces: int = 10, limit: int | None = 2) -> str:
        gift = {
            "id": str(new_id()),
            "node_id": self.station_id,
            "name": name,
            "points": hundredths,
            "limit_per_quarter": limit,
        }
        self.api("POST", "/rewards/gifts", gift, self.organizer)
        stock = {
            "id": str(new_id()),
            "station_id": self.station_id,
            "kind": "receive",
            "quantity": pieces,
            "reason": "采购",
        }
        self.api("POST", f"/rewards/gifts/{gift['id']}/stock", stock, self.organizer)
        return str(gift["id"])

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(hours=self.hours_gone)

    def pass_hours(self, hours: float) -> None:
        self.hours_gone += hours
        move_clock(self.system, self.hours_gone * 3600)

    def serve(self, who: Visitor, *, hours: float = 2) -> None:
        """Sign in, stay, sign out; and wait until the points have come."""
        activity = self.publish()
        who.open(self.code(activity, "arrival"))
        assert "签到成功" in who.post("/scan", "/scan").words
        self.pass_hours(hours)
        who.open(self.code(activity, "departure"))
        assert "签退成功" in who.post("/scan", "/scan").words
        wait_until(lambda: "已到账" in who.open("/records").words, "the award", 30)

    # --- The API -----------------------------------------------------------------------------------------

    def token(self, phone: str) -> str:
        return str(self.api("POST", "/members/sessions", {"phone": phone, "password": PASSWORD})["token"])

    def api(self, method: str, path: str, content: Any = None, token: str | None = None) -> Any:
        status, answer = self.ask(method, path, content, token)
        assert status < 300, (method, path, answer)
        return answer

    def ask(self, method: str, path: str, content: Any = None, token: str | None = None) -> tuple[int, Any]:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        body = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(f"{self.address}/api/v1{path}", body, headers, method=method)  # noqa: S310
        try:
            answer = urllib.request.urlopen(request, timeout=15)  # noqa: S310
        except urllib.error.HTTPError as refused:
            answer = refused
        with answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else None
