"""What one person did on one day is found by indexes."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_scan_member_id_at", "scan", ["member_id", "at"])
    op.create_index("ix_audit_log_subject_id", "audit_log", ["subject_id"])
