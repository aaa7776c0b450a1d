"""Tree, members, logins, grants, consents, sessions, codes; outbox and audit log."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
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
    op.create_table('creation',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('input_hash', sa.LargeBinary(), nullable=False),
    sa.Column('member_id', sa.Uuid(), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_creation'))
    )
    op.create_table('employer',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_employer')),
    sa.UniqueConstraint('name', name=op.f('uq_employer_name'))
    )
    op.create_table('failed_attempts',
    sa.Column('key', sa.LargeBinary(), nullable=False),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('last_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('blocked_until', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_failed_attempts'))
    )
    op.create_index('ix_failed_attempts_last_at', 'failed_attempts', ['last_at'], unique=False)
    op.create_table('login',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('phone_hash', sa.LargeBinary(), nullable=False),
    sa.Column('password_hash', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_login')),
    sa.UniqueConstraint('phone_hash', name=op.f('uq_login_phone_hash'))
    )
    op.create_table('node',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('level', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('path', sa.Text(), nullable=False),
    sa.Column('parent_id', sa.Uuid(), nullable=True),
    sa.Column('successor_id', sa.Uuid(), nullable=True),
    sa.Column('opened_on', sa.Date(), nullable=False),
    sa.Column('closed_on', sa.Date(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint("level IN ('city','centre','sub_centre','station','compound','building')", name=op.f('ck_node_level')),
    sa.CheckConstraint('closed_on >= opened_on', name=op.f('ck_node_closed_after_opened')),
    sa.CheckConstraint('successor_id IS NULL OR closed_on IS NOT NULL', name=op.f('ck_node_successor_of_closed')),
    sa.ForeignKeyConstraint(['parent_id'], ['node.id'], name=op.f('fk_node_parent_id')),
    sa.ForeignKeyConstraint(['successor_id'], ['node.id'], name=op.f('fk_node_successor_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_node')),
    sa.UniqueConstraint('path', name=op.f('uq_node_path'))
    )
    op.create_index('ix_node_parent_id', 'node', ['parent_id'], unique=False)
    op.create_index('ix_node_path', 'node', ['path'], unique=False, postgresql_ops={'path': 'text_pattern_ops'})
    op.create_index('uq_node_name', 'node', ['parent_id', 'name'], unique=True, postgresql_where=sa.text('closed_on IS NULL'), postgresql_nulls_not_distinct=True)
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
    op.create_table('access',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('token_hash', sa.LargeBinary(), nullable=False),
    sa.Column('login_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.Text(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("(kind = 'token') = (name IS NOT NULL)", name=op.f('ck_access_named_token')),
    sa.CheckConstraint("kind IN ('session','token')", name=op.f('ck_access_kind')),
    sa.ForeignKeyConstraint(['login_id'], ['login.id'], name=op.f('fk_access_login_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_access')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_access_token_hash'))
    )
    op.create_index('ix_access_expires_at', 'access', ['expires_at'], unique=False)
    op.create_index('ix_access_revoked_at', 'access', ['revoked_at'], unique=False, postgresql_where=sa.text('revoked_at IS NOT NULL'))
    op.create_index('ix_access_login_id', 'access', ['login_id'], unique=False)
    op.create_table('member',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('status', sa.Text(), nullable=False),
    sa.Column('merged_into', sa.Uuid(), nullable=True),
    sa.Column('volunteer_number', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('pinyin', sa.Text(), nullable=False),
    sa.Column('initials', sa.Text(), nullable=False),
    sa.Column('birth_date', sa.Date(), nullable=True),
    sa.Column('station_id', sa.Uuid(), nullable=True),
    sa.Column('compound_id', sa.Uuid(), nullable=True),
    sa.Column('building_id', sa.Uuid(), nullable=True),
    sa.Column('household_id', sa.Uuid(), nullable=True),
    sa.Column('employer_id', sa.Uuid(), nullable=True),
    sa.Column('guardian_id', sa.Uuid(), nullable=True),
    sa.Column('skills', sa.ARRAY(sa.Text()), nullable=False),
    sa.Column('phone_encrypted', sa.LargeBinary(), nullable=True),
    sa.Column('phone_hash', sa.LargeBinary(), nullable=True),
    sa.Column('phone_tail_hash', sa.LargeBinary(), nullable=True),
    sa.Column('confirmed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("(status = 'merged') = (merged_into IS NOT NULL)", name=op.f('ck_member_merged_into')),
    sa.CheckConstraint("status IN ('active','merged','left','erased')", name=op.f('ck_member_status')),
    sa.CheckConstraint("volunteer_number ~ '^[0-9]{12}$'", name=op.f('ck_member_volunteer_number')),
    sa.CheckConstraint('guardian_id <> id', name=op.f('ck_member_guardian_other')),
    sa.CheckConstraint('num_nulls(phone_encrypted, phone_hash, phone_tail_hash) IN (0, 3)', name=op.f('ck_member_phone_whole')),
    sa.ForeignKeyConstraint(['building_id'], ['node.id'], name=op.f('fk_member_building_id')),
    sa.ForeignKeyConstraint(['compound_id'], ['node.id'], name=op.f('fk_member_compound_id')),
    sa.ForeignKeyConstraint(['employer_id'], ['employer.id'], name=op.f('fk_member_employer_id')),
    sa.ForeignKeyConstraint(['guardian_id'], ['member.id'], name=op.f('fk_member_guardian_id')),
    sa.ForeignKeyConstraint(['merged_into'], ['member.id'], name=op.f('fk_member_merged_into')),
    sa.ForeignKeyConstraint(['station_id'], ['node.id'], name=op.f('fk_member_station_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_member')),
    sa.UniqueConstraint('volunteer_number', name=op.f('uq_member_volunteer_number'))
    )
    op.create_index('ix_member_household_id', 'member', ['household_id'], unique=False, postgresql_where=sa.text('household_id IS NOT NULL'))
    op.create_index('ix_member_name', 'member', ['name'], unique=False)
    op.create_index('ix_member_phone_hash', 'member', ['phone_hash'], unique=False, postgresql_where=sa.text('phone_hash IS NOT NULL'))
    op.create_index('ix_member_station_id', 'member', ['station_id', 'id'], unique=False)
    op.create_table('node_parent',
    sa.Column('node_id', sa.Uuid(), nullable=False),
    sa.Column('from_day', sa.Date(), nullable=False),
    sa.Column('until_day', sa.Date(), nullable=True),
    sa.Column('parent_id', sa.Uuid(), nullable=True),
    sa.CheckConstraint('until_day > from_day', name=op.f('ck_node_parent_until_after_from')),
    sa.ForeignKeyConstraint(['node_id'], ['node.id'], name=op.f('fk_node_parent_node_id')),
    sa.ForeignKeyConstraint(['parent_id'], ['node.id'], name=op.f('fk_node_parent_parent_id')),
    sa.PrimaryKeyConstraint('node_id', 'from_day', name=op.f('pk_node_parent'))
    )
    op.create_index('uq_node_parent_present', 'node_parent', ['node_id'], unique=True, postgresql_where=sa.text('until_day IS NULL'))
    op.create_table('node_residents',
    sa.Column('node_id', sa.Uuid(), nullable=False),
    sa.Column('from_day', sa.Date(), nullable=False),
    sa.Column('residents', sa.Integer(), nullable=False),
    sa.CheckConstraint('residents >= 0', name=op.f('ck_node_residents_residents_not_negative')),
    sa.ForeignKeyConstraint(['node_id'], ['node.id'], name=op.f('fk_node_residents_node_id')),
    sa.PrimaryKeyConstraint('node_id', 'from_day', name=op.f('pk_node_residents'))
    )
    op.create_table('team',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('station_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['station_id'], ['node.id'], name=op.f('fk_team_station_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_team'))
    )
    op.create_index('uq_team_name', 'team', ['station_id', 'name'], unique=True)
    op.create_table('consent',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('member_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('version', sa.Text(), nullable=False),
    sa.Column('given', sa.Boolean(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by', sa.Text(), nullable=False),
    sa.CheckConstraint("kind IN ('terms','privacy','ranked','named','guardian')", name=op.f('ck_consent_kind')),
    sa.ForeignKeyConstraint(['member_id'], ['member.id'], name=op.f('fk_consent_member_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_consent')),
    comment='append-only'
    )
    op.create_index('ix_consent_newest', 'consent', ['member_id', 'kind', 'at', 'id'], unique=False)
    op.create_table('login_member',
    sa.Column('login_id', sa.Uuid(), nullable=False),
    sa.Column('member_id', sa.Uuid(), nullable=False),
    sa.Column('relation', sa.Text(), nullable=False),
    sa.CheckConstraint("relation IN ('self','spouse','child','parent','grandparent','other')", name=op.f('ck_login_member_relation')),
    sa.ForeignKeyConstraint(['login_id'], ['login.id'], name=op.f('fk_login_member_login_id')),
    sa.ForeignKeyConstraint(['member_id'], ['member.id'], name=op.f('fk_login_member_member_id')),
    sa.PrimaryKeyConstraint('login_id', 'member_id', name=op.f('pk_login_member'))
    )
    op.create_index('ix_login_member_member_id', 'login_member', ['member_id'], unique=False)
    op.create_index('uq_login_member_self_of_login', 'login_member', ['login_id'], unique=True, postgresql_where=sa.text("relation = 'self'"))
    op.create_index('uq_login_member_self_of_member', 'login_member', ['member_id'], unique=True, postgresql_where=sa.text("relation = 'self'"))
    op.create_table('member_team',
    sa.Column('member_id', sa.Uuid(), nullable=False),
    sa.Column('team_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['member_id'], ['member.id'], name=op.f('fk_member_team_member_id')),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_member_team_team_id')),
    sa.PrimaryKeyConstraint('member_id', 'team_id', name=op.f('pk_member_team'))
    )
    op.create_index('ix_member_team_team_id', 'member_team', ['team_id'], unique=False)
    op.create_table('one_time_code',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('purpose', sa.Text(), nullable=False),
    sa.Column('member_id', sa.Uuid(), nullable=True),
    sa.Column('code_hash', sa.LargeBinary(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("(purpose = 'password') = (member_id IS NOT NULL)", name=op.f('ck_one_time_code_member_of_password')),
    sa.CheckConstraint("purpose IN ('password','first_administrator')", name=op.f('ck_one_time_code_purpose')),
    sa.ForeignKeyConstraint(['member_id'], ['member.id'], name=op.f('fk_one_time_code_member_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_one_time_code'))
    )
    op.create_index('ix_one_time_code_expires_at', 'one_time_code', ['expires_at'], unique=False)
    op.create_index('uq_one_time_code_live', 'one_time_code', ['purpose', 'member_id'], unique=True, postgresql_where=sa.text('ended_at IS NULL'), postgresql_nulls_not_distinct=True)
    op.create_table('role_grant',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('member_id', sa.Uuid(), nullable=False),
    sa.Column('role', sa.Text(), nullable=False),
    sa.Column('node_id', sa.Uuid(), nullable=True),
    sa.Column('granted_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('granted_by', sa.Text(), nullable=False),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('revoked_by', sa.Text(), nullable=True),
    sa.CheckConstraint("role IN ('volunteer','organizer','staff','administrator','auditor')", name=op.f('ck_role_grant_role')),
    sa.CheckConstraint('(revoked_at IS NULL) = (revoked_by IS NULL)', name=op.f('ck_role_grant_revoked_whole')),
    sa.ForeignKeyConstraint(['member_id'], ['member.id'], name=op.f('fk_role_grant_member_id')),
    sa.ForeignKeyConstraint(['node_id'], ['node.id'], name=op.f('fk_role_grant_node_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_role_grant'))
    )
    op.create_index('ix_role_grant_node_id', 'role_grant', ['node_id'], unique=False, postgresql_where=sa.text('revoked_at IS NULL'))
    op.create_index('uq_role_grant_live', 'role_grant', ['member_id', 'role', 'node_id'], unique=True, postgresql_where=sa.text('revoked_at IS NULL'), postgresql_nulls_not_distinct=True)
