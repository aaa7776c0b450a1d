"""Merges and their undoing among everything else that happens, in every order Hypothesis can think of."""

import contextlib
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID, uuid4

from flask import Flask
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from services.points.commands import leaving
from services.points.commands.boards import take_members
from services.points.commands.seal_transfers import seal_all
from services.points.domain.leaving import NothingLeft
from services.points.queries import verify_boards
from shared import clock
from shared.db import session, transactional
from shared.events import AttendanceSettled, MemberChanged, OpeningApproved, SpendRequested
from shared.principal import Role
from tests.points.support import (
    CHALUKOU,
    DAY,
    NANCHANG,
    TOWN,
    attendance,
    balance,
    broken,
    holding,
    make_rule,
    member,
    plant_tree,
    redemption,
    settle,
    shanghai,
    spend,
    void,
    voided,
)
from tests.points.test_openings import book, opening, undo, undone
from tests.support import Settings

EXPIRING, LASTING = "repair", "stairwell"
HOUSEHOLD = uuid4()
_take = transactional(take_members)


class Persons(RuleBasedStateMachine):
    app: ClassVar[Flask]
    settings_of_worker: ClassVar[Settings]

    @initialize()
    def begin(self) -> None:
        self.context = self.app.app_context()
        self.context.push()
        self.now = shanghai(DAY, 20)
        plant_tree()
        make_rule(EXPIRING, points_live_days=35)
        self.homes = {member(home, household_id=HOUSEHOLD): home for home in (NANCHANG, NANCHANG, CHALUKOU)}
        leaving.set_rule(holding(Role.STAFF, TOWN), node_id=TOWN, family_days=9, donate=True)
        self.versions = dict.fromkeys(self.homes, 1)
        self.into: dict[UUID, UUID] = {}
        self.facts: dict[UUID, AttendanceSettled] = {}
        self.spends: list[SpendRequested] = []
        self.openings: list[OpeningApproved] = []

    def teardown(self) -> None:
        self.context.pop()
        self.settings_of_worker.database("points").clean()

    # --- What happens besides ---

    @rule(data=st.data(), minutes=st.integers(1, 300), category=st.sampled_from([EXPIRING, LASTING]))
    def somebody_served(self, data: st.DataObject, minutes: int, category: str) -> None:
        fact = attendance(
            data.draw(st.sampled_from(list(self.homes))),
            minutes,
            station_id=data.draw(st.sampled_from([NANCHANG, CHALUKOU])),
            category=category,
            service_day=DAY - timedelta(days=data.draw(st.integers(0, 2))),
        )
        self.deliver(fact)

    @precondition(lambda self: self.facts)
    @rule(data=st.data(), state=st.sampled_from(["corrected", "annulled"]), minutes=st.integers(0, 300))
    def it_is_put_right(self, data: st.DataObject, state: str, minutes: int) -> None:
        old = data.draw(st.sampled_from(list(self.facts.values())))
        changes: dict[str, Any] = {"minutes": minutes, "minutes_together": minutes, "activity_minutes": minutes}
        self.deliver(replace(old, version=old.version + 1, state=state, reason="签退时间有误", **changes))

    def deliver(self, fact: AttendanceSettled) -> None:
        note(f"{fact.state} {fact.attendance_id.hex[:4]} of {fact.member_id.hex[:4]}: {fact.minutes}")
        self.facts[fact.attendance_id] = fact
        with self.at_the_time():
            (answer,) = settle([fact])
        assert answer.status == "done", answer

    @rule(data=st.data(), points=st.sampled_from([1, 60, 150, 400]))
    def points_are_spent(self, data: st.DataObject, points: int) -> None:
        wanted = redemption(
            data.draw(st.sampled_from(list(self.homes))),
            points,
            station_id=data.draw(st.sampled_from([NANCHANG, CHALUKOU])),
        )
        self.spends.append(wanted)
        with self.at_the_time():
            (answer,) = spend([wanted])
        assert answer.status == "done", answer

    @precondition(lambda self: self.spends)
    @rule(data=st.data())
    def a_redemption_is_voided(self, data: st.DataObject) -> None:
        with self.at_the_time():
            (answer,) = void([voided(data.draw(st.sampled_from(self.spends)))])
        assert answer.status == "done", answer

    @rule(data=st.data(), points=st.sampled_from([0, 90, 500]), minutes=st.integers(1, 300))
    def a_balance_is_taken_over_from_paper(self, data: st.DataObject, points: int, minutes: int) -> None:
        fact = opening(
            data.draw(st.sampled_from(list(self.homes))),
            points,
            minutes,
            station_id=data.draw(st.sampled_from([NANCHANG, CHALUKOU])),
        )
        note(f"opening {fact.opening_id.hex[:4]} of {fact.member_id.hex[:4]}: {points} {minutes}")
        self.openings.append(fact)
        with self.at_the_time():
            assert [answer.status for answer in book([fact, fact])] == ["done", "done"]

    @precondition(lambda self: self.openings)
    @rule(data=st.data())
    def it_is_taken_back(self, data: st.DataObject) -> None:
        fact = data.draw(st.sampled_from(self.openings))
        note(f"undo {fact.opening_id.hex[:4]}")
        with self.at_the_time():
            assert [answer.status for answer in undo([undone(fact)])] == ["done"]

    @rule(days=st.integers(1, 40))
    def days_pass(self, days: int) -> None:
        self.now += timedelta(days=days)

    @rule()
    def the_sealer_comes(self) -> None:
        seal_all()

    # --- Who is gone ---

    @precondition(lambda self: len(self.into) + 1 < len(self.homes))
    @rule(data=st.data())
    def somebody_leaves_the_points_to_another(self, data: st.DataObject) -> None:
        here = [one for one in self.homes if one not in self.into]
        gone = data.draw(st.sampled_from(here))
        taker = data.draw(st.sampled_from([one for one in here if one != gone]))
        before = self.sums()
        self.tell(gone, status="left")
        staff = holding(Role.STAFF, self.homes[gone])
        with self.at_the_time(), contextlib.suppress(NothingLeft):
            leaving.give_points(staff, move_id=uuid4(), member_id=gone, to_member_id=taker, reason="家人申请")
        assert self.sums() == before
        assert self.held()[gone][0] == 0
        self.tell(gone)

    # --- Merges ---

    @precondition(lambda self: len(self.into) + 1 < len(self.homes))
    @rule(data=st.data())
    def two_are_merged(self, data: st.DataObject) -> None:
        goes = data.draw(st.sampled_from([one for one in self.homes if one not in self.into]))
        stays = data.draw(st.sampled_from([one for one in self.homes if one not in self.into and one != goes]))
        self.into[goes] = stays
        self.tell(goes)

    @precondition(lambda self: self.into)
    @rule(data=st.data())
    def a_merge_is_taken_back(self, data: st.DataObject) -> None:
        last = [goes for goes, stays in self.into.items() if stays not in self.into]
        goes = data.draw(st.sampled_from(last))
        del self.into[goes]
        self.tell(goes)

    @precondition(lambda self: self.into)
    @rule(data=st.data())
    def a_merge_is_taken_back_at_once_and_nothing_has_changed(self, data: st.DataObject) -> None:
        goes = data.draw(st.sampled_from([goes for goes, stays in self.into.items() if stays not in self.into]))
        before, stays = self.held(), self.into.pop(goes)
        self.tell(goes)
        self.into[goes] = stays
        self.tell(goes)
        assert self.held() == before

    def tell(self, member_id: UUID, status: str = "active") -> None:
        before = self.sums()
        self.versions[member_id] += 1
        note(f"{member_id.hex[:4]} into {self.into.get(member_id)}")
        stays = self.into.get(member_id)
        news = MemberChanged(
            member_id=member_id,
            version=self.versions[member_id],
            status=status if stays is None else "merged",
            household_id=HOUSEHOLD,
            merged_into=stays,
            confirmed=True,
            volunteer_number="123456789012",
            name_masked="陈*芳",
            station_id=self.homes[member_id],
        )
        with self.at_the_time():
            assert [answer.status for answer in _take([news, news])] == ["done", "done"]
        assert self.sums() == before, "points less what is owed, and minutes, are as many as before"

    def at_the_time(self) -> Any:
        self.now += timedelta(seconds=1)
        return clock.travel(self.now)

    def held(self) -> dict[UUID, tuple[int, int, int]]:
        with clock.travel(self.now):
            found = {one: balance(one) for one in self.homes}
        return {one: (of["points_available"], of["points_debt"], of["minutes_total"]) for one, of in found.items()}

    def sums(self) -> tuple[int, int]:
        held = self.held().values()
        return sum(points - debt for points, debt, _ in held), sum(minutes for _, _, minutes in held)

    @invariant()
    def nothing_is_broken(self) -> None:
        assert broken() == {}
        assert list(verify_boards.standings_are_the_fold_of_the_awards()) == []
        session().rollback()

    @invariant()
    def who_was_merged_has_nothing(self) -> None:
        held = self.held()
        assert all(held[goes] == (0, 0, 0) for goes in self.into)


def test_whatever_happens_every_point_and_minute_is_with_who_stays(points_app: Flask, settings: Settings) -> None:
    Persons.app, Persons.settings_of_worker = points_app, settings
    run_state_machine_as_test(Persons, settings=_settings())


def _settings() -> Any:
    return settings(
        max_examples=20, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
    )
