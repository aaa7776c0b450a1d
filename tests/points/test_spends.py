"""Redemptions take points and give them back; whatever is answered first stays the answer."""

import json
from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import event, text

from services.points.store.database import db
from shared import clock, events
from shared.db import session
from shared.events import SpendRequested
from tests.points.support import (
    CHALUKOU,
    annulled,
    at_once,
    attendance,
    balance,
    broken,
    confirm,
    corrected,
    digest,
    lines_of,
    make_rule,
    member,
    outcome_of,
    points_of,
    redemption,
    settle,
    spend,
    void,
    voided,
)


def test_a_spend_takes_the_points_and_says_what_is_left(town: Flask) -> None:
    chen = member()
    settle([attendance(chen, 120)])
    assert outcome_of(spend([redemption(chen, 150)])) == {"state": "confirmed", "balance_after": 50}
    line = lines_of(chen)[-1]
    assert (line["kind"], line["points"], line["balance_after"], line["title"]) == ("spend", -150, 50, "洗衣液 × 1")
    assert broken() == {}


def test_a_spend_costs_nine_statements_and_follows_no_merges_where_there_are_none(town: Flask) -> None:
    chen = member()
    settle([attendance(chen, 120)])
    seen: list[str] = []
    event.listen(db.engine, "before_cursor_execute", noted := lambda *args: seen.append(args[2]))
    spend([redemption(chen, 10)])
    event.remove(db.engine, "before_cursor_execute", noted)
    assert len(seen) == 9, "and three COPY: what is booked, what is to be sealed, what was taken of which lot"
    assert not [statement for statement in seen if "RECURSIVE" in statement]


def test_without_enough_points_it_is_declined_for_good(town: Flask) -> None:
    chen = member()
    settle([attendance(chen, 60)])
    wanted = redemption(chen, 101)
    before = digest()
    declined = spend([wanted])
    assert outcome_of(declined) == {
        "state": "declined",
        "code": "insufficient_points",
        "detail": "可用积分 1，不够 1.01",
    }
    assert points_of(chen) == 100
    assert digest() != before, "the refusal is remembered"
    settle([attendance(chen, 60)])
    assert spend([wanted]) == declined
    assert broken() == {}


def test_nothing_is_redeemed_before_staff_confirmed_the_person(town: Flask) -> None:
    chen, stranger, gone = member(confirmed=False), uuid4(), member(status="left")
    settle([attendance(one, 60) for one in (chen, stranger, gone)])
    for one, code in ((chen, "not_confirmed"), (stranger, "not_confirmed"), (gone, "member_left")):
        assert outcome_of(spend([redemption(one, 50)]))["code"] == code
        assert points_of(one) == 100


def test_an_older_copy_of_the_card_never_becomes_a_refusal(town: Flask) -> None:
    chen = member(confirmed=False)
    settle([attendance(chen, 60)])
    wanted = redemption(chen, 50, card_version=2)
    before = digest()
    (answer,) = spend([wanted])
    assert (answer.status, answer.code, answer.outcome) == ("later", "stale_card", None)
    assert digest() == before, "nothing was decided"
    confirm(chen, version=2)
    assert outcome_of(spend([wanted]))["state"] == "confirmed"
    assert outcome_of(spend([replace(wanted, card_version=3)]))["state"] == "confirmed", "the same spend"
    assert broken() == {}


def test_a_card_that_has_not_come_is_older_than_any(town: Flask) -> None:
    (answer,) = spend([redemption(uuid4(), 50, card_version=1)])
    assert answer.status == "later"


def test_a_card_as_new_as_that_of_rewards_declines_for_good(town: Flask) -> None:
    chen = member(confirmed=False, version=2)
    settle([attendance(chen, 60)])
    wanted = redemption(chen, 50, card_version=2)
    assert outcome_of(spend([wanted]))["code"] == "not_confirmed"
    confirm(chen, version=3)
    assert outcome_of(spend([wanted]))["code"] == "not_confirmed"


def test_of_a_batch_only_what_came_too_early_waits(town: Flask) -> None:
    early, chen = member(confirmed=False), member()
    settle([attendance(chen, 60)])
    answers = spend([redemption(early, 50, card_version=9), redemption(chen, 50, card_version=1)])
    assert [answer.status for answer in answers] == ["later", "done"]


def test_the_same_request_again_gets_the_same_answer(town: Flask) -> None:
    chen = member()
    settle([attendance(chen, 240)])
    wanted = redemption(chen, 150)
    first = spend([wanted])
    before = digest()
    assert spend([wanted, wanted]) == first * 2
    assert digest() == before


def test_a_request_out_of_the_outbox_is_the_one_that_was_sent_at_once(town: Flask) -> None:
    chen = member()
    settle([attendance(chen, 240)])
    wanted = redemption(chen, 150)
    first = spend([wanted])
    kept = session().scalar(text("SELECT CAST(:body AS jsonb)"), {"body": json.dumps(events.dump(wanted))})
    assert list(kept) != list(events.dump(wanted)), "JSONB has an order of its own"
    again = events.load("SpendRequested", kept)
    assert isinstance(again, SpendRequested)
    assert spend([again]) == first


