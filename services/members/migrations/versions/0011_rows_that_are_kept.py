"""Rows of imports that hold something still are found without reading those that were forgotten."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_import_row_kept", "import_row", ["import_id"], postgresql_where=sa.text("content IS NOT NULL")
    )
