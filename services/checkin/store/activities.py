"""Statements on activities and sites."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, false, func, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from services.checkin.domain import activities
from services.checkin.domain.schedule import DEPARTURE_OPEN_MINUTES, DURATION_MAX
from services.checkin.store.tables import Activity, Site
from shared import copies
from shared.errors import Conflict, NotFound

NO_STATIONS = ("compound", "building")
_lock_each = text("SELECT pg_advisory_xact_lock(key) FROM unnest(CAST(:keys AS bigint[])) AS key")


class NoSuchActivity(NotFound):
    detail = "没有这个活动"


class NoSuchSite(NotFound):
    detail = "这个活动没有这个点位"


class SiteIdTaken(Conflict):
    detail = "点位的编号已被使用"


class NoSuchStation(NotFound):
    detail = "没有这个站点，或者它已经停用"


def find_activity(tx: Session, activity_id: UUID) -> Activity | None:
    return tx.get(Activity, activity_id, populate_existing=True)


def get_activity(tx: Session, activity_id: UUID) -> Activity:
    found = find_activity(tx, activity_id)
    if found is None:
        raise NoSuchActivity
    return found


def list_by_ids(tx: Session, ids: Sequence[UUID]) -> list[Activity]:
    """Those of these activities that there are."""
    return list(tx.scalars(select(Activity).where(Activity.id == func.any(list(ids))).order_by(Activity.id)))


def hold_activity(tx: Session, activity_id: UUID) -> Activity:
    """The activity, to be changed by us alone; scans wait, and look again before they write (`store.scans`)."""
    tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": lock_key(activity_id)})
    found = tx.get(Activity, activity_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise NoSuchActivity
    return found


def lock_key(id_: UUID) -> int:
    """The key of an activity's or member's advisory lock.

    The last eight bytes: the first ones of ids made together are alike.
    """
    return int.from_bytes(id_.bytes[8:], signed=True)


def lock_each(tx: Session, ids: Iterable[UUID]) -> None:
    """Nobody else changes these activities, or lets these members in anywhere, until we are done; activities are locked
    before members. In the order of the keys, so that nobody waits for somebody who waits for them.
    """
    tx.execute(_lock_each, {"keys": sorted(map(lock_key, set(ids)))})


def get_site(activity: Activity, site_id: UUID) -> Site:
    for site in activity.sites:
        if site.id == site_id:
            return site
    raise NoSuchSite


def open_station_path(tx: Session, station_id: UUID) -> str:
    """The path of a station where activities may be held."""
    station = copies.find_station(tx, station_id)
    if station is None or station.closed or station.level in NO_STATIONS:
        raise NoSuchStation
    return str(station.path)


def path_of(tx: Session, node_id: UUID) -> str:
    """The path of a node, also of one that is closed."""
    station = copies.find_station(tx, node_id)
    if station is None:
        raise NoSuchStation
    return str(station.path)


@dataclass(frozen=True, slots=True)
class SiteDraft:
    id: UUID
    name: str
    place: str
    leader_member_id: UUID | None = None


def add_activity(tx: Session, values: Mapping[str, Any], sites: Sequence[SiteDraft]) -> bool:
    """Insert an activity with its sites; False when there is one of this id."""
    statement = insert(Activity).values(**values).on_conflict_do_nothing().returning(Activity.id)
    if tx.execute(statement).first() is None:
        return False
    _add_sites(tx, values["id"], sites, 1)
    return True


def set_sites(tx: Session, activity: Activity, drafts: Sequence[SiteDraft]) -> None:
    """Make the activity's sites be these, in this order; those that are not named any more go."""
    stored = {site.id: site for site in activity.sites}
    named = {draft.id for draft in drafts}
    for gone in [site for site in activity.sites if site.id not in named]:
        activity.sites.remove(gone)
    tx.flush()
    for number, draft in enumerate(drafts, 1):
        if (site := stored.get(draft.id)) is None:
            _add_sites(tx, activity.id, [draft], number)
        else:
            site.number, site.name, site.place = number, draft.name, draft.place
            site.leader_member_id = draft.leader_member_id
    tx.flush()
    tx.refresh(activity, ["sites"])


def _add_sites(tx: Session, activity_id: UUID, drafts: Sequence[SiteDraft], first_number: int) -> None:
    rows = [
        {"activity_id": activity_id, "number": number, **asdict(draft)}
        for number, draft in enumerate(drafts, first_number)
    ]
    added = tx.execute(insert(Site).values(rows).on_conflict_do_nothing().returning(Site.id)).all()
    if len(added) != len(rows):
        raise SiteIdTaken


def close_overdue(tx: Session, now: datetime) -> None:
    """Close the activities whose departure has closed."""
    tx.execute(
        update(Activity)
        .where(
            Activity.state == activities.State.PUBLISHED.value,
            Activity.ends_at < now - timedelta(minutes=DEPARTURE_OPEN_MINUTES),
        )
        .values(state=activities.State.CLOSED.value, ended_at=Activity.ends_at)
        .execution_options(synchronize_session=False)
    )


def list_activities(
    tx: Session,
    *,
    limit: int,
    visible: Sequence[ColumnElement[bool]],
    station_id: UUID | None,
    from_: datetime | None,
    to: datetime | None,
    state: Sequence[str] | None,
    led_by: UUID | None,
    newest_first: bool,
    after: UUID | None,
) -> list[Activity]:
    """Activities by start; `station_id` means the whole subtree, `state` any of these, `led_by` who leads a site."""
    station, by_start = copies.station, (Activity.starts_at, Activity.id)
    statement = (
        select(Activity)
        .outerjoin(station, station.c.node_id == Activity.station_id)
        .where(or_(*visible))
        .order_by(*(column.desc() if newest_first else column for column in by_start))
        .limit(limit)
    )
    if station_id is not None:
        top = select(station.c.path).where(station.c.node_id == station_id).scalar_subquery()
        statement = statement.where(or_(Activity.station_id == station_id, func.starts_with(station.c.path, top)))
    if from_ is not None:
        # The second follows from the first, and has an index.
        statement = statement.where(Activity.ends_at >= from_, Activity.starts_at >= from_ - DURATION_MAX)
    if to is not None:
        statement = statement.where(Activity.starts_at < to)
    if state is not None:
        statement = statement.where(Activity.state.in_(state))
    if led_by is not None:
        statement = statement.where(Activity.id.in_(select(Site.activity_id).where(Site.leader_member_id == led_by)))
    if after is not None:
        made = aliased(Activity)
        mark = select(made.starts_at, made.id).where(made.id == after).scalar_subquery()
        place = tuple_(*by_start)
        statement = statement.where(place < mark if newest_first else place > mark)
    return list(tx.scalars(statement.execution_options(populate_existing=True)))


def public_or_below(paths: Sequence[str]) -> list[ColumnElement[bool]]:
    """Everybody sees what was published; the rest only those who may make it there."""
    return [Activity.published_at.is_not(None), *_below(paths)]


def in_review_below(paths: Sequence[str], *, sent_back: bool) -> list[ColumnElement[bool]]:
    """What waits to be reviewed below one of these paths, or also what was sent back there."""
    stands = Activity.state == activities.State.IN_REVIEW.value
    if sent_back:
        stands |= (Activity.state == activities.State.DRAFT.value) & Activity.reason.is_not(None)
    return [below & stands for below in _below(paths)] or [false()]


def _below(paths: Sequence[str]) -> list[ColumnElement[bool]]:
    return [copies.station.c.path.startswith(path, autoescape=True) for path in paths]
