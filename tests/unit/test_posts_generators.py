"""Content folders as Jekyll, Hugo, Zola and Pelican have them (all texts written for these tests)."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

from newsletter.models import Post
from newsletter.posts.content import render_content
from newsletter.posts.folder import FolderReading, read_folder
from tests.factories import utc

LONDON = ZoneInfo("Europe/London")
PATTERN = "https://www.example.org/{path}"


def written(folder: Path, files: dict[str, str]) -> Path:
    """The folder with these files in it."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, "utf-8")
    return folder


def reading_of(folder: Path, url_pattern: str = PATTERN) -> FolderReading:
    return read_folder(folder, zone=LONDON, cached={}, known=[], url_pattern=url_pattern, use_git=False)


def posts_of(folder: Path, url_pattern: str = PATTERN) -> dict[str, Post]:
    reading = reading_of(folder, url_pattern)
    assert reading.collected.problems == ()
    return {post.id: post for post in reading.collected.posts}


JEKYLL = {
    "_posts/2023-11-14-opening-hours.md": """---
layout: post
title:  "New opening hours: from Monday"
date:   2023-11-14 09:30:00 +0100
categories: news local
tags: [hours, "winter plan"]
author: jane
excerpt: We open *earlier*.
header:
  teaser: /assets/hall.jpg
---
{: .lead }
We open at eight, see [the plan]({% post_url 2023-11-02-plan %})
or [the map]({{ site.baseurl }}/map).

{% include gallery.html id="hall" %}

{% highlight python %}
print("{{ not a tag }}")
{% endhighlight %}
""",
    "_posts/2023-11-02-plan.markdown": """---
layout: post
title: The plan
---
First words.

<!--more-->

The rest.
""",
    "_posts/2012-09-06-old-import.html": "---\nlayout: post\ntitle: Old\n---\n<div><b>Bold</b> text.</div>",
    "_drafts/someday.md": "---\ntitle: Someday\n---\nNot yet.\n",
    "_layouts/post.html": "<html>{{ content }}</html>",
    "about.md": "---\nlayout: page\ntitle: About\n---\nWho we are.\n",
    "index.html": "---\nlayout: home\n---\n",
    "assets/hall.jpg": "not really a picture",
    "README.md": "# How this site is built\n",
    ".jekyll-cache/x.md": "cache",
}


def test_a_jekyll_site_gives_its_posts_and_not_its_pages(tmp_path: Path) -> None:
    written(tmp_path, JEKYLL)

    posts = posts_of(tmp_path)

    assert sorted(posts) == [
        "_drafts/someday",
        "_posts/2012-09-06-old-import",
        "_posts/2023-11-02-plan",
        "_posts/2023-11-14-opening-hours",
    ]
    hours = posts["_posts/2023-11-14-opening-hours"]
    assert hours.title == "New opening hours: from Monday"
    assert hours.published_at == utc(2023, 11, 14, 8, 30)
    assert hours.tags == ("hours", "winter plan", "news", "local")
    assert hours.authors == ("jane",)
    assert hours.image == "/assets/hall.jpg"
    assert hours.slug == "opening-hours"
    assert posts["_drafts/someday"].is_draft


def test_jekylls_date_in_the_name_is_the_start_of_that_day_and_said(tmp_path: Path) -> None:
    written(tmp_path, JEKYLL)

    plan = posts_of(tmp_path)["_posts/2023-11-02-plan"]

    assert plan.published_at == utc(2023, 11, 2)
    assert plan.notes == ("dated by its name",)


def test_nothing_of_liquid_is_shown_but_code_stays_as_written(tmp_path: Path) -> None:
    written(tmp_path, JEKYLL)
    hours = posts_of(tmp_path)["_posts/2023-11-14-opening-hours"]

    content = render_content(hours, folder=tmp_path, url_pattern=PATTERN)

    assert "{%" not in content.body_html
    assert "{:" not in content.body_html
    assert 'print("{{ not a tag }}")' in content.body_html
    assert '<a href="https://www.example.org/_posts/2023-11-02-plan">the plan</a>' in content.body_html
    assert '<a href="https://www.example.org/map">the map</a>' in content.body_html
    assert content.summary_html == "<p>We open <em>earlier</em>.</p>"
    assert content.image_url == "https://www.example.org/assets/hall.jpg"


