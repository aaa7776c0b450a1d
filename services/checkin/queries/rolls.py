"""Who is expected at an activity: signed up, on the roll, on a sheet."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from services.checkin.domain import roll, sheets, sign_ups
from services.checkin.queries.activities import readable, running, sites_led
from services.checkin.store import activities as store
from services.checkin.store import roll as roll_store
from services.checkin.store import sheets as sheet_store
from services.checkin.store import sign_ups as sign_up_store
from shared import clock
from shared.db import session
from shared.principal import Principal


def list_signed_up(caller: Principal, *, activity_id: UUID, limit: int) -> list[dict[str, Any]]:
    """Who is signed up for an activity, in order, with who came; then who came without signing up."""
    activity = readable(session(), caller, activity_id)
    rows = sign_up_store.list_at(session(), activity_id, limit=limit)
    return [_with_place(row, activity.capacity) for row in rows]


def list_roll(caller: Principal, *, activity_id: UUID, limit: int) -> dict[str, Any]:
    """Who is expected at an activity, and who came without signing up, each with where they stand; for who leads a
    site those who are there, or have said of no site that they mean to come to it.
    """
    activity = store.get_activity(session(), activity_id)
    led = sites_led(caller, activity)
    rows = roll_store.list_lines(session(), activity_id, limit=limit, site_ids=led)
    lines = [dict(row._mapping) | {"own_case": caller.is_own_case(row.member_id, row.household_id)} for row in rows]
    site_ids = [site.id for site in activity.sites if led is None or site.id in led]
    return {
        "site_ids": site_ids,
        "as_organizer": led is None,
        "may_name": roll.may_name(led, running(activity)),
        "lines": lines,
    }


def list_sign_ups(
    caller: Principal, *, member_ids: Sequence[UUID], limit: int, activity_id: UUID | None = None
) -> list[dict[str, Any]]:
    """What one's own members are signed up for and is not over, by start; or at one activity, whenever it was."""
    for member_id in member_ids:
        caller.require_acts_for(member_id)
    rows = sign_up_store.list_of_members(
        session(), member_ids, activity_id=activity_id, ends_from=clock.now(), limit=limit
    )
    return [_with_place(row, row.capacity) for row in rows]


def _with_place(row: Row[Any], capacity: int | None) -> dict[str, Any]:
    return dict(row._mapping) | {"is_beyond": sign_ups.is_beyond(row.place, capacity)}


def get_sheet(caller: Principal, *, activity_id: UUID, site_id: UUID, number: str | None = None) -> dict[str, Any]:
    """The sign-in sheet of a site, as of now or as it was printed under this number; for who leads the site until the
    end of the next day, with the records made there alone.
    """
    activity = store.get_activity(session(), activity_id)
    led = sites_led(caller, activity)
    site, now = store.get_site(activity, site_id), clock.now()
    sheets.require_called(site_id, led, activity.schedule, now)
    # Whole seconds, since the number holds no more: what it leads to must be what was printed.
    at = now.replace(microsecond=0) if number is None else sheets.read_number(number, site.number, now)
    lines = sheet_store.list_lines(
        session(), activity_id, site_id, as_of=at, limit=sheets.LINES_MAX, only_here=led is not None
    )
    # Nobody has typed in yet what is only now being printed.
    entered = (
        [] if number is None else sheet_store.list_entered(session(), site_id, sheets.number_of(site.number, at), at)
    )
    number = sheets.number_of(site.number, at)
    return {
        "number": number,
        "at": at,
        "as_organizer": led is None,
        "may_name": roll.may_name(led, running(activity)),
        "activity": activity,
        "lines": lines,
        "entered": entered,
    }
