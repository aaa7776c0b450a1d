"""For organizers: who is signed up and who came, and signing up a pasted 接龙 list."""

import re
import unicodedata
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
        lines = backend.call("checkin", "POST", "/sign-up-lists/read", json={"text": text})
        activity, signed = with_signed_up(activity_id)
        found = look_up(activity["station_id"], lines)
    except HuzhuError as refusal:
        filled.blame(refusal, {"text": "list"})
        return _list_page(activity_id, filled), 422
    taken = {one["member_id"] for one in signed if one["id"]}
    return _check_page(activity, [judge(line, found.get(line["number"]), taken) for line in lines], Form())


@pages.post("/organize/activities/<uuid:activity_id>/sign-ups/list")
@holding(Role.ORGANIZER)
def sign_up_list(activity_id: UUID) -> ResponseReturnValue:
    """Sign up whom the organizer has seen and chosen; who is signed up by now stays so."""
    filled = Form.posted()
    # In the order of the list: who stands on it first has a place before the others.
    numbers = sorted(int(found[1]) for name in filled.typed if (found := re.fullmatch(r"chosen_(\d{1,5})", name)))
    wanted = [str(member_id) for number in numbers if (member_id := uuid_or_none(filled.text(f"chosen_{number}")))]
    if not wanted:
        filled.fail("", _("名单上没有可以报名的人"))
    content = {
        "id": filled.uuid("id", _("页面不完整，请刷新再试")),
        "member_ids": list(dict.fromkeys(wanted))[:CHOICES_MAX],
        "from_list": True,
    }
    if filled:
        try:
            backend.call("checkin", "POST", f"/activities/{activity_id}/sign-ups", json=content)
            return done.back(f"/organize/activities/{activity_id}/sign-ups", "signed_up")
        except HuzhuError as refusal:
            filled.blame(refusal)
    return _list_page(activity_id, filled), 422


def visible(text: str) -> str:
    """Without the marks that chats put between letters and that check-in takes in no text."""
    hidden = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return "".join(letter for letter in text if letter in "\r\n\t" or unicodedata.category(letter) not in hidden)


def look_up(station_id: str, lines: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """Who may be meant by each line that names somebody, by its number."""
    named = [line for line in lines if line["reading"] == "person"]
    if not named:
        return {}
    asked = [{"name": line["name"], "phone": line["phone"]} for line in named]
    answers = backend.call("members", "POST", "/look-ups", json={"station_id": station_id, "people": asked})
    return {line["number"]: answer for line, answer in zip(named, answers, strict=True)}


def judge(line: dict[str, Any], found: dict[str, Any] | None, taken: set[str]) -> dict[str, Any]:
    """What a line comes to: `take`, `already`, `choose`, `unknown`, `heading` or `not_understood`.

    Taken is only who is meant beyond doubt: the one of that name, unless phone or home on the list say otherwise.
    """
    if found is None:
        return line | {"comes_to": line["reading"], "members": []}
    meant = [member for member in found["members"] if member["name"] == line["name"]]
    by_phone = [member for member in meant if member["id"] in found["by_phone"]]
    at_home = [member for member in meant if _lives_at(member, line["place"])]
    narrowed = by_phone or (at_home if line["place"] else []) or meant
    contradicted = bool(line["phone"] and not by_phone) or bool(line["place"] and not by_phone and not at_home)
    if not found["members"]:
        return line | {"comes_to": "unknown", "members": []}
    if len(narrowed) == 1 and not contradicted:
        is_taken = narrowed[0]["id"] in taken
        return line | {"comes_to": "already" if is_taken else "take", "members": narrowed}
    return line | {"comes_to": "choose", "members": found["members"] if contradicted else narrowed}


def _lives_at(member: dict[str, Any], place: str) -> bool:
    """Whether the home as it was written may be the member's: it names the compound, and no other building, or the
    building alone, as neighbours do.
    """
    compound, building = member.get("compound_name"), member.get("building_name")
    written = place.replace(" ", "")
    if not compound or compound not in written:
        return building is not None and building.replace(" ", "") == written
    return not building or building.replace(" ", "") in written or not any(letter.isdigit() for letter in written)


def _check_page(activity: dict[str, Any], lines: list[dict[str, Any]], filled: Form) -> str:
    seen: set[str] = set()
    for line in lines:
        if line["comes_to"] == "take":
            (member,) = line["members"]
            if member["id"] in seen:
                line["comes_to"] = "twice"
            seen.add(member["id"])
        line["options"] = [(member["id"], describe(member)) for member in line["members"]]
    return render_template("signed_up/check.html", activity=activity, lines=lines, filled=filled)


def with_signed_up(activity_id: UUID) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """An activity, and who is signed up for it or came without."""
    panels = backend.together(
        activity=Call("checkin", f"/activities/{activity_id}"),
        signed=Call("checkin", f"/activities/{activity_id}/sign-ups"),
    )
    return panels["activity"].needed(), panels["signed"].needed()


def _list_page(activity_id: UUID, filled: Form) -> str:
    activity, signed = with_signed_up(activity_id)
    known = people(one["member_id"] for one in signed)
    sites = {site["id"]: site["name"] for site in activity["sites"]}
    is_over = activity["state"] == "closed" or presentation.read_moment(activity["ends_at"]) <= clock.now()
    return render_template(
        "signed_up/list.html",
        activity=activity,
        rows=[
            one | {"who": describe(known.get(one["member_id"])), "site": sites.get(one["site_id"], "")}
            for one in signed
        ],
        is_over=is_over,
        told=done.said(),
        filled=filled,
    )
