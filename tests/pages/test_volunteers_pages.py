"""The volunteers' pages on the whole system, used without scripts."""

import gzip
import json
import re
from urllib.parse import urlencode

import pytest

from devtools.children import wait_until
from shared import tokens
from tests.gateway.real import form_fields
from tests.pages.town import PASSWORD, Town, Visitor

KIB = 1024


def test_a_stranger_registers_in_the_middle_of_a_first_scan_and_is_signed_in(town: Town) -> None:
    activity = town.publish()
    stranger = town.visitor()
    shown = stranger.open(town.code(activity, "arrival"))
    assert shown.path.startswith("/login")
    assert "签到码已经收好" in shown.words
    assert "南昌路社区实践站" in stranger.open("/register?" + urlencode({"q": "南昌路"})).words
    shown = stranger.post(
        f"/register?station_id={town.station_id}",
        "/register",
        name="新来的人",
        phone="13811110000",
        password=PASSWORD,
        place=f"{town.compound_id}.{town.building_id}",
        birth_date="1960年5月4日",
        terms="1",
        privacy="1",
    )
    assert shown.path == "/scan"
    assert "就差一步：签到" in shown.words
    result = stranger.post("/scan", "/scan")
    assert result.path == "/scan/result"
    assert "签到成功" in result.words
    assert "和谐小区1栋" in stranger.open("/me").words
    assert "还差一步：请站点核实身份" in stranger.open("/").words


def test_the_address_of_a_scan_holds_no_code(town: Town) -> None:
    stranger = town.visitor()
    url = town.code(town.publish(), "arrival")
    shown = stranger.open(url)
    assert url.rpartition("/")[2] not in shown.path + shown.text


def test_faults_are_listed_first_in_the_words_of_the_field_and_what_was_typed_stays(town: Town) -> None:
    stranger = town.visitor()
    page = f"/register?station_id={town.station_id}"
    shown = stranger.post(page, "/register", name="王小明", phone="123", password="kurz", birth_date="昨天")
    assert shown.status == 422
    assert shown.title.startswith("错误：")
    main = shown.text.partition("<main")[2]
    summary, _, rest = main.partition("</section>")
    assert 'role="alert"' in summary
    assert "有 5 处需要修改" in summary
    for field, words in (("phone", "手机号应为 11 位数字"), ("birth_date", "日期不对，请写成 1954-03-08 这样")):
        assert f'<a href="#{field}">{words}</a>' in summary
        assert re.search(rf'id="{field}-fault">.*{words}', rest)
        assert re.search(rf'id="{field}"[^>]*aria-describedby="[^"]*{field}-fault"[^>]*aria-invalid="true"', rest)
    assert 'value="王小明"' in rest
    assert "kurz" not in shown.text


def test_registering_a_known_phone_says_nothing_about_it(town: Town) -> None:
    phone, _ = town.register("陈芳")
    shown = town.visitor().post(
        f"/register?station_id={town.station_id}",
        "/register",
        name="别人",
        phone=phone,
        password="另一个密码 2026",
        terms="1",
        privacy="1",
    )
    assert shown.path.startswith("/login")
    assert "如果这个手机号已经注册过" in shown.words


def test_a_wrong_password_says_the_same_for_known_and_unknown_phones(town: Town) -> None:
    phone, _ = town.register("陈芳")
    faults = [
        re.findall(r"<li>.*?</li>", town.visitor().post("/login", "/login", phone=number, password="falsch123").text)
        for number in (phone, "13999999999")
    ]
    assert faults[0] == faults[1] != []


def test_one_scan_signs_in_several_of_a_login_and_refreshing_scans_nothing_again(town: Town) -> None:
    daughter = town.volunteer("陈芳")
    mother = _add_relative(daughter, "王秀英", relation="parent")
    daughter.open(town.code(town.publish("看望老人"), "arrival"))
    assert "为谁签到？" in daughter.open("/scan").words
    nobody = daughter.open("/scan", {"csrf_token": _token(daughter)})
    assert nobody.status == 422
    assert "请至少选一位" in nobody.words
    shown = daughter.post("/scan", "/scan", member_ids=[daughter.member_id, mother])
    assert "陈芳：签到成功" in shown.words
    assert "王秀英：签到成功" in shown.words
    assert daughter.open("/scan/result").words == shown.words
    again = daughter.open("/scan", {"csrf_token": _token(daughter), "member_ids": daughter.member_id})
    assert again.path == "/scan/result"


