"""`./dev verify` looks three times, since the town goes on living meanwhile, and says what it could not look at."""

from contextlib import nullcontext

import pytest

from devtools.verify import __main__ as program
from devtools.verify.__main__ import lasting, subject
from devtools.verify.town import Town as Databases
from shared.ids import new_id
from tests.gateway.real import Town, town

__all__ = ["town"]


def looks(*seen: list[str]) -> list[str]:
    """What lasts of what three looks see."""
    following = iter(seen)
    return lasting(lambda: next(following), pause_s=0)


def test_what_is_wrong_at_every_look_is_wrong() -> None:
    assert looks([]) == []
    assert looks(["a transfer waits"], []) == []
    assert looks(["a transfer waits"], ["a transfer waits"], ["a transfer waits"]) == ["a transfer waits"]
    assert looks(["one"], ["one", "other"], ["other"]) == []


def test_a_fault_lasts_though_what_it_counts_goes_on() -> None:
    row, other = new_id(), new_id()
    seen = [[f"account {row} says {number}, its transfers {number + 1}"] for number in (7, 8, 9)]
    assert looks(*seen) == seen[-1]
    assert looks([f"{row} is open"], [f"{row} is left"], [f"{other} is left"]) == []
    assert looks(*([f"all accounts in {unit} sum to {n}"] for unit, n in (("PTS", 1), ("PTS", 2), ("MIN", 2)))) == []


def test_a_fault_is_known_by_the_ids_and_days_it_names() -> None:
    row = new_id()
    day = f"cap of {row} on 2026-11-21 is {{}}"
    assert subject(day.format(3)) == subject(day.format(4)) != subject(day.replace("-21", "-22").format(3))
    board = f"board:{row.hex}:2026-11:points shows another value for {new_id()}"
    assert subject(board) != subject(board.replace("2026-11", "2026-12"))


def test_without_redis_its_boards_are_not_checked_and_all_else_is(
    town: Town, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    databases = Databases(town.apps)
    monkeypatch.setattr(Databases, "connect", lambda: nullcontext(databases))
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:9/0")  # nobody listens
    assert program.main() == 0
    said = capsys.readouterr().out
    assert "whole boards in Redis are the standings … not checked: Redis does not answer" in said
    assert "no board lists a child, or anybody without consent … holds" in said
    assert "everything holds, 1 not checked" in said
