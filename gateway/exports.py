"""Tables to take away: XLSX, and CSV that offices open without a question.

What people typed may begin like a formula. A workbook keeps it as text; a CSV cell gets an apostrophe in
front, as OWASP has it for CSV injection.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from tempfile import SpooledTemporaryFile
from urllib.parse import quote

import xlsxwriter
from flask import Response, request
from werkzeug.wsgi import wrap_file

from gateway.i18n import _

Cell = str | int | float | Decimal | date | None

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""Also as a Chinese keyboard writes them, which a spreadsheet may read alike."""
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_WIDTH_MIN, _WIDTH_MAX = 8, 40
_WIDTH_OF_MANY = 16
_IN_MEMORY_MAX = 1_000_000
_LENGTH_MAX = 32_767
"""Of a cell, in halves of UTF-16 as offices count; a longer one is left out of the file without a word."""


def workbook(
    name: str,
    heads: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    *,
    above: Sequence[str] = (),
    made_at: datetime | None = None,
) -> Response:
    """An XLSX file called `name` with one sheet; `above` are lines over the heads: title, period, unit. With `made_at`
    the same rows are the same bytes, whenever they are asked for.
    """
    written = io.BytesIO()
    with xlsxwriter.Workbook(
        written, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    ) as book:
        if made_at is not None:
            book.set_properties({"created": made_at.astimezone(UTC).replace(tzinfo=None)})
        sheet = book.add_worksheet()  # a name of ours would be short and without :/?*
        title, head = book.add_format({"bold": True, "font_size": 14}), book.add_format({"bold": True, "bottom": 1})
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        for line, text in enumerate(above):
            sheet.write_string(line, 0, _held(text), None if line else title)
        widths = [_width(text) for text in heads]
        sheet.write_row(len(above), 0, map(_held, heads), head)
        for line, cells in enumerate(rows, start=len(above) + 1):
            for column, cell in enumerate(cells):
                if isinstance(cell, date):
                    sheet.write_datetime(line, column, cell, day)
                else:
                    sheet.write(line, column, _held(cell))
                widths[column] = max(widths[column], _width(str(cell or "")))
        for column, width in enumerate(widths):
            sheet.set_column(column, column, min(width, _WIDTH_MAX))
        sheet.freeze_panes(len(above) + 1, 0)
    return _file(written.getvalue(), _XLSX, f"{name}.xlsx")


@dataclass(frozen=True, slots=True)
class Sheet:
    title: str
    heads: Sequence[str]
    rows: Iterable[Sequence[Cell]]


def sheets(name: str, wanted: Sequence[Sheet]) -> Response:
    """An XLSX file called `name` with several sheets, however long: a row is out of memory when the next one comes."""
    written = SpooledTemporaryFile(_IN_MEMORY_MAX)  # noqa: SIM115 - closed when it has been sent
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(written, options) as book:
        head, day = book.add_format({"bold": True, "bottom": 1}), book.add_format({"num_format": "yyyy-mm-dd"})
        for one in wanted:
            sheet = book.add_worksheet(one.title)
            for column, text in enumerate(one.heads):
                sheet.set_column(column, column, max(_WIDTH_OF_MANY, _width(text)))
            sheet.freeze_panes(1, 0)
            sheet.write_row(0, 0, map(_held, one.heads), head)
            for line, cells in enumerate(one.rows, start=1):
                for column, cell in enumerate(cells):
                    if isinstance(cell, date):
                        sheet.write_datetime(line, column, cell, day)
                    else:
                        sheet.write(line, column, _held(cell))
    return sent(written, _XLSX, f"{name}.xlsx")


def sent(written: SpooledTemporaryFile[bytes], content_type: str, name: str) -> Response:
    """What was written down, as a file to save; read while it is sent, and closed then."""
    written.seek(0)
    response = Response(wrap_file(request.environ, written), content_type=content_type)
    response.call_on_close(written.close)
    return _to_save(response, name)


def comma_separated(name: str, heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Response:
    """A CSV file called `name`, UTF-8 with a byte order mark, without which Excel reads Chinese as rubbish."""
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    writer.writerow(heads)
    writer.writerows([_harmless(cell) for cell in cells] for cells in rows)
    return _file(written.getvalue().encode("utf-8-sig"), "text/csv; charset=utf-8", f"{name}.csv")


def as_it_came(name: str, content: bytes) -> Response:
    """A file that somebody brought, to be saved and never shown."""
    return _file(content, "application/octet-stream", name)


def _harmless(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _held(cell: Cell) -> Cell:
    """As much of a text as a cell can hold, and that there was more."""
    if not isinstance(cell, str) or len(cell.encode("utf-16-le")) <= 2 * _LENGTH_MAX:
        return cell
    more = _("……（太长，后面的没有写进表格）")
    kept = cell.encode("utf-16-le")[: 2 * (_LENGTH_MAX - len(more))]
    return kept.decode("utf-16-le", "ignore") + more


def _width(text: str) -> int:
    """In the width of digits; a Chinese letter takes two."""
    return max(_WIDTH_MIN, sum(1 if letter.isascii() else 2 for letter in text) + 2)


def _file(content: bytes, content_type: str, name: str) -> Response:
    return _to_save(Response(content, content_type=content_type), name)


def _to_save(response: Response, name: str) -> Response:
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    return response
