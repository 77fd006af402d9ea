"""What is next for an occurrence that is due: one pure decision, asked again after every act.

Nothing is remembered between two ticks but rows: the occurrence's and its issue's. So a crash between any two acts
costs nothing but doing an idempotent act again.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from newsletter.models import IssueState
from newsletter.store.issues import BY_PERSON


class Step(StrEnum):
    BUILD = "build"
    APPROVE = "approve"
    """Automatically, as the digest's settings say."""
    SEND = "send"
    """Begin it, or go on with it."""
    WAIT = "wait"
    """For a person's approval: as long as it takes, `catch_up` does not hurry an editor."""
    LEAVE = "leave"
    """A person paused it."""
    ASK = "ask"
    """The product paused it: a person must look."""
    END = "end"
    """Sent or cancelled, whoever did it."""
    SKIP = "skip"
    """Too few posts."""
    MERGE = "merge"
    """A newer occurrence acts; it takes this one's posts."""
    MISS = "miss"
    """Too late to begin."""


class Standing(NamedTuple):
    """All that the decision looks at."""

    state: IssueState | None
    """Of the issue; None: there is none yet."""
    paused_by: str | None
    is_built: bool
    """It was refreshed at or after its cut-off, so no post can come any more."""
    is_automatic: bool
    is_newest: bool
    """No newer occurrence of the digest has come."""
    is_late: bool
    """It could have begun longer ago than `catch_up`."""


def next_step(at: Standing) -> Step:
    """What to do now. What has begun is always finished: half of the readers have it already."""
    match at.state:
        case IssueState.SENT | IssueState.CANCELLED:
            return Step.END
        case IssueState.SENDING:
            return Step.SEND
        case IssueState.PAUSED:
            return Step.LEAVE if at.paused_by == BY_PERSON else Step.ASK
        case IssueState.APPROVED:
            # Never merged: its posts are used up, so no newer issue can take them.
            return Step.MISS if at.is_late else Step.SEND
        case IssueState.SKIPPED if at.is_built:
            return Step.SKIP
        case IssueState.DRAFT if at.is_built and not at.is_automatic:
            return Step.WAIT
        case _:
            return _not_ready(at)


def _not_ready(at: Standing) -> Step:
    """There is no issue yet, or only a draft (or a skipped one) from before the cut-off."""
    if at.is_late:
        return Step.MISS
    # A draft that waits for a person is that person's work: it stays beside the newer one, for her to decide.
    is_persons = at.state is IssueState.DRAFT and not at.is_automatic
    if not at.is_newest and not is_persons:
        return Step.MERGE
    return Step.APPROVE if at.state is IssueState.DRAFT and at.is_built else Step.BUILD
