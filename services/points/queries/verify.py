"""What must always hold of the ledger, for `./dev verify`: each check yields what breaks it.

Every check reads in one statement, so it sees one moment and may run while people serve and spend.
What waits to be sealed is `list_pending`, not broken.
"""

import hashlib
from collections.abc import Callable, Iterator
from uuid import UUID

from services.points.domain.ledger import Transfer
from services.points.domain.rating import Body, Rule, Served, hash_of, rate
from services.points.domain.seal import GENESIS, Sealable, link
from services.points.queries import verify_expiry, verify_merges
from services.points.queries.streaming import rows
from services.points.store.moves import HOLDERS
from shared import clock

_TRANSFER_COLUMNS = ", ".join(f"transfer.{name}" for name in Transfer._fields)


# --- Sums ---------------------------------------------------------------------------------------------


def balances_are_the_fold_of_their_transfers() -> Iterator[str]:
    """Members' accounts: of all their transfers. Stations' accounts: of the sealed ones."""
    for row in rows("""
        WITH moved AS (
            SELECT credit_id AS id, amount AS credit, 0 AS debit, transfer.id AS transfer_id FROM transfer
            UNION ALL SELECT debit_id, 0, amount, transfer.id FROM transfer
        ), folded AS (
            SELECT moved.id, sum(credit) AS credits, sum(debit) AS debits FROM moved JOIN account USING (id)
            WHERE account.kind IN ('member', 'debt')
                OR EXISTS (SELECT FROM seal WHERE seal.transfer_id = moved.transfer_id)
            GROUP BY 1
        )
        SELECT id, kind, unit, owner_id, account.credits, account.debits,
            coalesce(folded.credits, 0) AS credits_of_transfers, coalesce(folded.debits, 0) AS debits_of_transfers
        FROM account LEFT JOIN folded USING (id)
        WHERE (account.credits, account.debits) <> (coalesce(folded.credits, 0), coalesce(folded.debits, 0))
    """):
        yield (
            f"account {row.id} ({row.kind} {row.unit} of {row.owner_id}) says {row.credits} and {row.debits}, "
            f"its transfers {row.credits_of_transfers} and {row.debits_of_transfers}"
        )


def every_unit_sums_to_zero() -> Iterator[str]:
    """Over all accounts, with what is not sealed yet."""
    for row in rows("""
        WITH waiting AS (
            SELECT account.unit, sum(CASE WHEN account.id = transfer.credit_id THEN amount ELSE -amount END) AS balance
            FROM unsealed JOIN transfer ON transfer.id = transfer_id
            JOIN account ON account.id IN (credit_id, debit_id) AND account.kind NOT IN ('member', 'debt') GROUP BY 1
        ), kept AS (SELECT unit, sum(credits - debits) AS balance FROM account GROUP BY 1)
        SELECT unit, kept.balance + coalesce(waiting.balance, 0) AS balance FROM kept LEFT JOIN waiting USING (unit)
        WHERE kept.balance + coalesce(waiting.balance, 0) <> 0
    """):
        yield f"all accounts in {row.unit} sum to {row.balance}"


def every_chain_sums_to_zero() -> Iterator[str]:
    """Transfers stay within their station's chain and unit; what crosses passes the clearing accounts."""
    for row in rows("""
        SELECT transfer.id, transfer.chain_id, transfer.unit FROM transfer
        JOIN account debit ON debit.id = debit_id JOIN account credit ON credit.id = credit_id
        WHERE (debit.chain_id, debit.unit, credit.chain_id, credit.unit)
            <> (transfer.chain_id, transfer.unit, transfer.chain_id, transfer.unit)
    """):
        yield f"transfer {row.id} leaves chain {row.chain_id} or unit {row.unit}"
    for row in rows("""
        SELECT source_id, source_version, unit, sum(amount) AS left_over FROM (
            SELECT source_id, source_version, transfer.unit, amount FROM transfer
            JOIN account ON account.id = credit_id AND account.kind = 'clearing'
            UNION ALL SELECT source_id, source_version, transfer.unit, -amount FROM transfer
            JOIN account ON account.id = debit_id AND account.kind = 'clearing'
        ) crossed GROUP BY 1, 2, 3 HAVING sum(amount) <> 0
    """):
        yield f"transaction {row.source_id} version {row.source_version} leaves {row.left_over} {row.unit} in clearing"


