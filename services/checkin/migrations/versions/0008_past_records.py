"""Lines of lists of past services, and what became of them."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "past_record",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("activity_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("timed", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.Column("brought_by", sa.Uuid(), nullable=True),
        sa.Column("approved_by", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('taken', 'left_out', 'undone')", name=op.f("ck_past_record_state")),
        sa.CheckConstraint(
            "state <> 'taken' OR num_nulls(activity_id, brought_by, approved_by) = 0 AND brought_by <> approved_by",
            name=op.f("ck_past_record_second_person"),
        ),
        sa.ForeignKeyConstraint(["activity_id"], ["activity.id"], name=op.f("fk_past_record_activity_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_past_record")),
    )
    op.create_index(
        "ix_past_record_activity_id",
        "past_record",
        ["activity_id"],
        postgresql_where=sa.text("activity_id IS NOT NULL"),
    )
