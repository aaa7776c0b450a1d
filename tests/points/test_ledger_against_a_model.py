"""The ledger on PostgreSQL against a model in plain Python, in every order Hypothesis can think of."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

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

from services.points.commands.seal_transfers import seal_all
from shared import clock
from shared.events import Answer, AttendanceSettled, SpendRequested
from tests.points.support import (
    CHALUKOU,
    DAY,
    NANCHANG,
    attendance,
    balance,
    broken,
    digest,
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
from tests.support import Settings

EXPIRING, LASTING = "repair", "stairwell"
EXPIRE_DAYS = 35


# --- The model ----------------------------------------------------------------------------------------


@dataclass
class Lot:
    number: int
    remaining: int
    expires_at: datetime | None
    expired: int = 0
    """How much of it was ended."""


@dataclass
class Award:
    fact: AttendanceSettled
    points: int
    lot: Lot | None


@dataclass
class Person:
    lots: list[Lot] = field(default_factory=list)
    debt: int = 0
    minutes: int = 0
    earned: dict[Any, int] = field(default_factory=lambda: defaultdict(int))

    def live(self, now: datetime) -> list[Lot]:
        lots = [lot for lot in self.lots if lot.remaining and (lot.expires_at is None or lot.expires_at > now)]
        return sorted(lots, key=lambda lot: (lot.expires_at is None, lot.expires_at or now, lot.number))

    def points(self, now: datetime) -> int:
        return sum(lot.remaining for lot in self.live(now))

    def take(self, lots: list[Lot], amount: int) -> list[tuple[Lot, int]]:
        taken = []
        for lot in lots:
            part = min(lot.remaining, amount)
            lot.remaining -= part
            amount -= part
            if part:
                taken.append((lot, part))
        return taken

    def pay_debt(self, lots: list[Lot]) -> None:
        self.debt -= sum(part for _, part in self.take(lots, self.debt))

    def end_expired(self, now: datetime) -> None:
        for lot in self.lots:
            if lot.expires_at is not None and lot.expires_at <= now:
                lot.expired, lot.remaining = lot.expired + lot.remaining, 0


@dataclass
class Model:
    people: dict[UUID, Person]
    awards: dict[UUID, Award] = field(default_factory=dict)
    newest: dict[UUID, int] = field(default_factory=dict)
    spends: dict[UUID, list[tuple[Lot, int]] | None] = field(default_factory=dict)
    """By redemption what it took; None when it can take nothing any more."""
    numbers: int = 0
    erased: set[UUID] = field(default_factory=set)

    def settle(self, fact: AttendanceSettled, now: datetime) -> None:
        if self.newest.get(fact.attendance_id, 0) > fact.version:
            return
        self.newest[fact.attendance_id] = fact.version
        person, old = self.people[fact.member_id], self.awards.pop(fact.attendance_id, None)
        if old is not None:
            person.earned[old.fact.service_day] -= old.points
        if fact.state == "annulled":
            if old is not None:
                self.reverse(person, old, now)
            return
        earned = int(fact.minutes * 100 / 60 + 0.5) if fact.minutes_together >= fact.activity_minutes * 0.6 else 0
        points = min(earned, 400 - person.earned[fact.service_day])
        person.earned[fact.service_day] += points
        if old is not None and (old.points, old.fact.minutes) == (points, fact.minutes):
            self.awards[fact.attendance_id] = old
            return
        if old is not None:
            self.reverse(person, old, now)
        lot = None
        if points:
            self.numbers += 1
            expires_at = now + timedelta(days=EXPIRE_DAYS) if fact.category == EXPIRING else None
            lot = Lot(self.numbers, points, expires_at)
            person.lots.append(lot)
            person.pay_debt([lot])
        person.minutes += fact.minutes
        self.awards[fact.attendance_id] = Award(fact, points, lot)

    def reverse(self, person: Person, award: Award, now: datetime) -> None:
        person.minutes -= award.fact.minutes
        if award.lot is None:
            return
        left = award.points - sum(part for _, part in person.take([award.lot], award.points))
        left -= min(left, award.lot.expired)
        left -= sum(part for _, part in person.take(person.live(now), left))
        person.debt += left

    def spend(self, fact: SpendRequested, now: datetime) -> None:
        if fact.redemption_id in self.spends:
            return
        person = self.people[fact.member_id]
        self.spends[fact.redemption_id] = None
        if fact.member_id not in self.erased and person.points(now) >= fact.points:
            person.end_expired(now)
            self.spends[fact.redemption_id] = person.take(person.live(now), fact.points)

    def void(self, fact: SpendRequested, now: datetime) -> None:
        taken, self.spends[fact.redemption_id] = self.spends.get(fact.redemption_id), None
        if not taken:
            return
        person = self.people[fact.member_id]
        person.end_expired(now)
        for lot, part in taken:
            lot.remaining += part
            if lot.expires_at is not None and lot.expires_at <= now:
                lot.expires_at = now + timedelta(days=30)
        # As the lots came back: in the order of their ids.
        person.pay_debt(sorted((lot for lot, _ in taken), key=lambda lot: lot.number))


# --- The machine --------------------------------------------------------------------------------------


class Ledger(RuleBasedStateMachine):
    app: ClassVar[Flask]
    settings_of_worker: ClassVar[Settings]

    @initialize()
    def begin(self) -> None:
        self.context = self.app.app_context()
        self.context.push()
        self.now = shanghai(DAY, 20)
        plant_tree()
        make_rule(EXPIRING, points_live_days=EXPIRE_DAYS)
        self.members = [member(NANCHANG), member(CHALUKOU)]
        self.model = Model({one: Person() for one in self.members})
        self.facts: list[AttendanceSettled] = []
        self.spends: list[SpendRequested] = []
        self.answers: dict[Any, Answer] = {}

    def teardown(self) -> None:
        self.context.pop()
        self.settings_of_worker.database("points").clean()

    @contextmanager
    def at_the_time(self) -> Iterator[None]:
        self.now += timedelta(seconds=1)
        with clock.travel(self.now):
            yield

    def deliver(self, facts: list[AttendanceSettled]) -> None:
        note(f"deliver {[(fact.attendance_id.hex[:4], fact.version, fact.state, fact.minutes) for fact in facts]}")
        with self.at_the_time():
            answers = settle(facts)
            for fact in sorted(set(facts), key=lambda fact: (fact.ended_at, fact.attendance_id, fact.version)):
                if (fact.attendance_id, fact.version) not in self.answers:
                    self.model.settle(fact, self.now)
        for fact, answer in zip(facts, answers, strict=True):
            assert answer.status == "done", answer
            assert self.answers.setdefault((fact.attendance_id, fact.version), answer) == answer
        self.facts += facts

    @rule(data=st.data(), size=st.integers(1, 4))
    def attendances_are_settled(self, data: st.DataObject, size: int) -> None:
        batch = []
        for _ in range(size):
            minutes = data.draw(st.integers(0, 300), "minutes")
            batch.append(
                attendance(
                    data.draw(st.sampled_from(self.members)),
                    minutes,
                    station_id=data.draw(st.sampled_from([NANCHANG, CHALUKOU])),
                    category=data.draw(st.sampled_from([EXPIRING, LASTING])),
                    version=data.draw(st.integers(1, 3)),
                    service_day=DAY - timedelta(days=data.draw(st.integers(0, 1))),
                    activity_minutes=data.draw(st.sampled_from([minutes, minutes * 2])),
                )
            )
        self.deliver(batch)

    @precondition(lambda self: self.facts)
    @rule(data=st.data(), size=st.integers(1, 3))
    def other_versions_come_in_any_order_and_some_again(self, data: st.DataObject, size: int) -> None:
        batch: dict[Any, AttendanceSettled] = {}
        known = {(fact.attendance_id, fact.version): fact for fact in self.facts}
        for _ in range(size):
            old = data.draw(st.sampled_from(self.facts))
            version = data.draw(st.integers(1, 4))
            minutes = data.draw(st.sampled_from([old.minutes, 0, 45, 240]))
            state = data.draw(st.sampled_from(["corrected", "annulled"]))
            fact = (
                known.get((old.attendance_id, version))
                or batch.get((old.attendance_id, version))
                or replace(
                    old, version=version, state=state, minutes=minutes, minutes_together=minutes, reason="签退时间有误"
                )
            )
            batch[fact.attendance_id, version] = fact
        self.deliver([*batch.values(), *list(batch.values())[:1]])

    @precondition(lambda self: self.facts)
    @rule(data=st.data())
    def other_content_under_a_known_version_changes_nothing(self, data: st.DataObject) -> None:
        fact = data.draw(st.sampled_from(self.facts))
        before = digest()
        (answer,) = settle([replace(fact, activity_title="另一个活动")])
        assert (answer.status, answer.code) == ("refused", "other_content")
        assert digest() == before

    @rule(data=st.data())
    def points_are_spent(self, data: st.DataObject) -> None:
        wanted = redemption(
            data.draw(st.sampled_from(self.members)),
            data.draw(st.sampled_from([1, 60, 150, 400])),
            station_id=data.draw(st.sampled_from([NANCHANG, CHALUKOU])),
        )
        self.spends.append(wanted)
        if data.draw(st.booleans(), "voided before it comes"):
            self.void(wanted)
        self.spend(wanted)

    @precondition(lambda self: self.spends)
    @rule(data=st.data())
    def a_spend_comes_again(self, data: st.DataObject) -> None:
        self.spend(data.draw(st.sampled_from(self.spends)))

    @precondition(lambda self: self.spends)
    @rule(data=st.data())
    def a_redemption_is_voided(self, data: st.DataObject) -> None:
        self.void(data.draw(st.sampled_from(self.spends)))

    def spend(self, wanted: SpendRequested) -> None:
        note(f"spend {wanted.redemption_id.hex[:4]} {wanted.points}")
        with self.at_the_time():
            (answer,) = spend([wanted])
            self.model.spend(wanted, self.now)
        assert self.answers.setdefault(wanted.redemption_id, answer) == answer

    def void(self, wanted: SpendRequested) -> None:
        note(f"void {wanted.redemption_id.hex[:4]}")
        with self.at_the_time():
            (answer,) = void([voided(wanted)])
            self.model.void(wanted, self.now)
        assert self.answers.setdefault(("void", wanted.redemption_id), answer) == answer

    @rule(days=st.integers(1, 40))
    def days_pass(self, days: int) -> None:
        self.now += timedelta(days=days)

    @precondition(lambda self: not self.model.erased)
    @rule(data=st.data())
    def one_of_them_is_erased(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.members))
        note(f"erase {one.hex[:4]}")
        gone: dict[str, Any] = {"station_id": None, "volunteer_number": "0" * 12, "name_masked": "已注销"}
        member(member_id=one, version=2, status="erased", confirmed=False, **gone)
        self.model.erased.add(one)

    @rule()
    def the_sealer_comes(self) -> None:
        seal_all()

    @invariant()
    def nothing_is_broken(self) -> None:
        assert broken() == {}

    @invariant()
    def everybody_has_what_the_model_says(self) -> None:
        with clock.travel(self.now):
            for one, person in self.model.people.items():
                found = balance(one)
                assert (found["points_available"], found["points_debt"], found["minutes_total"]) == (
                    person.points(self.now),
                    person.debt,
                    person.minutes,
                )


def test_whatever_happens_the_ledger_agrees_with_the_model(points_app: Flask, settings: Settings) -> None:
    Ledger.app, Ledger.settings_of_worker = points_app, settings
    run_state_machine_as_test(Ledger, settings=_settings())


def _settings() -> Any:
    return settings(
        max_examples=20, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
    )
