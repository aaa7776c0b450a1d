"""What no browser sends, posted to every form: refused in words, never 5xx, and nothing is changed."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import text

from gateway.guards import page_of_form
from shared.db import session
from shared.ids import new_id
from shared.principal import Role
from tests.gateway.organizing import ACTIVITY, START, publish, scan
from tests.gateway.real import Browser, Town, form_fields, token_of, town
from tests.support import PROJECT

__all__ = ["town"]

ODD = {
    "nothing": "",
    "zero": "a\x00b",
    "surrogate": "\ud800",
    "unmarked": "\u202e\u2028",
    "long": "长" * 5000,
    "huge": "9" * 20,
    "other digits": "٣٣:٣٣",
    "negative": "-1",
    "first day": "0001-01-01",
    "last day": "9999-12-31",
    "no day": "2026-02-30",
    "times": "24:60",
}
UNASKED = re.compile(
    r"/(confirm-all|leave-all|publish|close|postpone|issue|revoke|withdraw|cancel|calls)$|^/staff/(boards|stuck)/"
)
"""Where the button alone says everything, be it that somebody reads phones: tried on things that are not there."""
NOT_TRIED = {"/logout", "/display", "/me/consents", "/me/edit", "/staff/nodes/<uuid:node_id>"}
"""What any text is a tick for, a skill or a name: each is meant by whoever sends it."""
GOOD: dict[str, Any] = ACTIVITY | {
    "name": "刘奶奶",
    "phone": "13812345678",
    "password": "梅花三弄 1949",
    "reason": "下雨",
    "points": "2",
    "quantity": "1",
    "relation": "mother",
    "agreed": "1",
    "site_name_0": "东门",
    "kind": "receive",
    "birth_date": "1954-03-08",
    "code": "ABCDEFGH2345",
}


@pytest.fixture
def values(town: Town) -> dict[str, Any]:
    """Ids of what is there, for the addresses of pages."""
    organizer, volunteer = town.person("李组织", Role.ORGANIZER), town.person("陈芳")
    page = publish(organizer)
    with town.at(START):
        scan(organizer, volunteer, page, "arrival")
        record = re.search(r"/attendances/([^\"]+)", organizer.get(f"{page}/confirm").text)
    assert record is not None
    new = "/staff/gifts/new"
    gift = town.administrator.post(new, new, name="香皂", points="1", node_id=town.station_id).request.path
    return {
        "activity_id": page.rpartition("/")[2],
        "attendance_id": record[1],
        "member_id": volunteer.member_id,
        "gift_id": gift.rpartition("/")[2],
        "node_id": town.station_id,
        "service": "checkin",
        "step": "publish",
    }


def forms(town: Town, values: dict[str, Any]) -> Iterator[tuple[Browser, str]]:
    """Every address that takes a form, with a browser that may send it."""
    for rule in town.gateway.url_map.iter_rules():
        if "POST" not in (rule.methods or ()) or rule.rule in NOT_TRIED:
            continue
        with town.gateway.test_request_context("/"):
            known: Any = {name: values.get(name) or str(new_id()) for name in rule.arguments}
            path = town.gateway.url_for(rule.endpoint, **known)
        is_open = getattr(town.gateway.view_functions[rule.endpoint], "guard", None) == "open"
        yield town.browser() if is_open else town.administrator, path


def names_of_fields() -> set[str]:
    """All that a page reads out of a form."""
    read = re.compile(r'(?:filled|form)\.\w+\(\s*f?"(\w+)(?:\{number\})?"')
    sources = [path.read_text() for path in (PROJECT / "gateway/pages").glob("*.py")]
    found = {name for source in sources for name in read.findall(source)}
    assert len(found) > 30
    return {name + "0" if name.endswith("_") else name for name in found} | {"day", "start", "end"}


def encoded(fields: Iterable[tuple[str, str]]) -> str:
    return urlencode(list(fields), errors="surrogatepass")


def post(who: Browser, token: str, path: str, fields: str) -> int:
    body = f"csrf_token={token}&{fields}"
    return who.client.post(path, data=body, content_type="application/x-www-form-urlencoded").status_code


def content(town: Town) -> dict[str, Any]:
    """A digest of every table of every service."""
    found: dict[str, Any] = {}
    for service, app in town.apps.items():
        with app.app_context():
            tables = session().execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars()
            whole = " UNION ALL ".join(
                f"SELECT '{table}', count(*), md5(string_agg(row::text, '' ORDER BY row::text)) FROM {table} row"
                for table in tables
            )
            found |= {f"{service}.{name}": digest for name, *digest in session().execute(text(whole))}
            session().rollback()
    return found


def test_odd_forms_are_refused_and_change_nothing(town: Town, values: dict[str, Any]) -> None:
    names, before, tried = names_of_fields(), content(town), 0
    bodies = {name: encoded((field, odd) for field in names) for name, odd in ODD.items()}
    bodies |= {"no field": "", "each thrice": encoded((field, odd) for field in names for odd in ("\x00", "1", "2"))}
    # Of what is not there a form says so before it is read: three bodies show it as well as fourteen.
    few = {name: bodies[name] for name in ("surrogate", "no field", "each thrice")}
    there = ((*each, bodies) for each in forms(town, values))
    elsewhere = ((*each, few) for each in forms(town, {name: values[name] for name in ("service", "step")}))
    for who, path, sent in [*there, *elsewhere]:
        if UNASKED.search(path) and any(value in path for value in values.values() if len(value) == 36):
            continue
        token = token_of(who.client)
        for name, fields in sent.items():
            assert post(who, token, path, fields) < 500, (path, name)
        now = content(town)
        # A wrong password where it is asked again is counted, as it must be.
        changed = {table for table in now if now[table] != before[table]} - {"members.failed_attempts"}
        assert changed == set(), path
        tried += 1
    assert tried > 30


def test_one_odd_field_among_good_ones_breaks_nothing(town: Town, values: dict[str, Any]) -> None:
    """Where a name is met first it is tried with all of them, on further forms with one by turns."""
    worst = [ODD[name] for name in ("zero", "surrogate", "huge", "first day", "last day")]
    met: Counter[str] = Counter()
    for who, path in forms(town, values):
        with town.gateway.test_request_context(path):
            page = who.client.get(f"{page_of_form()}?q=陈芳", follow_redirects=True).text
        if not re.search(rf'<form[^>]*method="post"[^>]*action="{path}"', page):
            continue  # it stands on no page just now
        token = token_of(who.client)
        good = {name: value or GOOD.get(name, "") for name, value in form_fields(page, path).items()}
        for field in good.keys() - {"csrf_token"}:
            for odd in [worst[met[field] % len(worst)]] if met[field] else worst:
                fresh = {"id": str(new_id())} if "id" in good else {}
                assert post(who, token, path, encoded({**good, **fresh, field: odd}.items())) < 500, (path, field, odd)
            met[field] += 1
    assert met.total() > 150
