"""Accounts, transfers, lots, seals, rules, outcomes; copies, outbox and audit log."""

import hashlib
import json
from datetime import date
from uuid import UUID, uuid5

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None

_RULES = UUID("c3a0b9c2-0f0e-5b8a-8a9d-5f6d1c1b7e42")
_FROM_DAY = date(2000, 1, 1)
_BY_HOUR = (
    "lecture", "health", "mediation", "counselling", "elder_visit", "child_tutoring", "environment", "stairwell",
    "waste_sorting", "civility", "culture_sport", "night_patrol", "emergency", "construction", "repair",
)


def upgrade() -> None:
    op.create_table('account',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('chain_id', sa.Uuid(), nullable=False),
    sa.Column('unit', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('owner_id', sa.Uuid(), nullable=False),
    sa.Column('limited', sa.Boolean(), nullable=False),
    sa.Column('credits', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('debits', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('held', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.CheckConstraint("kind <> 'debt' OR debits >= credits", name=op.f('ck_account_debt')),
    sa.CheckConstraint('NOT limited OR credits - debits - held >= 0', name=op.f('ck_account_limited')),
    sa.CheckConstraint('held >= 0', name=op.f('ck_account_held')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_account')),
    sa.UniqueConstraint('owner_id', 'kind', 'unit', name=op.f('uq_account_owner_id_kind_unit')),
    postgresql_with={'fillfactor': 70}
    )
    op.create_table('audit_log',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('who', sa.Text(), nullable=False),
    sa.Column('member_id', sa.Uuid(), nullable=True),
    sa.Column('action', sa.Text(), nullable=False),
    sa.Column('subject_type', sa.Text(), nullable=False),
    sa.Column('subject_id', sa.Uuid(), nullable=True),
    sa.Column('path', sa.Text(), nullable=False),
    sa.Column('detail', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('request_id', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit_log')),
    comment='append-only'
    )
    op.create_index('ix_audit_log_at', 'audit_log', ['at'], unique=False)
    op.create_table('cap_used',
    sa.Column('account_id', sa.Uuid(), nullable=False),
    sa.Column('service_day', sa.Date(), nullable=False),
    sa.Column('category', sa.Text(), nullable=False),
    sa.Column('points', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('account_id', 'service_day', 'category', name=op.f('pk_cap_used'))
    )
    op.create_table('idempotency',
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('request_hash', sa.LargeBinary(), nullable=True),
    sa.Column('outcome', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_idempotency')),
    comment='append-only'
    )
    op.create_table('member_card',
    sa.Column('member_id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.Column('status', sa.Text(), nullable=False),
    sa.Column('confirmed', sa.Boolean(), nullable=False),
    sa.Column('merged_into', sa.Uuid(), nullable=True),
    sa.Column('volunteer_number', sa.Text(), nullable=False),
    sa.Column('name_masked', sa.Text(), nullable=False),
    sa.Column('name_public', sa.Text(), nullable=True),
    sa.Column('ranked', sa.Boolean(), nullable=False),
    sa.Column('station_id', sa.Uuid(), nullable=True),
    sa.Column('compound_id', sa.Uuid(), nullable=True),
    sa.Column('building_id', sa.Uuid(), nullable=True),
    sa.Column('household_id', sa.Uuid(), nullable=True),
    sa.Column('team_ids', sa.ARRAY(sa.Uuid()), nullable=False),
    sa.Column('employer_id', sa.Uuid(), nullable=True),
    sa.Column('birth_date', sa.Date(), nullable=True),
    sa.PrimaryKeyConstraint('member_id', name=op.f('pk_member_card'))
    )
    op.create_index('ix_member_card_station_id', 'member_card', ['station_id'], unique=False)
    op.create_table('outbox',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('destination', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('body', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('leased_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('attempts', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('delivered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('dead_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('error', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_outbox'))
    )
    op.create_index('ix_outbox_dead', 'outbox', ['dead_at'], unique=False, postgresql_where=sa.text('dead_at IS NOT NULL'))
    op.create_index('ix_outbox_delivered', 'outbox', ['delivered_at'], unique=False, postgresql_where=sa.text('delivered_at IS NOT NULL'))
    op.create_index('ix_outbox_waiting', 'outbox', ['destination', 'due_at', 'id'], unique=False, postgresql_where=sa.text('delivered_at IS NULL AND dead_at IS NULL'))
    op.create_table('outcome',
    sa.Column('attendance_id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('request_hash', sa.LargeBinary(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('member_id', sa.Uuid(), nullable=False),
    sa.Column('activity_id', sa.Uuid(), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('category', sa.Text(), nullable=False),
    sa.Column('station_id', sa.Uuid(), nullable=False),
    sa.Column('service_day', sa.Date(), nullable=False),
    sa.Column('evidence', sa.Text(), nullable=False),
    sa.Column('minutes', sa.Integer(), nullable=False),
    sa.Column('minutes_together', sa.Integer(), nullable=False),
    sa.Column('activity_minutes', sa.Integer(), nullable=False),
    sa.Column('rule_id', sa.Uuid(), nullable=True),
    sa.Column('cap_before', sa.Integer(), nullable=True),
    sa.Column('category_before', sa.Integer(), nullable=True),
    sa.Column('points', sa.Integer(), nullable=False),
    sa.Column('minutes_booked', sa.Integer(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('note', sa.Text(), nullable=True),
    sa.Column('award_version', sa.Integer(), nullable=True),
    sa.Column('booked_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('attendance_id', 'version', name=op.f('pk_outcome')),
    comment='append-only'
    )
    op.create_index('ix_outcome_member_id_service_day', 'outcome', ['member_id', 'service_day'], unique=False)
    op.create_table('rule',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('category', sa.Text(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('from_day', sa.Date(), nullable=False),
    sa.Column('body', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('hash', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_rule')),
    sa.UniqueConstraint('category', 'version', name=op.f('uq_rule_category_version')),
    comment='append-only'
    )
    op.create_table('seal_head',
    sa.Column('chain_id', sa.Uuid(), nullable=False),
    sa.Column('seq', sa.BigInteger(), nullable=False),
    sa.Column('hash', sa.LargeBinary(), nullable=False),
    sa.Column('sealed_through', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('chain_id', name=op.f('pk_seal_head'))
    )
    op.create_table('station',
    sa.Column('node_id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.Column('level', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('path', sa.Text(), nullable=False),
    sa.Column('parent_id', sa.Uuid(), nullable=True),
    sa.Column('successor_id', sa.Uuid(), nullable=True),
    sa.Column('closed', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('node_id', name=op.f('pk_station'))
    )
    op.create_index('ix_station_path', 'station', ['path'], unique=False, postgresql_ops={'path': 'text_pattern_ops'})
    op.create_table('unsealed',
    sa.Column('transfer_id', sa.Uuid(), nullable=False),
    sa.PrimaryKeyConstraint('transfer_id', name=op.f('pk_unsealed'))
    )
    op.create_table('lot',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('account_id', sa.Uuid(), nullable=False),
    sa.Column('original', sa.BigInteger(), nullable=False),
    sa.Column('remaining', sa.BigInteger(), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint('original > 0', name=op.f('ck_lot_original')),
    sa.CheckConstraint('remaining BETWEEN 0 AND original', name=op.f('ck_lot_remaining')),
    sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_lot_account_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_lot')),
    postgresql_with={'fillfactor': 80}
    )
    op.create_index('ix_lot_open', 'lot', ['account_id', 'expires_at', 'id'], unique=False, postgresql_where=sa.text('remaining > 0'))
    op.create_table('transfer',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('source_type', sa.Text(), nullable=False),
    sa.Column('source_id', sa.Uuid(), nullable=False),
    sa.Column('source_version', sa.Integer(), nullable=False),
    sa.Column('line', sa.SmallInteger(), nullable=False),
    sa.Column('chain_id', sa.Uuid(), nullable=False),
    sa.Column('unit', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('debit_id', sa.Uuid(), nullable=False),
    sa.Column('credit_id', sa.Uuid(), nullable=False),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.Column('service_day', sa.Date(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('rule_id', sa.Uuid(), nullable=True),
    sa.Column('reverses', sa.Uuid(), nullable=True),
    sa.CheckConstraint('amount > 0', name=op.f('ck_transfer_amount')),
    sa.CheckConstraint('credit_id <> debit_id', name=op.f('ck_transfer_two_accounts')),
    sa.ForeignKeyConstraint(['credit_id'], ['account.id'], name=op.f('fk_transfer_credit_id')),
    sa.ForeignKeyConstraint(['debit_id'], ['account.id'], name=op.f('fk_transfer_debit_id')),
    sa.ForeignKeyConstraint(['reverses'], ['transfer.id'], name=op.f('fk_transfer_reverses')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_transfer')),
    sa.UniqueConstraint('source_id', 'source_version', 'line', name=op.f('uq_transfer_source_id_source_version_line')),
    comment='append-only'
    )
    op.create_index('ix_transfer_credit_id_id', 'transfer', ['credit_id', 'id'], unique=False)
    op.create_index('ix_transfer_debit_id_id', 'transfer', ['debit_id', 'id'], unique=False)
    op.create_index('uq_transfer_reverses_kind', 'transfer', ['reverses', 'kind'], unique=True, postgresql_where=sa.text('reverses IS NOT NULL'))
    op.create_table('allocation',
    sa.Column('transfer_id', sa.Uuid(), nullable=False),
    sa.Column('lot_id', sa.Uuid(), nullable=False),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('amount <> 0', name=op.f('ck_allocation_amount')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_allocation_lot_id')),
    sa.ForeignKeyConstraint(['transfer_id'], ['transfer.id'], name=op.f('fk_allocation_transfer_id')),
    sa.PrimaryKeyConstraint('transfer_id', 'lot_id', name=op.f('pk_allocation')),
    comment='append-only'
    )
    op.create_index('ix_allocation_lot_id', 'allocation', ['lot_id'], unique=False)
    op.create_table('seal',
    sa.Column('chain_id', sa.Uuid(), nullable=False),
    sa.Column('seq', sa.BigInteger(), nullable=False),
    sa.Column('transfer_id', sa.Uuid(), nullable=False),
    sa.Column('prev', sa.LargeBinary(), nullable=False),
    sa.Column('hash', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['transfer_id'], ['transfer.id'], name=op.f('fk_seal_transfer_id')),
    sa.PrimaryKeyConstraint('chain_id', 'seq', name=op.f('pk_seal')),
    sa.UniqueConstraint('transfer_id', name=op.f('uq_seal_transfer_id')),
    comment='append-only'
    )
    _add_default_rules()


def _add_default_rules() -> None:
    """A point an hour, four points a day; short door visits a fifth of a point, twice a day."""
    common = {
        "share_min_percent": 60, "points_daily_max": 400, "evidence": ["own_scan", "organizer"],
        "points_live_days": None,
    }
    by_hour = {"base": "hour", "coefficient_percent": 100, "category_daily_max": None} | common
    by_visit = {"base": "visit", "coefficient_percent": 20, "category_daily_max": 40} | common
    rule = sa.table(
        "rule", sa.column("id", sa.Uuid), sa.column("category"), sa.column("version"), sa.column("from_day", sa.Date),
        sa.column("body", postgresql.JSONB), sa.column("hash", sa.LargeBinary),
    )
    bodies = dict.fromkeys(_BY_HOUR, by_hour) | {"door_visit": by_visit}
    op.bulk_insert(rule, [
        {
            "id": uuid5(_RULES, f"{category}:1"), "category": category, "version": 1, "from_day": _FROM_DAY,
            "body": body, "hash": _hash_of(category, 1, _FROM_DAY, body),
        }
        for category, body in bodies.items()
    ])


def _hash_of(category, version, from_day, body) -> bytes:
    text = json.dumps([category, version, from_day.isoformat(), body], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).digest()
