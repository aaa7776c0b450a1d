"""Orders at the desk, queue numbers and daily closes."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "redemption",
        sa.Column("order_id", sa.Uuid(), nullable=True, comment="of the desk, when it was redeemed there"),
    )
    op.add_column(
        "redemption", sa.Column("close_id", sa.Uuid(), nullable=True, comment="the daily close that counted it")
    )
    op.create_check_constraint(
        op.f("ck_redemption_closed"), "redemption", "close_id IS NULL OR state = 'fulfilled'"
    )
    op.create_index(
        "ix_redemption_order_id", "redemption", ["order_id"], postgresql_where=sa.text("order_id IS NOT NULL")
    )
    op.create_index(
        "ix_redemption_close_id", "redemption", ["close_id"], postgresql_where=sa.text("close_id IS NOT NULL")
    )
    op.create_index(
        "ix_redemption_unclosed",
        "redemption",
        ["station_id"],
        postgresql_where=sa.text("state = 'fulfilled' AND close_id IS NULL"),
    )
    op.create_table(
        "desk_order",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("login_id", sa.Uuid(), nullable=True),
        sa.Column("by_member_id", sa.Uuid(), nullable=True, comment="the person at the desk"),
        sa.Column(
            "paper_list", sa.Text(), nullable=True, comment="number of the printed list, when it was typed in later"
        ),
        sa.Column("paper_line", sa.Integer(), nullable=True),
        sa.Column("handed_over_at", sa.DateTime(timezone=True), nullable=True, comment="as the paper has it"),
        sa.Column("request_digest", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "num_nonnulls(paper_list, paper_line, handed_over_at) IN (0, 3)", name=op.f("ck_desk_order_paper")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_desk_order")),
        comment="append-only",
    )
    op.create_index("ix_desk_order_member_id_at", "desk_order", ["member_id", "at"])
    op.create_index("ix_desk_order_station_id_at", "desk_order", ["station_id", "at"])
    op.create_table(
        "desk_call",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_desk_call")),
        sa.UniqueConstraint("station_id", "day", "number", name=op.f("uq_desk_call_station_id_day_number")),
        comment="append-only",
    )
    op.create_table(
        "desk_close",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("login_id", sa.Uuid(), nullable=True),
        sa.Column("by_member_id", sa.Uuid(), nullable=True),
        sa.Column("request_digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_desk_close")),
        comment="append-only",
    )
    op.create_index("ix_desk_close_station_id_at", "desk_close", ["station_id", "at"])
    op.create_table(
        "desk_count",
        sa.Column("close_id", sa.Uuid(), nullable=False),
        sa.Column("gift_id", sa.Uuid(), nullable=False),
        sa.Column("gift_name", sa.Text(), nullable=False),
        sa.Column("pieces", sa.BigInteger(), nullable=False, comment="handed over since the close before"),
        sa.Column("points", sa.BigInteger(), nullable=False, comment="what these cost, hundredths of a point"),
        sa.Column("received", sa.BigInteger(), nullable=False, comment="ever, as of this close, like issued"),
        sa.Column("written_off", sa.BigInteger(), nullable=False),
        sa.Column("issued", sa.BigInteger(), nullable=False),
        sa.Column(
            "expected", sa.BigInteger(), nullable=False, comment="on the shelf by the books, reserved pieces too"
        ),
        sa.Column("counted", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True, comment="of a difference"),
        sa.CheckConstraint(
            "pieces >= 0 AND points >= 0 AND expected >= 0 AND counted >= 0", name=op.f("ck_desk_count_amounts")
        ),
        sa.CheckConstraint("counted = expected OR reason IS NOT NULL", name=op.f("ck_desk_count_explained")),
        sa.PrimaryKeyConstraint("close_id", "gift_id", name=op.f("pk_desk_count")),
        comment="append-only",
    )
