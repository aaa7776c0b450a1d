"""Which kind of table a file is by its columns: people choose the wrong kind, and then nearly every row is wrong."""

from collections.abc import Callable, Sequence

from services.members.domain import openings, past, roster
from services.members.domain.imports import Kind
from shared import cells
from shared.cells import Heads
from shared.errors import Invalid

Sheets = Sequence[Sequence[Sequence[str]]]
"""The rows of each sheet."""

_OF_ROSTERS = {"birth_date", "teams", "employer", "skills"}
"""What only a roster says of somebody."""
_SENTENCES = {
    Kind.ROSTER: "这像是志愿者名册，请选“志愿者名册”再交一次",
    Kind.OPENING: "这像是期初结转，请选“期初结转”再交一次",
    Kind.PAST: "这像是过往服务记录，请选“过往服务记录”再交一次",
}


class OtherKind(Invalid):
    code = "other_kind"

    def __init__(self, kind: Kind) -> None:
        super().__init__(_SENTENCES[kind])
        self.kind = kind


def check_kind(chosen: Kind, sheets: Sheets) -> None:
    """Raise OtherKind where the columns are those of another kind, and not such as the chosen one may have too."""
    found = _recognise(sheets)
    # A roster may say how long somebody has served; that column is left out, and the people are taken in.
    if found not in (None, chosen) and not (chosen is Kind.ROSTER and found is Kind.OPENING):
        raise OtherKind(found)


def _recognise(sheets: Sheets) -> Kind | None:
    """The kind whose own columns are all there; None for what may be several, or none."""
    people = cells.find_heads(sheets, roster.TITLES, ("name",))
    of_rosters = people is not None and bool(_OF_ROSTERS & people.columns.keys())
    services = _heads(past.find_titles, sheets)
    # Of a roster with hours to come at, 服务时间 and 服务项目 are no record of what somebody did; a day is.
    if services is not None and ("day" in services.columns or not of_rosters):
        return Kind.PAST
    balances = _heads(openings.find_titles, sheets)
    if balances is not None and "points" in balances.columns:
        return Kind.OPENING
    return Kind.ROSTER if of_rosters and balances is None else None


def _heads(find: Callable[[Sheets], Heads], sheets: Sheets) -> Heads | None:
    try:
        return find(sheets)
    except Invalid:
        return None
