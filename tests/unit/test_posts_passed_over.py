"""Every text file of a folder is a post, or its reason is told: loudly for damaged files, softly for pages."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from newsletter.models import PassedOver
from newsletter.posts.folder import FolderReading, read_folder
from tests.sites import SiteFolder, site

__all__ = ["site"]


def read(folder: Path, cache: FolderReading | None = None) -> FolderReading:
    """The folder as it is now, with what an earlier reading left in the cache."""
    cached = {row.path: row for row in cache.changed} if cache else {}
    return read_folder(folder, zone=ZoneInfo("Europe/London"), cached=cached, known=(), use_git=False)


def put(folder: Path, path: str, text: str) -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text, "utf-8")


@pytest.mark.parametrize(
    ("path", "text", "reason"),
    [
        ("about.md", "# About us\n", "a page without a date"),
        ("README.rst", "About\n=====\n", "a page without a date"),
        ("about/index.md", "# About us\n", "a page without a date"),
        ("en/contact.md", "# Write to us\n", "a page without a date"),
        ("shop/404.md", "# Nothing here\n", "a page without a date"),
        ("notes/TODO.txt", "Ask the caretaker\n", "a page without a date"),
        ("join.md", "---\nlayout: page\n---\nJoin.\n", "a page without a date (its layout is page)"),
        ("pages/join.md", "Join.\n", "a page without a date, in pages/"),
        ("pages/join.md", "Title: Join\nDate: 2023-11-14\n\nJoin.\n", "a page, in pages/"),
        ("blog/_index.md", "", "a section of the site, which lists posts"),
        ("single.html", '{{ define "main" }}{{ .Content }}{{ end }}\n', "a template of the site generator"),
        ("list.html", '{% extends "base.html" %}\n', "a template of the site generator"),
        ("feed.njk", "<feed>\n", "a template of the site generator"),
        ("robots.txt", "User-agent: *\n", "a file for machines"),
    ],
)
def test_what_is_no_post_is_told_with_its_reason_and_is_no_problem(
    tmp_path: Path, path: str, text: str, reason: str
) -> None:
    put(tmp_path, path, text)

    found = read(tmp_path).collected

    assert (found.posts, found.problems) == ((), ())
    assert found.passed_over == (PassedOver(path, reason),)


def test_a_folder_of_the_generator_is_told_once(tmp_path: Path) -> None:
    put(tmp_path, "_layouts/post.html", "<html>{{ content }}</html>")
    put(tmp_path, "_layouts/page.html", "<html>{{ content }}</html>")

    found = read(tmp_path).collected

    assert found.passed_over == (PassedOver("_layouts/", "a folder of the site generator"),)


def test_a_link_to_a_file_of_the_folder_is_told(tmp_path: Path) -> None:
    put(tmp_path, "a.md", "---\ntitle: A\ndate: 2023-11-14\n---\nText.\n")
    (tmp_path / "b.md").symlink_to("a.md")

    found = read(tmp_path).collected

    assert [post.path for post in found.posts] == ["a.md"]
    assert [page.path for page in found.passed_over] == ["b.md"]


def test_a_page_is_told_again_from_the_cache(tmp_path: Path) -> None:
    put(tmp_path, "about.md", "# About us\n")
    first = read(tmp_path)

    second = read(tmp_path, first)

    assert second.collected.read_count == 0
    assert second.collected.passed_over == first.collected.passed_over != ()


def test_a_page_that_gets_a_date_is_a_post(tmp_path: Path) -> None:
    put(tmp_path, "about.md", "# About us\n")
    first = read(tmp_path)
    put(tmp_path, "about.md", "---\ndate: 2023-11-14\n---\n# About us\n")

    second = read(tmp_path, first)

    assert [post.title for post in second.collected.posts] == ["About us"]
    assert second.collected.passed_over == ()


def test_the_list_of_posts_names_what_is_none_and_an_issue_says_nothing_of_it(site: SiteFolder) -> None:
    site.write("posts/about.md", "# About us\n")
    site.post("a")

    listed = site.run("posts", "--json")
    built = site.run("build", "--on", "2023-11-16")

    assert [post["id"] for post in listed.json] == ["a"]
    assert listed.err == "not a post: about.md: a page without a date\n"
    assert "about.md" not in built.out + built.err
