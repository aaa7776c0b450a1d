"""How the pages show things: figures, times, icons' files, text size and language."""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from uuid import UUID

from babel.dates import format_date, format_datetime
from flask import Flask, request, url_for

from gateway import i18n, visitor
from gateway.i18n import _
from gateway.sessions import Named
from shared import categories, clock
from shared.errors import Forbidden, HuzhuError
from shared.ids import new_id
from shared.principal import Role

TEXT_SIZES = ("standard", "large", "largest")
TEXT_COOKIE = "huzhu_text"
PREFERENCE_AGE_S = 400 * 24 * 3600
_STATIC = Path(__file__).parent / "static"
_MINUS = "−"


def configure(app: Flask) -> None:
    """Filters and globals for all templates; call once in create_app."""
    i18n.configure(app)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = PREFERENCE_AGE_S  # `asset` puts a hash into the address
    app.jinja_env.filters.update(
        points=points,
        signed=signed,
        minutes=minutes,
        moment=moment,
        day=day,
        hour=hour,
        month=month,
        fours=fours,
        span=span,
        category=category,
    )
    # Globals rather than context, so that imported macros know them too.
    app.jinja_env.globals.update(asset=asset, new_id=new_id, csrf_token=visitor.csrf_token)
    app.context_processor(lambda: {"text_size": text_size(), "language": i18n.chosen(), "viewer": viewer()})


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks at the page: the member acted for, and everybody of the login."""

    member_id: UUID
    name: str
    station_id: UUID | None
    station_name: str
    confirmed: bool
    members: tuple[Named, ...]
    is_organizer: bool
    is_staff: bool


def viewer() -> Viewer | None:
    """For the frame of a page; None when nobody is logged in, and when members cannot say."""
    try:
        session, member_id = visitor.session(), visitor.member_id()
    except HuzhuError:
        return None
    if session is None or member_id is None:
        return None
    acting = next(member for member in session.members if member.member_id == member_id)
    return Viewer(
        member_id=member_id,
        name=acting.name,
        station_id=acting.station_id,
        station_name=acting.station_name,
        confirmed=acting.confirmed,
        members=session.members,
        is_organizer=session.has(Role.ORGANIZER),
        is_staff=session.has(Role.STAFF),
    )


def require_viewer() -> Viewer:
    """For pages behind `logged_in`; Forbidden for a login that acts for nobody (an operator's)."""
    visitor.require_session()
    found = viewer()
    if found is None:
        raise Forbidden(_("这个账号下没有志愿者，请先添加一位家人或请站点登记"))
    return found


def text_size() -> str:
    """One of TEXT_SIZES, as the person chose it on this device."""
    size = request.cookies.get(TEXT_COOKIE, "")
    return size if size in TEXT_SIZES else TEXT_SIZES[0]


def asset(name: str) -> str:
    """The address of a static file, with a hash of its content so that it can be kept for ever."""
    return url_for("static", filename=name, v=_content_hash(name))


@cache
def _content_hash(name: str) -> str:
    return hashlib.sha256((_STATIC / name).read_bytes()).hexdigest()[:10]


def points(hundredths: int) -> str:
    """Points as people write them: 3860 → 38.6."""
    whole, rest = divmod(abs(hundredths), 100)
    text = f"{whole}.{rest:02}".rstrip("0").rstrip(".")
    return _MINUS + text if hundredths < 0 else text


def signed(hundredths: int) -> str:
    """Points of a line in a statement: 217 → +2.17."""
    return "+" + points(hundredths) if hundredths > 0 else points(hundredths)


def minutes(count: int) -> str:
    """Service time: 130 → 2 小时 10 分钟."""
    sign = _MINUS if count < 0 else ""
    hours, rest = divmod(abs(count), 60)
    if hours and rest:
        return sign + _("%(hours)s 小时 %(minutes)s 分钟", hours=hours, minutes=rest)
    if hours:
        return sign + _("%(hours)s 小时", hours=hours)
    return sign + _("%(minutes)s 分钟", minutes=rest)


def read_moment(value: str | datetime) -> datetime:
    """A time off the wire, in Shanghai."""
    moment_ = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment_.astimezone(clock.SHANGHAI)


def _formatted(value: datetime, chinese: str, english: str) -> str:
    if i18n.chosen() == i18n.ENGLISH:
        return format_datetime(value, english, tzinfo=clock.SHANGHAI, locale="en")
    return format_datetime(value, chinese, tzinfo=clock.SHANGHAI, locale=i18n.CHINESE)


def moment(value: str | datetime) -> str:
    """A time in Shanghai: 11月22日 周日 09:05, with the year when it is not this one."""
    then = read_moment(value)
    if then.year == clock.today().year:
        return _formatted(then, "M月d日 EEE HH:mm", "EEE d MMM, HH:mm")
    return _formatted(then, "y年M月d日 HH:mm", "d MMM y, HH:mm")


def hour(value: str | datetime) -> str:
    """The time of day in Shanghai: 09:05."""
    return _formatted(read_moment(value), "HH:mm", "HH:mm")


def span(start: str | datetime, end: str | datetime) -> str:
    """From when to when: 11月22日 周日 09:00–11:30, and over midnight both days."""
    same_day = read_moment(start).date() == read_moment(end).date()
    return f"{moment(start)}–{hour(end) if same_day else moment(end)}"


def day(value: str | date) -> str:
    """A day: 2026年11月22日."""
    if isinstance(value, str):
        value = read_moment(value).date() if "T" in value else date.fromisoformat(value)
    if isinstance(value, datetime):
        value = read_moment(value).date()
    if i18n.chosen() == i18n.ENGLISH:
        return format_date(value, "d MMM y", locale="en")
    return format_date(value, "y年M月d日", locale=i18n.CHINESE)


def day_of_year(value: date) -> str:
    """A day of which the year is known: 11月22日."""
    if i18n.chosen() == i18n.ENGLISH:
        return format_date(value, "d MMM", locale="en")
    return format_date(value, "M月d日", locale=i18n.CHINESE)


def month(value: str) -> str:
    """A month given as 2026-11."""
    first = date.fromisoformat(f"{value[:7]}-01")
    if i18n.chosen() == i18n.ENGLISH:
        return format_date(first, "MMMM y", locale="en")
    return format_date(first, "y年M月", locale=i18n.CHINESE)


def month_of_year(value: str) -> str:
    """A month given as 2026-11, where the year is known."""
    first = date.fromisoformat(f"{value[:7]}-01")
    if i18n.chosen() == i18n.ENGLISH:
        return format_date(first, "MMMM", locale="en")
    return format_date(first, "M月", locale=i18n.CHINESE)


def fours(code: str) -> str:
    """A code in groups of four, as people read it aloud."""
    return " ".join(code[at : at + 4] for at in range(0, len(code), 4))


def category(slug: str) -> str:
    """The name of a category of service."""
    return _(categories.NAMES.get(slug, slug))
