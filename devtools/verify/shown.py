"""Invariant 8: nobody is on a board, or named, who did not consent to it; and no child."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy import select

from services.members.domain.consents import Kind
from services.members.domain.names import ERASED_NAME, is_child, mask
from services.points.store import standings
from shared import clock
from shared.copies import member_card
from shared.db import session

Rows = Callable[..., list[Any]]


def find_shown_without_consent(rows: Rows) -> Iterator[str]:
    """Copies that say more of a member than the member's consents do. Old copies are for `_copies` to find."""
    today = clock.today()
    truth = {member.id: member for member in rows("members", _MEMBERS)}
    for service in ("checkin", "points", "rewards"):
        for card in rows(service, "SELECT member_id, version, name_public, name_masked, ranked FROM member_card"):
            member = truth.get(card.member_id)
            if member is None or member.version != card.version:
                continue
            may_be_shown = member.status == "active" and not is_child(member.birth_date, today)
            if card.name_public is not None and not (may_be_shown and Kind.NAMED in member.given):
                yield f"{service} knows the full name of {card.member_id}, who did not consent to be named"
            if card.ranked and not (may_be_shown and Kind.RANKED in member.given):
                yield f"{service} ranks {card.member_id}, who did not consent to it"
            if card.name_masked != mask(member.name):
                yield f"{service} knows another masked name of {card.member_id} than members"


def find_listed_without_consent(rows: Rows, points: Flask) -> Iterator[str]:
    """Members whom a board would list and name today, by what members knows of them."""
    today = clock.today()
    with points.app_context():
        listed: dict[UUID, str] = {
            row.member_id: row.name_public or row.name_masked
            for row in session().execute(select(member_card).where(standings.may_be_listed(today)))
        }
    on_their_way = {
        UUID(row.member_id)
        for row in rows(
            "members",
            "SELECT DISTINCT body ->> 'member_id' AS member_id FROM outbox"
            " WHERE name = 'MemberChanged' AND destination = 'points' AND delivered_at IS NULL AND dead_at IS NULL",
        )
    }
    for member in rows("members", _MEMBERS):
        if member.id not in listed or member.id in on_their_way:
            continue
        if member.status != "active" or Kind.RANKED not in member.given:
            yield f"boards list {member.id}, who did not consent to it"
        if is_child(member.birth_date, today):
            yield f"boards list {member.id}, who is a child"
        if listed[member.id] != mask(member.name) and Kind.NAMED not in member.given:
            yield f"boards name {member.id} in full, who did not consent to it"


def find_remembered(rows: Rows) -> Iterator[str]:
    """Who was erased, and is still known somewhere by more than an id."""
    for member in rows("members", _REMEMBERED, name=ERASED_NAME):
        yield f"members still knows who {member.id} was, who was erased"
    for service in ("checkin", "points", "rewards"):
        for card in rows(service, _REMEMBERED_COPIES, name=ERASED_NAME):
            yield f"{service} still knows who {card.member_id} was, who was erased"
    for number in rows("checkin", _NUMBERED):
        yield f"checkin still knows under which number {number.platform} has {number.member_id}, who was erased"
    for person in rows("checkin", _HANDED_OVER):
        yield f"checkin still knows whose line {person.line} of batch {person.batch_id} was, who was erased"
    for account in rows("points", _SALTED):
        yield f"the digest of account {account.id} still leads to {account.member_id}, who was erased"


# Whoever was merged into somebody is forgotten with that one.
_REMEMBERED = """
    WITH RECURSIVE erased AS (
        SELECT id FROM member WHERE status = 'erased'
        UNION SELECT member.id FROM member JOIN erased ON member.merged_into = erased.id
    )
    SELECT id FROM member JOIN erased USING (id) WHERE
        name <> :name OR concat(pinyin, initials) <> '' OR cardinality(skills) > 0
        OR num_nonnulls(birth_date, station_id, compound_id, building_id, household_id, employer_id, guardian_id,
            phone_encrypted, phone_hash, phone_tail_hash, confirmed_at) > 0
        OR EXISTS (SELECT FROM login_member WHERE member_id = member.id)
        OR EXISTS (SELECT FROM member_team WHERE member_id = member.id)
        OR EXISTS (SELECT FROM one_time_code WHERE member_id = member.id)
        OR EXISTS (SELECT FROM import_row WHERE member_id = member.id AND content IS NOT NULL)
        OR EXISTS (SELECT FROM badge_serial WHERE member_id = member.id)
        OR EXISTS (
            SELECT FROM merge WHERE member.id IN (member_id, into_id) AND (reason <> '' OR kept <> CAST('{}' AS jsonb))
        )
        OR EXISTS (SELECT FROM departure WHERE member_id = member.id AND reason <> '')
"""
_ERASED_COPIES = """
    WITH RECURSIVE erased AS (
        SELECT member_id FROM member_card WHERE status = 'erased'
        UNION SELECT card.member_id FROM member_card card JOIN erased ON card.merged_into = erased.member_id
    )
"""
_REMEMBERED_COPIES = f"""
    {_ERASED_COPIES} SELECT member_id FROM member_card JOIN erased USING (member_id) WHERE
        name_masked <> :name OR ranked OR cardinality(team_ids) > 0 OR num_nonnulls(
            name_public, station_id, compound_id, building_id, household_id, employer_id, birth_date) > 0
"""
_NUMBERED = f"""
    {_ERASED_COPIES} SELECT platform, member_id FROM outside_number JOIN erased ON member_id = subject_id
"""
_HANDED_OVER = f"""
    {_ERASED_COPIES} SELECT batch_id, line FROM export_person JOIN erased USING (member_id)
"""
_SALTED = f"""
    {_ERASED_COPIES} SELECT account.id, member_id FROM account JOIN erased ON member_id = owner_id
    WHERE kind IN ('member', 'debt') AND salt IS NOT NULL
"""
_MEMBERS = """
    SELECT member.id, member.version, member.status, member.name, member.birth_date,
        coalesce((
            SELECT array_agg(kind) FROM (
                SELECT DISTINCT ON (kind) kind, given FROM consent WHERE member_id = member.id
                ORDER BY kind, at DESC, id DESC
            ) newest WHERE given
        ), '{}') AS given
    FROM member
"""
