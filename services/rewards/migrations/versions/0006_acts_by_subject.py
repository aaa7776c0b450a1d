"""What was done with a redemption is found at once, however long the audit log is."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_audit_log_subject_id", "audit_log", ["subject_id"])
