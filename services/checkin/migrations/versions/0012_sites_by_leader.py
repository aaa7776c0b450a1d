"""What somebody leads is found at once, wherever it is."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_site_leader_member_id", "site", ["leader_member_id"],
        postgresql_where=sa.text("leader_member_id IS NOT NULL"),
    )