def no_member_is_below_zero() -> Iterator[str]:
    for row in rows("""
        SELECT id, owner_id, unit, credits - debits - held AS balance FROM account
        WHERE (kind = 'member' AND (NOT limited OR credits - debits - held < 0))
            OR (kind = 'debt' AND credits > debits) OR held < 0
    """):
        yield f"account {row.id} of {row.owner_id} stands at {row.balance} {row.unit}"


def nothing_is_held() -> Iterator[str]:
    """Holds are not built yet: held = Σ open holds = 0."""
    for row in rows("SELECT id, held FROM account WHERE held <> 0"):
        yield f"account {row.id} holds {row.held}"


# --- Lots ---------------------------------------------------------------------------------------------


def lots_hold_what_their_accounts_hold() -> Iterator[str]:
    for row in rows("""
        SELECT account.id, owner_id, credits - debits - held AS balance, coalesce(sum(remaining), 0) AS remaining
        FROM account LEFT JOIN lot ON lot.account_id = account.id
        WHERE account.kind = 'member' AND account.unit = 'PTS'
        GROUP BY account.id HAVING credits - debits - held <> coalesce(sum(remaining), 0)
    """):
        yield f"account {row.id} of {row.owner_id} holds {row.balance}, its lots {row.remaining}"


def lots_are_what_was_not_allocated() -> Iterator[str]:
    for row in rows("""
        SELECT lot.id, original, remaining, coalesce(sum(amount), 0) AS allocated
        FROM lot LEFT JOIN allocation ON lot_id = lot.id
        GROUP BY lot.id HAVING original - remaining <> coalesce(sum(amount), 0)
    """):
        yield f"lot {row.id} had {row.original} and has {row.remaining}, but {row.allocated} is allocated"


def every_transfer_of_points_is_allocated() -> Iterator[str]:
    """What left a member's account was taken from lots, and what came was put in one."""
    for row in rows("""
        WITH moved AS (
            SELECT transfer.id, amount FROM transfer JOIN account ON account.id = debit_id
            WHERE account.kind = 'member' AND account.unit = 'PTS'
            UNION ALL
            SELECT transfer.id, -amount FROM transfer JOIN account ON account.id = credit_id
            WHERE account.kind = 'member' AND account.unit = 'PTS'
        )
        SELECT moved.id, moved.amount, coalesce(sum(allocation.amount), -lot.original) AS allocated
        FROM moved LEFT JOIN allocation ON transfer_id = moved.id LEFT JOIN lot ON lot.id = moved.id
        GROUP BY moved.id, moved.amount, lot.original
        HAVING moved.amount IS DISTINCT FROM coalesce(sum(allocation.amount), -lot.original)
    """):
        yield f"transfer {row.id} moved {row.amount} of a member's points, the lots say {row.allocated}"


def refunds_go_back_to_their_lots() -> Iterator[str]:
    """Lot by lot as much as the spend took, whatever happened in between."""
    for row in rows("""
        WITH refund AS (SELECT id, reverses AS spend_id FROM transfer WHERE kind = 'refund'),
        taken AS (
            SELECT spend_id, lot_id, amount FROM refund JOIN allocation ON transfer_id = spend_id
        ), given AS (
            SELECT spend_id, lot_id, -amount AS amount FROM refund JOIN allocation ON transfer_id = refund.id
        )
        SELECT spend_id, lot_id, taken.amount AS taken, given.amount AS given
        FROM taken FULL JOIN given USING (spend_id, lot_id) WHERE taken.amount IS DISTINCT FROM given.amount
        UNION ALL
        SELECT refund.id, NULL, NULL, NULL FROM refund
        LEFT JOIN transfer spend ON spend.id = spend_id AND spend.kind = 'spend' WHERE spend.id IS NULL
    """):
        yield f"spend {row.spend_id} took {row.taken} of lot {row.lot_id}, its refund gave {row.given} back"


