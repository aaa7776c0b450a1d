"""When an activity really ended, and what was counted in time; stations that confirm everything; a code's digest."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("activity", sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True))
    # What points was told of these rests on their planned end.
    op.execute("UPDATE activity SET ended_at = ends_at WHERE state IN ('closed', 'cancelled')")
    op.create_table(
        "confirm_each_on",
        sa.Column("node_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("node_id", name=op.f("pk_confirm_each_on")),
    )
    op.add_column("attendance", sa.Column("minutes_in_time", sa.Integer(), nullable=True))
    op.execute("UPDATE attendance SET minutes_in_time = minutes")
    op.add_column("scan", sa.Column("code_digest", sa.LargeBinary(), nullable=True))
