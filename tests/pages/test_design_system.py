"""Tokens, components and templates keep what the design promises."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask, render_template_string

from gateway import presentation
from gateway.forms import Form
from tests.pages.sentences import GATEWAY

CSS = (GATEWAY / "static" / "css" / "huzhu.css").read_text()
TEMPLATES = sorted((GATEWAY / "templates").rglob("*.html"))
_ROOT = CSS.partition(":root {")[2].partition("}")[0]
TOKENS = dict(re.findall(r"--([\w-]+): (#[0-9A-F]{6})", _ROOT))

TEXT_PAIRS = [
    ("ink", "paper"),
    ("ink", "ground"),
    ("muted", "paper"),
    ("muted", "ground"),
    ("link", "paper"),
    ("link", "ground"),
    ("link", "navy-soft"),
    ("brand", "paper"),
    ("brand", "ground"),
    ("brand", "brand-soft"),
    ("error", "paper"),
    ("error", "ground"),
    ("ok", "paper"),
    ("ok", "ok-soft"),
    ("navy", "navy-soft"),
    ("ink", "navy-soft"),
    ("amber-ink", "amber"),
    ("amber-ink", "amber-soft"),
    ("paper", "brand"),
    ("paper", "ok"),
    ("paper", "navy"),
    ("muted", "brand-soft"),
    ("ink", "amber-soft"),
]
FRAME_PAIRS = [("border", "paper"), ("border", "ground"), ("ink", "halo"), ("brand", "paper")]


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(TOKENS[one]), _luminance(TOKENS[other])), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(("text", "ground"), TEXT_PAIRS)
def test_text_stands_out_from_its_ground(text: str, ground: str) -> None:
    assert _contrast(text, ground) >= 4.5


@pytest.mark.parametrize(("frame", "ground"), FRAME_PAIRS)
def test_frames_of_fields_and_focus_stand_out(frame: str, ground: str) -> None:
    assert _contrast(frame, ground) >= 3


def test_every_colour_is_a_token_and_every_token_is_used() -> None:
    used = set(re.findall(r"var\(--([\w-]+)\)", CSS))
    defined = set(re.findall(r"--([\w-]+):", CSS))
    assert used == defined
    loose = set(re.findall(r"#[0-9A-Fa-f]{3,6}\b", CSS.partition("/* Frame */")[2]))
    assert loose <= {"#fff", "#000", "#8C1217", "#8A6100"}


def test_text_can_always_be_made_larger() -> None:
    assert "text-size-adjust" not in CSS
    base = (GATEWAY / "templates" / "base.html").read_text()
    assert "user-scalable" not in base
    assert "maximum-scale" not in base
    assert {size: int(px) for size, px in re.findall(r'html\[data-text="(\w+)"\] \{ font-size: (\d+)px', CSS)} == {
        "large": 22,
        "largest": 30,
    }


_INLINE = re.compile(
    r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son(?:click|change|error|focus|input|key|load|submit)[a-z]*=|javascript:"
    r"|\|\s*safe(?!\s*}}</svg>)"  # only the drawings of icons are trusted
)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(GATEWAY / "templates")))
def test_templates_hold_nothing_inline_and_nothing_from_elsewhere(template: Path) -> None:
    text = template.read_text()
    assert not _INLINE.search(text)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    assert not re.search("[\U0001f300-\U0001faff\u2600-\u27bf\u231a-\u23ff]", text), "emoji may be empty boxes"


@pytest.fixture
def page() -> Iterator[Flask]:
    made = Flask("gateway", root_path=str(GATEWAY), static_folder=str(GATEWAY / "static"))
    presentation.configure(made)
    made.jinja_env.globals["csrf_token"] = lambda: "token"
    with made.test_request_context("/"):
        yield made


def _rendered(source: str, **given: object) -> str:
    return render_template_string('{% import "macros/ui.html" as ui %}' + source, **given)


@pytest.mark.usefixtures("page")
def test_what_people_typed_never_becomes_markup() -> None:
    filled = Form({"name": '"><script>alert(1)</script>'})
    filled.fail("name", "<b>不行</b>")
    shown = _rendered(
        '{{ ui.error_summary(form) }}{{ ui.field(form, "name", "姓名") }}{{ ui.row(text, figure=text) }}'
        "{{ ui.table(text, [text], [[text]]) }}{{ ui.facts([(text, text)]) }}{{ ui.badge(text) }}{{ ui.button(text) }}"
        '{% call ui.panel("ok", text) %}{{ text }}{% endcall %}',
        form=filled,
        text="<script>x</script>",
    )
    assert "<script" not in shown
    assert "<b>" not in shown


@pytest.mark.usefixtures("page")
def test_a_password_is_never_written_back() -> None:
    shown = _rendered('{{ ui.field(form, "password", "密码", kind="password") }}', form=Form({"password": "geheim"}))
    assert "geheim" not in shown


@pytest.mark.usefixtures("page")
def test_a_form_keeps_its_id_when_shown_again() -> None:
    source = '{% call ui.form("/x", once=form) %}{% endcall %}'
    fresh, again = (_rendered(source, form=Form({"id": given} if given else None)) for given in ("", "the-first"))
    assert re.search(r'name="id" value="[0-9a-f-]{36}"', fresh)
    assert 'name="id" value="the-first"' in again


@pytest.mark.usefixtures("page")
def test_choices_show_what_was_chosen_and_not_the_default_once_something_was_posted() -> None:
    source = '{{ ui.choices(form, "who", "谁", [("1", "陈芳"), ("2", "王秀英")], kind="checkbox", values=["1"]) }}'
    assert re.findall(r'value="(\d)"[^>]* checked', _rendered(source, form=Form())) == ["1"]
    assert re.findall(r'value="(\d)"[^>]* checked', _rendered(source, form=Form({"who": "2"}))) == ["2"]


def test_the_frame_stands_without_a_session(page: Flask) -> None:
    page.jinja_env.globals["viewer"] = None
    viewer = SimpleNamespace(name="陈芳", is_organizer=False)
    for given, tabs in ((None, False), (viewer, True)):
        shown = render_template_string(
            '{% extends "base.html" %}{% block content %}<h1>x</h1>{% endblock %}', viewer=given
        )
        assert ('class="tabs"' in shown) is tabs
        assert "投诉建议" in shown
