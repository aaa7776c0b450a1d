"""When an answer was opened by whom it is for."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("concern", sa.Column("answer_seen_at", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(
        op.f("ck_concern_seen_answered"), "concern", "answer_seen_at IS NULL OR answer IS NOT NULL"
    )
