"""What a close counted of stations that were merged, on the shelf of the one that followed."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "desk_count",
        sa.Column(
            "carried",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="of merged stations on this shelf; below zero: own ones on the successor's",
        ),
    )