def _add_relative(who: Visitor, name: str, **typed: str) -> str:
    page = "/family/new"
    filled = form_fields(who.open(page).text, page) | {"name": name, "guardian": "1", "privacy": "1"} | typed
    shown = who.open(page, filled)
    assert shown.path.startswith("/me"), shown.words
    assert name in shown.words
    return filled["id"]


def _token(who: Visitor) -> str:
    return form_fields(who.open("/display").text, "/display")["csrf_token"]


def test_a_result_that_was_not_signed_here_is_not_shown(town: Town) -> None:
    who = town.volunteer("陈芳")
    one: dict[str, object] = {
        "member_id": who.member_id,
        "outcome": "ok",
        "at": None,
        "marks": [],
        "why": None,
        "waits": False,
    }
    payload = json.dumps([{"direction": "arrival", "title": None, "window": None}, [one]]).encode()
    forged = f"{tokens.b64(payload)}.{tokens.b64(bytes(32))}"
    cookies = f"huzhu_session={who.cookie('huzhu_session')}; huzhu_outcome={forged}"
    shown = who.open("/scan/result", headers={"Cookie": cookies})
    assert "签到成功" not in shown.words
    assert "已经收起来了" in shown.words


def test_every_refusal_says_what_happened_and_what_to_do(town: Town) -> None:
    who = town.volunteer("陈芳")
    activity = town.publish(confirm_each=True)
    old = town.code(activity, "arrival")
    who.open(town.code(activity, "departure"))
    assert "这次没有记上" in (shown := who.post("/scan", "/scan")).words
    assert "您在这里还没有签到" in shown.words
    assert "请直接找活动负责人" in shown.words
    who.open("/s/V1.1.aaaa.bbbb.a.0.cccc")
    assert "这个码不能用来签到" in who.post("/scan", "/scan").words
    who.open(town.code(town.publish(starts_in_h=5), "arrival"))
    assert "还没到签到时间" in (shown := who.post("/scan", "/scan")).words
    assert "签到时间：" in shown.words
    town.pass_hours(0.25)
    who.open(old)
    assert "已收到，等负责人确认" in who.post("/scan", "/scan").words
    assert "已收到，等负责人确认" in (home := who.open("/").words)
    assert "负责人点头以后就算数" in home
    assert "您已签到" not in home
    assert "待确认" in who.open("/records").words
    later = town.volunteer("王小明")
    town.pass_hours(0.5)
    later.open(old)
    assert "二维码已经换了" in (shown := later.post("/scan", "/scan")).words
    assert "重新扫码" in shown.words
    later.open(town.code(activity, "arrival"))
    assert "签到成功" in later.post("/scan", "/scan").words
    town.pass_hours(0.01)
    later.open(town.code(activity, "arrival"))
    assert "您已经签过到了" in later.post("/scan", "/scan").words
    later.open(town.code(activity, "departure"))
    assert "才结束。提前走，时长只算到现在" in later.post("/scan", "/scan").words
    town.api("POST", f"/checkin/activities/{activity['id']}/cancel", {"reason": "下雨"}, town.organizer)
    later.open(town.code(town.publish(), "departure"))
    assert "这次没有记上" in later.post("/scan", "/scan").words


def test_a_code_can_be_pasted_when_the_camera_fails(town: Town) -> None:
    who = town.volunteer("陈芳")
    assert "请把码的内容粘贴进来" in who.post("/scan", "/scan/typed", code="").words
    assert "这个码不能用来签到" in who.post("/scan", "/scan/typed", code="12345").words
    code = town.code(town.publish(), "arrival")
    assert "就差一步" in (shown := who.post("/scan", "/scan/typed", code=code)).words
    assert shown.path == "/scan"
    assert "请直接找负责人" in shown.words
    assert "打开微信" in who.post("/scan", "/scan/drop").words
    assert "就差一步" in who.post("/scan", "/scan/typed", code=code).words
    assert "签到成功" in who.post("/scan", "/scan").words


def test_service_becomes_points_and_every_line_says_why(town: Town) -> None:
    who = town.volunteer("陈芳")
    assert "还没有记录" in who.open("/records").words
    town.serve(who)
    records = who.open("/records").words
    assert "已签到已签退已确认已到账" in records
    assert "×1.0=" in records
    statement = who.open("/records/points").words
    assert "服务积分" in statement
    assert "余额" in statement
    assert "2小时" in who.open("/").words


