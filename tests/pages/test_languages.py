"""Chinese as written, English from the catalogues: nothing untranslated, nothing left over, nothing garbled."""

import re
from collections import Counter
from pathlib import Path

import pytest
from babel.messages.pofile import PoFileError, read_po
from flask import Flask

from gateway import i18n, presentation
from gateway.i18n import Catalogue, _
from shared import errors, http
from shared.categories import NAMES
from tests.pages.sentences import GATEWAY, sentences

ENGLISH = GATEWAY / "i18n" / "en"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue(ENGLISH)


def test_every_sentence_of_code_and_templates_has_an_english(catalogue: Catalogue) -> None:
    missing = {sentence: sorted(files) for sentence, files in sentences().items() if sentence not in catalogue}
    assert missing == {}


def test_every_category_of_service_has_an_english(catalogue: Catalogue) -> None:
    assert [name for name in NAMES.values() if name not in catalogue] == []


def plain_details() -> set[str]:
    """What the kinds of error say that the gateway itself may raise."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.HuzhuError)]
    return {kind.detail for kind in kinds} | set(http._PLAIN_DETAILS.values())


def test_every_plain_error_has_an_english(catalogue: Catalogue) -> None:
    assert [sentence for sentence in plain_details() if sentence not in catalogue] == []


def test_no_translation_is_left_of_a_sentence_that_is_gone(catalogue: Catalogue) -> None:
    used = set(sentences()) | set(NAMES.values()) | plain_details()
    assert [sentence for sentence, _english in catalogue.sentences() if sentence not in used] == []


def test_a_sentence_has_one_english_and_not_another_on_each_topic() -> None:
    found: Counter[str] = Counter()
    for path in ENGLISH.glob("*.po"):
        with path.open("rb") as file:
            found.update(str(message.id) for message in read_po(file) if message.id)
    assert [sentence for sentence, times in found.items() if times > 1] == []


def test_translations_fill_in_what_their_sentences_do(catalogue: Catalogue) -> None:
    holes = re.compile(r"%\(\w+\)\w")
    for sentence, translated in catalogue.sentences():
        assert sorted(holes.findall(sentence)) == sorted(holes.findall(translated)), sentence


def test_no_english_sentence_holds_chinese_but_for_examples(catalogue: Catalogue) -> None:
    for sentence, translated in catalogue.sentences():
        assert not re.search(r"[\u4e00-\u9fff]", re.sub(r"“[^”]*”", "", translated)), sentence


@pytest.fixture
def app() -> Flask:
    made = Flask("gateway", root_path=str(GATEWAY))
    presentation.configure(made)
    return made


@pytest.mark.parametrize("header", ["en", "en-GB,en;q=0.9", "zh-CN,zh;q=0.9,en;q=0.8", "fr"])
def test_only_a_choice_makes_a_page_english(app: Flask, header: str) -> None:
    with app.test_request_context("/", headers={"Accept-Language": header}):
        assert _("登录") == "登录"
    with app.test_request_context("/", headers={"Cookie": f"{i18n.COOKIE}=en"}):
        assert _("登录") == "Log in"
    with app.test_request_context("/", headers={"Cookie": f"{i18n.COOKIE}=klingon"}):
        assert _("登录") == "登录"


def test_english_has_a_plural(app: Flask) -> None:
    template = '{{ ngettext("有 %(num)s 处需要修改", "有 %(num)s 处需要修改", count) }}'
    with app.test_request_context("/", headers={"Cookie": f"{i18n.COOKIE}=en"}):
        render = app.jinja_env.from_string(template).render
        assert [render(count=1), render(count=2)] == ["1 thing to correct", "2 things to correct"]


def test_a_broken_catalogue_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "bad.po").write_text('msgid "登录"\nmsgstr "Log in"\nnonsense\n')
    with pytest.raises(PoFileError):
        Catalogue(tmp_path)


def test_an_english_sentence_that_a_link_ends_keeps_its_space(catalogue: Catalogue) -> None:
    assert str(catalogue.gettext("我已阅读并同意")).endswith("the ")
