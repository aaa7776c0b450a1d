"""Invariant 7: every privileged act is in the audit log, so far as its rows show that somebody acted."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple


class Act(NamedTuple):
    """Rows that only a privileged act makes, and the entries one of which each of them must have."""

    service: str
    table: str
    condition: str
    actions: tuple[str, ...]
    subject: str = "id"
    """Expression of what the entry is about. Of several rows about one subject each needs an entry of its own."""


# Not a member's own two scans in time, or not enough at this activity or for this member: somebody nodded. Places that
# have changed since are not judged by the switches that they lie below now.
_NODDED = """
    state = 'confirmed' AND (
        evidence <> 'own_scan' OR marks && ARRAY['overlapping', 'own_case'] OR EXISTS (
            SELECT FROM activity WHERE activity.id = acts.activity_id AND confirm_each AND NOT EXISTS (
                SELECT FROM audit_log WHERE subject_id = acts.activity_id AND action = 'activity.change'
                AND detail -> 'fields' @> '["confirm_each"]'
            )
        ) OR EXISTS (
            SELECT FROM activity JOIN station place ON place.node_id = station_id, confirm_each_on switched
            JOIN station node ON node.node_id = switched.node_id
            WHERE activity.id = acts.activity_id AND starts_with(place.path, node.path) AND switched.at <= acts.left_at
            AND NOT EXISTS (
                SELECT FROM station above JOIN station_past past ON past.node_id = above.node_id
                WHERE starts_with(place.path, above.path) AND past.from_day >= acts.service_day
            )
        )
    ) AND NOT EXISTS (
        SELECT FROM audit_log WHERE subject_id = acts.activity_id AND action = 'activity.confirm_all'
        AND detail -> 'attendance_ids' @> to_jsonb(CAST(acts.id AS text))
    )
"""
_OF_ACTIVITY = """
    NOT EXISTS (SELECT FROM audit_log WHERE subject_id = acts.activity_id AND action = ANY(ARRAY[{}]))
"""
# Departed without a scan and not by the sweep, or refused: by one act on the attendance, or on the whole activity.
_SIGNED_OUT = f"""
    state IN ('left', 'confirmed', 'rejected') AND digest IS NULL AND NOT automatic_departure
    AND NOT EXISTS (SELECT FROM scan WHERE scan.attendance_id = acts.id AND direction = 'departure')
    AND {_OF_ACTIVITY.format("'activity.leave_all', 'activity.close', 'activity.cancel', 'activity.postpone'")}
    AND NOT EXISTS (SELECT FROM past_record WHERE past_record.id = acts.id)
"""
_REFUSED = f"""
    state = 'rejected' AND {_OF_ACTIVITY.format("'activity.cancel', 'activity.postpone'")}
"""
# Taken over from a list: by who brought it, with everything that came of it.
_TAKEN_OVER = """
    state <> 'left_out' AND activity_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM audit_log WHERE subject_id = acts.activity_id AND action = 'activity.take_over'
        AND detail -> 'attendance_ids' @> to_jsonb(CAST(acts.id AS text))
    )
"""
# Neither family by one login, nor brought together by staff, nor one person entered twice. Who left since may be the
# one who was named.
_MOVED_IN = """
    EXISTS (SELECT FROM member other WHERE other.household_id = acts.household_id AND other.id <> acts.id)
    AND NOT EXISTS (
        SELECT FROM login_member own JOIN login_member theirs USING (login_id)
        JOIN member other ON other.id = theirs.member_id AND other.id <> own.member_id
        WHERE own.member_id = acts.id AND other.household_id = acts.household_id
    ) AND NOT EXISTS (
        SELECT FROM audit_log JOIN member other ON other.household_id = acts.household_id
            AND (subject_id = other.id
                OR CAST(other.id AS text) IN (detail ->> 'with_member_id', detail ->> 'into_member_id'))
        WHERE action IN ('member.household', 'member.merge', 'login.claim', 'login.release')
    )
"""
# Made under an id of their own, and not as family of a login, not even of one that has let go of them since.
_ADDED_BY_STAFF = """
    EXISTS (SELECT FROM creation WHERE creation.id = acts.id)
    AND NOT EXISTS (SELECT FROM login_member WHERE member_id = acts.id AND relation <> 'self')
    AND NOT EXISTS (
        SELECT FROM audit_log WHERE subject_id = acts.id
        AND (action IN ('login.release', 'member.erase') OR action = 'login.claim' AND detail ? 'let_go')
    )
"""
# Not by a merge, which gives who stays the logins of the entry that goes, and has an entry of its own.
_CLAIMED = """
    since IS NOT NULL AND NOT EXISTS (
        SELECT FROM merge WHERE into_id = acts.member_id AND undone_at IS NULL
        AND CAST(kept AS jsonb) -> 'logins' @> jsonb_build_array(jsonb_build_object('login_id', acts.login_id))
    )
