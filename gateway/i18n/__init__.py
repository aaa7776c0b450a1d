"""Languages of the pages: Chinese as written in the source, English when a person chose it.

The sentences in the code are the Chinese ones, so Chinese needs no catalogue. English lies in
`i18n/en/*.po` (one file for each group of pages) and is read when the app is made: nothing is compiled
into the checkout, and the image may be read-only.
"""

from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.pofile import read_po
from babel.support import Translations
from flask import Flask, request
from flask_babel import Babel, gettext

CHINESE = "zh_Hans_CN"
ENGLISH = "en"
LANGUAGES = {CHINESE: "中文", ENGLISH: "English"}
COOKIE = "huzhu_language"

_CATALOGUES = Path(__file__).parent / ENGLISH


class Catalogue(Translations):
    """The sentences of one language, out of the .po files themselves."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.plural = lambda count: int(count != 1)
        self._catalog: dict[str | tuple[str, int], str] = {}
        for path in sorted(folder.glob("*.po")):
            with path.open("rb") as file:
                for message in read_po(file, abort_invalid=True):
                    self._take(message.id, message.string)

    def _take(self, found: Any, translated: Any) -> None:
        if isinstance(found, str):
            if found and translated:
                self._catalog[found] = translated
            return
        for number, text in enumerate(translated):
            if text:
                self._catalog[found[0], number] = text

    def sentences(self) -> list[tuple[str, str]]:
        """All that it can translate, in Chinese and as it is translated; each number's form is one."""
        return [(key if isinstance(key, str) else key[0], text) for key, text in self._catalog.items()]

    def __contains__(self, sentence: str) -> bool:
        return sentence in self._catalog or (sentence, 0) in self._catalog


def _(sentence: str, **values: Any) -> str:
    """The sentence in the language of this request, with its %(name)s filled in."""
    return str(gettext(sentence, **values))


def configure(app: Flask) -> None:
    """Give the app its languages."""
    babel = Babel(app, default_locale=CHINESE, default_timezone="Asia/Shanghai", locale_selector=chosen)
    with app.app_context():
        known = babel.domain_instance.cache
    known[CHINESE, "messages"] = Translations()
    known[ENGLISH, "messages"] = _english()


@cache
def _english() -> Catalogue:
    return Catalogue(_CATALOGUES)


def chosen() -> str:
    """The language of this request. Only an explicit choice counts: browsers set to Chinese send
    headers that negotiation answers with English.
    """
    return ENGLISH if request.cookies.get(COOKIE) == ENGLISH else CHINESE
