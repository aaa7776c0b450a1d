"""What the tests of members act on: two stations, their people, and signed callers."""

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar
from uuid import UUID

from sqlalchemy import event, text
from sqlalchemy.orm import Session

from services.members.commands import people, tree
from services.members.commands.operator import OPERATOR
from services.members.domain.people import NewMember
from services.members.queries import tree as queries
from services.members.store import db
from shared.db import transactional
from shared.ids import new_id
from shared.principal import Grant, Kind, Principal, Role
from tests.support import ServiceDatabase, principal_headers

if TYPE_CHECKING:
    from flask import Flask

P = ParamSpec("P")
R = TypeVar("R")

PASSWORD = "梅花三弄 1949"
_TOWN = "town_of_members"
_FOUNDED: dict[str, dict[str, UUID]] = {}
_phones = itertools.count(13900000001)


_PLACES = (
    ("咸宁市", "city", None),
    ("咸安区中心", "centre", "咸宁市"),
    ("南昌路站", "station", "咸安区中心"),
    ("岔路口站", "station", "咸安区中心"),
    ("和谐小区", "compound", "南昌路站"),
    ("东兴小区", "compound", "南昌路站"),
    ("金叶小区", "compound", "岔路口站"),
    ("3栋", "building", "和谐小区"),
)


def new_phone() -> str:
    return str(next(_phones))


def consents(*kinds: str) -> list[dict[str, str]]:
    return [{"kind": kind, "version": "1"} for kind in kinds or ("terms", "privacy")]


@dataclass
class Town:
    app: "Flask"
    nodes: dict[str, UUID] = field(default_factory=dict)

    @classmethod
    def found(cls, app: "Flask", database: ServiceDatabase) -> "Town":
        """咸宁市 → 咸安区中心 → 南昌路站 (和谐小区: 3栋; 东兴小区), 岔路口站 (金叶小区).

        Founded once in a process and kept by the database, since nearly every test begins with it.
        """
        known = _FOUNDED.get(database.name)
        if known is None:
            known = _FOUNDED[database.name] = cls._build(app).nodes
            database.keep(_TOWN)
        else:
            database.restore(_TOWN)
        return cls(app, dict(known))

    @classmethod
    def _build(cls, app: "Flask") -> "Town":
        town = cls(app, {name: new_id() for name, _, _ in _PLACES})

        @transactional
        def build(tx: Session) -> None:
            add: Any = tree.add_node
            for name, level, parent in _PLACES:
                # The command without its own transaction: one commit for the town instead of eight.
                add.__wrapped__(
                    tx,
                    OPERATOR,
                    node_id=town.nodes[name],
                    level=level,
                    name=name,
                    parent_id=town.nodes[parent] if parent else None,
                )

        town.do(build)
        return town

    def do(self, action: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a command or query inside the app's context."""
        with self.app.app_context():
            return action(*args, **kwargs)

    @contextmanager
    def statements(self) -> Iterator[list[str]]:
        """What is sent to the database within the block."""
        sent: list[str] = []

        def keep(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            sent.append(statement)

        with self.app.app_context():
            engine = db.engine
        event.listen(engine, "before_cursor_execute", keep)
        yield sent
        event.remove(engine, "before_cursor_execute", keep)

    def path(self, name: str) -> str:

        path: str = self.do(queries.show_node, self.nodes[name])["path"]
        return path

    def add(self, name: str = "陈小芳", station: str | None = "南昌路站", **fields: Any) -> UUID:
        """A member without a login."""

        fields = {"station_id": self.nodes[station] if station else None, **fields}
        row = NewMember(id=new_id(), name=name, **fields)
        self.do(people.add_members, OPERATOR, [row])
        return row.id

    def register(self, name: str = "王大明", phone: str | None = None, **fields: Any) -> Principal:
        """Somebody who registered, as a caller."""
        answer = self.post(
            "/logins",
            Principal(kind=Kind.ANONYMOUS, audience="members"),
            {
                "id": str(new_id()),
                "phone": phone or new_phone(),
                "password": PASSWORD,
                "name": name,
                "station_id": str(self.nodes["南昌路站"]),
                "consents": consents(),
                **fields,
            },
        )
        assert answer.status_code == 201, answer.text
        return self.caller(UUID(answer.json["login_id"]), UUID(answer.json["member_id"]))

    def caller(self, login_id: UUID, member_id: UUID) -> Principal:
        """The login as the gateway would sign it now."""
        households = self.sql(
            "SELECT m.id, m.household_id FROM login_member lm JOIN member m ON m.id = lm.member_id"
            " WHERE lm.login_id = :id",
            id=login_id,
        )
        return Principal(
            kind=Kind.LOGIN,
            audience="members",
            login_id=login_id,
            member_id=member_id,
            own_member_id=member_id,
            member_ids=tuple(row[0] for row in households) or (member_id,),
            household_ids=tuple(row[1] for row in households if row[1]),
        )

    def official(self, role: Role, at: str | None = "南昌路站", **fields: Any) -> Principal:
        """Somebody with a role at a node, unknown to the database unless given."""
        member_id = fields.pop("member_id", None) or new_id()
        return Principal(
            kind=Kind.LOGIN,
            audience="members",
            login_id=new_id(),
            member_id=member_id,
            own_member_id=member_id,
            member_ids=(member_id,),
            grants=(Grant(role, self.path(at) if at else "/"),),
            **fields,
        )

    def sql(self, statement: str, **values: Any) -> list[Any]:
        with self.app.app_context(), db.engine.begin() as connection:
            found = connection.execute(text(statement), values)
            return list(found.all()) if found.returns_rows else []

    def events(self, name: str, destination: str = "points") -> list[dict[str, Any]]:
        """What was told to one service, oldest first."""
        rows = self.sql(
            "SELECT body FROM outbox WHERE name = :name AND destination = :destination ORDER BY id",
            name=name,
            destination=destination,
        )
        return [row[0] for row in rows]

    def audited(self, action: str) -> list[Any]:
        return self.sql("SELECT * FROM audit_log WHERE action = :action ORDER BY id", action=action)

    # --- requests ---

    def ask(self, method: str, path: str, caller: Principal, content: Any = None) -> Any:
        fields = {name: value for name, value in vars(caller).items() if value is not None and name != "who"}
        headers = principal_headers(**fields)
        body = None if content is None else json.dumps(content, default=str)
        return self.app.test_client().open(
            f"/api/v1/members{path}",
            method=method,
            data=body,
            headers=headers,
            content_type=None if body is None else "application/json",
        )

    def get(self, path: str, caller: Principal) -> Any:
        return self.ask("GET", path, caller)

    def post(self, path: str, caller: Principal, content: Any = None) -> Any:
        return self.ask("POST", path, caller, content)


ANYBODY = Principal(kind=Kind.ANONYMOUS, audience="members")
GATEWAY = Principal(kind=Kind.SERVICE, audience="members", issuer="gateway")
