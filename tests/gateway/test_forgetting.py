"""From paper to a phone to nothing: registered by staff, claimed by QR, served, forgotten; and the books hold."""

from datetime import timedelta
from typing import Any

import pytest

from gateway import qr
from gateway.sessions import BELIEVED_S
from services.points.commands.refresh_boards import refresh
from services.points.commands.seal_transfers import seal_all
from services.rewards.commands import redemptions
from shared import clock
from shared.ids import new_id
from shared.principal import Role
from tests.devtools.damage import found
from tests.gateway.real import PASSWORD, Browser, Town, form_fields, town
from tests.gateway.test_own_data_pages import download, serve
from tests.support import Settings

__all__ = ["town"]

PHONE = "13911112222"
NAME = "欧阳绝尘"


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the QRs of the pages lead to."""
    codes: list[str] = []
    through = qr.svg

    def svg(text: str, label: str) -> str:
        codes.append(text)
        return through(text, label)

    monkeypatch.setattr(qr, "svg", svg)
    return codes


def kept_of(settings: Settings, *personal: str) -> list[str]:
    """Where in all four databases something personal stands."""
    places = []
    for service in ("members", "checkin", "points", "rewards"):
        connection: Any = settings.database(service).connection
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            content = " ".join(row[0] for row in connection.execute(f"SELECT CAST(t AS text) FROM {table} t"))
            places += [f"{one} in {service}.{table}" for one in personal if one in content]
    return places


def register_on_paper(town: Town, staff: Browser) -> tuple[str, str]:
    content = {"id": str(new_id()), "name": NAME, "station_id": town.station_id, "birth_date": "1950-02-03"}
    member = staff.api("POST", "/members/members", content)
    staff.api("POST", f"/members/members/{member['id']}/confirm")
    town.deliver()
    return str(member["id"]), str(member["volunteer_number"])


def claim(town: Town, staff: Browser, member_id: str, drawn: list[str]) -> Browser:
    page = f"/organize/members/{member_id}/claim"
    staff.post(page, page)
    phone = town.browser()
    phone.client.get(drawn[-1].removeprefix("http://huzhu.test"))
    phone.post("/claim", "/claim/register", phone=PHONE, password=PASSWORD, terms="1", privacy="1")
    town.deliver()
    return phone


def redeem(town: Town, staff: Browser, who: Browser, member_id: str) -> None:
    gift = {"id": str(new_id()), "node_id": town.station_id, "name": "香皂", "points": 50, "limit_per_quarter": 2}
    staff.api("POST", "/rewards/gifts", gift)
    stock = {"id": str(new_id()), "station_id": town.station_id, "kind": "receive", "quantity": 10, "reason": "采购"}
    staff.api("POST", f"/rewards/gifts/{gift['id']}/stock", stock)
    order = {"id": str(new_id()), "gift_id": gift["id"], "station_id": town.station_id, "member_id": member_id}
    assert who.api("POST", "/rewards/redemptions", order)["state"] == "confirmed"


def finish(town: Town) -> None:
    """The worker's part: deliver, expire, seal, refresh."""
    town.deliver()
    with town.apps["rewards"].app_context():
        redemptions.expire_overdue()
    town.deliver()
    with town.apps["points"].app_context():
        seal_all()
        refresh()


