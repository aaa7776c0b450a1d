"""What somebody who is gone leaves goes to the household or to the pool, by the station's rule."""

from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from services.points.commands import leaving
from services.points.commands.boards import take_members, take_stations
from services.points.commands.seal_transfers import seal_all
from services.points.domain import leaving as rules
from services.points.domain.ledger import AccountKind, Unit, account_id
from services.points.store import books
from services.points.store.ledger import Account
from services.points.store.moves import LeaverRule
from shared import clock
from shared.audit import audit_log
from shared.db import session, transactional
from shared.errors import Conflict, Forbidden
from shared.events import MemberChanged, SpendRequested, StationChanged
from shared.principal import Principal, Role
from tests.points.support import (
    CHALUKOU,
    DAY,
    NANCHANG,
    PATHS,
    TOWN,
    annulled,
    at_once,
    attendance,
    balance,
    broken,
    digest,
    holding,
    lines_of,
    make_rule,
    member,
    points_of,
    redemption,
    settle,
    spend,
    void,
    voided,
)
from tests.support import Settings

HOME = uuid4()


@pytest.fixture
def staff(town: Flask) -> Principal:
    return holding(Role.STAFF, NANCHANG)


def change(member_id: UUID, version: int, status: str = "left", **fields: Any) -> None:
    card: dict[str, Any] = {"household_id": HOME, "station_id": NANCHANG, "confirmed": True}
    news = MemberChanged(
        member_id=member_id,
        version=version,
        status=status,
        volunteer_number="123456789012",
        name_masked="陈*芳",
        **card | fields,
    )
    transactional(take_members)([news])


def give(staff: Principal, member_id: UUID, taker: UUID | None, move_id: UUID | None = None) -> int:
    given = leaving.give_points(
        staff, move_id=move_id or uuid4(), member_id=member_id, to_member_id=taker, reason="家人申请"
    )
    return int(given["points"])


def family(home: UUID = NANCHANG) -> tuple[UUID, UUID]:
    """Who is gone with 200 points, and a daughter."""
    gone, daughter = member(household_id=HOME), member(home, household_id=HOME)
    settle([attendance(gone, 120)])
    change(gone, 2)
    return gone, daughter


@pytest.mark.parametrize("home", [NANCHANG, CHALUKOU])
def test_the_family_gets_all_points_with_their_expiry_and_no_hours(town: Flask, staff: Principal, home: UUID) -> None:
    make_rule("repair", points_live_days=35)
    leaving.set_rule(staff, node_id=NANCHANG, family_days=90, donate=False)
    gone, daughter = family(home)
    settle([attendance(gone, 60, category="repair", service_day=DAY - timedelta(days=1))])
    assert give(staff, gone, daughter) == 300
    assert (points_of(gone), points_of(daughter)) == (0, 300)
    assert (balance(gone)["minutes_total"], balance(daughter)["minutes_total"]) == (180, 0)
    assert lines_of(daughter)[-1]["title"] == "家人 陈*芳（编号尾号 9012） 转来"
    with clock.travel(clock.now() + timedelta(days=40)):
        assert points_of(daughter) == 200
    assert broken() == {}
    seal_all()
    assert broken() == {}


def test_what_was_wrong_is_owed_by_who_had_it_not_by_the_family(town: Flask, staff: Principal) -> None:
    leaving.set_rule(staff, node_id=NANCHANG, family_days=90, donate=False)
    gone, daughter = member(household_id=HOME), member(household_id=HOME)
    false = attendance(gone, 120)
    settle([false])
    change(gone, 2)
    give(staff, gone, daughter)
    settle([annulled(false)])
    assert (points_of(daughter), balance(gone)["points_debt"]) == (200, 200)
    assert broken() == {}


