"""The stage of the demo: places, people, those who organize, and the shelf of gifts."""

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from datetime import date
from uuid import UUID

from devtools.seed.people import EMPLOYED, RESIDENTS, Person, people
from devtools.seed.places import ROOTS, Place, demo_id
from devtools.world import World
from services.members.commands import grants, logins, tree
from services.members.commands import people as people_commands
from services.members.commands.operator import OPERATOR
from services.members.domain.consents import Consent, Kind
from services.members.domain.people import NewMember
from services.rewards.commands import gifts
from services.rewards.commands.gifts import Movement
from shared import principal
from shared.principal import Grant, Principal, Role

PASSWORD = "huzhu-2026"  # printed by ./dev run, and of use in the demo alone
JOINING = (Consent(Kind.TERMS, "1"), Consent(Kind.PRIVACY, "1"))

NANCHANG, CHALUKOU, QINGLONG, SHILI = "南昌路社区实践站", "岔路口社区实践站", "青龙社区实践站", "示例社区实践站"
HUANGJINGLING, TONGHU, BINHEYUAN = "黄荆岭社区实践站", "通湖社区实践站", "滨河苑社区实践站"
SHUIXIMEN, DONGTA = "水西门社区实践站", "东塔社区实践站"

# The 158 of 帮帮邻 and the 83 reporting party members are the articles' own figures; the rest is invented.
VOLUNTEERS = {
    NANCHANG: 158, CHALUKOU: 70, QINGLONG: 40, SHILI: 30, HUANGJINGLING: 30, TONGHU: 30, BINHEYUAN: 30,
    SHUIXIMEN: 83, DONGTA: 60,
}  # fmt: skip

GIFTS = {
    "香皂": 300, "牙膏": 400, "抽纸": 500, "雨伞": 900, "洗衣液": 1000, "保温杯": 1500, "大米": 1800, "食用油": 2200,
    "文具包": 600, "急救包": 1200, "春联": 100,
}  # fmt: skip
GIFT_LIMIT_PER_QUARTER = 2
STOCK = 60
SPONSORS = {
    "爱心商家“邻家便利店”捐赠": ("香皂", "牙膏", "抽纸"),
    "爱心商家“好味粮油店”捐赠": ("大米", "食用油"),
    "爱心商家“暖阳百货店”捐赠": ("雨伞", "洗衣液", "保温杯"),
    "市科协捐赠": ("文具包", "急救包"),
    "居民自筹资金购入": ("春联",),
}
"""Three shops, a partner organisation and the residents' fund: why a gift is there."""

EMPLOYERS = ("向阳中学", "春风小学", "长河医院", "晨光供电所", "青松书店", "新桥客运公司", "百川自来水公司")
"""Invented; the 83 report from them to the community (双报到)."""


@dataclass(frozen=True)
class Site:
    """A station, where things happen."""

    id: UUID
    path: str


@dataclass
class Stage:
    """Who and what there is."""

    stations: dict[str, Site] = field(default_factory=dict)
    homes: dict[str, list[tuple[UUID, UUID]]] = field(default_factory=dict)
    """Station → (compound, building) of each building."""
    volunteers: dict[str, list[UUID]] = field(default_factory=dict)
    skilled: dict[tuple[str, str], list[UUID]] = field(default_factory=dict)
    """(station, skill) → those of its volunteers who have it."""
    organizers: dict[str, Principal] = field(default_factory=dict)
    daughter: Principal = field(init=False)
    """The volunteer with a login, who also acts for her mother."""
    mother: UUID = field(init=False)


