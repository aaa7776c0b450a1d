"""Earning rules: base, coefficient, minimum share, caps, and the words that say so."""

from dataclasses import asdict, replace
from datetime import date
from uuid import UUID

import pytest

from services.points.domain.rating import (
    Body,
    Rule,
    Served,
    coefficient,
    duration,
    half_up,
    hash_of,
    hundredths,
    rate,
    rule_of,
)

BODY = Body(
    base="hour",
    coefficient_percent=100,
    share_min_percent=60,
    points_daily_max=400,
    category_daily_max=None,
    evidence=("own_scan", "organizer"),
    points_live_days=None,
)


def rule(version: int = 1, from_day: date = date(2000, 1, 1), **fields: object) -> Rule:
    return Rule(UUID(int=version), "repair", version, from_day, replace(BODY, **fields))  # type: ignore[arg-type]


def served(
    minutes: int,
    *,
    together: int | None = None,
    activity: int | None = None,
    evidence: str = "own_scan",
    carries_visit: bool | None = True,
) -> Served:
    together, activity = (minutes if given is None else given for given in (together, activity))
    return Served(minutes, together, activity, evidence, carries_visit)


@pytest.mark.parametrize(
    ("minutes", "percent", "points"),
    [
        (60, 100, 100),
        (130, 100, 217),
        (125, 100, 208),
        (1, 100, 2),
        (0, 100, 0),
        (90, 150, 225),
        (3, 50, 3),
        (15, 130, 33),
    ],
)
def test_points_are_hours_times_the_coefficient_rounded_half_up(minutes: int, percent: int, points: int) -> None:
    assert rate(rule(coefficient_percent=percent), served(minutes), 0, 0).points == points


@pytest.mark.parametrize(("minutes", "earns"), [(59, False), (60, True), (61, True)])
def test_who_stays_for_exactly_the_minimum_share_earns(minutes: int, earns: bool) -> None:
    assert (rate(rule(), served(minutes, activity=100), 0, 0).points > 0) is earns


def test_all_pairs_together_reach_the_minimum_share() -> None:
    assert rate(rule(), served(30, together=60, activity=100), 0, 0).points == 50


def test_a_share_that_is_missed_says_so() -> None:
    reason = rate(rule(), served(50, activity=120), 0, 0).reason
    assert reason == "参加 50 分钟，不足活动 2 小时的 60%，只记时长，规则 1"


def test_evidence_that_does_not_earn_says_so() -> None:
    assert rate(rule(), served(60, evidence="entered_later"), 0, 0) == (0, "事后补录只记时长，不计积分，规则 1")


def test_a_stricter_rule_takes_own_scans_only() -> None:
    assert rate(rule(evidence=("own_scan",)), served(60, evidence="organizer"), 0, 0).points == 0


def test_the_example_of_the_specification() -> None:
    assert rate(rule(version=3), served(130), 0, 0) == (217, "2 小时 10 分钟 × 1.0 = 2.17，未到当日上限，规则 3")


@pytest.mark.parametrize(("used", "points"), [(0, 300), (100, 300), (101, 299), (399, 1), (400, 0), (500, 0)])
def test_the_days_cap_cuts_what_is_above_it(used: int, points: int) -> None:
    assert rate(rule(), served(180), used, used).points == points


def test_the_categorys_cap_counts_besides_the_days() -> None:
    visit = rule(base="visit", coefficient_percent=20, category_daily_max=40)
    assert rate(visit, served(5), 0, 0) == (20, "1 次 × 0.2 = 0.2，未到当日上限，规则 1")
    assert rate(visit, served(5), 40, 40) == (0, "1 次 × 0.2 = 0.2，当日上限 0.4 已用 0.4，计 0，规则 1")
    assert rate(visit, served(5), 390, 0).reason == "1 次 × 0.2 = 0.2，当日上限 4 已用 3.9，计 0.1，规则 1"


def test_a_visit_is_paid_with_the_pair_that_carries_it_and_not_without_a_minute() -> None:
    visit = rule(base="visit", coefficient_percent=20)
    assert rate(visit, served(5, carries_visit=False), 0, 0) == (
        0,
        "同一活动只计 1 次，已计在另一段，本段只记时长，规则 1",
    )
    assert rate(visit, served(0, together=5, carries_visit=True), 0, 0) == (0, "不足 1 分钟，不算一次服务，规则 1")
    assert rate(rule(), served(60, carries_visit=False), 0, 0).points == 100, "an hour is an hour in any pair"


def test_what_was_rated_when_every_pair_was_a_visit_comes_out_as_it_did() -> None:
    visit = rule(base="visit", coefficient_percent=20)
    assert rate(visit, served(0, carries_visit=None), 0, 0) == (20, "1 次 × 0.2 = 0.2，未到当日上限，规则 1")


def test_the_rule_of_the_service_day_holds() -> None:
    old, new = rule(1, date(2026, 1, 1)), rule(2, date(2026, 7, 1))
    assert rule_of([old, new], date(2025, 12, 31)) is None
    assert rule_of([old, new], date(2026, 6, 30)) is old
    assert rule_of([old, new], date(2026, 7, 1)) is new


def test_a_newer_version_that_holds_from_earlier_wins() -> None:
    old, new = rule(1, date(2026, 1, 1)), rule(2, date(2026, 1, 1))
    assert rule_of([old, new], date(2026, 6, 30)) is new


def test_every_field_is_in_the_rules_hash() -> None:
    changes: list[dict[str, object]] = [
        {"base": "visit"},
        {"coefficient_percent": 1},
        {"share_min_percent": 1},
        {"points_daily_max": 1},
        {"category_daily_max": 1},
        {"evidence": ()},
        {"points_live_days": 31},
    ]
    assert {next(iter(change)) for change in changes} == set(asdict(BODY))
    hashes = {hash_of("repair", 1, date(2000, 1, 1), asdict(replace(BODY, **change))) for change in changes}  # type: ignore[arg-type]
    assert len(hashes | {hash_of("repair", 1, date(2000, 1, 1), asdict(BODY))}) == len(changes) + 1


@pytest.mark.parametrize("days", [29, 1, 0, -1])
def test_a_rule_whose_points_live_less_than_thirty_days_is_refused_when_it_is_read(days: int) -> None:
    with pytest.raises(ValueError, match="points must live 30 days"):
        replace(BODY, points_live_days=days)
    assert replace(BODY, points_live_days=30).points_live_days == 30


def test_words() -> None:
    assert [duration(minutes) for minutes in (0, 59, 60, 130)] == ["0 分钟", "59 分钟", "1 小时", "2 小时 10 分钟"]
    assert [coefficient(percent) for percent in (5, 20, 100, 125, 1000)] == ["0.05", "0.2", "1.0", "1.25", "10.0"]
    assert [hundredths(points) for points in (0, 5, 217, -30)] == ["0", "0.05", "2.17", "-0.3"]
    assert [half_up(dividend, 2) for dividend in (0, 1, 2, 3)] == [0, 1, 1, 2]
