"""A code may also hand over a member; a login knows since when it acts for one; a member may ask to be erased."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint(op.f("ck_one_time_code_purpose"), "one_time_code")
    op.drop_constraint(op.f("ck_one_time_code_member_of_password"), "one_time_code")
    op.create_check_constraint(
        op.f("ck_one_time_code_purpose"), "one_time_code", "purpose IN ('password','claim','first_administrator')"
    )
    op.create_check_constraint(
        op.f("ck_one_time_code_member_known"),
        "one_time_code",
        "(purpose = 'first_administrator') = (member_id IS NULL)",
    )
    op.add_column("one_time_code", sa.Column("made_by", sa.Text(), nullable=True))
    op.create_index(
        "ix_one_time_code_claim", "one_time_code", ["code_hash"], postgresql_where=sa.text("purpose = 'claim'")
    )
    # Of those there it is not known; they count as always.
    op.add_column("login_member", sa.Column("since", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "erasure",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('asked','withdrawn','done')", name=op.f("ck_erasure_state")),
        sa.CheckConstraint(
            "(state = 'asked') = (ended_at IS NULL) AND (ended_at IS NULL) = (ended_by IS NULL)",
            name=op.f("ck_erasure_ended_whole"),
        ),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_erasure_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure")),
    )
    op.create_index(
        "uq_erasure_open", "erasure", ["member_id"], unique=True, postgresql_where=sa.text("state = 'asked'")
    )
    op.create_index("ix_erasure_due_at", "erasure", ["due_at"], postgresql_where=sa.text("state = 'asked'"))
