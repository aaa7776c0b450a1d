"""What people report and complain of."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "concern",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("node_id", sa.Uuid(), nullable=True),
        sa.Column("above", sa.Boolean(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("about_type", sa.Text(), nullable=True),
        sa.Column("about_id", sa.Uuid(), nullable=True),
        sa.Column("about_day", sa.Date(), nullable=True),
        sa.Column("contact_encrypted", sa.LargeBinary(), nullable=True),
        sa.Column("by_staff", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("handler_member_id", sa.Uuid(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("corrected_id", sa.Uuid(), nullable=True),
        sa.Column("reopened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reopened_because", sa.Text(), nullable=True),
        sa.Column("answer_before", sa.Text(), nullable=True),
        sa.CheckConstraint("kind IN ('concern','complaint')", name=op.f("ck_concern_kind")),
        sa.CheckConstraint("state IN ('received','in_progress','answered','read')", name=op.f("ck_concern_state")),
        sa.CheckConstraint("number ~ '^[1-9][0-9]{5}$'", name=op.f("ck_concern_number")),
        sa.CheckConstraint("kind = 'complaint' OR member_id IS NOT NULL", name=op.f("ck_concern_member_of_concern")),
        sa.CheckConstraint("(about_type IS NULL) = (about_id IS NULL)", name=op.f("ck_concern_about_whole")),
        sa.CheckConstraint("(state = 'answered') = (answer IS NOT NULL)", name=op.f("ck_concern_answered")),
        sa.CheckConstraint("(answer IS NULL) = (answered_at IS NULL)", name=op.f("ck_concern_answer_whole")),
        sa.CheckConstraint("(reopened_at IS NULL) = (answer_before IS NULL)", name=op.f("ck_concern_reopened_whole")),
        sa.CheckConstraint(
            "state <> 'read' OR (member_id IS NULL AND contact_encrypted IS NULL)", name=op.f("ck_concern_read")
        ),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_concern_member_id")),
        sa.ForeignKeyConstraint(["node_id"], ["node.id"], name=op.f("fk_concern_node_id")),
        sa.ForeignKeyConstraint(["handler_member_id"], ["member.id"], name=op.f("fk_concern_handler_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_concern")),
        sa.UniqueConstraint("number", name=op.f("uq_concern_number")),
    )
    op.create_index(
        "ix_concern_member_id", "concern", ["member_id", "id"], postgresql_where=sa.text("member_id IS NOT NULL")
    )
    op.create_index(
        "ix_concern_open",
        "concern",
        ["due_on", "id"],
        postgresql_where=sa.text("state IN ('received', 'in_progress')"),
    )
    op.create_index("ix_concern_node_id", "concern", ["node_id"])
