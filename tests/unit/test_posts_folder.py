from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from newsletter.errors import BadInput
from newsletter.models import KnownPost, PostFile, PostProblem
from newsletter.posts.folder import FolderReading, read_folder
from tests.factories import utc

LONDON = ZoneInfo("Europe/London")
POST = "---\ntitle: A guide\ndate: 2023-11-14\n---\nText.\n"


def read(folder: Path, cache: FolderReading | None = None, **options: object) -> FolderReading:
    """The folder as it is now, with what an earlier reading left in the cache."""
    cached: dict[str, PostFile] = {row.path: row for row in cache.changed} if cache else {}
    arguments = {"zone": LONDON, "cached": cached, "known": (), "use_git": False} | options
    return read_folder(folder, **arguments)  # type: ignore[arg-type]


def problem_of(folder: Path) -> PostProblem:
    problems = read(folder).collected.problems
    assert len(problems) == 1
    return problems[0]


def paths(reading: FolderReading) -> list[str]:
    return [post.path for post in reading.collected.posts]


# --- the cache ------------------------------------------------------------------------------------------------


def test_a_file_that_did_not_change_is_not_opened_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.md").write_text(POST)
    first = read(tmp_path)
    monkeypatch.setattr("newsletter.posts.files.os.open", lambda *_: pytest.fail("opened"))

    second = read(tmp_path, first)

    assert second.collected.posts == first.collected.posts
    assert (second.changed, second.gone, second.collected.read_count) == ((), (), 0)


