"""Tables that are taken over: what becomes of a file and of its rows, and who may decide what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from shared.errors import Conflict, Forbidden, RuleBroken

UNDO_WITHIN = timedelta(days=1)
HALF_DAY_MINUTES = 240
KEPT_FOR = timedelta(days=30)
"""A roster's file and rows; what balances and past services were taken from is kept."""


class Kind(StrEnum):
    ROSTER = "roster"
    OPENING = "opening"
    PAST = "past"


VOUCHED = (Kind.OPENING, Kind.PAST)
"""What a second person above the station answers for, too."""


class State(StrEnum):
    """reading → checked → importing → done → undoing → undone; what two vouch for waits for the second person."""

    READING = "reading"
    REFUSED = "refused"
    """The file could not be read, or nothing of it could be taken in any more."""
    CHECKED = "checked"
    DROPPED = "dropped"
    WAITING = "waiting"
    REJECTED = "rejected"
    IMPORTING = "importing"
    DONE = "done"
    UNDOING = "undoing"
    UNDONE = "undone"


AT_WORK = (State.READING, State.IMPORTING, State.UNDOING)
OVER = (State.REFUSED, State.DROPPED, State.REJECTED, State.UNDONE)
"""After which the same file may come again."""


class RowState(StrEnum):
    GOOD = "good"
    KNOWN = "known"
    """Nothing to do: the person is there already."""
    BAD = "bad"
    ADDED = "added"
    UNDONE = "undone"
    KEPT = "kept"
    """Could not be taken back: something has happened to the person since."""


class SameFile(Conflict):
    code = "same_file"
    detail = "这个文件已经交来过，没有再读一遍"


class NotNow(Conflict):
    code = "import_not_now"
    detail = "现在不能这样做，请刷新页面看看它到了哪一步"


class NothingToImport(RuleBroken):
    code = "nothing_to_import"
    detail = "没有可以导入的行"


class TooLateToUndo(RuleBroken):
    code = "too_late_to_undo"
    detail = "导入已经超过一天，不能整批撤销，请逐条更正"


class SecondPersonNeeded(Forbidden):
    code = "second_person_needed"
    detail = "要由另一位审核，不能是交来的人"


GONE = "这位志愿者已经不在册"
"""What is said of a row whose member left, or was forgotten, since it was checked."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a cell, or with a row when `title` is empty. Rows count from 1 as in the file."""

    row: int
    title: str
    value: str
    sentence: str

    def __str__(self) -> str:
        cell = f" {self.title}" if self.title else ""
        value = f"“{self.value}”" if self.value else ""
        return f"第 {self.row} 行{cell}{value}：{self.sentence}"


@dataclass(frozen=True, slots=True)
class Blame:
    """How the reader of a row says what is wrong: the field, and a sentence."""

    number: int
    titles: Mapping[str, Sequence[str]]
    """Of the columns, by field; the first is what it is called."""
    texts: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)

    def __call__(self, name: str, sentence: str) -> None:
        self.problems.append(Problem(self.number, self.titles[name][0], self.texts.get(name, "")[:40], sentence))


def check_undo(done_at: datetime | None, now: datetime) -> None:
    """A whole file is taken back within a day, before others have built upon it."""
    if done_at is None or now >= done_at + UNDO_WITHIN:
        raise TooLateToUndo


# --- What may be done next ------------------------------------------------------------------------------


class Step(StrEnum):
    CHECK = "check"
    """Read it again, with half days of another length, another year or category."""
    START = "start"
    """Take the good rows in; what is vouched for: ask a second person."""
    APPROVE = "approve"
    REJECT = "reject"
    DROP = "drop"
    UNDO = "undo"


_FROM: dict[Step, tuple[State, ...]] = {
    Step.CHECK: (State.CHECKED,),
    Step.START: (State.CHECKED,),
    Step.APPROVE: (State.WAITING,),
    Step.REJECT: (State.WAITING,),
    Step.DROP: (State.CHECKED, State.WAITING),
    Step.UNDO: (State.DONE,),
}
_TAKEN: dict[Step, tuple[State, ...]] = {
    Step.CHECK: (State.READING,),
    Step.START: (State.WAITING, State.IMPORTING, State.DONE),
    Step.APPROVE: (State.IMPORTING, State.DONE),
    Step.REJECT: (State.REJECTED,),
    Step.DROP: (State.DROPPED,),
    Step.UNDO: (State.UNDOING, State.UNDONE),
}
"""Where an import stands when a step has been taken, also once the worker has gone on."""


@dataclass(frozen=True, slots=True)
class About:
    """An import, and the caller who looks at it."""

    kind: Kind
    state: State
    good: int
    done_at: datetime | None
    by_me: bool
    """The caller brought it."""
    staff_here: bool
    staff_above: bool
    """Staff of the sub-centre, or of whatever lies above the station."""


def next_state(step: Step, kind: Kind) -> State:
    if step is Step.START:
        return State.WAITING if kind in VOUCHED else State.IMPORTING
    return {
        Step.CHECK: State.READING,
        Step.APPROVE: State.IMPORTING,
        Step.REJECT: State.REJECTED,
        Step.DROP: State.DROPPED,
        Step.UNDO: State.UNDOING,
    }[step]


def was_taken(step: Step, about: About) -> bool:
    """Whether a step that the caller may take lies behind: then nothing is left to be done."""
    check_right(step, about)
    return about.state in _TAKEN[step]


def check_right(step: Step, about: About) -> None:
    by_second = step in (Step.APPROVE, Step.REJECT) or (step is Step.UNDO and about.kind in VOUCHED)
    if not (about.staff_above if by_second else about.staff_here):
        raise Forbidden
    if step is Step.APPROVE and about.by_me:
        raise SecondPersonNeeded


def check_step(step: Step, about: About, now: datetime) -> None:
    """Raise what stands against a step: first the right, then where the import stands."""
    check_right(step, about)
    if about.state not in _FROM[step]:
        raise NotNow
    if step is Step.START and not about.good:
        raise NothingToImport
    if step is Step.UNDO:
        check_undo(about.done_at, now)


def steps(about: About, now: datetime) -> list[Step]:
    """What the caller may do with it now."""
    found = []
    for step in Step:
        try:
            check_step(step, about, now)
        except (Conflict, Forbidden, RuleBroken):
            continue
        found.append(step)
    return found
