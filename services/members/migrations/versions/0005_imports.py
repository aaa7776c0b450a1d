"""Files that are taken over, and their rows."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "import_file",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("file_hash", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("half_day_minutes", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_login_id", sa.Uuid(), nullable=False),
        sa.Column("created_by_member_id", sa.Uuid(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_member_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("found", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('roster','opening')", name=op.f("ck_import_file_kind")),
        sa.CheckConstraint(
            "state IN ('reading','refused','checked','dropped','waiting','rejected','importing','done','undoing',"
            "'undone')",
            name=op.f("ck_import_file_state"),
        ),
        sa.CheckConstraint("decided_by_member_id <> created_by_member_id", name=op.f("ck_import_file_second_person")),
        sa.ForeignKeyConstraint(["station_id"], ["node.id"], name=op.f("fk_import_file_station_id")),
        sa.ForeignKeyConstraint(["created_by_member_id"], ["member.id"], name=op.f("fk_import_file_created_by_member_id")),
        sa.ForeignKeyConstraint(["decided_by_member_id"], ["member.id"], name=op.f("fk_import_file_decided_by_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_file")),
    )
    op.create_index(
        "uq_import_file_live",
        "import_file",
        ["kind", "station_id", "file_hash"],
        unique=True,
        postgresql_where=sa.text("state NOT IN ('refused','dropped','rejected','undone')"),
    )
    op.create_index("ix_import_file_station_id", "import_file", ["station_id", "id"])
    op.create_index(
        "ix_import_file_due_at",
        "import_file",
        ["due_at"],
        postgresql_where=sa.text("state IN ('reading','importing','undoing')"),
    )
    op.create_table(
        "import_row",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("state IN ('good','known','bad','added','undone','kept')", name=op.f("ck_import_row_state")),
        sa.ForeignKeyConstraint(["import_id"], ["import_file.id"], name=op.f("fk_import_row_import_id")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_import_row_member_id")),
        sa.PrimaryKeyConstraint("import_id", "number", name=op.f("pk_import_row")),
        sa.UniqueConstraint("id", name=op.f("uq_import_row_id")),
    )
    op.create_index("ix_import_row_state", "import_row", ["import_id", "state", "number"])
    op.create_index(
        "ix_import_row_member_id", "import_row", ["member_id"], postgresql_where=sa.text("member_id IS NOT NULL")
    )