def test_a_gift_is_redeemed_once_shown_as_a_voucher_and_given_back(town: Town) -> None:
    who = town.volunteer("陈芳")
    soap, rice = town.offer("香皂", hundredths=100), town.offer("大米", hundredths=99_00)
    town.serve(who)
    gifts = who.open("/gifts").words
    assert "香皂1积分·还有10件·本季度还可兑2件兑换" in gifts
    assert "还差97" in gifts
    assert "现在还不能兑换" in who.open(f"/gifts/{rice}/confirm").words
    page = f"/gifts/{soap}/confirm"
    filled = form_fields(who.open(page).text, page)
    first, second = who.open(page, filled), who.open(page, filled)
    assert first.path == second.path
    assert re.search(r"[2-9A-Z]{12}", first.words)
    assert '<svg class="qr"' in first.text
    assert "已经兑换了一件" in who.open(page).words
    listed = who.open("/redemptions")
    assert listed.words.count("待领取") == 1
    cancel = first.path.replace("/vouchers/", "/redemptions/") + "/cancel"
    assert "退回积分" in who.open(cancel).words
    assert "已取消" in who.post(cancel, cancel).words
    wait_until(lambda: "兑换退回" in who.open("/records/points").words, "the refund", 30)
    assert 'class="qr"' not in who.open(first.path).text


def test_who_was_not_confirmed_by_staff_cannot_redeem(town: Town) -> None:
    who = town.volunteer("新来的", confirmed=False)
    soap = town.offer("牙膏", hundredths=1)
    town.serve(who)
    assert "核实身份以后才能兑换" in who.open("/gifts").words
    page = f"/gifts/{soap}/confirm"
    assert "现在还不能兑换" in who.open(page).words
    posted = {
        "csrf_token": _token(who),
        "id": "11111111-1111-4111-8111-111111111111",
        "member_id": who.member_id,
        "points": "1",
    }
    assert (shown := who.open(page, posted)).status == 422
    assert shown.title.startswith("错误：")


def test_a_relative_has_a_record_and_gifts_of_their_own(town: Town) -> None:
    daughter = town.volunteer("陈芳")
    child = _add_relative(daughter, "小毛", relation="child", birth_date="2019-06-01")
    shown = daughter.post("/choose", "/choose", member_id=child)
    assert "小毛，您好" in shown.words
    refused = daughter.post("/me", "/me/consents", ranked="1")
    assert refused.status == 422
    assert "未满14" in refused.words
    foreign = daughter.post("/choose", "/choose", member_id="11111111-1111-4111-8111-111111111111")
    assert foreign.status == 422


def test_a_child_cannot_be_added_without_the_guardian(town: Town) -> None:
    daughter = town.volunteer("陈芳")
    shown = daughter.post(
        "/family/new", "/family/new", name="小毛", relation="child", birth_date="2019-06-01", privacy="1"
    )
    assert shown.status == 422
    assert "请确认家人知道并同意" in shown.words


def test_consents_to_the_board_are_given_and_withdrawn(town: Town) -> None:
    who = town.volunteer("陈芳")
    assert "已保存" in who.post("/me", "/me/consents", ranked="1", named="1").words
    assert form_fields(who.open("/me").text, "/me/consents").keys() >= {"ranked", "named"}
    filled = form_fields(who.open("/me").text, "/me/consents")
    del filled["named"]
    who.open("/me/consents", filled)
    assert "named" not in form_fields(who.open("/me").text, "/me/consents")


def test_boards_offer_places_periods_and_measures(town: Town) -> None:
    who = town.volunteer("陈芳")
    who.post("/me", "/me/consents", ranked="1", named="1")
    town.serve(who)
    shown = who.open("/boards?period=all&metric=points")
    assert "南昌路社区实践站温泉街道实践所" in shown.words
    assert "累计" in shown.words
    assert "第" in shown.words
    assert "截至" in shown.words
    town.api("PUT", f"/points/boards/{town.station_id}/switch", {"on": False}, town.organizer)
    assert "这里没有开设光荣榜" in who.open("/boards").words
    town.api("PUT", f"/points/boards/{town.station_id}/switch", {"on": True}, town.organizer)


def test_text_size_and_language_are_chosen_once_and_headers_do_not_count(town: Town) -> None:
    stranger = town.visitor()
    shown = stranger.open("/", headers={"Accept-Language": "en"})
    assert 'lang="zh-Hans-CN" data-text="standard"' in shown.text
    page = "/display?next=/login"
    shown = stranger.post(page, "/display", text="largest")
    assert shown.path == "/login"
    assert 'data-text="largest"' in shown.text
    stranger.post(page, "/display", language="en")
    shown = stranger.open("/login")
    assert '<html lang="en" data-text="largest">' in shown.text
    assert "Log in" in shown.text


