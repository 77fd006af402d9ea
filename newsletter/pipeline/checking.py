"""All that the checks look at, gathered: the email, its posts' files, the theme, what was sent before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from newsletter.emails import merge
from newsletter.emails.budget import Fit
from newsletter.emails.checks import registry
from newsletter.emails.checks.checked import Answer, Checked, CheckedPost
from newsletter.emails.checks.places import Source
from newsletter.emails.checks.problem import Check, Problem
from newsletter.emails.fields import fields_of
from newsletter.emails.folders import DEFAULT_THEME, packaged_templates
from newsletter.emails.images import PictureProblem
from newsletter.errors import BadInput, Place
from newsletter.issues import archive
from newsletter.models import Email, Issue, Post, Reader
from newsletter.pipeline.sendable import provider_problems
from newsletter.pipeline.site import Site
from newsletter.posts.encoding import decode
from newsletter.posts.files import Unreadable

MADE_UP = Reader("0" * 22, "zoe.featherstonehaugh@example.org", "Zoë Featherstonehaugh-Öztürk", {})
"""Whose copy is looked at: nobody, with a name that has to be encoded."""
FILE_NAME = "newsletter.toml"
TEMPLATE_SUFFIXES = (".j2", ".css", ".toml")


def checks_of(site: Site, *, with_slow: bool) -> tuple[Check, ...]:
    """The packaged ones and the site's own. Raises `BadInput` for a broken one, and for a setting that names none."""
    checks = (*registry.packaged_checks(), *registry.own_checks(site.settings.folder))
    if unknown := registry.unknown_ids(site.settings.checks, checks):
        places = [Place(f"newsletter.toml: checks.{name}", "there is no such check") for name in unknown]
        ids = ", ".join(sorted(check.id for check in checks))
        raise BadInput("newsletter.toml speaks of checks that do not exist:", places=places, fix=f"there are: {ids}")
    return tuple(check for check in checks if with_slow or not check.is_slow)


def problems_of(site: Site, checked: Checked, *, with_slow: bool = False) -> list[Problem]:
    """What the provider cannot do, and what all checks say, errors first."""
    checks = checks_of(site, with_slow=with_slow)
    return [*provider_problems(site, checked.email), *registry.run(checked, checks, levels=site.settings.checks)]


def checked_of(
    site: Site,
    issue: Issue,
    email: Email,
    posts: Mapping[str, Post],
    *,
    title_by_id: Mapping[str, str] | None = None,
    pictures: tuple[PictureProblem, ...] | None = None,
    fit: Fit | None = None,
) -> Checked:
    """The email with all that is known of it.

    `posts`: those that are still in the folder; `title_by_id`: the titles that it shows (default: as the issue says).
    """
    titles = title_by_id or {one.post_id: one.title or posts[one.post_id].title for one in issue.entries}
    copy = fields_of(
        MADE_UP,
        delivery_id=f"{issue.id}.{MADE_UP.subscriber_id}",
        unsubscribe_url=site.links.unsubscribe_url(MADE_UP.subscriber_id, issue.id),
        web_url=site.links.web_url(issue.id),
    )
    used = site.store.issues.used_posts(issue.digest)
    digest = site.settings.digests.get(issue.digest)
    return Checked(
        email=email,
        settings=site.settings,
        issue=issue,
        posts=tuple(_checked_post(site, post_id, titles[post_id], posts.get(post_id)) for post_id in issue.post_ids),
        copy=copy,
        message=b"".join(merge.compile_mime(email, sent_at=issue.due_at).letter(copy)),
        issue_file=Source(f"issues/{issue.id}/{archive.ISSUE_FILE}", _issue_text(site, issue.id)),
        settings_file=Source(FILE_NAME, _settings_text(site)),
        theme=tuple(_theme(site, digest.theme if digest else DEFAULT_THEME)),
        pictures=pictures,
        fit=fit,
        used={post_id: other for post_id, other in used.items() if other != issue.id},
    )


def addresses_of(checked: Checked) -> list[str]:
    """What can be tried: the web addresses of links and pictures, but not those that only our own server answers."""
    own = f"{checked.settings.site.url}/"
    hrefs = (address for one in checked.links if (address := one.href) != checked.copy.unsubscribe_url)
    found = dict.fromkeys((*hrefs, *(image.src for image in checked.images)))
    return [one for one in found if one.lower().startswith(("http://", "https://")) and not _is_within(one, own)]


def _is_within(address: str, own: str) -> bool:
    return address.startswith((f"{own}issues/", f"{own}unsubscribe/")) or address == own.rstrip("/")


def with_answers(checked: Checked, answers: Mapping[str, Answer]) -> Checked:
    from dataclasses import replace

    return replace(checked, answers=answers)


def _checked_post(site: Site, post_id: str, title: str, post: Post | None) -> CheckedPost:
    if post is None:
        return CheckedPost(post_id, title, Source(f"{site.settings.posts.folder}/{post_id}"))
    path = f"{site.settings.posts.folder}/{post.path}"
    try:
        text = decode((site.settings.posts_folder / post.path).read_bytes()).text
    except (OSError, Unreadable):
        text = ""
    return CheckedPost(post_id, title, Source(path, text), post)


def _settings_text(site: Site) -> str:
    try:
        return (site.settings.folder / FILE_NAME).read_text("utf-8-sig")
    except OSError:
        return ""


def _issue_text(site: Site, issue: str) -> str:
    try:
        return archive.read_issue_text(site.issue_folder(issue)) or ""
    except BadInput:
        return ""


def _theme(site: Site, theme: str) -> Iterable[Source]:
    """The theme's files as the site would name them, its own copies first; the email's template before its parts."""
    roots = (site.settings.templates_folder, packaged_templates())
    found: dict[str, Path] = {}
    for folder in dict.fromkeys((theme, DEFAULT_THEME)):
        for root in roots:
            paths = sorted((root / folder).rglob("*"), key=lambda path: (len(path.parts), path.name))
            for path in paths:
                if path.suffix in TEMPLATE_SUFFIXES:
                    found.setdefault(f"templates/{path.relative_to(root).as_posix()}", path)
    order = sorted(found, key=lambda name: ("issue.mjml" not in name, name.endswith(".toml")))
    return [Source(name, found[name].read_text("utf-8", "replace")) for name in order]
