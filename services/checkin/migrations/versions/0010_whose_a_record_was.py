"""Whose a record of a batch was stands apart from the record, so that it can go when the member is forgotten."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "export_person",
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("member_number", sa.Text(), nullable=False),
        sa.Column("volunteer_number", sa.Text(), nullable=False),
        sa.Column("name_masked", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id", "line"], ["export_record.batch_id", "export_record.line"],
            name=op.f("fk_export_person_batch_id_line"),
        ),
        sa.PrimaryKeyConstraint("batch_id", "line", name=op.f("pk_export_person")),
    )
    op.create_index("ix_export_person_member_id", "export_person", ["member_id"])
    # Who was erased before is forgotten here now.
    op.execute(
        """
        WITH RECURSIVE erased AS (
            SELECT member_id FROM member_card WHERE status = 'erased'
            UNION SELECT card.member_id FROM member_card card JOIN erased ON card.merged_into = erased.member_id
        )
        INSERT INTO export_person (batch_id, line, member_id, member_number, volunteer_number, name_masked)
        SELECT batch_id, line, attendance.member_id, member_number, volunteer_number, name_masked
        FROM export_record JOIN attendance ON attendance.id = attendance_id
        WHERE attendance.member_id NOT IN (SELECT member_id FROM erased)
        """
    )
    for column in ("member_number", "volunteer_number", "name_masked"):
        op.drop_column("export_record", column)
