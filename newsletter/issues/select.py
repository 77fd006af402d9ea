"""Which posts an issue takes, in which sections, and why not the others. Pure.

What is used up is a post, by its id, never a span of dates: so a post dated last week and added today is in the next
issue, a post is never in two, and none is forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta
from itertools import takewhile
from typing import NamedTuple
from zoneinfo import ZoneInfo

from newsletter.models import LeftOut, Post
from newsletter.schedules import Schedule, place, wall_time
from newsletter.settings import DigestSettings, SectionSettings

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ALREADY_IN = "already in"
_TOO_OLD = "older than what this issue takes"


class SelectedSection(NamedTuple):
    title: str | None
    """None: the rest, or all where the digest has no sections."""
    posts: tuple[Post, ...]
    """Newest first."""


class Selection(NamedTuple):
    """What the posts and the digest's settings say by themselves, before an editor's word."""

    sections: tuple[SelectedSection, ...]
    """In the settings' order, none empty. With `too_few` they hold what waits."""
    left_out: tuple[LeftOut, ...]
    """Every post that is not taken, newest first; with `too_few` all of them."""
    over_max: tuple[str, ...]
    """Did not fit, newest first; a later issue takes them at any age."""
    too_few: bool
    """Fewer than `min_posts`: the issue is skipped, its posts wait."""
    warnings: tuple[str, ...]
    may_stay: Mapping[str, Post]
    """By id: the selected, and those that an editor may put in by hand although the rules leave them out (their date,
    `max_posts`). Never drafts, expired ones and posts in another issue."""

    @property
    def posts(self) -> tuple[Post, ...]:
        return tuple(post for section in self.sections for post in section.posts)

    @property
    def left_over(self) -> tuple[str, ...]:
        """Ids that a later issue may take at any age: all that were eligible and did not get in."""
        return (*(post.id for post in self.posts if self.too_few), *self.over_max)


def select(
    posts: Iterable[Post],
    *,
    rules: DigestSettings,
    due_at: datetime,
    start: datetime,
    used: Mapping[str, str],
    left_over: Set[str] = frozenset(),
    exclude: Set[str] = frozenset(),
) -> Selection:
    """Choose the posts of the issue that is due at `due_at` (aware, in the site's zone).

    `start`: see `start_of`. `used`: issue by post, for every *other* issue of the digest that is approved, sending,
    paused or sent, whatever its date. `left_over`: ids that earlier issues of the digest left over. `exclude`: the
    editor's.
    """
    after = max(earlier(due_at, rules.lookback), start, key=_instant)
    judge = _Judge(rules, due_at, after, used, left_over)
    newest, older = _newest_files(posts)
    reasons: dict[str, str | None] = {post.id: judge.reason(post, is_excluded=post.id in exclude) for post in newest}
    eligible = [post for post in newest if reasons[post.id] is None]
    chosen, over = eligible[: rules.max_posts], eligible[rules.max_posts :]
    too_few = len(chosen) < rules.min_posts
    reasons |= dict.fromkeys(
        (post.id for post in over), f"over max_posts ({rules.max_posts}), waits for the next issue"
    )
    if too_few:
        reasons |= dict.fromkeys((post.id for post in chosen), _too_few(len(chosen), rules.min_posts))
    return Selection(
        sections=tuple(_by_section(chosen, rules.sections)),
        left_out=tuple(_left_out(newest, older, reasons)),
        over_max=tuple(post.id for post in over),
        too_few=too_few,
        warnings=tuple(_warnings(over, older, rules)),
        may_stay={post.id: post for post in newest if judge.never(post) is None},
    )


def section_title(post: Post, sections: Sequence[SectionSettings]) -> str | None:
    """The title of the section where the settings put a post; None: with the rest."""
    return next((section.title for section in sections if _belongs(post, section)), None)


def is_bygone(left_out: LeftOut) -> bool:
    """The post had its time before this issue, as most posts of an old site: not worth a line each week."""
    return left_out.reason.startswith(_ALREADY_IN) or left_out.reason.endswith(_TOO_OLD)


def start_of(
    due_ats: Iterable[datetime], *, due_at: datetime, schedule: Schedule | None, lookback: timedelta, zone: ZoneInfo
) -> datetime:
    """Where the digest's first issue begins: one period, on the clock on the wall, before its cut-off.

    `due_ats` are the cut-offs of the digest's issues that were approved or skipped (in whatever state they are now,
    drafts not); with none before it the issue at hand, due at `due_at`, is the first. A digest without a schedule has
    no period: its first issue goes back by `lookback`.
    """
    first = min((*due_ats, due_at), key=_instant)
    if schedule is None:
        return earlier(first.astimezone(zone), lookback)
    wall = _occurrence_at(first, schedule, zone)
    return place(wall - schedule.period_before(wall), zone)


def _occurrence_at(due_at: datetime, schedule: Schedule, zone: ZoneInfo) -> datetime:
    # Where the clocks skipped the due time, the instant shows a later wall time than the schedule's; Apia once
    # skipped a whole day (30 December 2011).
    shown = wall_time(due_at, zone)
    just_before = schedule.before(shown + timedelta(seconds=1))
    near = takewhile(lambda wall: wall >= shown - timedelta(days=1), just_before)
    return next((wall for wall in near if place(wall, zone) == due_at), shown)


