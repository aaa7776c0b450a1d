"""Use case: take over a station's roster from a spreadsheet."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import func, or_, select, text
from sqlalchemy.orm import Session

from services.members.commands.people import insert_members
from services.members.domain import roster
from services.members.domain.imports import Kind, Problem
from services.members.domain.people import NewMember
from services.members.domain.places import ROOT, Level, may_be_home
from services.members.domain.recognising import check_kind
from services.members.domain.roster import BadRow, Person, RosterRow
from services.members.store import groups
from services.members.store.homes import at_home_in
from services.members.store.keys import keys
from services.members.store.models import Employer, Member, Node, Team
from shared import audit, clock, spreadsheets
from shared.buildings import meant, of_name
from shared.cells import Heads
from shared.db import transactional
from shared.errors import NotFound
from shared.ids import new_id
from shared.principal import Principal, Role
from shared.spreadsheets import Sheet

_ROSTER_LOCK = 0x726F7374
NO_COMPOUND = "本站没有这个小区，请先在“实践站和小区”里添加"
NO_BUILDING = "这个小区没有这栋楼，请先在“实践站和小区”里添加"
"""The places are called here as the page is on which staff adds them."""


@dataclass(slots=True)
class Report:
    """What an import did, or with `dry_run` would do."""

    dry_run: bool
    rows: int = 0
    added: int = 0
    known: int = 0
    known_ids: dict[int, UUID] = field(default_factory=dict)
    """Who is meant, by row."""
    namesakes: dict[int, int] = field(default_factory=dict)
    """By row about somebody new, how many of that name are known, so far as what is known tells them apart."""
    problems: list[Problem] = field(default_factory=list)
    unknown_titles: list[str] = field(default_factory=list)
    sheets_unread: list[str] = field(default_factory=list)
    teams_added: list[str] = field(default_factory=list)
    employers_added: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Station:
    id: UUID
    path: str
    compounds: Mapping[str, UUID]
    buildings: Mapping[UUID, Mapping[str, UUID]]
    """By compound and name."""


@dataclass(frozen=True, slots=True)
class _Placed:
    """A good row whose places exist."""

    row: RosterRow
    at: _Station
    person: Person


@dataclass(frozen=True, slots=True)
class Judged:
    """What a roster's rows come to: who is new, and in the report what is wrong and who is known."""

    heads: Heads
    numbers: list[int]
    """Of all rows about somebody, as in the file."""
    new: list[_Placed]
    report: Report

    @property
    def rows_new(self) -> list[RosterRow]:
        return [placed.row for placed in self.new]


@transactional
def import_roster(
    tx: Session, caller: Principal, sheets: Sequence[Sheet], *, station: str | None = None, dry_run: bool
) -> Report:
    """Add the people of a roster's good rows, confirmed: the station vouches for its list.

    `station` is a node's id or name, for all rows; else the column 站点 says it. Who is known already is left as
    they are, so a second run adds nobody.
    """
    _wait_for_others(tx)
    judged = judge(tx, caller, sheets, station=station)
    if not dry_run:
        judged.report.dry_run = False
        _write(tx, caller, judged.new, judged.report)
        for at in {placed.at.id: placed.at for placed in judged.new}.values():
            count = sum(placed.at.id == at.id for placed in judged.new)
            audit.add(tx, caller, "roster.import", "node", at.id, path=at.path, detail={"added": count})
    return judged.report


def judge(tx: Session, caller: Principal, sheets: Sequence[Sheet], *, station: str | None) -> Judged:
    """Who would be added by a roster, and everything that is wrong with the other rows."""
    report = Report(dry_run=True)
    check_kind(Kind.ROSTER, [sheet.rows for sheet in sheets])
    heads = roster.find_titles([sheet.rows for sheet in sheets])
    report.unknown_titles = heads.unknown
    report.sheets_unread = spreadsheets.others(sheets, sheets[heads.sheet])
    rows = list(roster.read_rows(sheets[heads.sheet].rows, heads, clock.today()))
    report.rows = len(rows)
    for row in rows:
        if isinstance(row, BadRow):
            report.problems += row.problems
    new = _find_new(tx, caller, rows, station, report)
    report.problems.sort(key=lambda problem: problem.row)
    _write(tx, caller, new, report)
    return Judged(heads, [row.number for row in rows], new, report)


def take_in(
    tx: Session, caller: Principal, station_id: UUID, rows: Sequence[RosterRow]
) -> tuple[dict[int, UUID], dict[int, str]]:
    """Add the people of rows that were found good before: the new members by row, and by row why others can no longer
    be taken in, whose home has gone. Who has come in another way meanwhile is in neither.
    """
    _wait_for_others(tx)
    report = Report(dry_run=False)
    members = _write(tx, caller, _find_new(tx, caller, rows, str(station_id), report), report)
    return members, {problem.row: problem.sentence for problem in report.problems}


