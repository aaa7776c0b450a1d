"""What must hold of members who turned out to be the same person, and of points that were passed on: checks of
`verify.py`.
"""

from collections.abc import Callable, Iterator

from services.points.queries.streaming import rows
from services.points.store.moves import HOLDERS


def who_was_merged_has_nothing() -> Iterator[str]:
    """Everything lies with who stays, also what came after the merge."""
    for row in rows("""
        SELECT own.owner_id, account.unit, account.kind, account.credits - account.debits AS balance
        FROM account own JOIN account ON account.owner_id = own.owner_id
        WHERE own.merged_into IS NOT NULL AND account.credits <> account.debits
    """):
        yield f"member {row.owner_id} was merged and has {row.balance} {row.unit} ({row.kind})"


def merges_are_those_of_the_cards() -> Iterator[str]:
    """The books lie where the cards say, and nobody was merged into themselves at any remove."""
    for row in rows(f"""
        WITH RECURSIVE {HOLDERS}
        SELECT account.owner_id, account.merged_into, CASE WHEN card.status = 'merged' THEN card.merged_into END AS said
        FROM account LEFT JOIN member_card card ON card.member_id = account.owner_id
        WHERE account.kind = 'member' AND account.unit = 'PTS' AND (
            (card.member_id IS NOT NULL OR account.merged_into IS NOT NULL)
            AND CASE WHEN card.status = 'merged' THEN card.merged_into END IS DISTINCT FROM account.merged_into
            OR NOT EXISTS (SELECT FROM holder WHERE holder.member_id = account.owner_id))
    """):  # noqa: S608 - a statement of ours
        yield f"member {row.owner_id} is merged into {row.said}, the books into {row.merged_into}"


def hours_are_with_who_served() -> Iterator[str]:
    """Minutes of an account: what its holder, and who was merged into that one, served or had on paper."""
    for row in rows(f"""
        WITH RECURSIVE {HOLDERS}, newest AS (
            SELECT DISTINCT ON (attendance_id) member_id, minutes_booked, award_version
            FROM outcome ORDER BY attendance_id, version DESC
        ), brought AS (
            SELECT member_id, minutes_booked AS minutes FROM newest WHERE award_version IS NOT NULL
            UNION ALL
            SELECT coalesce(CAST(outcome ->> 'member_id' AS uuid), owner_id),
                CASE WHEN account.id = credit_id THEN amount ELSE -amount END
            FROM transfer JOIN account ON account.id IN (credit_id, debit_id)
            LEFT JOIN idempotency ON key = 'opening:' || source_id
            WHERE account.kind = 'member' AND account.unit = 'MIN' AND source_type NOT IN ('attendance', 'move')
        ), held AS (
            SELECT holder_id, sum(minutes) AS minutes FROM brought JOIN holder USING (member_id) GROUP BY 1
        )
        SELECT owner_id, credits - debits AS balance, coalesce(held.minutes, 0) AS minutes
        FROM account LEFT JOIN held ON holder_id = owner_id
        WHERE kind = 'member' AND unit = 'MIN' AND credits - debits <> coalesce(held.minutes, 0)
    """):  # noqa: S608 - a statement of ours
        yield f"member {row.owner_id} has {row.balance} minutes, served were {row.minutes}"


def moves_are_their_transfers() -> Iterator[str]:
    """As much left the one as came to the other, of points, minutes and debt, and in the way that the move says."""
    for row in rows("""
        WITH moved AS (
            SELECT source_id AS id,
                coalesce(sum(amount) FILTER (WHERE debit.kind = 'member' AND debit.unit = 'PTS'), 0) AS points,
                coalesce(sum(amount) FILTER (WHERE debit.kind = 'member' AND debit.unit = 'MIN'), 0) AS minutes,
                coalesce(sum(amount) FILTER (WHERE debit.kind = 'debt'), 0) AS debt,
                coalesce(sum(amount) FILTER (WHERE credit.kind IN ('member', 'pool') AND credit.unit = 'PTS'), 0)
                    AS points_come,
                coalesce(sum(amount) FILTER (WHERE credit.kind = 'member' AND credit.unit = 'MIN'), 0) AS minutes_come,
                coalesce(sum(amount) FILTER (WHERE credit.kind = 'debt'), 0) AS debt_gone,
                bool_and(
                    (debit.kind = 'clearing' OR debit.owner_id = from_member_id
                        OR debit.owner_id = coalesce(to_member_id, to_station_id))
                    AND (credit.kind = 'clearing' OR credit.owner_id = from_member_id
                        OR credit.owner_id = coalesce(to_member_id, to_station_id))) AS of_the_two,
                bool_and((transfer.kind = 'gift') = (move.kind IN ('family', 'donation'))) AS of_its_kind
            FROM transfer JOIN move ON move.id = source_id
            JOIN account debit ON debit.id = debit_id JOIN account credit ON credit.id = credit_id
            WHERE transfer.kind IN ('merge', 'gift', 'opening') GROUP BY 1
        )
        SELECT id FROM move LEFT JOIN moved USING (id)
        WHERE (move.points, move.minutes, move.debt) IS DISTINCT FROM
                (coalesce(moved.points, 0), coalesce(moved.minutes, 0), coalesce(moved.debt, 0))
            OR (moved.points, moved.minutes, moved.debt)
                IS DISTINCT FROM (moved.points_come, moved.minutes_come, moved.debt_gone)
            OR NOT coalesce(of_the_two, true) OR NOT coalesce(of_its_kind, true)
            OR (move.kind = 'donation') <> (to_station_id IS NOT NULL)
        UNION ALL
        SELECT source_id FROM transfer LEFT JOIN move ON move.id = source_id
        WHERE source_type = 'move' AND move.id IS NULL GROUP BY 1
    """):
        yield f"move {row.id} is not what its transfers say"


def it_is_known_since_when_members_are_gone() -> Iterator[str]:
    """From then on the days count in which their points may go to the household."""
    for row in rows("""
        SELECT member_id, card.status, since FROM member_card card FULL JOIN gone USING (member_id)
        WHERE coalesce(card.status = 'left', false) <> (since IS NOT NULL)
    """):
        yield f"member {row.member_id} is {row.status}, and gone since {row.since}"


def parts_of_lots_keep_their_expiry() -> Iterator[str]:
    """A part that moved expires with its lot; one that a refund brought back to life lives longer, none shorter."""
    for row in rows("""
        SELECT lot.id, lot.origin_id FROM lot LEFT JOIN lot first ON first.id = lot.origin_id
        WHERE lot.origin_id IS NOT NULL AND (first.id IS NULL OR first.origin_id IS NOT NULL
            OR (lot.expires_at IS NULL) <> (first.expires_at IS NULL))
    """):
        yield f"lot {row.id} is no part of lot {row.origin_id}"


CHECKS: dict[str, Callable[[], Iterator[str]]] = {
    "who was merged has nothing": who_was_merged_has_nothing,
    "merges are those of the cards": merges_are_those_of_the_cards,
    "hours are with who served": hours_are_with_who_served,
    "moves are their transfers": moves_are_their_transfers,
    "it is known since when members are gone": it_is_known_since_when_members_are_gone,
    "parts of lots keep their expiry": parts_of_lots_keep_their_expiry,
}
