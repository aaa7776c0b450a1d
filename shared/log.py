"""Log lines as JSON, one a line, without passwords, tokens, codes or full phone numbers."""

import json
import logging
import re
import sys
from typing import Any

from flask import g, has_request_context

from shared import clock

_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_SECRETS = (
    # A mainland mobile number keeps its first three and last two digits.
    (re.compile(r"(?<!\d)(1\d{2})\d{6}(\d{2})(?!\d)"), r"\1******\2"),
    (re.compile(r"(/[sv]/)[^\s\"'?#]+"), r"\1…"),
    (
        re.compile(r"(?i)(password|token|code|secret|cookie|authorization)([\"']?\s*[:=]\s*[\"']?)[^\s\"',;}&]+"),
        r"\1\2…",
    ),
    # Anything signed: payload.signature in base64url.
    (re.compile(r"[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{40,}"), "…"),
)


def redact(text: str) -> str:
    """The text without what must not be kept."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


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
        return redact(json.dumps(line, ensure_ascii=False, default=str))


def configure(process: str) -> None:
    """Send all log lines of this process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for noisy in ("rq", "alembic.runtime.migration"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