def earlier(moment: datetime, by: timedelta) -> datetime:
    """`by` of wall-clock time before `moment` (aware, in the site's zone); never before the calendar begins."""
    wall = moment.replace(tzinfo=None, fold=0)
    longest = wall - datetime.min - timedelta(days=2)  # noqa: DTZ901 - wall times have no zone
    return (wall - min(by, longest)).replace(tzinfo=moment.tzinfo).astimezone(UTC)


def _instant(moment: datetime) -> timedelta:
    """What aware times are compared by: those of one zone would compare by their wall time, which an hour in autumn
    shows twice. No conversion, because posts that never expire like to say 9999-12-31."""
    return moment - _EPOCH


class _Judge(NamedTuple):
    rules: DigestSettings
    due_at: datetime
    after: datetime
    used: Mapping[str, str]
    left_over: Set[str]

    def never(self, post: Post) -> str | None:
        """Why not even an editor can put this post into the issue."""
        if post.is_draft:
            return "a draft"
        if post.id in self.used:
            return f"{_ALREADY_IN} {self.used[post.id]}"
        if post.expires_at is not None and _instant(post.expires_at) <= _instant(self.due_at):
            return f"expired {self._shown(post.expires_at)}"
        return None

    def reason(self, post: Post, *, is_excluded: bool) -> str | None:
        if reason := self.never(post):
            return reason
        if is_excluded:
            return "excluded by the editor"
        if _instant(post.published_at) > _instant(self.due_at):
            return f"published {self._shown(post.published_at)}, after the cut-off; waits for {self._next_issue(post)}"
        if _instant(post.published_at) <= _instant(self.after) and post.id not in self.left_over:
            return f"published {self._shown(post.published_at)}, {_TOO_OLD}"
        return None

    def _shown(self, moment: datetime) -> str:
        return f"{self._in_zone(moment):%Y-%m-%d %H:%M}"

    def _in_zone(self, moment: datetime) -> datetime:
        is_at_the_end = moment.year in (MINYEAR, MAXYEAR)  # of the calendar: another zone may be beyond it
        return moment if is_at_the_end else moment.astimezone(self.due_at.tzinfo)

    def _next_issue(self, post: Post) -> str:
        if not self.rules.schedule:
            return "a later issue"
        published_on = self._in_zone(post.published_at).replace(tzinfo=None)
        walls = Schedule.parse(self.rules.schedule).after(published_on - timedelta(microseconds=1))
        wall = next(walls, None)
        return f"the issue of {wall:%Y-%m-%d}" if wall else "a later issue"


def _newest_files(posts: Iterable[Post]) -> tuple[list[Post], list[tuple[Post, Post]]]:
    """The posts, newest first, one an id: the newest file; and the older files, each with the one that counts."""
    by_id: dict[str, Post] = {}
    older: list[tuple[Post, Post]] = []
    for post in sorted(posts, key=lambda post: (post.modified_at, post.path), reverse=True):
        if post is not by_id.setdefault(post.id, post):
            older.append((post, by_id[post.id]))
    in_order = sorted(by_id.values(), key=lambda post: (-_instant(post.published_at), post.id))
    return in_order, older


def _left_out(
    newest: Sequence[Post], older: Sequence[tuple[Post, Post]], reasons: Mapping[str, str | None]
) -> Iterator[LeftOut]:
    for post in newest:
        if reason := reasons[post.id]:
            yield LeftOut(post.id, reason)
    for post, counts in older:
        yield LeftOut(post.id, f"{post.path} is a duplicate of {counts.path}, the newer file with the same id")


def _by_section(chosen: Sequence[Post], sections: Sequence[SectionSettings]) -> Iterator[SelectedSection]:
    rest = list(chosen)
    for section in sections:
        mine = [post for post in rest if _belongs(post, section)]
        rest = [post for post in rest if post not in mine]
        if mine:
            yield SelectedSection(section.title, tuple(mine))
    if rest:
        yield SelectedSection(None, tuple(rest))


def _belongs(post: Post, section: SectionSettings) -> bool:
    """It has one of the tags, or lies in the folder; a section that names neither takes all that is left."""
    if not section.tags and not section.folder:
        return True
    tags = {tag.casefold() for tag in post.tags}
    folder = section.folder.strip("/")
    return any(tag.casefold() in tags for tag in section.tags) or bool(folder and post.path.startswith(f"{folder}/"))


def _warnings(over: Sequence[Post], older: Sequence[tuple[Post, Post]], rules: DigestSettings) -> Iterator[str]:
    if over:
        names = ", ".join(post.id for post in over)
        yield f"{len(over)} over max_posts ({rules.max_posts}) and wait for the next issue: {names}"
    for post, counts in older:
        yield f"{post.path} and {counts.path} have one id, {post.id!r}: the newer file, {counts.path}, counts"


def _too_few(count: int, min_posts: int) -> str:
    return f"waits for the next issue: {count} of at least {min_posts} posts (min_posts)"
