"""What may be shown of names, how numbers are checked and read."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.members.domain import names, phones, volunteer_numbers
from services.members.store.pinyin import read_name


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("陈小芳", "陈*芳"),
        ("陈芳", "陈*"),
        ("王一二三", "王**三"),
        ("欧阳娜娜", "欧阳*娜"),
        ("欧阳修", "欧阳*"),
        ("司马", "司*"),
        ("陈", "*"),
        ("阿卜杜拉·买买提", "阿***"),
        ("John Smith", "J***"),
        ("𠮷田", "𠮷*"),
    ],
)
def test_a_masked_name_keeps_the_surname_and_hides_who_it_is(name: str, masked: str) -> None:
    assert names.mask(name) == masked


@given(st.text(min_size=1, max_size=50))
def test_no_name_is_shown_whole(name: str) -> None:
    assert names.mask(name) != name or set(name) == {"*"}
    assert "*" in names.mask(name)


@pytest.mark.parametrize(
    ("name", "reading", "initials"),
    [
        ("曾小芳", "zengxiaofang", "zxf"),
        ("单雄信", "shanxiongxin", "sxx"),
        ("欧阳娜娜", "ouyangnana", "oynn"),
        ("尉迟恭", "yuchigong", "ycg"),
        ("吕布", "lvbu", "lb"),
        ("John Smith", "johnsmith", "js"),
        ("买买提·艾力", "maimaitiaili", "mmtal"),
    ],
)
def test_names_are_read_as_their_bearers_read_them(name: str, reading: str, initials: str) -> None:
    assert read_name(name) == (reading, initials)


def test_a_birthday_makes_a_year_older_and_29_february_counts_from_1_march() -> None:
    assert names.age_on(date(2012, 11, 22), date(2026, 11, 21)) == 13
    assert names.age_on(date(2012, 11, 22), date(2026, 11, 22)) == 14
    assert names.age_on(date(2012, 2, 29), date(2026, 2, 28)) == 13
    assert names.age_on(date(2012, 2, 29), date(2026, 3, 1)) == 14
    assert names.is_child(date(2012, 11, 23), date(2026, 11, 22))
    assert not names.is_child(None, date(2026, 11, 22))


def test_the_check_digit_is_iso_7064_mod_11_10() -> None:
    assert volunteer_numbers.check_digit("0794") == "5"  # the standard's own example


@given(st.from_regex(r"[0-9]{11}", fullmatch=True), st.integers(0, 11), st.integers(1, 9))
def test_any_single_wrong_digit_of_a_volunteer_number_is_found(digits: str, place: int, off_by: int) -> None:
    number = volunteer_numbers.complete(digits)
    assert volunteer_numbers.is_volunteer_number(number)
    wrong = number[:place] + str((int(number[place]) + off_by) % 10) + number[place + 1 :]
    assert not volunteer_numbers.is_volunteer_number(wrong)


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("13800138000", "13800138000"),
        ("+86 138-0013-8000", "13800138000"),
        ("０１３８", None),
        ("１３８００１３８０００", "13800138000"),
        ("0715-8123456", "07158123456"),
        ("12800138000", None),
        ("1380013800", None),
        ("138001380001", None),
        ("电话", None),
        ("13800138000; DROP", None),
    ],
)
def test_phones_are_read_as_people_write_them(text: str, digits: str | None) -> None:
    assert phones.read_phone(text) == digits


def test_a_landline_is_a_phone_but_no_login() -> None:
    assert phones.read_phone("0715-8123456") == "07158123456"
    assert phones.read_mobile("0715-8123456") is None
