"""The scans of one member are found, for who takes the own data away."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_scan_member_id_received_at", "scan", ["member_id", "received_at"])
