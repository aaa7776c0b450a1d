"""The sentences of the pages, read out of code and templates."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.extract import extract_from_file
from jinja2.ext import babel_extract

GATEWAY = Path(__file__).parents[2] / "gateway"
KEYWORDS = {"_": None, "ngettext": (1, 2)}


@cache
def sentences() -> dict[str, set[str]]:
    """Each sentence with the files it stands in; of plurals the singular."""
    found: dict[str, set[str]] = {}
    for path in sorted(GATEWAY.rglob("*.py")):
        for _line, message, *_rest in extract_from_file("python", path, KEYWORDS):
            _take(found, message, path)
    for path in sorted((GATEWAY / "templates").rglob("*.html")):
        with path.open("rb") as file:
            for _at, _function, words, _comments in babel_extract(
                file, ["_", "ngettext"], [], {"newstyle_gettext": "true", "silent": "false"}
            ):
                _take(found, words, path)
    return found


def _take(found: dict[str, set[str]], message: Any, path: Path) -> None:
    for sentence in _first(message):
        found.setdefault(sentence, set()).add(str(path.relative_to(GATEWAY)))


def _first(message: Any) -> Iterator[str]:
    first = message[0] if isinstance(message, tuple) else message
    if isinstance(first, str):
        yield first
