"""The life of an activity."""

import pytest

from services.checkin.domain.activities import (
    ActivityInWrongState,
    State,
    require_move,
    require_published,
    takes_records,
)

MOVES = {
    (State.DRAFT, State.PUBLISHED),
    (State.DRAFT, State.CANCELLED),
    (State.DRAFT, State.IN_REVIEW),
    (State.IN_REVIEW, State.DRAFT),
    (State.IN_REVIEW, State.PUBLISHED),
    (State.IN_REVIEW, State.CANCELLED),
    (State.PUBLISHED, State.PUBLISHED),
    (State.PUBLISHED, State.POSTPONED),
    (State.PUBLISHED, State.CANCELLED),
    (State.PUBLISHED, State.CLOSED),
    (State.POSTPONED, State.PUBLISHED),
    (State.POSTPONED, State.CANCELLED),
}


@pytest.mark.parametrize("current", State)
@pytest.mark.parametrize("target", State)
def test_there_are_twelve_moves_and_no_others(current: State, target: State) -> None:
    if (current, target) in MOVES:
        require_move(current, target)
    else:
        with pytest.raises(ActivityInWrongState):
            require_move(current, target)


@pytest.mark.parametrize("state", State)
def test_only_the_published_shows_codes_and_only_what_ran_takes_records(state: State) -> None:
    if state is State.PUBLISHED:
        require_published(state)
    else:
        with pytest.raises(ActivityInWrongState):
            require_published(state)
    assert takes_records(state) is (state in (State.PUBLISHED, State.CLOSED))
