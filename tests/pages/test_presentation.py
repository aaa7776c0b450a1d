"""How figures and times read, in both languages."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time

import pytest
from flask import Flask

from gateway import i18n, presentation
from gateway.forms import Form
from shared import clock
from shared.errors import RuleBroken
from tests.pages.sentences import GATEWAY

NOON = datetime(2026, 11, 22, 4, tzinfo=UTC)
"""Noon in Shanghai."""


@pytest.fixture
def app() -> Flask:
    made = Flask("gateway", root_path=str(GATEWAY), static_folder=str(GATEWAY / "static"))
    presentation.configure(made)
    return made


@pytest.fixture
def chinese(app: Flask) -> Iterator[None]:
    with app.test_request_context("/"), clock.travel(NOON):
        yield


@pytest.fixture
def english(app: Flask) -> Iterator[None]:
    with app.test_request_context("/", headers={"Cookie": f"{i18n.COOKIE}=en"}), clock.travel(NOON):
        yield


@pytest.mark.parametrize(
    ("hundredths", "text"),
    [(0, "0"), (1, "0.01"), (10, "0.1"), (100, "1"), (217, "2.17"), (3860, "38.6"), (100000, "1000"), (-90, "−0.9")],
)
def test_points_have_no_trailing_zeros(hundredths: int, text: str) -> None:
    assert presentation.points(hundredths) == text


def test_a_change_of_points_has_its_sign() -> None:
    assert [presentation.signed(change) for change in (217, -217, 0)] == ["+2.17", "−2.17", "0"]


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 分钟"), (45, "45 分钟"), (60, "1 小时"), (130, "2 小时 10 分钟"), (-61, "−1 小时 1 分钟")],
)
def test_service_time_reads_as_hours_and_minutes(count: int, text: str) -> None:
    assert presentation.minutes(count) == text


@pytest.mark.usefixtures("chinese")
def test_times_are_shanghais_whatever_zone_they_come_in() -> None:
    assert presentation.moment("2026-11-21T16:30:00+00:00") == "11月22日 周日 00:30"
    assert presentation.moment("2026-11-22T00:30:00+08:00") == "11月22日 周日 00:30"
    assert presentation.moment("2025-12-31T15:59:00Z") == "2025年12月31日 23:59"
    assert presentation.hour("2026-11-22T01:05:00Z") == "09:05"


@pytest.mark.usefixtures("chinese")
def test_a_shift_over_midnight_shows_both_days() -> None:
    assert presentation.span("2026-11-22T01:00:00Z", "2026-11-22T03:30:00Z") == "11月22日 周日 09:00–11:30"
    assert (
        presentation.span("2026-11-22T14:00:00Z", "2026-11-22T18:00:00Z") == "11月22日 周日 22:00–11月23日 周一 02:00"
    )


@pytest.mark.usefixtures("chinese")
def test_days_and_months_read_in_chinese() -> None:
    assert presentation.day("2026-03-08") == "2026年3月8日"
    assert presentation.day(date(2026, 3, 8)) == "2026年3月8日"
    assert presentation.day("2026-03-07T16:00:00Z") == "2026年3月8日"
    assert presentation.month("2026-03") == "2026年3月"
    assert presentation.month_of_year("2026-03") == "3月"


@pytest.mark.usefixtures("english")
def test_the_same_reads_in_english() -> None:
    assert presentation.minutes(130) == "2 h 10 min"
    assert presentation.moment("2026-11-22T01:05:00Z") == "Sun 22 Nov, 09:05"
    assert presentation.day("2026-03-08") == "8 Mar 2026"
    assert presentation.month("2026-03") == "March 2026"
    assert presentation.category("environment") != "环境整治"


def test_codes_are_read_aloud_in_fours() -> None:
    assert presentation.fours("88RBXGURX2JL") == "88RB XGUR X2JL"


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize(
    ("typed", "day"),
    [
        ("1954-03-08", "1954-03-08"),
        ("1954-3-8", "1954-03-08"),
        ("1954/3/8", "1954-03-08"),
        ("19540308", "1954-03-08"),
        ("1954年3月8日", "1954-03-08"),
        ("", None),
        ("1954-02-30", None),
        ("昨天", None),
        ("٣-٣-١٩٥٤", None),
    ],
)
def test_a_day_can_be_typed_as_people_write_it(typed: str, day: str | None) -> None:
    filled = Form({"day": typed})
    assert filled.day("day") == day
    assert bool(filled.errors) == (day is None and typed != "")


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize(
    ("typed", "right"),
    [
        ("13800000000", True),
        ("138 0000 0000", True),
        ("+8613800000000", True),
        ("12800000000", False),
        ("", False),
        ("1380000000", False),
        ("１３８００００００００", True),
    ],
)
def test_a_mobile_number_is_read_as_people_write_it(typed: str, right: bool) -> None:
    filled = Form({"phone": typed})
    assert (filled.phone("phone") == "13800000000") is right
    assert bool(filled) is right


@pytest.mark.usefixtures("chinese")
def test_digits_of_full_width_are_digits() -> None:
    filled = Form({"at": "１：２５", "pieces": "３", "day": "２０２６－０３－０８"})
    assert filled.time_of_day("at", "") == time(1, 25)
    assert filled.whole("pieces", "") == 3
    assert filled.day("day") == "2026-03-08"


@pytest.mark.usefixtures("chinese")
def test_what_a_service_refuses_stands_at_the_field_it_is_about() -> None:
    filled = Form({"name": "x", "place": "y"})
    filled.blame(
        RuleBroken("不行", errors={"name": ["太长"], "compound_id": ["不对"], "zz": [{"deep": []}]}),
        {"compound_id": "place"},
    )
    assert filled.errors == {"name": "太长", "place": "不对", "": "填写有误"}
    plain = Form({"name": "x"})
    plain.blame(RuleBroken("身份还没有核实"))
    assert plain.errors == {"": "身份还没有核实"}


@pytest.mark.usefixtures("chinese")
def test_static_files_carry_a_hash_of_their_content() -> None:
    assert presentation.asset("css/huzhu.css").startswith("/static/css/huzhu.css?v=")