def test_other_content_under_the_same_redemption_is_refused(town: Flask) -> None:
    chen = member()
    settle([attendance(chen, 240)])
    wanted = redemption(chen, 150)
    spend([wanted])
    before = digest()
    (answer,) = spend([replace(wanted, points=1)])
    assert (answer.status, answer.code) == ("refused", "other_content")
    assert digest() == before


@pytest.mark.parametrize("points", [99, 100, 101, 200, 201, 300])
def test_a_spend_takes_from_as_many_lots_as_it_needs(town: Flask, points: int) -> None:
    chen = member()
    for _ in range(3):
        settle([attendance(chen, 60)])
    assert outcome_of(spend([redemption(chen, points)]))["state"] == "confirmed"
    assert [remaining for _, remaining in lots_of(chen)] == [
        max(0, 100 - max(0, points - 100 * number)) for number in range(3)
    ]


@pytest.mark.parametrize("points", [0, -1, 10**12])
def test_an_absurd_amount_is_refused(town: Flask, points: int) -> None:
    (answer,) = spend([redemption(member(), points)])
    assert (answer.status, answer.code) == ("refused", "invalid")


def test_a_gift_of_another_station_passes_the_clearing_accounts_both_ways(town: Flask) -> None:
    chen = member()
    settle([attendance(chen, 120)])
    wanted = redemption(chen, 150, station_id=CHALUKOU)
    spend([wanted])
    assert broken() == {}
    assert outcome_of(void([voided(wanted)])) == {"state": "refunded"}
    assert points_of(chen) == 200
    assert broken() == {}


# --- Void ---------------------------------------------------------------------------------------------


def test_voiding_gives_the_points_back_to_the_lots_they_came_from(town: Flask) -> None:
    chen = member()
    settle([attendance(chen, 60), attendance(chen, 90)])
    before = lots_of(chen)
    wanted = redemption(chen, 170)
    spend([wanted])
    assert lots_of(chen) != before
    void([voided(wanted)])
    assert lots_of(chen) == before
    assert [(line["kind"], line["points"]) for line in lines_of(chen)[2:]] == [("spend", -170), ("refund", 170)]
    assert lines_of(chen)[-1]["reason"] == "本人取消"
    assert broken() == {}


def test_a_void_that_comes_first_refuses_the_spend(town: Flask) -> None:
    chen = member()
    settle([attendance(chen, 120)])
    wanted = redemption(chen, 150)
    assert outcome_of(void([voided(wanted)])) == {"state": "nothing_spent"}
    assert outcome_of(spend([wanted]))["code"] == "voided"
    assert points_of(chen) == 200
    assert broken() == {}


def test_a_void_of_what_was_declined_changes_no_points_and_not_the_answer(town: Flask) -> None:
    chen = member()
    wanted = redemption(chen, 150)
    declined = spend([wanted])
    void([voided(wanted)])
    assert spend([wanted]) == declined
    assert broken() == {}


def test_voiding_twice_gives_back_once(town: Flask) -> None:
    chen = member()
    settle([attendance(chen, 120)])
    wanted = redemption(chen, 150)
    spend([wanted])
    again = replace(voided(wanted), reason="领取码过期")
    assert void([voided(wanted), again]) == void([again]) * 2
    assert points_of(chen) == 200
    assert broken() == {}


def test_only_the_redemptions_own_member_gets_points_back(town: Flask) -> None:
    chen, thief = member(), member()
    settle([attendance(chen, 120), attendance(thief, 60)])
    wanted = redemption(chen, 150)
    spend([wanted])
    (answer,) = void([replace(voided(wanted), member_id=thief)])
    assert (answer.status, answer.code) == ("refused", "other_content")
    assert (points_of(chen), points_of(thief)) == (50, 100)


def test_a_void_for_somebody_without_any_account_is_remembered(town: Flask) -> None:
    chen = member()
    wanted = redemption(chen, 150)
    void([voided(wanted)])
    assert outcome_of(spend([wanted]))["code"] == "voided"


def test_spend_and_void_at_once_always_end_with_the_points_back(town: Flask) -> None:
    chen = member()
    settle([attendance(chen, 240)])
    for _ in range(15):
        wanted = redemption(chen, 400)
        at_once(town, [lambda w=wanted: spend([w]), lambda w=wanted: void([voided(w)])])  # type: ignore[misc]
        assert points_of(chen) == 400
    assert broken() == {}


@pytest.mark.parametrize("order", list(permutations(["spend", "void", "annul"])), ids="-".join)
def test_every_order_of_spend_void_and_annulment_ends_the_same(town: Flask, order: tuple[str, ...]) -> None:
    chen = member()
    earned = attendance(chen, 120)
    settle([earned, attendance(chen, 60)])
    wanted = redemption(chen, 250)
    steps = {
        "spend": lambda: spend([wanted]),
        "void": lambda: void([voided(wanted)]),
        "annul": lambda: settle([annulled(earned)]),
    }
    for step in order:
        steps[step]()
        assert broken() == {}
    assert (points_of(chen), balance(chen)["points_debt"]) == (100, 0)