"""
# A new password ends all tokens of a login, and is an act of its own.
_REVOKED = """
    kind = 'token' AND revoked_at IS NOT NULL AND NOT EXISTS (
        SELECT FROM audit_log WHERE action = 'login.set_password' AND subject_id = acts.login_id
        AND at BETWEEN acts.revoked_at AND acts.revoked_at + interval '1 minute'
    )
"""
_MOVED = """
    EXISTS (SELECT FROM node_parent before WHERE before.node_id = acts.node_id AND before.from_day < acts.from_day)
"""
_RENAMED = """
    EXISTS (SELECT FROM node_name before WHERE before.node_id = acts.node_id AND before.from_day < acts.from_day)
"""
_COUNTED = "from_day <> (SELECT opened_on FROM node WHERE node.id = acts.node_id)"
# By itself, and not in an order that was served at the desk.
_ISSUED = """
    state = 'fulfilled' AND NOT EXISTS (
        SELECT FROM audit_log WHERE action = 'desk.serve' AND subject_id = acts.order_id
    )
"""

# Published since its place, or one above it, has it reviewed first: a minute later, since who publishes while it is
# switched on may have looked before. The clause on places is as in _NODDED.
_REVIEWED = """
    published_at IS NOT NULL AND EXISTS (
        SELECT FROM station place, review_on switched JOIN station node ON node.node_id = switched.node_id
        WHERE place.node_id = acts.station_id AND starts_with(place.path, node.path)
        AND switched.at < acts.published_at - interval '1 minute' AND NOT EXISTS (
            SELECT FROM station above JOIN station_past past ON past.node_id = above.node_id
            WHERE starts_with(place.path, above.path)
            AND past.from_day >= CAST(acts.published_at AT TIME ZONE 'Asia/Shanghai' AS date)
        )
    )