def test_jekylls_more_mark_ends_the_summary(tmp_path: Path) -> None:
    written(tmp_path, JEKYLL)
    plan = posts_of(tmp_path)["_posts/2023-11-02-plan"]

    content = render_content(plan, folder=tmp_path)

    assert content.summary_text == "First words."
    assert content.body_html == "<p>First words.</p>\n\n<p>The rest.</p>"


HUGO = {
    "_index.md": "---\ntitle: Welcome\n---\n",
    "posts/_index.md": "+++\ntitle = 'Posts'\n+++\n",
    "posts/first-aid/index.md": """+++
title = "First aid"
date = 2023-11-14T09:30:00Z
lastmod = 2026-01-01
publishDate = 2023-11-15
expiryDate = 2023-12-24
draft = false
tags = ["health", "courses"]
authors = ["A. Person", "B. Person"]
[[resources]]
  name = "featured-image"
  src = "kit.png"
[params]
  subtitle = "Not needed"
+++
{{% notice tip %}}
Bring **water**.
{{% /notice %}}

![The kit](kit.png) {{< youtube abc-123 >}}

{{< figure src="kit.png" caption="What is in it" >}}
""",
    "posts/first-aid/kit.png": "not really a picture",
    "posts/json.md": '{"title": "From JSON", "date": "2023-11-02", "keywords": "one, two"}\n\nText.\n',
    "posts/later.md": "---\ntitle: Later\ndate: 2023-11-01\ndraft: true\n---\nNot yet.\n",
}


def test_a_hugo_site_gives_its_pages_and_bundles_and_not_its_sections(tmp_path: Path) -> None:
    written(tmp_path, HUGO)

    posts = posts_of(tmp_path)

    assert sorted(posts) == ["posts/first-aid", "posts/json", "posts/later"]
    aid = posts["posts/first-aid"]
    assert aid.published_at == utc(2023, 11, 15)
    assert aid.expires_at == utc(2023, 12, 24)
    assert aid.tags == ("health", "courses")
    assert aid.authors == ("A. Person", "B. Person")
    assert aid.image == "kit.png"
    assert posts["posts/json"].tags == ("one", "two")
    assert posts["posts/later"].is_draft


def test_hugos_shortcodes_leave_what_they_wrap_and_links_to_what_they_play(tmp_path: Path) -> None:
    written(tmp_path, HUGO)
    aid = posts_of(tmp_path)["posts/first-aid"]

    content = render_content(aid, folder=tmp_path, url_pattern=PATTERN)

    assert "{{" not in content.body_html
    assert "<p>Bring <strong>water</strong>.</p>" in content.body_html
    assert '<a href="https://www.youtube.com/watch?v=abc-123">Watch the video</a>' in content.body_html
    assert "<figcaption>What is in it</figcaption>" in content.body_html
    assert content.image_url == "https://www.example.org/posts/first-aid/kit.png"


ZOLA = {
    "blog/_index.md": "+++\nsort_by = 'date'\n+++\n",
    "blog/2023-11-14-new-guide.md": """+++
title = "A new guide"
slug = "guide"
[taxonomies]
tags = ["guides"]
categories = ["News"]
[extra]
author = "C. Person"
cover = { image = "/img/guide.jpg", alt = "Its cover" }
+++
See [the older one](@/blog/old/index.md#start).

<!-- more -->

{% quote(author="Somebody") %}
Said so.
{% end %}
{{ youtube(id="xyz") }}
""",
    "blog/old/index.md": "+++\ntitle = 'Old'\ndate = 2020-02-29\ndescription = 'In short.'\n+++\nText.\n",
    "blog/old/picture.webp": "not really a picture",
}


