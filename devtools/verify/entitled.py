"""Invariant 7: nobody acts for themselves or the own household, and nobody without a right that reaches so far.

Both are read off the audit log: `who` is the login, `member_id` the person who holds its password.
Commands on the machine itself (`service:operator`) have no member and every right.
"""

import functools
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from shared.principal import Grant, Kind, Principal, Role

Rows = Callable[..., list[Any]]

BELIEVED = timedelta(seconds=70)
"""How long after a change members' earlier word may still hold: ten seconds in the gateway, sixty in a principal."""

# --- Whom an act was for --------------------------------------------------------------------------------

_ACTS = {
    "members": """
        SELECT log.at, log.who, log.member_id, log.action, subject_id, subject_id AS for_member_id FROM audit_log log
        WHERE action IN ('member.confirm', 'member.household', 'member.replace_badge', 'member.take_in',
            'member.leave', 'member.come_back', 'login.make_code', 'login.make_claim', 'member.ask_erasure',
            'member.withdraw_erasure', 'member.erase')
        UNION ALL
        SELECT log.at, log.who, log.member_id, log.action, subject_id, named.member_id FROM audit_log log
        CROSS JOIN LATERAL (VALUES (subject_id), (CAST(detail ->> 'into_member_id' AS uuid))) AS named (member_id)
        WHERE action IN ('member.merge', 'member.unmerge')
        UNION ALL
        SELECT log.at, log.who, log.member_id, log.action, subject_id, role_grant.member_id FROM audit_log log
        JOIN role_grant ON role_grant.id = subject_id WHERE action IN ('grant.add', 'grant.revoke')
        UNION ALL
        SELECT log.at, log.who, log.member_id, log.action, subject_id, concern.member_id FROM audit_log log
        JOIN concern ON concern.id = subject_id
        WHERE action LIKE 'concern.%' AND action <> 'concern.refuse_own' AND concern.member_id IS NOT NULL
        UNION ALL
        SELECT log.at, log.who, log.member_id, log.action, subject_id, import_row.member_id FROM audit_log log
        JOIN import_file ON import_file.id = subject_id AND kind IN ('opening', 'past')
        JOIN import_row ON import_id = import_file.id AND import_row.state <> 'bad'
            AND import_row.member_id IS NOT NULL
        WHERE action IN ('import.start', 'import.approve', 'import.undo')
    """,
    "checkin": """
        SELECT log.at, log.who, log.member_id, log.action, subject_id, attendance.member_id AS for_member_id
        FROM audit_log log JOIN attendance ON attendance.id = subject_id
        WHERE action LIKE 'attendance.%' AND action <> 'attendance.refuse_own'
        UNION ALL
        SELECT log.at, log.who, log.member_id, log.action, attendance.id, attendance.member_id
        FROM audit_log log CROSS JOIN jsonb_array_elements_text(detail -> 'attendance_ids') AS confirmed (id)
        JOIN attendance ON attendance.id = CAST(confirmed.id AS uuid)
        WHERE action IN ('activity.confirm_all', 'activity.take_over')
        UNION ALL
        SELECT at, who, member_id, action, subject_id, subject_id FROM audit_log
        WHERE action = 'outside_number.set' AND subject_type = 'member'
        UNION ALL
        SELECT log.at, log.who, log.member_id, log.action, log.subject_id, asked.member_id
        FROM audit_log log CROSS JOIN LATERAL (
            SELECT before.member_id FROM audit_log before
            WHERE before.action = 'activity.ask_review' AND before.subject_id = log.subject_id AND before.at <= log.at
            ORDER BY before.at DESC LIMIT 1
        ) asked WHERE log.action = 'activity.approve' AND asked.member_id IS NOT NULL
    """,
    "points": """
        SELECT log.at, log.who, log.member_id, log.action, subject_id, subject_id AS for_member_id
        FROM audit_log log WHERE action = 'leaver.give'
    """,
    "rewards": """
        SELECT log.at, log.who, log.member_id, log.action, subject_id, redemption.member_id AS for_member_id
        FROM audit_log log JOIN redemption ON redemption.id = subject_id
        WHERE action IN ('redemption.issue', 'redemption.undo')
        UNION ALL
        SELECT log.at, log.who, log.member_id, log.action, subject_id, desk_order.member_id
        FROM audit_log log JOIN desk_order ON desk_order.id = subject_id WHERE action = 'desk.serve'
    """,
}
# A member who was there before is of a login only since it claimed them.
_FAMILIES = "SELECT 'login:' || login_id AS who, member_id, since FROM login_member"
_ENTRIES = """
    entry (id, person_id) AS (
        SELECT id, id FROM member WHERE merged_into IS NULL
        UNION ALL SELECT member.id, entry.person_id FROM entry JOIN member ON member.merged_into = entry.id
    )
"""
"""Every entry of a member, with who stays of them: part of a WITH RECURSIVE."""
# Who moved in together after the act were strangers when it was done; and nobody was another entry before the merge.
_HOMES = f"""
    WITH RECURSIVE {_ENTRIES}, moved AS (
        SELECT named.member_id, log.at FROM audit_log log CROSS JOIN LATERAL (VALUES
            (subject_id), (CAST(detail ->> 'with_member_id' AS uuid)), (CAST(detail ->> 'into_member_id' AS uuid))
        ) AS named (member_id)
        WHERE log.action IN ('member.household', 'member.merge', 'member.unmerge', 'login.claim')
    ), person AS (
        SELECT person_id, max(moved.at) AS moved_at
        FROM entry LEFT JOIN moved ON moved.member_id = entry.id GROUP BY person_id
    )
    SELECT entry.id, stays.household_id, moved_at
    FROM entry JOIN person USING (person_id) JOIN member stays ON stays.id = person_id
    WHERE stays.household_id IS NOT NULL
"""
_PARTED = f"""
    WITH RECURSIVE {_ENTRIES}
    SELECT entry.id, person_id FROM entry
    JOIN member gone ON gone.id = entry.id JOIN member stays ON stays.id = person_id AND stays.id <> gone.id
    WHERE gone.household_id IS DISTINCT FROM stays.household_id
        OR stays.household_id IS NULL AND stays.status <> 'erased'
    UNION ALL SELECT id, merged_into FROM member WHERE NOT EXISTS (SELECT FROM entry WHERE entry.id = member.id)
    ORDER BY 1
"""
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def find_own_cases(rows: Rows) -> Iterator[str]:
    """Acts for a member whom the actor's login acts for, or who lived with one of them then and does now."""
    family = defaultdict[str, dict[UUID, datetime]](dict)
    for row in rows("members", _FAMILIES):
        family[row.who][row.member_id] = row.since or _LONG_AGO
    homes = {row.id: (row.household_id, row.moved_at or _LONG_AGO) for row in rows("members", _HOMES)}

    def home_of(member_id: UUID | None, at: datetime) -> UUID | None:
        household_id, moved_at = homes.get(member_id, (None, at)) if member_id else (None, at)
        return household_id if moved_at + BELIEVED < at else None

    for service, statement in _ACTS.items():
        for act in rows(service, statement):
            own = {key for key, since in family[act.who].items() if since < act.at} | {act.member_id}
            home = home_of(act.for_member_id, act.at)
            if act.for_member_id in own:
                yield f"{service}: {act.action} of {act.subject_id} by {act.who}, for a member of this login"
            elif home is not None and home in {home_of(member_id, act.at) for member_id in own}:
                yield f"{service}: {act.action} of {act.subject_id} by {act.who}, for the own household"