# --- Debt ---------------------------------------------------------------------------------------------


def test_what_a_reversal_cannot_take_becomes_debt_that_later_awards_pay_first(town: Flask) -> None:
    chen = member()
    earned = attendance(chen, 120)
    settle([earned])
    spend([redemption(chen, 150)])
    settle([annulled(earned)])
    assert balance(chen)["points_available"] == 0
    assert balance(chen)["points_debt"] == 150
    assert [(line["kind"], line["points"]) for line in lines_of(chen)[-2:]] == [("reversal", -50), ("debt", 0)]
    assert lines_of(chen)[-1]["reason"] == "更正时可用积分不够，1.5 记为待抵扣"
    assert broken() == {}
    settle([attendance(chen, 60)])
    assert (points_of(chen), balance(chen)["points_debt"]) == (0, 50)
    settle([attendance(chen, 60)])
    assert (points_of(chen), balance(chen)["points_debt"]) == (50, 0)
    assert broken() == {}


def test_a_correction_after_a_spend_leaves_the_difference(town: Flask) -> None:
    chen = member()
    earned = attendance(chen, 120)
    settle([earned])
    spend([redemption(chen, 150)])
    settle([corrected(earned, 180)])
    assert (points_of(chen), balance(chen)["points_debt"]) == (150, 0)
    assert broken() == {}


# --- Expiry -------------------------------------------------------------------------------------------


def test_points_that_expire_first_are_spent_first(town: Flask) -> None:
    chen = member()
    make_rule("repair", points_live_days=60)
    settle([attendance(chen, 60)])
    settle([attendance(chen, 60, category="repair")])
    with clock.travel(clock.now() + timedelta(days=40)):
        assert balance(chen)["points_expiring"] == 100
        spend([redemption(chen, 150)])
        assert balance(chen)["points_expiring"] == 0
    with clock.travel(clock.now() + timedelta(days=61)):
        assert points_of(chen) == 50


def test_expired_points_cannot_be_spent_and_are_ended_by_the_next_spend(town: Flask) -> None:
    chen = member()
    make_rule("repair", points_live_days=30)
    settle([attendance(chen, 60), attendance(chen, 90, category="repair")])
    with clock.travel(clock.now() + timedelta(days=31)):
        assert points_of(chen) == 100
        assert outcome_of(spend([redemption(chen, 101)]))["code"] == "insufficient_points"
        assert outcome_of(spend([redemption(chen, 60)])) == {"state": "confirmed", "balance_after": 40}
    assert [(line["kind"], line["points"]) for line in lines_of(chen)[2:]] == [("expiry", -150), ("spend", -60)]
    assert broken() == {}


def test_a_refund_to_an_expired_lot_lives_thirty_days_more(town: Flask) -> None:
    chen = member()
    make_rule("repair", points_live_days=30)
    settle([attendance(chen, 120, category="repair")])
    wanted = redemption(chen, 150)
    spend([wanted])
    with clock.travel(clock.now() + timedelta(days=40)):
        void([voided(wanted)])
        assert points_of(chen) == 150, "the 50 beside the spend expired, and stay so"
        assert balance(chen)["points_expiring"] == 150
    with clock.travel(clock.now() + timedelta(days=69)):
        assert points_of(chen) == 150
    with clock.travel(clock.now() + timedelta(days=71)):
        assert points_of(chen) == 0
    assert broken() == {}


def test_reversing_an_award_that_expired_owes_nothing(town: Flask) -> None:
    chen = member()
    make_rule("repair", points_live_days=30)
    expiring = attendance(chen, 120, category="repair")
    settle([expiring, attendance(chen, 60)])
    with clock.travel(clock.now() + timedelta(days=31)):
        spend([redemption(chen, 50)])
        settle([annulled(expiring)])
        assert (points_of(chen), balance(chen)["points_debt"]) == (50, 0)
    assert broken() == {}


# --- Races --------------------------------------------------------------------------------------------


def test_eight_threads_never_spend_more_than_there_is(town: Flask) -> None:
    chen = member()
    settle([attendance(chen, 240)])
    wanted = [redemption(chen, 90) for _ in range(8)]
    answers = at_once(town, [lambda one=one: spend([one]) for one in wanted])  # type: ignore[misc]
    states = [outcome_of(answer)["state"] for answer in answers]
    assert (states.count("confirmed"), states.count("declined")) == (4, 4)
    assert points_of(chen) == 40
    assert broken() == {}


def test_every_spend_sent_twice_at_once_is_booked_once(town: Flask) -> None:
    chen = member()
    settle([attendance(chen, 240)])
    for _ in range(8):
        wanted = redemption(chen, 50)
        one, other = at_once(town, [lambda w=wanted: spend([w])] * 2)  # type: ignore[misc]
        assert one == other
    assert points_of(chen) == 0
    assert broken() == {}


def lots_of(member_id: object) -> list[tuple[int, int]]:
    from sqlalchemy import text

    session().rollback()
    rows = session().execute(text("SELECT original, remaining FROM lot ORDER BY id")).all()
    return [(row.original, row.remaining) for row in rows]
