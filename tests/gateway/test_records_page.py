"""The volunteer's own record, in front of the real services: where each line stands, and why."""

import re
from datetime import timedelta

from shared.ids import new_id
from shared.principal import Role
from tests.gateway.organizing import START, arrival_code, publish, scan
from tests.gateway.real import Browser, Town, form_fields, town

__all__ = ["town"]

END = START + timedelta(hours=2, minutes=30)


def words(who: Browser) -> str:
    """What is read on the page of records."""
    main = who.get("/records").text.partition("<main")[2].partition("</main>")[0]
    return re.sub(r"\s+", "", re.sub(r"<[^>]*>", " ", main))


def test_a_forgotten_departure_is_shown_until_the_sweep_made_one(town: Town) -> None:
    from services.checkin.commands.attendances import depart_automatically

    organizer, volunteer = town.person("李组织", Role.ORGANIZER), town.person("陈芳")
    page = publish(organizer)
    with town.at(START):
        scan(organizer, volunteer, page, "arrival")
        assert "您还没有签退" not in words(volunteer)
    with town.at(END + timedelta(minutes=30)):
        step = re.search(r'<li class="now"[^>]*>([^<]*)', volunteer.get("/records").text)
        assert step is not None
        assert step[1] == "未签退"
        assert "活动已经结束，您还没有签退" in words(volunteer)
    with town.at(END + timedelta(minutes=61)):
        with town.apps["checkin"].app_context():
            assert depart_automatically() == 1
        shown = words(volunteer)
        assert "没有签退，按活动结束的时间算" in shown


def test_an_arrival_that_was_ticked_by_a_slip_and_taken_back_is_no_record_of_the_volunteer(town: Town) -> None:
    organizer, staff = town.person("李组织", Role.ORGANIZER), town.person("周站长", Role.STAFF)
    volunteer = town.person("陈芳")
    here = publish(organizer)
    activity = organizer.api("GET", f"/checkin/activities/{here.rpartition('/')[2]}")

    def tick(wanted: str, seen: str | None) -> str:
        one = {"id": str(new_id()), "member_id": volunteer.member_id, "wanted": wanted, "seen": seen}
        one["site_id"] = activity["sites"][0]["id"]
        answer = organizer.api("POST", f"/checkin/activities/{activity['id']}/ticks", {"ticks": [one]})
        assert answer["ticks"][0]["outcome"] == "done"
        return str(one["id"])

    with town.at(START):
        tick("not_arrived", tick("arrived", None))
        town.deliver()
        assert "还没有记录" in words(volunteer)
        assert "陈芳" not in organizer.get(f"{here}/confirm").text.partition("每个人的记录")[2]
        # It is kept for who must know, and for the one who asks for all that is held.
        assert "陈芳" in organizer.get(f"{here}/confirm?state=rejected").text.partition("每个人的记录")[2]
        day = f"/staff/members/{volunteer.member_id}/day?day={START.date()}"
        assert "点名时点错，已撤回" in staff.get(day).text
        [held] = volunteer.api("GET", f"/checkin/attendances?member_id={volunteer.member_id}")
        assert (held["state"], held["reason"]) == ("rejected", "点名时点错，已撤回")
        # Who is turned down by somebody's word still learns why.
        came = tick("arrived", None)
        organizer.api("POST", f"/checkin/attendances/{came}/leave")
    with town.at(END):
        organizer.api("POST", f"/checkin/attendances/{came}/reject", {"reason": "没有到场"})
        assert "原因：没有到场" in words(volunteer)


def test_what_waits_for_more_than_a_nod_says_why(town: Town) -> None:
    organizer, busy = town.person("李组织", Role.ORGANIZER), town.person("陈芳")
    page, elsewhere = publish(organizer), publish(organizer, title="义诊")
    with town.at(START):
        for place in (page, elsewhere):
            scan(organizer, busy, place, "arrival")
        scan(organizer, organizer, page, "arrival")
    with town.at(END):
        scan(organizer, busy, page, "departure")
        scan(organizer, organizer, page, "departure")
        assert "时间重叠，等负责人核实" in words(busy)
        assert "要由另一位负责人确认" in words(organizer)


def test_the_code_is_gone_with_the_post_that_used_it(town: Town) -> None:
    organizer, volunteer = town.person("李组织", Role.ORGANIZER), town.person("陈芳")
    page = publish(organizer)
    volunteer.client.get("/s/" + arrival_code(organizer, page))
    assert volunteer.client.get_cookie("huzhu_scan") is not None
    answer = volunteer.client.post("/scan", data=form_fields(volunteer.get("/scan").text, "/scan"))
    assert (answer.status_code, answer.headers["Location"]) == (303, "/scan/result")
    assert volunteer.client.get_cookie("huzhu_scan") is None
