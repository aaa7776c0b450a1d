"""Staff's pages of gifts and their stock, in front of the real services."""

import re
from typing import Any

import pytest

from shared.principal import Role
from tests.gateway.organizing import offer
from tests.gateway.real import Town, form_fields, town

__all__ = ["town"]


def test_withdrawing_a_gift_is_asked_first_and_can_be_taken_back(town: Town) -> None:
    staff = town.person("周站长", Role.STAFF)
    offer(staff)
    gift = re.search(r'href="(/staff/gifts/[^"?]+)\?', staff.get("/staff/gifts").text)
    assert gift is not None
    asked = f"{gift[1]}/withdraw?station_id={town.station_id}"
    assert "香皂" in staff.get(asked).text
    gone = staff.post(asked, gift[1])
    assert "礼品已下架" in gone.text
    here = f"{gift[1]}?station_id={town.station_id}"
    assert asked not in staff.get(here).text


def test_the_station_that_was_chosen_for_gifts_is_kept_for_the_other_pages_and_the_other_way_round(town: Town) -> None:
    staff = town.administrator
    station, other = town.station_id, town.nodes["岔路口社区实践站"]
    for first, second in (("/staff/gifts", "/desk/paper"), ("/desk/paper", "/staff/gifts")):
        for node_id, name in ((other, "岔路口社区实践站"), (station, "南昌路社区实践站")):
            staff.get(f"{first}?station_id={node_id}")
            seen = staff.get(second).text
            assert re.search(rf'<a[^>]* aria-current="true">{name}<', seen), (first, second, name)
    assert f'<option value="{station}" selected>' in staff.get("/staff/gifts/new").text


def test_a_refused_movement_of_stock_does_not_lock_its_form(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway import backend
    from shared.errors import Unavailable

    staff = town.person("周站长", Role.STAFF)
    offer(staff)
    gift = re.search(r'href="(/staff/gifts/[^"?]+)\?', staff.get("/staff/gifts").text)
    assert gift is not None
    here, stock = f"{gift[1]}?station_id={town.station_id}", f"{gift[1]}/stock"
    typed = {"kind": "write_off", "reason": "受潮"}
    refused = staff.post(here, stock, status=422, quantity="1000", **typed).text
    assert "库存不足" in refused
    again = form_fields(refused, stock) | {"quantity": "2"}
    through = backend.call

    def busy(service: str, method: str, *arguments: Any, **fields: Any) -> Any:
        if method == "POST":
            raise Unavailable
        return through(service, method, *arguments, **fields)

    with monkeypatch.context() as away:
        away.setattr(backend, "call", busy)
        kept = staff.client.post(stock, data=again)
    assert kept.status_code == 503
    assert form_fields(kept.text, stock)["id"] == again["id"]
    for _ in range(2):
        assert "库存已记账" in staff.client.post(stock, data=again, follow_redirects=True).text
    assert re.search(r"可兑</dt><dd>8<", staff.get(here).text)


def test_the_price_of_a_gift_is_refused_in_points(town: Town) -> None:
    staff, new = town.person("周站长", Role.STAFF), "/staff/gifts/new"
    for price in ("0", "999999.99"):
        assert "积分应在 0.01 到 10" in staff.post(new, new, status=422, name="香皂", points=price).text
    assert "待核实的志愿者" in staff.get("/organize").text
