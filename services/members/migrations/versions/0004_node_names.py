"""What a node was called, and since when; places whose people have yet to follow to another station."""

import json

import sqlalchemy as sa
from alembic import op

from shared import clock
from shared.ids import new_id

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "node_name",
        sa.Column("node_id", sa.Uuid(), nullable=False),
        sa.Column("from_day", sa.Date(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["node_id"], ["node.id"], name=op.f("fk_node_name_node_id")),
        sa.PrimaryKeyConstraint("node_id", "from_day", name=op.f("pk_node_name")),
    )
    # Earlier names were not kept.
    op.execute("INSERT INTO node_name (node_id, from_day, name) SELECT id, opened_on, name FROM node")
    op.create_table(
        "moved_home",
        sa.Column("node_id", sa.Uuid(), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["node_id"], ["node.id"], name=op.f("fk_moved_home_node_id")),
        sa.ForeignKeyConstraint(["station_id"], ["node.id"], name=op.f("fk_moved_home_station_id")),
        sa.PrimaryKeyConstraint("node_id", "station_id", name=op.f("pk_moved_home")),
    )
    _tell_of_all()


def _tell_of_all() -> None:
    """Tell the other services of every place anew, now with its past."""
    connection = op.get_bind()
    past: dict[object, list[dict[str, object]]] = {}
    for row in connection.execute(sa.text("SELECT node_id, from_day, parent_id FROM node_parent ORDER BY from_day")):
        spell = {"from_day": str(row.from_day), "parent_id": row.parent_id and str(row.parent_id)}
        past.setdefault(row.node_id, []).append(spell)
    nodes = connection.execute(sa.text("UPDATE node SET version = version + 1 RETURNING *")).all()
    rows = [
        {"id": new_id(), "destination": destination, "body": json.dumps(_fact(node, past[node.id])), "at": clock.now()}
        for node in nodes
        for destination in ("checkin", "points", "rewards")
    ]
    if rows:
        connection.execute(
            sa.text(
                "INSERT INTO outbox (id, destination, name, body, created_at, due_at) "
                "VALUES (:id, :destination, 'StationChanged', CAST(:body AS jsonb), :at, :at)"
            ),
            rows,
        )


def _fact(node: sa.Row, past: list[dict[str, object]]) -> dict[str, object]:
    ids = {name: value and str(value) for name, value in (("parent", node.parent_id), ("successor", node.successor_id))}
    return {
        "node_id": str(node.id),
        "version": node.version,
        "level": node.level,
        "name": node.name,
        "path": node.path,
        "parent_id": ids["parent"],
        "successor_id": ids["successor"],
        "closed": node.closed_on is not None,
        "past": [{"name": node.name, **spell} for spell in past],
    }
