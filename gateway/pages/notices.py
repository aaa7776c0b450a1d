"""Telling people of an activity: a text to paste into the WeChat group, and a poster with the code of its page."""

from typing import Any
from uuid import UUID

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from gateway import backend, presentation, qr
from gateway.backend import Call
from gateway.guards import holding
from gateway.i18n import _
from gateway.pages.places import IDS_MAX, asking_for_people, by_id, people
from gateway.pages.signed_up import with_signed_up
from gateway.parts import parts
from shared.principal import Role

pages = Blueprint("notices", __name__)


@pages.get("/organize/activities/<uuid:activity_id>/notice")
@holding(Role.ORGANIZER)
def show_notice(activity_id: UUID) -> ResponseReturnValue:
    activity, leaders, _rule = _asked(activity_id)
    text = notice(activity, leaders)
    return render_template("notices/notice.html", activity=activity, text=text)


@pages.get("/organize/activities/<uuid:activity_id>/poster")
@holding(Role.ORGANIZER)
def show_poster(activity_id: UUID) -> ResponseReturnValue:
    activity, leaders, rule = _asked(activity_id, with_rule=True)
    return render_template(
        "notices/poster.html",
        activity=activity,
        leaders=list(dict.fromkeys(leaders.values())),
        sites=[_site_and_place(site, activity) for site in activity["sites"]] if len(activity["sites"]) > 1 else [],
        earns=_earned(rule) if rule else None,
        drawing=Markup(qr.svg(_address(activity), _("活动的二维码"))),  # noqa: S704 - our own drawing
        back=f"/organize/activities/{activity_id}",
    )


def _asked(
    activity_id: UUID, *, with_rule: bool = False
) -> tuple[dict[str, Any], dict[str, str], dict[str, Any] | None]:
    """The activity, its leaders' names by id, and the rule by which it earns; what cannot be had now is left out."""
    activity = backend.call("checkin", "GET", f"/activities/{activity_id}")
    asked = asking_for_people(site["leader_member_id"] for site in activity["sites"] if site["leader_member_id"])
    if with_rule:
        asked["rules"] = Call("points", "/rules", {"station_id": activity["station_id"]})
    panels = backend.together(**asked)
    rules = panels["rules"].content if with_rule else None
    rule = next((one for one in rules or [] if one["category"] == activity["category"]), None)
    return activity, {member_id: str(member["name"]) for member_id, member in by_id(panels).items()}, rule


def _address(activity: dict[str, Any]) -> str:
    return f"{parts().settings.public_url}/activities/{activity['id']}"


def _earned(rule: dict[str, Any]) -> str:
    points = presentation.points(rule["coefficient_percent"])
    if rule["base"] == "visit":
        return _("每次 %(points)s 积分", points=points)
    return _("服务 1 小时得 %(points)s 积分", points=points)


def notice(activity: dict[str, Any], leaders: dict[str, str]) -> str:
    """What a group is told of an activity as it stands now, and of one that was moved when it would have been;
    `leaders`: names by id.
    """
    state, title = activity["state"], activity["title"]
    times = _day_and_times(activity)
    old = time_before(activity)
    if state == "cancelled":
        lines = [_("【取消】%(title)s", title=title), _("原定时间：%(times)s", times=times)]
        lines += [_("原因：%(reason)s", reason=activity["reason"])] if activity["reason"] else []
        return "\n".join([*lines, _("请互相转告，不要白跑一趟。")])
    if state == "postponed":
        lines = [_("【延期】%(title)s", title=title), _("原定时间：%(times)s", times=times)]
        return "\n".join([*lines, _("新的时间定了再通知，报过名的不用重新报。"), _address(activity)])
    return "\n".join(
        [
            _("【改期】%(title)s", title=title) if old else _("【志愿活动】%(title)s", title=title),
            *([_("原来的时间：%(times)s", times=old)] if old else []),
            _("新的时间：%(times)s", times=times) if old else _("时间：%(times)s", times=times),
            *([_("报过名的不用重新报，请互相转告。")] if old else []),
            _(
                "地点：%(place)s",
                place=" ".join(part for part in (activity["station_name"], activity["place"]) if part),
            ),
            *_sites(activity, leaders),
            *([_("需要 %(count)s 人，来多了也欢迎", count=activity["capacity"])] if activity["capacity"] else []),
            _("报名和详情：%(address)s", address=_address(activity)),
        ]
    )


def time_before(activity: dict[str, Any]) -> str | None:
    """When an activity would have been that was moved and is to be; None of any other."""
    if activity["state"] != "published" or activity["was_starts_at"] is None:
        return None
    return presentation.span(activity["was_starts_at"], activity["was_ends_at"])


def _sites(activity: dict[str, Any], leaders: dict[str, str]) -> list[str]:
    if len(activity["sites"]) == 1:
        name = leaders.get(activity["sites"][0]["leader_member_id"])
        return [_("负责人：%(name)s", name=name)] if name else []
    lines = [_("点位：")]
    for site in activity["sites"]:
        name = leaders.get(site["leader_member_id"])
        leader = [_("负责人 %(name)s", name=name)] if name else []
        lines.append(" · ".join([_site_and_place(site, activity), *leader]))
    return lines


def _site_and_place(site: dict[str, Any], activity: dict[str, Any]) -> str:
    """A place that was left empty is the meeting place, which is said above."""
    places = [site["place"]] if site["place"] not in (site["name"], activity["place"]) else []
    return " · ".join([site["name"], *places])


def _day_and_times(activity: dict[str, Any]) -> str:
    return presentation.span(activity["starts_at"], activity["ends_at"])


# --- Calling everybody ----------------------------------------------------------------------------------


@pages.get("/organize/activities/<uuid:activity_id>/calls")
@holding(Role.ORGANIZER)
def list_calls(activity_id: UUID) -> ResponseReturnValue:
    """Whom to call: who is signed up, and who is there already. Without phones, since reading those is recorded."""
    return _calls_page(activity_id, with_phones=False)


@pages.post("/organize/activities/<uuid:activity_id>/calls")
@holding(Role.ORGANIZER)
def read_phones(activity_id: UUID) -> ResponseReturnValue:
    return _calls_page(activity_id, with_phones=True)


def _calls_page(activity_id: UUID, *, with_phones: bool) -> str:
    activity, signed = with_signed_up(activity_id)
    ids = [one["member_id"] for one in signed]
    known, phones = people(ids), _phones(ids) if with_phones else {}
    return render_template(
        "notices/calls.html",
        activity=activity,
        rows=[(known.get(one["member_id"]), phones.get(one["member_id"]), one) for one in signed],
        with_phones=with_phones,
        before=time_before(activity),
        back=f"/organize/activities/{activity_id}",
    )


def _phones(member_ids: list[str]) -> dict[str, dict[str, Any]]:
    """By member, the phone and whose it is where it is a relative's."""
    parts_of_list = [member_ids[at : at + IDS_MAX] for at in range(0, len(member_ids), IDS_MAX)]
    answers = [backend.call("members", "GET", "/phones", query={"ids": ",".join(part)}) for part in parts_of_list]
    return {one["member_id"]: one for answer in answers for one in answer}
