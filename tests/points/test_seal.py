"""The seal: every transfer has its place in its station's chain, and whatever is done to it is found and named."""

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text

from services.points import jobs
from services.points.commands.seal_transfers import BATCH_TRANSFERS_MAX, seal_all, seal_transfers
from services.points.queries import verify
from services.points.store import seals, standings
from shared.db import session, transactional
from tests.points.support import (
    CHALUKOU,
    NANCHANG,
    at_once,
    attendance,
    broken,
    corrected,
    member,
    redemption,
    settle,
    spend,
    void,
    voided,
)
from tests.support import Settings

Raw = psycopg.Connection[Any]


@pytest.fixture
def raw(settings: Settings, points_app: Flask) -> Raw:
    """Somebody with all rights and no triggers in the way."""
    return settings.database("points").connection


@pytest.fixture
def sealed(town: Flask) -> Flask:
    """Two chains of some length."""
    for home in (NANCHANG, CHALUKOU):
        chen = member(home)
        facts = [attendance(chen, 60 + number, category="repair") for number in range(4)]
        settle(facts)
        settle([corrected(facts[0], 30)])
        spend([redemption(chen, 100)])
        cancelled = redemption(chen, 150)
        spend([cancelled])
        void([voided(cancelled)])
    assert seal_all() > 20
    assert broken() == {}
    return town


def chain_of(raw: Raw, chain_id: UUID = NANCHANG) -> list[Any]:
    return raw.execute("SELECT seq, transfer_id FROM seal WHERE chain_id = %s ORDER BY seq", [chain_id]).fetchall()


def whole_chains() -> list[str]:
    session().rollback()
    found = list(verify.chains_are_whole())
    session().rollback()
    return found


_OTHER_VALUES: dict[str, str] = {
    "id": "gen_random_uuid()",
    "source_type": "'gift'",
    "source_id": "gen_random_uuid()",
    "source_version": "source_version + 1",
    "line": "(line + 50)::smallint",
    "chain_id": "gen_random_uuid()",
    "unit": "'XXX'",
    "kind": "'gift'",
    "debit_id": "gen_random_uuid()",
    "credit_id": "gen_random_uuid()",
    "amount": "amount + 1",
    "service_day": "service_day + 1",
    "recorded_at": "recorded_at + interval '1 microsecond'",
    "rule_id": "gen_random_uuid()",
    "reverses": "gen_random_uuid()",
}


def test_every_column_has_an_attack() -> None:
    from services.points.domain.ledger import Transfer

    assert set(_OTHER_VALUES) == set(Transfer._fields)


def test_a_changed_column_is_found_and_its_place_named(sealed: Flask, raw: Raw) -> None:
    seq, transfer_id = chain_of(raw)[2]
    for column, other_value in _OTHER_VALUES.items():
        raw.execute("CREATE TEMP TABLE kept AS SELECT * FROM transfer WHERE id = %s", [transfer_id])
        raw.execute(f"UPDATE transfer SET {column} = {other_value} WHERE id = %s", [transfer_id])
        (line,) = whole_chains()
        assert f"chain {NANCHANG}, place {seq}" in line, column
        assert "its transfer is gone" in line if column == "id" else f"transfer {transfer_id} was changed" in line
        raw.execute("DELETE FROM transfer WHERE id NOT IN (SELECT transfer_id FROM seal) OR id = %s", [transfer_id])
        raw.execute("INSERT INTO transfer SELECT * FROM kept; DROP TABLE kept")
    assert broken() == {}


def test_a_cut_in_the_middle_is_found(sealed: Flask, raw: Raw) -> None:
    seq, transfer_id = chain_of(raw)[3]
    raw.execute("DELETE FROM seal WHERE transfer_id = %s", [transfer_id])
    raw.execute("DELETE FROM transfer WHERE id = %s", [transfer_id])
    assert whole_chains() == [f"chain {NANCHANG}, place {seq + 1}: 1 before it are cut out"]


