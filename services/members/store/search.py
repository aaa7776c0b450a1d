"""Statements that find members by what is typed of them, and whoever may be the same person."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import ColumnElement, and_, false, func, or_, select, true, tuple_
from sqlalchemy.orm import Session, aliased

from services.members.domain.newcomers import LOOK_ALIKES_MAX
from services.members.domain.places import ROOT, Level
from services.members.store.homes import at_home_or_moving_to
from services.members.store.keys import TAIL_DIGITS, keys
from services.members.store.models import Member, Node
from services.members.store.pinyin import read_name
from shared.buildings import is_sought, may_be_building

MOBILE_DIGITS = 11


def matching(tx: Session, q: str, paths: Iterable[str]) -> ColumnElement[bool]:
    """Members found by a part of the name, its reading or initials, the tail of the volunteer number, the phone
    number's last four digits or all of it, or where they live below one of the paths: 和谐小区, 3栋, 和谐小区3号楼.
    """
    found: list[ColumnElement[bool]] = [Member.name.contains(q, autoescape=True), *_living_at(tx, q, paths)]
    letters = q.lower().replace(" ", "").replace("'", "")
    if letters.isascii() and letters.isalpha():
        found += [Member.pinyin.startswith(letters), Member.initials.startswith(letters)]
    digits = q.replace(" ", "")  # as a badge has them: 7804 2894 3892
    if digits.isascii() and digits.isdigit():
        if len(digits) >= TAIL_DIGITS:
            found.append(Member.volunteer_number.endswith(digits))
        if len(digits) == TAIL_DIGITS:
            found.append(Member.phone_tail_hash == keys().phone_tail_hash(digits))
        if len(digits) >= MOBILE_DIGITS - 1:
            found.append(Member.phone_hash == keys().phone_hash(digits))
    return or_(*found)


def _living_at(tx: Session, home: str, paths: Iterable[str]) -> list[ColumnElement[bool]]:
    """Members of the compounds and buildings that are sought. Which these are is asked first: places are few, people
    many, and the names of places are read by one rule for all (`shared.buildings`).
    """
    place, compound = aliased(Node), aliased(Node)
    below = [true() if path == ROOT else place.path.startswith(path, autoescape=True) for path in paths]
    levels = [Level.COMPOUND.value] + [Level.BUILDING.value] * may_be_building(home)
    rows = tx.execute(
        select(place.id, place.level, place.name, compound.name.label("compound_name"))
        .outerjoin(compound, compound.id == place.parent_id)
        .where(place.level == func.any(levels), or_(*below))
    ).all()
    compounds = [row.id for row in rows if row.level == Level.COMPOUND and is_sought(home, row.name, None)]
    buildings = [row.id for row in rows if row.level == Level.BUILDING and is_sought(home, row.compound_name, row.name)]
    columns = ((Member.compound_id, compounds), (Member.building_id, buildings))
    return [column == func.any(ids) for column, ids in columns if ids]


def alike(member: Member) -> ColumnElement[bool]:
    """Others of the same name with the same phone's tail, compound or birth date: perhaps the same person."""
    same = [
        column == value
        for column, value in (
            (Member.phone_tail_hash, member.phone_tail_hash),
            (Member.compound_id, member.compound_id),
            (Member.birth_date, member.birth_date),
        )
        if value is not None
    ]
    return and_(Member.name == member.name, Member.id != member.id, or_(false(), *same))


def of_name_or_phone(name: str, phone: str | None) -> ColumnElement[bool]:
    """Whoever has this name or one that is read like it, or this phone: perhaps the person who stands there."""
    same = [Member.name == name, Member.pinyin == read_name(name)[0]]
    return or_(*same, *([] if phone is None else [Member.phone_hash == keys().phone_hash(phone)]))


def list_alike_ids(tx: Session, path: str, name: str, phone: str | None) -> list[UUID]:
    """The active ones of those at and below a node, as many as are shown to look at."""
    statement = (
        select(Member.id)
        .where(of_name_or_phone(name, phone), at_home_or_moving_to(path), Member.status == "active")
        .order_by(Member.id)
        .limit(LOOK_ALIKES_MAX)
    )
    return list(tx.scalars(statement))


BY_NAME = (Member.pinyin, Member.name, Member.id)
"""By reading, those of one name together."""


def comes_after(member_id: UUID) -> ColumnElement[bool]:
    """Members who follow this one in the order `BY_NAME`."""
    seen = aliased(Member)
    last = select(seen.pinyin, seen.name, seen.id).where(seen.id == member_id).scalar_subquery()
    return tuple_(*BY_NAME) > last
