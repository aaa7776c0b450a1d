"""What a member has may move to another member's accounts."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("account", sa.Column("merged_into", sa.Uuid(), nullable=True))
    op.create_index(
        "ix_account_merged_into", "account", ["merged_into"], postgresql_where=sa.text("merged_into IS NOT NULL")
    )
    # Empty: the lot is its own origin. So no row is rewritten.
    op.add_column("lot", sa.Column("origin_id", sa.Uuid(), nullable=True))
    op.create_index("ix_lot_origin_id", "lot", ["origin_id"], postgresql_where=sa.text("origin_id IS NOT NULL"))
    op.create_index(
        "ix_member_card_merged_into", "member_card", ["merged_into"],
        postgresql_where=sa.text("merged_into IS NOT NULL"),
    )
    op.create_table(
        "move",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("from_member_id", sa.Uuid(), nullable=False),
        sa.Column("to_member_id", sa.Uuid(), nullable=True),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("minutes", sa.BigInteger(), nullable=False),
        sa.Column("debt", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("to_station_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("(to_member_id IS NULL) <> (to_station_id IS NULL)", name=op.f("ck_move_one_taker")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_move")),
        comment="append-only",
    )
    op.create_index("ix_move_from_member_id", "move", ["from_member_id"])
    op.create_index("ix_move_to_member_id", "move", ["to_member_id"])
    op.create_table(
        "leaver_rule",
        sa.Column("node_id", sa.Uuid(), nullable=False),
        sa.Column("family_days", sa.Integer(), nullable=True),
        sa.Column("donate", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("node_id", name=op.f("pk_leaver_rule")),
    )
    op.create_table(
        "gone",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_gone")),
    )