def test_a_file_that_was_touched_but_says_the_same_is_not_parsed_again(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(POST)
    first = read(tmp_path)
    os.utime(tmp_path / "a.md", ns=(0, 1_700_000_000_000_000_000))

    second = read(tmp_path, first)

    assert second.collected.read_count == 0
    assert second.changed[0].modified_ns == 1_700_000_000_000_000_000
    assert second.collected.posts[0].modified_at == utc(2023, 11, 14, 22, 13).replace(second=20)


def test_only_what_changed_is_parsed_and_what_is_gone_is_told(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.md").write_text(POST)
    first = read(tmp_path)
    (tmp_path / "b.md").write_text(POST + "More.\n")
    (tmp_path / "c.md").unlink()

    second = read(tmp_path, first)

    assert second.collected.read_count == 1
    assert [row.path for row in second.changed] == ["b.md"]
    assert second.gone == ("c.md",)


def test_a_problem_is_told_again_from_the_cache(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("---\ntitle: [\n---\n")
    first = read(tmp_path)

    second = read(tmp_path, first)

    assert second.collected.read_count == 0
    assert second.collected.problems == first.collected.problems != ()


def test_another_zone_or_address_pattern_parses_everything_again(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(POST)
    first = read(tmp_path)

    elsewhere = read(tmp_path, first, zone=ZoneInfo("Asia/Tokyo"))
    addressed = read(tmp_path, first, url_pattern="https://www.example.org/{path}")

    assert elsewhere.collected.posts[0].published_at == utc(2023, 11, 13, 15)
    assert addressed.collected.posts[0].url == "https://www.example.org/a"


def test_the_cache_keeps_the_post_as_it_was_before_it_got_its_identity(tmp_path: Path) -> None:
    (tmp_path / "old.md").write_text(POST)
    first = read(tmp_path)
    record = KnownPost("old", "old.md", first.collected.posts[0].text_sha256)
    (tmp_path / "old.md").rename(tmp_path / "new.md")

    moved = read(tmp_path, first, known=[record])

    assert moved.collected.posts[0].id == "old"
    assert '"id":"new"' in moved.changed[0].post_json


# --- which files ----------------------------------------------------------------------------------------------


def test_posts_are_found_at_any_depth_and_assets_are_passed_over(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*"abcdefghij")
    deep.mkdir(parents=True)
    (deep / "post.md").write_text(POST)
    (deep / "photo.jpg").write_bytes(b"\xff\xd8\0")
    (tmp_path / ".DS_Store").write_bytes(b"\0\0")
    (tmp_path / ".hidden.md").write_text(POST)
    (tmp_path / "#set-aside.md").write_text(POST)
    (tmp_path / "data.json").write_text("{}")

    reading = read(tmp_path)

    assert paths(reading) == ["a/b/c/d/e/f/g/h/i/j/post.md"]
    assert reading.collected.problems == ()


def test_two_files_of_one_name_are_two_posts(tmp_path: Path) -> None:
    (tmp_path / "guide.html").write_text("<title>In HTML</title><p>Text.</p>")
    (tmp_path / "guide.md").write_text(POST)

    reading = read(tmp_path)

    assert [(post.id, post.path) for post in reading.collected.posts] == [
        ("guide", "guide.html"),
        ("guide.md", "guide.md"),
    ]


def test_a_missing_folder_is_said_with_the_setting_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as error:
        read(tmp_path / "nowhere")

    assert "nowhere does not exist" in error.value.problem
    assert "newsletter.toml" in str(error.value.fix)


def test_a_link_out_of_the_folder_is_named_with_both_ends_and_not_read(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret.md").write_text(POST)
    (tmp_path / "posts").mkdir()
    (tmp_path / "posts/link.md").symlink_to(tmp_path / "outside/secret.md")
    (tmp_path / "posts/all").symlink_to(tmp_path / "outside")

    reading = read(tmp_path / "posts")

    assert reading.collected.posts == ()
    assert [problem.path for problem in reading.collected.problems] == ["all", "link.md"]
    assert str(tmp_path / "outside/secret.md") in reading.collected.problems[1].reason


def test_a_link_within_the_folder_makes_no_second_post(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(POST)
    (tmp_path / "latest.md").symlink_to("a.md")
    (tmp_path / "round").symlink_to(tmp_path)

    reading = read(tmp_path)

    assert paths(reading) == ["a.md"]
    assert reading.collected.problems == ()


def test_a_link_to_nothing_and_a_link_to_itself_are_problems(tmp_path: Path) -> None:
    (tmp_path / "lost.md").symlink_to("nowhere.md")
    (tmp_path / "round.md").symlink_to("round.md")

    problems = read(tmp_path).collected.problems

    assert [problem.path for problem in problems] == ["lost.md", "round.md"]
    assert "nowhere.md, which does not exist" in problems[0].reason


def test_a_pipe_and_a_socket_are_problems_and_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s.md"))

        problems = read(tmp_path).collected.problems

    assert [problem.path for problem in problems] == ["pipe.md", "s.md"]
    assert "no regular file" in problems[0].reason


def test_a_file_over_5_mb_is_named_with_its_size(tmp_path: Path) -> None:
    (tmp_path / "big.md").write_bytes(b"x" * 10_000_000)

    problem = problem_of(tmp_path)

    assert problem.reason == "has 10.0 MB; a post may have 5 MB"


def test_a_file_that_may_not_be_read_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.md").write_text(POST)

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("newsletter.posts.files.os.open", refuse)

    assert "rights" in problem_of(tmp_path).reason


def test_a_file_that_vanishes_while_the_folder_is_read_is_simply_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.md").write_text(POST)

    def gone(*_: object) -> int:
        raise FileNotFoundError(2, "No such file")

    monkeypatch.setattr("newsletter.posts.files.os.open", gone)

    reading = read(tmp_path)

    assert (reading.collected.posts, reading.collected.problems) == ((), ())


def test_a_name_with_a_line_break_or_in_no_known_encoding_is_a_printable_problem(tmp_path: Path) -> None:
    (tmp_path / "two\nlines.md").write_text(POST)
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.md")).write_text(POST)

    problems = read(tmp_path).collected.problems

    assert len(problems) == 2
    assert all(problem.path.isprintable() and "rename" in problem.reason for problem in problems)


# --- what the bytes are ---------------------------------------------------------------------------------------


def test_a_file_with_a_nul_byte_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(b"# Title\n\ntext\0more")

    problem = problem_of(tmp_path)

    assert problem == PostProblem("a.md", 3, "is no text: it holds a NUL byte")


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-8-sig"])
def test_a_post_in_another_encoding_is_read_and_it_is_said(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.md").write_bytes("---\ntitle: Café déjà vu à Genève\ndate: 2023-11-14\n---\nÜber".encode(encoding))

    post = read(tmp_path).collected.posts[0]

    assert post.title == "Café déjà vu à Genève"
    assert bool(post.notes) == (encoding != "utf-8-sig")


def test_a_post_in_a_cyrillic_encoding_is_read_with_its_letters(tmp_path: Path) -> None:
    text = "Съешь ещё этих мягких французских булок, да выпей чаю. Это обычный русский текст для проверки."
    (tmp_path / "a.txt").write_bytes(f"Новости недели\n\n{text}\n".encode("cp1251"))

    post = read(tmp_path).collected.posts[0]

    assert post.title == "Новости недели"


def test_an_empty_file_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("\n \n")

    assert problem_of(tmp_path).reason == "is empty"


def test_every_bad_file_is_told_at_once_and_the_good_ones_are_read(tmp_path: Path) -> None:
    (tmp_path / "good.md").write_text(POST)
    (tmp_path / "date.md").write_text("---\ntitle: A\ndate: someday\n---\n")
    (tmp_path / "open.md").write_text("---\ntitle: A\n")
    (tmp_path / "list.md").write_text("+++\ntitle = [1]\n+++\n")

    reading = read(tmp_path)

    assert paths(reading) == ["good.md"]
    assert [problem.where for problem in reading.collected.problems] == ["date.md:3", "list.md:2", "open.md:1"]


def test_a_page_of_many_posts_is_not_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "page.txt").write_text("November 14, 2023\n\nOne\n\nText.\n\nNovember 7, 2023\n\nTwo\n\nText.\n")

    assert "a page of 2 posts" in problem_of(tmp_path).reason


# --- title and date of posts that say neither -----------------------------------------------------------------


def test_a_title_comes_from_the_first_heading_then_from_the_name_and_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(
        "---\ntitle: ''\ndate: 2023-11-14\n---\n\n```\n# code\n```\n\n## The *real* [title](x) ##\n"
    )
    (tmp_path / "2023-11-14-only_a-name.md").write_text("Text.\n")

    posts = read(tmp_path).collected.posts

    assert [post.title for post in posts] == ["Only a name", "The real title"]
    assert "titled by its name" in posts[0].notes
    assert posts[1].notes == ("titled by its first heading",)


def test_a_title_is_one_line_without_control_characters(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text('---\ntitle: "a\\r\\nBcc: x\\u0007\\u2028 \\u202Eb  c"\ndate: 2023-11-14\n---\n')

    assert read(tmp_path).collected.posts[0].title == "a Bcc: x b c"


@pytest.mark.parametrize("title", ["مرحبا بالعالم", "🎉 A party 👩‍👩‍👧", "日本語の題名"])
def test_a_title_in_any_script_arrives_as_written(tmp_path: Path, title: str) -> None:
    (tmp_path / "a.md").write_text(f"---\ntitle: {title}\ndate: 2023-11-14\n---\nText.\n", "utf-8")

    assert read(tmp_path).collected.posts[0].title == title


def test_an_undated_post_is_dated_by_its_file_and_keeps_that_date_when_it_is_touched(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# A\n")
    os.utime(tmp_path / "a.md", (1_700_000_000, 1_700_000_000))
    first = read(tmp_path)
    os.utime(tmp_path / "a.md", (1_800_000_000, 1_800_000_000))

    second = read(tmp_path, first)

    assert second.collected.posts[0].published_at == first.collected.posts[0].published_at
    assert "dated by the file's time" in first.collected.posts[0].notes[0]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository with nothing in it."""
    git(tmp_path, "init", "--quiet")
    return tmp_path


def git(folder: Path, *arguments: str, on: str = "2023-11-14T10:00:00+00:00") -> None:
    person = {f"GIT_{who}_{what}": "Ann" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    dated = {"GIT_AUTHOR_DATE": on, "GIT_COMMITTER_DATE": on}
    subprocess.run(
        ["git", "-C", str(folder), *arguments], check=True, env=os.environ | person | dated, capture_output=True
    )


def test_an_undated_post_is_dated_by_the_commit_that_added_it_through_renames(repository: Path) -> None:
    (repository / "posts").mkdir()
    (repository / "posts/old näme.md").write_text("# A\n\nText that git can follow from name to name.\n")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "one")
    git(repository, "mv", "posts/old näme.md", "posts/new.md")
    git(repository, "commit", "--quiet", "-m", "two", on="2024-05-05T10:00:00+00:00")

    post = read(repository / "posts", use_git=True).collected.posts[0]

    assert post.published_at == utc(2023, 11, 14, 10)
    assert post.notes[0] == "without a date: dated by the commit that added it"


def test_without_git_an_undated_post_is_dated_by_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.md").write_text("# A\n")
    monkeypatch.setenv("PATH", str(tmp_path))

    post = read(tmp_path, use_git=True).collected.posts[0]

    assert "dated by the file's time" in post.notes[0]


def test_a_clone_without_its_history_dates_nothing(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (repository / "a.md").write_text("# A\n")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "one")
    (repository / "b.md").write_text("# B\n")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "two")
    clone = tmp_path_factory.mktemp("shallow") / "clone"
    git(repository, "clone", "--quiet", "--depth", "1", f"file://{repository}", str(clone))

    posts = read(clone, use_git=True).collected.posts

    assert all("dated by the file's time" in post.notes[0] for post in posts)


# --- addresses ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "url"),
    [
        ("url: https://other.example.org/x", "https://other.example.org/x"),
        ("canonical_url: https://other.example.org/x", "https://other.example.org/x"),
        ("permalink: /about/hours.html", "https://www.example.org/about/hours.html"),
        ("permalink: /:year/:month/:title/", "https://www.example.org/2023/11/hours/"),
        ("permalink: pretty", "https://www.example.org/news/2023/hours"),
        ("url: javascript:alert(1)", "https://www.example.org/news/2023/hours"),
        ("slug: other", "https://www.example.org/news/2023/other"),
    ],
)
def test_a_posts_address_is_its_own_or_made_from_the_pattern(tmp_path: Path, field: str, url: str) -> None:
    (tmp_path / "2023-11-14-hours.md").write_text(f"---\ntitle: Hours\n{field}\n---\nText.\n")

    post = read(tmp_path, url_pattern="https://www.example.org/news/{yyyy}/{slug}").collected.posts[0]

    assert post.url == url


def test_a_relative_permalink_is_no_address_without_a_pattern(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("---\ntitle: A\ndate: 2023-11-14\npermalink: /a/\n---\n")

    assert read(tmp_path).collected.posts[0].url is None


def test_a_bundle_is_addressed_by_its_folder(tmp_path: Path) -> None:
    (tmp_path / "guides/first aid").mkdir(parents=True)
    (tmp_path / "guides/first aid/index.md").write_text(POST)

    post = read(tmp_path, url_pattern="https://www.example.org/{path}").collected.posts[0]

    assert (post.id, post.url) == ("guides/first aid", "https://www.example.org/guides/first%20aid")