def set_up(world: World, today: date) -> Generator[str, None, Stage]:
    """Build the stage; yields what was done. The generator returns the stage."""
    stage = Stage()
    with world.inside("members"):
        for root in ROOTS:
            _plant(stage, root, None, ())
        yield f"{len(stage.stations)} stations"
        for employer in EMPLOYERS:
            grants.add_employer(OPERATOR, employer_id=demo_id("employer", employer), name=employer)
        for station, count in VOLUNTEERS.items():
            _settle(stage, station, count, today)
        yield f"{sum(VOLUNTEERS.values())} volunteers"
        _appoint(stage)
        yield "logins of every role"
    world.deliver()
    yield "every service knows them"
    with world.inside("rewards"):
        _stock_shelves(stage)
    yield f"{len(GIFTS)} gifts"
    return stage


def _plant(stage: Stage, place: Place, parent: Site | None, names: tuple[str, ...]) -> None:
    node_id = place.id_under(*names)
    shown = tree.add_node(
        OPERATOR,
        node_id=node_id,
        level=place.level,
        name=place.name,
        parent_id=parent.id if parent else None,
        residents=place.residents,
    )
    site = Site(node_id, shown["path"])
    if place.level in ("city", "centre", "sub_centre", "station"):
        stage.stations[place.name] = site
    if place.level == "building" and parent is not None:
        stage.homes.setdefault(names[-2], []).append((parent.id, node_id))
    for below in place.below:
        _plant(stage, below, site, (*names, place.name))


def _settle(stage: Stage, station: str, count: int, today: date) -> None:
    team = demo_id("team", station)
    name = _TEAM_NAMES.get(station, "志愿服务队")
    grants.add_team(OPERATOR, team_id=team, station_id=stage.stations[station].id, name=name)
    homes = stage.homes[station]
    drawn = count - len(_WITH_LOGIN.get(station, ()))
    rows = [
        _new_member(person, stage.stations[station].id, homes[number % len(homes)], team)
        for number, person in enumerate(people(station, drawn, today, EMPLOYED if station == SHUIXIMEN else RESIDENTS))
    ]
    if station == SHUIXIMEN:
        ids = [demo_id("employer", employer) for employer in EMPLOYERS]
        rows = [replace(row, employer_id=ids[number % len(ids)]) for number, row in enumerate(rows)]
    couples = _share_phones(station, rows, len(homes))
    unseen = _UNSEEN.get(station, 0)
    rows[drawn - unseen :] = [replace(row, confirmed=False) for row in rows[drawn - unseen :]]
    people_commands.add_members(OPERATOR, rows)
    for one, other in couples:
        people_commands.set_household(OPERATOR, other, one)
    stage.volunteers[station] = [row.id for row in rows]
    for row in rows:
        for skill in row.skills:
            stage.skilled.setdefault((station, skill), []).append(row.id)
    if station == SHILI:
        for special in _special_people(stage.stations[station].id, homes, team, today):
            people_commands.add_members(OPERATOR, [special])  # one by one: the child after its guardian


def _share_phones(station: str, rows: list[NewMember], homes: int) -> list[tuple[UUID, UUID]]:
    """Two of one building who share a phone, and are to share a household. Not the first volunteer, who may lead."""
    couples = []
    for number in range(1, 1 + _HOUSEHOLDS.get(station, 1)):
        one, other = rows[number], rows[number + homes]
        rows[number + homes] = replace(other, phone=one.phone)
        couples.append((one.id, other.id))
    return couples


_HOUSEHOLDS = {NANCHANG: 3}

_UNSEEN = {NANCHANG: 3}
"""Volunteers whom staff has yet to confirm: the last ones to join."""

_WITH_LOGIN = {NANCHANG: ("daughter", "mother")}
"""Volunteers of the count who join with a login, later."""

_TEAM_NAMES = {NANCHANG: "帮帮邻志愿服务队", SHUIXIMEN: "在职党员先锋队", CHALUKOU: "金叶志愿服务队"}


