"""An account has a salted digest, which the seal takes in its place."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # What is sealed so far is in the first encoding; a constant default rewrites no row of an append-only table.
    op.add_column("seal", sa.Column("encoding", sa.SmallInteger(), server_default=sa.text("1"), nullable=False))
    op.add_column("account", sa.Column("salt", sa.LargeBinary(), nullable=True))
    op.add_column("account", sa.Column("digest", sa.LargeBinary(), nullable=True))
    op.execute("UPDATE account SET salt = uuid_send(gen_random_uuid())")
    op.execute("UPDATE account SET digest = sha256(salt || uuid_send(id))")
    op.alter_column("account", "digest", nullable=False)
    # The digest outlives the salt: whatever else changes in an account, the chain must find it as it was.
    op.execute("""
        CREATE FUNCTION forbid_new_digest() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'the digest of an account stays' USING ERRCODE = 'restrict_violation';
        END $$
    """)
    op.execute("""
        CREATE TRIGGER digest_stays BEFORE UPDATE OF digest ON account
        FOR EACH STATEMENT EXECUTE FUNCTION forbid_new_digest()
    """)
