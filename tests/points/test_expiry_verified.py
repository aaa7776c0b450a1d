"""`./dev verify` sees a lot that lives longer or shorter than the rule of its award, wherever its points have gone."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from services.points.commands import leaving
from shared import clock
from shared.principal import Principal
from tests.points.support import (
    NANCHANG,
    attendance,
    broken,
    make_rule,
    member,
    redemption,
    settle,
    spend,
    void,
    voided,
)
from tests.points.test_leaving import family, give, staff
from tests.points.test_merges import merge, unmerge

__all__ = ["staff"]
CHECK = "lots live as long as their rules say"
ATTACKS = (
    "expires_at = expires_at + interval '1 second'",
    "expires_at = expires_at - interval '1 second'",
    "expires_at = expires_at + interval '30 days'",
    "expires_at = NULL",
)


def damage(settings: Any, change: str, where: str = "expires_at IS NOT NULL") -> int:
    connection: Any = settings.database("points").connection
    return int(connection.execute(f"UPDATE lot SET {change} WHERE {where}").rowcount)


def expiring(who: UUID, minutes: int = 120) -> None:
    settle([attendance(who, minutes, category="repair")])


@pytest.mark.parametrize("change", ATTACKS)
def test_a_lot_that_does_not_end_by_its_rule_is_seen(town: Flask, settings: Any, change: str) -> None:
    make_rule("repair", points_live_days=30)
    chen = member()
    expiring(chen)
    settle([attendance(chen, 60)])
    assert broken() == {}
    assert damage(settings, change) == 1
    assert set(broken()) == {CHECK}


def test_a_lot_that_never_ends_by_its_rule_and_does_is_seen(town: Flask, settings: Any) -> None:
    settle([attendance(member(), 60)])
    assert damage(settings, "expires_at = now() + interval '40 days'", "true") == 1
    assert set(broken()) == {CHECK}


def test_a_rule_that_came_later_changes_no_lot(town: Flask) -> None:
    make_rule("repair", points_live_days=30)
    expiring(member())
    make_rule("repair", version=3, points_live_days=60)
    expiring(member())
    assert broken() == {}


@pytest.mark.parametrize("change", ATTACKS)
def test_a_part_that_moved_ends_with_the_award_it_is_of(town: Flask, settings: Any, change: str) -> None:
    make_rule("repair", points_live_days=30)
    chen, twin = member(), member()
    expiring(twin)
    merge(twin, chen)
    assert broken() == {}
    assert damage(settings, change, "origin_id IS NOT NULL") == 1
    assert CHECK in broken()


@pytest.mark.parametrize("change", ATTACKS)
def test_points_that_a_family_was_given_end_with_the_awards_they_are_of(
    town: Flask, settings: Any, staff: Principal, change: str
) -> None:
    make_rule("repair", points_live_days=35)
    leaving.set_rule(staff, node_id=NANCHANG, family_days=90, donate=False)
    gone, daughter = family()
    expiring(gone, 60)
    give(staff, gone, daughter)
    assert broken() == {}
    given = "expires_at IS NOT NULL AND id IN (SELECT id FROM transfer WHERE kind = 'gift')"
    assert damage(settings, change, given) == 1
    assert set(broken()) == {CHECK}


@pytest.mark.parametrize("merged", ["before", "after", None])
def test_a_refund_after_the_end_lets_a_lot_live_on_and_nothing_else_does(
    town: Flask, settings: Any, merged: str | None
) -> None:
    make_rule("repair", points_live_days=30)
    chen, twin = member(), member()
    expiring(twin)
    wanted = redemption(twin, 150)
    if merged == "before":
        merge(twin, chen)
    spend([wanted])
    with clock.travel(clock.now() + timedelta(days=40)):
        void([voided(wanted)])
        if merged == "after":
            merge(twin, chen)
        assert broken() == {}
        if merged:
            unmerge(twin)
            assert broken() == {}
    assert damage(settings, "expires_at = expires_at + interval '1 day'") > 0
    assert CHECK in broken()


def test_a_refund_before_the_end_lets_a_lot_live_no_longer(town: Flask, settings: Any) -> None:
    make_rule("repair", points_live_days=60)
    chen = member()
    expiring(chen)
    wanted = redemption(chen, 150)
    spend([wanted])
    moment = clock.now() + timedelta(days=40)
    with clock.travel(moment):
        void([voided(wanted)])
    assert broken() == {}
    refund = "(SELECT recorded_at FROM transfer WHERE kind = 'refund')"
    assert damage(settings, f"expires_at = {refund} + interval '30 days'") == 1
    assert set(broken()) == {CHECK}
