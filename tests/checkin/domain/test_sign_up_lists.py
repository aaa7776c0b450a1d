"""Lists as they are really pasted, and what is made of each of their lines."""

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.checkin.domain import sign_up_lists
from services.checkin.domain.sign_up_lists import LINES_MAX, TEXT_MAX, Line, Reading


def read_one(text: str) -> Line:
    [line] = sign_up_lists.read(f"1. 陈芳\n{text}")[1:]
    return line


@pytest.mark.parametrize(
    ("text", "name", "phone", "place", "companions"),
    [
        ("1. 王秀英", "王秀英", None, "", 0),
        ("2、李小明 2人", "李小明", None, "", 1),
        ("3 陈芳 13800000000", "陈芳", "13800000000", "", 0),
        ("4. 张三+1", "张三", None, "", 1),
        ("5 和谐小区3栋 刘大姐", "刘大姐", None, "和谐小区3栋", 0),
        ("６．赵志远", "赵志远", None, "", 0),
        ("7. 🌹孙丽华🌹", "孙丽华", None, "", 0),
        ("8，周建国（自带扫把）", "周建国", None, "", 0),
        ("9.吴桂兰，13900000001，金叶小区", "吴桂兰", "13900000001", "金叶小区", 0),
        ("10)欧阳娜娜 三人", "欧阳娜娜", None, "", 2),
        ("11郑国强", "郑国强", None, "", 0),
        ("12. 陈芳 138 0000 0000", "陈芳", "13800000000", "", 0),
        ("13. 王秀英(电话13700000002)", "王秀英", "13700000002", "", 0),
        ("第14位 何静", "何静", None, "", 0),
        ("15、古丽·买买", "古丽·买买", None, "", 0),
        ("马秀兰", "马秀兰", None, "", 0),
        ("３、黄晓明\u3000１３６００００００００", "黄晓明", "13600000000", "", 0),
        ("16. 王秀英 东兴小区 2栋", "王秀英", None, "东兴小区 2栋", 0),
        ("17. 古丽娜尔·买买提 3栋", "古丽娜尔·买买提", None, "3栋", 0),
        ("18. 古丽娜尔•买买提", "古丽娜尔·买买提", None, "", 0),
        ("19. 萧 爱 民", "萧爱民", None, "", 0),
        ("20. 王\u3000芳 13800000000", "王芳", "13800000000", "", 0),
        ("21. 吴小芳8号楼", "吴小芳", None, "8号楼", 0),
        ("22. 吴小芳八号楼", "吴小芳", None, "八号楼", 0),
        ("23. 古丽娜尔·买买提3栋2单元", "古丽娜尔·买买提", None, "3栋2单元", 0),
        ("24. 金叶3栋 王秀英", "王秀英", None, "金叶3栋", 0),
        ("25. 13800000000", "", "13800000000", "", 0),
        ("13800000000", "", "13800000000", "", 0),
    ],
)
def test_a_line_names_a_person(text: str, name: str, phone: str | None, place: str, companions: int) -> None:
    line = read_one(text)
    assert (line.reading, line.name, line.phone, line.place, line.companions) == (
        Reading.PERSON,
        name,
        phone,
        place,
        companions,
    )


@pytest.mark.parametrize(
    ("text", "people"),
    [
        ("11. 许志刚、蒋佳琪", [("许志刚", None, "", ""), ("蒋佳琪", None, "", "")]),
        ("12.蔡强 我和女儿", [("蔡强", None, "", "我和女儿")]),
        ("5. 傅和平（带老伴）", [("傅和平", None, "", "带老伴")]),
        ("6. 许志刚和蒋佳琪", [("许志刚", None, "", ""), ("蒋佳琪", None, "", "")]),
        ("7. 李明和张和平, 王芳 / 陈小芳", [(name, None, "", "") for name in ("李明", "张和平", "王芳", "陈小芳")]),
        (
            "8. 3栋 王秀英 13900000001，陈芳 13800000002 5栋",
            [("王秀英", "13900000001", "3栋", ""), ("陈芳", "13800000002", "5栋", "")],
        ),
        ("9. 陈芳（3栋） 周六来 待定", [("陈芳", None, "3栋", "周六来 待定")]),
        ("何静 报名", [("何静", None, "", "")]),
        ("10. 胡建国和老伴", [("胡建国", None, "", "和老伴")]),
        ("11. 傅和平带他女儿 3栋", [("傅和平", None, "3栋", "带他女儿")]),
    ],
)
def test_everybody_on_a_line_is_somebody_and_what_is_left_over_is_told(
    text: str, people: list[tuple[str, str | None, str, str]]
) -> None:
    lines = sign_up_lists.read(f"1. 陈芳\n{text}")[1:]
    assert [(line.name, line.phone, line.place, line.note) for line in lines] == people
    assert {(line.number, line.text) for line in lines} == {(2, text)}


def test_who_is_brought_without_a_name_is_counted() -> None:
    assert [read_one(text).companions for text in ("2. 胡建国和老伴", "2. 胡建国和老伴 3人", "2. 傅和平")] == [1, 2, 0]