@pytest.mark.parametrize(
    ("news", "refusal"),
    [
        ({"status": "active"}, rules.NotGone),
        ({"household_id": uuid4()}, rules.NotTheFamily),
        ({"station_id": CHALUKOU}, Forbidden),
    ],
)
def test_what_was_told_of_who_is_gone_while_the_books_were_held_counts(
    town: Flask, staff: Principal, monkeypatch: pytest.MonkeyPatch, news: dict[str, Any], refusal: type[Exception]
) -> None:
    leaving.set_rule(staff, node_id=NANCHANG, family_days=90, donate=False)
    gone, daughter = family()
    lock = books.lock_lines

    def wait(*arguments: Any) -> Any:
        monkeypatch.undo()
        at_once(town, [partial(change, gone, 3, **news)])
        return lock(*arguments)

    monkeypatch.setattr(books, "lock_lines", wait)
    with pytest.raises(refusal):
        give(staff, gone, daughter)
    session().rollback()
    assert points_of(gone) == 200


def test_points_are_given_to_the_pool_where_the_rule_has_it(town: Flask, staff: Principal) -> None:
    gone, _daughter = family()
    with pytest.raises(rules.NotByTheRule):
        give(staff, gone, None)
    leaving.set_rule(holding(Role.STAFF, UUID(int=1)), node_id=UUID(int=1), family_days=None, donate=True)
    assert give(staff, gone, None) == 200
    seal_all()
    session().rollback()
    pool = session().get(Account, account_id(AccountKind.POOL, Unit.PTS, NANCHANG))
    assert pool is not None
    assert pool.credits == 200
    assert lines_of(gone)[-1]["title"] == "捐入爱心积分池"
    assert broken() == {}
    with pytest.raises(rules.NothingLeft):
        give(staff, gone, None)


def test_one_id_for_two_who_are_gone_at_once_gives_once(town: Flask, staff: Principal) -> None:
    leaving.set_rule(staff, node_id=NANCHANG, family_days=90, donate=True)
    for _ in range(4):
        key, gone = uuid4(), [family()[0] for _ in range(2)]
        told = at_once(town, [partial(_given, staff, one, key) for one in gone])
        assert sorted(map(str, told)) == ["200", "conflict"]
        assert sorted(points_of(one) for one in gone) == [0, 200]
    assert broken() == {}


def test_points_are_passed_on_or_spent_and_never_both(town: Flask, staff: Principal) -> None:
    leaving.set_rule(staff, node_id=NANCHANG, family_days=90, donate=True)
    for _ in range(6):
        gone, daughter = member(household_id=HOME), member(household_id=HOME)
        settle([attendance(gone, 120)])
        order = redemption(gone, 150)

        given, bought = at_once(town, [partial(_leave_and_give, staff, gone, daughter), partial(_buy, order)])
        assert (given, bought) in {("200", "declined"), ("50", "confirmed")}
        assert points_of(daughter) == int(given)
        void([voided(order)])
        assert points_of(gone) == (150 if bought == "confirmed" else 0)
    assert broken() == {}


def _leave_and_give(staff: Principal, gone: UUID, daughter: UUID) -> str:
    change(gone, 2)
    return str(give(staff, gone, daughter))


def _buy(order: SpendRequested) -> str:
    return str((spend([order])[0].outcome or {}).get("state"))


def _given(staff: Principal, gone: UUID, key: UUID) -> int | str:
    try:
        return give(staff, gone, None, key)
    except Conflict as refusal:
        return refusal.code


def test_the_same_id_gives_once(town: Flask, staff: Principal) -> None:
    leaving.set_rule(staff, node_id=NANCHANG, family_days=90, donate=True)
    gone, daughter = family()
    move_id = uuid4()
    assert give(staff, gone, daughter, move_id) == give(staff, gone, daughter, move_id) == 200
    with pytest.raises(Conflict):
        give(staff, gone, None, move_id)
    assert broken() == {}


