"""Signing up on the pages, in front of the real services."""

from shared import clock
from shared.ids import new_id
from shared.principal import Role
from tests.gateway.real import Town, town
from tests.gateway.test_organizer_pages import START, publish

__all__ = ["town"]


def test_a_volunteer_finds_an_activity_signs_up_and_calls_off(town: Town) -> None:
    organizer, volunteer = town.person("李组织", Role.ORGANIZER), town.person("陈芳")
    activity_id = publish(organizer).rpartition("/")[2]
    page = f"/activities/{activity_id}"
    assert f'href="{page}"' in volunteer.get("/activities").text
    shown = volunteer.get(page).text
    assert "需要 20 人，已报名 0 人" in shown
    assert "李*织" in shown
    done = volunteer.post(page, f"{page}/sign-up").text
    assert "已报名" in done
    assert "需要 20 人，已报名 1 人" in done
    for place in ("/", "/activities"):
        assert "我报名的" in volunteer.get(place).text
    off = volunteer.post(page, f"{page}/cancel").text
    assert "已取消报名" in off
    assert "已报名 0 人" in off
    assert "我报名的" not in volunteer.get("/").text


def test_one_login_signs_up_the_family_and_is_told_who_is_beyond_the_number(town: Town) -> None:
    organizer, volunteer = town.person("李组织", Role.ORGANIZER), town.person("陈芳")
    consents = [{"kind": kind, "version": "1"} for kind in ("terms", "privacy")]
    mother = str(new_id())
    relative = {"id": mother, "name": "王秀英", "relation": "parent", "consents": consents}
    volunteer.api("POST", "/members/me/members", relative)
    town.deliver()
    page = f"/activities/{publish(organizer, capacity='1', site_name_0='东门', site_name_1='西门').rpartition('/')[2]}"
    assert "为谁报名？" in volunteer.get(page).text
    volunteer.post(page, f"{page}/sign-up", member_ids=mother)
    both = volunteer.post(page, f"{page}/sign-up", member_ids=volunteer.member_id).text
    assert "您排在第 2 位，要 1 人" in both
    assert "取消王秀英的报名" in both
    assert "为谁报名？" not in both
    stranger = town.person("外人")
    refused = stranger.post(page, f"{page}/sign-up", status=422, member_ids=mother).text
    assert "请至少选一位" in refused


def test_nobody_signs_up_for_what_is_called_off(town: Town) -> None:
    organizer, volunteer = town.person("李组织", Role.ORGANIZER), town.person("陈芳")
    here = publish(organizer)
    page = f"/activities/{here.rpartition('/')[2]}"
    organizer.post(here, f"{here}/cancel", reason="下雨")
    shown = volunteer.get(page).text
    assert "原因：下雨" in shown
    assert f"{page}/sign-up" not in shown
    with town.at(START.astimezone(clock.SHANGHAI)):
        assert "已取消" in volunteer.get(page).text