def test_nobody_is_sent_elsewhere_after_logging_in(town: Town) -> None:
    phone, _ = town.register("陈芳")
    for elsewhere in ("https://evil.example/", "//evil.example", "/\\evil.example"):
        visitor = town.visitor()
        shown = visitor.post("/login", "/login", phone=phone, password=PASSWORD, next=elsewhere)
        assert shown.path == "/"


def test_a_session_that_ended_says_so_and_comes_back_to_the_page(town: Town) -> None:
    who = town.volunteer("陈芳")
    gone = who.open("/records?x=1", headers={"Cookie": "huzhu_session=no-such-token"})
    assert gone.path.startswith("/login")
    ended = who.open("/login?next=/records", headers={"Cookie": "huzhu_session=no-such-token"})
    assert "登录已过期" in ended.words
    assert form_fields(ended.text, "/login")["next"] == "/records"


def test_a_form_of_another_site_is_refused_in_plain_words(town: Town) -> None:
    who = town.volunteer("陈芳")
    shown = who.open("/me/consents", {"ranked": "1"})
    assert shown.status == 403
    assert "页面放得太久了" in shown.words


def test_what_does_not_exist_is_said_on_a_page(town: Town) -> None:
    shown = town.visitor().open("/nowhere")
    assert shown.status == 404
    assert "没有找到" in shown.words
    # Only what is in the log has a number to look it up by.
    assert "<code>" not in shown.text


def test_nobody_sees_the_voucher_of_another(town: Town) -> None:
    one, other = town.volunteer("陈芳"), town.volunteer("王小明")
    gift = town.offer("抽纸", hundredths=1)
    town.serve(one)
    page = f"/gifts/{gift}/confirm"
    voucher = one.post(page, page).path
    assert other.open(voucher).status in (403, 404)
    assert other.open(voucher.replace("vouchers", "redemptions") + "/cancel").status in (403, 404)


STRANGERS = (
    "/",
    "/login",
    "/reset",
    "/register",
    "/register?station_id={station}",
    "/activities/{activity}",
    "/terms",
    "/privacy",
    "/complaints",
    "/display",
    "/nowhere",
)
VOLUNTEERS = (
    "/",
    "/scan",
    "/records",
    "/records/points",
    "/gifts",
    "/redemptions",
    "/boards",
    "/me",
    "/choose",
    "/family/new",
    "/display",
)


@pytest.mark.parametrize(("logged_in", "paths"), [(False, STRANGERS), (True, VOLUNTEERS)])
def test_every_page_is_light_strict_and_has_a_way_to_complain(
    town: Town, logged_in: bool, paths: tuple[str, ...]
) -> None:
    who = town.volunteer("陈芳") if logged_in else town.visitor()
    files = {
        name: len(gzip.compress(who.open(f"/static/{name}").text.encode())) for name in ("css/huzhu.css", "js/forms.js")
    }
    activity_id = town.publish("谁都能看的活动")["id"]
    for path in paths:
        shown = who.open(path.format(station=town.station_id, activity=activity_id))
        assert len(gzip.compress(shown.text.encode())) + sum(files.values()) <= 15 * KIB, path
        policy = shown.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert not re.search(r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son\w+=|javascript:", shown.text), path
        assert not re.search(r'(?:src|href)="(?:https?:)?//', shown.text), path
        assert 'href="/complaints"' in shown.text, path
        assert "· 互助" in shown.title, path
        assert shown.text.count("<h1") == 1, path
        ids = re.findall(r'\sid="([^"]*)"', shown.text)
        assert len(ids) == len(set(ids)), path


def test_when_points_are_down_the_rest_of_the_page_stands(town: Town) -> None:
    who = town.volunteer("陈芳")
    town.publish("不会丢的活动", starts_in_h=-2)  # before those of other tests: home shows the first
    gift = town.offer("雨伞", hundredths=1)
    town.system.kill_part("points")
    try:
        home = who.open("/")
        assert home.status == 200
        assert "积分暂时看不到" in home.words
        assert "不会丢的活动" in home.words
        assert "雨伞" in who.open("/gifts").words
        assert "积分明细暂时看不到" in who.open("/records/points").words
        assert who.open(f"/gifts/{gift}/confirm").status == 200
    finally:
        town.system.restart_part("points")


def test_when_check_in_is_down_the_code_is_kept_for_a_second_try(town: Town) -> None:
    who = town.volunteer("陈芳")
    who.open(town.code(town.publish(), "arrival"))
    town.system.kill_part("checkin")
    try:
        shown = who.post("/scan", "/scan")
        assert shown.status == 503
        assert "系统忙，还没有办好" in shown.words
    finally:
        town.system.restart_part("checkin")
    assert "签到成功" in who.post("/scan", "/scan").words
