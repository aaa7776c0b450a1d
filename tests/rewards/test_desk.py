"""Reading, issuing and undoing at the desk."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from services.rewards.commands import desk, redemptions
from services.rewards.domain import redemption as rules
from services.rewards.domain.redemption import State
from services.rewards.queries import redemptions as queries
from services.rewards.queries.redemptions import UnknownVoucher
from services.rewards.store import AtDesk
from shared import clock
from shared.audit import audit_log
from shared.db import session
from shared.errors import Forbidden, NotFound
from shared.principal import Grant, OwnCase, Principal, Role
from shared.settings import Keyring
from tests.rewards.support import Points, Town, at_once, fresh, holder, login_of, statements, stock_of

NOON = clock.day_starts(clock.today()) + timedelta(hours=12)


def audited() -> list[tuple[str, str]]:
    rows = session().execute(select(audit_log.c.action, audit_log.c.path).order_by(audit_log.c.id)).all()
    session().rollback()
    return [(row.action, row.path) for row in rows if row.action.startswith("redemption.")]


def test_code_token_and_link_all_lead_to_the_redemption(town: Town, points: Points) -> None:
    member = town.member()
    redemption = town.redeemed(member_id=member)
    voucher = queries.get_voucher(login_of(member), redemption.id)
    in_fours = " ".join(voucher.code[place : place + 4] for place in (0, 4, 8)).lower()
    assert voucher.url.startswith("http://huzhu.test/v/V1.")
    for text in (voucher.code, in_fours, voucher.url, voucher.url.rpartition("/")[2]):
        found = queries.read_voucher(town.organizer, text)
        assert (found.redemption.id, found.member_name) == (redemption.id, "陈*芳")


def test_a_voucher_is_the_members_alone(town: Town, points: Points) -> None:
    redemption = town.redeemed()
    for other in (login_of(town.member()), town.organizer, town.staff):
        with pytest.raises(Forbidden):
            queries.get_voucher(other, redemption.id)
    with pytest.raises(NotFound):
        queries.get_voucher(town.organizer, uuid4())


def test_neither_code_nor_token_is_in_the_database(town: Town, points: Points) -> None:
    redemption = town.redeemed()
    voucher = queries.get_voucher(login_of(redemption.member_id), redemption.id)
    stored = repr({column.name: getattr(redemption, column.name) for column in type(redemption).__table__.columns})
    assert voucher.code not in stored
    assert voucher.url.rpartition(".")[2] not in stored


def test_there_is_no_voucher_before_points_has_answered(town: Town) -> None:
    redemption = town.redeemed()
    with pytest.raises(rules.NotSettled):
        queries.get_voucher(login_of(redemption.member_id), redemption.id)


def test_a_voucher_whose_key_left_the_ring_says_so_and_is_handed_over_from_the_list(
    rewards_app: Flask, town: Town, points: Points, monkeypatch: pytest.MonkeyPatch
) -> None:
    redemption = town.redeemed()
    monkeypatch.setitem(rewards_app.config, "VOUCHER_KEYS", Keyring(current="9", keys={"9": bytes(range(32))}))
    with pytest.raises(rules.VoucherKeyGone, match="凭姓名领取"):
        queries.get_voucher(login_of(redemption.member_id), redemption.id)
    assert desk.issue(town.organizer, redemption_id=redemption.id).redemption.state is State.FULFILLED


@pytest.mark.parametrize(("shown", "by"), [("code", "voucher"), ("url", "voucher"), (None, "list")])
def test_the_audit_log_knows_whether_a_voucher_was_shown(
    town: Town, points: Points, shown: str | None, by: str
) -> None:
    redemption = town.redeemed()
    voucher = queries.get_voucher(login_of(redemption.member_id), redemption.id)
    desk.issue(town.organizer, redemption_id=redemption.id, code=getattr(voucher, shown) if shown else None)
    detail = session().scalar(select(audit_log.c.detail).where(audit_log.c.action == "redemption.issue"))
    session().rollback()
    assert detail == {"gift": "洗衣液", "quantity": 1, "by": by}


def test_another_redemptions_voucher_is_refused_and_nothing_handed_over(town: Town, points: Points) -> None:
    redemption, other = town.redeemed(), town.redeemed()
    voucher = queries.get_voucher(login_of(other.member_id), other.id)
    for wrong in (voucher.code, voucher.url, "ABCDEFGHJKLM", "voucher", ""):
        with pytest.raises(rules.WrongVoucher):
            desk.issue(town.organizer, redemption_id=redemption.id, code=wrong)
    assert audited() == []
    assert queries.get_redemption(town.organizer, redemption.id).redemption.state is State.CONFIRMED


def test_a_retry_with_another_redemptions_voucher_is_no_retry(town: Town, points: Points) -> None:
    redemption, other = town.redeemed(), town.redeemed()
    vouchers = [queries.get_voucher(login_of(one.member_id), one.id) for one in (redemption, other)]
    organizer = town.organizer
    for code in (vouchers[0].code, vouchers[0].url, None):
        issued = desk.issue(organizer, redemption_id=redemption.id, code=code)
        assert issued.redemption.state is State.FULFILLED
    for wrong in (vouchers[1].code, "ABCDEFGHJKLM"):
        with pytest.raises(rules.WrongVoucher):
            desk.issue(organizer, redemption_id=redemption.id, code=wrong)


@pytest.mark.parametrize("text", ["ABCDEFGHJKLM", "ABCD", "0O1I0O1I0O1I", "http://huzhu.test/v/V1.1.x", "二维码"])
def test_an_unknown_code_is_not_found(town: Town, points: Points, text: str) -> None:
    town.redeemed()
    with pytest.raises(UnknownVoucher):
        queries.read_voucher(town.organizer, text)


def test_the_desk_is_told_why_a_voucher_is_refused(town: Town, points: Points) -> None:
    redemption = town.redeemed()
    member = login_of(redemption.member_id)
    code = queries.get_voucher(member, redemption.id).code
    with pytest.raises(rules.WrongStation, match="岔路口社区实践站"):
        queries.read_voucher(holder(Role.ORGANIZER, town.other_station), code)
    with clock.travel(NOON):
        desk.issue(town.organizer, redemption_id=redemption.id)
    with pytest.raises(rules.AlreadyIssued, match=r"月\d+日 12:00"):
        queries.read_voucher(town.organizer, code)
    with clock.travel(NOON):
        desk.undo(town.organizer, redemption_id=redemption.id, reason="扫错了")
    with clock.travel(redemption.expires_at), pytest.raises(rules.Expired):
        queries.read_voucher(town.organizer, code)
    redemptions.cancel(member, redemption_id=redemption.id)
    with pytest.raises(rules.Cancelled):
        queries.read_voucher(town.organizer, code)


def test_issuing_moves_the_gift_from_reserved_to_issued(town: Town, points: Points) -> None:
    gift = town.gift(stock=5)
    redemption = town.redeemed(gift, quantity=2)
    found = desk.issue(town.organizer, redemption_id=redemption.id)
    assert found.redemption.state is State.FULFILLED
    assert found.redemption.undo_until == clock.day_starts(clock.today() + timedelta(days=1))
    assert stock_of(gift, town.station.id) == (5, 0, 3, 0, 2)
    assert audited() == [("redemption.issue", town.station.path)]


def test_issuing_again_is_answered_alike_to_the_same_login_and_refused_to_others(town: Town, points: Points) -> None:
    gift = town.gift(stock=5)
    redemption = town.redeemed(gift)
    organizer = town.organizer
    first = desk.issue(organizer, redemption_id=redemption.id)
    again = desk.issue(organizer, redemption_id=redemption.id)
    assert again.redemption.fulfilled_at == first.redemption.fulfilled_at
    with pytest.raises(rules.AlreadyIssued):
        desk.issue(town.organizer, redemption_id=redemption.id)
    assert stock_of(gift, town.station.id) == (5, 0, 4, 0, 1)
    assert len(audited()) == 1


def test_two_desks_at_once_hand_over_once(rewards_app: Flask, town: Town, points: Points) -> None:
    gift = town.gift(stock=5)
    redemption = town.redeemed(gift)
    desks = [town.organizer for _ in range(8)]
    found = at_once(rewards_app, *[lambda one=one: desk.issue(one, redemption_id=redemption.id) for one in desks])
    assert sum(isinstance(item, AtDesk) for item in found) == 1
    assert sum(isinstance(item, rules.AlreadyIssued) for item in found) == 7
    assert stock_of(gift, town.station.id) == (5, 0, 4, 0, 1)


def test_a_redemption_is_locked_before_it_is_judged(town: Town, points: Points) -> None:
    redemption = town.redeemed()
    with statements() as seen:
        desk.issue(town.organizer, redemption_id=redemption.id)
        desk.undo(town.organizer, redemption_id=redemption.id, reason="扫错了")
    assert sum("FOR NO KEY UPDATE OF redemption" in statement for statement in seen) == 2


def test_only_an_organizer_of_the_station_issues_and_undoes(town: Town, points: Points) -> None:
    redemption = town.redeemed()
    strangers = [holder(Role.ORGANIZER, town.other_station), holder(Role.VOLUNTEER, town.station),
                 holder(Role.AUDITOR, town.city), holder(Role.ORGANIZER, town.compound)]  # fmt: skip
    for stranger in strangers:
        with pytest.raises(Forbidden):
            desk.issue(stranger, redemption_id=redemption.id)
    desk.issue(holder(Role.STAFF, town.sub_centre), redemption_id=redemption.id)
    for stranger in strangers:
        with pytest.raises(Forbidden):
            desk.undo(stranger, redemption_id=redemption.id, reason="扫错了")
    with pytest.raises(NotFound):
        desk.issue(town.organizer, redemption_id=uuid4())


def test_nobody_issues_to_themselves_their_family_or_their_household(town: Town, points: Points) -> None:
    household = uuid4()
    mother = town.member(household_id=household)
    redemption = town.redeemed(member_id=mother)
    code = queries.get_voucher(login_of(mother), redemption.id).code
    grants = [Grant(Role.ADMINISTRATOR, town.city.path)]
    own: list[Principal] = [
        login_of(mother, grants=grants),
        login_of(uuid4(), mother, grants=grants),
        login_of(uuid4(), household_ids=[household], grants=grants),
    ]
    for caller in own:
        with pytest.raises(OwnCase):
            queries.read_voucher(caller, code)
        with pytest.raises(OwnCase):
            desk.issue(caller, redemption_id=redemption.id)
    desk.issue(town.organizer, redemption_id=redemption.id)
    for caller in own:
        with pytest.raises(OwnCase):
            desk.undo(caller, redemption_id=redemption.id, reason="扫错了")


def test_an_issue_is_undone_until_midnight_in_shanghai(town: Town, points: Points) -> None:
    gift = town.gift(stock=5)
    one, other = town.redeemed(gift), town.redeemed(gift)
    with clock.travel(NOON):
        for redemption in (one, other):
            desk.issue(town.organizer, redemption_id=redemption.id)
    midnight = clock.day_starts(clock.today() + timedelta(days=1))
    with clock.travel(midnight - timedelta(seconds=1)):
        for _ in range(2):
            found = desk.undo(town.organizer, redemption_id=one.id, reason="扫错了")
            assert found.redemption.state is State.CONFIRMED
    with clock.travel(midnight), pytest.raises(rules.UndoTooLate):
        desk.undo(town.organizer, redemption_id=other.id, reason="扫错了")
    assert stock_of(gift, town.station.id) == (5, 0, 3, 1, 1)
    assert [action for action, _ in audited()] == ["redemption.issue", "redemption.issue", "redemption.undo"]


def test_after_an_undo_the_gift_can_be_issued_again_or_cancelled(town: Town, points: Points) -> None:
    gift = town.gift(stock=5)
    one, other = town.redeemed(gift), town.redeemed(gift)
    for redemption in (one, other):
        desk.issue(town.organizer, redemption_id=redemption.id)
        desk.undo(town.organizer, redemption_id=redemption.id, reason="扫错了")
    desk.issue(town.organizer, redemption_id=one.id)
    redemptions.cancel(login_of(other.member_id), redemption_id=other.id)
    assert fresh(one.id).state is State.FULFILLED
    assert stock_of(gift, town.station.id) == (5, 0, 4, 0, 1)


def test_what_was_not_issued_needs_no_undoing(town: Town, points: Points) -> None:
    redemption = town.redeemed()
    redemptions.cancel(login_of(redemption.member_id), redemption_id=redemption.id)
    with pytest.raises(rules.NotIssued):
        desk.undo(town.organizer, redemption_id=redemption.id, reason="扫错了")


def test_old_vouchers_are_read_after_the_key_was_replaced(rewards_app: Flask, town: Town, points: Points) -> None:
    redemption = town.redeemed()
    member = login_of(redemption.member_id)
    voucher = queries.get_voucher(member, redemption.id)
    known = rewards_app.config["VOUCHER_KEYS"]
    rewards_app.config["VOUCHER_KEYS"] = replace(known, current="new", keys={"new": bytes(range(32)), **known.keys})
    try:
        assert queries.get_voucher(member, redemption.id) == voucher
        assert queries.read_voucher(town.organizer, voucher.url).redemption.id == redemption.id
        assert queries.read_voucher(town.organizer, voucher.code).redemption.id == redemption.id
        assert fresh(town.redeemed().id).voucher_key_id == "new"
    finally:
        rewards_app.config["VOUCHER_KEYS"] = known
