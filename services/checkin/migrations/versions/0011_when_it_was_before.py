"""An activity that was moved knows when it would have been."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("activity", sa.Column("was_starts_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("activity", sa.Column("was_ends_at", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(op.f("ck_activity_was"), "activity", "num_nulls(was_starts_at, was_ends_at) IN (0, 2)")
