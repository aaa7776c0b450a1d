"""Makes the files of this folder: spreadsheets as offices write them. All people are invented.

    .venv/bin/python tests/data/make.py          # *.xlsx and *.csv
    …/python tests/data/make.py xls              # *.xls; needs xlwt, which the project does not

The XLS files were made once, by a throw-away environment with xlwt 1.3.0; nothing else writes that format any more.
"""

import sys
from datetime import date
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PEOPLE: list[list[Any]] = [
    # name, phone, compound (written once for all who live there), building, birth date, teams, skills
    ["王 秀 英", 13812340001.0, "和谐小区", "3栋", date(1956, 3, 21), "平安夜巡队", ""],
    ["陈　芳", "１３８１２３４０００２", "", "3栋", "1961.5.8", "平安夜巡队、楼道队", "医生"],
    ["李建国", "138-1234-0003", "", "", "1950年10月1日", "", "水电维修；理发"],
    ["王秀英", "0715-8123456", "东兴小区", "", 20880, "", ""],
    ["赵六", "1.38E+10", "", "", "", "", ""],
    ["孙小小", "", "", "", "2020-06-01", "", ""],
    ["周九", "13812340007", "没有的小区", "", "", "", ""],
]
"""20880 is 1957-03-01 as Excel counts days; the last three rows are bad, each in its own way."""
BALANCES: list[list[Any]] = [
    # name, phone, compound, hours, points
    ["王秀英", "13812340001", "和谐小区", "120小时30分", 86.5],
    ["陈芳", "13812340002", "和谐小区", "2.5h", "1,200"],
    ["李建国", "", "和谐小区", "半天", ""],
    ["钱七", "", "和谐小区", "3", "3"],
    ["陈芳", "13812340002", "", "", "abc"],
]
SERVICES: list[list[Any]] = [
    # name, phone or its end, day, hours, activity, category
    ["王秀英", "13812340001", "3月8日", "半天", "学雷锋清扫楼道", "环境整治"],
    ["陈芳", "0002", "2026.3.8", "9:00-11:30", "学雷锋清扫楼道", "环境整治"],
    ["李建国", "", "3月8日", "2小时", "学雷锋清扫楼道", "环境整治"],
    ["王秀英", "13812340001", date(2026, 3, 14), 2.5, "平安夜巡", "平安夜巡"],
    ["王秀英", "13812340001", "3月8日", "4小时", "学雷锋清扫楼道", "环境整治"],
    ["陈芳", "0002", "3月32日", "2", "平安夜巡", "平安夜巡"],
    ["钱七", "", "3月14日", "很久", "平安夜巡", "巡逻"],
]
"""The last three are bad: said before, no such day, and everything."""


def write_roster_xlsx() -> None:
    import xlsxwriter

    with xlsxwriter.Workbook(HERE / "roster.xlsx", {"default_date_format": "yyyy/m/d"}) as book:
        book.add_worksheet("填表说明").write(0, 0, "请在“名册”页填写，不要改动表头")
        sheet = book.add_worksheet("名册")
        sheet.merge_range("A1:I1", "南昌路社区志愿者花名册")
        sheet.merge_range("A2:I2", "填报单位：南昌路社区    填报日期：2026年3月8日")
        for column, title in enumerate(
            ["序号", "姓  名*", "联系电话", "住址", "", "出生年月日", "队伍", "特长", "备注"]
        ):
            if title == "住址":
                sheet.merge_range(2, column, 2, column + 1, title)
            elif title:
                sheet.merge_range(2, column, 3, column, title)
        sheet.write_row(3, 3, ["小区", "楼栋"])
        sheet.merge_range(4, 3, 6, 3, "和谐小区")
        for row, (name, phone, compound, *rest) in enumerate(PEOPLE, start=4):
            sheet.write_formula(row, 0, "=ROW()-4", None, row - 3)
            sheet.write_row(row, 1, [name, phone])
            if compound and row > 6:
                sheet.write(row, 3, compound)
            for column, cell in enumerate(rest, start=4):
                sheet.write(row, column, cell)
        last = 4 + len(PEOPLE)
        sheet.merge_range(last + 1, 0, last + 1, 1, "合  计")
        sheet.write_formula(last + 1, 2, f"=COUNTA(B5:B{last})", None, len(PEOPLE))
        sheet.write(last + 2, 0, "制表人：张三    审核人：李四")


def write_roster_csv() -> None:
    lines = ["南昌路社区志愿者花名册,,,,", "姓名,手机号码,所在小区,楼栋,生日", "", "和谐小区,,,,"]
    lines += ["王 秀英,13812340001,,3栋,1956-3-21", "陈芳,13812340002,,3栋,1961.5.8", "东兴小区,,,,"]
    lines += [
        "王秀英,0715-8123456,,,1957年3月1日",
        "姓名,手机号码,所在小区,楼栋,生日",
        "㐂𠮷,,,,",
        "总计：4人,,,,",
        ",,,,",
    ]
    (HERE / "roster.csv").write_bytes(("\r\n".join(lines) + "\r\n").encode("gb18030"))


