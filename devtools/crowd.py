"""A station with a crowd of members, each with a login and an API token: for benches and fault tests.

`python -m devtools.crowd --members 500 --served confirmed` writes into the databases of its environment
and prints, as one JSON object, what a client needs to act for everybody. Everything is made by the real
commands but for the logins' passwords, which all have one hash: five hundred argon2 take half a minute.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from devtools.children import wait_until
from devtools.seed.setting import JOINING, acting_for
from devtools.world import World
from services.checkin.commands import activities, attendances, sheets
from services.checkin.domain.sheets import Line
from services.checkin.store.activities import SiteDraft
from services.members.commands import grants, hashing, logins, people, tree
from services.members.commands.operator import OPERATOR
from services.members.domain.consents import Consent, Kind
from services.members.domain.people import NewMember
from services.members.store import logins as login_store
from services.rewards.commands import gifts
from services.rewards.commands.gifts import Movement
from shared import clock, outbox
from shared.db import session, transactional
from shared.principal import Grant, Principal, Role

PASSWORD = "crowd-password"
GIFT_POINTS = 100
SERVED_HOURS = 2
"""What a confirmed service gives everybody: 200 hundredths, half of what a day's cap lets through."""


@dataclass
class Crowd:
    """Everything a client needs; ids as text."""

    station_id: str
    activity_id: str
    """One that runs now, and has seen nobody yet."""
    site_id: str
    served_activity_id: str | None
    """One that all members served at, some hours ago."""
    gift_id: str
    organizer: dict[str, str]
    staff: dict[str, str]
    administrator: dict[str, str]
    members: list[dict[str, str]]


def gather(
    world: World, *, members: int, stock: int = 0, served: str = "nobody", logins_max: int | None = None
) -> Crowd:
    """Make a station of its own, so that crowds may be gathered again and again.

    `served` is `nobody`, `waiting` (all served two hours, and the organizer has yet to confirm) or
    `confirmed` (and has). Only the first `logins_max` members have a login; all when it is None.
    """
    tag = uuid4().hex[:8]
    with world.inside("members"):
        station_id, path = _found_station(tag)
        people_of_role = _join(station_id, tag, 3, first=members)
        crowd = _join(station_id, tag, members, logins_max=logins_max)
        roles = (Role.ORGANIZER, Role.STAFF, Role.ADMINISTRATOR)
        officials = dict(zip(roles, people_of_role, strict=True))
        for role, official in officials.items():
            grants.add_grant(
                OPERATOR,
                grant_id=uuid4(),
                member_id=UUID(official["member_id"]),
                role=role.value,
                node_id=station_id,
            )
    wait_until(lambda: _is_told(world), "what members tells of the station", 60)
    organizer = acting_for(UUID(officials[Role.ORGANIZER]["member_id"]), Grant(Role.ORGANIZER, path))
    with world.inside("checkin"):
        now = clock.now().replace(microsecond=0)
        activity_id, site_id = _open_activity(organizer, station_id, now - timedelta(minutes=30), hours=3)
        served_id: UUID | None = None
        if served != "nobody":
            served_id = _serve(organizer, station_id, [UUID(member["member_id"]) for member in crowd])
        if served_id is not None and served == "confirmed":
            attendances.confirm_all(organizer, activity_id=served_id)
    with world.inside("rewards"):
        gift_id = _offer(Grant(Role.STAFF, path), station_id, stock)
    world.finish()
    return Crowd(
        str(station_id),
        str(activity_id),
        str(site_id),
        str(served_id) if served_id else None,
        str(gift_id),
        officials[Role.ORGANIZER],
        officials[Role.STAFF],
        officials[Role.ADMINISTRATOR],
        crowd,
    )


def _is_told(world: World) -> bool:
    """Carry what is due; a worker that runs beside us may hold some of it a moment longer."""
    world.deliver()
    with world.inside("members"):
        return outbox.backlog(session()).waiting == 0


