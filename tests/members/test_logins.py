"""Logging in: no account enumeration, slowing down."""

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import argon2
import pytest

from services.members.commands import hashing
from services.members.domain import passwords
from shared import clock
from tests.members.logging_in import attempt
from tests.members.town import PASSWORD, Town, new_phone


def test_unknown_phones_and_wrong_passwords_are_refused_in_the_same_words(town: Town) -> None:
    town.register(phone="13712345678")
    known, unknown = attempt(town, "13712345678"), attempt(town, "13787654321")
    assert known.status_code == unknown.status_code == 401
    assert {**known.json, "request_id": ""} == {**unknown.json, "request_id": ""}
    assert known.json["code"] == "wrong_login"


def test_unknown_phones_cost_the_same_statements_and_hashing(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    town.register(phone="13712345678")
    verified: list[str] = []
    real = hashing._hasher.verify

    class Counting:
        check_needs_rehash = hashing._hasher.check_needs_rehash

        def verify(self, stored: str, password: str) -> bool:
            verified.append(stored.rpartition("$")[0].rpartition("$")[0])  # parameters
            return real(stored, password)

    monkeypatch.setattr(hashing, "_hasher", Counting())
    seen = []
    for phone in ("13712345678", "13787654321"):
        with town.statements() as sent:
            attempt(town, phone)
        seen.append(sent)
    assert seen[0] == seen[1]
    assert len(verified) == 2
    assert len(set(verified)) == 1


def test_a_password_is_hashed_as_owasp_recommends() -> None:
    # Anew, since in this process hashes are made cheap.
    spec = importlib.util.find_spec(hashing.__name__)
    assert spec is not None
    assert spec.loader is not None
    as_written = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(as_written)
    used = argon2.extract_parameters(as_written.hash_password(PASSWORD))
    assert (used.type, used.time_cost, used.memory_cost) == (argon2.Type.ID, 2, 19 * 1024)


@pytest.mark.parametrize("known", [True, False])
def test_after_five_failures_everybody_waits_also_for_unknown_phones(town: Town, known: bool) -> None:
    phone = new_phone()
    if known:
        town.register(phone=phone)
    now = clock.now()
    with clock.travel(now):
        assert [attempt(town, phone).status_code for _ in range(5)] == [401] * 5
        refused = attempt(town, phone, PASSWORD)
        assert (refused.status_code, refused.json["code"]) == (429, "slow_down")
        assert refused.headers["Retry-After"] == "2"
    with clock.travel(now + timedelta(seconds=3)):
        assert attempt(town, phone).status_code == 401
        assert attempt(town, phone).headers["Retry-After"] == "4"


@pytest.mark.parametrize("known", [True, False])
def test_who_keeps_failing_for_somebody_elses_phone_waits_alone(town: Town, known: bool) -> None:
    phone, status = new_phone(), 401
    if known:
        town.register(phone=phone)
        status = 200
    began = clock.now()
    for day in range(3):
        for quarter in range(12):
            with clock.travel(began + timedelta(days=day, minutes=15 * quarter)):
                while attempt(town, phone).status_code != 429:
                    pass
    with clock.travel(began + timedelta(days=2, minutes=15 * 11)):
        assert attempt(town, phone, PASSWORD).status_code == 429
        assert attempt(town, phone, PASSWORD, network="10.0.0.2").status_code == status


@pytest.mark.parametrize("known", [True, False])
def test_guesses_from_everywhere_are_slowed_down_by_phone_until_the_next_day(
    town: Town, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "PHONE_FREE_FAILURES", 20)  # of 200: each costs a hash
    phone = new_phone()
    if known:
        town.register(phone=phone)
    today = clock.day_starts(clock.today())
    with clock.travel(today):
        for number in range(passwords.PHONE_FREE_FAILURES):
            assert attempt(town, phone, network=f"10.0.{number // 4}.1").status_code == 401
        refused = attempt(town, phone, PASSWORD, network="10.1.0.1")
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "2")
    with clock.travel(today + timedelta(days=1)):
        assert attempt(town, phone, PASSWORD, network="10.1.0.1").status_code == (200 if known else 401)


def test_one_network_alone_never_fills_what_a_phone_has_for_a_day() -> None:
    now = failures = 0
    while now < timedelta(days=1).total_seconds():
        failures += 1
        now += round(passwords.delay_after(failures).total_seconds())
    assert failures < passwords.PHONE_FREE_FAILURES


def test_a_right_password_forgets_the_failures(town: Town) -> None:
    town.register(phone="13712345678")
    for _ in range(3):
        assert [attempt(town, "13712345678").status_code for _ in range(4)] == [401] * 4
        assert attempt(town, "13712345678", PASSWORD).status_code == 200


def test_failures_of_yesterday_do_not_count(town: Town) -> None:
    phone = new_phone()
    assert [attempt(town, phone).status_code for _ in range(4)] == [401] * 4
    with clock.travel(clock.now() + timedelta(hours=25)):
        assert [attempt(town, phone).status_code for _ in range(5)] == [401] * 5


def test_twenty_guesses_at_once_are_five(town: Town) -> None:
    town.register(phone="13712345678")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: attempt(town, "13712345678").status_code, range(20)))
    assert answers.count(401) == 5
    assert answers.count(429) == 15