def test_a_cut_in_the_middle_with_new_numbers_is_found(sealed: Flask, raw: Raw) -> None:
    seq, transfer_id = chain_of(raw)[3]
    raw.execute("DELETE FROM seal WHERE transfer_id = %s", [transfer_id])
    raw.execute("UPDATE seal SET seq = seq - 1 WHERE chain_id = %s AND seq > %s", [NANCHANG, seq])
    assert f"chain {NANCHANG}, place {seq}: does not follow from the one before" in whole_chains()


def test_a_cut_tail_is_found(sealed: Flask, raw: Raw) -> None:
    *_, (last, transfer_id) = chain_of(raw)
    raw.execute("DELETE FROM seal WHERE transfer_id = %s", [transfer_id])
    raw.execute("DELETE FROM transfer WHERE id = %s", [transfer_id])
    (line,) = whole_chains()
    assert f"ends at {last - 1}, its head is {last}" in line


def test_a_whole_chain_that_is_gone_is_found(sealed: Flask, raw: Raw) -> None:
    raw.execute("DELETE FROM seal WHERE chain_id = %s", [NANCHANG])
    (line,) = whole_chains()
    assert f"chain {NANCHANG}: ends at 0" in line


def test_two_transfers_that_changed_places_are_found(sealed: Flask, raw: Raw) -> None:
    (one_seq, one), (other_seq, other) = chain_of(raw)[2:4]
    raw.execute("ALTER TABLE seal DROP CONSTRAINT uq_seal_transfer_id")
    try:
        raw.execute("UPDATE seal SET transfer_id = %s WHERE chain_id = %s AND seq = %s", [other, NANCHANG, one_seq])
        raw.execute("UPDATE seal SET transfer_id = %s WHERE chain_id = %s AND seq = %s", [one, NANCHANG, other_seq])
        found = whole_chains()
        raw.execute("UPDATE seal SET transfer_id = %s WHERE chain_id = %s AND seq = %s", [one, NANCHANG, one_seq])
        raw.execute("UPDATE seal SET transfer_id = %s WHERE chain_id = %s AND seq = %s", [other, NANCHANG, other_seq])
    finally:
        raw.execute("ALTER TABLE seal ADD CONSTRAINT uq_seal_transfer_id UNIQUE (transfer_id)")
    assert [line.split(":")[0] for line in found] == [
        f"chain {NANCHANG}, place {one_seq}",
        f"chain {NANCHANG}, place {other_seq}",
    ]


@pytest.mark.parametrize("change", ["hash = sha256(hash)", "seq = seq + 1", "seq = seq - 1"])
def test_a_changed_head_is_found(sealed: Flask, raw: Raw, change: str) -> None:
    raw.execute(f"UPDATE seal_head SET {change} WHERE chain_id = %s", [NANCHANG])
    assert len(whole_chains()) == 1


def test_a_forgotten_salt_leaves_the_chain_whole(sealed: Flask, raw: Raw) -> None:
    raw.execute("UPDATE account SET salt = NULL")
    assert broken() == {}


def test_two_accounts_whose_digests_changed_places_are_found(sealed: Flask, raw: Raw) -> None:
    one, other = raw.execute("SELECT id, digest FROM account WHERE kind = 'member' AND unit = 'PTS' LIMIT 2").fetchall()
    for mine, theirs in ((one, other), (other, one)):
        raw.execute("UPDATE account SET salt = NULL, digest = %s WHERE id = %s", [theirs[1], mine[0]])
    assert len(whole_chains()) > 2


def test_a_transfer_turned_to_an_account_with_the_same_digest_is_found(sealed: Flask, raw: Raw) -> None:
    _seq, transfer_id = chain_of(raw)[2]
    raw.execute(
        "UPDATE account SET salt = NULL, digest = theirs.digest"
        " FROM transfer JOIN account theirs ON credit_id = theirs.id WHERE transfer.id = %s"
        " AND account.id = (SELECT id FROM account WHERE id <> credit_id AND kind = 'debt' LIMIT 1)",
        [transfer_id],
    )
    raw.execute(
        "UPDATE transfer SET credit_id = (SELECT a.id FROM account a JOIN account b USING (digest)"
        " WHERE b.id = transfer.credit_id AND a.id <> b.id) WHERE id = %s",
        [transfer_id],
    )
    assert whole_chains() == []
    assert "stands for 2 accounts" in broken()["digests stand for their accounts"][0]