def _found_station(tag: str) -> tuple[UUID, str]:
    centre, station = uuid4(), uuid4()
    tree.add_node(OPERATOR, node_id=centre, level="centre", name=f"中心 {tag}")
    made = tree.add_node(OPERATOR, node_id=station, level="station", name=f"实践站 {tag}", parent_id=centre)
    return station, made["path"]


def _join(
    station_id: UUID, tag: str, count: int, *, first: int = 0, logins_max: int | None = None
) -> list[dict[str, str]]:
    consents = (*JOINING, Consent(Kind.RANKED, "1"), Consent(Kind.NAMED, "1"))
    base = int(tag, 16) % 10_000_000 + first
    rows = [
        NewMember(
            id=uuid4(),
            name=f"群众{first + number}",
            station_id=station_id,
            phone=f"199{(base + number) % 100_000_000:08d}",
            consents=consents,
            confirmed=True,
        )
        for number in range(count)
    ]
    people.add_members(OPERATOR, rows)
    joined = [{"member_id": str(row.id), "phone": str(row.phone)} for row in rows]
    with_login = rows[:logins_max]
    login_ids = [uuid4() for _ in with_login]
    _give_logins(list(zip(login_ids, with_login, strict=True)), hashing.hash_password(PASSWORD))
    for login_id, row, member in zip(login_ids, with_login, joined, strict=False):
        caller = acting_for(row.id, login_id=login_id)
        member["token"] = logins.add_token(caller, token_id=uuid4(), name="crowd", days=1).token
    return joined


@transactional
def _give_logins(tx: Session, rows: list[tuple[UUID, NewMember]], password_hash: str) -> None:
    for login_id, row in rows:
        assert row.phone is not None
        login_store.add_login(tx, login_id, row.phone, password_hash, row.id)


def _open_activity(organizer: Principal, station_id: UUID, starts: datetime, *, hours: int) -> tuple[UUID, UUID]:
    activity_id, site_id = uuid4(), uuid4()
    activities.create_activity(
        organizer,
        activity_id=activity_id,
        title="大扫除",
        category="environment",
        station_id=station_id,
        place="门口",
        starts_at=starts,
        ends_at=starts + timedelta(hours=hours),
        sites=[SiteDraft(site_id, "集合点", "门口", organizer.own_member_id)],
    )
    activities.publish_activity(organizer, activity_id=activity_id)
    return activity_id, site_id


def _serve(organizer: Principal, station_id: UUID, members: list[UUID]) -> UUID:
    """Everybody served two hours, some hours ago, as it stands on a sheet that the organizer typed in."""
    # One moment for both: who came a second after the beginning has not served two whole hours at the end.
    arrived = clock.now().replace(microsecond=0) - timedelta(hours=6)
    activity_id, site_id = _open_activity(organizer, station_id, arrived, hours=SERVED_HOURS)
    sheets.enter_sheet(
        organizer,
        sheet_id=uuid4(),
        activity_id=activity_id,
        site_id=site_id,
        lines=[Line(member, arrived, arrived + timedelta(hours=SERVED_HOURS)) for member in members],
    )
    return activity_id


def _offer(staff: Grant, station_id: UUID, stock: int) -> UUID:
    caller = Principal(kind=OPERATOR.kind, audience="rewards", issuer="operator", grants=(staff,))
    gift_id = uuid4()
    gifts.create_gift(
        caller, gift_id=gift_id, node_id=station_id, name="香皂", description="",
        points=GIFT_POINTS, limit_per_quarter=None,
    )  # fmt: skip
    if stock:
        gifts.move_stock(caller, Movement(uuid4(), gift_id, station_id, "receive", stock, "入库"))
    return gift_id


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m devtools.crowd", description=__doc__)
    parser.add_argument("--members", type=int, default=100)
    parser.add_argument("--stock", type=int, default=0)
    parser.add_argument("--served", choices=("nobody", "waiting", "confirmed"), default="nobody")
    parser.add_argument("--logins", type=int)
    chosen = parser.parse_args()
    crowd = gather(World(), members=chosen.members, stock=chosen.stock, served=chosen.served, logins_max=chosen.logins)
    json.dump(vars(crowd), sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
