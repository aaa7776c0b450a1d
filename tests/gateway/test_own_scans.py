"""Who may show the codes does not confirm the own service by scanning them with another login."""

from datetime import timedelta
from typing import Any

from shared.ids import new_id
from shared.principal import Role
from tests.devtools.damage import START, hold_activity
from tests.gateway.real import Browser, Town, town

__all__ = ["town"]


def code(organizer: Browser, activity: dict[str, Any], direction: str) -> str:
    query = f"site_id={activity['sites'][0]['id']}&direction={direction}&minutes=1"
    shown = organizer.api("GET", f"/checkin/activities/{activity['id']}/codes?{query}")
    return str(shown["codes"][0]["url"])


def test_a_login_that_a_merge_leaves_to_an_organizer_scans_as_the_organizer(town: Town) -> None:
    """The second entry of an organizer had a login: it acts for the organizer now, without the role."""
    organizer, twin = town.person("李组织", Role.ORGANIZER), town.person("李组织")
    activity = hold_activity(town, town.person("周组织", Role.ORGANIZER))
    merge = {"id": str(new_id()), "merged_id": twin.member_id, "reason": "同一个人"}
    town.administrator.api("POST", f"/members/members/{organizer.member_id}/merge", merge)
    town.deliver()
    for direction, moment in (("arrival", START), ("departure", START + timedelta(minutes=110))):
        with town.at(moment + timedelta(minutes=1)):
            scan = {"code": code(organizer, activity, direction), "member_ids": [organizer.member_id]}
            [receipt] = twin.api("POST", "/checkin/scans", scan)["outcomes"]
            assert (receipt["outcome"], receipt["marks"], receipt["waits"]) == ("ok", ["own_case"], True)