def write_opening_xlsx() -> None:
    import xlsxwriter

    with xlsxwriter.Workbook(HERE / "opening.xlsx") as book:
        sheet = book.add_worksheet("台账")
        sheet.merge_range("A1:F1", "志愿服务时长和积分登记（纸质台账汇总）")
        sheet.write_row(2, 0, ["序号", "姓名", "手机", "小区", "累计时长", "积分余额"])
        sheet.merge_range(3, 3, 6, 3, "和谐小区")
        for row, (name, phone, _compound, hours, points) in enumerate(BALANCES, start=3):
            sheet.write_row(row, 0, [row - 2, name, phone])
            sheet.write(row, 4, hours)
            if isinstance(points, float):
                sheet.write_formula(row, 5, "=80+6.5", None, points)
            else:
                sheet.write(row, 5, points)
        sheet.write_row(3 + len(BALANCES), 0, ["合计", "", "", "", "127小时", 1289.5])


def write_past_xlsx() -> None:
    import xlsxwriter

    with xlsxwriter.Workbook(HERE / "past.xlsx", {"default_date_format": "yyyy/m/d"}) as book:
        sheet = book.add_worksheet("三月")
        sheet.merge_range("A1:H1", "南昌路社区2026年3月志愿服务记录")
        sheet.merge_range("A2:H2", "制表：社区办公室    2026年4月1日")
        sheet.write_row(2, 0, ["序号", "姓 名", "联系电话", "小区", "服务日期", "服务时长", "活动名称", "服务类别"])
        sheet.merge_range(3, 3, 9, 3, "和谐小区")
        # Written once for all who were there.
        sheet.merge_range(3, 6, 5, 6, SERVICES[0][4])
        for row, (name, phone, day, hours, title, category) in enumerate(SERVICES, start=3):
            sheet.write_formula(row, 0, "=ROW()-3", None, row - 2)
            sheet.write_row(row, 1, [name, phone])
            sheet.write(row, 4, day)
            if isinstance(hours, float):
                sheet.write_formula(row, 5, "=5/2", None, hours)
            else:
                sheet.write(row, 5, hours)
            if row > 5:
                sheet.write(row, 6, title)
            sheet.write(row, 7, category)
        sheet.write_row(3 + len(SERVICES), 0, ["合计", "", "", "", "", "13小时"])


def write_past_csv() -> None:
    lines = ["2025年志愿服务记录表,,,,", "姓名,手机尾号,服务时间,服务内容,备注", ""]
    lines += ["王 秀 英,0001,2025年12月6日 9：00—11：30,冬季清扫,", "陈　芳,0002,2025年12月6日 9点-11点半,冬季清扫,"]
    lines += ["姓名,手机尾号,服务时间,服务内容,备注", "陈芳,0002,12月7日 晚上7点-9点,夜巡,", "总计：3人次,,,,"]
    (HERE / "past.csv").write_bytes(("\r\n".join(lines) + "\r\n").encode("gb18030"))


def write_past_xls() -> None:
    import xlwt  # type: ignore[import-not-found]

    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("Sheet1")
    sheet.write_merge(0, 0, 0, 5, "志愿服务记录")
    for column, title in enumerate(["姓名", "电话", "日期", "小时", "项目", "类别"]):
        sheet.write(1, column, title)
    sheet.write_merge(2, 3, 4, 4, SERVICES[0][4])
    sheet.write_merge(2, 3, 5, 5, SERVICES[0][5])
    day = xlwt.easyxf(num_format_str="M月D日")
    for row, (name, phone, *_rest) in enumerate(SERVICES[:2], start=2):
        for column, cell in ((0, name), (1, phone), (3, 2.5)):
            sheet.write(row, column, cell)
        sheet.write(row, 2, date(2026, 3, 8), day)
    sheet.write(4, 0, "合计")
    sheet.write(4, 3, xlwt.Formula("SUM(D3:D4)"))
    book.save(str(HERE / "past.xls"))


def write_roster_xls() -> None:
    import xlwt

    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("Sheet1")
    sheet.write_merge(0, 0, 0, 4, "岔路口社区志愿者名单")
    for column, title in enumerate(["姓名", "电话", "小区", "楼栋", "出生日期"]):
        sheet.write(1, column, title)
    sheet.write_merge(2, 4, 2, 2, "和谐小区")
    day = xlwt.easyxf(num_format_str="YYYY-MM-DD")
    for row, (name, phone, _compound, building, born, *_rest) in enumerate(PEOPLE[:3], start=2):
        for column, cell in ((0, name), (1, phone), (3, building)):
            sheet.write(row, column, cell)
        sheet.write(row, 4, born, day) if isinstance(born, date) else sheet.write(row, 4, born)
    sheet.write(5, 0, "合计")
    sheet.write(5, 1, xlwt.Formula("COUNTA(A3:A5)"))
    book.save(str(HERE / "roster.xls"))


if __name__ == "__main__":
    if sys.argv[1:] == ["xls"]:
        write_roster_xls()
        write_past_xls()
    else:
        write_roster_xlsx()
        write_roster_csv()
        write_opening_xlsx()
        write_past_xlsx()
        write_past_csv()
