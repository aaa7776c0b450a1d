"""The text of place codes: genuine, fresh, small."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.checkin.domain import codes
from services.checkin.domain.codes import STEP_S, Direction, Freshness, PlaceCode

KEY, OLD_KEY = bytes(range(32)), bytes(range(32, 64))
NOW = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
CODE = PlaceCode(uuid4(), uuid4(), Direction.ARRIVAL, codes.step_of(NOW))

places = st.builds(PlaceCode, st.uuids(), st.uuids(), st.sampled_from(Direction), st.integers(0, 36**7))


@given(places)
def test_what_is_written_can_be_read(code: PlaceCode) -> None:
    text = codes.write(code, "1", KEY)
    assert codes.read(text, {"1": KEY}) == code
    assert codes.read(f"https://huzhu.test/s/{text}", {"1": KEY}) == code


@given(places, st.data())
def test_one_changed_character_makes_it_a_forgery(code: PlaceCode, data: st.DataObject) -> None:
    text = codes.write(code, "1", KEY)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(
        st.sampled_from("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.").filter(
            lambda character: character != text[place]
        )
    )
    assert codes.read(text[:place] + other + text[place + 1 :], {"1": KEY}) is None


@given(st.text(max_size=200))
def test_any_other_text_is_no_code(text: str) -> None:
    assert codes.read(text, {"1": KEY}) is None


def test_old_keys_stay_readable_and_unknown_ones_do_not() -> None:
    old = codes.write(CODE, "0", OLD_KEY)
    assert codes.read(old, {"1": KEY, "0": OLD_KEY}) == CODE
    assert codes.read(old, {"1": KEY}) is None
    assert codes.read(codes.write(CODE, "1", OLD_KEY), {"1": KEY, "0": OLD_KEY}) is None


def test_the_key_of_one_activity_opens_no_other() -> None:
    """Same step, site and direction: the macs have nothing in common."""
    other = PlaceCode(uuid4(), CODE.site_id, CODE.direction, CODE.step)
    first, second = (codes.write(code, "1", KEY) for code in (CODE, other))
    moved = second.rpartition(".")[0] + "." + first.rpartition(".")[2]
    assert codes.read(moved, {"1": KEY}) is None


def test_the_address_is_short_enough_for_a_coarse_qr() -> None:
    text = codes.write(PlaceCode(UUID(int=2**128 - 1), UUID(int=2**128 - 1), Direction.ARRIVAL, CODE.step), "1", KEY)
    assert len(f"https://huzhu.example.cn/s/{text}") <= 106  # version 6 at level M holds 106 bytes


@pytest.mark.parametrize(
    ("age_steps", "expected"),
    [
        (-2, Freshness.NOT_SHOWN_YET),
        (-1, Freshness.CURRENT),
        (0, Freshness.CURRENT),
        (2, Freshness.CURRENT),
        (3, Freshness.LATE),
        (120, Freshness.LATE),
        (121, Freshness.EXPIRED),
        (100_000, Freshness.EXPIRED),
        (-120, Freshness.NOT_SHOWN_YET),
    ],
)
def test_a_code_is_as_fresh_as_its_step_is_near_to_the_reading(age_steps: int, expected: Freshness) -> None:
    assert CODE.freshness(NOW + timedelta(seconds=age_steps * STEP_S)) is expected
