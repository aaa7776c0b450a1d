"""Of which station another one was a part."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "split_off",
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("from_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("station_id", name=op.f("pk_split_off")),
    )