def test_links_of_the_first_encoding_are_still_verified(sealed: Flask, raw: Raw) -> None:
    _seal_as_at_first(raw)
    assert broken() == {}
    settle([attendance(member(), 60)])
    assert seal_all() == 2
    assert broken() == {}
    raw.execute("UPDATE transfer SET debit_id = credit_id, credit_id = debit_id WHERE id = %s", [chain_of(raw)[2][1]])
    assert len(whole_chains()) == 1


def _seal_as_at_first(raw: Raw) -> None:
    """Bring the chains to what they would be, had they been sealed before accounts had digests."""
    from services.points.domain.ledger import Transfer
    from services.points.domain.seal import ENCODING_OF_IDS, GENESIS, Sealable, link

    columns = ", ".join(f"transfer.{name}" for name in Transfer._fields)
    ends: dict[UUID, bytes] = {}
    rows = raw.execute(
        f"SELECT seal.chain_id, seq, {columns} FROM seal JOIN transfer ON transfer.id = transfer_id ORDER BY 1, 2"
    ).fetchall()
    for chain_id, seq, *fields in rows:
        previous = ends.get(chain_id, GENESIS)
        sealable = Sealable(Transfer._make(fields), b"", b"")
        ends[chain_id] = link(previous, chain_id, seq, sealable, ENCODING_OF_IDS)
        raw.execute(
            "UPDATE seal SET prev = %s, hash = %s, encoding = 1 WHERE chain_id = %s AND seq = %s",
            [previous, ends[chain_id], chain_id, seq],
        )
    for chain_id, hashed in ends.items():
        raw.execute("UPDATE seal_head SET hash = %s WHERE chain_id = %s", [hashed, chain_id])


def test_accounts_opened_before_there_were_digests_got_the_same_kind(sealed: Flask, raw: Raw) -> None:
    raw.execute("UPDATE account SET salt = uuid_send(gen_random_uuid())")
    raw.execute("UPDATE account SET digest = sha256(salt || uuid_send(id))")
    assert "digests stand for their accounts" not in broken()


def test_a_digest_cannot_be_changed_by_the_service(sealed: Flask) -> None:
    from sqlalchemy import text
    from sqlalchemy.exc import DBAPIError

    with pytest.raises(DBAPIError, match="the digest of an account stays"):
        session().execute(text("UPDATE account SET digest = digest"))
    session().rollback()


def test_a_transfer_that_was_slipped_in_is_found(sealed: Flask, raw: Raw) -> None:
    raw.execute(
        "INSERT INTO transfer SELECT %s, source_type, %s, 1, 1, chain_id, unit, kind, debit_id, credit_id, amount,"
        " service_day, recorded_at, rule_id, NULL FROM transfer LIMIT 1",
        [uuid4(), uuid4()],
    )
    assert "is neither sealed nor waiting" in broken()["every transfer is sealed or waits"][0]


