"""What a node was called, and since when."""

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