def nobody_has_points_and_a_debt() -> Iterator[str]:
    """Debts are paid from the first points that come. What has expired cannot be spent, and waits to be ended."""
    for row in rows(
        """
        WITH lived AS (SELECT greatest(:now, max(recorded_at)) AS until FROM transfer),
        spendable AS (
            SELECT owner_id, sum(remaining) AS points FROM lot JOIN account ON account.id = account_id, lived
            WHERE remaining > 0 AND (expires_at IS NULL OR expires_at > until) GROUP BY 1
        )
        SELECT owner_id, points, debits - credits AS debt FROM spendable JOIN account USING (owner_id)
        WHERE kind = 'debt' AND debits > credits
        """,
        now=clock.now(),
    ):
        yield f"member {row.owner_id} has {row.points} points to spend and owes {row.debt}"


# --- Outcomes -----------------------------------------------------------------------------------------


def outcomes_come_out_the_same() -> Iterator[str]:
    """Every rating, worked out again from what was stored with it."""
    rules: dict[UUID, Rule] = {}
    for row in rows("SELECT id, category, version, from_day, body, hash FROM rule"):
        body = Body(**row.body | {"evidence": tuple(row.body["evidence"])})
        rules[row.id] = Rule(row.id, row.category, row.version, row.from_day, body)
        if hash_of(row.category, row.version, row.from_day, row.body) != row.hash:
            yield f"rule {row.category} {row.version} was changed"
    for row in rows("SELECT * FROM outcome WHERE state IN ('awarded', 'no_points')"):
        rule = rules.get(row.rule_id)
        if rule is None:
            yield f"outcome {row.attendance_id} version {row.version} names a rule that is not there"
            continue
        served = Served(row.minutes, row.minutes_together, row.activity_minutes, row.evidence, row.carries_visit)
        rating = rate(rule, served, row.cap_before, row.category_before)
        # Minutes were called 分 at first, which beside points reads as points.
        is_as_stored = rating.points == row.points and rating.reason.replace("分钟", "分") == row.reason.replace(
            "分钟", "分"
        )
        if not is_as_stored or row.minutes_booked != row.minutes:
            yield (
                f"outcome {row.attendance_id} version {row.version} is {row.points} ({row.reason}), "
                f"worked out again {rating.points} ({rating.reason})"
            )


def one_live_award_an_attendance() -> Iterator[str]:
    """Of each attendance exactly the newest outcome's award stands: neither more nor less is booked."""
    for row in rows("""
        WITH newest AS (
            SELECT DISTINCT ON (attendance_id) attendance_id, member_id, points, minutes_booked, award_version
            FROM outcome ORDER BY attendance_id, version DESC
        ), booked AS (
            SELECT source_id AS attendance_id,
                sum(CASE WHEN transfer.kind = 'award' THEN amount ELSE -amount END)
                    FILTER (WHERE transfer.unit = 'PTS') AS points,
                sum(CASE WHEN transfer.kind = 'award' THEN amount ELSE -amount END)
                    FILTER (WHERE transfer.unit = 'MIN') AS minutes
            FROM transfer JOIN account debit ON debit.id = debit_id JOIN account credit ON credit.id = credit_id
            WHERE source_type = 'attendance' AND transfer.kind <> 'debt_payment'
                AND (credit.kind = 'member' OR debit.kind IN ('member', 'debt', 'expiry'))
            GROUP BY 1
        )
        SELECT attendance_id, coalesce(newest.points, 0) AS points, coalesce(minutes_booked, 0) AS minutes,
            coalesce(booked.points, 0) AS points_booked, coalesce(booked.minutes, 0) AS minutes_in_transfers
        FROM newest FULL JOIN booked USING (attendance_id)
        WHERE (coalesce(newest.points, 0), coalesce(minutes_booked, 0))
            <> (coalesce(booked.points, 0), coalesce(booked.minutes, 0))
    """):
        yield (
            f"attendance {row.attendance_id} came to {row.points} points and {row.minutes} minutes, "
            f"booked are {row.points_booked} and {row.minutes_in_transfers}"
        )