def test_a_zola_site_gives_its_pages_with_what_stands_in_extra_and_taxonomies(tmp_path: Path) -> None:
    written(tmp_path, ZOLA)

    posts = posts_of(tmp_path)

    assert sorted(posts) == ["blog/2023-11-14-new-guide", "blog/old"]
    guide = posts["blog/2023-11-14-new-guide"]
    assert guide.tags == ("guides", "News")
    assert guide.authors == ("C. Person",)
    assert (guide.image, guide.image_alt) == ("/img/guide.jpg", "Its cover")
    assert guide.slug == "guide"
    assert guide.published_at == utc(2023, 11, 14)


def test_zolas_links_and_shortcodes_become_what_a_reader_can_use(tmp_path: Path) -> None:
    written(tmp_path, ZOLA)
    guide = posts_of(tmp_path)["blog/2023-11-14-new-guide"]

    content = render_content(guide, folder=tmp_path, url_pattern=PATTERN)

    assert '<a href="https://www.example.org/blog/old#start">the older one</a>' in content.summary_html
    assert "Said so." in content.body_html
    assert '<a href="https://www.youtube.com/watch?v=xyz">Watch the video</a>' in content.body_html
    assert "{" not in content.body_html


PELICAN = {
    "news/hall.md": """Title: The hall: open again
Date: 2023-11-14 10:20
Modified: 2026-01-01
Category: Local News
Tags: hall, open days
Slug: the-hall
Authors: Person, A.; Person, B.
Summary: Short and
    on two lines
Status: published

Read [more]({filename}old.md) in ![a picture]({static}/images/hall.jpg).
""",
    "news/old.md": "Title: Old\nDate: 2023-01-02\nStatus: draft\n\nText.\n",
    "news/page.html": """<html><head><title>In HTML</title>
<meta name="date" content="2023-11-02 10:00" /><meta name="tags" content="one,two" />
<meta name="authors" content="A. Person" /><meta name="summary" content="In short" />
</head><body>The <b>text</b>.</body></html>""",
    "pages/about.md": "Title: About\n\nWho we are.\n",
    "extra/robots.txt": "User-agent: *\n",
    "images/hall.jpg": "not really a picture",
}


def test_a_pelican_site_gives_its_articles_in_markdown_and_html(tmp_path: Path) -> None:
    written(tmp_path, PELICAN)

    posts = posts_of(tmp_path)

    assert sorted(posts) == ["news/hall", "news/old", "news/page"]
    hall = posts["news/hall"]
    assert hall.title == "The hall: open again"
    assert hall.published_at == utc(2023, 11, 14, 10, 20)
    assert hall.tags == ("hall", "open days", "Local News")
    assert hall.authors == ("Person, A.", "Person, B.")
    assert hall.summary == "Short and\non two lines"
    assert posts["news/old"].is_draft
    assert posts["news/page"].title == "In HTML"
    assert posts["news/page"].tags == ("one", "two")
    assert posts["news/page"].published_at == utc(2023, 11, 2, 10)


def test_pelicans_links_lead_to_the_other_post_and_to_the_static_file(tmp_path: Path) -> None:
    written(tmp_path, PELICAN)
    hall = posts_of(tmp_path)["news/hall"]

    content = render_content(hall, folder=tmp_path, url_pattern=PATTERN)

    assert '<a href="https://www.example.org/news/old">more</a>' in content.body_html
    assert 'src="https://www.example.org/images/hall.jpg"' in content.body_html


def test_what_is_written_in_another_markup_is_named_with_the_way_out(tmp_path: Path) -> None:
    written(tmp_path, {"a.rst": "Title\n=====\n", "b.adoc": "= Title\n", "c.org": "* Title\n", "d.docx": "PK"})

    problems = reading_of(tmp_path).collected.problems

    assert [problem.path for problem in problems] == ["a.rst", "b.adoc", "c.org", "d.docx"]
    assert "reStructuredText" in problems[0].reason
    assert "newsletter import posts" in problems[3].reason
