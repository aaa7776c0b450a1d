"""Log lines as JSON, one a line, without passwords, tokens, codes or full phone numbers."""

import json
import logging
import re
import sys
from collections.abc import Mapping
from typing import Any

from flask import g, has_request_context

from shared import clock

_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# What a problem is called, as in "code": "wrong_station": it is no code to read or type, which has twelve characters.
_PROBLEM = r"(?-i:[a-z]{3,11}|[a-z]+(?:_[a-z]+)+)"
_IS_PROBLEM = re.compile(_PROBLEM)
_CODE = rf"code(?!\\*[\"']?\s*:\s*\\*[\"']{_PROBLEM}\\*[\"'])"
_HIDDEN_NAME = rf"(?:passw(?:or)?d|token|{_CODE}|secret|cookie|authorization|session|密码|口令|验证码|兑换码|令牌)"
_IS_HIDDEN = re.compile(rf"(?i){_HIDDEN_NAME}$")
_GAP = r"[ \t\-‐–—()（）]"
_SHORT = r"[2-9A-HJ-NP-Z]"  # ids.SHORT_CODE_ALPHABET
_SECRETS = (
    # Mainland numbers keep three digits at the front and two at the end. Written with gaps they must not
    # touch other hexadecimal digits, so that ids stay whole.
    (re.compile(r"(?<!\d)(?:(?:\+|00)?86)?(1\d{2})\d{6}(\d{2})(?!\d)"), r"\1******\2"),
    (
        re.compile(rf"(?<![\dA-Fa-f.-])(1\d{{2}}){_GAP}{{0,2}}\d{{4}}{_GAP}{{0,2}}\d{{2}}(\d{{2}})(?![\dA-Fa-f-])"),
        r"\1******\2",
    ),
    (
        re.compile(rf"(?<![\dA-Fa-f.-])(0\d{{2,3}}){_GAP}{{0,2}}[2-9]\d{{4,5}}(\d{{2}})(?![\dA-Fa-f-])"),
        r"\1******\2",
    ),
    (re.compile(rf"((?:\+|\b00)86){_GAP}{{0,2}}\d{{2,3}}(?:{_GAP}{{0,2}}\d){{7,8}}(?!\d)"), r"\1******"),
    (re.compile(r"(/[sv]/)[^\s\"'?#]+"), r"\1…"),
    # Codes of places and vouchers, as they are read: V1.key.….mac
    (re.compile(r"\bV1\.[\w.%-]+"), "V1.…"),
    # A whole header, whose value has blanks of its own.
    (re.compile(r"(?i)((?:cookie|authorization)\\*[\"']?\s*[:=]\s*\\*[\"']?)(?![\"'\\])[^\n\"'\\]+"), r"\1…"),
    (re.compile(r"(?i)\b(bearer\s+)[^\s\"',;\\]+"), r"\1…"),
    # A quoted value, to the quote that ends it: JSON within JSON has backslashes before its quotes.
    (
        re.compile(
            rf"(?i)({_HIDDEN_NAME}\\*[\"']?\s*[:=：]\s*)(?P<quote>\\*[\"'])(?:(?!(?<!\\)(?P=quote)).)*(?P=quote)?"
        ),
        r"\1\g<quote>…\g<quote>",
    ),
    (re.compile(rf"(?i)({_HIDDEN_NAME}\\*[\"']?\s*[:=：]\s*)(?![\"'\\…])[^\s\"',;}}&\\]+"), r"\1…"),
    # Codes of twelve letters and digits, as they are printed and as they are typed in groups.
    (re.compile(rf"(?<![\w-]){_SHORT}{{12}}(?![\w-])"), "…"),
    (re.compile(rf"(?<![\w-])(?=[A-Z\s-]*\d){_SHORT}{{4}}[ -]{_SHORT}{{4}}[ -]{_SHORT}{{4}}(?![\w-])"), "…"),
    (re.compile(r"(?i)(\b(?:code|voucher)\s+)(?=\S*\d)(?:[2-9A-HJ-NP-Z]{4}[ -]?){3}\b"), r"\1…"),
    # Anything signed: payload.signature in base64url; and a session's or API token, 32 bytes by themselves.
    (re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{40,}"), "…"),
    (re.compile(r"(?<![\w-])(?=[\w-]*[a-z])(?=[\w-]*[A-Z])[A-Za-z0-9_-]{43}(?![\w-])"), "…"),
)


def redact(text: str) -> str:
    """The text without what must not be kept."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def _redacted(value: Any) -> Any:
    """A value for JSON, redacted part by part before it is quoted, so that a line stays whole JSON."""
    if isinstance(value, Mapping):
        return {
            redact(str(key)): "…" if part and _is_secret(str(key), part) else _redacted(part)
            for key, part in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted(part) for part in value]
    if value is None or isinstance(value, bool | float):
        return value
    text = str(value)
    shown = redact(text)
    return value if shown == text and isinstance(value, int) else shown


def _is_secret(name: str, value: Any) -> bool:
    is_problem = name == "code" and isinstance(value, str) and _IS_PROBLEM.fullmatch(value)
    return bool(_IS_HIDDEN.search(name)) and not is_problem


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object, with the request's id."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": clock.now().isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self._process,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if has_request_context() and (request_id := g.get("request_id")):
            line["request_id"] = request_id
        line |= {key: value for key, value in vars(record).items() if key not in _PLAIN}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(_redacted(line), ensure_ascii=False)


def configure(process: str) -> None:
    """Send all log lines of this process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for noisy in ("rq", "alembic.runtime.migration"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