_ATTACKS = {
    "each balance is the fold of its transfers": [
        "UPDATE account SET credits = credits + 1 WHERE kind = 'member' AND unit = 'PTS'",
        "UPDATE account SET debits = debits + 1 WHERE kind = 'redemption'",
    ],
    "the sum of every unit over all accounts is zero": [
        "UPDATE account SET credits = credits + 1 WHERE kind = 'issuance'",
    ],
    "held = Σ open holds": ["UPDATE account SET held = 1 WHERE unit = 'MIN' AND kind = 'member'"],
    "no member is below zero": ["UPDATE account SET limited = false WHERE kind = 'member'"],
    "points of an account = Σ remaining of its lots": ["UPDATE lot SET remaining = remaining - 1 WHERE remaining > 0"],
    "original − remaining = Σ allocations": ["UPDATE lot SET original = original + 1"],
    "every transfer of points is allocated": ["UPDATE allocation SET amount = amount + 1"],
    "outcomes come out the same": [
        "UPDATE outcome SET points = points + 1 WHERE state = 'awarded'",
        "UPDATE outcome SET cap_before = cap_before + 300 WHERE state = 'awarded'",
        "UPDATE rule SET body = body || '{\"coefficient_percent\": 200}' WHERE category = 'repair'",
        "UPDATE rule SET from_day = from_day - 1",
        "UPDATE outcome SET rule_id = gen_random_uuid()",
    ],
    "one live award an attendance": ["DELETE FROM outcome WHERE version = 2"],
    "caps count the outcomes": ["UPDATE cap_used SET points = points - 1"],
    "awards keep within the caps of their rules": [
        "UPDATE rule SET body = body || '{\"points_daily_max\": 199}' WHERE category = 'repair'",
        "UPDATE rule SET body = body || '{\"category_daily_max\": 199}' WHERE category = 'repair'",
        "UPDATE outcome SET points = points + 400 WHERE state = 'awarded'",
    ],
    "every rating follows a rule of its category and day": [
        "UPDATE rule SET category = 'painting' WHERE category = 'repair'",
        "UPDATE rule SET from_day = '2100-01-01'",
        "UPDATE outcome SET rule_id = NULL",
        "UPDATE outcome SET state = 'annulled'",
    ],
    "spends are what was answered": ["DELETE FROM idempotency"],
    "opening balances are what was approved": [
        "INSERT INTO idempotency VALUES"
        """ ('opening:' || gen_random_uuid(), '', '{"points": 5, "minutes": 5}', '', now())""",
    ],
    "a refund gives back to each lot what its spend took": [
        "UPDATE allocation SET amount = amount + 1 WHERE amount < 0",
        "UPDATE allocation SET lot_id = gen_random_uuid() WHERE amount < 0",
        "DELETE FROM allocation WHERE amount < 0",
        "UPDATE transfer SET reverses = NULL WHERE kind = 'refund'",
        "UPDATE transfer SET reverses = id WHERE kind = 'refund'",
    ],
    "nobody has points to spend and a debt": ["UPDATE account SET debits = debits + 1 WHERE kind = 'debt'"],
    "transfers stay in their chain, clearing is even": ["UPDATE transfer SET chain_id = gen_random_uuid()"],
    "every transfer is sealed or waits": [
        "INSERT INTO unsealed SELECT transfer_id FROM seal",
        "INSERT INTO unsealed VALUES (gen_random_uuid())",
        "DELETE FROM seal",
    ],
    "digests stand for their accounts": [
        "UPDATE account SET salt = sha256(salt) WHERE kind = 'member'",
        "UPDATE account SET salt = NULL, digest = sha256('') WHERE kind = 'member'",
    ],
    "who was merged has nothing": [
        "UPDATE account SET merged_into = gen_random_uuid() WHERE kind = 'member' AND unit = 'PTS'",
    ],
    "merges are those of the cards": [
        "UPDATE account SET merged_into = gen_random_uuid() WHERE kind = 'member' AND unit = 'PTS'",
        "UPDATE account SET merged_into = owner_id WHERE kind = 'member' AND unit = 'PTS'",
    ],
    "hours are with who served": [
        "UPDATE account SET credits = credits + 1 WHERE kind = 'member' AND unit = 'MIN'",
    ],
    "moves are their transfers": [
        "INSERT INTO move (id, kind, from_member_id, to_member_id, points, minutes, debt, at)"
        " VALUES (gen_random_uuid(), 'merge', gen_random_uuid(), gen_random_uuid(), 1, 0, 0, now())",
        "UPDATE transfer SET source_type = 'move'",
    ],
    "it is known since when members are gone": [
        "INSERT INTO gone VALUES (gen_random_uuid(), now())",
        "UPDATE member_card SET status = 'left'",
    ],
    "parts of lots keep their expiry": ["UPDATE lot SET origin_id = gen_random_uuid()"],
    "lots live as long as their rules say": [
        "UPDATE lot SET expires_at = now() + interval '40 days'",
        "UPDATE lot SET origin_id = gen_random_uuid()",
    ],
    "chains are whole": [
        "DELETE FROM seal_head",
        "UPDATE seal SET prev = hash",
        "UPDATE seal SET encoding = 1 WHERE seq = 2",
        "UPDATE account SET salt = NULL, digest = sha256(digest) WHERE kind = 'debt' OR kind = 'issuance'",
    ],
}


