"""Codes and tokens, without a database."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rewards.domain import voucher
from shared.ids import SHORT_CODE_ALPHABET

KEYS = {"1": bytes(range(32)), "2": bytes(range(1, 33))}
END = datetime(2026, 12, 22, 8, 0, tzinfo=UTC)


@given(st.uuids())
def test_a_short_code_has_twelve_characters_nobody_confuses(redemption_id: UUID) -> None:
    code = voucher.short_code(KEYS["1"], redemption_id)
    assert voucher.is_short_code(code)
    assert not set("0O1I") & set(code)
    assert code == voucher.short_code(KEYS["1"], redemption_id)
    assert code != voucher.short_code(KEYS["2"], redemption_id)


def test_all_characters_of_the_alphabet_occur_and_no_two_codes_are_alike() -> None:
    codes = {voucher.short_code(KEYS["1"], uuid4()) for _ in range(500)}
    assert len(codes) == 500
    assert set("".join(codes)) == set(SHORT_CODE_ALPHABET)


@given(st.uuids(), st.integers(10**9, 10**10))
def test_a_token_reads_as_it_was_written(redemption_id: UUID, end_s: int) -> None:
    end = datetime.fromtimestamp(end_s, UTC)
    token = voucher.write_token("2", KEYS["2"], redemption_id, end)
    for text in (token, f"https://huzhu.example/v/{token}", f"https://huzhu.example/v/{token}?from=wechat#x"):
        read = voucher.read_token(KEYS, text)
        assert read is not None
        assert (read.redemption_id, read.expires_at) == (redemption_id, end)


def test_a_token_is_good_for_one_redemption_one_end_and_one_key_only() -> None:
    token = voucher.write_token("1", KEYS["1"], uuid4(), END)
    version, key_id, redemption, end, mac = token.split(".")
    other = voucher.write_token("1", KEYS["1"], uuid4(), END).split(".")[2]
    forged = [
        [version, key_id, other, end, mac],
        [version, key_id, redemption, str(int(end) + 86400), mac],
        [version, "2", redemption, end, mac],
        [version, "3", redemption, end, mac],
        ["V2", key_id, redemption, end, mac],
        [version, key_id, redemption, end, "A" * 22],
        [version, key_id, redemption, end],
    ]
    assert voucher.read_token(KEYS, token)
    assert [voucher.read_token(KEYS, ".".join(parts)) for parts in forged] == [None] * len(forged)


@given(st.integers(0, 92), st.characters())
def test_a_changed_character_makes_a_token_worthless(place: int, character: str) -> None:
    token = voucher.write_token("1", KEYS["1"], UUID(int=7), END)
    changed = token[:place] + character + token[place + 1 :]
    if changed != token:
        assert voucher.read_token(KEYS, changed) is None


@pytest.mark.parametrize("text", ["", "V1", "/v/", "V1.1.x.1.y", "ＡＢＣ", "\x00", "V1.1." + "A" * 5000])
def test_other_text_is_no_token(text: str) -> None:
    assert voucher.read_token(KEYS, text) is None
    assert not voucher.is_short_code(text)
