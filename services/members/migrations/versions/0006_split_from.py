"""Of which station one was split off."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("node", sa.Column("split_from_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_node_split_from_id"), "node", "node", ["split_from_id"], ["id"])
    op.create_index(
        "ix_node_split_from_id", "node", ["split_from_id"], postgresql_where=sa.text("split_from_id IS NOT NULL")
    )
