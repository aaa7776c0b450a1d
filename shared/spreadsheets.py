"""Spreadsheets from outside, decoded by a program that can be killed."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from shared import read_spreadsheet
from shared.errors import Invalid

CONTENT_BYTES_MAX = 10 * 1024 * 1024
TIMEOUT_S = 20
_MB = 1024 * 1024


class SpreadsheetRefused(Invalid):
    code = "spreadsheet_refused"
    detail = read_spreadsheet.BROKEN


class Sheet(msgspec.Struct):
    """A sheet's cells as text; `name` is empty for a CSV file."""

    name: str
    rows: list[list[str]]


def others(sheets: Sequence[Sheet], read: Sheet) -> list[str]:
    """The names of sheets with something in them, beside the one that is read."""
    filled = [sheet for sheet in sheets if any(cell.strip() for row in sheet.rows for cell in row)]
    return [sheet.name for sheet in filled if sheet is not read]


class _Answer(msgspec.Struct):
    sheets: list[Sheet] = []
    refused: str | None = None


def read_file(path: Path) -> list[Sheet]:
    """The sheets of a file; SpreadsheetRefused with a sentence that says why not."""
    try:
        size = path.stat().st_size
        if path.is_file() and size > CONTENT_BYTES_MAX:
            raise SpreadsheetRefused(f"文件太大（{size / _MB:.0f} MB），最多 {CONTENT_BYTES_MAX // _MB} MB")
        if not path.is_file():
            raise SpreadsheetRefused("这不是一个文件")
        content = path.read_bytes()
    except OSError as error:
        raise SpreadsheetRefused(f"打不开这个文件：{error.strerror}") from error
    return read(content)


def read(content: bytes) -> list[Sheet]:
    """The sheets that show of an XLSX, XLS or CSV file (UTF-8 or GB18030)."""
    if not content.strip():
        raise SpreadsheetRefused("文件是空的")
    if len(content) > CONTENT_BYTES_MAX:
        raise SpreadsheetRefused(f"文件太大，最多 {CONTENT_BYTES_MAX // _MB} MB")
    try:
        done = subprocess.run(  # noqa: S603 - our own program, and nothing of the file is an argument
            [sys.executable, "-I", read_spreadsheet.__file__],
            input=content,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
            check=False,
            env={},
        )
    except subprocess.TimeoutExpired as error:
        raise SpreadsheetRefused("表格太复杂，读取超时，已停止") from error
    if done.returncode != 0:
        # Memory or time ran out, or the decoder fell over.
        raise SpreadsheetRefused("表格太大或已损坏，读不出来")
    answer = msgspec.json.decode(done.stdout, type=_Answer)
    if answer.refused is not None:
        raise SpreadsheetRefused(answer.refused)
    return answer.sheets
