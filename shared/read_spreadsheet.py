"""Reads a spreadsheet from standard input and prints its sheets as JSON; runs as a program of its own.

A spreadsheet from outside may be a bomb. So this program knows no secret, gives up its rights to memory
and time before it looks, measures before it decodes, and is killed when it takes too long.

Prints {"sheets": [{"name": text, "rows": [[text, …], …]}, …]} or {"refused": "why, in a sentence"}.
"""

import csv
import io
import json
import re
import resource
import sys
import zipfile
import zlib
from datetime import date, datetime, time, timedelta
from typing import Any

import python_calamine

UNZIPPED_BYTES_MAX = 100 * 1024 * 1024
RATIO_MAX = 150
RATIO_COUNTS_FROM_BYTES = 5 * 1024 * 1024
ENTRIES_MAX = 1000
SHEETS_MAX = 20
ROWS_MAX = 10_000
ROUND_ABOUT_MAX = 20
"""Rows beside those: titles, heads, totals and footers, which whoever counts people does not count."""
COLUMNS_MAX = 100
CELL_LENGTH_MAX = 500
TEXT_LENGTH_MAX = 20_000_000
MEMORY_BYTES_MAX = 1024 * 1024 * 1024
CPU_S_MAX = 15

_ZIP, _OLE = b"PK", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_CELL = re.compile(rb"""<(?:\w+:)?c(?=[\s/>])(?:[^>]*?\br=["']([A-Za-z]{1,7})(\d{1,9})["'])?""")
_CONTROLS = frozenset(range(32)) - frozenset(b"\t\r\n")
_CHUNK_BYTES = 1024 * 1024

TOO_LARGE = f"表格太大：最多 {ROWS_MAX} 行、{COLUMNS_MAX} 列，请删掉多余的空行空列，或分成几个文件"
BROKEN = "表格已损坏或不完整，请重新导出后再试"
UNREADABLE = "不是能读的表格，请用 Excel（.xlsx、.xls）或 CSV 文件"
ENCRYPTED = "表格有密码保护，请去掉密码后再试"
BOMB = "表格解压后大得不正常，已拒绝读取"
UNKNOWN_LETTERS = "认不出文字编码，请另存为 UTF-8 或 GB18030 编码的 CSV"


class Refused(Exception):
    pass


def read(content: bytes) -> list[dict[str, Any]]:
    """The cells of the sheets that show, as text; Refused with a sentence that says why not."""
    if content.startswith(_ZIP):
        _measure_zip(content)
        return _decode(content)
    if content.startswith(_OLE):
        if "EncryptedPackage".encode("utf-16-le") in content:
            raise Refused(ENCRYPTED)
        return _decode(content)
    return [{"name": "", "rows": _read_csv(content)}]


def _measure_zip(content: bytes) -> None:
    """Sizes, ratio and cells, before anything is decoded."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, ValueError, OverflowError) as error:
        raise Refused(BROKEN) from error
    entries = archive.infolist()
    if not any(entry.filename.lower() == "xl/workbook.xml" for entry in entries):
        raise Refused(UNREADABLE)
    unzipped = sum(entry.file_size for entry in entries)
    if len(entries) > ENTRIES_MAX or unzipped > UNZIPPED_BYTES_MAX:
        raise Refused(BOMB)
    if unzipped > RATIO_COUNTS_FROM_BYTES and unzipped > RATIO_MAX * len(content):
        raise Refused(BOMB)
    # Two entries may share the same bytes, and sizes may lie: so what is really there is counted too.
    left = UNZIPPED_BYTES_MAX
    for entry in entries:
        left -= _measure_entry(archive, entry, left)


def _measure_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, bytes_max: int) -> int:
    is_sheet = entry.filename.lower().startswith("xl/worksheets/")
    size, cells, rest = 0, 0, b""
    try:
        with archive.open(entry) as file:
            while chunk := file.read(_CHUNK_BYTES):
                size += len(chunk)
                if size > bytes_max:
                    raise Refused(BOMB)
                if is_sheet:
                    text, _, rest = (rest + chunk).rpartition(b"<")
                    rest = b"<" + rest
                    cells += _count_cells(text)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, OSError, zlib.error) as error:
        raise Refused(BROKEN) from error
    if cells > ROWS_MAX * COLUMNS_MAX:
        raise Refused(TOO_LARGE)
    return size


def _count_cells(text: bytes) -> int:
    count = 0
    for found in _CELL.finditer(text):
        count += 1
        if found[1] is not None and (int(found[2]) > 2 * ROWS_MAX or _column(found[1]) > COLUMNS_MAX):
            raise Refused(TOO_LARGE)
    return count


def _column(letters: bytes) -> int:
    """A is 1, Z is 26, AA is 27."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _decode(content: bytes) -> list[dict[str, Any]]:
    try:
        workbook = python_calamine.load_workbook(io.BytesIO(content))
        sheets = [
            {"name": _whole(about.name), "rows": _read_sheet(workbook.get_sheet_by_index(index))}
            for index, about in enumerate(workbook.sheets_metadata)
            if (about.typ, about.visible) == _SHOWS
        ]
    except python_calamine.PasswordError as error:
        raise Refused(ENCRYPTED) from error
    except (python_calamine.CalamineError, OSError, ValueError, IndexError) as error:
        raise Refused(BROKEN) from error
    return sheets[:SHEETS_MAX]


