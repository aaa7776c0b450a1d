"""Every line that changed what a member has, with why, and what it left."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from services.points.domain.ledger import AccountKind, SourceType, TransferKind, Unit, account_id
from services.points.domain.moving import MoveKind
from services.points.domain.rating import hundredths
from services.points.queries.visibility import require_may_read
from services.points.store import moves
from shared.db import session
from shared.principal import Principal

OPENING = "期初结转"
UNITS = {"points": Unit.PTS, "minutes": Unit.MIN}

# What moved between two entries of one person is no line of the person's, only of each entry's.
# What a reversal could not take is a line too: it changes no balance, but what is owed.
_ENTRIES = """
    WITH whose AS (
        SELECT * FROM unnest(
            CAST(:members AS uuid[]), CAST(:persons AS uuid[]), CAST(:accounts AS uuid[]), CAST(:debts AS uuid[])
        ) AS one (member_id, person_id, account_id, debt_id)
    ), entry AS (
        SELECT whose.*, transfer.*, amount AS change FROM whose JOIN transfer ON credit_id = account_id
        UNION ALL SELECT whose.*, transfer.*, -amount FROM whose JOIN transfer ON debit_id = account_id
        UNION ALL SELECT whose.*, transfer.*, 0 FROM whose JOIN transfer ON debit_id = debt_id
        WHERE kind <> 'debt_restored'
    ), line AS (
        SELECT member_id, id, change,
            CAST(sum(change) OVER (PARTITION BY person_id ORDER BY id) AS bigint) AS balance_after FROM entry
        WHERE source_type <> 'move' OR kind NOT IN ('merge', 'opening') OR NOT EXISTS (
            SELECT 1 FROM move
            JOIN whose giver ON (giver.member_id, giver.person_id) = (from_member_id, entry.person_id)
            JOIN whose taker ON (taker.member_id, taker.person_id) = (to_member_id, entry.person_id)
            WHERE move.id = entry.source_id
        )
    ), page AS ({page})
    SELECT page.id, page.change, page.balance_after, transfer.recorded_at, transfer.service_day, transfer.kind,
        transfer.amount, transfer.source_type, transfer.source_id, outcome.title, outcome.reason, outcome.note,
        spend.description, void.description AS void_description,
        move.kind AS move_kind, move.from_member_id = page.member_id AS goes_out,
        other.name_masked AS other_name, other.volunteer_number AS other_number
    FROM page JOIN transfer ON transfer.id = page.id
    LEFT JOIN outcome ON transfer.source_type = 'attendance'
        AND outcome.attendance_id = transfer.source_id AND outcome.version = transfer.source_version
    LEFT JOIN idempotency spend ON transfer.source_type = 'redemption'
        AND spend.key = 'redemption:' || transfer.source_id
    LEFT JOIN idempotency void ON transfer.source_type = 'redemption' AND transfer.source_version = 2
        AND void.key = 'void:' || transfer.source_id
    LEFT JOIN move ON transfer.source_type = 'move' AND move.id = transfer.source_id
    LEFT JOIN member_card other ON other.member_id =
        CASE WHEN move.from_member_id = page.member_id THEN move.to_member_id ELSE move.from_member_id END
    ORDER BY page.id DESC