def _wait_for_others(tx: Session) -> None:
    """Two rosters with the same people come in one after the other."""
    tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ROSTER_LOCK})


def _find_new(
    tx: Session, caller: Principal, rows: Sequence[RosterRow | BadRow], station: str | None, report: Report
) -> list[_Placed]:
    """Good rows about nobody who is known; what is wrong with the places of all rows goes into the report."""
    stations = _find_stations(tx, {station} if station else {row.station for row in rows if row.station})
    if station and station not in stations:
        raise NotFound(f"没有找到站点“{station}”，或者有几个同名的站点，请改用站点编号")
    for found in stations.values():
        caller.require(Role.STAFF, found.path)
    known = _known_people(tx, stations, [row for row in rows if isinstance(row, RosterRow)])
    new: dict[str, list[_Placed]] = {}
    for placed in _place_all(rows, stations, station, report):
        row, person = placed.row, placed.person
        namesakes = new.setdefault(row.name, [])
        twin = next((other for other in namesakes if roster.is_same(person, other.person)), None)
        if twin is not None:
            report.problems.append(
                Problem(row.number, "", "", f"与第 {twin.row.number} 行像是同一人；如果是两个人，请补上手机和出生日期")
            )
        elif known_id := next((one for one, other in known.get(row.name, ()) if roster.is_same(person, other)), None):
            report.known += 1
            report.known_ids[row.number] = known_id
        else:
            namesakes.append(placed)
            if row.name in known:
                report.namesakes[row.number] = len(known[row.name])
    return [placed for namesakes in new.values() for placed in namesakes]


# --- Places ------------------------------------------------------------------------------------------


def _find_stations(tx: Session, wanted: set[str]) -> dict[str, _Station]:
    """Open nodes people can belong to, by id or by a name that only one of them has."""
    ids = [node_id for node_id in map(_as_id, wanted) if node_id is not None]
    rows = tx.execute(
        select(Node.id, Node.name, Node.path, Node.level).where(
            or_(Node.name == func.any(list(wanted)), Node.id == func.any(ids)), Node.closed_on.is_(None)
        )
    ).all()
    found: dict[str, _Station] = {}
    for text_given in wanted:
        rows_meant = [
            row
            for row in rows
            if may_be_home(Level(row.level)) and (row.name == text_given or row.id == _as_id(text_given))
        ]
        if len(rows_meant) == 1:
            found[text_given] = _read_station(tx, rows_meant[0].id, rows_meant[0].path)
    return found


def _as_id(text_given: str) -> UUID | None:
    try:
        return UUID(text_given)
    except ValueError:
        return None


def _read_station(tx: Session, node_id: UUID, path: str) -> _Station:
    rows = tx.execute(
        select(Node.id, Node.name, Node.level, Node.parent_id).where(
            Node.path.startswith(path, autoescape=True), Node.closed_on.is_(None)
        )
    ).all()
    buildings: dict[UUID, dict[str, UUID]] = {}
    for row in rows:
        if row.level == Level.BUILDING:
            buildings.setdefault(row.parent_id, {})[row.name] = row.id
    compounds = {row.name: row.id for row in rows if row.level == Level.COMPOUND}
    return _Station(node_id, path, compounds, buildings)


def _place_all(
    rows: Sequence[RosterRow | BadRow], stations: Mapping[str, _Station], station: str | None, report: Report
) -> Iterator[_Placed]:
    """The good rows whose places exist; what is wrong with the places of the others, and of rows that are bad anyhow,
    goes into the report, so that it need not be found by bringing the file once more.
    """
    for row in rows:
        given = station or row.station
        at = stations.get(given) if given else None
        if at is None:
            sentence = "没有这个站点，或者有几个同名的" if given else "没有写站点；请加“站点”列，或用 --station 指定"
            report.problems.append(Problem(row.number, "站点", given or "", sentence))
            continue
        home = _find_home(at, row)
        if isinstance(home, Problem):
            if isinstance(row, RosterRow) or home.title not in {problem.title for problem in row.problems}:
                report.problems.append(home)
        elif isinstance(row, RosterRow):
            phone_hash = keys().phone_hash(row.phone) if row.phone else None
            yield _Placed(row, at, Person(row.name, phone_hash, row.birth_date, *home))