def caps_count_the_outcomes() -> Iterator[str]:
    """With who holds what the member has."""
    for row in rows(f"""
        WITH RECURSIVE {HOLDERS}, newest AS (
            SELECT DISTINCT ON (attendance_id) member_id, service_day, category, points
            FROM outcome WHERE state <> 'superseded' ORDER BY attendance_id, version DESC
        ), counted AS (
            SELECT account.id AS account_id, service_day, category, sum(points) AS points
            FROM newest JOIN holder USING (member_id)
            JOIN account ON owner_id = holder_id AND kind = 'member' AND unit = 'PTS' GROUP BY 1, 2, 3
        )
        SELECT account_id, service_day, category, coalesce(cap_used.points, 0) AS kept,
            coalesce(counted.points, 0) AS counted
        FROM cap_used FULL JOIN counted USING (account_id, service_day, category)
        WHERE coalesce(cap_used.points, 0) <> coalesce(counted.points, 0)
    """):  # noqa: S608 - a statement of ours
        yield f"cap of {row.account_id} on {row.service_day} in {row.category} is {row.kept}, awarded {row.counted}"


# --- What was asked for ------------------------------------------------------------------------------


def spends_are_what_was_answered() -> Iterator[str]:
    """A confirmed redemption has its spend; a declined one has none; only a voided one has its refund."""
    for row in rows("""
        WITH answered AS (
            SELECT CAST(split_part(key, ':', 2) AS uuid) AS id,
                bool_or(key LIKE 'redemption:%' AND outcome ->> 'state' = 'confirmed') AS confirmed,
                bool_or(key LIKE 'void:%' AND outcome ->> 'state' = 'refunded') AS refunded
            FROM idempotency GROUP BY 1
        ), booked AS (
            SELECT source_id AS id, coalesce(sum(amount) FILTER (WHERE transfer.kind = 'spend'), 0) AS spent,
                coalesce(sum(amount) FILTER (WHERE transfer.kind = 'refund'), 0) AS refunded
            FROM transfer WHERE source_type = 'redemption' AND transfer.kind IN ('spend', 'refund') GROUP BY 1
        )
        SELECT id, answered.confirmed, answered.refunded AS voided, booked.spent, booked.refunded
        FROM answered FULL JOIN booked USING (id)
        WHERE coalesce(confirmed, false) <> (coalesce(booked.spent, 0) > 0)
            OR coalesce(booked.refunded, 0) <> CASE WHEN answered.refunded THEN coalesce(booked.spent, 0) ELSE 0 END
    """):
        yield (
            f"redemption {row.id}: confirmed {row.confirmed}, voided {row.voided}, "
            f"booked {row.spent} spent and {row.refunded} back"
        )


def openings_are_what_was_approved() -> Iterator[str]:
    """Of each opening balance exactly what was approved is booked, and all of it back once it is undone."""
    for row in rows("""
        WITH answered AS (
            SELECT substring(key FROM '[^:]+$') AS id, max(CAST(outcome ->> 'points' AS bigint)) AS points,
                max(CAST(outcome ->> 'minutes' AS bigint)) AS minutes, bool_or(key LIKE 'opening-undo:%') AS undone
            FROM idempotency WHERE key LIKE 'opening%' GROUP BY 1
        ), booked AS (
            SELECT CAST(source_id AS text) AS id,
                coalesce(sum(amount) FILTER (WHERE transfer.kind = 'opening' AND transfer.unit = 'PTS'), 0) AS points,
                coalesce(sum(amount) FILTER (WHERE transfer.kind = 'opening' AND transfer.unit = 'MIN'), 0) AS minutes,
                coalesce(sum(amount) FILTER (WHERE transfer.kind <> 'opening' AND transfer.unit = 'PTS'), 0) AS back,
                coalesce(sum(amount) FILTER (WHERE transfer.kind <> 'opening' AND transfer.unit = 'MIN'), 0)
                    AS minutes_back
            FROM transfer JOIN account debit ON debit.id = debit_id JOIN account credit ON credit.id = credit_id
            WHERE source_type = 'opening' AND transfer.kind <> 'debt_payment'
                AND (credit.kind = 'member' OR debit.kind IN ('member', 'debt'))
            GROUP BY 1
        )
        SELECT id, booked.points, booked.minutes, booked.back, booked.minutes_back
        FROM answered FULL JOIN booked USING (id)
        WHERE (coalesce(answered.points, 0), coalesce(answered.minutes, 0))
                <> (coalesce(booked.points, 0), coalesce(booked.minutes, 0))
            OR coalesce(booked.back, 0) <> CASE WHEN undone THEN coalesce(booked.points, 0) ELSE 0 END
            OR coalesce(booked.minutes_back, 0) <> CASE WHEN undone THEN coalesce(booked.minutes, 0) ELSE 0 END
    """):
        yield (
            f"opening {row.id}: booked {row.points} points and {row.minutes} minutes, "
            f"back {row.back} and {row.minutes_back}"
        )