def _new_member(person: Person, station_id: UUID, home: tuple[UUID, UUID], team: UUID) -> NewMember:
    consents = list(JOINING)
    if person.ranked:
        consents.append(Consent(Kind.RANKED, "1"))
    if person.named:
        consents.append(Consent(Kind.NAMED, "1"))
    return NewMember(
        id=person.id,
        name=person.name,
        station_id=station_id,
        compound_id=home[0],
        building_id=home[1],
        birth_date=person.birth_date,
        phone=person.phone,
        team_ids=(team,),
        skills=(person.skill,) if person.skill else (),
        consents=tuple(consents),
        confirmed=True,
    )


def _special_people(station_id: UUID, homes: list[tuple[UUID, UUID]], team: UUID, today: date) -> list[NewMember]:
    """Cases that must be right: two of one name in one building, a child with a guardian, an elder of 82; one who
    withdraws a consent, one who moves away, and the organizer's husband.
    """
    compound, building = homes[0]

    def one(key: str, name: str, age: int, **more: object) -> NewMember:
        values: dict[str, object] = {
            "id": demo_id("member", "special", key), "name": name, "station_id": station_id, "compound_id": compound,
            "building_id": building, "birth_date": date(today.year - age, 1, 1), "team_ids": (team,),
            "consents": (*JOINING, Consent(Kind.RANKED, "1")), "confirmed": True,
        } | more  # fmt: skip
        return NewMember(**values)  # type: ignore[arg-type]

    guardian = one("guardian", "刘志强", 41)
    return [
        one("one of two", "王秀英", 71),
        one("the other of two", "王秀英", 66),
        one("elder", "陈福生", 82),
        one("withdraws", "孙丽娟", 58, consents=(*JOINING, Consent(Kind.RANKED, "1"), Consent(Kind.NAMED, "1"))),
        one("moves", "周国华", 47, consents=(*JOINING, Consent(Kind.RANKED, "1"), Consent(Kind.NAMED, "1"))),
        one("husband", "陈志明", 44),
        guardian,
        one(
            "child", "刘一诺", 13, guardian_id=guardian.id, consents=(*JOINING, Consent(Kind.GUARDIAN, "1"))
        ),
    ]  # fmt: skip


# --- Those with a login -------------------------------------------------------------------------------


def _appoint(stage: Stage) -> None:
    """Logins by role: what ./dev run prints.

    Officials belong to the sub-centre or the centre, not to the station they serve: its 158 are volunteers.
    """
    stage.daughter = _log_in(stage, "19000000001", "李红梅", stage.stations[NANCHANG].id, stage.homes[NANCHANG][0])
    _stage_mother(stage, stage.daughter)
    for number, (station, name, home) in enumerate(
        (
            (NANCHANG, "程建军", "温泉街道实践所"), (CHALUKOU, "周丽华", "温泉街道实践所"),
            (SHUIXIMEN, "唐卫东", "水西门街道实践所"), (SHILI, "何敏", "浮山街道实践所"),
        ), start=2
    ):  # fmt: skip
        stage.organizers[station] = _official(stage, f"1900000000{number}", name, home, station, Role.ORGANIZER)
    _official(stage, "19000000006", "胡春梅", "温泉街道实践所", NANCHANG, Role.STAFF)
    _official(stage, "19000000007", "罗静", "咸安区新时代文明实践中心", "咸宁市", Role.ADMINISTRATOR)
    _official(stage, "19000000008", "宋明", "咸安区新时代文明实践中心", "咸宁市", Role.AUDITOR)
    _stage_husband(stage)
    for station in VOLUNTEERS:
        if station not in stage.organizers:
            stage.organizers[station] = _organizer_without_login(stage, station)


def _log_in(stage: Stage, phone: str, name: str, station_id: UUID, home: tuple[UUID, UUID] | None = None) -> Principal:
    anonymous = Principal(kind=principal.Kind.ANONYMOUS, audience="members")
    compound, building = home or (None, None)
    made = logins.register(
        anonymous,
        login_id=demo_id("login", phone),
        phone=phone,
        password=PASSWORD,
        name=name,
        consents=[*JOINING, Consent(Kind.RANKED, "1"), Consent(Kind.NAMED, "1")],
        station_id=station_id,
        compound_id=compound,
        building_id=building,
        birth_date=date(1985, 5, 20),
    )
    people_commands.confirm(OPERATOR, made.member_id)
    return acting_for(made.member_id, login_id=made.login_id)


