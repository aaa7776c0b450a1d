"""What people see on a board, from SQL and from Redis alike."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest

from services.points.commands.refresh_boards import refresh
from services.points.commands.switch_board import switch_board
from services.points.domain.boards import Metric, Period
from shared.errors import Forbidden, NotFound
from shared.principal import Role
from tests.points.boards.support import (
    CENTRE,
    CHALUKOU,
    CITY,
    NANCHANG,
    SUB_CENTRE,
    TODAY,
    book,
    login,
    look,
    member,
    path_of,
    served,
    statements,
    station,
    tell_members,
    tell_stations,
    today_is,
)

if TYPE_CHECKING:
    from flask import Flask

ANNA, BOB, CARL, DORA = (UUID(int=number) for number in (101, 102, 103, 104))
pytestmark = pytest.mark.usefixtures("boards_app")


@pytest.fixture(params=["database", "cache"])
def ready(request: pytest.FixtureRequest) -> Callable[..., str]:
    """Call it with boards to look at: they are then answered by the source under test."""

    def prepare(*boards: tuple[UUID, Period, Metric]) -> str:
        if request.param == "cache":
            for node_id, period, metric in boards or [(NANCHANG, Period.MONTH, Metric.HOURS)]:
                look(node_id, period, metric)
            refresh()
        return str(request.param)

    return prepare


def test_the_one_with_most_stands_first(ready: Callable[..., str]) -> None:
    tell_members(member(ANNA, name_masked="安*"), member(BOB, name_masked="鲍*勃"))
    book(served(ANNA, 60), served(BOB, 90))
    source = ready()
    board = look()
    assert board.source == source
    assert [(row.rank, row.name, row.value) for row in board.rows] == [(1, "鲍*", 90), (2, "安*", 60)]


def test_several_services_add_up(ready: Callable[..., str]) -> None:
    tell_members(member(ANNA))
    book(served(ANNA, 60), served(ANNA, 30, day=date(2026, 11, 20)))
    book(served(ANNA, 15))
    ready()
    assert look().rows[0].value == 105


def test_a_correction_takes_away(ready: Callable[..., str]) -> None:
    tell_members(member(ANNA))
    book(served(ANNA, 60))
    ready()
    book(served(ANNA, -60, attendances=-1))
    refresh()
    assert look().rows == []


@pytest.mark.parametrize(("metric", "value"), [(Metric.HOURS, 70), (Metric.POINTS, 250), (Metric.ATTENDANCES, 2)])
def test_each_metric_counts_its_own(ready: Callable[..., str], metric: Metric, value: int) -> None:
    tell_members(member(ANNA))
    book(served(ANNA, 70, points=250, attendances=2))
    source = ready((NANCHANG, Period.MONTH, metric))
    board = look(metric=metric)
    assert (board.rows[0].value, board.source) == (value, source)


@pytest.mark.parametrize("node_id", [NANCHANG, SUB_CENTRE, CENTRE, CITY])
@pytest.mark.parametrize("period", list(Period))
def test_a_service_counts_at_its_station_and_everywhere_above(
    ready: Callable[..., str], node_id: UUID, period: Period
) -> None:
    tell_members(member(ANNA))
    book(served(ANNA, 60))
    source = ready((node_id, period, Metric.HOURS))
    board = look(node_id, period)
    assert ([row.value for row in board.rows], board.source) == ([60], source)
    assert look(CHALUKOU, period).rows == []


def test_above_the_stations_their_sums_count(ready: Callable[..., str]) -> None:
    tell_members(member(ANNA))
    book(served(ANNA, 60), served(ANNA, 30, at=CHALUKOU))
    ready((SUB_CENTRE, Period.ALL, Metric.HOURS))
    assert look(SUB_CENTRE, Period.ALL).rows[0].value == 90


def test_a_board_of_the_past_shows_its_own_period(ready: Callable[..., str]) -> None:
    tell_members(member(ANNA))
    book(served(ANNA, 60, day=date(2026, 10, 31)), served(ANNA, 5))
    ready()
    assert [row.value for row in look(day=date(2026, 10, 1)).rows] == [60]
    assert look(day=date(2026, 10, 1)).period_key == "2026-10"


@pytest.mark.parametrize(
    "fields",
    [
        {"ranked": False},
        {"birth_date": date(2012, 11, 23)},
        {"birth_date": None, "confirmed": False},
        {"status": "left"},
        {"status": "erased"},
        {"status": "merged", "merged_into": BOB},
    ],
)
def test_who_may_not_be_listed_is_not(ready: Callable[..., str], fields: dict[str, object]) -> None:
    tell_members(member(ANNA, **fields), member(BOB))
    book(served(ANNA, 60), served(BOB, 30))
    ready()
    assert [(row.rank, row.value) for row in look().rows] == [(1, 30)]


@pytest.mark.parametrize("fields", [{"birth_date": date(2012, 11, 22)}, {"birth_date": None, "confirmed": True}])
def test_who_is_fourteen_today_or_was_seen_by_staff_is_listed(
    ready: Callable[..., str], fields: dict[str, object]
) -> None:
    tell_members(member(ANNA, **fields))
    book(served(ANNA, 60))
    ready()
    assert len(look().rows) == 1


def test_a_stranger_without_a_card_is_not_listed(ready: Callable[..., str]) -> None:
    book(served(uuid4(), 60))
    ready()
    assert look().rows == []


def test_only_the_consent_to_be_named_shows_a_name(ready: Callable[..., str]) -> None:
    tell_members(member(ANNA, name_masked="安*", name_public="安娜"), member(BOB, name_masked="鲍*"))
    book(served(ANNA, 60), served(BOB, 30))
    ready()
    assert [(row.name, row.member_id) for row in look().rows] == [("安娜", ANNA), ("鲍*", None)]


def test_ones_own_row_can_be_told_though_it_is_masked(ready: Callable[..., str]) -> None:
    tell_members(member(BOB, name_masked="鲍*"))
    book(served(BOB, 30))
    ready()
    assert look(own=BOB).rows[0].member_id == BOB


def test_equals_share_a_rank_and_keep_their_order(ready: Callable[..., str]) -> None:
    tell_members(*(member(one) for one in (ANNA, BOB, CARL, DORA)))
    book(served(ANNA, 60), served(BOB, 90), served(CARL, 60), served(DORA, 10))
    ready()
    board = look(own=CARL)
    assert [row.rank for row in board.rows] == [1, 2, 2, 4]
    assert [row.member_id for row in board.rows] == [None, CARL, None, None]
    assert look(own=CARL).rows == board.rows
    own = {one: look(own=one).own for one in (ANNA, BOB, CARL, DORA)}
    assert {one: shown and shown.rank for one, shown in own.items()} == {ANNA: 2, BOB: 1, CARL: 2, DORA: 4}


def test_one_who_is_not_listed_sees_the_own_rank_among_those_who_are(ready: Callable[..., str]) -> None:
    tell_members(member(ANNA), member(BOB, ranked=False), member(CARL), member(DORA, ranked=False))
    book(served(ANNA, 90), served(BOB, 80), served(CARL, 80), served(DORA, 70))
    source = ready()
    board = look(own=DORA)
    assert board.source == source
    assert board.own is not None
    assert (board.own.rank, board.own.value) == (3, 70)
    tied = look(own=BOB).own
    assert tied is not None
    assert tied.rank == 2
    assert len(board.rows) == 2


def test_one_without_anything_has_no_rank(ready: Callable[..., str]) -> None:
    tell_members(member(ANNA), member(BOB))
    book(served(ANNA, 90))
    ready()
    assert look(own=BOB).own is None


def test_no_more_than_a_hundred_are_shown_and_the_own_rank_goes_on(ready: Callable[..., str]) -> None:
    many = [UUID(int=1000 + number) for number in range(130)]
    tell_members(*(member(one) for one in many))
    book(*(served(one, 10 + number) for number, one in enumerate(many)))
    source = ready()
    board = look(own=many[0])
    assert board.source == source
    assert [row.rank for row in board.rows] == list(range(1, 101))
    assert board.own is not None
    assert board.own.rank == 130


def test_nobody_asks_for_anothers_rank() -> None:
    from services.points.queries.boards import read_board

    with pytest.raises(Forbidden):
        read_board(login(BOB), node_id=NANCHANG, period=Period.WEEK, metric=Metric.HOURS, member_id=ANNA)


def test_an_unknown_node_is_not_found() -> None:
    with pytest.raises(NotFound):
        look(uuid4())


def test_who_moves_counts_where_the_service_was(ready: Callable[..., str]) -> None:
    tell_members(member(ANNA, station_id=NANCHANG))
    book(served(ANNA, 60))
    tell_members(member(ANNA, version=2, station_id=CHALUKOU))
    book(served(ANNA, 30, at=CHALUKOU))
    ready()
    ready((CHALUKOU, Period.MONTH, Metric.HOURS))
    assert [row.value for row in look().rows] == [60]
    assert [row.value for row in look(CHALUKOU).rows] == [30]


def test_a_station_that_moves_takes_its_count_along(ready: Callable[..., str]) -> None:
    tell_members(member(ANNA))
    book(served(ANNA, 60))
    ready((SUB_CENTRE, Period.MONTH, Metric.HOURS))
    assert len(look(SUB_CENTRE).rows) == 1
    tell_stations(station(NANCHANG, version=2, path=f"{path_of(CENTRE)}{NANCHANG.hex}/"))
    assert look(SUB_CENTRE).rows == []
    refresh()
    assert look(SUB_CENTRE).rows == []
    assert len(look(CENTRE).rows) == 1


def test_a_service_at_a_station_not_yet_known_counts_once_it_is(ready: Callable[..., str]) -> None:
    new = UUID(int=77)
    tell_members(member(ANNA), member(BOB))
    book(served(ANNA, 60, at=new), served(BOB, 20))
    ready((CITY, Period.MONTH, Metric.HOURS))
    assert [row.value for row in look(CITY).rows] == [20]
    tell_stations(_beside(new))
    refresh()
    assert [row.value for row in look(CITY).rows] == [60, 20]


def _beside(node_id: UUID):  # type: ignore[no-untyped-def]
    from shared.events import StationChanged

    return StationChanged(
        node_id=node_id,
        version=1,
        level="station",
        name="新站",
        path=f"{path_of(CENTRE)}{node_id.hex}/",
        parent_id=CENTRE,
    )


def test_booking_a_batch_is_one_statement(boards_app: "Flask") -> None:
    deltas = [served(uuid4(), 60, day=day) for day in (TODAY, date(2026, 10, 1)) for _ in range(200)]
    with statements(boards_app) as seen:
        book(*deltas)
    assert len(seen) == 1
    with statements(boards_app) as seen:
        book()
    assert seen == []


@pytest.mark.parametrize(
    ("source", "own", "most"),
    [
        ("cache", None, 2),
        ("cache", ANNA, 2),
        ("cache", DORA, 3),
        ("database", None, 2),
        ("database", ANNA, 3),
    ],
)
def test_a_board_takes_few_statements(boards_app: "Flask", source: str, own: UUID | None, most: int) -> None:
    tell_members(member(ANNA), member(DORA, ranked=False))
    book(served(ANNA, 60), served(DORA, 30))
    if source == "cache":
        look()
        refresh()
    with statements(boards_app) as seen:
        assert look(own=own).source == source
    assert len(seen) == most, seen


# --- When a period is empty ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("period", "today", "key", "span"),
    [
        (Period.WEEK, date(2026, 11, 23), "2026-W47", (date(2026, 11, 16), date(2026, 11, 22))),
        (Period.MONTH, date(2026, 12, 1), "2026-11", (date(2026, 11, 1), date(2026, 11, 30))),
        (Period.QUARTER, date(2027, 1, 1), "2026-Q4", (date(2026, 10, 1), date(2026, 12, 31))),
        (Period.YEAR, date(2027, 1, 1), "2026", (date(2026, 1, 1), date(2026, 12, 31))),
        (Period.ALL, date(2027, 1, 1), "all", (None, None)),
    ],
)
def test_on_the_first_day_of_a_period_the_newest_one_before_it_can_be_asked_for(
    period: Period, today: date, key: str, span: tuple[date | None, date | None]
) -> None:
    tell_members(member(ANNA))
    book(served(ANNA, 60, day=TODAY - timedelta(days=400)), served(ANNA, 90, day=TODAY))
    with today_is(datetime.combine(today, time(4), tzinfo=UTC)):
        board = look(CITY, period, own=ANNA, or_newest=True)
        assert (board.period_key, board.first_day, board.last_day) == (key, *span)
        assert [row.member_id for row in board.rows] == [ANNA]
        assert board.own is not None
        if period is not Period.ALL:
            now = look(CITY, period)
            assert (now.first_day, list(now.rows)) == (today, [])


def test_a_board_with_somebody_on_it_is_never_passed_over_for_an_older_one() -> None:
    tell_members(member(ANNA), member(BOB))
    book(served(ANNA, 60, day=date(2026, 10, 31)), served(BOB, 1, day=TODAY))
    assert [row.value for row in look(own=ANNA, or_newest=True).rows] == [1]


def test_the_newest_board_is_one_on_which_somebody_is_listed_for_what_was_asked() -> None:
    tell_members(member(ANNA), member(BOB, ranked=False))
    book(
        served(ANNA, 60, points=0, day=date(2026, 10, 31)),
        served(BOB, 60, day=date(2026, 10, 31)),
        served(ANNA, 60, points=60, day=date(2026, 9, 30)),
        served(ANNA, 60, points=60, day=date(2026, 10, 30), at=CHALUKOU),
    )
    assert look(metric=Metric.HOURS, or_newest=True).period_key == "2026-10"
    assert look(metric=Metric.POINTS, or_newest=True).period_key == "2026-09"
    assert look(SUB_CENTRE, metric=Metric.POINTS, or_newest=True).period_key == "2026-10"


def test_where_nobody_ever_served_the_present_board_is_shown_empty() -> None:
    board = look(or_newest=True)
    assert (board.period_key, list(board.rows)) == ("2026-11", [])


def test_a_board_that_is_off_is_off_for_older_periods_too() -> None:
    tell_members(member(ANNA))
    book(served(ANNA, 60, day=date(2026, 10, 31)))
    switch_board(login(role=Role.STAFF), node_id=NANCHANG, on=False)
    board = look(or_newest=True)
    assert (board.switched_on, board.period_key, list(board.rows)) == (False, "2026-11", [])


@pytest.mark.parametrize("is_on", [True, False])
def test_the_boards_of_a_station_that_is_split_off_are_off_where_those_of_the_whole_are(is_on: bool) -> None:
    part = uuid4()
    switch_board(login(role=Role.STAFF), node_id=NANCHANG, on=is_on)
    news = station(part, path=path_of(NANCHANG).replace(NANCHANG.hex, part.hex), split_from_id=NANCHANG)
    tell_stations(news)
    assert look(part).switched_on is is_on
    switch_board(login(role=Role.STAFF), node_id=part, on=True)
    tell_stations(replace(news, version=2))
    assert look(part).switched_on, "news of it switch nothing"
