"""Names and parents that stations had; the organizer's summary of an activity."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "station_past",
        sa.Column("node_id", sa.Uuid(), nullable=False),
        sa.Column("from_day", sa.Date(), nullable=False),
        sa.Column("until_day", sa.Date(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("until_day > from_day", name=op.f("ck_station_past_until_after_from")),
        sa.PrimaryKeyConstraint("node_id", "from_day", name=op.f("pk_station_past")),
        comment="What members tells of the names and parents that stations had, by day.",
    )
    op.create_index("ix_station_past_parent_id", "station_past", ["parent_id"])
    # Until members tells of a node again, it was always what it is.
    op.execute(
        "INSERT INTO station_past (node_id, from_day, name, parent_id) "
        "SELECT node_id, DATE '0001-01-01', name, parent_id FROM station"
    )
    op.add_column("activity", sa.Column("summary", sa.Text(), nullable=True))
