"""A real site with a real issue, as large as a long digest, and as many readers as wanted."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, Self

from sqlalchemy import text

from benchmarks.cost import Counted, run_us
from newsletter.app import open_site
from newsletter.delivery.desk import Compose
from newsletter.emails.folders import packaged_templates
from newsletter.issues import archive
from newsletter.models import Reader
from newsletter.pipeline.approve import approve
from newsletter.pipeline.build import build
from newsletter.pipeline.compose import composer, form_of
from newsletter.pipeline.send import send
from newsletter.pipeline.site import Site
from newsletter.providers import open_provider
from newsletter.providers.base import Outcome, Provider
from newsletter.store.store import Store

DIGEST = "weekly"
ISSUED_ON = "2023-11-16"
NOW = datetime(2023, 11, 16, 9, 0, tzinfo=UTC)
POSTS = 21
WORDS = (
    "The *workshop* is `open` on **both** days: `bring` a tool, *take* another one `home`. **Tea** and `soup` are "
    "there from *noon*, the small `room` stays **quiet**."
)
"""Markup and few words: a mail's HTML is some seven times its text."""
GREETING = '<p>For {{ name }}. <a href="{{ unsubscribe_url }}">{{ words.unsubscribe }}</a></p>'
SETTINGS = """\
[site]
name = "Example Network"
url = "https://news.example.org"
language = "en-GB"
timezone = "Europe/London"

[sender]
email = "news@example.org"
reply_to = "editor@example.org"
postal_address = "1 Example Street, London"

[posts]
url = "https://www.example.org/{path}"

[digests.weekly]
title = "The week"
max_posts = 100
"""


def make_site(folder: Path, *, readers: int, posts: int = POSTS) -> str:
    """A site in `folder` with an approved issue of that many posts, planned for nobody yet; the issue's id."""
    _write(folder / "newsletter.toml", SETTINGS)
    for number in range(posts):
        _write(folder / "posts" / f"news/post-{number}.md", _post(number))
    _greet_by_name(folder)
    with open_site(folder) as site:
        subscribe(site.store, readers)
        issue = build(site, DIGEST, on=ISSUED_ON, now=NOW).issue
        approve(site, issue, now=NOW)
    return issue


def _post(number: int) -> str:
    day = date(2023, 11, 15) - timedelta(days=number % 6)
    return f"---\ntitle: What happened in house {number}\ndate: {day}\ntags: [News]\n---\n{WORDS}\n"


def _greet_by_name(folder: Path) -> None:
    """The reader's name and a second link in both parts, as a site's own footer may have them."""
    for name, words in (
        ("parts/footer.mjml.j2", GREETING),
        ("issue.txt.j2", "\nFor {{ name }}: {{ unsubscribe_url }}\n"),
    ):
        packaged = (packaged_templates() / "default" / name).read_text("utf-8")
        before, mark, after = packaged.partition("    </mj-text>")
        _write(folder / "templates" / "default" / name, before + words + mark + after)


def _write(file: Path, content: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content, "utf-8")


def subscribe(store: Store, count: int) -> None:
    """Active subscribers as an import would leave them, by one statement: a million take seconds."""
    is_sqlite = store.engine.dialect.name == "sqlite"

    def typed(value: str, kind: str) -> str:
        return f"'{value}'" if is_sqlite else f"cast('{value}' as {kind})"

    moment = typed("2023-01-01 00:00:00.000000+00:00"[: 26 if is_sqlite else None], "timestamptz")
    values = {
        # 16 letters and digits in no order, as the real ones are: an odd factor visits each number once.
        "id": "'reader' || (1000000000 + cast(i as bigint) * 2654435761 % 4294967296)",
        "email": "'reader' || i || '@example.net'",
        "email_key": "'reader' || i || '@example.net'",
        "name": "'Reader ' || i",
        "state": "'active'",
        "topics": typed("[]", "json"),
        "attributes": typed("{}", "json"),
        "consent": "'bench'",
        "created_at": moment,
        "changed_at": moment,
    }
    numbers = "with recursive n(i) as (select 1 union all select i + 1 from n where i < :count)"
    people = f"insert into subscriber ({', '.join(values)}) {numbers} select {', '.join(values.values())} from n"  # noqa: S608 - our own words
    digests = (
        "insert into subscription (subscriber_id, digest, joined_at) select id, :digest, created_at from subscriber"
    )
    with store.engine.begin() as connection:
        connection.execute(text(people), {"count": count})
        connection.execute(text(digests), {"digest": DIGEST})


class Sendings:
    """The same approved issue, sent again and again: each time from a fresh copy of its site."""

    def __init__(self, original: Path, issue: str, work: Path) -> None:
        self.issue = issue
        self._original, self._work = original, work

    @contextmanager
    def copied(self, **provider: Any) -> Iterator[Site]:
        """The site as it was before the first sending, opened with these settings of its provider."""
        with tempfile.TemporaryDirectory(dir=self._work) as folder, open_site(self._copy_to(Path(folder))) as site:
            chosen = site.settings.provider.model_copy(update=provider)
            settings = site.settings.model_copy(update={"provider": chosen})
            yield Site(settings, site.store, site.links, site.roster)

    def _copy_to(self, folder: Path) -> Path:
        return shutil.copytree(self._original, folder / "site")

    def whole(self, count: int, **provider: Any) -> Counted:
        """A whole `send` of `count` mails; the site is open before, as in a scheduler."""

        def measure() -> float:
            with self.copied(**provider) as site:
                us = run_us(lambda: send(site, self.issue, now=NOW))
                assert site.store.deliveries.counts(self.issue).sent == count
            return us

        return Counted(measure, count)


class Hand(NamedTuple):
    """A provider and its letters, without the store: what is left of a sending when nothing is recorded."""

    provider: Provider
    compose: Compose
    batch_size: int

    @classmethod
    def of(cls, site: Site, issue: str) -> Self:
        provider, frozen = open_provider(site.settings), archive.read_frozen(site.issue_folder(issue))
        form = form_of(site, frozen, provider)
        return cls(provider, composer(site, frozen, form, now=NOW), form.batch_size)

    def over(self, readers: Sequence[Reader]) -> None:
        """Compose and hand over all of them."""
        for start in range(0, len(readers), self.batch_size):
            letters = self.compose(readers[start : start + self.batch_size])
            answers = self.provider.send(letters, issue="test")
            assert all(answer.outcome is Outcome.ACCEPTED for answer in answers), answers[0]


def some_readers(count: int) -> list[Reader]:
    return [Reader(f"{number:016d}", f"reader{number}@example.net", f"Reader {number}", {}) for number in range(count)]