def _find_home(at: _Station, row: RosterRow | BadRow) -> tuple[UUID | None, UUID | None] | Problem:
    """The compound and building that a row names."""
    compounds = of_name(row.compound, at.compounds) if row.compound else []
    if row.compound and len(compounds) != 1:
        sentence = f"可能是{'、'.join(sorted(compounds))}，请写成其中一个" if compounds else NO_COMPOUND
        return Problem(row.number, "小区", row.compound, sentence)
    compound_id = at.compounds[compounds[0]] if compounds else None
    there = at.buildings.get(compound_id, {}) if compound_id else {}
    buildings = meant(row.building, there) if row.building else []
    if row.building and len(buildings) != 1:
        sentence = f"可能是{'、'.join(sorted(buildings))}，请写成其中一个" if buildings else NO_BUILDING
        return Problem(row.number, "楼栋", row.building, sentence)
    return compound_id, there[buildings[0]] if buildings else None


# --- People ------------------------------------------------------------------------------------------


def _known_people(
    tx: Session, stations: Mapping[str, _Station], rows: Sequence[RosterRow]
) -> dict[str, list[tuple[UUID, Person]]]:
    """By name, those of these stations, and those anywhere with one of the phones."""
    hashes = [keys().phone_hash(row.phone) for row in rows if row.phone]
    # Who is on the way here is known already.
    is_here = at_home_in(tx, {at.id: at.path for at in stations.values()})
    found = tx.execute(
        select(
            Member.id, Member.name, Member.phone_hash, Member.birth_date, Member.compound_id, Member.building_id
        ).where(
            Member.name == func.any(list({row.name for row in rows})),
            Member.status == "active",
            or_(
                is_here,
                Member.phone_hash == func.any(hashes),
            ),
        )
    )
    known: dict[str, list[tuple[UUID, Person]]] = {}
    for row in found:
        known.setdefault(row.name, []).append((row.id, Person(*row[1:])))
    return known


def _write(tx: Session, caller: Principal, new: Sequence[_Placed], report: Report) -> dict[int, UUID]:
    """Add the people, and the teams and employers that are missing, and return the members by row; on a dry run only
    say which.
    """
    team_ids = _teams(tx, caller, new, report)
    employer_ids = _employers(tx, caller, new, report)
    report.added = len(new)
    if report.dry_run or not new:
        return {}
    ids = {placed.row.number: new_id() for placed in new}
    insert_members(
        tx,
        caller,
        [
            NewMember(
                id=ids[placed.row.number],
                name=placed.row.name,
                station_id=placed.at.id,
                compound_id=placed.person.compound_id,
                building_id=placed.person.building_id,
                birth_date=placed.row.birth_date,
                phone=placed.row.phone,
                employer_id=employer_ids[placed.row.employer] if placed.row.employer else None,
                team_ids=tuple(team_ids[placed.at.id, name] for name in placed.row.teams),
                skills=placed.row.skills,
                confirmed=True,
            )
            for placed in new
        ],
    )
    return ids


def _teams(tx: Session, caller: Principal, new: Sequence[_Placed], report: Report) -> dict[tuple[UUID, str], UUID]:
    paths = {placed.at.id: placed.at.path for placed in new}
    found = tx.execute(select(Team.station_id, Team.name, Team.id).where(Team.station_id == func.any(list(paths))))
    ids = {(row.station_id, row.name): row.id for row in found}
    missing = list(
        dict.fromkeys(
            (placed.at.id, name) for placed in new for name in placed.row.teams if (placed.at.id, name) not in ids
        )
    )
    report.teams_added = [name for _, name in missing]
    ids |= {key: new_id() for key in missing}
    if missing and not report.dry_run:
        groups.add_teams(tx, [{"id": ids[key], "station_id": key[0], "name": key[1]} for key in missing])
        for station_id, path in paths.items():
            named = {ids[key]: {"name": key[1]} for key in missing if key[0] == station_id}
            audit.add_each(tx, caller, "team.add", "team", named, path=path)
    return ids


def _employers(tx: Session, caller: Principal, new: Sequence[_Placed], report: Report) -> dict[str, UUID]:
    names = list(dict.fromkeys(placed.row.employer for placed in new if placed.row.employer))
    found = tx.execute(select(Employer.name, Employer.id).where(Employer.name == func.any(names)))
    ids = {row.name: row.id for row in found}
    report.employers_added = [name for name in names if name not in ids]
    ids |= {name: new_id() for name in report.employers_added}
    if report.employers_added and not report.dry_run:
        groups.add_employers(tx, [{"id": ids[name], "name": name} for name in report.employers_added])
        named = {ids[name]: {"name": name} for name in report.employers_added}
        audit.add_each(tx, caller, "employer.add", "employer", named, path=ROOT)
    return ids