def awards_keep_within_the_caps() -> Iterator[str]:
    """What stood of a day whenever one of its awards was booked was within that award's caps.

    Rules of two categories may cap a day differently, so no cap holds for the day as such. A later award
    is what the earlier ones left over; of those booked at one moment it is not known which was the last.
    """
    for row in rows("""
        WITH newest AS (
            SELECT DISTINCT ON (attendance_id) attendance_id, member_id, service_day, outcome.category, points,
                booked_at, CAST(body ->> 'points_daily_max' AS integer) AS day_max,
                coalesce(CAST(body ->> 'category_daily_max' AS integer), 2147483647) AS category_max
            FROM outcome LEFT JOIN rule ON rule.id = rule_id ORDER BY attendance_id, outcome.version DESC
        ), grown AS (
            SELECT *, sum(points) OVER in_all AS of_day, max(day_max) OVER (in_all RANGE CURRENT ROW) AS day_cap,
                sum(points) OVER in_category AS of_category,
                max(category_max) OVER (in_category RANGE CURRENT ROW) AS category_cap
            FROM newest WHERE points > 0
            WINDOW in_all AS (PARTITION BY member_id, service_day ORDER BY booked_at),
                in_category AS (PARTITION BY member_id, service_day, category ORDER BY booked_at)
        )
        SELECT * FROM grown WHERE of_day > day_cap OR of_category > category_cap
    """):
        yield (
            f"member {row.member_id} has {row.of_day} points on {row.service_day}, {row.of_category} in {row.category},"
            f" with attendance {row.attendance_id}, over {row.day_cap} or {row.category_cap}"
        )


def rules_are_of_the_category_and_day() -> Iterator[str]:
    for row in rows("""
        SELECT attendance_id, outcome.version, outcome.category, service_day, rule.category AS of_category,
            rule.version AS rule_version, from_day
        FROM outcome LEFT JOIN rule ON rule.id = rule_id
        WHERE (state IN ('awarded', 'no_points')) <> (rule_id IS NOT NULL)
            OR rule.category <> outcome.category OR from_day > service_day
    """):
        yield (
            f"outcome {row.attendance_id} version {row.version} in {row.category} on {row.service_day} follows "
            f"rule {row.of_category} {row.rule_version} from {row.from_day}"
        )


# --- The seal -----------------------------------------------------------------------------------------


def every_transfer_is_sealed_or_waits() -> Iterator[str]:
    for row in rows("""
        SELECT transfer.id, seal.seq, unsealed.transfer_id IS NOT NULL AS waits FROM transfer
        LEFT JOIN seal ON seal.transfer_id = transfer.id LEFT JOIN unsealed ON unsealed.transfer_id = transfer.id
        WHERE (seal.seq IS NULL) <> (unsealed.transfer_id IS NOT NULL)
        UNION ALL
        SELECT transfer_id, NULL, true FROM unsealed
        WHERE NOT EXISTS (SELECT FROM transfer WHERE transfer.id = transfer_id)
    """):
        yield f"transfer {row.id} " + ("is neither sealed nor waiting" if not row.waits else "waits, but should not")


