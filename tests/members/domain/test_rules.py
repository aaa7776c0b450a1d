"""Consents, places, passwords, what people may change themselves."""

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest

from services.members.domain import consents, passwords, people, places
from services.members.domain.consents import Consent, Kind
from services.members.domain.places import Level

TODAY = date(2026, 11, 22)
CHILD = date(2013, 1, 1)
JOINING = [Consent(Kind.TERMS, "1"), Consent(Kind.PRIVACY, "1")]


def test_nobody_joins_without_terms_and_privacy() -> None:
    consents.check_joining(JOINING, None, TODAY, by_guardian=False)
    for missing in ([], JOINING[:1], JOINING[1:], [JOINING[0], Consent(Kind.PRIVACY, "1", given=False)]):
        with pytest.raises(consents.ConsentMissing):
            consents.check_joining(missing, None, TODAY, by_guardian=False)


def test_consent_to_an_older_text_does_not_count() -> None:
    with pytest.raises(consents.ConsentOutdated):
        consents.check_joining([JOINING[0], Consent(Kind.PRIVACY, "0")], None, TODAY, by_guardian=False)


def test_a_child_joins_through_a_guardian_who_consents() -> None:
    with pytest.raises(consents.GuardianNeeded):
        consents.check_joining([*JOINING, Consent(Kind.GUARDIAN, "1")], CHILD, TODAY, by_guardian=False)
    with pytest.raises(consents.GuardianNeeded):
        consents.check_joining(JOINING, CHILD, TODAY, by_guardian=True)
    consents.check_joining([*JOINING, Consent(Kind.GUARDIAN, "1")], CHILD, TODAY, by_guardian=True)


@pytest.mark.parametrize("kind", [Kind.RANKED, Kind.NAMED])
def test_a_child_is_on_no_board_whatever_the_guardian_says(kind: Kind) -> None:
    with pytest.raises(consents.TooYoungForBoards):
        consents.check_joining(
            [*JOINING, Consent(Kind.GUARDIAN, "1"), Consent(kind, "1")], CHILD, TODAY, by_guardian=True
        )
    with pytest.raises(consents.TooYoungForBoards):
        consents.check_change([Consent(kind, "1")], CHILD, TODAY)


def test_boards_can_be_left_at_any_time_but_terms_only_by_leaving() -> None:
    consents.check_change([Consent(Kind.RANKED, "1", given=False)], None, TODAY)
    consents.check_change([Consent(Kind.RANKED, "an old version", given=False)], None, TODAY)
    with pytest.raises(consents.StillRequired):
        consents.check_change([Consent(Kind.TERMS, "1", given=False)], None, TODAY)
    with pytest.raises(consents.StillRequired):
        consents.check_change([Consent(Kind.GUARDIAN, "1", given=False)], CHILD, TODAY)


def test_levels_may_be_skipped_but_not_turned_round() -> None:
    places.check_below(Level.COMPOUND, Level.CENTRE)
    places.check_below(Level.CITY, None)
    for level, parent in (
        (Level.CENTRE, Level.STATION),
        (Level.STATION, Level.STATION),
        (Level.COMPOUND, None),
        (Level.BUILDING, None),
    ):
        with pytest.raises(places.WrongLevel):
            places.check_below(level, parent)


def test_a_home_is_a_station_a_compound_of_it_and_a_building_of_that() -> None:
    station, compound, building = (Level.STATION, "/a/"), (Level.COMPOUND, "/a/b/"), (Level.BUILDING, "/a/b/c/")
    places.check_home(station, compound, building)
    places.check_home(station, None, building)
    places.check_home((Level.CENTRE, "/a/"), compound, None)
    places.check_home(None, None, None)
    below: tuple[Any, ...] = (
        (None, compound, None),
        (station, (Level.COMPOUND, "/x/b/"), None),
        (station, compound, (Level.BUILDING, "/a/x/c/")),
    )
    for wrong in below:
        with pytest.raises(places.NotBelow):
            places.check_home(*wrong)
    levels: tuple[Any, ...] = ((compound, None, None), (station, building, None), (station, None, compound))
    for wrong in levels:
        with pytest.raises(places.WrongLevel):
            places.check_home(*wrong)


def test_a_path_names_all_ancestors() -> None:
    upper, lower = uuid4(), uuid4()
    assert places.path_below(places.path_below("/", upper), lower) == f"/{upper.hex}/{lower.hex}/"


@pytest.mark.parametrize("password", ["1234567", "aaaaaaaa", "12345678", "PASSWORD", "x13800138000x", "ababababab"])
def test_weak_passwords_are_refused(password: str) -> None:
    with pytest.raises(passwords.WeakPassword):
        passwords.check_password(password, "13800138000")


def test_a_sentence_is_a_password() -> None:
    passwords.check_password("梅花三弄一二三四", "13800138000")


def test_waiting_doubles_after_five_failures_and_ends_at_a_quarter_of_an_hour() -> None:
    seconds = [passwords.delay_after(failures).total_seconds() for failures in (1, 4, 5, 6, 7, 13, 14, 10_000)]
    assert seconds == [0, 0, 2, 4, 8, 512, 900, 900]
    assert passwords.SlowDown(timedelta(seconds=7.4)).retry_after_s == 7
    assert passwords.SlowDown(timedelta(seconds=0.01)).retry_after_s == 1


def test_people_change_who_they_are_until_staff_has_seen_them() -> None:
    people.check_self_change({"name", "birth_date", "skills"}, confirmed=False)
    people.check_self_change({"skills", "compound_id", "building_id"}, confirmed=True)
    for fields in ({"name"}, {"birth_date", "skills"}, {"station_id"}):
        with pytest.raises(people.ByStaffOnly):
            people.check_self_change(fields, confirmed=True)
    for fields in ({"household_id"}, {"guardian_id"}, {"team_ids"}, {"employer_id"}, {"phone"}):
        with pytest.raises(people.ByStaffOnly):
            people.check_self_change(fields, confirmed=False)


def test_who_belongs_to_no_station_chooses_one_also_when_confirmed() -> None:
    people.check_self_change({"station_id", "compound_id"}, confirmed=True, has_station=False)
    with pytest.raises(people.ByStaffOnly):
        people.check_self_change({"name"}, confirmed=True, has_station=False)


def test_nobody_is_born_tomorrow_or_in_the_19th_century() -> None:
    people.check_birth_date(None, TODAY)
    people.check_birth_date(TODAY, TODAY)
    for wrong in (TODAY + timedelta(days=1), date(1899, 12, 31)):
        with pytest.raises(people.BirthDateWrong):
            people.check_birth_date(wrong, TODAY)


def test_what_is_due_is_what_must_be_agreed_to_in_its_present_wording() -> None:
    now = {kind: text.version for kind, text in consents.TEXTS.items()}
    assert consents.due(now, CHILD, TODAY) == []
    assert consents.due({Kind.TERMS: now[Kind.TERMS], Kind.PRIVACY: "0"}, None, TODAY) == [Kind.PRIVACY]
    assert consents.due({}, None, TODAY) == [Kind.TERMS, Kind.PRIVACY], "boards are never asked for"
    assert consents.due({}, CHILD, TODAY) == [Kind.TERMS, Kind.PRIVACY, Kind.GUARDIAN]
