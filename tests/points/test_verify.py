"""What the ledger's checks must let pass, and what only one of them can see."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from shared import clock
from tests.points.support import (
    annulled,
    attendance,
    balance,
    broken,
    corrected,
    make_rule,
    member,
    points_of,
    redemption,
    settle,
    spend,
)
from tests.support import Settings


@pytest.mark.parametrize("first", ["repair", "lecture"])
def test_rules_of_one_day_may_cap_it_differently(town: Flask, first: str) -> None:
    make_rule("repair", points_daily_max=200)
    make_rule("lecture", points_daily_max=500, category_daily_max=350)
    other = "lecture" if first == "repair" else "repair"
    chen = member()
    for number, category in enumerate((first, other, first, other)):
        with clock.travel(clock.now() + timedelta(minutes=number)):
            settle([attendance(chen, 400, category=category)])
    assert points_of(chen) == (500 if first == "repair" else 350)
    assert broken() == {}


def test_a_correction_takes_what_is_left_of_the_day_then(town: Flask) -> None:
    chen = member()
    facts = [attendance(chen, 120), attendance(chen, 120, category="repair"), attendance(chen, 120, category="lecture")]
    for fact in facts:
        settle([fact])
    settle([corrected(facts[0], 90)])
    settle([annulled(facts[1])])
    settle([corrected(facts[2], 180)])
    assert points_of(chen) == 150 + 250
    assert broken() == {}


def test_a_day_above_its_cap_is_found_though_each_rating_comes_out_the_same(town: Flask, settings: Settings) -> None:
    chen = member()
    settle([attendance(chen, 300)])
    settle([attendance(chen, 300, category="repair")])
    connection: Any = settings.database("points").connection
    changed = connection.execute("""
        UPDATE outcome SET (cap_before, points, reason) = (first.cap_before, first.points, first.reason)
        FROM outcome first WHERE first.points = 400 AND outcome.points = 0
    """)
    assert changed.rowcount == 1
    found = broken()
    assert "outcomes come out the same" not in found
    assert f"member {chen} has 800 points" in found["awards keep within the caps of their rules"][0]


def test_who_owes_may_hold_what_has_expired(town: Flask) -> None:
    make_rule("repair", points_live_days=30)
    chen = member()
    lasting = attendance(chen, 60)
    settle([lasting])
    spend([redemption(chen, 100)])
    settle([attendance(chen, 60, category="repair")])
    with clock.travel(clock.now() + timedelta(days=40)):
        settle([annulled(lasting)])
        assert balance(chen)["points_debt"] == 100
        assert broken() == {}
    assert broken() == {}, "whatever the clock says now"
