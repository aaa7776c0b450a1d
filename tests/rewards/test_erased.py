"""A member who was erased: nobody comes for what was redeemed, so the pieces and the points go back at once."""

from services.rewards import jobs
from services.rewards.commands.redemptions import take_members
from services.rewards.domain.redemption import State
from shared import copies
from shared.db import session, transactional
from shared.events import MemberChanged
from tests.rewards.support import Points, Town, fresh, make_due, run, stock_of, taken_by, waiting


def test_what_is_not_handed_over_ends_and_what_was_stays(town: Town, points: Points) -> None:
    gift, chen, wang = town.gift(stock=5), town.member(), town.member()
    for one in (chen, wang):
        points.balances[str(one)] = 3000
    kept, lost = town.redeemed(gift, wang), town.redeemed(gift, chen)
    erased = MemberChanged(
        member_id=chen,
        version=2,
        status="erased",
        confirmed=False,
        volunteer_number="999999999999",
        name_masked="已注销",
    )
    for _ in range(2):
        transactional(take_members)([erased])
    run(jobs.sweep)
    make_due()
    run(jobs.drain)
    assert waiting() == []
    assert (fresh(lost.id).state, fresh(kept.id).state) == (State.EXPIRED, State.CONFIRMED)
    assert points.balances[str(chen)] == 3000, "back on an account of nobody"
    assert taken_by(chen, gift) == 0
    assert stock_of(gift, town.station.id)[2:4] == (4, 1)
    card = copies.find_card(session(), chen)
    assert card is not None
    assert (card.name_masked, card.name_public, card.station_id, card.birth_date) == ("已注销", None, None, None)