def test_every_check_has_an_attack() -> None:
    assert set(_ATTACKS) == set(verify.CHECKS)


@pytest.mark.parametrize(
    ("statement", "check"), [(statement, check) for check, statements in _ATTACKS.items() for statement in statements]
)
def test_each_check_finds_what_it_is_for(sealed: Flask, raw: Raw, statement: str, check: str) -> None:
    raw.execute(statement)
    assert check in broken()


def test_the_ledgers_rows_cannot_be_changed_by_the_service(sealed: Flask) -> None:
    from sqlalchemy import text
    from sqlalchemy.exc import DBAPIError

    for table in ("transfer", "allocation", "seal", "outcome", "rule", "idempotency", "move"):
        column = next(iter(session().execute(text(f"SELECT * FROM {table} LIMIT 1")).keys()))
        for statement in ("UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"):
            with pytest.raises(DBAPIError, match=r"permission denied|append-only"):
                session().execute(text(statement.format(table, column, column)))
            session().rollback()


# --- The sealer ---------------------------------------------------------------------------------------


def test_sealing_again_changes_nothing_and_later_transfers_follow(sealed: Flask, raw: Raw) -> None:
    before = chain_of(raw)
    assert seal_all() == 0
    settle([attendance(member(), 60)])
    assert seal_all() == 2
    assert chain_of(raw)[:-2] == before
    assert broken() == {}


def test_a_backlog_is_sealed_by_no_plan_that_was_kept_from_an_empty_list(town: Flask) -> None:
    tx = session()
    for _ in range(10):
        seals.lock(tx)
        assert seals.claim(tx, 10) == []
        assert standings.take_marks(tx, 10) == []
    kept = " ".join(tx.scalars(text("SELECT statement FROM pg_prepared_statements")))
    tx.rollback()
    assert "pg_try_advisory_xact_lock" in kept
    assert "unsealed" not in kept
    assert "board_dirty" not in kept


def test_only_one_sealer_works_at_a_time(town: Flask) -> None:
    settle([attendance(member(), 10 + number) for number in range(40)])
    sealed = at_once(town, [seal_all] * 4)
    assert sum(sealed) == 80
    assert broken() == {}


def test_a_booking_that_commits_late_is_sealed_later(town: Flask) -> None:
    from services.points.commands.book_attendances import book_attendances

    settle([attendance(member())])
    assert seal_all() == 2
    early, late = attendance(member()), attendance(member())

    @transactional
    def settle_slowly(tx: Any) -> None:
        book_attendances(tx, [early])
        # Meanwhile, in another session, a later one is booked and sealed.
        at_once(town, [lambda: (settle([late]), seal_all())])

    settle_slowly()
    assert seal_transfers() == 2
    assert broken() == {}


def test_the_jobs_seal_what_was_booked(town: Flask) -> None:
    settle([attendance(member())])
    assert list(verify.list_pending()) == ["2 transfers wait to be sealed"]
    session().rollback()
    jobs.sweep()
    assert list(verify.list_pending()) == []
    session().rollback()
    settle([attendance(member())])
    assert jobs.seal() == 2
    assert BATCH_TRANSFERS_MAX > 2


def test_a_sealer_that_fails_does_not_stop_the_boards(
    town: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    done: list[str] = []

    def fail() -> int:
        raise RuntimeError("no such chain")

    monkeypatch.setattr(jobs, "seal_all", fail)
    monkeypatch.setattr(jobs, "refresh", lambda: done.append("refreshed"))
    with pytest.raises(ExceptionGroup) as raised:
        jobs.sweep()
    assert [str(failure) for failure in raised.value.exceptions] == ["no such chain"]
    assert "duty failed" in caplog.text
    assert done == ["refreshed"]