def test_from_paper_to_a_phone_to_nothing(town: Town, settings: Settings, drawn: list[str]) -> None:
    staff, organizer = town.person("周站长", Role.STAFF), town.person("罗负责", Role.ORGANIZER)
    member_id, number = register_on_paper(town, staff)
    serve(town, organizer, member_id, 0)
    who = claim(town, staff, member_id, drawn)
    assert "第0次扫除" in who.get("/records").text, "what was done before the phone"
    who.api(
        "PUT",
        f"/members/me/members/{member_id}/consents",
        {"consents": [{"kind": kind, "version": "1"} for kind in ("ranked", "named")]},
    )
    redeem(town, staff, who, member_id)
    finish(town)
    assert NAME in who.get("/boards?period=month").text
    taken = download(who, "json").json
    assert [one["title"] for one in taken["attendances"]] == ["第0次扫除"]
    assert (taken["phone"], taken["member"]["name"], len(taken["redemptions"])) == (PHONE, NAME, 1)
    personal = (NAME, "欧阳*尘", "ouyang", PHONE, "1950-02-03", number)
    assert kept_of(settings, *personal) != []

    assert "请确认已经看过" in who.post("/me/erase", "/me/erase", status=422, password=PASSWORD).text
    assert "已收到注销申请" in who.post("/me/erase", "/me/erase", password=PASSWORD, agreed="1").text
    assert NAME in staff.get("/staff/erasures").text
    page = f"/staff/members/{member_id}/erasure"
    assert "<dd>1</dd>" in staff.get(page).text, "one redemption that nobody came for"
    filled = form_fields(staff.get(page).text, page)
    assert staff.client.post(page, data=filled | {"action": "confirm"}).status_code == 422
    assert staff.client.post(page, data=filled | {"action": "confirm", "seen": "1"}).status_code == 303
    finish(town)

    assert kept_of(settings, *personal) == []
    assert [fault for invariant in range(1, 9) for fault in found(town, invariant)] == []
    assert NAME not in staff.get("/boards?period=month").text
    with town.at(clock.now() + timedelta(seconds=BELIEVED_S + 1)):
        assert who.client.get("/me").status_code == 303, "the session is over"
        assert "手机号或密码不对" in who.post("/login", "/login", status=422, phone=PHONE, password=PASSWORD).text


def test_who_thinks_again_keeps_everything(town: Town) -> None:
    who = town.person("陈芳")
    who.post("/me/erase", "/me/erase", password=PASSWORD, agreed="1")
    assert "注销申请已撤回" in who.post("/me/erase", "/me/erase/withdraw").text
    assert "申请以后有七天可以反悔" in who.get("/me/erase").text
    assert who.api("GET", "/members/me")["members"][0]["name"] == "陈芳"


def test_staff_writes_down_who_asked_in_person(town: Town) -> None:
    staff, who = town.person("周站长", Role.STAFF), town.person("陈芳")
    page = f"/staff/members/{who.member_id}/erasure"
    assert "自动办理" in staff.post(page, page, action="ask").text
    assert "已申请注销" in staff.get(f"/staff/members/{who.member_id}").text
    filled = form_fields(staff.get(page).text, page)
    assert "一切照旧" in staff.client.post(page, data=filled | {"action": "withdraw"}, follow_redirects=True).text
    own = f"/staff/members/{staff.member_id}/erasure"
    assert staff.client.post(own, data=form_fields(staff.get(own).text, own) | {"action": "ask"}).status_code == 422


def test_the_family_has_who_died_forgotten_and_the_books_hold(town: Town, settings: Settings) -> None:
    staff, organizer = town.person("周站长", Role.STAFF), town.person("罗负责", Role.ORGANIZER)
    member_id, number = register_on_paper(town, staff)
    serve(town, organizer, member_id, 1)
    here = f"/staff/members/{member_id}"
    gone = {"kind": "deceased", "day": str(clock.today()), "reason": "家属来说的"}
    staff.api("POST", f"/members/members/{member_id}/leave", gone)
    town.deliver()
    assert f'href="{here}/erasure"' in staff.get(here).text
    page = f"{here}/erasure"
    asked = staff.post(page, page, action="ask").text
    assert "不能再转给家人" in asked
    assert "已告诉家属会失去什么" in asked
    filled = form_fields(asked, page) | {"action": "confirm", "seen": "1"}
    refused = staff.client.post(page, data=filled)
    assert (refused.status_code, "登记错了还可以恢复" in refused.text) == (422, True)
    with town.at(clock.now() + timedelta(days=1, minutes=1)):
        assert staff.client.post(page, data=filled).status_code == 303
        finish(town)
        assert kept_of(settings, NAME, "欧阳*尘", "1950-02-03", number) == []
        assert [fault for invariant in range(1, 9) for fault in found(town, invariant)] == []
    books: Any = settings.database("points").connection
    kept = "SELECT credits - debits FROM account WHERE owner_id = %s AND kind = 'member' AND unit = 'MIN'"
    assert books.execute(kept, [member_id]).fetchall() == [(120,)], "hours stay"
