"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('batch',
    sa.Column('issue_id', sa.String(length=120), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False, comment='pending, claimed, attempting, done'),
    sa.Column('owner', sa.String(length=64), nullable=True),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('provider', sa.String(length=40), nullable=True),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('not_before', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('issue_id', 'number', name=op.f('pk_batch'))
    )
    op.create_index('ix_batch_issue_id_state', 'batch', ['issue_id', 'state'], unique=False)
    op.create_table('digest_seen',
    sa.Column('digest', sa.String(length=80), nullable=False),
    sa.Column('schedule', sa.Text(), nullable=False),
    sa.Column('valid_from', sa.DateTime(timezone=True), nullable=False, comment='a schedule makes nothing due before the scheduler saw it'),
    sa.PrimaryKeyConstraint('digest', name=op.f('pk_digest_seen'))
    )
    op.create_table('imported_item',
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_imported_item'))
    )
    op.create_table('issue',
    sa.Column('id', sa.String(length=120), nullable=False),
    sa.Column('digest', sa.String(length=80), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('paused_by', sa.String(length=16), nullable=True, comment='person, or product when it stopped itself'),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('automatic', sa.JSON(), nullable=True, comment='what the last refresh wrote by itself into issue.md'),
    sa.Column('manifest_sha256', sa.String(length=64), nullable=True),
    sa.Column('approved_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('provider', sa.String(length=40), nullable=True),
    sa.Column('attempts', sa.Integer(), nullable=False, comment='provider calls begun, ever'),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('began_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_issue'))
    )
    op.create_index(op.f('ix_issue_digest'), 'issue', ['digest'], unique=False)
    op.create_table('issue_post',
    sa.Column('issue_id', sa.String(length=120), nullable=False),
    sa.Column('post_id', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('issue_id', 'post_id', name=op.f('pk_issue_post')),
    comment='the posts of approved issues: what is used up'
    )
    op.create_table('known_post',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('path', sa.Text(), nullable=False),
    sa.Column('text_sha256', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_known_post'))
    )
    op.create_table('left_over',
    sa.Column('digest', sa.String(length=80), nullable=False),
    sa.Column('post_id', sa.Text(), nullable=False),
    sa.Column('issue_id', sa.String(length=120), nullable=False),
    sa.PrimaryKeyConstraint('digest', 'post_id', 'issue_id', name=op.f('pk_left_over'))
    )
    op.create_table('meta',
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('value', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_meta'))
    )
    op.create_table('occurrence',
    sa.Column('digest', sa.String(length=80), nullable=False),
    sa.Column('wall_time', sa.DateTime(), nullable=False, comment='what the wall clock shows: the identity'),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('digest', 'wall_time', name=op.f('pk_occurrence'))
    )
    op.create_table('post_file',
    sa.Column('path', sa.Text(), nullable=False),
    sa.Column('size_bytes', sa.BigInteger(), nullable=False),
    sa.Column('modified_ns', sa.BigInteger(), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('reader', sa.Text(), nullable=False),
    sa.Column('post_json', sa.Text(), nullable=False),
    sa.Column('problem', sa.Text(), nullable=False),
    sa.Column('problem_line', sa.Integer(), nullable=True),
    sa.PrimaryKeyConstraint('path', name=op.f('pk_post_file'))
    )
    op.create_table('receipt',
    sa.Column('issue_id', sa.String(length=120), nullable=False),
    sa.Column('subscriber_id', sa.String(length=32), nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False, comment='sent, refused, unsure, skipped'),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('provider', sa.String(length=40), nullable=True),
    sa.Column('provider_id', sa.Text(), nullable=True),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('issue_id', 'subscriber_id', name=op.f('pk_receipt')),
    sqlite_with_rowid=False
    )
    op.create_table('recipient',
    sa.Column('issue_id', sa.String(length=120), nullable=False),
    sa.Column('subscriber_id', sa.String(length=32), nullable=False),
    sa.Column('batch', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('issue_id', 'subscriber_id', name=op.f('pk_recipient')),
    sqlite_with_rowid=False
    )
    op.create_index('ix_recipient_issue_id_batch', 'recipient', ['issue_id', 'batch'], unique=False)
    op.create_table('subscriber',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('email', sa.Text(), nullable=False),
    sa.Column('email_key', sa.Text(), nullable=False, comment='normalised, for equality'),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('topics', sa.JSON(), nullable=False),
    sa.Column('attributes', sa.JSON(), nullable=False),
    sa.Column('consent', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_subscriber')),
    sa.UniqueConstraint('email_key', name=op.f('uq_subscriber_email_key'))
    )
    op.create_table('subscription',
    sa.Column('subscriber_id', sa.String(length=32), nullable=False),
    sa.Column('digest', sa.String(length=80), nullable=False),
    sa.Column('joined_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('left_at', sa.DateTime(timezone=True), nullable=True, comment='kept, so that an import does not bring back who has left'),
    sa.PrimaryKeyConstraint('subscriber_id', 'digest', name=op.f('pk_subscription'))
    )
    op.create_index('ix_subscription_digest', 'subscription', ['digest'], unique=False)
    op.create_table('suppression',
    sa.Column('email_hash', sa.String(length=64), nullable=False, comment="HMAC-SHA256 of email_key with the site's key"),
    sa.Column('reason', sa.String(length=16), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('email_hash', name=op.f('pk_suppression')),
    comment="outlives the subscriber's row: erased people are not mailed after a re-import"
    )