def _official(stage: Stage, phone: str, name: str, home: str, where: str, role: Role) -> Principal:
    person = _log_in(stage, phone, name, stage.stations[home].id)
    assert person.member_id is not None
    site = stage.stations[where]
    grants.add_grant(
        OPERATOR, grant_id=demo_id("grant", phone), member_id=person.member_id, role=role.value, node_id=site.id
    )
    return acting_for(person.member_id, Grant(role, site.path), login_id=person.login_id)


def _organizer_without_login(stage: Stage, station: str) -> Principal:
    """The first volunteer leads; at the demo's smaller stations nobody needs to log in."""
    leader = stage.volunteers[station].pop(0)
    site = stage.stations[station]
    grants.add_grant(
        OPERATOR, grant_id=demo_id("grant", station), member_id=leader, role=Role.ORGANIZER.value, node_id=site.id
    )
    return acting_for(leader, Grant(Role.ORGANIZER, site.path), login_id=demo_id("login", station))


def _stage_mother(stage: Stage, daughter: Principal) -> None:
    """Mother and daughter on one phone, both of 帮帮邻."""
    mother = people_commands.add_family(
        daughter,
        member_id=demo_id("member", "mother"),
        name="王桂兰",
        relation="parent",
        consents=[*JOINING, Consent(Kind.RANKED, "1")],
        birth_date=date(1951, 3, 8),
    )
    people_commands.confirm(OPERATOR, mother["id"])
    assert daughter.member_id is not None
    stage.mother = mother["id"]
    for member_id in (daughter.member_id, stage.mother):
        people_commands.change(OPERATOR, member_id, {"team_ids": [demo_id("team", NANCHANG)]})
        stage.volunteers[NANCHANG].append(member_id)


def _stage_husband(stage: Stage) -> None:
    """An organizer whose husband volunteers at her station: she decides nothing for him."""
    organizer = stage.organizers[SHILI]
    shown = people_commands.set_household(OPERATOR, demo_id("member", "special", "husband"), organizer.member_id)
    stage.organizers[SHILI] = replace(organizer, household_ids=(shown["household_id"],))


def acting_for(member_id: UUID, *held: Grant, login_id: UUID | None = None) -> Principal:
    """A principal as the gateway would sign it for this member's login."""
    return Principal(
        kind=principal.Kind.LOGIN,
        audience="",
        login_id=login_id or demo_id("login", member_id),
        member_id=member_id,
        own_member_id=member_id,
        member_ids=(member_id,),
        grants=held,
    )


# --- The shelf ------------------------------------------------------------------------------------------


def _stock_shelves(stage: Stage) -> None:
    staff = Principal(
        kind=principal.Kind.SERVICE, audience="rewards", issuer="operator", grants=(Grant(Role.ADMINISTRATOR, "/"),)
    )
    given_by = {name: sponsor for sponsor, names in SPONSORS.items() for name in names}
    for root in ("咸宁市", "武冈市新时代文明实践中心"):
        for name, points in GIFTS.items():
            gift = demo_id("gift", root, name)
            gifts.create_gift(
                staff,
                gift_id=gift,
                node_id=stage.stations[root].id,
                name=name,
                description=given_by[name],
                points=points,
                limit_per_quarter=GIFT_LIMIT_PER_QUARTER,
            )
            for station in VOLUNTEERS:
                if stage.stations[station].path.startswith(stage.stations[root].path):
                    movement = Movement(
                        demo_id("stock", gift, station), gift, stage.stations[station].id, "receive", STOCK,
                        given_by[name],
                    )  # fmt: skip
                    gifts.move_stock(staff, movement)
