"""The tables. Times are UTC; ids of subscribers are random; nothing here is a file's content.

A recipient is a row with its batch's number; claims and attempts stand on the batch, because one batch is one call of
the provider and row-by-row claims cost seven times more (docs/design.md). A receipt is inserted with the answer, so
"pending" is a recipient without a receipt.

A million deliveries are a million rows, so these say the issue by its number and, on SQLite, their time as one; and
what is read for each of them lies in the order in which it is read (`sqlite_with_rowid=False`).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Date, DateTime, Dialect, Index, Integer, MetaData, String, Table, Text
from sqlalchemy.types import TypeDecorator, TypeEngine


class Utc(TypeDecorator[datetime]):
    """An aware datetime; SQLite, which has no zones, keeps it as naive UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime was to be stored as an instant")
        in_utc = value.astimezone(UTC)
        return in_utc.replace(tzinfo=None) if dialect.name == "sqlite" else in_utc

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class CompactUtc(Utc):
    """The same where there are millions: SQLite keeps the microseconds since 1970, in 8 bytes instead of 26."""

    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return BigInteger() if dialect.name == "sqlite" else super().load_dialect_impl(dialect)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return super().process_bind_param(value, dialect)
        return (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None or dialect.name != "sqlite":
            return super().process_result_value(value, dialect)
        moment: datetime = _EPOCH + value * _MICROSECOND
        return moment


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

meta = Table(
    "meta",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

# --- posts ---

post_file = Table(
    "post_file",
    metadata,
    Column("path", Text, primary_key=True),
    Column("size_bytes", BigInteger, nullable=False),
    Column("modified_ns", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("reader", Text, nullable=False),
    Column("post_json", Text, nullable=False),
    Column("problem", Text, nullable=False, default=""),
    Column("problem_line", Integer),
)

known_post = Table(
    "known_post",
    metadata,
    Column("id", Text, primary_key=True),
    Column("path", Text, nullable=False),
    Column("text_sha256", String(64), nullable=False),
)

imported_item = Table(
    "imported_item",
    metadata,
    Column("key", Text, primary_key=True),
    Column("at", Utc, nullable=False),
)

# --- issues ---

issue = Table(
    "issue",
    metadata,
    Column("number", Integer, primary_key=True, comment="how the rows of its deliveries say it"),
    Column("id", String(120), nullable=False, unique=True),
    Column("digest", String(80), nullable=False, index=True),
    Column("due_at", Utc, nullable=False),
    Column("state", String(16), nullable=False),
    Column("paused_by", String(16), comment="person, or product when it stopped itself"),
    Column("note", Text, nullable=False, default=""),
    Column("automatic", JSON, comment="what the last refresh wrote by itself into issue.md"),
    Column("manifest_sha256", String(64)),
    Column("approved_at", Utc),
    Column("provider", String(40)),
    Column("attempts", Integer, nullable=False, default=0, comment="provider calls begun, ever"),
    Column("created_at", Utc, nullable=False),
    Column("changed_at", Utc, nullable=False),
    Column("began_at", Utc),
    Column("ended_at", Utc),
    implicit_returning=False,  # nobody asks for the number of a new issue, and there may be none to return
)

issue_post = Table(
    "issue_post",
    metadata,
    Column("issue_id", String(120), primary_key=True),
    Column("post_id", Text, primary_key=True),
    comment="the posts of approved issues: what is used up",
)

left_over = Table(
    "left_over",
    metadata,
    Column("digest", String(80), primary_key=True),
    Column("post_id", Text, primary_key=True),
    Column("issue_id", String(120), primary_key=True),
)

# --- subscribers ---

subscriber = Table(
    "subscriber",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("email", Text, nullable=False),
    Column("email_key", Text, nullable=False, unique=True, comment="normalised, for equality"),
    Column("name", Text, nullable=False, default=""),
    Column("state", String(16), nullable=False),
    Column("topics", JSON, nullable=False),
    Column("attributes", JSON, nullable=False),
    Column("consent", Text, nullable=False, default=""),
    Column("created_at", Utc, nullable=False),
    Column("changed_at", Utc, nullable=False),
    sqlite_with_rowid=False,
)

subscription = Table(
    "subscription",
    metadata,
    Column("subscriber_id", String(32), primary_key=True),
    Column("digest", String(80), primary_key=True),
    Column("joined_at", Utc, nullable=False),
    Column("left_at", Utc, comment="kept, so that an import does not bring back who has left"),
    Index("ix_subscription_digest", "digest"),
    sqlite_with_rowid=False,
)

suppression = Table(
    "suppression",
    metadata,
    Column("email_hash", String(64), primary_key=True, comment="HMAC-SHA256 of email_key with the site's key"),
    Column("reason", String(16), nullable=False),
    Column("at", Utc, nullable=False),
    comment="outlives the subscriber's row: erased people are not mailed after a re-import",
)

# --- deliveries ---

batch = Table(
    "batch",
    metadata,
    Column("issue", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("state", String(12), nullable=False, comment="pending, claimed, attempting, done"),
    Column("owner", String(64)),
    Column("attempt", Integer, nullable=False, default=0),
    Column("provider", String(40)),
    Column("changed_at", Utc, nullable=False),
    Column("not_before", Utc),
    Column("attempted_at", Utc, comment="when its call was made durable as begun: how long its key is valid"),
    Column("fingerprint", String(64), comment="of what its call was made of, where it may be repeated with its key"),
    Index("ix_batch_issue_state_number", "issue", "state", "number"),
    sqlite_with_rowid=False,
)

recipient = Table(
    "recipient",
    metadata,
    Column("issue", Integer, primary_key=True),
    Column("subscriber_id", String(32), primary_key=True),
    Column("batch", Integer, nullable=False),
    Index("ix_recipient_issue_batch", "issue", "batch"),
    sqlite_with_rowid=False,
)

receipt = Table(
    "receipt",
    metadata,
    Column("at", CompactUtc, nullable=False),  # first, because PostgreSQL puts its eight bytes on a multiple of eight
    Column("issue", Integer, primary_key=True),
    Column("subscriber_id", String(32), primary_key=True),
    Column("state", String(12), nullable=False, comment="sent, refused, unsure, skipped"),
    Column("provider", String(40)),
    Column("provider_id", Text),
    Column("reason", Text),
    sqlite_with_rowid=False,
)

sending_day = Table(
    "sending_day",
    metadata,
    Column("day", Date, primary_key=True, comment="of the site's wall clock"),
    Column("provider", String(40), primary_key=True),
    Column("mails", Integer, nullable=False, comment="taken, refused, in doubt, and under way"),
)

# --- occurrences ---

occurrence = Table(
    "occurrence",
    metadata,
    Column("digest", String(80), primary_key=True),
    Column("wall_time", DateTime, primary_key=True, comment="what the wall clock shows: the identity"),
    Column("due_at", Utc, nullable=False),
    Column("state", String(12), nullable=False),
    Column("note", Text, nullable=False, default=""),
    Column("changed_at", Utc, nullable=False),
)

digest_seen = Table(
    "digest_seen",
    metadata,
    Column("digest", String(80), primary_key=True),
    Column("schedule", Text, nullable=False),
    Column("valid_from", Utc, nullable=False, comment="a schedule makes nothing due before the scheduler saw it"),
)
