"""Gifts, stock and redemptions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject_type", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
        comment="append-only",
    )
    op.create_index("ix_audit_log_at", "audit_log", ["at"], unique=False)
    op.create_table(
        "gift",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("node_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False, comment="price of one piece, hundredths of a point"),
        sa.Column("limit_per_quarter", sa.Integer(), nullable=True, comment="pieces for one member; null: no limit"),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("request_digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("limit_per_quarter > 0", name=op.f("ck_gift_limit_per_quarter")),
        sa.CheckConstraint("points > 0", name=op.f("ck_gift_points")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gift")),
    )
    op.create_index(op.f("ix_gift_node_id"), "gift", ["node_id"], unique=False)
    op.create_table(
        "member_card",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("merged_into", sa.Uuid(), nullable=True),
        sa.Column("volunteer_number", sa.Text(), nullable=False),
        sa.Column("name_masked", sa.Text(), nullable=False),
        sa.Column("name_public", sa.Text(), nullable=True),
        sa.Column("ranked", sa.Boolean(), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=True),
        sa.Column("compound_id", sa.Uuid(), nullable=True),
        sa.Column("building_id", sa.Uuid(), nullable=True),
        sa.Column("household_id", sa.Uuid(), nullable=True),
        sa.Column("team_ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("employer_id", sa.Uuid(), nullable=True),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_member_card")),
    )
    op.create_index("ix_member_card_station_id", "member_card", ["station_id"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dead_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index(
        "ix_outbox_dead", "outbox", ["dead_at"], unique=False, postgresql_where=sa.text("dead_at IS NOT NULL")
    )
    op.create_index(
        "ix_outbox_delivered",
        "outbox",
        ["delivered_at"],
        unique=False,
        postgresql_where=sa.text("delivered_at IS NOT NULL"),
    )
    op.create_index(
        "ix_outbox_waiting",
        "outbox",
        ["destination", "due_at", "id"],
        unique=False,
        postgresql_where=sa.text("delivered_at IS NULL AND dead_at IS NULL"),
    )
    op.create_table(
        "redemption",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("gift_id", sa.Uuid(), nullable=False),
        sa.Column("gift_name", sa.Text(), nullable=False, comment="as it was when it was redeemed, like points"),
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False, comment="of all pieces, hundredths of a point"),
        sa.Column("quarter", sa.Date(), nullable=False, comment="the one whose limit it counts against"),
        sa.Column(
            "state",
            sa.Enum(
                "requested",
                "confirmed",
                "declined",
                "fulfilled",
                "cancelled",
                "expired",
                "refused",
                name="state",
                native_enum=False,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("reason_code", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("request_digest", sa.LargeBinary(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fulfilled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fulfilled_by", sa.Uuid(), nullable=True, comment="login"),
        sa.Column(
            "ended_at", sa.DateTime(timezone=True), nullable=True, comment="declined, cancelled, expired or refused"
        ),
        sa.Column("voucher_key_id", sa.Text(), nullable=True),
        sa.Column("code_digest", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("(state = 'fulfilled') = (fulfilled_at IS NOT NULL)", name=op.f("ck_redemption_fulfilled")),
        sa.CheckConstraint(
            "(state IN ('declined', 'cancelled', 'expired', 'refused')) = (ended_at IS NOT NULL)",
            name=op.f("ck_redemption_ended"),
        ),
        sa.CheckConstraint(
            "state IN ('requested', 'confirmed', 'declined', 'fulfilled', 'cancelled', 'expired', 'refused')",
            name=op.f("ck_redemption_state"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('confirmed', 'fulfilled') OR (confirmed_at IS NOT NULL AND code_digest IS NOT NULL)",
            name=op.f("ck_redemption_confirmed"),
        ),
        sa.CheckConstraint("quantity > 0 AND points > 0", name=op.f("ck_redemption_amounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_redemption")),
    )
    op.create_index(
        "ix_redemption_code_digest",
        "redemption",
        ["code_digest"],
        unique=False,
        postgresql_where=sa.text("code_digest IS NOT NULL"),
    )
    op.create_index(
        "ix_redemption_member_id_requested_at_id", "redemption", ["member_id", "requested_at", "id"], unique=False
    )
    op.create_index(
        "ix_redemption_open",
        "redemption",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('requested', 'confirmed')"),
    )
    op.create_index(
        "ix_redemption_station_id_requested_at_id", "redemption", ["station_id", "requested_at", "id"], unique=False
    )
    op.create_table(
        "station",
        sa.Column("node_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("successor_id", sa.Uuid(), nullable=True),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("node_id", name=op.f("pk_station")),
    )
    op.create_index("ix_station_path", "station", ["path"], unique=False, postgresql_ops={"path": "text_pattern_ops"})
    op.create_table(
        "stock_movement",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("gift_id", sa.Uuid(), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("refusal", sa.Text(), nullable=True, comment="why nothing moved, in words"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("login_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("kind IN ('receive', 'write_off')", name=op.f("ck_stock_movement_kind")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_stock_movement_quantity")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_movement")),
        comment="append-only",
    )
    op.create_index("ix_stock_movement_gift_id_station_id", "stock_movement", ["gift_id", "station_id"], unique=False)
    op.create_table(
        "taken",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("gift_id", sa.Uuid(), nullable=False),
        sa.Column("quarter", sa.Date(), nullable=False, comment="its first day, in Shanghai"),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_taken_quantity")),
        sa.PrimaryKeyConstraint("member_id", "gift_id", "quarter", name=op.f("pk_taken")),
    )
    op.create_table(
        "stock",
        sa.Column("gift_id", sa.Uuid(), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("written_off", sa.BigInteger(), nullable=False),
        sa.Column("on_hand", sa.BigInteger(), nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.Column("issued", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("on_hand + reserved + issued = received - written_off", name=op.f("ck_stock_equation")),
        sa.CheckConstraint(
            "on_hand >= 0 AND reserved >= 0 AND issued >= 0 AND received >= 0 AND written_off >= 0",
            name=op.f("ck_stock_not_negative"),
        ),
        sa.ForeignKeyConstraint(["gift_id"], ["gift.id"], name=op.f("fk_stock_gift_id")),
        sa.PrimaryKeyConstraint("gift_id", "station_id", name=op.f("pk_stock")),
    )
    op.create_index("ix_stock_station_id", "stock", ["station_id"], unique=False)