@pytest.mark.parametrize(
    ("text", "name", "phone"),
    [
        ("31. 吴春生 不去了", "吴春生", None),
        ("38. 取消 赵红梅", "赵红梅", None),
        ("赵红梅取消报名", "赵红梅", None),
        ("21. 王秀英来不了了", "王秀英", None),
        ("5. 李明 13800000000 去不了", "李明", "13800000000"),
        ("6. 李明（请假）", "李明", None),
    ],
)
def test_who_says_that_they_do_not_come_is_named_and_does_not_come(text: str, name: str, phone: str | None) -> None:
    line = read_one(text)
    assert (line.reading, line.name, line.phone) == (Reading.NOT_COMING, name, phone)


def test_who_of_several_does_not_come_is_not_guessed() -> None:
    assert read_one("7. 王芳、李明 去不了").reading is Reading.NOT_UNDERSTOOD


def test_who_is_counted_on_a_line_is_no_companion_of_who_stands_there_too() -> None:
    assert [line.companions for line in sign_up_lists.read("1. 张三、李四 3人\n2. 王芳、李明+1")] == [1, 0, 1, 0]


@pytest.mark.parametrize("text", ["王芳和" * 6000, "和" * 20_000, "1. " + "陈芳 " * 6000])
def test_a_line_without_end_is_read_as_soon_as_any(text: str) -> None:
    assert len(sign_up_lists.read(text)) <= LINES_MAX


@pytest.mark.parametrize(
    "text",
    [
        "17. ",
        "18. 👍👍",
        "19. 138000",
        "20. 我也不知道能不能来看情况吧",
        "21. 来不了了",
        "22. 李",
        "23. 报名",
        "24、请假",
    ],
)
def test_a_line_that_names_nobody_is_shown_as_it_stands(text: str) -> None:
    line = read_one(text)
    assert (line.reading, line.name, line.text) == (Reading.NOT_UNDERSTOOD, "", text.strip())


def test_a_whole_list_has_a_heading_blank_lines_and_people_in_any_order() -> None:
    text = """#接龙
    周六上午九点清扫和谐小区，请带手套，集合点在东门岗亭

    例 姓名 电话
    2. 李小明
    1. 王秀英
    1. 王秀英

    7. 陈芳+2
    """
    lines = sign_up_lists.read(text)
    assert [line.reading for line in lines[:2]] == [Reading.HEADING] * 2
    people = [(line.number, line.name) for line in lines if line.reading is Reading.PERSON]
    assert people[-4:] == [(5, "李小明"), (6, "王秀英"), (7, "王秀英"), (9, "陈芳")]


def test_a_line_names_a_site_by_a_word_of_its_own_or_a_heading_above_it() -> None:
    text = """1. 陈芳 西门
    2. 李小明去东门
    3. 王秀英（西门） 3栋
    4. 何静 和谐小区3栋
    5. 马秀兰 去和谐小区
    6. 赵志远
    东门：
    7. 黄晓明
    8. 郑国强 西门"""
    lines = [line for line in sign_up_lists.read(text, ["东门", "西门", "和谐小区"]) if line.name]
    assert [(line.name, line.site, line.note) for line in lines] == [
        ("陈芳", "西门", ""),
        ("李小明", "东门", ""),
        ("王秀英", "西门", ""),
        ("何静", None, ""),
        ("马秀兰", "和谐小区", ""),
        ("赵志远", None, ""),
        ("黄晓明", "东门", ""),
        ("郑国强", "西门", ""),
    ]
    assert lines[2].place == "3栋"
    assert lines[3].place == "和谐小区3栋"


def test_the_title_of_a_numbered_list_is_nobody_though_it_is_as_short_as_a_name() -> None:
    lines = sign_up_lists.read("#接龙\n周六大扫除 下午四点\n1. 王秀英\n陈芳")
    assert [line.reading for line in lines] == [Reading.HEADING] * 2 + [Reading.PERSON] * 2
    unnumbered = sign_up_lists.read("#接龙\n王秀英\n陈芳")
    assert [line.name for line in unnumbered] == ["", "王秀英", "陈芳"]


@given(st.text())
def test_whatever_is_pasted_is_read_without_raising(text: str) -> None:
    lines = sign_up_lists.read(text)
    assert len(lines) <= LINES_MAX
    assert all(line.name or line.phone for line in lines if line.reading is Reading.PERSON)


@given(
    st.lists(
        st.text(alphabet="0123456789 .、，()（）+王秀英李明小区栋人#接龙１２🌹-·\n\t", max_size=40), max_size=30
    ).map("\n".join)
)
def test_no_line_is_lost_between_reading_and_showing(text: str) -> None:
    shown = {line.number for line in sign_up_lists.read(text)}
    for number, line in enumerate(text.splitlines(), 1):
        if any(letter.isalnum() for letter in line):
            assert number in shown


@pytest.mark.parametrize("letter", "(（【[<「")
def test_a_line_of_opened_brackets_holds_up_nobody(letter: str) -> None:
    """A search to the end of the line from each of them took seconds."""
    since = process_time()
    sign_up_lists.read("1." + letter * (TEXT_MAX - 2))
    assert process_time() - since < 1


def test_a_site_called_by_a_number_or_a_letter_takes_no_ordinals_and_no_homes() -> None:
    lines = sign_up_lists.read("1. 陈芳\n2. 李梅 3-201\n3. 王秀英 去2\nA\n4. 赵红", sites=("1", "2", "3", "A"))
    assert [line.site for line in lines] == [None, None, "2", "A", "A"]
    assert [line.name for line in lines if line.reading is Reading.PERSON] == ["陈芳", "李梅", "王秀英", "赵红"]
