"""Past services are taken over as well: year and category where the file has none, and who answers for them."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("import_file", sa.Column("year", sa.Integer(), nullable=True))
    op.add_column("import_file", sa.Column("category", sa.Text(), nullable=True))
    op.add_column("import_file", sa.Column("decided_by_login_id", sa.Uuid(), nullable=True))
    op.add_column("import_file", sa.Column("undone_by_member_id", sa.Uuid(), nullable=True))
    op.add_column("import_file", sa.Column("undone_by_login_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_import_file_undone_by_member_id"), "import_file", "member", ["undone_by_member_id"], ["id"]
    )
    op.drop_constraint(op.f("ck_import_file_kind"), "import_file")
    op.create_check_constraint(op.f("ck_import_file_kind"), "import_file", "kind IN ('roster','opening','past')")