"""

ACTS = (
    Act("members", "role_grant", "true", ("grant.add",)),
    Act("members", "role_grant", "revoked_at IS NOT NULL", ("grant.revoke",)),
    Act("members", "member", "confirmed_at IS NOT NULL", ("member.confirm",)),
    Act("members", "member", _ADDED_BY_STAFF, ("member.add", "member.register")),
    Act("members", "member", _MOVED_IN, ("member.household",)),
    Act("members", "member", "status = 'merged'", ("member.merge",)),
    Act("members", "merge", "true", ("member.merge",), "member_id"),
    Act("members", "merge", "undone_at IS NOT NULL", ("member.unmerge",), "member_id"),
    Act("members", "departure", "true", ("member.leave",), "member_id"),
    Act("members", "departure", "ended_at IS NOT NULL", ("member.come_back",), "member_id"),
    Act("members", "badge_serial", "true", ("member.replace_badge",), "member_id"),
    Act("members", "one_time_code", "purpose = 'password'", ("login.make_code",), "member_id"),
    Act("members", "one_time_code", "purpose = 'claim'", ("login.make_claim",), "member_id"),
    Act("members", "erasure", "true", ("login.ask_erasure", "member.ask_erasure"), "member_id"),
    Act("members", "member", "status = 'erased'", ("member.erase",)),
    Act("members", "login_member", _CLAIMED, ("login.claim",), "member_id"),
    Act("members", "one_time_code", "purpose = 'first_administrator'", ("administrator.make_code",)),
    Act("members", "access", "kind = 'token'", ("token.add",)),
    Act("members", "access", _REVOKED, ("token.revoke",)),
    Act("members", "node", "true", ("node.add",)),
    Act("members", "node_parent", _MOVED, ("node.move",), "node_id"),
    Act("members", "node_name", _RENAMED, ("node.rename",), "node_id"),
    Act("members", "node_residents", _COUNTED, ("node.count",), "node_id"),
    Act("members", "node", "split_from_id IS NOT NULL", ("node.split",), "split_from_id"),
    Act("members", "node", "closed_on IS NOT NULL", ("node.close", "node.merge")),
    Act("members", "team", "true", ("team.add",)),
    Act("members", "employer", "true", ("employer.add",)),
    Act("members", "concern", "by_staff", ("concern.add",)),
    Act("members", "concern", "state = 'in_progress'", ("concern.take",)),
    Act("members", "concern", "coalesce(answer, answer_before) IS NOT NULL", ("concern.answer",)),
    Act("members", "concern", "state = 'read'", ("concern.read",)),
    Act("members", "import_file", "true", ("import.bring",)),
    Act("members", "import_file", "kind <> 'roster' AND done_at IS NOT NULL", ("import.approve",)),
    Act("members", "import_file", "undone_at IS NOT NULL", ("import.undo",)),
    Act("checkin", "activity", "asked_at IS NOT NULL", ("activity.ask_review",)),
    Act("checkin", "activity", _REVIEWED, ("activity.approve",)),
    Act("checkin", "activity", "state = 'draft' AND reason IS NOT NULL", ("activity.send_back",)),
    Act("checkin", "review_on", "true", ("review.switch_on",), "node_id"),
    Act("checkin", "activity", "state NOT IN ('draft', 'in_review')",
        ("activity.publish", "activity.approve", "activity.postpone", "activity.cancel", "activity.take_over")),
    Act("checkin", "activity", "true", ("activity.create", "activity.take_over")),
    Act("checkin", "past_record", _TAKEN_OVER, ("activity.take_over",)),
    Act("checkin", "activity", "state = 'postponed'", ("activity.postpone",)),
    Act("checkin", "activity", "state = 'cancelled'", ("activity.cancel",)),
    Act("checkin", "activity", "summary IS NOT NULL", ("activity.summarize",)),
    Act("checkin", "confirm_each_on", "true", ("confirm_each.switch_on",), "node_id"),
    Act("checkin", "attendance", "digest IS NOT NULL", ("attendance.add",)),
    Act("checkin", "attendance", _SIGNED_OUT, ("attendance.leave",)),
    Act("checkin", "attendance", _NODDED, ("attendance.confirm",)),
    Act("checkin", "attendance", _REFUSED, ("attendance.reject",)),
    Act("checkin", "attendance", "state = 'corrected'", ("attendance.correct",)),
    Act("checkin", "attendance", "state = 'annulled'", ("attendance.annul",)),
    Act("checkin", "outside_number", "true", ("outside_number.set",), "subject_id"),
    Act("checkin", "export_batch", "true", ("batch.make",)),
    Act("points", "board_off", "true", ("board.switch_off",), "node_id"),
    Act("points", "move", "kind IN ('family', 'donation')", ("leaver.give",), "from_member_id"),
    Act("points", "leaver_rule", "true", ("leaver.rule",), "node_id"),
    Act("rewards", "gift", "true", ("gift.create",)),
    Act("rewards", "stock_movement", "kind = 'receive' AND refusal IS NULL", ("stock.receive",), "gift_id"),
    Act("rewards", "stock_movement", "kind = 'write_off' AND refusal IS NULL", ("stock.write_off",), "gift_id"),
    Act("rewards", "redemption", _ISSUED, ("redemption.issue",)),
    Act("rewards", "desk_close", "true", ("desk.close",)),
)  # fmt: skip


def find_silent_acts(rows: Callable[..., list[Any]]) -> Iterator[str]:
    """Acts without an entry; `rows` asks a service's database."""
    for act in ACTS:
        for row in rows(
            act.service,
            f"""
            WITH done AS (
                SELECT {act.subject} AS subject, count(*) FROM {act.table} AS acts WHERE {act.condition} GROUP BY 1
            ), said AS (
                SELECT subject_id, count(*) FROM audit_log WHERE action = ANY(:actions) GROUP BY 1
            )
            SELECT subject FROM done LEFT JOIN said ON subject_id = subject
            WHERE done.count > coalesce(said.count, 0)
            """,
            actions=list(act.actions),
        ):
            yield f"{act.service}: {' or '.join(act.actions)} of {act.table} {row.subject} is not in the audit log"


# --- What only a person's own act or a merge brings about ---------------------------------------------------

# Whom a login acts for without a claim came in with it, or was added by it, and agreed by it to what members agree to.
# Of a login that a code of the station's made nothing else is written down.
_UNEXPLAINED = """
    SELECT acting.login_id, acting.member_id, relation FROM login_member acting
    LEFT JOIN creation made ON made.id = acting.login_id
    WHERE since IS NULL AND made.member_id IS DISTINCT FROM acting.member_id
        AND NOT (relation = 'self' AND made.id IS NULL)
        AND NOT EXISTS (
            SELECT FROM consent WHERE consent.member_id = acting.member_id AND consent.by = 'login:' || acting.login_id
        )
"""
_TORN_MERGES = """
    SELECT coalesce(merge.member_id, member.id) AS member_id, into_id, merged_into
    FROM (SELECT * FROM merge WHERE undone_at IS NULL) AS merge
    FULL JOIN (SELECT * FROM member WHERE status = 'merged') AS member ON member.id = merge.member_id
    WHERE into_id IS DISTINCT FROM merged_into
"""


def find_stray_logins(rows: Callable[..., list[Any]]) -> Iterator[str]:
    """Logins that act for somebody who neither came in with them nor was added by them, claimed, or merged."""
    for row in rows("members", _UNEXPLAINED):
        yield f"login {row.login_id} acts for {row.member_id} as {row.relation}, and nothing says since when"


def find_torn_merges(rows: Callable[..., list[Any]]) -> Iterator[str]:
    """Merges into somebody else than the entry says: taken back, they would give back to a stranger."""
    for row in rows("members", _TORN_MERGES):
        yield f"member {row.member_id} was merged into {row.into_id}, and the entry says {row.merged_into}"