def find_parted_entries(rows: Rows) -> Iterator[str]:
    """Entries that were merged and live elsewhere than who stays, who could then decide for them."""
    for entry in rows("members", _PARTED):
        yield f"members: {entry.id} was merged into {entry.person_id}, and does not live with them"


# --- With what right ------------------------------------------------------------------------------------

_IN_EVERY = {"dead_letter.": Role.ADMINISTRATOR}
NEEDED = {
    "members": {
        "node.": Role.ADMINISTRATOR,
        "grant.": Role.ADMINISTRATOR,
        "member.read_phone": Role.ORGANIZER,
        "member.register": Role.ORGANIZER,
        "member.": Role.STAFF,
        "roster.": Role.STAFF,
        "concern.": Role.STAFF,
        "import.": Role.STAFF,
        "opening.": Role.STAFF,
        "past.": Role.STAFF,
        "team.": Role.STAFF,
        "login.make_code": Role.STAFF,
        "login.make_claim": Role.ORGANIZER,
        "login.refuse_own": Role.ORGANIZER,
        **_IN_EVERY,
    },
    "checkin": {
        "activity.approve": Role.STAFF,
        "activity.send_back": Role.STAFF,
        "activity.take_over": Role.STAFF,
        "activity.": Role.ORGANIZER,
        "attendance.": Role.ORGANIZER,
        "roll.": Role.ORGANIZER,
        "confirm_each.": Role.STAFF,
        "review.": Role.STAFF,
        "sheet.": Role.ORGANIZER,
        "sign_up.": Role.ORGANIZER,
        "outside_number.": Role.STAFF,
        "batch.": Role.STAFF,
        **_IN_EVERY,
    },
    "points": {"board.": Role.STAFF, "leaver.": Role.STAFF, **_IN_EVERY},
    "rewards": {
        "redemption.": Role.ORGANIZER,
        "gift.": Role.STAFF,
        "stock.": Role.STAFF,
        "desk.close": Role.STAFF,
        "desk.": Role.ORGANIZER,
        **_IN_EVERY,
    },
}
"""By how the name of an act begins, the role that it takes at the entry's path or above; the first that fits counts.
Who was refused as their own case (`….refuse_own`) had the right to do it for others.
"""
NEEDS_NONE = {
    "login.set_password", "login.claim", "login.release", "login.export", "login.ask_erasure", "login.withdraw_erasure",
    "token.add", "token.revoke", "administrator.make_code", "employer.add", "import_file.read",
}  # fmt: skip
"""What people do with their own login, what only the machine does, what belongs to no place, and what one of two roles
allows.
"""

