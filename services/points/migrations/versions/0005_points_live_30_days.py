"""A rule's points live at least 30 days."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Rules are append-only: one that is wrong could not be taken back. Without the field they never expire.
    # Not valid for what is there: a rule from before must not keep everything from starting.
    op.create_check_constraint(
        op.f("ck_rule_points_live_days"), "rule", "CAST(body ->> 'points_live_days' AS integer) >= 30",
        postgresql_not_valid=True,
    )