def test_who_may_not_have_them(town: Flask, staff: Principal) -> None:
    leaving.set_rule(staff, node_id=NANCHANG, family_days=90, donate=False)
    gone, daughter = family()
    before = digest()
    with pytest.raises(rules.NotTheFamily):
        give(staff, gone, member())
    with pytest.raises(rules.NotTheFamily):
        give(staff, gone, member(household_id=HOME, confirmed=False))
    with pytest.raises(Forbidden):
        give(holding(Role.ORGANIZER, NANCHANG), gone, daughter)
    with pytest.raises(Forbidden):
        give(holding(Role.STAFF, CHALUKOU), gone, daughter)
    own = holding(Role.STAFF, NANCHANG)
    object.__setattr__(own, "household_ids", (HOME,))
    with pytest.raises(Forbidden):
        give(own, gone, daughter)
    change(gone, 3, "active")
    with pytest.raises(rules.NotGone):
        give(staff, gone, daughter)
    assert points_of(gone) == 200
    assert digest() == before


def test_after_the_days_of_the_rule_it_is_too_late_counted_from_the_last_departure(
    town: Flask, staff: Principal
) -> None:
    leaving.set_rule(staff, node_id=NANCHANG, family_days=90, donate=False)
    gone, daughter = family()
    with clock.travel(clock.now() + timedelta(days=90)):
        with pytest.raises(rules.TooLate):
            give(staff, gone, daughter)
        change(gone, 3, "active")
        change(gone, 4)
        assert give(staff, gone, daughter) == 200


def split_off(part: UUID, version: int = 1, **fields: Any) -> None:
    path = PATHS[NANCHANG].replace(NANCHANG.hex, part.hex)
    news = StationChanged(
        node_id=part,
        version=version,
        level="station",
        name="和谐社区实践站",
        path=path,
        split_from_id=NANCHANG,
        **fields,
    )
    transactional(take_stations)([news])


def test_who_is_gone_from_a_part_that_is_split_off_leaves_by_the_rule_of_the_whole_until_it_has_its_own(
    town: Flask, staff: Principal
) -> None:
    leaving.set_rule(staff, node_id=NANCHANG, family_days=90, donate=False)
    gone, daughter = family()
    part = uuid4()
    split_off(part)
    change(gone, 3, station_id=part)
    at_part = holding(Role.STAFF, TOWN)
    assert give(at_part, gone, daughter) == 200
    leaving.set_rule(at_part, node_id=part, family_days=None, donate=True)
    split_off(part, version=2)
    rule = session().get(LeaverRule, part)
    assert rule is not None
    assert (rule.family_days, rule.donate) == (None, True), "news of it bring nothing back"
    acts = session().execute(select(audit_log.c.who, audit_log.c.subject_id).where(audit_log.c.action == "leaver.rule"))
    assert ("service:points", part) in {tuple(row) for row in acts}
    assert broken() == {}


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE move SET kind = 'merge' WHERE kind = 'family'",
        "UPDATE move SET kind = 'unmerge' WHERE kind = 'family'",
        "UPDATE move SET kind = 'donation' WHERE kind = 'family'",
        "UPDATE move SET kind = 'merge' WHERE kind = 'donation'",
        "UPDATE move SET kind = 'family' WHERE kind = 'donation'",
        "UPDATE move SET to_station_id = gen_random_uuid() WHERE kind = 'donation'",
        "UPDATE move SET to_member_id = gen_random_uuid() WHERE kind = 'family'",
        "UPDATE move SET from_member_id = gen_random_uuid() WHERE kind = 'donation'",
        "DELETE FROM move WHERE kind = 'family'",
    ],
)
def test_what_was_passed_on_is_found_when_it_is_changed(
    town: Flask, staff: Principal, settings: Settings, damage: str
) -> None:
    leaving.set_rule(staff, node_id=NANCHANG, family_days=90, donate=True)
    (gone, daughter), (other, _) = family(CHALUKOU), family()
    give(staff, gone, daughter)
    give(staff, other, None)
    assert broken() == {}
    assert settings.database("points").connection.execute(damage).rowcount == 1
    assert "moves are their transfers" in broken()
