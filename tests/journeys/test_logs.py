"""What the processes wrote to their logs while people used everything that is secret, and parts failed."""

from dataclasses import dataclass, field
from uuid import uuid4

import pytest

from devtools import crowd as crowds
from devtools.crowd import Crowd
from devtools.supervisor import System
from shared.upstream import Upstream
from tests.town import Client, Clock, clients, code_now, gather, redeem, wait_for


@dataclass
class Secrets:
    """Everything that was used and must not be kept, by what it is."""

    found: dict[str, str] = field(default_factory=dict)

    def note(self, what: str, secret: str) -> str:
        self.found[what] = secret
        return secret


@pytest.fixture(scope="module")
def crowd(system: System) -> Crowd:
    Clock(system)
    return gather(system, members=2, stock=2, served="confirmed")


def test_no_log_holds_a_phone_a_password_a_token_or_a_code(system: System, crowd: Crowd) -> None:
    used = Secrets()
    for number, person in enumerate([*crowd.members, crowd.organizer, crowd.staff]):
        used.note(f"token {number}", person["token"])
        if phone := person.get("phone"):
            used.note(f"phone {number}", phone)
    volunteer, member = clients(system, crowd)[0], crowd.members[0]
    organizer, stranger = Client(system, crowd.organizer["token"]), Client(system)

    _log_in(stranger, used, member["phone"])
    for direction in ("arrival", "departure"):
        code = used.note(direction, code_now(organizer, crowd, direction).rpartition("/")[2])
        scanned = volunteer.post("/checkin/scans", {"code": code, "member_ids": [member["member_id"]]})
        assert scanned.status == 200, scanned.content
    wait_for(lambda: _points(volunteer, member) > 0, "the earlier service's points")

    redeemed = redeem(volunteer, crowd, member).expect(201)
    voucher = volunteer.get(f"/rewards/redemptions/{redeemed['id']}/voucher").expect(200)
    for what, code in (("typed code", voucher["code"]), ("voucher", voucher["url"].rpartition("/")[2])):
        organizer.post("/rewards/vouchers/read", {"code": used.note(what, code)}).expect(200)

    _claim(system, crowd, used)

    system.kill_part("points")  # what fails is what gets logged
    assert redeem(clients(system, crowd)[1], crowd, crowd.members[1], str(uuid4())).status in (201, 202)
    system.kill_part("members")
    _log_in(stranger, used, crowd.members[1]["phone"])
    system.restart_part("members")
    system.restart_part("points")

    logs = {path.name: path.read_text(errors="replace") for path in (system.root / "log").glob("*")}
    assert any("no answer" in text for text in logs.values()), "nothing was logged, so nothing was tested"
    kept = [f"{what} in {name}" for name, text in logs.items() for what, secret in used.found.items() if secret in text]
    assert kept == []


def _log_in(stranger: Client, used: Secrets, phone: str) -> None:
    """With a wrong password and the right one; both are noted, and the session's token."""
    for password in ("wrong password of two words", crowds.PASSWORD):
        used.note(f"password {password}", password)
        answer = stranger.post("/members/sessions", {"phone": phone, "password": password})
        if answer.status == 200:
            used.note("session", answer.content["token"])


def _claim(system: System, crowd: Crowd, used: Secrets) -> None:
    """A claim code, opened in a browser and read by the API."""
    staff, organizer = Client(system, crowd.staff["token"]), Client(system, crowd.organizer["token"])
    elder = {"id": str(uuid4()), "name": "赵大爷", "station_id": crowd.station_id}
    staff.post("/members/members", elder).expect(201)
    made = organizer.post(f"/members/members/{elder['id']}/claim-codes").expect(201)
    token = used.note("claim code", made["url"].rpartition("/")[2])
    gateway = Upstream(f"http://127.0.0.1:{system.ports['gateway']}", timeout_s=30)
    assert gateway.request("GET", f"/c/{token}", headers={}).status == 303
    Client(system).post("/members/claims/read", {"code": token}).expect(200)


def _points(client: Client, member: dict[str, str]) -> int:
    return int(client.get("/points/balances", member_ids=member["member_id"]).expect(200)[0]["points_available"])