def chains_are_whole() -> Iterator[str]:
    """Every chain, replayed from its first transfer: each link, no gap, and the head at the end."""
    ends: dict[UUID, tuple[int, bytes]] = {}
    for row in rows(f"""
        SELECT seal.chain_id AS in_chain, seal.seq, seal.prev, seal.hash, seal.encoding,
            coalesce(debit.digest, ''), coalesce(credit.digest, ''), transfer.id IS NULL, {_TRANSFER_COLUMNS}
        FROM seal LEFT JOIN transfer ON transfer.id = seal.transfer_id
        LEFT JOIN account debit ON debit.id = debit_id LEFT JOIN account credit ON credit.id = credit_id
        ORDER BY seal.chain_id, seal.seq
    """):  # noqa: S608 - column names
        chain_id, seq, previous, hashed, encoding, debit, credit, is_gone, *fields = row
        last_seq, last_hash = ends.get(chain_id, (0, GENESIS))
        place = f"chain {chain_id}, place {seq}"
        if seq != last_seq + 1:
            yield f"{place}: {seq - last_seq - 1} before it are cut out"
        elif previous != last_hash:
            yield f"{place}: does not follow from the one before"
        if is_gone:
            yield f"{place}: its transfer is gone"
        elif link(previous, chain_id, seq, Sealable(Transfer._make(fields), debit, credit), encoding) != hashed:
            yield f"{place}: transfer {fields[0]} was changed"
        ends[chain_id] = (seq, hashed)
    for row in rows("SELECT chain_id, seq, hash FROM seal_head"):
        end = ends.pop(row.chain_id, (0, GENESIS))
        if end != (row.seq, row.hash):
            yield f"chain {row.chain_id}: ends at {end[0]}, its head is {row.seq}: the tail was cut or the head changed"
    for chain_id in ends:
        yield f"chain {chain_id}: has no head"


def digests_stand_for_their_accounts() -> Iterator[str]:
    """Each account has a digest of its own; where the salt is still there, it leads to the account."""
    for row in rows("SELECT id FROM account WHERE digest <> sha256(salt || uuid_send(id))"):
        yield f"account {row.id}: its digest or its salt was changed"
    for row in rows("SELECT digest, count(*) AS accounts FROM account GROUP BY digest HAVING count(*) > 1"):
        yield f"digest {row.digest.hex()} stands for {row.accounts} accounts"


_TABLES = (
    "account", "transfer", "lot", "allocation", "outcome", "cap_used", "idempotency", "unsealed", "seal", "move",
)  # fmt: skip


def state_digest() -> str:
    """A digest of every row of the ledger, to see that a refused step changed nothing."""
    digest = hashlib.sha256()
    for table in _TABLES:
        for row in rows(f"SELECT CAST(t AS text) AS line FROM {table} t ORDER BY 1"):  # noqa: S608 - table names
            digest.update(row.line.encode())
    return digest.hexdigest()


CHECKS: dict[str, Callable[[], Iterator[str]]] = {
    "each balance is the fold of its transfers": balances_are_the_fold_of_their_transfers,
    "the sum of every unit over all accounts is zero": every_unit_sums_to_zero,
    "transfers stay in their chain, clearing is even": every_chain_sums_to_zero,
    "no member is below zero": no_member_is_below_zero,
    "held = Σ open holds": nothing_is_held,
    "points of an account = Σ remaining of its lots": lots_hold_what_their_accounts_hold,
    "original − remaining = Σ allocations": lots_are_what_was_not_allocated,
    "every transfer of points is allocated": every_transfer_of_points_is_allocated,
    "nobody has points to spend and a debt": nobody_has_points_and_a_debt,
    "outcomes come out the same": outcomes_come_out_the_same,
    "one live award an attendance": one_live_award_an_attendance,
    "caps count the outcomes": caps_count_the_outcomes,
    "awards keep within the caps of their rules": awards_keep_within_the_caps,
    "every rating follows a rule of its category and day": rules_are_of_the_category_and_day,
    **verify_merges.CHECKS,
    **verify_expiry.CHECKS,
    "spends are what was answered": spends_are_what_was_answered,
    "opening balances are what was approved": openings_are_what_was_approved,
    "a refund gives back to each lot what its spend took": refunds_go_back_to_their_lots,
    "every transfer is sealed or waits": every_transfer_is_sealed_or_waits,
    "digests stand for their accounts": digests_stand_for_their_accounts,
    "chains are whole": chains_are_whole,
}


def list_pending() -> Iterator[str]:
    """Transfers that the sealer has yet to take."""
    for row in rows("SELECT count(*) AS waiting FROM unsealed HAVING count(*) > 0"):
        yield f"{row.waiting} transfers wait to be sealed"
