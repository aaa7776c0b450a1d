"""Principals: signed by the gateway, verified alone, valid for one audience and a minute."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared import clock, principal, tokens
from shared.errors import Forbidden, Unauthenticated
from shared.principal import Grant, Kind, OwnCase, Principal, Role, Tried

KEY = Ed25519PrivateKey.generate().private_bytes_raw()
PUBLIC = tokens.public_half(KEY)
STATION, OTHER = "/city/centre/station/", "/city/centre/other/"


def a_login(*grants: Grant) -> Principal:
    member = uuid4()
    return Principal(
        kind=Kind.LOGIN, audience="checkin", member_id=member, own_member_id=member, member_ids=(member,),
        household_ids=(uuid4(),), grants=grants,
    )  # fmt: skip


def test_a_signed_principal_comes_back_whole() -> None:
    who = a_login(Grant(Role.ORGANIZER, STATION))
    found = principal.verify(principal.sign(who, KEY), PUBLIC, "checkin")
    assert replace(found, expires_at=0) == who


def test_another_audience_a_changed_byte_and_another_key_are_refused() -> None:
    token = principal.sign(a_login(), KEY)
    with pytest.raises(Unauthenticated):
        principal.verify(token, PUBLIC, "rewards")
    for position in range(0, len(token), 7):
        changed = token[:position] + ("A" if token[position] != "A" else "B") + token[position + 1 :]
        with pytest.raises(Unauthenticated):
            principal.verify(changed, PUBLIC, "checkin")
    stranger = Ed25519PrivateKey.generate().private_bytes_raw()
    with pytest.raises(Unauthenticated):
        principal.verify(principal.sign(a_login(), stranger), PUBLIC, "checkin")


def test_a_principal_ends_after_a_minute_even_if_it_was_verified_before() -> None:
    token = principal.sign(a_login(), KEY, lifetime_s=3600)
    principal.verify(token, PUBLIC, "checkin")
    with clock.travel(clock.now() + timedelta(seconds=62)), pytest.raises(Unauthenticated):
        principal.verify(token, PUBLIC, "checkin")


@pytest.mark.parametrize("text", ["", ".", "a.b", "ü.ü", "e30.e30", "x" * 5000, "A" * 40 + "." + "A" * 86])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(Unauthenticated):
        principal.verify(text, PUBLIC, "checkin")


@pytest.mark.parametrize(
    ("held", "wanted", "allowed"),
    [
        (Role.ADMINISTRATOR, Role.STAFF, True),
        (Role.ADMINISTRATOR, Role.ORGANIZER, True),
        (Role.STAFF, Role.ORGANIZER, True),
        (Role.ORGANIZER, Role.STAFF, False),
        (Role.STAFF, Role.ADMINISTRATOR, False),
        (Role.AUDITOR, Role.ORGANIZER, False),
        (Role.ADMINISTRATOR, Role.AUDITOR, False),
        (Role.VOLUNTEER, Role.ORGANIZER, False),
    ],
)
def test_a_role_carries_the_lesser_ones_but_auditors_only_read(held: Role, wanted: Role, allowed: bool) -> None:
    assert a_login(Grant(held, STATION)).may(wanted, STATION) is allowed


def test_a_grant_reaches_below_its_node_and_nowhere_else() -> None:
    who = a_login(Grant(Role.STAFF, "/city/centre/"))
    assert who.may(Role.STAFF, STATION)
    assert who.may(Role.STAFF, "/city/centre/")
    assert not who.may(Role.STAFF, "/city/")
    with pytest.raises(Forbidden):
        who.require(Role.STAFF, "/elsewhere/")


def test_what_others_of_a_login_hold_is_no_right_of_its_own() -> None:
    others = Grant(Role.STAFF, "/city/centre/")
    who = replace(a_login(Grant(Role.ORGANIZER, OTHER)), grants_of_others=(others,))
    assert not who.may(Role.ORGANIZER, STATION)
    assert not who.has(Role.STAFF)
    assert who.paths(Role.ORGANIZER) == (OTHER,)
    assert who.has_among_its_own(Role.ORGANIZER, STATION)
    assert who.has_among_its_own(Role.ORGANIZER, OTHER)
    assert not who.has_among_its_own(Role.ADMINISTRATOR, STATION)
    assert not who.has_among_its_own(Role.ORGANIZER, "/elsewhere/")


def test_nobody_acts_for_themselves_their_family_or_their_household() -> None:
    who = a_login()
    tried = Tried("attendance.confirm", STATION)
    who.refuse_own_case(uuid4(), uuid4(), tried)
    who.refuse_own_case(uuid4(), None, tried)
    for member, household in ((who.member_ids[0], None), (uuid4(), who.household_ids[0])):
        with pytest.raises(OwnCase) as refused:
            who.refuse_own_case(member, household, tried)
        assert (refused.value.tried, refused.value.member_id) == (tried, member)
