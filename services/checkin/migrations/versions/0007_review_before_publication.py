"""Review before publication: where it is wanted, who asked for it and when, and since when everybody sees an activity."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_REVIEWED = "state = 'in_review' OR (state = 'draft' AND reason IS NOT NULL)"


def upgrade() -> None:
    op.create_table(
        "review_on",
        sa.Column("node_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("node_id", name=op.f("pk_review_on")),
    )
    op.add_column("activity", sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("activity", sa.Column("asked_by", sa.Uuid(), nullable=True))
    op.add_column("activity", sa.Column("published_at", sa.DateTime(timezone=True), nullable=True))
    # Until now everybody saw all but drafts, and goes on seeing it.
    op.execute("UPDATE activity SET published_at = created_at WHERE state <> 'draft'")
    op.drop_constraint(op.f("ck_activity_state"), "activity", type_="check")
    states = "'draft', 'in_review', 'published', 'postponed', 'cancelled', 'closed'"
    op.create_check_constraint(op.f("ck_activity_state"), "activity", f"state IN ({states})")
    op.create_check_constraint(op.f("ck_activity_asked_at"), "activity", "state <> 'in_review' OR asked_at IS NOT NULL")
    op.create_index("ix_activity_reviewed", "activity", ["starts_at"], postgresql_where=sa.text(_REVIEWED))