"""
_STATEMENT = text(
    _ENTRIES.format(
        page="SELECT * FROM line WHERE CAST(:before AS uuid) IS NULL OR id < :before ORDER BY id DESC LIMIT :limit"
    )
)
_OF_DAY = text(
    _ENTRIES.format(
        page="""
        SELECT line.* FROM line JOIN transfer booked ON booked.id = line.id
        WHERE booked.service_day = :day OR booked.recorded_at >= :since AND booked.recorded_at < :until
        ORDER BY line.id DESC LIMIT :limit
        """
    )
)


def list_statement(
    caller: Principal, *, member_id: UUID, unit: str, limit: int, before: UUID | None = None, merged: bool = False
) -> list[dict[str, Any]]:
    """The lines of a member's account in a unit, newest first; `before` a line's transfer. With `merged` those of all
    entries that were merged into the member's, as they were booked, instead of the sums that moved between them.
    """
    tx = session()
    require_may_read(tx, caller, [member_id])
    # Whoever was merged by the card but not yet in the books still has what is the own.
    person = moves.list_line(tx, member_id) if merged else [member_id]
    accounts = _of(person, UNITS[unit]) | {"persons": [member_id] * len(person)}
    rows = tx.execute(_STATEMENT, {**accounts, "before": before, "limit": limit})
    return [_line(row, unit) for row in rows]


LINES_OF_DAY_MAX = 200


def list_lines_of_day(
    tx: Session, member_ids: Sequence[UUID], day: date, since: datetime, until: datetime
) -> list[dict[str, Any]]:
    """The lines of the points of these members, who are one person, that are of a service day or were booked on it, in
    the order of booking; each with what it left on its account. For queries, which check the right to see them.
    """
    rows = tx.execute(
        _OF_DAY,
        {**_of(member_ids, Unit.PTS), "day": day, "since": since, "until": until, "limit": LINES_OF_DAY_MAX},
    )
    return [_line(row, "points") for row in rows][::-1]


def _of(member_ids: Sequence[UUID], unit: str) -> dict[str, list[UUID]]:
    return {
        "members": list(member_ids),
        "persons": list(member_ids),
        "accounts": [account_id(AccountKind.MEMBER, unit, one) for one in member_ids],
        "debts": [account_id(AccountKind.DEBT, unit, one) for one in member_ids],
    }


def _line(row: Row[Any], unit: str) -> dict[str, Any]:
    kind, title, reason = _words(row)
    return {
        "transfer_id": row.id,
        "at": row.recorded_at,
        "service_day": row.service_day,
        "kind": kind,
        unit: row.change,
        "balance_after": row.balance_after,
        "title": title,
        "reason": reason,
        "source_type": row.source_type,
        "source_id": row.source_id,
    }


def _words(row: Row[Any]) -> tuple[str, str, str]:
    """Kind, title and reason of a line, in the member's words."""
    # What an office called its file says nothing to a volunteer; staff sees it with the import.
    title = OPENING if row.source_type == SourceType.OPENING else row.title or row.description or _moved(row)
    if row.kind == TransferKind.OPENING:
        return "opening", title, "纸质台账上原有的，不计入光荣榜"
    if row.kind == TransferKind.REVERSAL and row.source_type == SourceType.OPENING:
        return "reversal", title, "期初结转撤回"
    if row.kind == TransferKind.AWARD:
        return "award", title, f"{row.reason}；{row.note}" if row.note else row.reason
    if row.kind == TransferKind.REVERSAL:
        return "reversal", title, row.note or "记录更正，原来的记账撤回"
    if row.kind == TransferKind.REVERSAL_OWED:
        return "debt", title, f"更正时可用积分不够，{hundredths(row.amount)} 记为待抵扣"
    if row.kind == TransferKind.DEBT_PAYMENT:
        return "debt", title, "先抵扣以前更正时没有扣足的积分"
    if row.kind == TransferKind.SPEND:
        return "spend", title, ""
    if row.kind == TransferKind.REFUND:
        return "refund", title, row.void_description or ""
    if row.kind == TransferKind.DEBT_RESTORED:
        return "merge", title, "合并时抵扣的积分退回，重新记为待抵扣"
    if row.kind == TransferKind.MERGE:
        owed = f"待抵扣 {hundredths(row.amount)} 一并转来" if not row.change else ""
        return "merge", title, owed
    if row.kind == TransferKind.GIFT:
        return "gift", title, ""
    return "expiry", "积分到期", ""


def _moved(row: Row[Any]) -> str:
    """Of what moved with a member, from whom or to whom."""
    if row.move_kind is None:
        return ""
    number = f"（编号尾号 {row.other_number[-4:]}）" if row.other_number else ""
    if row.move_kind == MoveKind.DONATION:
        return "捐入爱心积分池"
    if row.move_kind == MoveKind.FAMILY:
        return f"转给家人 {row.other_name}{number}" if row.goes_out else f"家人 {row.other_name}{number} 转来"
    direction = "并入" if row.goes_out else "并入自"
    if row.move_kind == MoveKind.UNMERGE:
        direction = "合并撤销，转回" if row.goes_out else "合并撤销，转自"
    return f"{direction} {row.other_name or '另一份登记'}{number}"
