"""`./dev verify` on entries of one person: that they live together, and that own cases are those of the person."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from devtools.verify.checks import all_checks
from devtools.verify.town import Town as Databases
from shared.ids import new_id
from shared.principal import Role
from tests.devtools.damage import START, attend, damaged, hold_activity
from tests.gateway.real import Browser, Town, town
from tests.support import Settings

__all__ = ["town"]

PARTED, OWN = "entries of one person live together", "nobody acts for themselves or the own household"


def faults(town: Town, name: str) -> list[str]:
    checks = all_checks(Databases(town.apps))
    return [fault for _, checked, find in checks if checked == name for fault in find()]


def merge(staff: Browser, stays: str, goes: str) -> None:
    merged = {"id": str(new_id()), "merged_id": goes, "reason": "同一人"}
    staff.api("POST", f"/members/members/{stays}/merge", merged)


def registered(town: Town, staff: Browser, entries: int) -> list[str]:
    ids = [str(new_id()) for _ in range(entries)]
    for member_id in ids:
        staff.api("POST", "/members/members", {"id": member_id, "name": "李大山", "station_id": town.station_id})
    return ids


@pytest.fixture
def line(town: Town) -> list[str]:
    """Three entries of one person, each merged into the next."""
    staff = town.person("周站长", Role.STAFF)
    ids = registered(town, staff, 3)
    for goes, stays in pairwise(ids):
        merge(staff, stays, goes)
    town.deliver()
    return ids


@pytest.mark.parametrize(
    "change",
    [
        "household_id = NULL WHERE status = 'merged' AND id = '{0}'",
        "household_id = NULL WHERE status = 'merged' AND id = '{1}'",
        "household_id = gen_random_uuid() WHERE id = '{2}'",
        "household_id = NULL WHERE name = '李大山'",
        "merged_into = '{1}' WHERE id = '{1}'",
    ],
)
def test_who_lives_elsewhere_than_another_entry_of_theirs_is_found(
    town: Town, settings: Settings, line: list[str], change: str
) -> None:
    assert faults(town, PARTED) == []
    with damaged(settings, "members", "member", f"UPDATE member SET {change.format(*line)}"):
        assert faults(town, PARTED) != []


def test_who_was_erased_has_no_home_and_neither_have_their_entries(
    town: Town, settings: Settings, line: list[str]
) -> None:
    gone = f"status = CASE WHEN id = '{line[2]}' THEN 'erased' ELSE status END, household_id = NULL"
    with damaged(settings, "members", "member", f"UPDATE member SET {gone} WHERE name = '李大山'"):
        assert faults(town, PARTED) == []


def test_an_act_for_an_entry_of_the_own_family_is_found_when_it_came_after_the_merge_alone(
    town: Town, settings: Settings
) -> None:
    organizer, wife = town.person("李组织", Role.ORGANIZER), town.person("陈芳")
    first, second = registered(town, town.administrator, 2)
    together = {"with_member_id": organizer.member_id}
    town.administrator.api("PUT", f"/members/members/{wife.member_id}/household", together)
    town.deliver()
    activity = hold_activity(town, organizer)
    with town.at(START + timedelta(hours=3)):
        attendance_id = attend(organizer, activity, replace(organizer, member_id=first))
    with town.at(START + timedelta(hours=4)):
        merge(town.administrator, second, first)
        town.deliver()
    with town.at(START + timedelta(hours=5)):
        organizer.api("POST", f"/checkin/attendances/{attendance_id}/confirm")
    with town.at(START + timedelta(hours=6)):
        merge(town.administrator, wife.member_id, second)
    town.deliver()
    assert faults(town, PARTED) == [] == faults(town, OWN), "they were strangers to each other then"
    later = f"UPDATE audit_log SET at = at + interval '1 day' WHERE subject_id = '{attendance_id}'"
    with damaged(settings, "checkin", "audit_log", later):
        assert attendance_id in str(faults(town, OWN))
