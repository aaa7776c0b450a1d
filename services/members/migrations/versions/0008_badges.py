"""Serials of badges that replace lost ones."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "badge_serial",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("serial BETWEEN 2 AND 65535", name=op.f("ck_badge_serial_serial")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_badge_serial_member_id")),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_badge_serial")),
    )
