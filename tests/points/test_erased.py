"""A member who was erased: the chain verifies, sums stay, and nothing leads from a digest to the member's accounts."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from flask import Flask

from services.points.commands.seal_transfers import seal_all
from tests.points.support import attendance, balance, broken, corrected, member, redemption, settle, spend
from tests.points.test_merges import merge
from tests.support import Settings

ERASED: dict[str, Any] = {
    "version": 2,
    "status": "erased",
    "name_masked": "已注销",
    "volunteer_number": "999999999999",
    "confirmed": False,
    "station_id": None,
}


def erase(member_id: UUID) -> None:
    member(member_id=member_id, **ERASED)


@pytest.fixture
def raw(settings: Settings, points_app: Flask) -> psycopg.Connection[Any]:
    return settings.database("points").connection


def salts_of(raw: psycopg.Connection[Any], member_id: UUID) -> list[bool]:
    rows = raw.execute("SELECT salt IS NOT NULL FROM account WHERE owner_id = %s", [member_id]).fetchall()
    return [row[0] for row in rows]


def test_the_salts_go_and_the_chain_and_all_sums_hold(town: Flask, raw: psycopg.Connection[Any]) -> None:
    chen, wang = member(), member()
    settle([attendance(chen, 120), attendance(wang, 60)])
    spend([redemption(chen, 50)])
    seal_all()
    settle([attendance(chen, 30, category="repair")])
    digests = raw.execute("SELECT id, digest FROM account ORDER BY id").fetchall()
    erase(chen)
    assert (salts_of(raw, chen), salts_of(raw, wang)) == ([False] * 3, [True] * 3)
    assert raw.execute("SELECT id, digest FROM account ORDER BY id").fetchall() == digests
    seal_all()
    assert broken() == {}


@pytest.mark.parametrize("merged_first", [True, False])
def test_nothing_leads_to_an_entry_that_was_merged_into_who_is_erased(
    town: Flask, raw: psycopg.Connection[Any], merged_first: bool
) -> None:
    """In whichever order the news of both come."""
    chen, twin, first = member(), member(), member()
    settle([attendance(one, 60) for one in (chen, twin, first)])
    acts: list[Callable[[], object]] = [lambda: merge(first, twin), lambda: merge(twin, chen), lambda: erase(chen)]
    for act in acts if merged_first else reversed(acts):
        act()
    assert [salts_of(raw, one) for one in (chen, twin, first)] == [[False] * 3] * 3
    assert balance(chen)["points_available"] == 300
    seal_all()
    assert broken() == {}


def test_what_comes_late_is_booked_and_sealed_for_nobody(town: Flask, raw: psycopg.Connection[Any]) -> None:
    chen, late = member(), attendance(member_id := uuid4(), 60)
    first = attendance(chen, 120)
    settle([first])
    erase(chen)
    settle([corrected(first, 60)])
    erase(member_id)
    settle([late])
    assert salts_of(raw, member_id) == [False] * 3, "accounts that were opened after the erasure"
    seal_all()
    assert broken() == {}


def test_a_changed_transfer_of_somebody_erased_is_still_found(town: Flask, raw: psycopg.Connection[Any]) -> None:
    chen = member()
    settle([attendance(chen, 120)])
    seal_all()
    erase(chen)
    raw.execute("UPDATE transfer SET amount = amount + 1 WHERE unit = 'MIN'")
    assert "chains are whole" in broken()


def test_nobody_spends_what_somebody_erased_had(town: Flask) -> None:
    chen = member()
    settle([attendance(chen, 120)])
    erase(chen)
    (answer,) = spend([redemption(chen, 100)])
    assert answer.outcome is not None
    assert answer.outcome["state"] == "declined"
    assert balance(chen)["points_available"] == 200
