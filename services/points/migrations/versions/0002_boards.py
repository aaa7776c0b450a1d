"""boards"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "standing",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("minutes", sa.BigInteger(), nullable=False),
        sa.Column("attendances", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("member_id", "period", "station_id", name=op.f("pk_standing")),
        postgresql_with={"fillfactor": 90},
    )
    op.create_index(op.f("ix_standing_station_id_period"), "standing", ["station_id", "period"])
    op.create_table(
        "board_dirty",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_board_dirty")),
    )
    op.create_table(
        "board_state",
        sa.Column("epoch", sa.Uuid(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("epoch", name=op.f("pk_board_state")),
    )
    op.execute("INSERT INTO board_state (epoch, generation) VALUES (gen_random_uuid(), 1)")
    op.create_table(
        "board_kept",
        sa.Column("node_id", sa.Uuid(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("asked_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("node_id", "period", name=op.f("pk_board_kept")),
    )
    op.create_table(
        "board_off",
        sa.Column("node_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("node_id", name=op.f("pk_board_off")),
    )
