"""What a node was called, and since when; places whose people have yet to follow to another station."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
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
