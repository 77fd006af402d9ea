"""Issues get numbers, which the rows of their deliveries say instead of ids; tables in the order they are read."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_MICROSECONDS = "cast(strftime('%s', substr(old.at, 1, 19)) as integer) * 1000000 + cast(substr(old.at, 21, 6) as integer)"


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    _number_issues()
    _number_batches()
    _number_recipients()
    _number_receipts(is_sqlite)
    if is_sqlite:  # PostgreSQL has no tables that lie in the order of their key
        _order_subscribers()
        _order_subscriptions()


def _number_issues() -> None:
    op.drop_index(op.f('ix_issue_digest'), 'issue')
    _set_aside('issue')
    columns = (
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
    )
    op.create_table('issue',
    sa.Column('number', sa.Integer(), nullable=False, comment='how the rows of its deliveries say it'),
    *columns,
    sa.PrimaryKeyConstraint('number', name=op.f('pk_issue')),
    sa.UniqueConstraint('id', name=op.f('uq_issue_id'))
    )
    names = ', '.join(column.name for column in columns)
    op.execute(f'insert into issue ({names}) select {names} from old_issue order by created_at, id')
    op.create_index(op.f('ix_issue_digest'), 'issue', ['digest'], unique=False)
    op.drop_table('old_issue')


def _number_batches() -> None:
    op.drop_index('ix_batch_issue_id_state', 'batch')
    _set_aside('batch')
    op.create_table('batch',
    sa.Column('issue', sa.Integer(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False, comment='pending, claimed, attempting, done'),
    sa.Column('owner', sa.String(length=64), nullable=True),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('provider', sa.String(length=40), nullable=True),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('not_before', sa.DateTime(timezone=True), nullable=True),
    sa.Column('attempted_at', sa.DateTime(timezone=True), nullable=True, comment='when its call was made durable as begun: how long its key is valid'),
    sa.Column('fingerprint', sa.String(length=64), nullable=True, comment='of what its call was made of, where it may be repeated with its key'),
    sa.PrimaryKeyConstraint('issue', 'number', name=op.f('pk_batch')),
    sqlite_with_rowid=False
    )
    _take_over('batch', 'number, state, owner, attempt, provider, changed_at, not_before, attempted_at, fingerprint')
    op.create_index('ix_batch_issue_state_number', 'batch', ['issue', 'state', 'number'], unique=False)


def _number_recipients() -> None:
    op.drop_index('ix_recipient_issue_id_batch', 'recipient')
    _set_aside('recipient')
    op.create_table('recipient',
    sa.Column('issue', sa.Integer(), nullable=False),
    sa.Column('subscriber_id', sa.String(length=32), nullable=False),
    sa.Column('batch', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('issue', 'subscriber_id', name=op.f('pk_recipient')),
    sqlite_with_rowid=False
    )
    _take_over('recipient', 'subscriber_id, batch')
    op.create_index('ix_recipient_issue_batch', 'recipient', ['issue', 'batch'], unique=False)


def _number_receipts(is_sqlite: bool) -> None:
    _set_aside('receipt')
    op.create_table('receipt',
    sa.Column('at', sa.BigInteger() if is_sqlite else sa.DateTime(timezone=True), nullable=False),
    sa.Column('issue', sa.Integer(), nullable=False),
    sa.Column('subscriber_id', sa.String(length=32), nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False, comment='sent, refused, unsure, skipped'),
    sa.Column('provider', sa.String(length=40), nullable=True),
    sa.Column('provider_id', sa.Text(), nullable=True),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('issue', 'subscriber_id', name=op.f('pk_receipt')),
    sqlite_with_rowid=False
    )
    _take_over('receipt', 'subscriber_id, state, provider, provider_id, reason', at=_MICROSECONDS if is_sqlite else 'old.at')


def _order_subscribers() -> None:
    _set_aside('subscriber')
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
    sa.UniqueConstraint('email_key', name=op.f('uq_subscriber_email_key')),
    sqlite_with_rowid=False
    )
    _reorder('subscriber', 'id, email, email_key, name, state, topics, attributes, consent, created_at, changed_at', by='id')


def _order_subscriptions() -> None:
    op.drop_index('ix_subscription_digest', 'subscription')
    _set_aside('subscription')
    op.create_table('subscription',
    sa.Column('subscriber_id', sa.String(length=32), nullable=False),
    sa.Column('digest', sa.String(length=80), nullable=False),
    sa.Column('joined_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('left_at', sa.DateTime(timezone=True), nullable=True, comment='kept, so that an import does not bring back who has left'),
    sa.PrimaryKeyConstraint('subscriber_id', 'digest', name=op.f('pk_subscription')),
    sqlite_with_rowid=False
    )
    _reorder('subscription', 'subscriber_id, digest, joined_at, left_at', by='subscriber_id, digest')
    op.create_index('ix_subscription_digest', 'subscription', ['digest'], unique=False)


def _set_aside(table: str) -> None:
    op.rename_table(table, f'old_{table}')
    if op.get_bind().dialect.name == 'postgresql':  # a key's name is taken there until its table is gone
        op.execute(f'alter index pk_{table} rename to pk_old_{table}')


def _take_over(table: str, names: str, **made: str) -> None:
    """Rows of an issue's deliveries, with its number."""
    columns = ', '.join(['issue', names, *made])
    old = ', '.join(['issue.number', *(f'old.{name}' for name in names.split(', ')), *made.values()])
    op.execute(f'insert into {table} ({columns}) select {old} from old_{table} old join issue on issue.id = old.issue_id')
    op.drop_table(f'old_{table}')


def _reorder(table: str, names: str, *, by: str) -> None:
    op.execute(f'insert into {table} ({names}) select {names} from old_{table} order by {by}')
    op.drop_table(f'old_{table}')
