"""An outcome knows whether it carries the visit."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Without a default: what was rated before keeps NULL, by which it is worked out as it was then.
    op.add_column("outcome", sa.Column("carries_visit", sa.Boolean(), nullable=True))
