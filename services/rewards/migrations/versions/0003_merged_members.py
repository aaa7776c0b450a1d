"""Who was merged into a member is found at once."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_member_card_merged_into", "member_card", ["merged_into"],
        postgresql_where=sa.text("merged_into IS NOT NULL"),
    )
