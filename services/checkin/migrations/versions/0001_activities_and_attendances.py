"""Activities, sites, scans and attendances; copies of members and stations; outbox and audit log."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('activity',
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('state', sa.Text(), nullable=False),
        sa.Column('title', sa.Text(), nullable=False),
        sa.Column('category', sa.Text(), nullable=False),
        sa.Column('station_id', sa.Uuid(), nullable=False),
        sa.Column('place', sa.Text(), nullable=False),
        sa.Column('starts_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('ends_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('window_before_minutes', sa.Integer(), nullable=False),
        sa.Column('capacity', sa.Integer(), nullable=True),
        sa.Column('confirm_each', sa.Boolean(), nullable=False),
        sa.Column('reason', sa.Text(), nullable=True),
        sa.Column('digest', sa.LargeBinary(), nullable=False),
        sa.Column('created_by', sa.Uuid(), nullable=True),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("starts_at < ends_at AND ends_at <= starts_at + interval '24 hours'", name=op.f('ck_activity_times')),
        sa.CheckConstraint("state IN ('draft', 'published', 'postponed', 'cancelled', 'closed')", name=op.f('ck_activity_state')),
        sa.CheckConstraint('capacity > 0', name=op.f('ck_activity_capacity')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_activity'))
    )
    op.create_index('ix_activity_running', 'activity', ['ends_at'], unique=False, postgresql_where=sa.text("state = 'published'"))
    op.create_index('ix_activity_starts_at', 'activity', ['starts_at'], unique=False)
    op.create_index('ix_activity_station_id_starts_at', 'activity', ['station_id', 'starts_at'], unique=False)
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
    op.create_table('scan',
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('member_id', sa.Uuid(), nullable=False),
        sa.Column('login_id', sa.Uuid(), nullable=True),
        sa.Column('activity_id', sa.Uuid(), nullable=True),
        sa.Column('site_id', sa.Uuid(), nullable=True),
        sa.Column('direction', sa.Text(), nullable=True),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('outcome', sa.Text(), nullable=False),
        sa.Column('marks', sa.ARRAY(sa.Text()), nullable=False),
        sa.Column('why', sa.Text(), nullable=True),
        sa.Column('waits', sa.Boolean(), nullable=False),
        sa.Column('attendance_id', sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_scan')),
        comment='append-only'
    )
    op.create_index('ix_scan_activity_id_received_at', 'scan', ['activity_id', 'received_at'], unique=False)
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
    op.create_table('site',
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('activity_id', sa.Uuid(), nullable=False),
        sa.Column('number', sa.SmallInteger(), nullable=False),
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('place', sa.Text(), nullable=False),
        sa.Column('leader_member_id', sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(['activity_id'], ['activity.id'], name=op.f('fk_site_activity_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_site')),
        sa.UniqueConstraint('activity_id', 'id', name=op.f('uq_site_activity_id_id'))
    )
    op.create_table('attendance',
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('activity_id', sa.Uuid(), nullable=False),
        sa.Column('site_id', sa.Uuid(), nullable=False),
        sa.Column('member_id', sa.Uuid(), nullable=False),
        sa.Column('pair', sa.SmallInteger(), nullable=False),
        sa.Column('state', sa.Text(), nullable=False),
        sa.Column('version', sa.Integer(), server_default=sa.text('0'), nullable=False),
        sa.Column('service_day', sa.Date(), nullable=False),
        sa.Column('arrived_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('left_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('minutes', sa.Integer(), nullable=True),
        sa.Column('evidence', sa.Text(), nullable=False),
        sa.Column('marks', sa.ARRAY(sa.Text()), nullable=False),
        sa.Column('automatic_departure', sa.Boolean(), server_default=sa.text('false'), nullable=False),
        sa.Column('reason', sa.Text(), nullable=True),
        sa.Column('digest', sa.Text(), nullable=True),
        sa.CheckConstraint("(state = 'open') = (left_at IS NULL)", name=op.f('ck_attendance_left_at')),
        sa.CheckConstraint("(state = 'open') = (minutes IS NULL)", name=op.f('ck_attendance_minutes')),
        sa.CheckConstraint("(version > 0) = (state IN ('confirmed', 'corrected', 'annulled'))", name=op.f('ck_attendance_version')),
        sa.CheckConstraint("state IN ('open', 'left', 'confirmed', 'corrected', 'annulled', 'rejected')", name=op.f('ck_attendance_state')),
        sa.CheckConstraint('left_at >= arrived_at AND minutes >= 0', name=op.f('ck_attendance_times')),
        sa.ForeignKeyConstraint(['activity_id', 'site_id'], ['site.activity_id', 'site.id'], name=op.f('fk_attendance_activity_id_site_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_attendance')),
        sa.UniqueConstraint('site_id', 'member_id', 'pair', name=op.f('uq_attendance_site_id_member_id_pair'))
    )
    op.create_index('ix_attendance_activity_id_member_id_state', 'attendance', ['activity_id', 'member_id', 'state'], unique=False)
    op.create_index('ix_attendance_member_id_arrived_at', 'attendance', ['member_id', 'arrived_at'], unique=False)
    op.create_index('uq_attendance_open', 'attendance', ['site_id', 'member_id'], unique=True, postgresql_where=sa.text("state = 'open'"))
