"""What the store knows of issues: their state, what the last refresh wrote, and which posts are used up.

Every change of state is a compare-and-set: two processes that act on one issue cannot both win.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, delete, func, or_, select, update

from newsletter.models import IssueState
from newsletter.store import tables
from newsletter.store.engine import reading, writing
from newsletter.store.statements import LOCKED_STATE
from newsletter.store.upsert import insert_new, insert_one_new

BY_PERSON = "person"
BY_PRODUCT = "product"


class IssueRow(NamedTuple):
    id: str
    digest: str
    due_at: datetime
    state: IssueState
    paused_by: str | None
    """`person`, or `product` when it stopped itself; None unless paused."""
    note: str
    """Why it is in this state, for a person."""
    automatic: dict[str, Any] | None
    manifest_sha256: str | None
    approved_at: datetime | None
    provider: str | None
    attempts: int
    began_at: datetime | None
    ended_at: datetime | None


def _row(values: Any) -> IssueRow:
    return IssueRow._make(values)._replace(state=IssueState(values.state))


_COLUMNS = [tables.issue.c[name] for name in IssueRow._fields]


class IssuesStore:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, issue_id: str) -> IssueRow | None:
        with reading(self._engine) as connection:
            found = connection.execute(select(*_COLUMNS).where(tables.issue.c.id == issue_id)).first()
            return _row(found) if found else None

    def first_closed_due_at(self, digest: str) -> datetime | None:
        """The earliest cut-off of the digest's issues that were approved or skipped, whatever became of them."""
        query = select(func.min(tables.issue.c.due_at)).where(
            tables.issue.c.digest == digest,
            or_(tables.issue.c.approved_at.is_not(None), tables.issue.c.state == IssueState.SKIPPED.value),
        )
        with reading(self._engine) as connection:
            first: datetime | None = connection.scalar(query)
            return first

    def count_approved(self, digest: str, *, but: str) -> int:
        """How many issues of the digest were approved and not cancelled, `but` this one."""
        query = select(func.count()).where(
            tables.issue.c.digest == digest,
            tables.issue.c.id != but,
            tables.issue.c.approved_at.is_not(None),
            tables.issue.c.state != IssueState.CANCELLED.value,
        )
        with reading(self._engine) as connection:
            return connection.scalar(query) or 0

    def begin_draft(self, issue_id: str, *, digest: str, due_at: datetime, now: datetime) -> None:
        """Make the issue's row unless it is there; a skipped one becomes a draft again."""
        with writing(self._engine) as connection:
            insert_new(connection, tables.issue, [_new(issue_id, digest, due_at, IssueState.DRAFT, now)])
            self._set_state(connection, issue_id, {IssueState.SKIPPED}, IssueState.DRAFT, now=now, note="")

    def remember_automatic(self, issue_id: str, automatic: dict[str, Any]) -> None:
        """Keep what the refresh wrote by itself, so that the next one can tell an edit from its own words."""
        with writing(self._engine) as connection:
            changed = update(tables.issue).where(tables.issue.c.id == issue_id).values(automatic=automatic)
            connection.execute(changed)

    def skip(
        self, issue_id: str, *, digest: str, due_at: datetime, left_over: Iterable[str], note: str, now: datetime
    ) -> None:
        """The occurrence passed with too few posts: they wait for the next issue, at any age."""
        with writing(self._engine) as connection:
            if not insert_one_new(
                connection, tables.issue, {**_new(issue_id, digest, due_at, IssueState.SKIPPED, now), "note": note}
            ):
                self._set_state(connection, issue_id, {IssueState.DRAFT}, IssueState.SKIPPED, now=now, note=note)
            self._leave_over(connection, issue_id, digest, left_over)

    def approve(
        self,
        issue_id: str,
        *,
        manifest_sha256: str,
        post_ids: Collection[str],
        left_over: Iterable[str],
        now: datetime,
    ) -> bool:
        """Draft → approved, its posts used up, in one transaction; False when it is no draft any more."""
        with writing(self._engine) as connection:
            if not self._set_state(
                connection,
                issue_id,
                {IssueState.DRAFT},
                IssueState.APPROVED,
                now=now,
                note="",
                manifest_sha256=manifest_sha256,
                approved_at=now,
            ):
                return False
            digest = connection.scalar(select(tables.issue.c.digest).where(tables.issue.c.id == issue_id))
            insert_new(
                connection,
                tables.issue_post,
                [{"issue_id": issue_id, "post_id": post_id} for post_id in post_ids],
            )
            self._leave_over(connection, issue_id, str(digest), left_over)
            return True

    def withdraw(self, issue_id: str, *, now: datetime) -> bool:
        """Approved → draft, its posts free again; False once sending began."""
        with writing(self._engine) as connection:
            done = self._set_state(
                connection, issue_id, {IssueState.APPROVED}, IssueState.DRAFT, now=now, note="", approved_at=None
            )
            if done:
                self._free_posts(connection, issue_id)
            return done

    def move(
        self, issue_id: str, come_from: Collection[IssueState], to: IssueState, *, now: datetime, **values: Any
    ) -> bool:
        """Compare-and-set of the state; `values` are further columns (paused_by, note, ended_at)."""
        with writing(self._engine) as connection:
            return self._set_state(connection, issue_id, come_from, to, now=now, **values)

    def cancel(self, issue_id: str, *, now: datetime, note: str) -> bool:
        """Not sent, or sent no further; its posts are free again."""
        states = set(IssueState) - {IssueState.SENT, IssueState.CANCELLED}
        with writing(self._engine) as connection:
            if not self._set_state(connection, issue_id, states, IssueState.CANCELLED, now=now, note=note):
                return False
            self._free_posts(connection, issue_id)
            return True

    def used_posts(self, digest: str) -> dict[str, str]:
        """Post id → the issue (approved or later, not cancelled) that has it."""
        query = (
            select(tables.issue_post.c.post_id, tables.issue_post.c.issue_id)
            .join(tables.issue, tables.issue.c.id == tables.issue_post.c.issue_id)
            .where(tables.issue.c.digest == digest)
        )
        with reading(self._engine) as connection:
            return {row.post_id: row.issue_id for row in connection.execute(query)}

    def left_over(self, digest: str) -> set[str]:
        query = select(tables.left_over.c.post_id).where(tables.left_over.c.digest == digest)
        with reading(self._engine) as connection:
            return set(connection.scalars(query))

    def restore(
        self,
        rows: Iterable[dict[str, Any]],
        *,
        posts: Mapping[str, Collection[str]],
        left_over: Mapping[str, Collection[str]],
    ) -> None:
        """Take up issues that a lost database has forgotten, as their manifests tell them (by issue).

        Also over what an older copy of the database holds for a draft.
        """
        unsent = tables.issue.c.state.in_([IssueState.DRAFT.value, IssueState.SKIPPED.value])
        with writing(self._engine) as connection:
            for row in rows:
                connection.execute(delete(tables.issue).where(tables.issue.c.id == row["id"], unsent))
                if insert_one_new(connection, tables.issue, row):
                    used = [{"issue_id": row["id"], "post_id": post_id} for post_id in posts[row["id"]]]
                    insert_new(connection, tables.issue_post, used)
                    self._leave_over(connection, row["id"], row["digest"], left_over[row["id"]])

    def list(self, *, digest: str | None = None) -> list[IssueRow]:
        """Newest due time first."""
        query = select(*_COLUMNS).order_by(tables.issue.c.due_at.desc(), tables.issue.c.id)
        if digest is not None:
            query = query.where(tables.issue.c.digest == digest)
        with reading(self._engine) as connection:
            return [_row(found) for found in connection.execute(query)]

    def _free_posts(self, connection: Connection, issue_id: str) -> None:
        connection.execute(delete(tables.issue_post).where(tables.issue_post.c.issue_id == issue_id))
        connection.execute(delete(tables.left_over).where(tables.left_over.c.issue_id == issue_id))

    def _leave_over(self, connection: Connection, issue_id: str, digest: str, post_ids: Iterable[str]) -> None:
        rows = [{"digest": digest, "post_id": post_id, "issue_id": issue_id} for post_id in post_ids]
        insert_new(connection, tables.left_over, rows)

    def _set_state(
        self,
        connection: Connection,
        issue_id: str,
        come_from: Collection[IssueState],
        to: IssueState,
        *,
        now: datetime,
        **values: Any,
    ) -> bool:
        return set_state(connection, issue_id, come_from, to, now=now, **values)


def set_state(
    connection: Connection,
    issue_id: str,
    come_from: Collection[IssueState],
    to: IssueState,
    *,
    now: datetime,
    **values: Any,
) -> bool:
    """The compare-and-set itself, for those that change more in the same transaction."""
    if to is not IssueState.PAUSED:
        values.setdefault("paused_by", None)
    statement = (
        update(tables.issue)
        .where(tables.issue.c.id == issue_id, tables.issue.c.state.in_([state.value for state in come_from]))
        .values(state=to.value, changed_at=now, **values)
    )
    return bool(connection.execute(statement).rowcount)


def locked_state(connection: Connection, issue_id: str) -> IssueState | None:
    """The state, which nobody else changes until this transaction ends."""
    found = connection.scalar(LOCKED_STATE, {"the_issue": issue_id})
    return IssueState(found) if found else None


def _new(issue_id: str, digest: str, due_at: datetime, state: IssueState, now: datetime) -> dict[str, Any]:
    return {
        "id": issue_id,
        "digest": digest,
        "due_at": due_at,
        "state": state.value,
        "note": "",
        "attempts": 0,
        "created_at": now,
        "changed_at": now,
    }
