"""For organizers: who is signed up and who came, and signing up a pasted 接龙 list."""

import re
import unicodedata
from collections import Counter
from typing import Any
from uuid import UUID

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from gateway import backend, presentation
from gateway.backend import Call
from gateway.forms import Form, uuid_or_none
from gateway.guards import holding
from gateway.i18n import _
from gateway.pages import done
from gateway.pages.places import describe, people
from shared import clock
from shared.errors import HuzhuError
from shared.principal import Role

CHOICES_MAX = 500
PLACE_MAX = 100

pages = Blueprint("signed_up", __name__)


@pages.get("/organize/activities/<uuid:activity_id>/sign-ups")
@holding(Role.ORGANIZER)
def list_signed_up(activity_id: UUID) -> ResponseReturnValue:
    return _list_page(activity_id, Form())


@pages.post("/organize/activities/<uuid:activity_id>/sign-ups/cancel")
@holding(Role.ORGANIZER)
def cancel(activity_id: UUID) -> ResponseReturnValue:
    filled = Form.posted()
    sign_up_id = filled.uuid("sign_up_id", _("页面不完整，请刷新再试"))
    if filled:
        try:
            backend.call("checkin", "POST", f"/sign-ups/{sign_up_id}/cancel")
            return done.back(f"/organize/activities/{activity_id}/sign-ups", "signed_off")
        except HuzhuError as refusal:
            filled.blame(refusal)
    return _list_page(activity_id, filled), 422


@pages.post("/organize/activities/<uuid:activity_id>/sign-ups/read")
@holding(Role.ORGANIZER)
def read_list(activity_id: UUID) -> ResponseReturnValue:
    """Line by line what would become of a pasted list. Nothing is written yet."""
    filled = Form.posted()
    text = visible(filled.text("list"))
    if not text:
        filled.fail("list", _("请把接龙粘贴进来"))
        return _list_page(activity_id, filled), 422
    try:
        activity, signed = with_signed_up(activity_id)
        names = [site["name"] for site in activity["sites"]] if len(activity["sites"]) > 1 else []
        lines = backend.call("checkin", "POST", "/sign-up-lists/read", json={"text": text, "sites": names})
        looked_up = look_up(activity["station_id"], lines)
    except HuzhuError as refusal:
        filled.blame(refusal, {"text": "list"})
        return _list_page(activity_id, filled), 422
    taken = {one["member_id"] for one in signed if one["id"]}
    return _check_page(activity, looked_up, taken, text, filled.text("site"))


@pages.post("/organize/activities/<uuid:activity_id>/sign-ups/list")
@holding(Role.ORGANIZER)
def sign_up_list(activity_id: UUID) -> ResponseReturnValue:
    """Sign up whom the organizer has seen and chosen; who is signed up by now stays so. The lines that are still open
    come back in the field, to go on with.
    """
    filled = Form.posted()
    # In the order of the list: who stands on it first has a place before the others.
    keys: dict[UUID, str] = {}
    for key in _keys(filled, "chosen"):
        if member_id := _chosen(filled, key):
            keys.setdefault(member_id, key)
    wanted = list(keys.items())[:CHOICES_MAX]
    if not wanted:
        filled.fail("", _("名单上没有可以报名的人"))
    content = {
        "id": filled.uuid("id", _("页面不完整，请刷新再试")),
        "member_ids": [str(member_id) for member_id, _key in wanted],
        "site_ids": [_site(filled, key) for _member_id, key in wanted],
        "from_list": True,
    }
    if filled:
        try:
            answer = backend.call("checkin", "POST", f"/activities/{activity_id}/sign-ups", json=content)
        except HuzhuError as refusal:
            filled.blame(refusal)
    if not filled:
        filled.typed["list"] = filled.text("text")
        return _list_page(activity_id, filled), 422
    left = [key for key in _keys(filled, "open") if filled.text(f"chosen_{key}") == "" or filled.text(f"keep_{key}")]
    outcomes = Counter(one["outcome"] for one in answer["sign_ups"])
    outcome = {
        "taken": outcomes["taken"] + outcomes["already"],
        "refused": outcomes["refused"],
        "left": len(left),
    }
    text = "\n".join(filled.text(f"open_{key}") for key in left)
    return _list_page(activity_id, Form({"list": text, "site": filled.text("site")} if text else {}), outcome)


def _keys(filled: Form, of: str) -> list[str]:
    """The people of the list by line, and by place in the line where several stand on one: 7, 8, 8_2."""
    found = (re.fullmatch(rf"{of}_((\d{{1,5}})(?:_(\d{{1,5}}))?)", name) for name in filled.typed)
    keyed = sorted((int(one[2]), int(one[3] or 1), one[1]) for one in found if one)
    return [key for _number, _part, key in keyed]


def _chosen(filled: Form, key: str) -> UUID | None:
    return uuid_or_none(filled.text(f"chosen_{key}"))


