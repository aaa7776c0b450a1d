"""Every outcome of a scan has its colour, its title and one next step."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from gateway import presentation
from gateway.pages.outcomes import shown
from services.checkin.domain.admission import Outcome, Why
from tests.pages.sentences import GATEWAY

WINDOW = {"opens_at": "2026-11-22T00:00:00Z", "closes_at": "2026-11-22T03:30:00Z"}


@pytest.fixture(autouse=True)
def page() -> Iterator[None]:
    made = Flask("gateway", root_path=str(GATEWAY))
    presentation.configure(made)
    with made.test_request_context("/"):
        yield


def told(outcome: str, direction: str | None = "arrival", **more: Any) -> Any:
    return shown(
        {
            "outcome": outcome,
            "direction": direction,
            "at": "2026-11-22T01:05:00Z",
            "marks": [],
            "why": None,
            "waits": False,
            "title": "楼道大扫除",
            "window": WINDOW,
        }
        | more,
        "陈芳",
    )


@pytest.mark.parametrize(
    ("outcome", "more", "kind", "title"),
    [
        ("ok", {}, "ok", "签到成功"),
        ("ok", {"marks": ["surplus"]}, "ok", "签到成功（现场报名）"),
        ("ok", {"direction": "departure"}, "ok", "签退成功"),
        ("duplicate", {}, "wait", "您已经签过到了"),
        ("duplicate", {"direction": "departure"}, "wait", "您已经签过退了"),
        ("late_scan", {}, "wait", "已收到，等负责人确认"),
        ("outside_window", {"why": "too_early"}, "wait", "还没到签到时间"),
        ("outside_window", {"why": "too_late"}, "wait", "签到已经结束"),
        ("outside_window", {"why": "too_late", "direction": "departure"}, "wait", "签退已经结束"),
        ("expired_code", {}, "refused", "二维码已经换了"),
        ("invalid_code", {"why": "forged", "direction": None}, "refused", "这个码不能用来签到"),
        ("not_qualified", {"why": "no_arrival", "direction": "departure"}, "refused", "这次没有记上"),
        ("annulled", {"direction": "departure"}, "refused", "这条没有通过"),
        ("activity_closed", {"why": "cancelled"}, "refused", "活动现在不能签到"),
    ],
)
def test_an_outcome_looks_as_the_design_says(outcome: str, more: dict[str, Any], kind: str, title: str) -> None:
    panel = told(outcome, **more)
    assert (panel.kind, panel.title) == (kind, title)
    assert panel.action
    assert panel.href.startswith("/")


def test_no_outcome_and_no_cause_is_without_words() -> None:
    for outcome in Outcome:
        assert told(outcome.value).title
    causes = set(Why) - {Why.TOO_EARLY, Why.TOO_LATE}  # the window says these
    for why in causes:
        refused = "invalid_code" if why in (Why.FORGED, Why.NOT_SHOWN_YET) else "not_qualified"
        assert told(refused, why=why.value).sentences[0] not in told(refused).sentences, why


def test_what_to_do_next_stands_in_the_panel() -> None:
    assert any("签退" in sentence for sentence in told("ok").sentences)
    assert any("从活动开始算起" in sentence for sentence in told("ok", marks=["early"]).sentences)
    assert any("负责人会核实" in sentence for sentence in told("ok", marks=["overlapping"]).sentences)
    assert any("负责人确认以后" in sentence for sentence in told("ok", direction="departure", waits=True).sentences)
    assert "签到时间：11月22日 周日 08:00–11:30" in told("outside_window", why="too_early").sentences
    assert told("expired_code").href == "/scan"


def test_who_leaves_early_is_not_promised_points() -> None:
    early = told("ok", direction="departure", minutes=2, ends_at="2026-11-22T02:30:00Z").sentences
    assert "服务时长：2 分钟" in early
    assert any("10:30 才结束" in sentence and "可能没有积分" in sentence for sentence in early)
    assert not any("到账" in sentence for sentence in early)
    on_time = told("ok", direction="departure", minutes=90, ends_at="2026-11-22T01:10:00Z").sentences
    assert any("到账" in sentence for sentence in on_time)


def test_why_an_activity_was_called_off_is_told() -> None:
    assert "原因：下雨" in told("activity_closed", why="cancelled", reason="下雨").sentences


def test_a_second_scan_tells_when_the_first_one_was() -> None:
    assert "记下的时间：08:59" in told("duplicate", recorded_at="2026-11-22T00:59:00Z").sentences


def test_who_arrived_on_a_late_code_is_reminded_to_sign_out() -> None:
    assert any("签退" in sentence for sentence in told("late_scan").sentences)
    assert not any("“签退”码" in sentence for sentence in told("late_scan", direction="departure").sentences)