_SHOWS = (python_calamine.SheetTypeEnum.WorkSheet, python_calamine.SheetVisibleEnum.Visible)


def _read_sheet(sheet: python_calamine.CalamineSheet) -> list[list[str]]:
    if sheet.height > 2 * ROWS_MAX or sheet.width > COLUMNS_MAX:
        raise Refused(TOO_LARGE)
    table: list[list[Any]] = sheet.to_python(skip_empty_area=False)
    for (top, left), (bottom, _right) in sheet.merged_cell_ranges or ():
        # A compound written once beside all who live there holds for each of them.
        for row in table[top + 1 : bottom + 1]:
            if left < len(row):
                row[left] = table[top][left]
    return _bounded([[_as_text(cell) for cell in row] for row in table])


def _read_csv(content: bytes) -> list[list[str]]:
    # Neither encoding uses these bytes for anything but control characters.
    if set(content) & _CONTROLS:
        raise Refused(UNREADABLE)
    text = _letters(content)
    first_line = text.lstrip().partition("\n")[0]
    delimiter = max(",\t;", key=first_line.count)
    csv.field_size_limit(10 * CELL_LENGTH_MAX)
    table: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text), delimiter=delimiter, strict=True):
            if len(table) >= 2 * ROWS_MAX or len(row) > COLUMNS_MAX:
                raise Refused(TOO_LARGE)
            table.append([_cut(cell) for cell in row])
    except csv.Error as error:
        raise Refused(BROKEN) from error
    return _bounded(table)


def _letters(content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Refused(UNKNOWN_LETTERS)


def _as_text(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time.min else cell.isoformat(" ", "minutes")
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, time):
        return cell.isoformat("minutes")
    if isinstance(cell, timedelta):
        hours, minutes = divmod(round(cell.total_seconds() / 60), 60)
        return f"{hours}:{minutes:02}"
    return _cut(_whole(str(cell)))


def _cut(text: str) -> str:
    """No longer than a cell may be here; whoever reads it sees that there was more."""
    return text if len(text) <= CELL_LENGTH_MAX else text[: CELL_LENGTH_MAX - 1] + "…"


def _whole(text: str) -> str:
    """Without the letter that ends a text where it is kept; the old format holds it."""
    return text.replace("\0", "")


def _bounded(table: list[list[str]]) -> list[list[str]]:
    while table and not any(table[-1]):
        table.pop()
    if len(table) > ROWS_MAX + ROUND_ABOUT_MAX or sum(len(cell) for row in table for cell in row) > TEXT_LENGTH_MAX:
        raise Refused(TOO_LARGE)
    return table


def _give_up_rights() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S_MAX, CPU_S_MAX))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    except (ValueError, OSError):  # macOS knows no such limit; the measures above and the time-out remain
        return


def main() -> None:
    _give_up_rights()
    try:
        answer: dict[str, Any] = {"sheets": read(sys.stdin.buffer.read())}
    except Refused as refusal:
        answer = {"refused": str(refusal)}
    except MemoryError:
        answer = {"refused": TOO_LARGE}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