def _site(filled: Form, key: str) -> str | None:
    """Where who stands on a line means to come: to the site that it names, else to that of the whole list, if any."""
    found = uuid_or_none(filled.text(f"site_{key}") or filled.text("site"))
    return str(found) if found else None


def visible(text: str) -> str:
    """Without the marks that chats put between letters and that check-in takes in no text."""
    hidden = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return "".join(letter for letter in text if letter in "\r\n\t" or unicodedata.category(letter) not in hidden)


_NAMING = ("person", "not_coming")
"""Readings of lines that name somebody."""


def look_up(station_id: str, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each of the lines with what it comes to: `one` beyond doubt, `choose` or `unknown`, as members says, with the
    `members`; else how it was read, `not_coming` (with whom that says beyond doubt), `heading` or `not_understood`.
    """
    asked = [
        {"name": line["name"], "phone": line["phone"], "place": line["place"][:PLACE_MAX]}
        for line in lines
        if line["reading"] in _NAMING
    ]
    content = {"station_id": station_id, "people": asked}
    answers = iter(backend.call("members", "POST", "/look-ups", json=content) if asked else ())
    found = []
    for line in lines:
        answer = next(answers) if line["reading"] in _NAMING else {"comes_to": line["reading"], "members": []}
        if line["reading"] == "not_coming":
            is_clear = answer["comes_to"] == "one"
            answer = {"comes_to": "not_coming", "members": answer["members"] if is_clear else []}
        found.append(line | answer)
    return found


def _check_page(activity: dict[str, Any], lines: list[dict[str, Any]], taken: set[str], text: str, site: str) -> str:
    """`taken` are the members who are signed up: who of them is meant is `already`, who stands there again `twice`.
    `site`: where they all mean to come who name no other.
    """
    sites = {one["name"]: one["id"] for one in activity["sites"]}
    names = {one["id"]: one["name"] for one in activity["sites"]}
    seen: set[str] = set()
    # Whatever a line of the same list said before: the chat keeps both.
    not_coming = {member["id"] for line in lines if line["comes_to"] == "not_coming" for member in line["members"]}
    people_of = Counter(line["number"] for line in lines)
    shown: Counter[int] = Counter()
    for line in lines:
        number = line["number"]
        shown[number] += 1
        line["key"] = f"{number}_{shown[number]}" if shown[number] > 1 else str(number)
        line["of_several"] = people_of[number] > 1
        line["again"] = _again(line)
        line["site_id"] = sites.get(line["site"])
        line["site"] = line["site"] or names.get(site)
        if line["comes_to"] == "one":
            (member,) = line["members"]
            if member["id"] in taken:
                line["comes_to"] = "already"
            elif member["id"] in seen:
                line["comes_to"] = "twice"
            else:
                line["comes_to"] = "not_coming" if member["id"] in not_coming else "take"
            seen.add(member["id"])
        line["called_off"] = any(member["id"] in taken for member in line["members"])
        line["options"] = [(member["id"], describe(member)) for member in line["members"]]
    return render_template(
        "signed_up/check.html", activity=activity, lines=lines, text=text, filled=Form({"site": site})
    )


def _again(line: dict[str, Any]) -> str:
    """What is to be pasted again of a line that is still open: of several people on it only this one, and the site of
    the heading that it stood under.
    """
    again = str(line["text"])
    if line["of_several"]:
        parts = (line["name"], line["phone"], line["place"], f"（{line['note']}）" if line["note"] else "")
        again = " ".join(part for part in parts if part)
    site = line["site"]
    named = not site or again.endswith(site) or any(word + site in again for word in "去到在")
    return again if named else f"{again} 去{site}"


def with_signed_up(activity_id: UUID) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """An activity, and who is signed up for it or came without."""
    panels = backend.together(
        activity=Call("checkin", f"/activities/{activity_id}"),
        signed=Call("checkin", f"/activities/{activity_id}/sign-ups"),
    )
    return panels["activity"].needed(), panels["signed"].needed()


def _list_page(activity_id: UUID, filled: Form, outcome: dict[str, int] | None = None) -> str:
    """`outcome`: of a list that was just signed up, how many were `taken` and `refused`, and are `left`."""
    activity, signed = with_signed_up(activity_id)
    known = people(one["member_id"] for one in signed)
    sites = {site["id"]: site["name"] for site in activity["sites"]}
    is_over = activity["state"] == "closed" or presentation.read_moment(activity["ends_at"]) <= clock.now()
    return render_template(
        "signed_up/list.html",
        activity=activity,
        site_options=[("", _("没有选点位")), *sites.items()] if len(sites) > 1 else [],
        rows=[
            one | {"who": describe(known.get(one["member_id"])), "site": sites.get(one["site_id"], "")}
            for one in signed
        ],
        is_over=is_over,
        told=done.said(),
        outcome=outcome,
        filled=filled,
    )