# Who leads a site calls its roll, signs all out there, and types in its sheet, in time, and does nothing else there.
# Leaders may have changed since.
_LED = """
    SELECT log.action, log.subject_id, log.who FROM audit_log log
    LEFT JOIN attendance ON attendance.id = log.subject_id
    WHERE log.detail ->> 'as' = 'site_leader' AND log.action <> ALL (ARRAY['roll.refuse_own', 'sheet.refuse_own']) AND (
        log.action <> ALL (ARRAY['attendance.add', 'attendance.leave', 'attendance.reject', 'attendance.reopen',
            'sheet.enter', 'roll.read_names', 'activity.leave_all'])
        OR log.detail ->> 'evidence' = 'entered_later'
        OR NOT EXISTS (
            SELECT FROM site WHERE site.leader_member_id = log.member_id
            AND (site.id = attendance.site_id OR attendance.id IS NULL AND site.activity_id = log.subject_id)
        ) AND NOT EXISTS (
            SELECT FROM audit_log changed WHERE changed.subject_id = coalesce(attendance.activity_id, log.subject_id)
            AND changed.action = 'activity.change' AND changed.at > log.at
        )
    )
"""
_GRANTS = "SELECT member_id, role, node_id, granted_at, revoked_at FROM role_grant"
# The first administrator comes with a code from the machine, and is nobody until then.
_DONE = """
    SELECT at, who, member_id, action, subject_id, path FROM audit_log
    WHERE who LIKE 'login:%' AND NOT (who = 'login:None' AND action IN ('grant.add', 'member.confirm'))
        AND action LIKE ANY(CAST(:actions AS text[])) AND detail ->> 'as' IS DISTINCT FROM 'site_leader'
"""


def find_acts_without_right(rows: Rows) -> Iterator[str]:
    """Acts at a place where the actor held no role that allows them at the time."""
    grants = defaultdict[UUID, list[Any]](list)
    for grant in rows("members", _GRANTS):
        grants[grant.member_id].append(grant)
    for service, needed in NEEDED.items():
        for act in rows(service, _DONE, actions=[f"{name}%" for name in needed]):
            role = next(role for name, role in needed.items() if act.action.startswith(name))
            if not any(_allows(grant, role, act) for grant in grants.get(act.member_id, ())):
                yield f"{service}: {act.action} of {act.subject_id} by {act.who}, who was no {role} at {act.path}"
    for act in rows("checkin", _LED):
        yield f"checkin: {act.action} of {act.subject_id} by {act.who}, who did not lead its site, or too late"


def _allows(grant: Any, role: Role, act: Any) -> bool:
    """By the ids in the path, since the tree may have changed: all nodes above are in it."""
    reaches = grant.node_id is None or f"/{grant.node_id.hex}/" in act.path
    ended = grant.revoked_at is not None and grant.revoked_at + BELIEVED < act.at
    return reaches and grant.granted_at <= act.at and not ended and _implies(Role(grant.role), role)


@functools.cache
def _implies(held: Role, role: Role) -> bool:
    return Principal(kind=Kind.LOGIN, audience="", grants=(Grant(held, "/"),)).has(role)
