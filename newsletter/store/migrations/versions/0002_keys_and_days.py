"""Calls that may be repeated with their key, and the mails of each day."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('batch', sa.Column('attempted_at', sa.DateTime(timezone=True), nullable=True, comment='when its call was made durable as begun: how long its key is valid'))
    op.add_column('batch', sa.Column('fingerprint', sa.String(length=64), nullable=True, comment='of what its call was made of, where it may be repeated with its key'))
    op.create_table('sending_day',
    sa.Column('day', sa.Date(), nullable=False, comment="of the site's wall clock"),
    sa.Column('provider', sa.String(length=40), nullable=False),
    sa.Column('mails', sa.Integer(), nullable=False, comment='taken, refused, in doubt, and under way'),
    sa.PrimaryKeyConstraint('day', 'provider', name=op.f('pk_sending_day'))
    )
